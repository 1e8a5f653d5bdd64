"""SCPI meters on a serial line (34401A class: HP/Agilent/Keysight 34401A, Fluke 8845A, Keithley 2000).

One query at a time, each answered by one line: figures with exponent, the error queue, or who it is. Figures
from 9.9E37 on are sentinels of SCPI-99 (overload, not a number), never values.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import ClassVar

from instruments.codec import Command, Setup, Verb
from instruments.lines import LineCodec
from instruments.readings import NOT_APPLICABLE, Event, Kind, together

IDENTIFY = "*IDN?"
NEXT_ERROR = "SYST:ERR?"
SET_UP = "SYST:ERR?;:CONF?"

_FIGURE = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_ERROR = re.compile(r'(?P<number>[+-]?\d{1,5}),"(?P<text>[^"]*(?:""[^"]*)*)"')
_CONFIGURED = re.compile(_ERROR.pattern + r';"(?P<configuration>[^"]{1,50})"')
_IDENTITY = re.compile(r"[^,\"]+,[^,\"]+,[^,\"]*,[^\"]*[^,\"]")
_OVERLOAD, _NOT_A_NUMBER = Decimal("9.9E+37"), Decimal("9.91E+37")
_MOST_PLACES = 24
_OWN_QUEUE = 20  # errors that a 34401A remembers
_MOST_FIGURES = 512  # the reading memory of a 34401A

# What the last query asked for; SCPI-99 lays down the unit of each function's answer.
_FUNCTIONS: Mapping[str, str | None] = {
    "VOLT": "V",
    "CURR": "A",
    "RES": "Ω",
    "FRES": "Ω",
    "FREQ": "Hz",
    "PER": "s",
    "CAP": "F",
    "CONT": "Ω",
    "DIOD": "V",
}
_LONG = {
    "VOLTAGE": "VOLT",
    "CURRENT": "CURR",
    "RESISTANCE": "RES",
    "FRESISTANCE": "FRES",
    "FREQUENCY": "FREQ",
    "PERIOD": "PER",
    "CAPACITANCE": "CAP",
    "CONTINUITY": "CONT",
    "DIODE": "DIOD",
}
_MEASURE = re.compile(
    r":?(?:MEAS(?:URE)?|CONF(?:IGURE)?)(?::SCAL(?:AR)?)?:(?P<function>[A-Z]+)(?::(?P<detail>[A-Z:]+))?(?:\?.*| .*|)"
)
_READS = re.compile(r":?(?:MEAS|READ|FETC|DATA(?:\?|:REM|:LAST)|R\?|CALC:AVER:(?:MIN|MAX|AVER))")
_NO_UNIT = re.compile(r"RAT(?:IO)?(?:$|:)|:RAT(?:IO)?")


@dataclass(frozen=True)
class Scpi(LineCodec):
    """``opening``: commands without an answer, sent before the meter is asked who it is (remote, set-up).
    ``query``: what takes a reading; it must not undo the set-up, so READ? and not MEAS?.
    ``unit``: of the function that ``opening`` sets; None leaves it missing.
    ``setups``: functions and ranges that a person can choose on the page.
    """

    opening: tuple[str, ...] = ("SYST:REM",)
    query: str = "READ?"
    unit: str | None = None
    deadline_s: float = 10.0
    most_errors: int = _OWN_QUEUE
    setups: tuple[Setup, ...] = ()
    name: str = "scpi/1"
    terminator: ClassVar[bytes] = b"\n"

    def read_line(self, line: str, asked: bytes | None) -> Event | None:
        text = line.removesuffix("\r")
        if _last_query(asked) == SET_UP and (said := _configured(text)) is not None:
            return said
        return _error(text) or self._figures(text, asked) or _identity(text)

    def _figures(self, text: str, asked: bytes | None) -> Event | None:
        query = _last_query(asked)
        parts = text.split(",")
        if len(parts) > _MOST_FIGURES or not all(_FIGURE.fullmatch(part) for part in parts):
            return None
        if query and query != self.query and not _READS.match(query):
            return Event(Kind.STATUS, code=text)  # *OPC?, *STB?, a setting: a number, and nothing measured
        functions = [line for line in _asked_lines(asked) if _MEASURE.fullmatch(line)]  # the last one holds
        unit = _unit_of(functions[-1]) if functions else self.unit
        return together([_figure(part, unit) for part in parts])

    def command(self, verb: Verb) -> Command | None:
        match verb:
            case Verb.IDENTIFY:
                return Command(verb, self._opened(), frozenset({IDENTIFY}), self.deadline_s)
            case Verb.TAKE | Verb.LOOK:
                return Command(verb, f"{self.query}\n".encode("ascii"), frozenset({""}), self.deadline_s)
            case Verb.EXPLAIN:
                return Command(
                    verb, f"{NEXT_ERROR}\n".encode("ascii"), frozenset({NEXT_ERROR}), self.deadline_s
                )
        return None

    def setup_command(self, setup: Setup) -> Command:
        """The queue is emptied first, so that the error that comes back is of this set-up; both questions are one
        message with one answer, for a meter must not be asked again before it has answered."""
        wire = "".join(f"{command}\n" for command in ("*CLS", *setup.send, SET_UP)).encode("ascii")
        return Command(Verb.SETUP, wire, frozenset({SET_UP}), self.deadline_s)

    def set_up(self, setup: Setup) -> "Scpi":
        return replace(self, opening=(*self.opening, *setup.send), unit=setup.unit)

    def abort(self) -> Command:
        """Device clear (Ctrl-C), and the one question whose answer looks like no other.

        The opening goes with it: a meter that was switched off meanwhile does not answer for want of it.
        """
        return Command(Verb.IDENTIFY, b"\x03" + self._opened(), frozenset({IDENTIFY}), self.deadline_s)

    def _opened(self) -> bytes:
        return "".join(f"{command}\n" for command in (*self.opening, IDENTIFY)).encode("ascii")


def _asked_lines(asked: bytes | None) -> list[str]:
    lines = (asked or b"").decode("ascii", "replace").upper().splitlines()
    return [line.strip() for line in lines if line.strip()]


def _last_query(asked: bytes | None) -> str:
    lines = _asked_lines(asked)
    return lines[-1] if lines else ""


def _unit_of(query: str) -> str | None:
    found = _MEASURE.fullmatch(query)
    if found is None or (found["detail"] and _NO_UNIT.search(found["detail"])):
        return None
    return _FUNCTIONS.get(_LONG.get(found["function"], found["function"]))


def _figure(text: str, unit: str | None) -> Event:
    number = Decimal(text)
    if abs(number) >= _OVERLOAD:
        if abs(number) == _NOT_A_NUMBER:
            return Event(Kind.STATUS, code="not a number")
        return Event(Kind.OVERLOAD, code=text)
    return Event(Kind.READING, _written(number), unit, NOT_APPLICABLE)


def _written(number: Decimal) -> str:
    """All digits that were sent and no other: with its point put in its place, or with E where that would add
    zeros in front of the point or very many behind it."""
    exponent = number.as_tuple().exponent
    plainly = isinstance(exponent, int) and -_MOST_PLACES <= exponent <= 0
    return format(number, "f") if plainly else str(number)


def _configured(text: str) -> Event | None:
    """The oldest error and the configuration, in one answer."""
    found = _CONFIGURED.fullmatch(text)
    if found is None:
        return None
    number, configuration = int(found["number"]), found["configuration"]
    if number:
        more = {"text": found["text"].replace('""', '"')}
        return Event(Kind.ERROR, code=str(number), head=SET_UP, more=more)
    return Event(Kind.OK, code=configuration, head=SET_UP)


def _error(text: str) -> Event | None:
    """One entry of the error queue; ask again until it is ``+0``."""
    found = _ERROR.fullmatch(text)
    if found is None:
        return None
    number = int(found["number"])
    if number == 0:
        return Event(Kind.OK, code="0", head=NEXT_ERROR)
    return Event(
        Kind.ERROR, code=str(number), head=NEXT_ERROR, more={"text": found["text"].replace('""', '"')}
    )


def _identity(text: str) -> Event | None:
    if _IDENTITY.fullmatch(text) is None:
        return None
    return Event(Kind.IDENTITY, text, head=IDENTIFY)
