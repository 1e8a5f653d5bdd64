"""Two of Kern's three families; the third, KCP, is MT-SICS (see there).

With headers (KXS, KFB, IXS manuals): ``ST,GS,+1234567  oz``. Seven columns of figure in the 6-digit format,
eight in the 7-digit format, then four of unit; over and under range the columns are blank.
Old lines (572, FKB, KB, FKT manuals): twelve columns of figure, a blank, three of unit when stable; without
unit while the load moves; ``Error`` in the same columns.
"""

import re
from dataclasses import dataclass

from instruments.codec import Command, Verb
from instruments.lines import ANSWER, LineCodec, asks, figure, plain
from instruments.readings import DYNAMIC, STABLE, Event, Kind

UNIT_COLUMNS = 4
_LABELS = {"GS": "gross", "NT": "net", "TR": "tare"}
_HEADED = re.compile(r"(?P<status>ST|US|OL),(?P<which>GS|NT|TR),(?P<sign>[ +-])(?P<rest>[ -~]*)")
_UNIT = re.compile(r" *(?:[A-Za-z%][A-Za-z%./]{0,3})? *")

_OLD = re.compile(r"(?P<memory>[ M%])(?P<field>[ \d.+-]{11}) (?P<unit>(?:[A-Za-z%][A-Za-z%. /]{2}| {3})?)")
_OLD_ERROR = re.compile(r" *Error *")
_OLD_LENGTHS = (12, 16)  # of an error line, without CR LF


@dataclass(frozen=True)
class KernHeader(LineCodec):
    """``columns``: of the figure; 7 in the 6-digit format, 8 in the 7-digit format."""

    columns: int = 7
    name: str = "kern-header/1"

    def read_line(self, line: str, asked: bytes | None) -> Event | None:
        found = _HEADED.fullmatch(line)
        if found is None or len(found["rest"]) != self.columns + UNIT_COLUMNS:
            return None
        label, rest = _LABELS[found["which"]], found["rest"]
        if found["status"] == "OL":
            # Blank, or filler digits: neither is a weight.
            kind = Kind.UNDERLOAD if found["sign"] == "-" else Kind.OVERLOAD
            return Event(kind, code="OL", more={"label": label})
        value = plain(found["sign"], rest[: self.columns].lstrip(" "))
        unit = rest[self.columns :]
        if value is None or _UNIT.fullmatch(unit) is None:
            return None
        kind = Kind.TARE if label == "tare" else Kind.READING
        stability = STABLE if found["status"] == "ST" else DYNAMIC
        return Event(kind, value, unit.strip() or None, stability, more={"label": label})

    def command(self, verb: Verb) -> Command | None:
        # T and Z are obeyed without an answer.
        match verb:
            case Verb.TAKE:
                return asks(verb, b"S\r\n", 45.0)
            case Verb.LOOK:
                return asks(verb, b"W\r\n", 3.0, heads=ANSWER)
        return None


@dataclass(frozen=True)
class KernOld(LineCodec):
    """``crlf``: the commands s and w end with CR LF (FKT); the others want the bare letter."""

    crlf: bool = False
    name: str = "kern-18/1"

    def read_line(self, line: str, asked: bytes | None) -> Event | None:
        if _OLD_ERROR.fullmatch(line) and len(line) in _OLD_LENGTHS:
            return Event(Kind.ERROR, code="Error")
        found = _OLD.fullmatch(line)
        value = None if found is None else figure(found["field"])
        if found is None or value is None:
            return None
        unit = found["unit"].strip()
        return Event(Kind.READING, value, unit or None, STABLE if unit else DYNAMIC)

    def command(self, verb: Verb) -> Command | None:
        ending = b"\r\n" if self.crlf else b""
        match verb:
            case Verb.TAKE:
                return asks(verb, b"s" + ending, 45.0)
            case Verb.LOOK:
                return asks(verb, b"w" + ending, 3.0, heads=ANSWER)
        return None
