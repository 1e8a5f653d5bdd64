"""Bytes of one exchange to events: the ``decode`` command, and every replay."""

from collections.abc import Iterator
from datetime import UTC, datetime

from instruments.codec import Calling, Codec, reader_of
from instruments.frames import Stamp, Verdict
from instruments.readings import Event, Kind

REPLAYED = Stamp(datetime(1970, 1, 1, tzinfo=UTC), 0)


def decode(codec: Codec, request: bytes, response: bytes) -> Iterator[Event]:
    """What each frame says; a frame that has not ended, and no frame at all, is a TIMEOUT.

    ``request``: host to device, ``response``: device to host. Where the device is the one that calls
    it is the other way round: ``request`` is the device's.
    """
    framer, reader = codec.framer(), reader_of(codec)
    said, asked = (request, b"") if isinstance(codec, Calling) else (response, request)
    frames = framer.feed(said, REPLAYED)
    rest = framer.flush(REPLAYED)
    frames += [frame for frame in rest if frame.verdict is not Verdict.CUT_OFF]
    for frame in frames:
        yield from reader.read(frame, asked or None).each()
    # The LF that an adapter put behind the last CR is no begun frame.
    if any(frame.verdict is Verdict.CUT_OFF and (frame.raw != b"\n" or not frames) for frame in rest):
        yield Event(Kind.TIMEOUT, more={"detail": "truncated"})
    elif not frames:
        yield Event(Kind.TIMEOUT, more={"detail": "no answer"})
