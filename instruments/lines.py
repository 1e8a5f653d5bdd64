"""What the protocols that speak in lines of text share: a line, a figure in its columns, a table of commands."""

import re
from typing import ClassVar

from instruments.codec import Command, Verb
from instruments.frames import Frame, Framer, LineFramer, Verdict
from instruments.readings import Event, Kind, unread

_DIGITS = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_FIGURE = re.compile(r"(?P<before> *)(?P<sign>[+-]?)(?P<between> *)(?P<digits>\d+(?:\.\d*)?|\.\d+)")

ANSWER = frozenset({""})  # the head of every answer in a protocol whose answers name no command


def plain(sign: str, digits: str) -> str | None:
    """Digits as a person writes them: filler zeros in front and a plus dropped, all others kept.

    ``0001.234`` gives ``1.234``, ``00123.40`` gives ``123.40``. None for anything else than digits with at
    most one point.
    """
    if _DIGITS.fullmatch(digits) is None:
        return None
    whole, _, part = digits.partition(".")
    written = (whole.lstrip("0") or "0") + (f".{part}" if part else "")
    return f"-{written}" if sign == "-" else written


def figure(field: str) -> str | None:
    """A number right-aligned in its column, with the sign first or beside the digits; None for anything else."""
    found = _FIGURE.fullmatch(field)
    return None if found is None else plain(found["sign"], found["digits"])


def placed(sign: str, digits: str, places: int) -> str | None:
    """Digits sent without their point, and how many of them stand behind it."""
    if not (digits.isascii() and digits.isdigit() and places >= 0):
        return None
    padded = digits.rjust(places + 1, "0")
    return plain(sign, f"{padded[: len(padded) - places]}.{padded[len(padded) - places :]}")


class LineCodec:
    """One line, one event. A protocol says how to read a line, and which commands it has (none by itself)."""

    name: str
    terminator: ClassVar[bytes] = b"\r\n"

    def framer(self) -> Framer:
        return LineFramer(self.terminator)

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        if frame.verdict is not Verdict.WHOLE or not frame.raw.isascii():
            return unread(frame)
        line = frame.raw.decode("ascii").removesuffix(self.terminator.decode("ascii"))
        if self.terminator == b"\r":  # an adapter may have put LF behind every CR
            line = line.removeprefix("\n")
        return self.read_line(line, asked) or Event(Kind.UNPARSED)

    def read_line(self, line: str, asked: bytes | None) -> Event | None:
        """None when the line as a whole is not one of the protocol's."""
        raise NotImplementedError

    def command(self, verb: Verb) -> Command | None:
        return None

    def abort(self) -> Command | None:
        return None


def asks(verb: Verb, wire: bytes, deadline_s: float, *, heads: frozenset[str] = ANSWER) -> Command:
    """A command; a reading to be kept must be stable."""
    return Command(verb, wire, heads, deadline_s, stable_only=verb is Verb.TAKE)
