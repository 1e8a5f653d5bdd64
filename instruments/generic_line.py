"""A line described by a regular expression with named groups: the whole line matches, or nothing is read.

Groups: ``value`` (needed), ``unit``, ``status``, ``at`` (the device's own time, kept as text). Any other
group is kept under its name; ``x`` together with ``x_unit`` is kept as a pair.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from instruments.canonical import JsonValue
from instruments.codec import Command, Verb
from instruments.errors import ProfileWrong
from instruments.frames import Frame, Framer, LineFramer, Verdict
from instruments.readings import DYNAMIC, NOT_APPLICABLE, STABLE, Event, Kind

LONGEST_LINE = 512
_NUMBER = re.compile(r"[+-]? *\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_KNOWN = frozenset({"value", "unit", "status", "at"})


def compile_line(pattern: str) -> re.Pattern[str]:
    """Raises ProfileWrong: not a regular expression, no ``value`` group, or may never come to an end."""
    try:
        compiled = re.compile(pattern, re.ASCII)
        tree = re._parser.parse(pattern, re.ASCII)  # type: ignore[attr-defined]
    except re.error as exc:
        raise ProfileWrong(f"the line pattern is not a regular expression: {exc}") from exc
    if "value" not in compiled.groupindex:
        raise ProfileWrong("the line pattern needs a group called value: (?P<value>...)")
    if _repeats_inside_repeat(tree):
        # (\d+)* tries every way of cutting a long line: one bad line would stop the whole bench.
        raise ProfileWrong("the line pattern repeats something that itself repeats; write it without (...+)+")
    return compiled


def _repeats_inside_repeat(tree: Iterable[tuple[object, object]], inside: bool = False) -> bool:
    for operator, argument in tree:
        name = str(operator)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high, body = argument  # type: ignore[misc]
            varies = low != high and high > 1  # type: ignore[has-type]
            if (inside and varies) or _repeats_inside_repeat(body, inside or high > 1):  # type: ignore[has-type]
                return True
        elif any(_repeats_inside_repeat(body, inside) for body in _bodies(argument)):
            return True
    return False


def _bodies(argument: object) -> Iterable[Iterable[tuple[object, object]]]:
    """Sub-patterns anywhere in a parsed node; the node shapes differ by operator."""
    if type(argument).__name__ == "SubPattern":
        yield argument  # type: ignore[misc]
    elif isinstance(argument, list | tuple):
        for inner in argument:
            yield from _bodies(inner)


@dataclass(frozen=True, slots=True)
class GenericLine:
    """``unit``: what the profile states when the wire carries none; None leaves it missing.
    ``stable`` / ``dynamic``: texts of the status group; any other text means the line is not understood.
    ``commands``: bytes to send for a verb, for a device that answers with one such line.
    """

    pattern: re.Pattern[str]
    terminator: bytes = b"\r\n"
    unit: str | None = None
    stable: frozenset[str] = frozenset()
    dynamic: frozenset[str] = frozenset()
    commands: Mapping[Verb, bytes] = field(default_factory=dict)
    deadline_s: float = 5.0
    name: str = "generic-line/1"

    def framer(self) -> Framer:
        return LineFramer(self.terminator, LONGEST_LINE)

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        if frame.verdict is not Verdict.WHOLE or not frame.raw.isascii():
            return Event(Kind.UNPARSED, code=frame.verdict.value)
        found = self.pattern.fullmatch(frame.raw.removesuffix(self.terminator).decode("ascii"))
        if found is None:
            return Event(Kind.UNPARSED)
        groups = found.groupdict()
        number, stability = groups["value"], self._stability(groups)
        if number is None or not _NUMBER.fullmatch(number.strip()) or stability is None:
            return Event(Kind.UNPARSED)
        value = number.replace(" ", "").removeprefix("+")
        return Event(Kind.READING, value, groups.get("unit") or self.unit, stability, more=_more(groups))

    def _stability(self, groups: Mapping[str, str | None]) -> str | None:
        if "status" not in groups:
            return NOT_APPLICABLE
        status = (groups["status"] or "").strip()
        if status in self.stable:
            return STABLE
        return DYNAMIC if status in self.dynamic else None

    def command(self, verb: Verb) -> Command | None:
        wire = self.commands.get(verb)
        return None if wire is None else Command(verb, wire, frozenset({""}), self.deadline_s)

    def abort(self) -> Command | None:
        return None


def _more(groups: Mapping[str, str | None]) -> dict[str, JsonValue]:
    extra: dict[str, JsonValue] = {}
    for name, text in groups.items():
        if name in _KNOWN or text is None or (name.endswith("_unit") and name[:-5] in groups):
            continue
        pair = groups.get(f"{name}_unit")
        extra[name] = text if pair is None else [text, pair]
    said: dict[str, JsonValue] = {"extra": extra} if extra else {}
    if groups.get("at") is not None:
        said["at"] = groups["at"]
    return said
