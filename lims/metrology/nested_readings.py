"""Readings within days, bottles or laboratories: analysis of variance with one factor (GUM H.5, ISO 5725-2, JJF 1059.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from operator import mul

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import to_fraction
from lims.metrology.probability import as_decimal, fisher_tail
from lims.metrology.uncertainty_sources import Evaluation, Standard, root, sample_variance

#: Two results differ by more than 2.8 times their standard deviation in 5 % of cases: 1.96 sqrt 2 (ISO 5725-6 4.1.4).
LIMIT_FACTOR = Decimal("2.8")


@dataclass(frozen=True, slots=True)
class NestedReadings:
    """``sizes``: how many readings each group has, ``mean``: of them all. ``from_means``: s_a^2 = sum(K (mean of the group
    - mean)^2) / (J - 1); ``within``: s_b^2, the pooled variance of the groups; both estimate one variance if the groups
    do not differ."""

    mean: Fraction
    sizes: tuple[int, ...]
    from_means: Fraction
    within: Fraction

    @property
    def mean_size(self) -> Fraction:
        """n bar of ISO 5725-2 7.4.5; K where all groups have K readings."""
        count = sum(self.sizes)
        return (count - Fraction(sum(map(mul, self.sizes, self.sizes)), count)) / (len(self.sizes) - 1)

    @property
    def ratio(self) -> Fraction | None:
        """F = s_a^2 / s_b^2; None where no reading differs from its group's mean."""
        return self.from_means / self.within if self.within else None

    @property
    def p_value(self) -> Decimal:
        """Probability of this F or a greater one if the groups do not differ, 12 digits."""
        if self.ratio is None:
            return Decimal(0) if self.from_means else Decimal(1)
        numerator, denominator = self._dofs
        return as_decimal(fisher_tail(self.ratio, numerator, denominator))

    @property
    def within_deviation(self) -> Decimal:
        """s_W of readings of one group, of laboratories s_r, 50 digits."""
        return root(self.within)

    @property
    def between_deviation(self) -> Decimal:
        """s_B of the groups beyond what their readings explain, 50 digits; 0 where it would be negative."""
        return root(self._between)

    @property
    def overall_deviation(self) -> Decimal:
        """Of a reading of any group, of laboratories s_R, 50 digits: never below ``within_deviation``."""
        return root(self._between + self.within)

    @property
    def repeatability_limit(self) -> Decimal:
        """r: two results of one laboratory differ by more in 5 % of cases."""
        return LIMIT_FACTOR * self.within_deviation

    @property
    def reproducibility_limit(self) -> Decimal:
        """R: as r, for results of two laboratories."""
        return LIMIT_FACTOR * self.overall_deviation

    def source(self, *, groups_differ: bool, label: str = "") -> Standard:
        """Type A uncertainty of ``mean`` (GUM H.5.2.4, H.5.2.5).

        ``groups_differ``: the days count as the observations, s_a^2 / JK with J - 1 degrees of freedom, for groups of
        one size only; else all readings are one series of JK. Raises MetrologyError ``nested_sizes``.
        """
        count, (numerator, denominator) = sum(self.sizes), self._dofs
        if not groups_differ:
            squares = numerator * self.from_means + denominator * self.within
            return _standard(squares / (count - 1) / count, count - 1, label)
        if len(set(self.sizes)) > 1:
            raise MetrologyError(
                "nested_sizes", "The groups count as observations only if all have the same size."
            )
        return _standard(self.from_means / count, numerator, label)

    @property
    def _between(self) -> Fraction:
        return max(Fraction(0), (self.from_means - self.within) / self.mean_size)

    @property
    def _dofs(self) -> tuple[int, int]:
        groups = len(self.sizes)
        return groups - 1, sum(self.sizes) - groups


def nest(groups: Sequence[Sequence[Decimal]]) -> NestedReadings:
    """Raises MetrologyError ``nested_groups`` unless there are 2 groups or more, none of them empty, one with 2 readings
    or more."""
    if not all(groups):
        raise _refused()
    means = [sum(map(to_fraction, group), Fraction(0)) / len(group) for group in groups]
    variances = [sample_variance(group) if len(group) > 1 else Fraction(0) for group in groups]
    return _nested(means, variances, tuple(map(len, groups)))


def nest_summaries(
    means: Sequence[Decimal | Fraction], deviations: Sequence[Decimal], sizes: Sequence[int]
) -> NestedReadings:
    """From what a log book keeps of each group: mean and standard deviation of so many readings. Raises as ``nest``."""
    variances = [to_fraction(s) ** 2 for s in deviations]
    if not len(means) == len(variances) == len(sizes) or any(size < 1 for size in sizes):
        raise _refused()
    return _nested([to_fraction(mean) for mean in means], variances, tuple(sizes))


def _nested(
    means: Sequence[Fraction], variances: Sequence[Fraction], sizes: tuple[int, ...]
) -> NestedReadings:
    within = [size - 1 for size in sizes]
    if len(sizes) < 2 or not any(within):
        raise _refused()
    mean = sum(map(mul, sizes, means), Fraction(0)) / sum(sizes)
    squares = [(one - mean) ** 2 for one in means]
    from_means = sum(map(mul, sizes, squares), Fraction(0)) / (len(sizes) - 1)
    return NestedReadings(
        mean, sizes, from_means, sum(map(mul, within, variances), Fraction(0)) / sum(within)
    )


def _standard(variance: Fraction, dof: int, label: str) -> Standard:
    u = to_fraction(numbers.square_root(variance))
    return Standard(u, Decimal(dof), label, Evaluation.A)


def _refused() -> MetrologyError:
    return MetrologyError(
        "nested_groups", "Give at least 2 groups of values, one of them with 2 values or more."
    )
