"""Readings within days (or runs, or bottles): analysis of variance with one factor (GUM H.5, ISO 5725-2, JJF 1059.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import to_fraction
from lims.metrology.probability import as_decimal, fisher_tail
from lims.metrology.uncertainty_sources import Evaluation, Standard, root, sample_variance


@dataclass(frozen=True, slots=True)
class NestedReadings:
    """``groups`` J of ``size`` K readings each. ``from_means``: s_a^2 = K s^2(means), J - 1 degrees of freedom;
    ``within``: s_b^2, the mean of the variances, J (K - 1); both estimate one variance if the groups do not differ."""

    mean: Fraction
    groups: int
    size: int
    from_means: Fraction
    within: Fraction

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
        """s_W of readings of one group, 50 digits."""
        return root(self.within)

    @property
    def between_deviation(self) -> Decimal:
        """s_B of the groups beyond what their readings explain, 50 digits; 0 where it would be negative."""
        return root(max(Fraction(0), (self.from_means - self.within) / self.size))

    def source(self, *, groups_differ: bool, label: str = "") -> Standard:
        """Type A uncertainty of ``mean`` (GUM H.5.2.4, H.5.2.5).

        ``groups_differ``: the days count as the observations, s_a^2 / JK with J - 1 degrees of freedom; else all
        readings are one series of JK.
        """
        count, (numerator, denominator) = self.groups * self.size, self._dofs
        if groups_differ:
            return self._standard(self.from_means / count, numerator, label)
        squares = numerator * self.from_means + denominator * self.within
        return self._standard(squares / (count - 1) / count, count - 1, label)

    @property
    def _dofs(self) -> tuple[int, int]:
        return self.groups - 1, self.groups * (self.size - 1)

    def _standard(self, variance: Fraction, dof: int, label: str) -> Standard:
        u = to_fraction(numbers.square_root(variance))
        return Standard(u, Decimal(dof), label, Evaluation.A)


def nest(groups: Sequence[Sequence[Decimal]]) -> NestedReadings:
    """Raises MetrologyError ``nested_groups`` unless there are 2 groups or more, equally large, of 2 or more."""
    sizes = {len(group) for group in groups}
    if len(sizes) != 1:
        raise _refused()
    means = [sum(map(to_fraction, group), Fraction(0)) / len(group) for group in groups if group]
    return _nested(means, [sample_variance(group) for group in groups if len(group) > 1], sizes.pop())


def nest_summaries(
    means: Sequence[Decimal | Fraction], deviations: Sequence[Decimal], size: int
) -> NestedReadings:
    """From what a log book keeps of each group: mean and standard deviation of ``size`` readings. Raises as ``nest``."""
    return _nested([to_fraction(mean) for mean in means], [to_fraction(s) ** 2 for s in deviations], size)


def _nested(means: Sequence[Fraction], variances: Sequence[Fraction], size: int) -> NestedReadings:
    if len(means) < 2 or len(means) != len(variances) or size < 2:
        raise _refused()
    mean, within = (sum(values, Fraction(0)) / len(means) for values in (means, variances))
    return NestedReadings(mean, len(means), size, size * sample_variance(means), within)


def _refused() -> MetrologyError:
    return MetrologyError(
        "nested_groups", "Give at least 2 groups, all of the same size, of 2 values or more."
    )
