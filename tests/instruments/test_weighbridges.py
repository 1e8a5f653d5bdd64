"""Indicators that send without being asked: frames found in the stream, checks that are counted."""

from decimal import Decimal
from functools import reduce
from operator import xor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.codec import Verb
from instruments.mitutoyo import Digimatic
from instruments.readings import UNKNOWN, Kind
from instruments.toledo import ToledoContinuous
from instruments.yaohua import YaohuaA12, YaohuaAddressed, YaohuaEquals, YaohuaStx
from tests.instruments.making import NOON, frame


def stx_frame(sign: str, digits: int, places: int, *, letters: bool = True) -> bytes:
    body = f"{sign}{digits:06}{places}".encode()
    halves = divmod(reduce(xor, body), 16)
    check = bytes(half + (0x37 if letters and half > 9 else 0x30) for half in halves)
    return b"\x02" + body + check + b"\x03"


def toledo_frame(word_a: int, word_b: int, word_c: int = 0x20, weight="001245", tare="000000") -> bytes:
    body = bytes([2, word_a, word_b, word_c]) + weight.encode() + tare.encode() + b"\r"
    return body + bytes([-sum(body) & 0x7F])


def values(codec, stream: bytes) -> list[str]:
    framer = codec.framer()
    events = [codec.read(f) for f in framer.feed(stream, NOON)]
    return [e.value for e in events if e.kind is Kind.READING]


@settings(max_examples=100, deadline=None)
@given(
    sign=st.sampled_from("+-"), digits=st.integers(0, 999999), places=st.integers(0, 4), letters=st.booleans()
)
def test_every_stx_frame_comes_back_and_never_claims_to_be_stable(sign, digits, places, letters):
    event = YaohuaStx(unit="kg").read(frame(stx_frame(sign, digits, places, letters=letters)))
    assert event.kind is Kind.READING
    assert event.number == (-1 if sign == "-" else 1) * Decimal(digits).scaleb(-places)
    assert -event.number.as_tuple().exponent == places
    assert (event.unit, event.stability, event.is_stable) == ("kg", UNKNOWN, False)


def test_a_damaged_check_is_said_and_the_next_frame_is_read():
    good = stx_frame("+", 1245, 1)
    damaged = good.replace(b"1245", b"1345")
    events = [YaohuaStx().read(f) for f in YaohuaStx().framer().feed(damaged + good, NOON)]
    assert [e.kind for e in events] == [Kind.BAD_CHECKSUM, Kind.READING]
    assert events[0].value is None


@pytest.mark.parametrize("noise", [b"45118\x03", b"\x02+0012", b"\x00\xff", b"\x02" * 3, b"\x02+00124511x9"])
def test_a_frame_is_found_again_behind_noise(noise):
    good = stx_frame("+", 1245, 1)
    assert values(YaohuaStx(), noise + good + good) == ["124.5", "124.5"]


def test_a_figure_that_began_before_the_port_was_opened_is_not_read():
    assert values(YaohuaEquals(), b"0.1000-=00.1000-=0") == ["-1.00"]
    ends = YaohuaEquals(mark_ends=True, columns=7)
    assert values(ends, b"3.210=543.210=") == ["12.345"]
    assert values(ends, b"0543.210=543.210=") == ["12.345"]


def test_a_figure_that_lost_a_digit_between_two_marks_is_not_read():
    assert values(YaohuaEquals(), b"=00.100-=00.1000-=00.1000-") == ["-1.00", "-1.00"]


def test_a_point_at_the_end_belongs_to_a_whole_number():
    assert values(YaohuaEquals(), b"=.0054100") == ["14500"]
    assert values(YaohuaEquals(reversed_digits=False), b"=0014500.") == ["14500"]


def test_the_a12_range_texts_count_the_blanks_that_a_device_server_dropped():
    for line, kind in ((b"OL23\r\n", Kind.OVERLOAD), (b"         LO23\r\n", Kind.UNDERLOAD)):
        assert YaohuaA12().read(frame(line)).kind is kind
    assert YaohuaA12().read(frame(b"OL24\r\n")).kind is Kind.BAD_CHECKSUM


@pytest.mark.parametrize(
    ("code", "value"), [(0, "124500"), (1, "12450"), (2, "1245"), (3, "124.5"), (4, "12.45"), (7, "0.01245")]
)
def test_the_point_of_a_toledo_figure_follows_word_a(code, value):
    event = ToledoContinuous().read(frame(toledo_frame(0x28 | code, 0x30)))
    assert event.value == value


@pytest.mark.parametrize(
    ("word_b", "word_c", "unit"),
    [(0x30, 0x20, "kg"), (0x20, 0x20, "lb"), (0x30, 0x21, "g"), (0x30, 0x22, "t"), (0x30, 0x27, None)],
)
def test_the_unit_of_a_toledo_figure_is_the_one_its_words_name(word_b, word_c, unit):
    assert ToledoContinuous().read(frame(toledo_frame(0x2C, word_b, word_c))).unit == unit


def test_blanked_zeros_are_zeros_and_a_blank_figure_is_none():
    assert ToledoContinuous().read(frame(toledo_frame(0x2C, 0x30, weight="  1245"))).value == "12.45"
    assert ToledoContinuous().read(frame(toledo_frame(0x2C, 0x30, weight="      "))).kind is Kind.UNPARSED


def test_expanded_toledo_data_is_not_guessed_at():
    event = ToledoContinuous().read(frame(toledo_frame(0x2C, 0x30, 0x30)))
    assert (event.kind, event.code, event.value) == (Kind.UNPARSED, "expanded", None)


def test_odd_parity_left_in_by_a_device_server_does_not_matter_and_one_wrong_bit_does():
    raw = toledo_frame(0x2C, 0x30)
    left_in = bytes(byte if byte.bit_count() % 2 else byte | 0x80 for byte in raw)
    (cut,) = ToledoContinuous().framer().feed(left_in, NOON)
    assert ToledoContinuous().read(cut).value == "12.45"
    for spoiled in (raw, left_in):
        for place in range(1, len(raw) - 2):
            wrong = bytearray(spoiled)
            wrong[place] ^= 0x80
            assert ToledoContinuous().read(frame(bytes(wrong))).kind is Kind.UNPARSED


def test_a_digimatic_frame_is_found_behind_half_of_another():
    good = bytes.fromhex("0f0f0f0f000000000102030300")
    for noise in (good[5:], good[:9], b"\x0f", b"\x0f" * 3 + b"\x01"):
        assert values(Digimatic(), noise + good + good)[-2:] == ["0.123", "0.123"]
    assert Digimatic().read(frame(good[:11] + b"\x0a\x00")).kind is Kind.UNPARSED


def test_an_addressed_indicator_is_asked_as_its_manual_prints_it():
    codec = YaohuaAddressed()
    look = codec.command(Verb.LOOK)
    assert look.wire == bytes.fromhex("024142303303")  # A23p manual, page 24
    (cut,) = codec.framer().feed(b"\x02AB+01245012\x03"[:6] + stx_answer(b"AB+0124501"), NOON)[1:]
    event = codec.read(cut)
    assert (event.value, event.unit, event.stability) == ("1245.0", None, UNKNOWN)
    assert look.is_answered_by(event)
    assert not look.is_answered_by(codec.read(frame(stx_answer(b"BB+0124501"))))  # another one on the line


def stx_answer(body: bytes) -> bytes:
    return b"\x02" + body + b"%02X" % reduce(xor, body) + b"\x03"
