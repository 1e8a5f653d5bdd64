"""Rules that find what chance alone hardly does on a control chart: Westgard, Nelson, Western Electric."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from lims.metrology.control_limits import Baseline
from lims.metrology.exact import Exact, to_fraction


@dataclass(frozen=True, slots=True)
class ControlPoint:
    """``z``: distance from the centre in standard deviations; ``run``: which analytical run it belongs to."""

    z: Fraction
    run: str = ""


class Action(StrEnum):
    """WARNING: look closer. OUT_OF_CONTROL: the results covered are held."""

    WARNING = "warning"
    OUT_OF_CONTROL = "out_of_control"


@dataclass(frozen=True, slots=True)
class Beyond:
    """``hits`` of the last ``span`` points lie more than ``limit`` deviations out, the last one included.

    ``one_side``: all to the same side of the centre. With a limit of 0: a run on one side.
    """

    limit: Decimal
    hits: int
    span: int
    one_side: bool = True


@dataclass(frozen=True, slots=True)
class Within:
    """The last ``span`` points all lie less than ``limit`` deviations from the centre."""

    limit: Decimal
    span: int


@dataclass(frozen=True, slots=True)
class Trend:
    """The last ``span`` points rise, or fall, at every step."""

    span: int


@dataclass(frozen=True, slots=True)
class Alternating:
    """The last ``span`` points go up and down in turns."""

    span: int


@dataclass(frozen=True, slots=True)
class OppositeInRun:
    """Two points of one run lie more than ``limit`` deviations out, to opposite sides."""

    limit: Decimal


Pattern = Beyond | Within | Trend | Alternating | OppositeInRun


@dataclass(frozen=True, slots=True)
class ControlRule:
    name: str
    pattern: Pattern
    action: Action = Action.OUT_OF_CONTROL


@dataclass(frozen=True, slots=True)
class RuleSet:
    """``name`` stands on the chart."""

    name: str
    rules: tuple[ControlRule, ...]


@dataclass(frozen=True, slots=True)
class ControlFinding:
    """One rule broken, when its last point came: ``points`` are positions in the series, ascending."""

    rule_set: str
    rule: str
    action: Action
    points: tuple[int, ...]


ONE, TWO, THREE = Decimal(1), Decimal(2), Decimal(3)
_CENTRE = Decimal(0)

WESTGARD = RuleSet(
    "Westgard",
    (
        ControlRule("1-2s", Beyond(TWO, 1, 1), Action.WARNING),
        ControlRule("1-3s", Beyond(THREE, 1, 1)),
        ControlRule("2-2s", Beyond(TWO, 2, 2)),
        ControlRule("R-4s", OppositeInRun(TWO)),
        ControlRule("4-1s", Beyond(ONE, 4, 4)),
        ControlRule("10x", Beyond(_CENTRE, 10, 10)),
    ),
)
NELSON = RuleSet(
    "Nelson",
    (
        ControlRule("Nelson 1", Beyond(THREE, 1, 1)),
        ControlRule("Nelson 2", Beyond(_CENTRE, 9, 9)),
        ControlRule("Nelson 3", Trend(6)),
        ControlRule("Nelson 4", Alternating(14)),
        ControlRule("Nelson 5", Beyond(TWO, 2, 3)),
        ControlRule("Nelson 6", Beyond(ONE, 4, 5)),
        ControlRule("Nelson 7", Within(ONE, 15)),
        ControlRule("Nelson 8", Beyond(ONE, 8, 8, one_side=False)),
    ),
)
WESTERN_ELECTRIC = RuleSet(
    "Western Electric",
    (
        ControlRule("WE 1", Beyond(THREE, 1, 1)),
        ControlRule("WE 2", Beyond(TWO, 2, 3)),
        ControlRule("WE 3", Beyond(ONE, 4, 5)),
        ControlRule("WE 4", Beyond(_CENTRE, 8, 8)),
    ),
)
RULE_SETS = {rule_set.name: rule_set for rule_set in (WESTGARD, NELSON, WESTERN_ELECTRIC)}


def control_points(
    values: Sequence[Exact], baseline: Baseline, runs: Sequence[str] | None = None
) -> tuple[ControlPoint, ...]:
    """Values of one control material in order of time; ``runs``: the run of each.

    Points of several materials of one run may be put together, each with its own baseline.
    """
    names = [""] * len(values) if runs is None else runs
    centre, deviation = to_fraction(baseline.centre), to_fraction(baseline.deviation)
    return tuple(
        ControlPoint((to_fraction(value) - centre) / deviation, run)
        for value, run in zip(values, names, strict=True)
    )


def check_rules(points: Sequence[ControlPoint], rule_set: RuleSet) -> tuple[ControlFinding, ...]:
    """Every time a rule is broken, in order of its last point, then in the order of the set."""
    return tuple(
        ControlFinding(rule_set.name, rule.name, rule.action, found)
        for last in range(len(points))
        for rule in rule_set.rules
        if (found := _find(points, last, rule.pattern))
    )


def _find(points: Sequence[ControlPoint], last: int, pattern: Pattern) -> tuple[int, ...]:
    """The points that make the pattern when ``last`` completes it; empty if it does not."""
    match pattern:
        case Beyond():
            return _find_beyond(points, last, pattern)
        case OppositeInRun(limit):
            return _find_opposite(points, last, Fraction(limit))
        case Within() | Trend() | Alternating():
            window = range(last - pattern.span + 1, last + 1)
            if window.start < 0:
                return ()
            zs = [points[place].z for place in window]
            return tuple(window) if _has_shape(zs, pattern) else ()


def _has_shape(zs: Sequence[Fraction], pattern: Within | Trend | Alternating) -> bool:
    steps = [after - before for before, after in pairwise(zs)]
    match pattern:
        case Within(limit):
            return all(abs(z) < Fraction(limit) for z in zs)
        case Trend():
            return all(step > 0 for step in steps) or all(step < 0 for step in steps)
        case Alternating():
            return all(before * after < 0 for before, after in pairwise(steps))


def _find_beyond(points: Sequence[ControlPoint], last: int, pattern: Beyond) -> tuple[int, ...]:
    limit = Fraction(pattern.limit)
    here = points[last].z
    if abs(here) <= limit:
        return ()
    found = tuple(
        place
        for place in range(max(0, last - pattern.span + 1), last + 1)
        if abs(points[place].z) > limit and (not pattern.one_side or points[place].z * here > 0)
    )
    return found if len(found) >= pattern.hits else ()


def _find_opposite(points: Sequence[ControlPoint], last: int, limit: Fraction) -> tuple[int, ...]:
    here = points[last]
    if not here.run or abs(here.z) <= limit:
        return ()
    across = tuple(
        place
        for place in range(last)
        if points[place].run == here.run and abs(points[place].z) > limit and points[place].z * here.z < 0
    )
    return (*across, last) if across else ()
