"""Whatever comes down the line: no crash, no byte lost, and no value that the bytes do not state."""

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.profiles import load_profile, profile_names
from instruments.readings import WEIGHED
from tests.instruments.making import NOON

PROFILES = [load_profile(name) for name in profile_names()]
LINES = [row.response for profile in PROFILES for row in profile.dialogues]
SPOILED = st.builds(
    lambda line, place, byte, drop: line[: place % len(line)] + byte + line[place % len(line) + drop :],
    st.sampled_from(LINES),
    st.integers(0, 200),
    st.binary(max_size=2),
    st.integers(0, 3),
)
STREAMS = st.lists(st.one_of(st.sampled_from(LINES), SPOILED, st.binary(max_size=30)), max_size=8).map(
    b"".join
)


@settings(max_examples=200, deadline=None)
@given(stream=STREAMS, cuts=st.lists(st.integers(0, 400), max_size=6), profile=st.sampled_from(PROFILES))
def test_no_stream_of_bytes_crashes_or_yields_a_value_it_does_not_state(stream, cuts, profile):
    framer = profile.codec.framer()
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    frames = [f for a, b in pairwise(places) for f in framer.feed(stream[a:b], NOON)]
    frames += framer.flush(NOON)
    assert sorted(b"".join(f.raw for f in frames)) == sorted(stream)
    for cut in frames:
        event = profile.codec.read(cut)
        if event.value is not None:
            assert event.value.encode() in cut.raw
            assert event.unit is None or event.unit.encode() in cut.raw
        if event.kind in WEIGHED:
            assert event.number.is_finite()
            assert re.search(rb"(?<![\d.])" + re.escape(event.value.encode()) + rb"(?![\d.])", cut.raw)


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
