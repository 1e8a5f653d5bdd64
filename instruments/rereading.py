"""Read stored bytes again: what one capture says by another profile. Pure."""

from instruments.codec import Calling, Codec
from instruments.decode import REPLAYED
from instruments.frames import Verdict
from instruments.readings import Event, Kind


def can_reread(codec: Codec) -> bool:
    """An analyser's frames mean something only together with those before them."""
    return not isinstance(codec, Calling)


def read_again(codec: Codec, raw: bytes, asked: bytes | None) -> list[Event]:
    """What the bytes of one capture say, event by event; never empty. Every byte ends in a frame: what is left over
    is not understood, and nothing is taken from the captures before or behind.

    ``asked``: the question that was open when they came, where the gateway kept it.
    """
    framer = codec.framer()
    frames = framer.feed(raw, REPLAYED) + framer.flush(REPLAYED)
    events = [
        event
        for frame in frames
        for event in (
            [Event(Kind.UNPARSED, code=frame.verdict.value)]
            if frame.verdict is Verdict.CUT_OFF
            else codec.read(frame, asked).each()
        )
    ]
    return events or [Event(Kind.UNPARSED)]
