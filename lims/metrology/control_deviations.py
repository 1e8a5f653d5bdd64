"""Limits of charts of means and standard deviations, X-bar and S (ISO 7870-2, NIST e-Handbook 6.3.2.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from lims.metrology import formula_numbers as numbers
from lims.metrology.control_limits import Baseline, ChartLimits, group_means, shewhart_limits
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.formula_circle import PI_KEPT
from lims.metrology.uncertainty_sources import root, sample_variance

MAX_GROUP = 100


@dataclass(frozen=True, slots=True)
class MeanDeviationCharts:
    """The chart of the means with its baseline, and the chart of the standard deviations."""

    means: ChartLimits
    deviations: ChartLimits
    baseline: Baseline


def deviation_factor(count: int) -> Exact:
    """c4: expected standard deviation of ``count`` normal values in units of theirs; 2 values 0.7979.

    By c4(2) = sqrt(2 / pi) and c4(n + 1) c4(n) = sqrt((n - 1) / n); 50 digits, so that A3, B3, B4 print as in tables.
    """
    factor: Exact = numbers.square_root(numbers.divide(Fraction(2), PI_KEPT))
    for n in range(2, count):
        factor = numbers.divide(numbers.square_root(Fraction(n - 1, n)), factor)
    return factor


def mean_deviation_limits(groups: Sequence[Sequence[Decimal]]) -> MeanDeviationCharts:
    """X-bar and S charts of groups of equally many values: A3 = 3 / (c4 sqrt n); B3, B4 = 1 -+ 3 sqrt(1 - c4^2) / c4.

    Groups of 2 to 100 values. Raises MetrologyError ``control_groups_large``, or ``control_deviation`` if no group varies.
    """
    sizes = {len(group) for group in groups}
    if len(groups) < 2 or len(sizes) != 1 or not 2 <= max(sizes) <= MAX_GROUP:
        raise MetrologyError(
            "control_groups_large", "Give at least 2 groups, all of the same size, of 2 to 100 values."
        )
    (n,) = sizes
    means, deviations = group_means(groups), group_deviations(groups)
    centre = sum(means, Fraction(0)) / len(means)
    mean_deviation = sum(map(to_fraction, deviations), Fraction(0)) / len(deviations)
    c4 = deviation_factor(n)
    sigma = numbers.divide(mean_deviation, c4)
    baseline = Baseline(centre, numbers.divide(sigma, numbers.square_root(Fraction(n))))
    return MeanDeviationCharts(shewhart_limits(baseline), _around(mean_deviation, c4), baseline)


def group_deviations(groups: Sequence[Sequence[Decimal]]) -> tuple[Decimal, ...]:
    """s of each group, 50 digits."""
    return tuple(root(sample_variance(group)) for group in groups)


def _around(mean_deviation: Fraction, c4: Exact) -> ChartLimits:
    spread = numbers.square_root(numbers.subtract(Fraction(1), numbers.multiply(c4, c4)))
    reach = 3 * to_fraction(numbers.divide(spread, c4)) * mean_deviation
    return ChartLimits(mean_deviation, max(Fraction(0), mean_deviation - reach), mean_deviation + reach)
