"""What a control sample is held against: its statistic, its bounds, its chart; and where controls stand in a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from lims.metrology.control_limits import Baseline, baseline_from
from lims.metrology.control_rules import (
    RULE_SETS,
    Action,
    ControlFinding,
    ControlPoint,
    check_rules,
    control_points,
)
from lims.metrology.control_sums import cusum, ewma
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.values import BelowQuantification, NotDetected, Number, ResultValue


class ControlKind(StrEnum):
    BLANK = "blank"
    CONTROL = "control"
    REFERENCE = "reference"
    DUPLICATE = "duplicate"
    SPIKE = "spike"
    BLIND = "blind"


#: Made from a sample of the run, and compared with it.
FROM_SAMPLE = frozenset({ControlKind.DUPLICATE, ControlKind.SPIKE})


class Memory(StrEnum):
    """A chart that finds slow drift, beside the rule set."""

    NONE = ""
    CUSUM = "cusum"
    EWMA = "ewma"


class ControlOutcome(StrEnum):
    """BUILDING: within its bounds, and the chart has too few points for limits of its own."""

    IN_CONTROL = "in_control"
    BUILDING = "building"
    WARNING = "warning"
    OUT_OF_CONTROL = "out_of_control"


# -- the figure that is plotted ------------------------------------------------------


def relative_difference(one: Exact, other: Exact) -> Fraction:
    """Of two results of one sample: |difference| in percent of their mean; 0 where both are 0."""
    first, second = to_fraction(one), to_fraction(other)
    if first == second:
        return Fraction(0)
    if first + second == 0:
        raise MetrologyError("control_mean_zero", "The mean of the two results is zero.")
    return abs(first - second) * 200 / abs(first + second)


def recovery(spiked: Exact, unspiked: Exact, added: Exact) -> Fraction:
    """In percent of what was added, all in one unit."""
    if to_fraction(added) <= 0:
        raise MetrologyError("control_spike_zero", "A spike adds more than nothing.")
    return (to_fraction(spiked) - to_fraction(unspiked)) * 100 / to_fraction(added)


def figure_of(value: ResultValue, exact: Exact | None = None) -> Exact | None:
    """What a result counts in a comparison: its unrounded figure; None for what was not found.

    Raises MetrologyError ``control_no_figure`` for a result in words or beyond the range.
    """
    match value:
        case Number(figure, _unit, _mark):
            return exact if exact is not None else figure
        case NotDetected() | BelowQuantification():
            return None
    raise MetrologyError("control_no_figure", "The result of this control is not a figure.")


def statistic_of(
    kind: ControlKind, found: Exact | None, source: Exact | None = None, added: Exact | None = None
) -> Fraction | None:
    """What is plotted: the result itself, the difference of duplicates in %, the recovery of a spike in %.

    None: nothing was found where nothing need be (a blank, or both duplicates). A sample without the
    substance counts as 0 for its spike. Raises MetrologyError, ``control_one_not_found`` where only one
    of two duplicates has a figure, ``control_not_found`` where a control that contains it has none.
    """
    match kind:
        case ControlKind.DUPLICATE:
            if found is None and source is None:
                return None
            if found is None or source is None:
                raise MetrologyError(
                    "control_one_not_found", "Only one of the two results is a figure: they do not agree."
                )
            return relative_difference(found, source)
        case ControlKind.SPIKE:
            return recovery(found or Fraction(0), source or Fraction(0), added or Fraction(0))
        case ControlKind.BLANK:
            return None if found is None else to_fraction(found)
    if found is None:
        raise MetrologyError("control_not_found", "The control contains it, and nothing was found.")
    return to_fraction(found)


# -- judged --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ControlBounds:
    """What one control must keep: ``low`` to ``high`` of its statistic, both included, None: open.

    ``target`` and ``deviation``: of the chart, None: from the first ``own_points`` in control. ``rule_set``: a
    name of RULE_SETS, or "" for bounds alone.
    """

    low: Decimal | None = None
    high: Decimal | None = None
    target: Decimal | None = None
    deviation: Decimal | None = None
    rule_set: str = ""
    memory: Memory = Memory.NONE
    own_points: int = 20


@dataclass(frozen=True, slots=True)
class EarlierPoint:
    """``out``: it was out of control, and does not make limits."""

    statistic: Exact
    run: str = ""
    out: bool = False


@dataclass(frozen=True, slots=True)
class ControlJudgement:
    """``findings``: rules that the last point breaks; their places count ``earlier``, the last point behind them.

    ``beyond_bounds``: it leaves ``low`` to ``high``. ``baseline`` None: no limits yet, or no chart.
    """

    outcome: ControlOutcome
    findings: tuple[ControlFinding, ...] = ()
    beyond_bounds: bool = False
    baseline: Baseline | None = None


def baseline_of(bounds: ControlBounds, earlier: Sequence[EarlierPoint]) -> Baseline | None:
    """Assigned, or from the first own points in control; None while there are too few, or if they are all alike."""
    if bounds.target is not None and bounds.deviation is not None:
        return Baseline(bounds.target, bounds.deviation)
    good = [to_fraction(one.statistic) for one in earlier if not one.out][: bounds.own_points]
    if len(good) < bounds.own_points or len(set(good)) < 2:
        return None
    return baseline_from(good)


def judge_control(
    bounds: ControlBounds,
    statistic: Exact,
    run: str,
    earlier: Sequence[EarlierPoint],
    settled: Baseline | None = None,
) -> ControlJudgement:
    """The newest point of a chart. ``earlier``: those before it, in order of time; ``run``: its worksheet.

    ``settled``: limits that own points made long ago, which ``earlier`` need not reach back to.
    """
    beyond = _beyond_bounds(bounds, statistic)
    if not bounds.rule_set and bounds.memory is Memory.NONE:
        return ControlJudgement(_outcome((), beyond, building=False), (), beyond)
    baseline = settled or baseline_of(bounds, earlier)
    if baseline is None:
        return ControlJudgement(_outcome((), beyond, building=True), (), beyond)
    points = [*earlier, EarlierPoint(statistic, run)]
    findings = tuple(
        one for one in chart_findings(bounds, points, baseline) if one.points[-1] == len(earlier)
    )
    return ControlJudgement(_outcome(findings, beyond, building=False), findings, beyond, baseline)


def chart_findings(
    bounds: ControlBounds, points: Sequence[EarlierPoint], baseline: Baseline
) -> tuple[ControlFinding, ...]:
    """Every time a rule of the set, or of the chart with a memory, is broken."""
    values = [one.statistic for one in points]
    scaled: tuple[ControlPoint, ...] = control_points(values, baseline, [one.run for one in points])
    found = list(check_rules(scaled, RULE_SETS[bounds.rule_set])) if bounds.rule_set else []
    if bounds.memory is Memory.CUSUM:
        found += cusum(scaled).findings
    elif bounds.memory is Memory.EWMA:
        found += ewma(values, baseline).findings
    return tuple(found)


def _beyond_bounds(bounds: ControlBounds, statistic: Exact) -> bool:
    value = to_fraction(statistic)
    below = bounds.low is not None and value < to_fraction(bounds.low)
    return below or (bounds.high is not None and value > to_fraction(bounds.high))


def _outcome(findings: Sequence[ControlFinding], beyond: bool, *, building: bool) -> ControlOutcome:
    if beyond or any(one.action is Action.OUT_OF_CONTROL for one in findings):
        return ControlOutcome.OUT_OF_CONTROL
    if findings:
        return ControlOutcome.WARNING
    return ControlOutcome.BUILDING if building else ControlOutcome.IN_CONTROL


# -- where controls stand ------------------------------------------------------------

START, END = 0, -1


@dataclass(frozen=True, slots=True)
class Slot:
    """One place in a run: ``number`` is START, END, or k for the k-th group of samples; ``after``: how many
    samples stand before it."""

    number: int
    after: int


def slots_of(
    kind: ControlKind, samples: int, *, at_start: bool, at_end: bool, every: int | None
) -> tuple[Slot, ...]:
    """Where one line of a template puts its controls among ``samples``.

    A control material stands before them, behind them, and behind every full group of ``every``. A duplicate
    or spike is made from the first sample of each group of ``every``, also of a last one that is not full;
    without ``every`` from the first sample of all.
    """
    if samples < 1:
        return ()
    if kind in FROM_SAMPLE:
        size = every or samples
        return tuple(Slot(n + 1, n * size + 1) for n in range(-(-samples // size)))
    found = [Slot(START, 0)] if at_start else []
    found += [Slot(n, n * every) for n in range(1, samples // every + 1)] if every else []
    # A control behind the last full group is the one behind all.
    if at_end and not (every and samples % every == 0):
        found.append(Slot(END, samples))
    return tuple(found)


def covered(samples: int, own: int, others: Sequence[int]) -> range:
    """The samples (counted from 0) for which a control speaks that stands behind ``own`` of them.

    ``others``: where controls of the same line stand. It speaks for those between its neighbours; a run with
    one control of a line speaks as a whole.
    """
    before = [place for place in others if place < own]
    behind = [place for place in others if place > own]
    return range(max(before, default=0), min(behind, default=samples))
