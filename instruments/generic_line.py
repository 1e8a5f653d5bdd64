"""A line described by a regular expression with named groups: the whole line matches, or nothing is read.

Groups: ``value`` (needed), ``unit``, ``status``, ``at`` (the device's own time, kept as text). Any other
group is kept under its name; ``x`` together with ``x_unit`` is kept as a pair.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from instruments.canonical import JsonValue
from instruments.codec import Command, Verb
from instruments.errors import ProfileWrong
from instruments.frames import Frame, Framer, LineFramer, Verdict
from instruments.line_pattern import LONGEST_LINE, LinePattern, read_pattern
from instruments.readings import DYNAMIC, NOT_APPLICABLE, STABLE, Event, Kind, unread

_NUMBER = re.compile(r"(?P<sign>[+-]?) *(?P<digits>\d+(?:\.\d*)?|\.\d+)(?P<power>[eE][+-]?\d{1,3})?")
_KNOWN = frozenset({"value", "unit", "status", "at"})


def compile_line(pattern: str) -> LinePattern:
    """Raises ProfileWrong: not a regular expression, no ``value`` group, or may never come to an end."""
    read = read_pattern(pattern)
    if "value" not in read.names:
        raise ProfileWrong("the line pattern needs a group called value: (?P<value>...)", "pattern_value")
    return read


@dataclass(frozen=True, slots=True)
class GenericLine:
    """``unit``: what the profile states when the wire carries none; None leaves it missing.
    ``stable`` / ``dynamic``: texts of the status group; any other text means the line is not understood.
    ``decimal``: the decimal mark of this device, a point or a comma; the other one never occurs in its figures.
    ``commands``: bytes to send for a verb, for a device that answers with one such line.
    """

    pattern: LinePattern
    terminator: bytes = b"\r\n"
    unit: str | None = None
    stable: frozenset[str] = frozenset()
    dynamic: frozenset[str] = frozenset()
    commands: Mapping[Verb, bytes] = field(default_factory=dict)
    deadline_s: float = 5.0
    decimal: str = "."
    name: str = "generic-line/1"
    _extras: tuple[tuple[str, str], ...] = field(
        init=False, repr=False, compare=False
    )  # name, that of its unit

    def __post_init__(self) -> None:
        names = self.pattern.names
        extras = (
            (name, f"{name}_unit")
            for name in names
            if name not in _KNOWN and not (name.endswith("_unit") and name[:-5] in names)
        )
        object.__setattr__(self, "_extras", tuple(extras))

    def framer(self) -> Framer:
        return LineFramer(self.terminator, LONGEST_LINE)

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        if frame.verdict is not Verdict.WHOLE or not frame.raw.isascii():
            return unread(frame)
        groups = self.groups(frame.raw)
        if groups is None:
            return Event(Kind.UNPARSED)
        number, stability = (groups["value"] or "").strip(), self._stability(groups)
        if self.decimal != ".":
            number = "" if "." in number else number.replace(self.decimal, ".")
        found = _NUMBER.fullmatch(number)
        if found is None or stability is None:
            return Event(Kind.UNPARSED)
        sign, digits, power = found.groups()
        value = (
            f"{'-' if sign == '-' else ''}{'0' if digits[0] == '.' else ''}{digits.rstrip('.')}{power or ''}"
        )
        return Event(Kind.READING, value, groups.get("unit") or self.unit, stability, more=self._more(groups))

    def groups(self, raw: bytes) -> dict[str, str | None] | None:
        """Texts of the named groups in a whole line; None where it does not match."""
        return self.pattern.texts(raw.removesuffix(self.terminator).decode("ascii"))

    def _stability(self, groups: Mapping[str, str | None]) -> str | None:
        if "status" not in groups:
            return NOT_APPLICABLE
        status = (groups["status"] or "").strip()
        if status in self.stable:
            return STABLE
        return DYNAMIC if status in self.dynamic else None

    def _more(self, groups: Mapping[str, str | None]) -> dict[str, JsonValue]:
        said: dict[str, JsonValue] = {}
        if self._extras:
            extra: dict[str, JsonValue] = {
                name: text if (pair := groups.get(unit)) is None else [text, pair]
                for name, unit in self._extras
                if (text := groups[name]) is not None
            }
            if extra:
                said["extra"] = extra
        if (at := groups.get("at")) is not None:
            said["at"] = at
        return said

    def command(self, verb: Verb) -> Command | None:
        wire = self.commands.get(verb)
        return None if wire is None else Command(verb, wire, frozenset({""}), self.deadline_s)

    def abort(self) -> Command | None:
        return None
