"""Mettler-Toledo continuous output (manuals of 8142, IND, Wildcat; Fairbanks FB3000, KERN FTC send the same).

STX, status words A, B, C, six digits shown, six digits of tare, CR, and a check where it is switched on: the
two's complement of the low seven bits of the sum of all bytes before it.
"""

from dataclasses import dataclass

from instruments.codec import Command, Verb
from instruments.frames import Cut, Frame, Framer, MeasuredFramer, Verdict, noise_until
from instruments.lines import placed
from instruments.pushed_dialogue import pushed
from instruments.readings import DYNAMIC, STABLE, Event, Kind

SIZE = 17  # without the check
_DIGITS = 6

_PLACES = {0: -2, 1: -1, 2: 0, 3: 1, 4: 2, 5: 3, 6: 4, 7: 5}  # code of word A: places behind the point
_NET, _NEGATIVE, _OUT_OF_RANGE, _MOTION, _KILOGRAM, _, _POWER_UP = (1 << bit for bit in range(7))
_NO_CONTROL = 0x60  # one of these bits is set in every status word; makers differ in which
_UNITS = {1: "g", 2: "t", 3: "oz", 4: "ozt", 5: "dwt", 6: "ton"}  # code of word C; 0 means: see word B
_PRINT_REQUEST, _EXPANDED = 1 << 3, 1 << 4


@dataclass(frozen=True)
class ToledoContinuous:
    """``checked``: a check follows the CR. ``unit_in_c``: word C names the unit; some makers leave it blank."""

    checked: bool = True
    unit_in_c: bool = True
    name: str = "toledo-continuous/1"

    def framer(self) -> Framer:
        return MeasuredFramer(self._measure)

    def _measure(self, waiting: bytes, ended: bool) -> Cut | None:
        if waiting[:1] != b"\x02":
            return noise_until(waiting, b"\x02", ended)
        again = waiting.find(b"\x02", 1, SIZE)
        if again > 0:
            return Cut(again, Verdict.NOISE)
        if len(waiting) >= SIZE and waiting[SIZE - 1] != 0x0D:
            return noise_until(waiting, b"\x02", ended)
        size = SIZE + self.checked
        return Cut(size) if len(waiting) >= size else None

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        if frame.verdict is not Verdict.WHOLE:
            return Event(Kind.UNPARSED, code=frame.verdict.value)
        raw = _seven_bits(frame.raw)
        if raw is None:
            return Event(Kind.UNPARSED)
        if self.checked and sum(raw) & 0x7F:
            return Event(Kind.BAD_CHECKSUM)
        word_a, word_b, word_c = raw[1:4]
        if not (word_a & _NO_CONTROL and word_b & _NO_CONTROL and word_c & _NO_CONTROL):
            return Event(Kind.UNPARSED)
        return _state(word_b) or self._weight(raw, word_a, word_b, word_c) or Event(Kind.UNPARSED)

    def _weight(self, raw: bytes, word_a: int, word_b: int, word_c: int) -> Event | None:
        if word_c & _EXPANDED:  # one digit more than the point of word A reckons with
            return Event(Kind.UNPARSED, code="expanded")
        places = _PLACES[word_a & 7]
        value = _figure("-" if word_b & _NEGATIVE else "+", raw[4 : 4 + _DIGITS], places)
        tare_columns = raw[4 + _DIGITS : 4 + 2 * _DIGITS]
        tare = _figure("+", tare_columns, places)
        unit = self._unit(word_b, word_c)
        if value is None or (tare is None and tare_columns.strip(b" ")):
            return None
        more = {"label": "net" if word_b & _NET else "gross"}
        if tare is not None:  # some leave the columns blank
            more["tare"] = tare
        if word_c & _PRINT_REQUEST:
            more["trigger"] = "print"
        return Event(Kind.READING, value, unit, DYNAMIC if word_b & _MOTION else STABLE, more=more)

    def _unit(self, word_b: int, word_c: int) -> str | None:
        code = word_c & 7 if self.unit_in_c else 0
        if code:
            return _UNITS.get(code)  # 7: set by the owner, and not said here
        return "kg" if word_b & _KILOGRAM else "lb"

    def command(self, verb: Verb) -> Command | None:
        return pushed(verb)

    def abort(self) -> Command | None:
        return None


def _seven_bits(raw: bytes) -> bytes | None:
    """Without the odd parity that a device server left in; None where an eighth bit is anything else.

    Even parity would show in the STX already.
    """
    if raw.isascii():
        return raw
    odd = all(byte.bit_count() % 2 for byte in raw)
    return bytes(byte & 0x7F for byte in raw) if odd else None


def _state(word_b: int) -> Event | None:
    """Two states in which the digits are no weight."""
    if word_b & _OUT_OF_RANGE:
        return Event(Kind.UNDERLOAD if word_b & _NEGATIVE else Kind.OVERLOAD, code="out of range")
    return Event(Kind.STATUS, code="power up") if word_b & _POWER_UP else None


def _figure(sign: str, columns: bytes, places: int) -> str | None:
    digits = columns.decode("ascii").lstrip(" ")  # some blank the zeros in front
    return placed(sign, digits + "0" * max(0, -places), max(0, places))
