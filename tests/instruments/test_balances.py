"""Balances and scales beside their recorded dialogues: what they can send, and what must never become a weight."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.and_standard import AndStandard
from instruments.codec import Verb
from instruments.dialogue import Dialogue, Order, Part
from instruments.kern import KernHeader, KernOld
from instruments.ohaus import Ohaus
from instruments.radwag import Radwag
from instruments.readings import DYNAMIC, STABLE, Kind
from instruments.sbi import Sbi
from tests.instruments.making import NOON, frame

FIGURES = st.decimals(min_value=-9999, max_value=9999, places=2)


@pytest.mark.parametrize(
    ("codec", "line"),
    [
        (Sbi(), b"+   123.5  g  \r\n"),  # the last digit is lost: 123.5 stands one column to the left
        (Sbi(), b"+   123.56    g\r\n"),
        (Sbi(), b"+   123,56 g  \r\n"),
        (Sbi(), b"+   1.3.56 g  \r\n"),
        (Sbi(), b"+  123.5[6 g  \r\n"),
        (Sbi(), b"    Highway   \r\n"),
        (AndStandard(), b"ST,+001.234 kg\r\n"),
        (AndStandard(), b"ST,00001.234 kg\r\n"),
        (AndStandard(), b"XX,+0001.234 kg\r\n"),
        (AndStandard(), b"ST,NO,+0001.234 kg\r\n"),
        (KernHeader(), b"ST,GS,+123456  oz\r\n"),
        (KernHeader(), b"ST,GS,+           \r\n"),  # blank digits without OL are nothing
        (KernHeader(), b"ST,XX,+1234567  oz\r\n"),
        (KernOld(), b"       12.0 g  \r\n"),
        (KernOld(), b"  Error\r\n"),
        (Ohaus(), b"   192.21 g\r\n"),
        (Ohaus(), b"    192.21\r\n"),  # Ohaus always sends its unit
        (Ohaus(), b"    ------ g\r\n"),
        (Radwag(), b"SI  ?      18.5 g  \r\n"),
        (Radwag(), b"SI  !       18.5 g  \r\n"),
        (Radwag(), b"S B\r\n"),
    ],
)
def test_a_line_that_is_almost_a_weight_is_none(codec, line):
    event = codec.read(frame(line))
    assert (event.kind, event.value) == (Kind.UNPARSED, None)


@pytest.mark.parametrize(
    ("codec", "line", "kind"),
    [
        (AndStandard(), b"OL,+99999999  g\r\n", Kind.OVERLOAD),
        (AndStandard(), b"OL,LO,-9999999E+19\r\n", Kind.UNDERLOAD),
        (KernHeader(), b"OL,NT,-9999999  kg\r\n", Kind.UNDERLOAD),
        (KernHeader(columns=8), b"OL,GS,+            \r\n", Kind.OVERLOAD),
        (Radwag(), b"SI  ^  9999999.9 g  \r\n", Kind.OVERLOAD),
        (Sbi(), b"Stat       HH       \r\n", Kind.OVERLOAD),
    ],
)
def test_digits_out_of_range_are_filler_and_never_a_value(codec, line, kind):
    event = codec.read(frame(line))
    assert (event.kind, event.value, event.unit) == (kind, None, None)


def sbi(value: str, unit: str) -> bytes:
    sign = "-" if value.startswith("-") else "+"
    return f"{sign} {value.lstrip('-'):>8} {unit:<3}\r\n".encode()


@settings(max_examples=100, deadline=None)
@given(value=FIGURES, unit=st.sampled_from(["g", "kg", "mg", "ct", "/lb", "%", "pcs", ""]))
def test_every_figure_of_an_sbi_balance_comes_back_and_a_blank_unit_means_unstable(value, unit):
    for front in (b"", b"N     "):
        event = Sbi().read(frame(front + sbi(str(value), unit)))
        assert (event.value, event.unit) == (str(value), unit or None)
        assert event.stability == (STABLE if unit else DYNAMIC)


@settings(max_examples=100, deadline=None)
@given(value=FIGURES, unit=st.sampled_from(["g", "kg", "PCS", "oz"]), stable=st.booleans())
def test_every_figure_comes_back_digit_for_digit_from_each_layout(value, unit, stable):
    text, sign = str(value), "-" if value.is_signed() else "+"
    bare = text.lstrip("-")
    lines = [
        (AndStandard(), f"{'ST' if stable else 'US'},{sign}{bare:0>8}{unit:>3}"),
        (KernHeader(), f"{'ST' if stable else 'US'},GS,{sign}{bare:0>7}{unit:>4}"),
        (KernOld(), f" {text:>11} {unit:<3}" if stable else f" {text:>11} "),
        (Ohaus(), f"{text:>10} {unit}{'' if stable else ' ?'}"),
        (Radwag(), f"SI  {' ' if stable else '?'} {' ' if sign == '+' else '-'}{bare:>9} {unit:<3}"),
    ]
    for codec, line in lines:
        event = codec.read(frame(line.encode() + b"\r\n"))
        assert (event.value, event.is_stable) == (text, stable), line
        assert event.unit == (None if isinstance(codec, KernOld) and not stable else unit)


def test_acknowledged_and_bare_acknowledged_commands_of_an_and_balance():
    whole = AndStandard().framer().feed(b"\x06\r\n\x06ST,+0001.234 kg\r\n", NOON)
    assert [f.raw for f in whole] == [b"\x06\r\n", b"\x06", b"ST,+0001.234 kg\r\n"]
    assert [f.raw for f in AndStandard(bare_acknowledge=True).framer().feed(b"\x06", NOON)] == [b"\x06"]
    tare = AndStandard(acknowledges=True).command(Verb.TARE)
    assert tare.is_answered_by(AndStandard().read(frame(b"\x06\r\n")))
    assert tare.is_answered_by(AndStandard().read(frame(b"EC,E11\r\n")))
    assert not tare.is_answered_by(AndStandard().read(frame(b"ST,+0001.234 kg\r\n")))
    assert AndStandard().command(Verb.TARE) is None  # it would be obeyed without a word


def test_who_an_sbi_balance_is_reads_as_such_only_as_the_answer_to_that_question():
    line = frame(b"      18207533\r\n")
    assert Sbi().read(line, b"\x1bx2_\r\n").kind is Kind.IDENTITY
    assert Sbi().read(line, b"\x1bP\r\n").kind is Kind.UNPARSED
    assert Sbi().read(line).kind is Kind.UNPARSED


def opened(codec) -> Dialogue:
    talk = Dialogue(codec)
    talk.opened(0.0)
    talk.step(0.2)
    return talk


def test_radwag_answers_in_two_steps_and_the_first_does_not_end_the_wait():
    codec = Radwag(identifies=False)
    talk = opened(codec)
    talk.want(Order(Verb.TAKE, "r1"))
    assert talk.step(1.0).command.wire == b"S\r\n"
    accepted = talk.hear(codec.read(frame(b"S A\r\n")), 1.1)
    assert (accepted.part, accepted.order.id) == (Part.ACCEPTED, "r1")
    assert talk.pending.id == "r1"
    assert talk.hear(codec.read(frame(b"S           18.5 g  \r\n")), 2.0).part is Part.ANSWER
    assert talk.pending is None


@pytest.mark.parametrize("line", [b"S E\r\n", b"S I\r\n", b"ES\r\n", b"S   ^     9999.9 g  \r\n"])
def test_a_radwag_refusal_ends_the_wait(line):
    codec = Radwag(identifies=False)
    talk = opened(codec)
    talk.want(Order(Verb.TAKE, "r1"))
    talk.step(1.0)
    assert talk.hear(codec.read(frame(line)), 2.0).part is Part.ANSWER


def test_taring_a_radwag_ends_with_done_and_not_with_accepted():
    codec = Radwag()
    tare = codec.command(Verb.TARE)
    assert not tare.is_answered_by(codec.read(frame(b"T A\r\n")))
    assert tare.is_answered_by(codec.read(frame(b"T D\r\n")))
