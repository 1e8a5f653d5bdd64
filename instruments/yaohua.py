"""Yaohua XK3190 weighbridge indicators, sending by themselves or asked (manuals A9, A12(E), A23p, A26).

None of them says whether the load moves. The formats with STX and with ``=`` carry no unit: the profile may
state what the indicator is set to.
"""

import re
from dataclasses import dataclass
from functools import reduce
from operator import xor

from instruments.codec import Command, Verb
from instruments.frames import Cut, Frame, Framer, MeasuredFramer, Verdict, noise_until
from instruments.lines import LineCodec, figure, placed, plain
from instruments.pushed_dialogue import pushed
from instruments.readings import UNKNOWN, Event, Kind, unread

_STX_FRAME = re.compile(rb"\x02([+-])(\d{6})([0-4])([0-?A-Fa-f])([0-?A-Fa-f])\x03")
_STX_SIZE = 12

_ADDRESSED = re.compile(
    rb"\x02(?P<address>[A-Z])(?P<command>[A-F])(?:(?P<sign>[+-])(?P<digits>\d{6})(?P<places>[0-4]))?"
    rb"(?P<high>[0-?A-Fa-f])(?P<low>[0-?A-Fa-f])\x03"
)
_ADDRESSED_SIZE = 14
_QUESTION = re.compile(rb"\x02(?P<head>[A-Z][A-F])..\x03", re.DOTALL)
_WEIGHTS = {"B": (Kind.READING, "gross"), "C": (Kind.TARE, "tare"), "D": (Kind.READING, "net")}

_FORWARD = re.compile(r"(?P<sign>[+\- 0]?)(?P<digits>\d*\.?\d+\.?)")

_A12 = re.compile(r"W(?P<which>[GN])(?P<field>[ \d.-]{7})(?P<unit>[A-Za-z ]{2})(?P<sum>[0-9A-Fa-f]{2})")
_A12_RANGE = re.compile(r" {0,9}(?P<what>OL|LO)(?P<sum>[0-9A-Fa-f]{2})")
_A12_COLUMNS = 11
_LABELS = {"G": "gross", "N": "net"}


class _Sends:
    """It sends all the time; it takes no commands."""

    def command(self, verb: Verb) -> Command | None:
        return pushed(verb)

    def abort(self) -> Command | None:
        return None


@dataclass(frozen=True)
class YaohuaStx(_Sends):
    """Format 0: STX, sign, six digits, places, XOR of all that as two characters, ETX.

    Each half of the XOR is sent as a hexadecimal digit; some makers send ``:`` to ``?`` for ten to fifteen.
    """

    unit: str | None = None
    name: str = "xk3190-tf0/1"

    def framer(self) -> Framer:
        return MeasuredFramer(_stx_frame)

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        found = _STX_FRAME.fullmatch(frame.raw) if frame.verdict is Verdict.WHOLE else None
        if found is None:
            return unread(frame)
        if _nibble(found[4]) << 4 | _nibble(found[5]) != reduce(xor, frame.raw[1:9]):
            return Event(Kind.BAD_CHECKSUM)
        value = placed(found[1].decode(), found[2].decode(), int(found[3]))
        return Event(Kind.READING, value, self.unit, UNKNOWN)


def _nibble(char: bytes) -> int:
    code = char.upper()[0]
    return code - 0x37 if code >= 0x41 else code - 0x30


def _stx_frame(waiting: bytes, ended: bool) -> Cut | None:
    if waiting[:1] != b"\x02":
        return noise_until(waiting, b"\x02", ended)
    again = waiting.find(b"\x02", 1, _STX_SIZE)
    if again > 0:
        return Cut(again, Verdict.NOISE)
    if len(waiting) < _STX_SIZE:
        return None
    return Cut(_STX_SIZE) if waiting[_STX_SIZE - 1] == 3 else noise_until(waiting, b"\x02", ended)


@dataclass(frozen=True)
class YaohuaEquals(_Sends):
    """Formats with ``=``. ``columns`` of figure, in front of them the mark, or behind (``mark_ends``).

    ``reversed_digits``: the lowest digit comes first, and the sign last.
    A figure that began before the port was opened is not in its columns, so it is never read.
    """

    reversed_digits: bool = True
    mark_ends: bool = False
    columns: int = 8
    unit: str | None = None
    name: str = "xk3190-equals/1"

    def framer(self) -> Framer:
        return MeasuredFramer(self._measure_ending if self.mark_ends else self._measure)

    def _measure(self, waiting: bytes, ended: bool) -> Cut | None:
        again = waiting.find(b"=", 1, 1 + self.columns)
        if waiting[:1] != b"=" or again > 0:
            return noise_until(waiting, b"=", ended)
        return Cut(1 + self.columns) if len(waiting) > self.columns else None

    def _measure_ending(self, waiting: bytes, ended: bool) -> Cut | None:
        end = waiting.find(b"=")
        if end == self.columns:
            return Cut(end + 1)
        if end >= 0:
            return Cut(end + 1, Verdict.NOISE)
        return None

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        if frame.verdict is not Verdict.WHOLE or not frame.raw.isascii():
            return unread(frame)
        text = frame.raw.decode("ascii").strip("=")
        found = _FORWARD.fullmatch(text[::-1] if self.reversed_digits else text)
        value = None if found is None else plain(found["sign"], found["digits"])
        if value is None:
            return Event(Kind.UNPARSED)
        return Event(Kind.READING, value, self.unit, UNKNOWN)


@dataclass(frozen=True)
class YaohuaA12(_Sends, LineCodec):
    """A12(E): ``WG004.139kg3D``; the last two characters are the XOR of the eleven before."""

    name: str = "xk3190-a12/1"

    def read_line(self, line: str, asked: bytes | None) -> Event | None:
        beyond = _A12_RANGE.fullmatch(line)
        if beyond is not None:
            return self._beyond(beyond)
        found = _A12.fullmatch(line)
        if found is None:
            return None
        if int(found["sum"], 16) != reduce(xor, line[:_A12_COLUMNS].encode("ascii")):
            return Event(Kind.BAD_CHECKSUM)
        value = figure(found["field"].rstrip(" "))  # without a point the last column is blank
        unit = found["unit"].strip() or None
        if value is None:
            return None
        return Event(Kind.READING, value, unit, UNKNOWN, more={"label": _LABELS[found["which"]]})

    def _beyond(self, found: re.Match[str]) -> Event:
        # Sent in eleven columns; a device server may have dropped the blanks, which the sum still counts.
        if int(found["sum"], 16) != reduce(xor, found["what"].rjust(_A12_COLUMNS).encode("ascii")):
            return Event(Kind.BAD_CHECKSUM)
        return Event(Kind.OVERLOAD if found["what"] == "OL" else Kind.UNDERLOAD, code=found["what"])


@dataclass(frozen=True)
class YaohuaAddressed:
    """Asked mode (A9, A23p): STX, address, command, data, XOR of all that, ETX.

    ``address``: A to Z, as set in the indicator. ``command_shown``: B gross or D net; C answers the tare.
    """

    address: str = "A"
    command_shown: str = "B"
    unit: str | None = None
    name: str = "xk3190-addressed/1"

    def framer(self) -> Framer:
        return MeasuredFramer(_addressed_frame)

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        found = _ADDRESSED.fullmatch(frame.raw) if frame.verdict is Verdict.WHOLE else None
        if found is None:
            return unread(frame)
        if _nibble(found["high"]) << 4 | _nibble(found["low"]) != reduce(xor, frame.raw[1:-3]):
            return Event(Kind.BAD_CHECKSUM)
        address, command = found["address"].decode(), found["command"].decode()
        head, more = address + command, {"address": address}
        question = _QUESTION.fullmatch(asked or b"")
        if question is not None and question["head"] != head.encode():
            return Event(
                Kind.UNPARSED, code="not_the_answer"
            )  # another indicator of the line, or a late answer
        if command == "A" and found["sign"] is None:
            return Event(Kind.OK, code="A", head=head, more=more)
        if command not in _WEIGHTS or found["sign"] is None:
            return Event(Kind.UNPARSED)
        kind, label = _WEIGHTS[command]
        value = placed(found["sign"].decode(), found["digits"].decode(), int(found["places"]))
        return Event(kind, value, self.unit, UNKNOWN, head=head, more={**more, "label": label})

    def command(self, verb: Verb) -> Command | None:
        if verb not in (Verb.LOOK, Verb.TAKE):
            return None
        body = f"{self.address}{self.command_shown}".encode("ascii")
        wire = b"\x02" + body + b"%02X" % reduce(xor, body) + b"\x03"
        return Command(verb, wire, frozenset({body.decode()}), 3.0, stable_only=verb is Verb.TAKE)

    def abort(self) -> Command | None:
        return None


def _addressed_frame(waiting: bytes, ended: bool) -> Cut | None:
    if waiting[:1] != b"\x02":
        return noise_until(waiting, b"\x02", ended)
    again, end = waiting.find(b"\x02", 1, _ADDRESSED_SIZE), waiting.find(b"\x03", 1, _ADDRESSED_SIZE)
    if again > 0 and (end < 0 or again < end):
        return Cut(again, Verdict.NOISE)
    if end > 0:
        return Cut(end + 1)
    return Cut(_ADDRESSED_SIZE, Verdict.NOISE) if len(waiting) >= _ADDRESSED_SIZE else None
