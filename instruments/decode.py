"""Bytes of one exchange to events: the ``decode`` command, and every replay."""

from collections.abc import Iterator
from datetime import UTC, datetime

from instruments.codec import Codec
from instruments.frames import Stamp, Verdict
from instruments.readings import Event, Kind

_REPLAYED = Stamp(datetime(1970, 1, 1, tzinfo=UTC), 0)


def decode(codec: Codec, request: bytes, response: bytes) -> Iterator[Event]:
    """One event for each frame; a frame that has not ended, and no frame at all, is a TIMEOUT."""
    framer = codec.framer()
    frames = framer.feed(response, _REPLAYED)
    for frame in frames:
        yield codec.read(frame, request or None)
    rest = framer.flush(_REPLAYED)
    if any(frame.verdict is Verdict.CUT_OFF for frame in rest):
        yield Event(Kind.TIMEOUT, more={"detail": "truncated"})
    elif not frames:
        yield Event(Kind.TIMEOUT, more={"detail": "no answer"})
