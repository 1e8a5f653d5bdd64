"""Outlier tests between laboratories: Grubbs for one value, Cochran for one variance (ISO 5725-2 7.3); float is meant here.

A small p-value speaks against the value. Whether it is left out is a person's decision, with a reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import inf, sqrt

from lims.metrology.errors import MetrologyError
from lims.metrology.exact import to_decimal, to_fraction
from lims.metrology.probability import FLOAT_DIGITS, as_decimal, fisher_tail, student_cdf
from lims.metrology.uncertainty_sources import root, sample_variance

#: ISO 5725-2 7.3.2.1: an outlier below the first, a straggler below the second.
OUTLIER, STRAGGLER = Decimal("0.01"), Decimal("0.05")


#: Values that Grubbs' test needs.
LEAST = 3


class Side(StrEnum):
    """Where an outlier is looked for. ISO 5725-2 tests both ends, each at half the level: EITHER."""

    LOW = "low"
    HIGH = "high"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class OutlierTest:
    """``statistic``: G or C, 12 digits; ``place``: position of what was tested; ``p_value``: probability of as much
    or more if all are alike, at most (Bonferroni; exact where it is small)."""

    statistic: Decimal
    place: int
    p_value: Decimal

    @property
    def is_outlier(self) -> bool:
        return self.p_value <= OUTLIER

    @property
    def is_straggler(self) -> bool:
        return OUTLIER < self.p_value <= STRAGGLER


def grubbs(values: Sequence[Decimal], side: Side = Side.EITHER) -> OutlierTest:
    """G = (farthest - mean) / s of at least 3 values. Raises MetrologyError ``outlier_values``, ``outlier_spread``."""
    if len(values) < LEAST:
        raise MetrologyError(
            "outlier_values", "An outlier test needs at least %(least)s values.", least=LEAST
        )
    exact = [to_fraction(value) for value in values]
    mean, variance = sum(exact, Fraction(0)) / len(exact), sample_variance(values)
    if not variance:
        raise MetrologyError("outlier_spread", "Values that are all equal have no outlier.")
    distances = [_distance(value - mean, side) for value in exact]
    place = max(range(len(exact)), key=distances.__getitem__)
    statistic = to_decimal(root(distances[place] ** 2 / variance), FLOAT_DIGITS)
    return OutlierTest(statistic, place, as_decimal(grubbs_p_value(float(statistic), len(exact), side)))


def grubbs_p_value(statistic: float, count: int, side: Side = Side.EITHER) -> float:
    """Of G from ``count`` normal values: t^2 = n (n - 2) G^2 / ((n - 1)^2 - n G^2) with n - 2 degrees of freedom."""
    room = (count - 1) ** 2 - count * statistic**2
    t = sqrt(count * (count - 2) * statistic**2 / room) if room > 0 else inf
    tails = 2 if side is Side.EITHER else 1
    return min(1.0, tails * count * (student_cdf(-t, count - 2) if t < inf else 0.0))


def cochran(groups: Sequence[Sequence[Decimal]]) -> OutlierTest:
    """C = largest variance / sum of the variances of at least 2 groups of equally many values.

    Raises MetrologyError ``outlier_groups``, ``outlier_spread``.
    """
    sizes = {len(group) for group in groups}
    if len(groups) < 2 or len(sizes) != 1 or max(sizes) < 2:
        raise MetrologyError(
            "outlier_groups", "Give at least 2 groups, all of the same size, of 2 values or more."
        )
    variances = [sample_variance(group) for group in groups]
    total = sum(variances, Fraction(0))
    if not total:
        raise MetrologyError("outlier_spread", "Values that are all equal have no outlier.")
    place = max(range(len(groups)), key=variances.__getitem__)
    statistic = to_decimal(variances[place] / total, FLOAT_DIGITS)
    return OutlierTest(
        statistic, place, as_decimal(cochran_p_value(float(statistic), len(groups), sizes.pop()))
    )


def cochran_p_value(statistic: float, groups: int, size: int) -> float:
    """Of C from ``groups`` groups of ``size`` values: the ratio (p - 1) C / (1 - C) is one of Fisher's."""
    if statistic >= 1:
        return 0.0
    ratio = (groups - 1) * statistic / (1 - statistic)
    return min(1.0, groups * fisher_tail(ratio, size - 1, (groups - 1) * (size - 1)))


def _distance(from_mean: Fraction, side: Side) -> Fraction:
    return abs(from_mean) if side is Side.EITHER else from_mean if side is Side.HIGH else -from_mean
