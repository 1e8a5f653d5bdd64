"""Centre lines and limits of Shewhart charts (ISO 7870-2): given targets, individuals, means and ranges."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.uncertainty_sources import root, sample_variance


@dataclass(frozen=True, slots=True)
class RangeFactors:
    """Expected range of n normal values, and its standard deviation, in units of theirs."""

    d2: Decimal
    d3: Decimal


_D2 = (
    "1.128 1.693 2.059 2.326 2.534 2.704 2.847 2.970 3.078 3.173 3.258 3.336 3.407 3.472 3.532 3.588 3.640 "
    "3.689 3.735 3.778 3.819 3.858 3.895 3.931"
)
_D3 = (
    "0.8525 0.8884 0.8798 0.8641 0.8480 0.8332 0.8198 0.8078 0.7971 0.7873 0.7785 0.7704 0.7630 0.7562 0.7499 "
    "0.7441 0.7386 0.7335 0.7287 0.7242 0.7199 0.7159 0.7121 0.7084"
)
#: By the number of values, 2 to 25, with the digits that printed tables have (ISO 7870-2 table 2, ASTM E2587).
RANGE_FACTORS = dict(
    enumerate(map(RangeFactors, map(Decimal, _D2.split()), map(Decimal, _D3.split())), start=2)
)
#: Values that limits need.
LEAST = 2


@dataclass(frozen=True, slots=True)
class Baseline:
    """Where the points of a chart should lie: ``centre``, and the standard deviation of one point."""

    centre: Exact
    deviation: Exact

    def __post_init__(self) -> None:
        if not to_fraction(self.deviation) > 0:
            raise MetrologyError(
                "control_deviation", "A control chart needs a standard deviation greater than zero."
            )

    def line(self, deviations: int | Decimal) -> Fraction:
        """The line so many standard deviations above the centre, below it if negative."""
        return to_fraction(self.centre) + Fraction(deviations) * to_fraction(self.deviation)


@dataclass(frozen=True, slots=True)
class ChartLimits:
    """Centre line and control limits, unrounded; ``lower`` is 0 where a range cannot fall below one."""

    centre: Fraction
    lower: Fraction
    upper: Fraction


@dataclass(frozen=True, slots=True)
class PairOfCharts:
    """The chart of the values (or means) with its baseline, and the chart of their ranges."""

    values: ChartLimits
    ranges: ChartLimits
    baseline: Baseline


def baseline_from(values: Sequence[Exact]) -> Baseline:
    """Mean and standard deviation (n - 1) of at least 2 values, as for a new control material."""
    _check_number(values)
    mean = sum(map(to_fraction, values), Fraction(0)) / len(values)
    return Baseline(mean, root(sample_variance(tuple(values))))


def shewhart_limits(baseline: Baseline, width: int | Decimal = 3) -> ChartLimits:
    """Limits ``width`` standard deviations to both sides of the centre."""
    return ChartLimits(to_fraction(baseline.centre), baseline.line(-width), baseline.line(width))


def individuals_limits(values: Sequence[Decimal]) -> PairOfCharts:
    """I-MR charts: limits from the mean moving range of two, 3/1.128 = 2.66 times it.

    Raises MetrologyError ``control_points`` for fewer than 2 values, ``control_deviation`` if none moves.
    """
    _check_number(values)
    exact = [to_fraction(value) for value in values]
    ranges = moving_ranges(values)
    mean, mean_range = sum(exact, Fraction(0)) / len(exact), sum(ranges, Fraction(0)) / len(ranges)
    return _pair(mean, mean_range, n=2, averaged=1)


def mean_range_limits(groups: Sequence[Sequence[Decimal]]) -> PairOfCharts:
    """X-bar and R charts of groups of equally many values, 2 to 25; A2 = 3 / (d2 sqrt n), D3, D4 = 1 -+ 3 d3/d2.

    Raises MetrologyError ``control_groups``, or ``control_deviation`` if no group has a range.
    """
    sizes = {len(group) for group in groups}
    if len(groups) < 2 or len(sizes) != 1 or not sizes <= RANGE_FACTORS.keys():
        raise MetrologyError(
            "control_groups", "Give at least 2 groups, all of the same size, of 2 to 25 values."
        )
    (n,) = sizes
    values = [to_fraction(value) for group in groups for value in group]
    ranges = group_ranges(groups)
    mean, mean_range = sum(values, Fraction(0)) / len(values), sum(ranges, Fraction(0)) / len(ranges)
    return _pair(mean, mean_range, n=n, averaged=n)


def moving_ranges(values: Sequence[Decimal]) -> tuple[Fraction, ...]:
    """Distance of each value from the one before; one fewer than values."""
    exact = [to_fraction(value) for value in values]
    return tuple(abs(after - before) for before, after in pairwise(exact))


def group_means(groups: Sequence[Sequence[Decimal]]) -> tuple[Fraction, ...]:
    return tuple(sum(map(to_fraction, group), Fraction(0)) / len(group) for group in groups)


def group_ranges(groups: Sequence[Sequence[Decimal]]) -> tuple[Fraction, ...]:
    return tuple(to_fraction(max(group)) - to_fraction(min(group)) for group in groups)


def beyond(values: Sequence[Exact], limits: ChartLimits) -> tuple[int, ...]:
    """Positions of the values outside the limits; a value on a limit is inside."""
    return tuple(
        place for place, value in enumerate(values) if not limits.lower <= to_fraction(value) <= limits.upper
    )


def _check_number(values: Sequence[Exact]) -> None:
    if len(values) < LEAST:
        raise MetrologyError("control_points", "Limits need at least %(least)s values.", least=LEAST)


def _pair(mean: Fraction, mean_range: Fraction, *, n: int, averaged: int) -> PairOfCharts:
    factors = RANGE_FACTORS[n]
    d2, d3 = Fraction(factors.d2), Fraction(factors.d3)
    deviation = numbers.divide(mean_range / d2, numbers.square_root(Fraction(averaged)))
    baseline = Baseline(mean, deviation)
    spread = 3 * d3 / d2
    ranges = ChartLimits(mean_range, max(Fraction(0), (1 - spread) * mean_range), (1 + spread) * mean_range)
    return PairOfCharts(shewhart_limits(baseline), ranges, baseline)
