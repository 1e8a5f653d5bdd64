"""Ohaus printing format (Explorer and Defender manuals, RS232 interface manual).

The figure right-aligned in its columns, a blank, the unit (up to five characters), ``?`` while unstable, and a
legend: the time of an interval print, TOTAL, NET.
"""

import re
from dataclasses import dataclass

from instruments.codec import Command, Verb
from instruments.lines import ANSWER, LineCodec, asks, figure
from instruments.readings import DYNAMIC, STABLE, Event, Kind

_AFTER = re.compile(
    r" (?P<unit>oz t|tl [A-Z]|lb oz|[A-Za-z%][A-Za-z%:/]{0,4})"  # troy ounces are no ounces with a legend t
    r"(?:(?: {1,6}(?P<unstable>\?)?) ?(?: {0,2}(?P<legend>[A-Za-z0-9#!][ -~]{0,15}?))?)? *"
)
_TARES = frozenset({"T", "TARE", "PT"})
_SAYS = {b"PSN": "serial", b"PV": "software", b"V": "software"}
_TEXT = re.compile(r"[ -~]{1,64}")
_ERROR = re.compile(r"ES|Err(?:or)? ?\d{1,2}(?:\.\d{1,2})?|\[Err \d{1,2}\]")


@dataclass(frozen=True)
class Ohaus(LineCodec):
    """``columns``: of the figure; 10 for Explorer and Scout, 9 for Defender, 12 for older ones."""

    columns: int = 10
    name: str = "ohaus/1"

    def read_line(self, line: str, asked: bytes | None) -> Event | None:
        if _ERROR.fullmatch(line):
            return Event(Kind.ERROR, code=line.strip("[]"), head="ES")
        if line == "OK!":
            return Event(Kind.OK, code=line)
        said = self._reading(line)  # also when the print key was pressed before the answer came
        says = _SAYS.get((asked or b"").strip())
        if said is None and says is not None and _TEXT.fullmatch(line):
            return Event(Kind.IDENTITY, line.strip(), code=says, head=says)
        return said

    def _reading(self, line: str) -> Event | None:
        value, found = figure(line[: self.columns]), _AFTER.fullmatch(line[self.columns :])
        if value is None or found is None:
            return None
        legend = found["legend"]
        kind = Kind.TARE if legend in _TARES else Kind.READING
        more = {} if legend is None else {"legend": legend}
        return Event(kind, value, found["unit"], DYNAMIC if found["unstable"] else STABLE, more=more)

    def command(self, verb: Verb) -> Command | None:
        match verb:
            case Verb.IDENTIFY:
                return asks(verb, b"PSN\r\n", 3.0, heads=frozenset({"serial"}))
            case Verb.TAKE:
                return asks(verb, b"SP\r\n", 45.0)  # the balance gives up after 40 s and says ES
            case Verb.LOOK:
                return asks(verb, b"IP\r\n", 3.0, heads=ANSWER)
        return None
