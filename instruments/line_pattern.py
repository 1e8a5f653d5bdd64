"""Match a line against a regular expression that a customer wrote, in a time that the customer cannot choose.

Python's matcher tries alternatives one by one: ``\\d*\\d*\\d*x`` on a long line takes minutes, and the whole bench
waits. Where the tries are few for a line of this length it is used all the same, because it is quick. Elsewhere
the pattern becomes a program whose every step is taken at most once for each place of the line (Thompson 1968; the
way RE2 remembers where it has been): the time grows with the line, never with its powers.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from instruments.errors import ProfileWrong

LONGEST_PATTERN = 500  # characters
LONGEST_LINE = 512  # bytes
MOST_STEPS = 800  # of a program
QUICK_STEPS = 2_000_000  # of Python's matcher: some milliseconds
_ASCII = frozenset(range(128))
_LENGTHS = (512, 256, 128, 64, 32, 16)
_CATEGORIES = {
    "CATEGORY_DIGIT": frozenset(b"0123456789"),
    "CATEGORY_SPACE": frozenset(b" \t\n\r\f\v"),
    "CATEGORY_WORD": frozenset(c for c in _ASCII if chr(c).isalnum() or c == 95),
}
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Step:
    """``take``: characters that lead on to the next step; ``ways``: other steps, the first one preferred."""

    take: frozenset[int] | None = None
    ways: tuple[int, ...] = ()
    at: str = ""
    mark: int = -1


@dataclass(frozen=True, slots=True)
class LinePattern:
    """``quick_up_to``: length of line up to which Python's own matcher is quick with this pattern."""

    pattern: re.Pattern[str]
    quick_up_to: int
    steps: tuple[_Step, ...] = field(default=(), repr=False)

    @property
    def names(self) -> Mapping[str, int]:
        return self.pattern.groupindex

    def texts(self, line: str) -> dict[str, str | None] | None:
        """What each named group holds; otherwise as ``spans``, and the quick way to it."""
        if len(line) <= self.quick_up_to:  # itself no more than the longest line
            found = self.pattern.fullmatch(line)
            return None if found is None else found.groupdict()
        spans = self.spans(line)
        if spans is None:
            return None
        return {name: None if span is None else line[slice(*span)] for name, span in spans.items()}

    def spans(self, line: str) -> dict[str, _Span | None] | None:
        """Where each named group lies in a line that matches as a whole; None for one that does not, or is longer
        than LONGEST_LINE. ``line``: ASCII."""
        if len(line) > LONGEST_LINE:
            return None
        if len(line) <= self.quick_up_to:
            found = self.pattern.fullmatch(line)
            if found is None:
                return None
            return {name: _span(*found.span(name)) for name in self.names}
        marks = _walk(self.steps, line)
        if marks is None:
            return None
        return {name: _span(marks.get(2 * n, -1), marks.get(2 * n + 1, -1)) for name, n in self.names.items()}


def _span(start: int, end: int) -> _Span | None:
    return None if start < 0 or end < 0 else (start, end)


def read_pattern(text: str) -> LinePattern:
    """Raises ProfileWrong: no regular expression, or one that may never come to an end."""
    if len(text) > LONGEST_PATTERN:
        raise ProfileWrong(f"the line pattern is longer than {LONGEST_PATTERN} characters", "pattern_long")
    try:
        compiled = re.compile(text, re.ASCII)
        tree = re._parser.parse(text, re.ASCII)  # type: ignore[attr-defined]
    except (re.error, OverflowError, RecursionError) as exc:
        raise ProfileWrong(f"the line pattern is not a regular expression: {exc}", "pattern_wrong") from exc
    if compiled.flags & ~re.ASCII:
        raise ProfileWrong("the line pattern cannot switch flags such as (?i) on", "pattern_flags")
    quick = next((n for n in _LENGTHS if _tries(tree, n) * _size(tree, n) <= QUICK_STEPS), 0)
    return LinePattern(compiled, quick, () if quick >= LONGEST_LINE else _Writer().program(tree))


# -- how many ways Python's matcher may have to try ------------------------------------------------------------


def _tries(tree: Iterable[tuple[object, Any]], length: int) -> int:
    """Ways in which a sequence can match from one place of a line of this length; capped."""
    ways = 1
    for operator, argument in tree:
        ways = min(ways * _tries_of(str(operator), argument, length), QUICK_STEPS + 1)
    return ways


def _tries_of(name: str, argument: Any, length: int) -> int:
    if name == "BRANCH":
        return sum(_tries(body, length) for body in argument[1])
    if name == "SUBPATTERN":
        return _tries(argument[3], length)
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        low, high, body = argument
        return _repeated(_tries(body, length), low, min(high, length))
    if name in ("ASSERT", "ASSERT_NOT"):
        return _tries(argument[1], length)
    if name == "ATOMIC_GROUP":
        return _tries(argument, length)
    if name == "GROUPREF_EXISTS":
        return _tries(argument[1], length) + _tries(argument[2] or (), length)
    return 1


def _size(tree: Iterable[tuple[object, Any]], length: int) -> int:
    """Steps along one way at most; what takes no character is counted each time it is repeated. Capped."""
    total = 0
    for operator, argument in tree:
        total = min(total + _size_of(str(operator), argument, length), QUICK_STEPS + 1)
    return total


def _size_of(name: str, argument: Any, length: int) -> int:
    if name == "BRANCH":
        return 1 + max((_size(body, length) for body in argument[1]), default=0)
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        low, high, body = argument
        return 1 + int(max(low, min(high, length))) * _size(body, length)
    if name == "SUBPATTERN":
        return _size(argument[3], length)
    if name in ("ASSERT", "ASSERT_NOT"):
        return 1 + _size(argument[1], length)
    if name == "ATOMIC_GROUP":
        return _size(argument, length)
    if name == "GROUPREF_EXISTS":
        return 1 + _size(argument[1], length) + _size(argument[2] or (), length)
    return length if name.startswith("GROUPREF") else 1


def _repeated(ways: int, low: int, high: int) -> int:
    if ways == 1:
        return max(high - low, 0) + 1
    total, power = 0, int(ways ** min(low, 30))
    for _ in range(low, max(low, high) + 1):
        total += power
        power *= ways
        if total > QUICK_STEPS:
            break
    return total


# -- the program ------------------------------------------------------------------------------------------------


class _Writer:
    """Writes the steps of a pattern; refuses what has no such program (looking around, repeating a group's text)."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []

    def program(self, tree: Iterable[tuple[object, Any]]) -> tuple[_Step, ...]:
        self._sequence(tree)
        return tuple(self._steps)

    def _add(self, step: _Step) -> int:
        if len(self._steps) >= MOST_STEPS:
            raise ProfileWrong(
                "the line pattern leaves too much open; write it shorter, or with exact widths",
                "pattern_open",
            )
        self._steps.append(step)
        return len(self._steps) - 1

    def _sequence(self, tree: Iterable[tuple[object, Any]]) -> None:
        for operator, argument in tree:
            self._item(str(operator), argument)

    def _item(self, name: str, argument: Any) -> None:
        match name:
            case "BRANCH":
                self._branch(argument[1])
            case "SUBPATTERN" if not argument[1] and not argument[2]:
                self._group(argument[0], argument[3])
            case "MAX_REPEAT" | "MIN_REPEAT":
                self._repeat(*argument, greedy=name == "MAX_REPEAT")
            case "AT" if str(argument) in _PLACES:
                self._add(_Step(at=str(argument)))
            case _:
                self._add(_Step(take=_characters(name, argument)))

    def _group(self, number: int | None, body: Iterable[tuple[object, Any]]) -> None:
        if number is not None:
            self._add(_Step(mark=2 * number))
        self._sequence(body)
        if number is not None:
            self._add(_Step(mark=2 * number + 1))

    def _branch(self, bodies: Sequence[Iterable[tuple[object, Any]]]) -> None:
        ends = []
        for place, body in enumerate(bodies):
            last = place == len(bodies) - 1
            fork = None if last else self._add(_Step(ways=(0, 0)))
            self._sequence(body)
            if fork is not None:
                ends.append(self._add(_Step(ways=(0,))))
                self._steps[fork] = _Step(ways=(fork + 1, len(self._steps)))
        for end in ends:
            self._steps[end] = _Step(ways=(len(self._steps),))

    def _repeat(self, low: int, high: int, body: Iterable[tuple[object, Any]], *, greedy: bool) -> None:
        for _ in range(low):
            before = len(self._steps)
            self._sequence(body)
            if len(self._steps) == before:
                return  # nothing, however often it is repeated
        if high > LONGEST_LINE:
            fork = self._add(_Step(ways=(0, 0)))
            self._sequence(body)
            self._add(_Step(ways=(fork,)))
            self._fork(fork, len(self._steps), greedy)
            return
        forks = []
        for _ in range(high - low):
            forks.append(self._add(_Step(ways=(0, 0))))
            self._sequence(body)
        for fork in forks:
            self._fork(fork, len(self._steps), greedy)

    def _fork(self, fork: int, after: int, greedy: bool) -> None:
        self._steps[fork] = _Step(ways=(fork + 1, after) if greedy else (after, fork + 1))


def _characters(name: str, argument: Any) -> frozenset[int]:
    match name:
        case "LITERAL":
            return frozenset({argument})
        case "NOT_LITERAL":
            return _ASCII - {argument}
        case "ANY":
            return _ASCII - {10}
        case "RANGE":
            return frozenset(range(argument[0], argument[1] + 1))
        case "CATEGORY":
            words = str(argument)
            known = _CATEGORIES.get(words.replace("_NOT_", "_"))
            if known is not None:
                return _ASCII - known if "_NOT_" in words else known
        case "IN":
            turned = str(argument[0][0]) == "NEGATE"
            inside = frozenset[int]().union(*(_characters(str(n), a) for n, a in argument[turned:]))
            return _ASCII - inside if turned else inside
    raise ProfileWrong(
        "the line pattern leaves much open and also looks around or repeats a group; write it more exactly",
        "pattern_looks",
    )


# -- walking it ---------------------------------------------------------------------------------------------------


def _is_word(line: str, place: int) -> bool:
    return 0 <= place < len(line) and ord(line[place]) in _CATEGORIES["CATEGORY_WORD"]


def _at_edge(line: str, place: int) -> bool:
    return _is_word(line, place - 1) != _is_word(line, place)


_PLACES: Mapping[str, Callable[[str, int], bool]] = {
    "AT_BEGINNING": lambda line, place: place == 0,
    "AT_BEGINNING_STRING": lambda line, place: place == 0,
    "AT_END": lambda line, place: place == len(line) or line[place:] == "\n",
    "AT_END_STRING": lambda line, place: place == len(line),
    "AT_BOUNDARY": _at_edge,
    "AT_NON_BOUNDARY": lambda line, place: not _at_edge(line, place),
}


def _walk(steps: Sequence[_Step], line: str) -> dict[int, int] | None:
    """Marks of the first way through, in the order in which Python would try; None where there is none.

    A step that was taken from a place before led nowhere then, and would again.
    """
    size, width = len(line), len(line) + 1
    been = bytearray(len(steps) * width)
    waiting: list[tuple[int, int, dict[int, int]]] = [(0, 0, {})]
    while waiting:
        step, place, marks = waiting.pop()
        while step < len(steps):
            seen = step * width + place
            if been[seen]:
                break
            been[seen] = 1
            now = steps[step]
            if now.take is not None:
                if place == size or ord(line[place]) not in now.take:
                    break
                step, place = step + 1, place + 1
            elif now.ways:
                waiting.extend((way, place, marks) for way in reversed(now.ways[1:]))
                step = now.ways[0]
            elif now.at:
                if not _PLACES[now.at](line, place):
                    break
                step += 1
            else:
                marks = {**marks, now.mark: place}
                step += 1
        else:
            if place == size:
                return marks
    return None
