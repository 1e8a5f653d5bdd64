"""What a frame says, in the vocabulary of the ``decode`` command and of the captures on the wire."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from instruments.canonical import JsonValue
from instruments.frames import Frame, Verdict


class Kind(StrEnum):
    READING = "reading"
    TARE = "tare"
    OVERLOAD = "overload"
    UNDERLOAD = "underload"
    STATUS = "status"  # the device cannot just now: busy, or not stable in time
    OK = "ok"
    ERROR = "error"
    IDENTITY = "identity"
    LIST = "list"
    RESULT = (
        "result"  # of an analyser: value, unit, test, flags; the analyser did the measuring and the judging
    )
    FRAME = "frame"  # a whole piece of a message that states no result by itself
    BAD_CHECKSUM = "bad_checksum"  # the frame is there, and its own check says that it is damaged
    TIMEOUT = "timeout"  # nothing, or not a whole frame, came in time
    FILE = "file"  # a file of an analyser, or a chunk of it; what it says is read by the server
    UNPARSED = "unparsed"  # kept as it is; nobody guesses


STABLE, DYNAMIC, NOT_APPLICABLE = "stable", "dynamic", "n/a"
UNKNOWN = "unknown"  # the load moves and settles, but the wire does not say which; a policy may infer it


# A plain tuple, as frames are: a bench reads a thousand a second.
class Event(NamedTuple):
    """One frame, read.

    ``value`` keeps every digit as sent; ``unit`` is None unless the wire or the profile states it.
    ``head`` is the part of the frame that tells which command it answers ("" where a protocol has none).
    ``also``: what else the same frame states (a message of several results, a block of registers), in order.
    """

    kind: Kind
    value: str | None = None
    unit: str | None = None
    stability: str | None = None
    code: str | None = None
    head: str = ""
    more: Mapping[str, JsonValue] = {}
    also: tuple["Event", ...] = ()

    @property
    def number(self) -> Decimal | None:
        """The value to reckon with; None for everything that is not a value."""
        return Decimal(self.value) if self.value is not None and self.kind in VALUED else None

    @property
    def is_stable(self) -> bool:
        """True too where a device has no such flag: its lines are finished readings."""
        return self.kind in WEIGHED and self.stability in (STABLE, NOT_APPLICABLE)

    def as_json(self) -> dict[str, JsonValue]:
        said: dict[str, JsonValue] = {
            "kind": self.kind.value,
            "value": self.value,
            "unit": self.unit,
            "stability": self.stability,
        }
        if self.code is not None:
            said["code"] = self.code
        also: dict[str, JsonValue] = {"also": [event.as_json() for event in self.also]} if self.also else {}
        return {**said, **self.more, **also}

    def each(self) -> Iterator["Event"]:
        """This event and what else its frame states, one by one."""
        yield self._replace(also=()) if self.also else self
        yield from self.also


def unread(frame: Frame) -> Event:
    """A frame that its codec cannot look into; ``code``: why, where that is known."""
    if frame.verdict is not Verdict.WHOLE:
        return Event(Kind.UNPARSED, code=frame.verdict.value)
    return Event(Kind.UNPARSED, code=None if frame.raw.isascii() else "not_ascii")


def together(events: list[Event]) -> Event | None:
    """Several events of one frame as one; None for none."""
    return events[0]._replace(also=tuple(events[1:])) if events else None


WEIGHED = frozenset({Kind.READING, Kind.TARE})
VALUED = WEIGHED | {Kind.RESULT}
NOT_UNDERSTOOD = frozenset({Kind.UNPARSED, Kind.BAD_CHECKSUM})


def printable(raw: bytes) -> str:
    """Bytes as a person can read them: controls as \\r, \\n, \\x02."""
    return raw.decode("latin-1").encode("unicode_escape").decode("ascii")


def read_printable(text: str) -> bytes:
    """The bytes of what ``printable`` shows; ``\\r``, ``\\n``, ``\\t``, ``\\\\`` and ``\\x02`` stand for one byte.

    Raises ValueError for another backslash, or a character that is no byte.
    """
    if _ESCAPE.sub("", text).find("\\") >= 0:
        raise ValueError(
            "a backslash stands before r, n, t, another backslash, or x and two hexadecimal digits"
        )
    return _ESCAPE.sub(lambda found: _escaped(found[1]), text).encode("latin-1")


_ESCAPE = re.compile(r"\\(r|n|t|\\|x[0-9A-Fa-f]{2})")


def _escaped(mark: str) -> str:
    return {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}.get(mark) or chr(int(mark[1:], 16))
