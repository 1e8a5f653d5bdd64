"""MT-SICS, levels 0 and 1 (Mettler-Toledo reference manual MT-SICS; many Ohaus; KERN KCP is the same family).

A line is ``ID status`` with, for weights, a value in ten right-aligned columns and a unit. The columns are
checked: a lost digit makes the field shorter, and a short field is not a weight.
"""

import re
from dataclasses import dataclass

from instruments.canonical import JsonValue
from instruments.codec import Command, Verb
from instruments.frames import LONGEST_FRAME, Frame, Framer, LineFramer, Stamp, Verdict
from instruments.readings import DYNAMIC, STABLE, Event, Kind, unread

VALUE_COLUMNS = 10
LONGEST_GROUP = 16 * 1024  # bytes of one answer of many lines; I0 of a large balance has about 2 kB

_WEIGHT = re.compile(
    r"(?P<head>[A-Z]{1,3}) (?P<status>[SDA]) (?P<field> *-?\d+(?:\.\d+)?)(?: (?P<unit>[A-Za-z%/]{1,6}\d?))?"
)
_DEVICE_FAULT = re.compile(r"(?P<head>S|SU) S (?P<code>Error \d+[tb])")
_GENERAL = re.compile(r"E[STL]")
_STATUS = re.compile(r"(?P<head>[A-Z@][A-Z0-9]{0,5}) (?P<status>[AISDL+-])")
_TEXTS = re.compile(r'(?P<head>I\d{1,2}) A (?P<texts>"(?:[^"\\]|\\.)*"(?: "(?:[^"\\]|\\.)*")*)')
_LIST_LINE = re.compile(r'(?P<head>I0) [AB] (?P<level>\d) "(?P<name>[^"]*)"')
_MORE = re.compile(rb"(?!K B)(?P<head>[A-Z][A-Z0-9]{0,5}) B(?: [^\r\n]*)?\r\n")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SETTING = re.compile(r"(?P<head>[A-Z][A-Z0-9]{0,5}) A (?P<text>[!-~][ -~]{0,79})")  # how something is set
_KEY = re.compile(r"K [BCR] \d{1,3}")  # a key, with K 4: pressed, held, or its function carried out

_WEIGHT_HEADS = {"S": "DS", "T": "S", "TI": "SD", "TA": "A", "TC": "SD"}  # head: statuses that carry a weight
_STATUS_KINDS = {
    "A": Kind.OK,
    "S": Kind.OK,
    "D": Kind.OK,
    "I": Kind.STATUS,
    "L": Kind.ERROR,
    "+": Kind.OVERLOAD,
    "-": Kind.UNDERLOAD,
}
_STABILITY = {"S": STABLE, "D": DYNAMIC}


class MtSicsFramer:
    """Lines, with the lines of one long answer (``I0 B`` ... ``I0 A``) joined into one frame."""

    def __init__(self) -> None:
        self._lines = LineFramer(b"\r\n", LONGEST_FRAME)
        self._group: Frame | None = None
        self._head = b""

    @property
    def waiting(self) -> bytes:
        return (self._group.raw if self._group else b"") + self._lines.waiting

    def feed(self, chunk: bytes, at: Stamp) -> list[Frame]:
        return [frame for line in self._lines.feed(chunk, at) for frame in self._join(line)]

    def flush(self, at: Stamp) -> list[Frame]:
        return self._close(Verdict.CUT_OFF) + self._lines.flush(at)

    def _join(self, line: Frame) -> list[Frame]:
        more = _MORE.fullmatch(line.raw) if line.verdict is Verdict.WHOLE else None
        if self._group is None:
            if more is None:
                return [line]
            self._group, self._head = line, more["head"]
            return []
        # A print key may be pressed while the list is being sent: its line is nobody's part.
        if not line.raw.startswith(self._head + b" "):
            return [line]
        self._group = self._group._replace(raw=self._group.raw + line.raw, last=line.last)
        if more is None:
            return self._close(Verdict.WHOLE)
        return self._close(Verdict.OVERLONG) if len(self._group.raw) > LONGEST_GROUP else []

    def _close(self, verdict: Verdict) -> list[Frame]:
        if self._group is None:
            return []
        frame, self._group = self._group._replace(verdict=verdict), None
        return [frame]


@dataclass(frozen=True, slots=True)
class MtSics:
    """``echoes_si``: some emulators answer ``SI`` with id ``SI`` where the manual says ``S``.
    ``free_columns``: accept values that are not in ten columns; only for a device known to send them.
    ``stable_timeout_s``: longer than the balance's own stability time-out, after which it says ``S I``.
    """

    echoes_si: bool = False
    free_columns: bool = False
    stable_timeout_s: float = 45.0
    name: str = "mt-sics/1"

    def framer(self) -> Framer:
        return MtSicsFramer()

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        if frame.verdict is not Verdict.WHOLE or not frame.raw.isascii():
            return unread(frame)
        text = frame.raw.decode("ascii")
        if text.count("\r\n") > 1:
            return _command_list(text) if text.startswith("I0 ") else _many_lines(text)
        line = text.removesuffix("\r\n")
        return (
            self._weight(line)
            or _fault(line)
            or _status(line)
            or _texts(line)
            or _setting(line)
            or Event(Kind.UNPARSED)
        )

    def _weight(self, line: str) -> Event | None:
        found = _WEIGHT.fullmatch(line)
        if found is None:
            return None
        head, status, field = found["head"], found["status"], found["field"]
        more: dict[str, JsonValue] = {}
        if head == "SI" and self.echoes_si:
            head, more = "S", {"quirk": "echoes SI"}
        if status not in _WEIGHT_HEADS.get(head, "") or not self._columns_fit(field):
            return None
        kind = Kind.READING if head == "S" else Kind.TARE
        value = field.strip()
        return Event(kind, value, found["unit"], _STABILITY.get(status), None, head, more)

    def _columns_fit(self, field: str) -> bool:
        # Comparators send more than ten columns, then without a blank in front.
        full = len(field) == VALUE_COLUMNS or (len(field) > VALUE_COLUMNS and field[0] != " ")
        return full or self.free_columns

    def command(self, verb: Verb) -> Command | None:
        weight = frozenset({"S"})
        match verb:
            case Verb.IDENTIFY:
                return Command(verb, b"I4\r\n", frozenset({"I4"}), 2.0)
            case Verb.TAKE:
                return Command(verb, b"S\r\n", weight, self.stable_timeout_s, stable_only=True)
            case Verb.LOOK:
                return Command(verb, b"SI\r\n", weight, 2.0)
            case Verb.STREAM:
                return Command(verb, b"SIR\r\n", weight, 2.0)
            case Verb.TARE:
                return Command(verb, b"T\r\n", frozenset({"T"}), self.stable_timeout_s)
            case Verb.ZERO:
                return Command(verb, b"Z\r\n", frozenset({"Z"}), self.stable_timeout_s)
        return None

    def abort(self) -> Command:
        """``@`` ends every waiting command and answers with the serial number: a sure mark in the stream."""
        return Command(Verb.IDENTIFY, b"@\r\n", frozenset({"I4"}), 3.0)


def _fault(line: str) -> Event | None:
    if _GENERAL.fullmatch(line):
        return Event(Kind.ERROR, code=line, head=line)
    found = _DEVICE_FAULT.fullmatch(line)
    return Event(Kind.ERROR, code=found["code"], head="S") if found else None


def _status(line: str) -> Event | None:
    found = _STATUS.fullmatch(line)
    if found is None:
        return None
    head, status = found["head"], found["status"]
    if status in "SD" and head != "ZI":  # only "zero now" answers with a bare stability
        return None
    kind = _STATUS_KINDS[status]
    stability = _STABILITY.get(status)
    return Event(kind, stability=stability, code=line, head="S" if head in ("SU", "SIU") else head)


def _texts(line: str) -> Event | None:
    found = _TEXTS.fullmatch(line)
    if found is None:
        return None
    texts = [text.replace('\\"', '"') for text in _TEXT.findall(found["texts"])]
    if found["head"] == "I1":
        return Event(Kind.LIST, head="I1", more={"items": texts})
    return Event(Kind.IDENTITY, value=" ".join(texts), code=found["head"], head=found["head"])


def _setting(line: str) -> Event | None:
    """An answer with parameters: done so, and nothing weighed. A weight that lost a character is none of these."""
    if _KEY.fullmatch(line):
        return Event(Kind.STATUS, code=line, head="K")
    found = _SETTING.fullmatch(line)
    if found is None or found["head"] in _WEIGHT_HEADS or found["head"][0] in "IS":
        return None
    return Event(Kind.OK, code=f"{found['head']} A", head=found["head"], more={"text": found["text"]})


def _many_lines(text: str) -> Event:
    """Begun (B) and, lines later, ended: an adjustment by how it ended, anything else as the texts it lists."""
    lines = text.removesuffix("\r\n").split("\r\n")
    ended = _status(lines[-1])
    if ended is not None and all(line == f"{ended.head} B" for line in lines[:-1]):
        return ended
    head = lines[0].split(" ", 1)[0]
    parts = [line.split(" ", 2) for line in lines]
    if any(len(part) < 3 or part[0] != head or part[1] not in "AB" for part in parts):
        return Event(Kind.UNPARSED)
    items: list[JsonValue] = [part[2] for part in parts]
    return Event(Kind.LIST, head=head, more={"items": items})


def _command_list(text: str) -> Event:
    """``I0``: the commands a balance knows, each with its level."""
    lines = text.removesuffix("\r\n").split("\r\n")
    if lines[-1] == "I0 A":  # some end the list with a bare line, some with the last command
        lines.pop()
    found = [_LIST_LINE.fullmatch(line) for line in lines]
    items: list[JsonValue] = [[int(line["level"]), line["name"]] for line in found if line is not None]
    if len(items) != len(found):
        return Event(Kind.UNPARSED)
    return Event(Kind.LIST, head="I0", more={"items": items})
