"""Input quantities of a measurement model and how they hang together (GUM 4, 5.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from operator import mul

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.uncertainty_sources import Readings, Source, variance_together

MAX_QUANTITIES = 60


@dataclass(frozen=True, slots=True)
class Quantity:
    """One input: its estimate and the sources of its uncertainty; without sources it is exact.

    ``estimate`` may be None when one source is Readings: then it is their mean. ``series``: a name shared
    by quantities that were observed together or come from one fit. Readings of one series are correlated
    as they show (GUM 5.2.3), and their common degrees of freedom count once.
    """

    name: str
    estimate: Decimal | Fraction | None = None
    sources: tuple[Source, ...] = ()
    unit: str = ""
    series: str = ""
    #: u^2 where whoever made the sources has it already.
    known_variance: Fraction | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.estimate is None and len(self._readings()) != 1:
            raise MetrologyError("quantity_estimate", "%(name)s has no estimate.", name=self.name)
        if self.series and len(self.sources) != 1:
            raise MetrologyError(
                "quantity_series", "%(name)s belongs to a series: it has just one source.", name=self.name
            )

    def _readings(self) -> tuple[Readings, ...]:
        return tuple(source for source in self.sources if isinstance(source, Readings))

    @property
    def value(self) -> Fraction:
        if self.estimate is not None:
            return to_fraction(self.estimate)
        (readings,) = self._readings()
        return sum((to_fraction(value) for value in readings.values), Fraction(0)) / len(readings.values)

    @property
    def variance(self) -> Fraction:
        return variance_together(self.sources) if self.known_variance is None else self.known_variance


@dataclass(frozen=True, slots=True)
class Correlation:
    """Correlation coefficient ``r`` of the estimates of two quantities."""

    one: str
    other: str
    r: Decimal

    def __post_init__(self) -> None:
        if not -1 <= to_fraction(self.r) <= 1:
            raise MetrologyError("correlation_range", "A correlation coefficient lies between -1 and 1.")
        if self.one == self.other:
            raise MetrologyError(
                "correlation_with_itself", "%(name)s is correlated with itself.", name=self.one
            )


@dataclass(frozen=True, slots=True)
class Inputs:
    """Checked quantities by name and the correlation coefficients that are not zero, names in order."""

    quantities: Mapping[str, Quantity]
    coefficients: Mapping[tuple[str, str], Exact]

    def coefficient(self, one: str, other: str) -> Exact:
        return self.coefficients.get((min(one, other), max(one, other)), Fraction(0))


def check_inputs(quantities: Sequence[Quantity], correlations: Sequence[Correlation] = ()) -> Inputs:
    """Raises MetrologyError ``quantity_twice``, ``quantities_number``, ``correlation_unknown``,
    ``correlation_twice``, ``correlation_impossible``, ``series_readings``."""
    if not 1 <= len(quantities) <= MAX_QUANTITIES:
        raise MetrologyError(
            "quantities_number", "A model has 1 to %(limit)s quantities.", limit=MAX_QUANTITIES
        )
    named = {quantity.name: quantity for quantity in quantities}
    if len(named) != len(quantities):
        raise MetrologyError("quantity_twice", "Two quantities have the same name.")
    coefficients = _observed(quantities)
    for given in correlations:
        pair = (min(given.one, given.other), max(given.one, given.other))
        if not set(pair) <= named.keys():
            raise MetrologyError(
                "correlation_unknown", "A correlation names a quantity that is not in the model."
            )
        if pair in coefficients:
            raise MetrologyError(
                "correlation_twice",
                "The correlation of %(one)s and %(other)s is given twice.",
                one=pair[0],
                other=pair[1],
            )
        coefficients[pair] = to_fraction(given.r)
    inputs = Inputs(named, {pair: r for pair, r in coefficients.items() if r})
    if inputs.coefficients:
        _check_possible(inputs)
    return inputs


def observed_correlation(one: Sequence[Decimal], other: Sequence[Decimal]) -> Exact:
    """r of the means of readings taken in pairs (GUM 5.2.3 equation 17); 0 if one of them never varies.

    Raises MetrologyError ``series_readings`` unless both have the same number of readings.
    """
    if len(one) != len(other):
        raise MetrologyError("series_readings", "Readings of one series are equally many.")
    first, second = _deviations(one), _deviations(other)
    together = sum(map(mul, first, second), Fraction(0))
    squares = sum(map(mul, first, first), Fraction(0)) * sum(map(mul, second, second), Fraction(0))
    return numbers.divide(together, numbers.square_root(squares)) if squares else Fraction(0)


def clusters(inputs: Inputs) -> tuple[frozenset[str], ...]:
    """Groups of quantities that are correlated with each other, directly or through others."""
    waiting, found = set(inputs.quantities), []
    while waiting:
        group = {min(waiting)}
        while more := {
            name
            for pair in inputs.coefficients
            for name in pair
            if group.intersection(pair) and name not in group
        }:
            group |= more
        waiting -= group
        found.append(frozenset(group))
    return tuple(found)


def _observed(quantities: Sequence[Quantity]) -> dict[tuple[str, str], Exact]:
    found: dict[tuple[str, str], Exact] = {}
    in_series = sorted((one for one in quantities if one.series), key=lambda quantity: quantity.name)
    for one, other in combinations(in_series, 2):
        if one.series != other.series:
            continue
        first, second = one.sources[0], other.sources[0]
        if isinstance(first, Readings) and isinstance(second, Readings):
            found[one.name, other.name] = observed_correlation(first.values, second.values)
    return found


def _deviations(values: Sequence[Decimal]) -> list[Fraction]:
    exact = [to_fraction(value) for value in values]
    centre = Fraction(sum(exact), len(exact))
    return [value - centre for value in exact]


def _check_possible(inputs: Inputs) -> None:
    """No coefficients may make a variance negative; those printed with two digits may be off by half of one.

    Exact elimination: a symmetric matrix is positive semidefinite when no pivot is negative.
    """
    for group in clusters(inputs):
        names = sorted(group)
        slack = Fraction(len(names) - 1, 200)
        rows = [[1 + slack if a == b else Fraction(inputs.coefficient(a, b)) for b in names] for a in names]
        for place, pivot_row in enumerate(rows):
            pivot = pivot_row[place]
            if pivot <= 0:
                raise MetrologyError(
                    "correlation_impossible",
                    "These correlation coefficients cannot occur together: %(names)s.",
                    names=", ".join(names),
                )
            for row in rows[place + 1 :]:
                factor = row[place] / pivot
                for column in range(place, len(names)):
                    row[column] -= factor * pivot_row[column]
