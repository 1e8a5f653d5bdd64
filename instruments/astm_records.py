"""ASTM E1394 / CLSI LIS2-A2: records of a message, and the results in them.

H header, P patient, O order, R result, C comment, Q query, M maker's own, L terminator; each ends with CR. The
header says which characters part fields, repeats and components, and which one escapes them.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

from instruments.canonical import JsonValue
from instruments.readings import Event, Kind

TYPES = frozenset("HPORCQML")
LONGEST_RECORD = 64_000
CANNOT_BE_DONE = "X"  # report type of an order (LIS2-A2, 8.4.26)
ENDS_QUERY = "A"  # status of a request for information: the last one is withdrawn (LIS2-A2, 11.1.13)

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
        return self.repeats(number)[0]

    def repeats(self, number: int) -> list[list[str]]:
        """The components of each repeat; one at least."""
        plain, part = self.delimiters.plain, self.delimiters.components
        each = self.raw(number).split(self.delimiters.repeats)
        return [[plain(text).strip() for text in one.split(part)] for one in each]


def delimiters_of(header: str) -> Delimiters | None:
    """From ``H|\\^&``: the four characters after the type. None unless they are four different marks."""
    marks = header[1:5]
    apart = len(set(marks)) == 4 and not any(mark.isalnum() or mark.isspace() for mark in marks)
    return Delimiters(*marks) if apart else None


@dataclass(slots=True)
class Records:
    """Records out of the texts of frames, piece by piece. ``encoding``: of the analyser's texts.

    Bytes are joined before they are decoded: a frame may end in the middle of a Chinese character.
    """

    encoding: str = "latin-1"
    _delimiters: Delimiters = field(default_factory=Delimiters)
    _rest: bytes = b""

    def take(self, text: bytes, *, last: bool) -> list[Record]:
        """``text`` of one frame; ``last``: nothing of a record is still to come."""
        # LF is no part of a text either; some end a record with it, alone or behind CR.
        *lines, self._rest = (self._rest + text).replace(b"\n", b"\r").split(b"\r")
        if last or len(self._rest) > LONGEST_RECORD:
            lines, self._rest = [*lines, self._rest], b""
        found = [self._record(line.decode(self.encoding, "backslashreplace")) for line in lines]
        return [record for record in found if record is not None]

    def _record(self, line: str) -> Record | None:
        kind = line[:1]
        if kind == "H":
            self._delimiters = delimiters_of(line) or Delimiters()
        record = Record(kind, tuple(line.split(self._delimiters.fields)), self._delimiters)
        # "RESULT" is not an R record: the type stands alone in its field.
        return None if kind not in TYPES or (kind != "H" and record.fields[0] != kind) else record


@dataclass(slots=True)
class Message:
    """A message as it comes in; gives what each piece of it states.

    A result belongs to the last order, an order to the last patient; a header starts anew.
    """

    encoding: str = "latin-1"
    _records: Records = field(init=False)
    _sample: str = ""
    _patient: str = ""
    complete: bool = False  # the terminator has come

    def __post_init__(self) -> None:
        self._records = Records(self.encoding)

    def take(self, text: bytes, *, last: bool) -> list[Event]:
        """As ``Records.take``."""
        return [event for record in self._records.take(text, last=last) for event in self._said(record)]

    def _said(self, record: Record) -> list[Event]:
        match record.type:
            case "H":
                self._sample = self._patient = ""
                self.complete = False
            case "P":
                self._patient, self._sample = record.text(4) or record.text(3), ""
            case "O":
                self._sample = _first(record.components(3)) or _first(record.components(4))
                return [_impossible(record, self._sample)] if record.raw(26) == CANNOT_BE_DONE else []
            case "R":
                return [_result(record, self._sample, self._patient)]
            case "Q":
                return [_query(parts) for parts in record.repeats(3)] if record.raw(13) != ENDS_QUERY else []
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


def _query(parts: list[str]) -> Event:
    """Analysers put rack, place and kind beside the sample: ``asked`` has all they say, ``sample`` the last."""
    named = [part for part in parts if part]
    more: dict[str, JsonValue] = {"sample": named[-1] if named else ""}
    if len(named) > 1:
        more["asked"] = list(named)
    return Event(Kind.STATUS, code="query", more=more)


def _impossible(record: Record, sample: str) -> Event:
    return Event(
        Kind.STATUS, code="order_impossible", more={"sample": sample, "test": _test(record.components(5))}
    )


def _test(components: list[str]) -> str:
    """The fourth part is the analyser's own code; the first three are names and types that few fill in."""
    own = components[3] if len(components) > 3 else ""
    return own or _first(components)


def _first(components: list[str]) -> str:
    return next((part for part in components if part), "")


def _instant(text: str) -> str:
    """The device's own time in ISO 8601; as it says it where that is no time."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return text
    year, month, day, hour, minute, second = found.groups()
    try:
        datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001
    except ValueError:
        return text
    date = f"{year}-{month}-{day}"
    return date if hour is None else f"{date}T{hour}:{minute}:{second or '00'}"
