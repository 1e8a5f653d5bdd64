"""Robust mean and standard deviation by Algorithm A (ISO 13528:2015 C.3, ISO 5725-5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_decimal, to_fraction
from lims.metrology.rounding import round_significant
from lims.metrology.uncertainty_sources import root

LEAST = 3
MAX_ROUNDS = 2000
#: Where most results are equal, s* shrinks in every round without end; below this part of the first it is 0.
_COLLAPSED = Fraction("1E-6")
_CLIP = Fraction("1.5")
_MAD_FACTOR = Fraction("1.483")
_DEVIATION_FACTOR = Fraction("1.134")
#: Normal quartiles are 1.349 standard deviations apart.
_QUARTILE_FACTOR = Fraction("1.349")


class Start(StrEnum):
    """Which first standard deviation was possible: scaled median deviation; if that is 0, scaled distance of
    the quartiles; if that is 0 too, the ordinary standard deviation (ISO 13528 C.3.1 note)."""

    MEDIAN_DEVIATION = "median_deviation"
    QUARTILES = "quartiles"
    STANDARD_DEVIATION = "standard_deviation"


@dataclass(frozen=True, slots=True)
class RobustResult:
    """x* and s*, 34 digits (s* is 0 and x* the median where most results are equal), from ``count`` results after ``rounds``; ``clipped``: positions pulled in at the
    end. ``start`` and ``first_deviation`` say how s* began."""

    mean: Decimal
    deviation: Decimal
    count: int
    rounds: int
    start: Start
    first_deviation: Decimal
    clipped: tuple[int, ...]

    @property
    def standard_uncertainty(self) -> Decimal:
        """u(x_pt) = 1.25 s* / sqrt p of the robust mean as assigned value (ISO 13528 7.7.3)."""
        u = numbers.divide(numbers.multiply(Fraction("1.25"), self.deviation), root(Fraction(self.count)))
        return to_decimal(u)


def algorithm_a(results: Sequence[Decimal], *, figures: int = 3) -> RobustResult:
    """Pull results beyond x* +- 1.5 s* in to there and recompute until x* and s* stand still.

    ``results``: at least 3, one per laboratory, in any order. ``figures``: significant figures that must no
    longer change; the standard asks for the third, up to 12 are possible. Raises MetrologyError
    ``robust_results``, ``robust_figures`` or ``robust_unsettled``.
    """
    if len(results) < LEAST:
        raise MetrologyError("robust_results", "Algorithm A needs at least %(least)s results.", least=LEAST)
    if not 3 <= figures <= 12:
        raise MetrologyError("robust_figures", "Algorithm A stops at 3 to 12 significant figures.")
    values = [to_fraction(result) for result in results]
    mean: Exact = _median(values)
    deviation, start = _first_deviation(values, to_fraction(mean))
    first = to_decimal(deviation)
    nothing = to_fraction(deviation) * _COLLAPSED
    for rounds in range(1, MAX_ROUNDS + 1):
        reach = numbers.multiply(_CLIP, deviation)
        low, high = (to_fraction(end) for end in (numbers.subtract(mean, reach), numbers.add(mean, reach)))
        pulled = [min(max(value, low), high) for value in values]
        before = mean, deviation
        mean = numbers.settled(sum(pulled, Fraction(0)) / len(pulled))
        deviation = numbers.multiply(_DEVIATION_FACTOR, root(_variance(pulled)))
        if to_fraction(deviation) < nothing:
            mean, deviation = _median(values), Fraction(0)
            low = high = mean
        if not deviation or _still(before, (mean, deviation), figures):
            clipped = tuple(place for place, value in enumerate(values) if not low <= value <= high)
            return RobustResult(
                to_decimal(mean), to_decimal(deviation), len(values), rounds, start, first, clipped
            )
    raise MetrologyError("robust_unsettled", "The robust mean does not settle.")


def _first_deviation(values: Sequence[Fraction], centre: Fraction) -> tuple[Exact, Start]:
    from_median = _MAD_FACTOR * _median([abs(value - centre) for value in values])
    if from_median:
        return from_median, Start.MEDIAN_DEVIATION
    ordered = sorted(values)
    quartiles = (_quantile(ordered, Fraction(3, 4)) - _quantile(ordered, Fraction(1, 4))) / _QUARTILE_FACTOR
    if quartiles:
        return quartiles, Start.QUARTILES
    return root(_variance(values)), Start.STANDARD_DEVIATION


def _median(values: Sequence[Fraction]) -> Fraction:
    return _quantile(sorted(values), Fraction(1, 2))


def _quantile(ordered: Sequence[Fraction], share: Fraction) -> Fraction:
    """Between the two nearest results, in proportion (type 7 of Hyndman and Fan)."""
    below, rest = divmod(share * (len(ordered) - 1), 1)
    first = ordered[int(below)]
    return first if not rest else first + rest * (ordered[int(below) + 1] - first)


def _variance(values: Sequence[Fraction]) -> Fraction:
    centre = sum(values, Fraction(0)) / len(values)
    return sum(((value - centre) ** 2 for value in values), Fraction(0)) / (len(values) - 1)


def _still(before: tuple[Exact, Exact], after: tuple[Exact, Exact], figures: int) -> bool:
    old, new = ([round_significant(one, figures) for one in both] for both in (before, after))
    return old == new
