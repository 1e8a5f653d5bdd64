"""Whatever comes down the line: no crash, no byte lost, and no value that the bytes do not state."""

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.canonical import canonical
from instruments.profiles import load_profile, profile_names
from instruments.readings import VALUED, WEIGHED
from tests.instruments.making import NOON

PROFILES = [load_profile(name) for name in profile_names()]
LINES = [part for profile in PROFILES for row in profile.dialogues for part in (row.request, row.response)]
SPOILED = st.builds(
    lambda line, place, byte, drop: (
        line[: place % (len(line) + 1)] + byte + line[place % (len(line) + 1) + drop :]
    ),
    st.sampled_from(LINES),
    st.integers(0, 200),
    st.binary(max_size=2),
    st.integers(0, 3),
)
STREAMS = st.lists(st.one_of(st.sampled_from(LINES), SPOILED, st.binary(max_size=30)), max_size=8).map(
    b"".join
)
PRINTED_AS_SENT = {"MT-SICS", "regex", "ASTM-E1381"}
COMPUTED = {"Modbus-RTU", "Modbus-TCP"}  # bits, not digits: see the tests of their own


def digits_of(text: bytes) -> str:
    """Figures of the frame in order; a byte below ten is a digit of the Digimatic cable."""
    return "".join(chr(b) if 48 <= b <= 57 else str(b) for b in text if 48 <= b <= 57 or b < 10)


def is_stated(value: str, raw: bytes, protocol: str) -> bool:
    if protocol in PRINTED_AS_SENT:
        return re.search(rb"(?<![\d.])" + re.escape(value.encode()) + rb"(?![\d.])", raw) is not None
    bare = "".join(char for char in value.upper().split("E")[0] if char.isdigit()).strip("0")
    return bare in digits_of(raw) or bare in digits_of(raw[::-1])


@settings(max_examples=400, deadline=None)
@given(stream=STREAMS, cuts=st.lists(st.integers(0, 400), max_size=6), profile=st.sampled_from(PROFILES))
def test_no_stream_of_bytes_crashes_or_yields_a_value_it_does_not_state(stream, cuts, profile):
    framer = profile.codec.framer()
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    frames = [f for a, b in pairwise(places) for f in framer.feed(stream[a:b], NOON)]
    frames += framer.flush(NOON)
    assert sorted(b"".join(f.raw for f in frames)) == sorted(stream)
    for cut in frames:
        for event in profile.codec.read(cut).each():
            canonical(event.as_json())
            if event.kind in VALUED and event.value is not None:
                assert event.number.is_finite()
                assert profile.protocol in COMPUTED or is_stated(event.value, cut.raw, profile.protocol)
            if event.kind in WEIGHED:
                assert event.value is not None


@settings(max_examples=200, deadline=None)
@given(stream=STREAMS, cuts=st.lists(st.integers(0, 400), max_size=6), profile=st.sampled_from(PROFILES))
def test_how_the_bytes_arrive_never_changes_what_is_read(stream, cuts, profile):
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces, whole = profile.codec.framer(), profile.codec.framer()
    split = [f for a, b in pairwise(places) for f in pieces.feed(stream[a:b], NOON)] + pieces.flush(NOON)
    assert split == whole.feed(stream, NOON) + whole.flush(NOON)


@settings(max_examples=100, deadline=None)
@given(
    value=st.decimals(min_value=-99999, max_value=99999, places=3),
    unit=st.sampled_from(["g", "kg", "mg", "ct"]),
    stable=st.booleans(),
)
def test_every_weight_a_balance_can_send_comes_back_digit_for_digit(value, unit, stable):
    line = f"S {'S' if stable else 'D'} {value:>10} {unit}\r\n".encode()
    codec = load_profile("mtsics").codec
    (cut,) = codec.framer().feed(line, NOON)
    event = codec.read(cut)
    assert (event.value, event.unit, event.is_stable) == (str(value), unit, stable)
