"""A&D standard format (manuals of GX, FX-i, EK-L): header, sign, eight columns with the point, unit, CR LF; and
the CSV format (FZ-CT, AD-4212D), which has one comma more.

With a comparator a second header stands before the figure. Out of range the digits are filler and are not
read. With acknowledging switched on (``erCd 1``) control commands are answered by 06h or ``EC,Exx``.
"""

import re
from dataclasses import dataclass

from instruments.codec import Command, Verb
from instruments.frames import LONGEST_FRAME, Cut, Framer, MeasuredFramer
from instruments.lines import LineCodec, asks, plain
from instruments.readings import DYNAMIC, STABLE, Event, Kind

ACKNOWLEDGE = b"\x06"

_HEADERS = {"ST": (Kind.READING, STABLE), "QT": (Kind.READING, STABLE), "WT": (Kind.READING, STABLE)}
_HEADERS |= {"US": (Kind.READING, DYNAMIC), "PT": (Kind.TARE, STABLE)}
_LABELS = {"PT": "preset tare"}
_COMPARATOR = r"(?:,(?P<comparator>HH|HI|OK|LO|LL|--))?"
_READING = re.compile(
    rf"(?P<header>ST|QT|US|WT|PT){_COMPARATOR},(?P<sign>[+-])(?P<digits>[\d.]+)"
    r",?(?P<unit> {2}[A-Za-z%]| [A-Za-z%]{2}|[A-Za-z%]{3}| {3})"  # with a comma in the CSV format
)
# Some fill with nines and a blank, some with 9999999E+19, with or without a unit behind.
_OUT_OF_RANGE = re.compile(rf"OL{_COMPARATOR},(?P<sign>[+-])[9.]+(?:E\+\d\d)?(?:,?[ A-Za-z%]{{3}})?")
_TEXT = re.compile(r"(?P<header>ID|SN|TN),(?P<text>[ -~]{1,24})")
_ERROR = re.compile(r"EC, ?(?P<code>E\d\d)")


@dataclass(frozen=True)
class AndStandard(LineCodec):
    """``identify``: the question this model answers with who it is, such as ``?SN``; None where it has none.
    ``acknowledges``: the balance is set to ``erCd 1``, so tare and zero get an answer.
    ``columns``: of the figure with its point; 9 for micro-balances.
    ``bare_acknowledge``: 06h comes without CR LF, so nothing has to be waited for behind it.
    """

    identify: str | None = None
    acknowledges: bool = False
    bare_acknowledge: bool = False
    columns: int = 8
    name: str = "a-and-d/1"

    def framer(self) -> Framer:
        return MeasuredFramer(self._measure)

    def _measure(self, waiting: bytes, ended: bool) -> Cut | None:
        if waiting[:1] == ACKNOWLEDGE:
            ending = waiting[1:3]
            if ending == self.terminator:
                return Cut(3)
            if self.bare_acknowledge or ended or not self.terminator.startswith(ending):
                return Cut(1)
            return None
        end = waiting.find(self.terminator, 0, LONGEST_FRAME)
        return None if end < 0 else Cut(end + len(self.terminator))

    def read_line(self, line: str, asked: bytes | None) -> Event | None:
        if line.encode("ascii") == ACKNOWLEDGE:
            return Event(Kind.OK, code="AK", head="AK")
        return _reading(line, self.columns) or _out_of_range(line) or _text(line)

    def command(self, verb: Verb) -> Command | None:
        answered, acknowledged = frozenset({"", "EC"}), frozenset({"AK", "EC"})
        match verb:
            case Verb.IDENTIFY if self.identify is not None:
                head = self.identify.lstrip("?")
                return asks(verb, f"{self.identify}\r\n".encode("ascii"), 3.0, heads=frozenset({head, "EC"}))
            case Verb.TAKE:
                return asks(verb, b"S\r\n", 45.0, heads=answered)
            case Verb.LOOK:
                return asks(verb, b"Q\r\n", 3.0, heads=answered)
            case Verb.TARE if self.acknowledges:
                return asks(verb, b"T\r\n", 45.0, heads=acknowledged)
            case Verb.ZERO if self.acknowledges:
                return asks(verb, b"Z\r\n", 45.0, heads=acknowledged)
        return None


def _reading(line: str, columns: int) -> Event | None:
    found = _READING.fullmatch(line)
    value = None if found is None else plain(found["sign"], found["digits"])
    if found is None or value is None or len(found["digits"]) != columns:
        return None
    kind, stability = _HEADERS[found["header"]]
    return Event(kind, value, found["unit"].strip() or None, stability, more=_more(found))


def _out_of_range(line: str) -> Event | None:
    found = _OUT_OF_RANGE.fullmatch(line)
    if found is None:
        return None
    kind = Kind.OVERLOAD if found["sign"] == "+" else Kind.UNDERLOAD
    return Event(kind, code="OL", more=_more(found))


def _more(found: re.Match[str]) -> dict[str, str]:
    groups = found.groupdict()
    more = {} if groups["comparator"] is None else {"comparator": groups["comparator"]}
    label = _LABELS.get(groups.get("header") or "")
    return more if label is None else {**more, "label": label}


def _text(line: str) -> Event | None:
    error = _ERROR.fullmatch(line)
    if error is not None:
        return Event(Kind.ERROR, code=error["code"], head="EC")
    found = _TEXT.fullmatch(line)
    if found is None:
        return None
    return Event(Kind.IDENTITY, found["text"].strip(), code=found["header"], head=found["header"])
