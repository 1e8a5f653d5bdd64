"""A multimeter's answers: figures, sentinels, the error queue, and what is no measurement."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.codec import Verb
from instruments.dialogue import Dialogue, Order, Part
from instruments.readings import Kind
from instruments.scpi import Scpi
from tests.instruments.making import frame


def read(line: str, asked: str = "READ?", codec=None):
    return (codec or Scpi()).read(frame(line.encode() + b"\r\n"), f"{asked}\n".encode() if asked else None)


@pytest.mark.parametrize("line", ["+9.90000000E+37", "-9.90000000E+37", "9.9E37", "+1.00000000E+38"])
def test_a_sentinel_is_an_overload_and_never_a_value(line):
    event = read(line)
    assert (event.kind, event.value, event.number) == (Kind.OVERLOAD, None, None)


@pytest.mark.parametrize(
    "line", ["+1.0000E", "1,2,x", "+-1.0", "NaN", "1.0 V", "", '+0,"No error', "a,b,c", '"a","b","c","d"']
)
def test_what_is_not_wholly_an_answer_is_not_read(line):
    event = read(line)
    assert (event.kind, event.value) == (Kind.UNPARSED, None)


@settings(max_examples=200, deadline=None)
@given(digits=st.integers(-(10**9), 10**9), exponent=st.integers(-12, 12))
def test_every_digit_of_a_figure_is_kept(digits, exponent):
    line = f"{digits // 10**8:+d}.{abs(digits) % 10**8:08d}E{exponent:+03d}"
    assert Decimal(read(line).value).as_tuple() == Decimal(line).as_tuple()


@pytest.mark.parametrize(
    ("asked", "unit"),
    [
        ("MEAS:VOLT:DC?", "V"),
        ("MEASure:CURRent:AC? 1,0.001", "A"),
        (":MEAS:FRES?", "Ω"),
        ("MEAS:FREQ?", "Hz"),
        ("MEAS:VOLT:DC:RAT?", None),
        ("READ?", None),
        ("MEAS:XYZ?", None),
    ],
)
def test_the_unit_is_the_one_the_query_asked_for_and_otherwise_missing(asked, unit):
    assert read("+1.00000000E+00", asked).unit == unit


def test_a_profile_that_sets_the_function_up_states_its_unit():
    codec = Scpi(opening=("SYST:REM", "CONF:RES"), unit="Ω")
    assert read("+1.00000000E+00", "READ?", codec).unit == "Ω"
    assert read("+1.00000000E+00", "MEAS:VOLT:DC?", codec).unit == "V"
    assert codec.command(Verb.IDENTIFY).wire == b"SYST:REM\nCONF:RES\n*IDN?\n"


@pytest.mark.parametrize("asked", ["*OPC?", "*STB?", "SYST:VERS?", "VOLT:DC:NPLC?"])
def test_a_number_that_was_not_measured_is_no_reading(asked):
    assert read("+1.0", asked).kind is Kind.STATUS


def test_several_readings_of_one_trigger_are_several_events():
    event = read("+1.00000000E+00,+9.90000000E+37,+1.20000000E+00")
    assert [(e.kind, e.value) for e in event.each()] == [
        (Kind.READING, "1.00000000"),
        (Kind.OVERLOAD, None),
        (Kind.READING, "1.20000000"),
    ]


def test_the_error_queue_is_told_apart_from_its_end():
    assert read('-222,"Data out of range; ""x"""', "SYST:ERR?").more == {"text": 'Data out of range; "x"'}
    assert read('+0,"No error"', "SYST:ERR?").kind is Kind.OK


def test_after_a_time_out_the_meter_is_cleared_and_asked_who_it_is():
    codec = Scpi()
    talk = Dialogue(codec)
    talk.opened(0.0)
    assert talk.step(1.0).command.wire == b"SYST:REM\n*IDN?\n"
    talk.hear(read("HEWLETT-PACKARD,34401A,0,11-5-2", ""), 1.1)
    talk.want(Order(Verb.TAKE, "r1", deadline_s=2.0))
    assert talk.step(1.2).command.wire == b"READ?\n"
    talk.step(3.3)
    assert talk.step(4.0).command.wire == b"\x03SYST:REM\n*IDN?\n"  # it may have been switched off meanwhile
    assert talk.hear(read("+1.00000000E+00", ""), 4.1).part is not Part.ANSWER


def opened(**named) -> Dialogue:
    talk = Dialogue(Scpi(), **named)
    talk.opened(0.0)
    talk.step(1.0)
    talk.hear(read("HEWLETT-PACKARD,34401A,0,11-5-2", ""), 1.0)
    return talk


def asked_next(talk: Dialogue, now: float) -> bytes:
    action = talk.step(now)
    return action.command.wire if action is not None else b""


@pytest.mark.parametrize("answer", ["+9.90000000E+37", "1.0,-9.90000000E+37"])
def test_after_a_fault_the_error_queue_is_asked_to_its_end_and_before_anything_else(answer):
    talk = opened()
    talk.want(Order(Verb.TAKE, "r1"))
    talk.want(Order(Verb.TAKE, "r2"))
    talk.step(1.0)
    assert talk.hear(read(answer), 1.1).order.id == "r1"
    for line in ('-222,"Data out of range"', '-113,"Undefined header"'):
        assert asked_next(talk, 1.2) == b"SYST:ERR?\n"
        assert talk.hear(read(line, "SYST:ERR?"), 1.2).order == Order(Verb.EXPLAIN)
    assert asked_next(talk, 1.3) == b"SYST:ERR?\n"
    talk.hear(read('+0,"No error"', "SYST:ERR?"), 1.3)
    assert asked_next(talk, 1.4) == b"READ?\n"


def test_a_queue_without_an_end_is_asked_as_often_as_the_meter_can_remember_errors():
    talk = opened()
    talk.want(Order(Verb.TAKE, "r1"))
    talk.step(1.0)
    talk.hear(read("9.9E37"), 1.0)
    asked = 0
    while asked_next(talk, 1.0):
        asked += 1
        talk.hear(read('-350,"Queue overflow"', "SYST:ERR?"), 1.0)
    assert asked == 21


def test_the_live_view_of_an_overload_asks_for_errors_once_and_again_after_a_good_figure():
    talk, asked = opened(poll_s=0.1), []
    for place, figure in enumerate(["9.9E37", "9.9E37", "9.9E37", "1.0", "-9.9E37"]):
        now = 2.0 + place
        asked.append(asked_next(talk, now))
        talk.hear(read(figure), now)
        if (more := asked_next(talk, now)) == b"SYST:ERR?\n":
            talk.hear(read('+0,"No error"', "SYST:ERR?"), now)
            asked.append(more)
    assert asked.count(b"READ?\n") == 5
    assert [place for place, wire in enumerate(asked) if wire == b"SYST:ERR?\n"] == [1, 6]


def test_a_meter_that_did_not_answer_is_asked_why_once_it_is_there_again():
    talk = opened()
    talk.want(Order(Verb.TAKE, "r1", deadline_s=2.0))
    talk.step(1.0)
    assert talk.step(3.1).code == "no_answer"
    talk.step(4.0)
    talk.hear(read("HEWLETT-PACKARD,34401A,0,11-5-2", ""), 4.0)
    assert asked_next(talk, 4.0) == b"SYST:ERR?\n"
    assert talk.step(15.0).order.verb is Verb.EXPLAIN  # and where it does not say, that is not asked for ever
    assert asked_next(talk, 30.0).startswith(b"SYST:REM")
