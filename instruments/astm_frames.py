"""ASTM E1381 / CLSI LIS1-A: frames of an analyser's message, and the controls between them.

STX, number 0 to 7, text, ETB (the message goes on) or ETX (it ends), two hexadecimal digits of the sum of all
from the number to ETB or ETX, CR LF. ENQ, ACK, NAK and EOT are frames of one byte.
"""

import re
from dataclasses import dataclass

from instruments.frames import Cut, Verdict, noise_until
from instruments.readings import Event, Kind

STX, ETX, EOT, ENQ, ACK, NAK, ETB = b"\x02", b"\x03", b"\x04", b"\x05", b"\x06", b"\x15", b"\x17"
CONTROLS = {EOT: "EOT", ENQ: "ENQ", ACK: "ACK", NAK: "NAK"}
LONGEST = 64_000 + 16  # bytes; the older edition allows 240 of text, LIS1-A 64,000
NUMBERS = 8

_END = re.compile(rb"[\x03\x17]")
_BREAK = re.compile(rb"[\x02\x04\x05]")  # never inside a frame: the sender has begun anew
_CHECK_SIZE = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """The content of one good frame. ``last``: ended by ETX, so the message (or record) is complete."""

    number: int
    text: bytes
    last: bool


def checksum(body: bytes) -> bytes:
    """``body``: from the frame's number to its ETB or ETX."""
    return b"%02X" % (sum(body) % 256)


def wrap(number: int, text: bytes, *, last: bool) -> bytes:
    """A frame as it goes on the line. Raises ValueError for text that would end it early."""
    if _END.search(text) or _BREAK.search(text):
        raise ValueError("a control character cannot be part of a frame's text")
    body = b"%d" % (number % NUMBERS) + text + (ETX if last else ETB)
    return STX + body + checksum(body) + b"\r\n"


def piece_of(raw: bytes) -> Piece | None:
    """None where the frame is not what its checksum says, or has no number."""
    body, check = _parts(raw)
    if not body or not body[:1].isdigit() or body[0] >= ord("0") + NUMBERS:
        return None
    if checksum(body) != check.upper():
        return None
    return Piece(int(body[:1]), body[1:-1], body.endswith(ETX))


def _parts(raw: bytes) -> tuple[bytes, bytes]:
    end = _END.search(raw)
    if end is None:
        return b"", b""
    return raw[1 : end.end()], raw[end.end() : end.end() + _CHECK_SIZE]


def measure(waiting: bytes, ended: bool, ending: bytes) -> Cut | None:
    """``ending``: what follows the checksum. A sender of less than CR LF must be known as one: nothing else tells
    that its frame is complete, and it waits for its ACK before it sends more."""
    if waiting[:1] in CONTROLS:
        return Cut(1)
    if waiting[:1] != STX:
        return _noise(waiting, ended)
    end = _END.search(waiting, 1)
    size = len(waiting) if end is None else end.end() + _CHECK_SIZE
    broken = _BREAK.search(waiting, 1, size)
    if broken is not None:
        return Cut(broken.start(), Verdict.NOISE)
    if end is None or len(waiting) < size:
        return None
    closing = _closing(waiting[size : size + 2], ended, ending)
    return None if closing is None else Cut(size + closing)


def _closing(after: bytes, ended: bool, ending: bytes) -> int | None:
    """Bytes of the ending behind the checksum: CR LF, or what of it this sender has; None while it may come."""
    if after[:1] == b"\n" or not ending:
        return 1 if ending else 0
    if after[:1] == b"\r":
        if after == b"\r\n":
            return 1 if ending == b"\r" else 2
        return 1 if ended or len(after) > 1 or ending == b"\r" else None
    return 0 if after else None


def _noise(waiting: bytes, ended: bool) -> Cut | None:
    found = [cut.size for mark in (STX, *CONTROLS) if (cut := noise_until(waiting, mark, ended)) is not None]
    return Cut(min(found), Verdict.NOISE) if found else None


def whole_piece(piece: Piece) -> Event:
    """A good frame that completes no result."""
    end = "ETX" if piece.last else "ETB"
    return Event(Kind.FRAME, more={"fn": piece.number, "end": end, "checksum": "ok"})
