"""Every codec, guided by the code it runs, for ``LIMS_FUZZ_SECONDS`` (600) each: no crash, no byte lost, no value that
the bytes do not state. ``LIMS_FUZZ_SEED`` (1) steers it.
"""

import os
import random
from functools import cache
from itertools import pairwise

import pytest
from pymodbus.framer.rtu import FramerRTU

from instruments.astm_frames import ACK, CONTROLS, ETB, ETX
from instruments.canonical import canonical
from instruments.codec import Calling, Verb, looks_of
from instruments.frames import Verdict
from instruments.modbus import packed
from instruments.profiles import Profile, load_profile, profile_names
from instruments.readings import VALUED, WEIGHED, Kind
from tests.campaigns.fuzzing import Fuzzer
from tests.instruments.making import NOON
from tests.instruments.test_codec_properties import COMPUTED, is_stated

pytestmark = pytest.mark.campaign
SECONDS = float(os.environ.get("LIMS_FUZZ_SECONDS", "600"))
SEED = os.environ.get("LIMS_FUZZ_SEED", "1")
PROFILES = [load_profile(name) for name in profile_names()]
PROTOCOLS = sorted({profile.protocol for profile in PROFILES})


@cache
def questions_of(key: str) -> list[bytes | None]:
    profile = load_profile(key)
    commands = [profile.codec.command(verb) for verb in Verb]
    wires = [command.wire for command in [*commands, *looks_of(profile.codec)] if command is not None]
    return [None, *wires, *(row.request for row in profile.dialogues)]


def check_whatever_was_asked(profile: Profile, stream: bytes, dice: random.Random) -> None:
    asked = dice.choice(questions_of(profile.key))
    cuts = sorted(dice.randint(0, len(stream)) for _ in range(dice.randint(0, 4)))
    pieces, whole = profile.codec.framer(), profile.codec.framer()
    frames = [f for a, b in pairwise([0, *cuts, len(stream)]) for f in pieces.feed(stream[a:b], NOON)]
    frames += pieces.flush(NOON)
    assert frames == whole.feed(stream, NOON) + whole.flush(NOON)
    assert sorted(b"".join(frame.raw for frame in frames)) == sorted(stream)
    for frame in frames:
        for event in profile.codec.read(frame, asked).each():
            canonical(event.as_json())
            assert event.kind not in WEIGHED or event.value is not None
            if event.kind in VALUED and event.value is not None:
                assert event.number.is_finite()
                assert states(profile, frame, event), (frame, event)
    if isinstance(profile.codec, Calling):
        check_a_conversation(profile, frames)


def states(profile: Profile, frame, event) -> bool:
    if profile.protocol == "Toledo-continuous" and all(byte.bit_count() % 2 for byte in frame.raw):
        return is_stated(
            event.value, bytes(byte & 0x7F for byte in frame.raw), profile.protocol
        )  # odd parity
    if profile.protocol not in COMPUTED:
        return is_stated(event.value, frame.raw, profile.protocol)
    # Somebody else's check of the frame; and the registers that stand for this figure are in it.
    rows = [row for row in profile.codec.registers if row.name == event.more["name"]]
    checked = profile.protocol == "Modbus-TCP" or any(
        FramerRTU.compute_CRC(frame.raw[start:-2]) == int.from_bytes(frame.raw[-2:], "big")
        for start in (0, 8)
    )
    return checked and any(packed(row, event.number) in frame.raw for row in rows)


def check_a_conversation(profile: Profile, frames) -> None:
    """An ACK is for a call, or for a frame that says by itself that it is whole; results come from what was heard."""
    session, text = profile.codec.session(), b""
    for second, frame in enumerate(frames):
        answer = session.hear(frame, float(second))
        if answer.reply == ACK and frame.raw not in CONTROLS:
            assert frame.verdict is Verdict.WHOLE
            assert profile.codec.read(frame).kind is not Kind.BAD_CHECKSUM
            text += frame.raw[
                2 : max(frame.raw.rfind(ETB), frame.raw.rfind(ETX))
            ]  # a value may end in the next
        for event in answer.event.each():
            if event.kind in VALUED and event.value is not None:
                assert is_stated(event.value, text + frame.raw, profile.protocol), event


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_whatever_the_line_says_nothing_breaks_and_no_value_is_invented(protocol):
    profiles = [profile for profile in PROFILES if profile.protocol == protocol]
    said = [part for profile in profiles for row in profile.dialogues for part in (row.request, row.response)]
    fuzzer = Fuzzer(
        [part for part in said if part], f"{SEED}-{protocol}", "instruments", frozenset({"crc16"})
    )
    fuzzer.run(SECONDS, lambda stream, dice: check_whatever_was_asked(dice.choice(profiles), stream, dice))
    print(
        f"\n{protocol}: {fuzzer.tries} tries, {len(fuzzer.coverage.steps)} steps, {len(fuzzer.corpus)} kept"
    )
    assert fuzzer.tries > 10 * SECONDS
