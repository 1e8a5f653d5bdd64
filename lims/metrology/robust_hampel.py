"""The Q method and Hampel's estimator (ISO 13528:2015 C.5): a deviation that needs no centre, and its companion mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import to_decimal, to_fraction
from lims.metrology.uncertainty_sources import root

#: All pairs are looked at.
MAX_RESULTS = 1000
_Q_FACTOR = Fraction("2.2219")
#: b_p of 2 to 12 results, as printed in ISO 13528:2015 C.5.2 (Croux and Rousseeuw 1992).
_SMALL_FACTORS = "0.3994 0.9937 0.5132 0.8440 0.6122 0.8588 0.6699 0.8734 0.7201 0.8891 0.7574"
_SMALL = {p: Fraction(factor) for p, factor in enumerate(_SMALL_FACTORS.split(), start=2)}
#: Where psi bends, in units of s*.
_BENDS = tuple(map(Fraction, ("-4.5", "-3", "-1.5", "1.5", "3", "4.5")))


@dataclass(frozen=True, slots=True)
class HampelResult:
    """x*, 34 digits, from ``count`` results; ``deviation``: the s* it was found with; ``ignored``: positions of
    results 4.5 s* or more away, which have no weight."""

    mean: Decimal
    deviation: Decimal
    count: int
    ignored: tuple[int, ...]

    @property
    def standard_uncertainty(self) -> Decimal:
        """u(x_pt) = 1.25 s* / sqrt p of the robust mean as assigned value (ISO 13528 7.7.3)."""
        u = numbers.divide(numbers.multiply(Fraction("1.25"), self.deviation), root(Fraction(self.count)))
        return to_decimal(u)


def q_deviation(results: Sequence[Decimal]) -> Fraction:
    """s* of one result per laboratory: 2.2219 b_p times the k-th smallest distance of two results.

    k = h (h - 1) / 2 with h = p // 2 + 1, about the lower quarter of the distances. Exact; 0 where more than half of
    the results are equal. Raises MetrologyError ``robust_results`` or ``robust_results_many``.
    """
    _check(results, least=2)
    half = len(results) // 2 + 1
    distances = sorted(abs(one - other) for one, other in combinations(map(to_fraction, results), 2))
    return _Q_FACTOR * small_sample_factor(len(results)) * distances[half * (half - 1) // 2 - 1]


def small_sample_factor(count: int) -> Fraction:
    """b_p, which frees the Q method of its bias for ``count`` normal results, 2 or more."""
    if count in _SMALL:
        return _SMALL[count]
    step = Fraction(1, count)
    if count % 2:
        r = step * (Fraction("1.6019") + step * (Fraction("-2.128") - Fraction("5.172") * step))
    else:
        bent = Fraction("1.965") + step * (Fraction("6.987") - 77 * step)
        r = step * (Fraction("3.6756") + step * bent)
    return 1 / (1 + r)


def hampel(results: Sequence[Decimal], deviation: Decimal | Fraction | None = None) -> HampelResult:
    """The x* for which sum psi((x - x*) / s*) is 0; of several the one nearest to the median.

    ``deviation``: s*; None: by the Q method. The sum is made of straight pieces, so the solution is exact: no rounds,
    no start value. If s* is 0 it is the median. At least 3 results; raises as ``q_deviation``.
    """
    _check(results, least=3)
    values = sorted(map(to_fraction, results))
    spread = q_deviation(results) if deviation is None else to_fraction(deviation)
    if spread < 0:
        raise MetrologyError("uncertainty_negative", "An uncertainty or a width is not negative.")
    middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
    mean = _nearest(_solutions(values, middle, spread), middle) if spread else middle
    ignored = tuple(
        place
        for place, result in enumerate(results)
        if spread and abs(to_fraction(result) - mean) >= _BENDS[-1] * spread
    )
    return HampelResult(to_decimal(mean), to_decimal(spread), len(values), ignored)


def _psi(q: Fraction) -> Fraction:
    """Rises to 1.5 at q = 1.5, stays there to 3, falls to 0 at 4.5; the same with the other sign."""
    size = abs(q)
    if size >= _BENDS[-1]:
        return Fraction(0)
    height = min(size, _BENDS[3], _BENDS[-1] - size)
    return height if q > 0 else -height


def _solutions(values: Sequence[Fraction], middle: Fraction, spread: Fraction) -> list[Fraction]:
    """Where the sum is 0 at an end of a piece, or changes its sign within one. At the smallest result it is not
    negative, at the largest not positive, so there is one. It may be 0 all along a piece: ``middle`` is looked at too.
    """

    def total(x: Fraction) -> Fraction:
        return sum((_psi((value - x) / spread) for value in values), Fraction(0))

    bends = {value + bend * spread for value in values for bend in _BENDS}
    knots = sorted(x for x in bends | {values[0], middle, values[-1]} if values[0] <= x <= values[-1])
    heights = [(knot, total(knot)) for knot in knots]
    found = [knot for knot, height in heights if not height]
    for (left, high), (right, low) in pairwise(heights):
        if high * low < 0:
            found.append(left + (right - left) * high / (high - low))
    return found


def _nearest(found: Sequence[Fraction], middle: Fraction) -> Fraction:
    """Of two that are equally near, their mean: then no side of the median is preferred."""
    best = min(abs(x - middle) for x in found)
    nearest = [x for x in found if abs(x - middle) == best]
    return sum(nearest, Fraction(0)) / len(nearest)


def _check(results: Sequence[Decimal], *, least: int) -> None:
    if len(results) < least:
        raise MetrologyError(
            "robust_results", "A robust mean or deviation needs at least %(least)s results.", least=least
        )
    if len(results) > MAX_RESULTS:
        raise MetrologyError(
            "robust_results_many", "A robust mean takes at most %(most)s results.", most=MAX_RESULTS
        )
