"""ASTM E1394 / CLSI LIS2-A2: records of a message, and the results in them.

H header, P patient, O order, R result, C comment, Q query, M maker's own, L terminator; each ends with CR. The
header says which characters part fields, repeats and components, and which one escapes them.
"""

import re
from dataclasses import dataclass, field

from instruments.canonical import JsonValue
from instruments.readings import Event, Kind

TYPES = frozenset("HPORCQML")
LONGEST_RECORD = 64_000

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_INSTANT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Delimiters:
    fields: str = "|"
    repeats: str = "\\"
    components: str = "^"
    escape: str = "&"

    def plain(self, text: str) -> str:
        """Escaped delimiters and ``&Xhh&`` bytes back to what they stand for."""
        marks = {"F": self.fields, "S": self.components, "R": self.repeats, "E": self.escape}
        mark = re.escape(self.escape)

        def back(found: re.Match[str]) -> str:
            code = found[1]
            if code in marks:
                return marks[code]
            return bytes.fromhex(code[1:]).decode("latin-1") if code[0] == "X" else found[0]

        return re.sub(rf"{mark}([FSRE]|X(?:[0-9A-Fa-f]{{2}})+){mark}", back, text)

    def escaped(self, text: str) -> str:
        """Text that may hold delimiters, made fit for a field."""
        marks = {self.escape: "E", self.fields: "F", self.components: "S", self.repeats: "R"}
        return "".join(f"{self.escape}{marks[char]}{self.escape}" if char in marks else char for char in text)


@dataclass(frozen=True, slots=True)
class Record:
    type: str
    fields: tuple[str, ...]
    delimiters: Delimiters

    def text(self, number: int) -> str:
        """Field by its number in the standard (1 is the type), with nothing escaped; "" where it is missing."""
        return self.delimiters.plain(self.raw(number))

    def raw(self, number: int) -> str:
        return self.fields[number - 1].strip() if number <= len(self.fields) else ""

    def components(self, number: int) -> list[str]:
        """Of the first repeat."""
        first = self.raw(number).split(self.delimiters.repeats)[0]
        return [self.delimiters.plain(part).strip() for part in first.split(self.delimiters.components)]


def delimiters_of(header: str) -> Delimiters | None:
    """From ``H|\\^&``: the four characters after the type. None unless they are four different marks."""
    marks = header[1:5]
    apart = len(set(marks)) == 4 and not any(mark.isalnum() or mark.isspace() for mark in marks)
    return Delimiters(*marks) if apart else None


@dataclass(slots=True)
class Message:
    """A message as it comes in, piece by piece; gives what each piece completes.

    A result belongs to the last order, an order to the last patient; a header starts anew.
    """

    _delimiters: Delimiters = field(default_factory=Delimiters)
    _rest: str = ""
    _sample: str = ""
    _patient: str = ""
    complete: bool = False  # the terminator has come

    def take(self, text: bytes, *, last: bool) -> list[Event]:
        """``text`` of one frame; ``last``: nothing of a record is still to come."""
        *lines, self._rest = (self._rest + text.decode("latin-1")).split("\r")
        if last or len(self._rest) > LONGEST_RECORD:
            lines, self._rest = [*lines, self._rest], ""
        return [event for line in lines for event in self._record(line.strip("\n"))]

    def _record(self, line: str) -> list[Event]:
        kind = line[:1]
        if kind == "H":
            found = delimiters_of(line)
            self._delimiters = found or Delimiters()
            self._sample = self._patient = ""
            self.complete = False
        record = Record(kind, tuple(line.split(self._delimiters.fields)), self._delimiters)
        # "RESULT" is not an R record: the type stands alone in its field.
        if kind not in TYPES or (kind != "H" and record.fields[0] != kind):
            return []
        return self._said(record)

    def _said(self, record: Record) -> list[Event]:
        match record.type:
            case "P":
                self._patient, self._sample = record.text(4) or record.text(3), ""
            case "O":
                self._sample = _first(record.components(3)) or _first(record.components(4))
            case "R":
                return [_result(record, self._sample, self._patient)]
            case "Q":
                parts = [part for part in record.components(3) if part]
                return [Event(Kind.STATUS, code="query", more={"sample": parts[-1] if parts else ""})]
            case "L":
                self.complete = True
        return []


def _result(record: Record, sample: str, patient: str) -> Event:
    """Only a number by itself is a value; ``< 0.5``, ``POS`` or an error text are kept as text."""
    text = record.text(4)
    value = text if _NUMBER.fullmatch(text) else None
    said: dict[str, JsonValue] = {
        "test": _test(record.components(3)),
        "test_id": record.raw(3) if sum(map(bool, record.components(3))) > 1 else "",
        "status": record.text(9),
        "at": _instant(record.raw(13)),
        "text": "" if value is not None else text,
        "flags": record.text(7),
        "reference": record.text(6),
        "sample": sample,
        "patient": patient,
    }
    return Event(Kind.RESULT, value, record.text(5) or None, more={k: v for k, v in said.items() if v})


def _test(components: list[str]) -> str:
    """The fourth part is the analyser's own code; the first three are names and types that few fill in."""
    own = components[3] if len(components) > 3 else ""
    return own or _first(components)


def _first(components: list[str]) -> str:
    return next((part for part in components if part), "")


def _instant(text: str) -> str:
    """The device's own time as it says it, in ISO 8601; "" for what is none."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return text
    year, month, day, hour, minute, second = found.groups()
    date = f"{year}-{month}-{day}"
    return date if hour is None else f"{date}T{hour}:{minute}:{second or '00'}"
