"""Registers to figures, frames by length and check, and several slaves on one line."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.codec import Verb
from instruments.dialogue import Dialogue, GivenUp, Order, Part, Send
from instruments.errors import ProfileWrong
from instruments.frames import LONGEST_FRAME
from instruments.modbus import Question, Register, questions
from instruments.modbus_framing import ModbusRtu, ModbusTcp, crc16
from instruments.profiles import load_profile
from instruments.readings import Kind
from tests.instruments.making import NOON, frame

LAYOUTS = {
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "float32": ">f",
    "float64": ">d",
}
TEMPERATURE = Register("temperature", 0, type="float32", unit="°C")


def rtu(slave: int, function: int, body: bytes) -> bytes:
    whole = bytes([slave, function]) + body
    return whole + crc16(whole)


def asking(slave=1, function=3, address=0, count=2) -> bytes:
    return rtu(slave, function, struct.pack(">HH", address, count))


def answering(content: bytes, slave=1, function=3) -> bytes:
    return rtu(slave, function, bytes([len(content)]) + content)


def on_wire(content: bytes, order: str) -> bytes:
    """As the letters say: A is the highest byte; longer values continue the pattern."""
    if order in ("CDAB", "DCBA"):
        content = b"".join(content[i : i + 2] for i in range(len(content) - 2, -1, -2))
    if order in ("BADC", "DCBA") and len(content) > 2:
        content = b"".join(content[i : i + 2][::-1] for i in range(0, len(content), 2))
    return content


def test_the_check_is_that_of_the_specification():
    assert crc16(bytes.fromhex("010300000002")) == bytes.fromhex("c40b")  # recorded from minimalmodbus


@pytest.mark.parametrize(
    ("order", "wire"),
    [("ABCD", "41bc0000"), ("CDAB", "000041bc"), ("BADC", "bc410000"), ("DCBA", "0000bc41")],
)
def test_the_four_word_orders_of_a_float(order, wire):
    codec = ModbusRtu((Register("t", 0, type="float32", order=order),))
    event = codec.read(frame(answering(bytes.fromhex(wire))), asking())
    assert (event.value, event.more["order"]) == ("23.5", order)


@settings(max_examples=300, deadline=None)
@given(
    type_=st.sampled_from(sorted(LAYOUTS)),
    order=st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]),
    data=st.data(),
)
def test_a_figure_stands_for_exactly_the_bits_on_the_wire(type_, order, data):
    size = struct.calcsize(LAYOUTS[type_])
    bits = data.draw(st.binary(min_size=size, max_size=size))
    codec = ModbusRtu((Register("x", 0, type=type_, order=order),))
    event = codec.read(frame(answering(on_wire(bits, order))), asking(count=size // 2))
    number = struct.unpack(LAYOUTS[type_], bits)[0]
    if event.value is None:
        assert event.kind is not Kind.READING
        assert number - number != 0  # infinite, or not a number
    else:
        back = float(event.value) if type_.startswith("float") else int(event.value)
        assert struct.pack(LAYOUTS[type_], back) == bits


def test_a_scaled_integer_keeps_its_sign_and_its_places():
    codec = ModbusRtu((Register("t", 10, scale="0.1"),))
    event = codec.read(frame(answering(b"\xff\xce")), asking(address=10, count=1))
    assert (event.value, event.unit) == ("-5.0", None)


def test_one_answer_of_several_registers_states_each():
    registers = (TEMPERATURE, Register("humidity", 2, scale="0.1", unit="%"))
    event = ModbusRtu(registers).read(frame(answering(bytes.fromhex("41bc000001c2"))), asking(count=3))
    assert [(e.value, e.unit, e.more["name"]) for e in event.each()] == [
        ("23.5", "°C", "temperature"),
        ("45.0", "%", "humidity"),
    ]


def test_neighbouring_registers_are_asked_for_together_and_others_apart():
    registers = (
        TEMPERATURE,
        Register("humidity", 2, type="float32"),
        Register("far", 200),
        Register("other", 0, function=4),
        Register("store", 0, slave=2),
        Register("wide", 201, type="float32"),
    )
    assert questions(registers) == [
        Question(1, 3, 0, 4),
        Question(1, 3, 200, 3),
        Question(1, 4, 0, 1),
        Question(2, 3, 0, 1),
    ]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (None, answering(b"\0\0\0\0")),
        (asking(slave=2), answering(b"\0\0\0\0")),
        (asking(function=4), answering(b"\0\0\0\0")),
        (asking(count=1), answering(b"\0\0\0\0")),
        (asking(slave=2), rtu(1, 0x83, b"\x02")),
        (b"\x01\x03", answering(b"\0\0\0\0")),
    ],
)
def test_an_answer_to_another_question_is_no_reading(asked, answered):
    event = ModbusRtu((TEMPERATURE,)).read(frame(answered), asked)
    assert (event.kind, event.code, event.value) == (Kind.UNPARSED, "not_the_answer", None)


def cut(codec, stream: bytes) -> list[tuple[bytes, str]]:
    framer = codec.framer()
    return [(f.raw, f.verdict.value) for f in framer.feed(stream, NOON) + framer.flush(NOON)]


GOOD = answering(bytes.fromhex("41bc0000"))


def test_a_damaged_answer_is_said_to_be_damaged_and_the_next_is_read():
    damaged = GOOD[:4] + b"\xff" + GOOD[5:]
    codec = ModbusRtu((TEMPERATURE,))
    assert cut(codec, damaged + GOOD) == [(damaged, "noise"), (GOOD, "whole")]
    assert cut(codec, damaged) == [(damaged, "noise")]
    framer = codec.framer()
    (found,) = framer.feed(damaged, NOON) + framer.flush(NOON)
    assert codec.read(found, asking()).kind is Kind.BAD_CHECKSUM


@pytest.mark.parametrize("noise", [b"\x00", b"\xff\xff", GOOD[:6], GOOD[3:], b"\x01", b"\x01\x03\x04" + GOOD])
def test_a_whole_answer_is_found_behind_noise(noise):
    assert (GOOD, "whole") in cut(ModbusRtu((TEMPERATURE,)), noise + GOOD + GOOD)


def test_an_exception_is_whole_after_five_bytes():
    framer = ModbusRtu((TEMPERATURE,)).framer()
    assert [f.raw for f in framer.feed(rtu(1, 0x83, b"\x02"), NOON)] == [rtu(1, 0x83, b"\x02")]


def test_bytes_without_end_are_cut_and_do_not_pile_up():
    framer = ModbusRtu().framer()
    framer.feed(b"\xff" * (LONGEST_FRAME + 10), NOON)
    assert len(framer.waiting) < LONGEST_FRAME


def test_only_the_echo_of_what_was_sent_is_stripped():
    codec = ModbusRtu((TEMPERATURE,), echoes=True)
    both = frame(asking() + GOOD)
    assert codec.read(both, asking()).value == "23.5"
    assert codec.read(both, asking(address=2)).kind is Kind.UNPARSED
    assert cut(ModbusRtu((TEMPERATURE,)), asking() + GOOD)[-1] == (GOOD, "whole")


def test_a_tcp_answer_counts_only_with_the_number_of_its_question():
    codec = ModbusTcp((TEMPERATURE,))
    look = codec.command(Verb.LOOK)
    answered = look.wire[:2] + bytes.fromhex("0000000701030441bc0000")
    assert codec.read(frame(answered), look.wire).value == "23.5"
    assert codec.read(frame(b"\x00\x00" + answered[2:]), look.wire).kind is Kind.UNPARSED
    assert cut(codec, b"\x99" + answered + answered[:5]) == [
        (b"\x99", "noise"),
        (answered, "whole"),
        (answered[:5], "cut_off"),
    ]


@pytest.mark.parametrize(
    "facts",
    [{"type": "int8"}, {"order": "ABDC"}, {"function": 6}, {"slave": 300}, {"scale": "x"}, {"address": -1}],
)
def test_a_register_that_cannot_be_read_is_refused_with_its_name(facts):
    with pytest.raises(ProfileWrong, match="'t'"):
        Register(**{"name": "t", "address": 0, **facts})


def test_a_silent_slave_is_asked_more_rarely_and_the_other_as_often_as_before():
    codec = load_profile("modbus-two-rooms").codec
    talk = Dialogue(codec, poll_s=0.5)
    talk.opened(0.0)
    now, sent = 0.0, {1: 0, 2: 0}
    while now < 30:
        action = talk.step(now)
        if isinstance(action, Send):
            slave = action.command.wire[0]
            sent[slave] += 1
            if slave == 1:
                event = codec.read(frame(answering(b"\0\xd7", function=4)), talk.asked)
                assert talk.hear(event, now).part is Part.ANSWER
            assert talk.want(Order(Verb.TAKE, expires_at=now)) is None  # the line is not taken for dead
        now = round(now + 0.05, 2)
    assert sent[1] > 30
    assert 3 <= sent[2] <= 6


def test_a_line_whose_slaves_are_all_silent_is_silent():
    talk = Dialogue(load_profile("modbus-two-rooms").codec, poll_s=0.5)
    talk.opened(0.0)
    given_up = [talk.step(tenth / 10) for tenth in range(60)]
    assert sum(isinstance(action, GivenUp) for action in given_up) >= 2
    assert talk.silent
