"""Mitutoyo: lines of the USB and U-WAVE kind (QM-Height manual 99MAF600B), and the Digimatic cable's 13 nibbles.

Line: ``01A``, sign, eight columns with the point, CR. No unit on the wire. ``91n`` is an error of channel n.
Digimatic, one nibble a byte: d1 to d4 F, d5 sign (0 or 8), d6 to d11 digits, d12 places, d13 unit (0 mm, 1 inch).
"""

import re
from dataclasses import dataclass
from typing import ClassVar

from instruments.codec import Command, Verb
from instruments.frames import Cut, Frame, Framer, MeasuredFramer, Verdict, noise_until
from instruments.lines import LineCodec, placed, plain
from instruments.readings import NOT_APPLICABLE, Event, Kind

_LINE = re.compile(r"0(?P<channel>\d)A(?P<sign>[+-])(?P<digits>[\d.]{8})")
_ERROR = re.compile(r"9\d{2}")

_START = b"\x0f\x0f\x0f\x0f"
_SIZE = 13
_SIGNS = {0: "+", 8: "-"}
_UNITS = {0: "mm", 1: "inch"}
MOST_PLACES = 5


@dataclass(frozen=True)
class MitutoyoLine(LineCodec):
    """``unit``: what the gauge is set to; None leaves it missing."""

    unit: str | None = None
    name: str = "mitutoyo-line/1"
    terminator: ClassVar[bytes] = b"\r"

    def read_line(self, line: str, asked: bytes | None) -> Event | None:
        if _ERROR.fullmatch(line):
            return Event(Kind.ERROR, code=line)
        found = _LINE.fullmatch(line)
        value = None if found is None else plain(found["sign"], found["digits"])
        if found is None or value is None:
            return None
        more = {"channel": found["channel"]}
        return Event(Kind.READING, value, self.unit, NOT_APPLICABLE, more=more)


@dataclass(frozen=True)
class Digimatic:
    name: str = "digimatic/1"

    def framer(self) -> Framer:
        return MeasuredFramer(_measure)

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        if frame.verdict is not Verdict.WHOLE:
            return Event(Kind.UNPARSED, code=frame.verdict.value)
        sign, *digits, places, unit = frame.raw[len(_START) :]
        value = None
        if sign in _SIGNS and unit in _UNITS and places <= MOST_PLACES and max(digits) <= 9:
            value = placed(_SIGNS[sign], "".join(map(str, digits)), places)
        if value is None:
            return Event(Kind.UNPARSED)
        return Event(Kind.READING, value, _UNITS[unit], NOT_APPLICABLE)

    def command(self, verb: Verb) -> Command | None:
        return None

    def abort(self) -> Command | None:
        return None


def _measure(waiting: bytes, ended: bool) -> Cut | None:
    if not waiting.startswith(_START[: len(waiting)]):
        return noise_until(waiting, _START[:1], ended)
    if len(waiting) < _SIZE:
        return None
    # A nibble F among the digits: the frame broke off and the next has begun.
    broken = waiting.find(_START[:1], len(_START), _SIZE)
    if broken < 0:
        return Cut(_SIZE)
    return Cut(1 if broken == len(_START) else broken, Verdict.NOISE)
