"""Whether a profile's dialogues give just what they say: the one walk over every profile, built in or one's own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from instruments.codec import Calling, Codec, reader_of
from instruments.decode import REPLAYED, decode
from instruments.frames import Verdict
from instruments.profiles import Expected, Profile, Recorded
from instruments.readings import Event, together

# What an event must not state unless the dialogue says so.
_SAID_ALWAYS = ("value", "unit")


@dataclass(frozen=True, slots=True)
class Walked:
    """One dialogue, read. ``events``: of all its frames, in order; ``holds``: they are just what it says;
    ``whole``: they are the same however the bytes arrive."""

    recorded: Recorded
    events: tuple[Event, ...]
    holds: bool
    whole: bool

    @property
    def conforms(self) -> bool:
        return self.holds and self.whole


def walk(profile: Profile) -> list[Walked]:
    """Every dialogue of a profile, in its order."""
    return [_walked(profile.codec, recorded) for recorded in profile.dialogues]


def faults_of(profile: Profile) -> list[str]:
    """What stands between this profile and a bench, in sentences; empty for one that conforms."""
    if not profile.dialogues:
        return ["the profile has no dialogue that shows what it reads"]
    return [
        f"dialogue {place} ({one.recorded.source}) {_complaint(one)}"
        for place, one in enumerate(walk(profile), 1)
        if not one.conforms
    ]


def _complaint(walked: Walked) -> str:
    if not walked.holds:
        said = ", ".join(f"{event.kind} {event.value or event.code or ''}".strip() for event in walked.events)
        return f"does not give what it says: it gives {said or 'nothing'}"
    return "reads otherwise when its bytes come one by one"


def _walked(codec: Codec, recorded: Recorded) -> Walked:
    events = tuple(decode(codec, recorded.request, recorded.response))
    bytewise = tuple(_byte_by_byte(codec, recorded.request, recorded.response))
    whole = [event for event in events if "detail" not in event.more]
    return Walked(recorded, events, says(events, recorded.expected), whole == list(bytewise))


def says(events: tuple[Event, ...], expected: Expected) -> bool:
    """Whether the events are those expected: a single one, with what else its frame states under ``also``, or a
    list of them. A value or unit that is not expected must not be there."""
    if isinstance(expected, Mapping):
        event = together(list(events))
        return event is not None and _is(event, expected)
    return len(events) == len(expected) and all(map(_is, events, expected))


def _is(event: Event, expected: Mapping[str, object]) -> bool:
    said = event.as_json()
    wanted = {**dict.fromkeys(_SAID_ALWAYS), **expected}
    return all(said.get(name) == value for name, value in wanted.items())


def _byte_by_byte(codec: Codec, request: bytes, response: bytes) -> Iterator[Event]:
    framer, reader = codec.framer(), reader_of(codec)
    said, asked = (request, None) if isinstance(codec, Calling) else (response, request or None)
    frames = [frame for place in range(len(said)) for frame in framer.feed(said[place : place + 1], REPLAYED)]
    for frame in frames + framer.flush(REPLAYED):
        if frame.verdict is not Verdict.CUT_OFF:
            yield from reader.read(frame, asked).each()
