"""Charts that remember: cumulative sums and exponentially weighted means (ISO 7870-4, ISO 7870-6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

from lims.metrology import formula_numbers as numbers
from lims.metrology.control_limits import Baseline
from lims.metrology.control_rules import Action, ControlFinding, ControlPoint, control_points
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_fraction

#: Digits a sum keeps; rationals of a long series would grow without end.
_CUT = 10**40


@dataclass(frozen=True, slots=True)
class CusumRule:
    """Tabular CUSUM in standard deviations: slack ``k`` (half the shift to find), decision interval ``h``;
    ``head_start``: first value of both sums (fast initial response, usually h/2)."""

    k: Decimal = Decimal("0.5")
    h: Decimal = Decimal(5)
    head_start: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if self.k < 0 or self.h <= 0 or not 0 <= self.head_start < self.h:
            raise MetrologyError(
                "cusum_rule", "A CUSUM needs k not negative, h above zero, and a head start below h."
            )


@dataclass(frozen=True, slots=True)
class CusumChart:
    """One entry per point: the sum above and the sum below, both not negative, in standard deviations."""

    rule: CusumRule
    above: tuple[Fraction, ...]
    below: tuple[Fraction, ...]
    findings: tuple[ControlFinding, ...]


@dataclass(frozen=True, slots=True)
class EwmaRule:
    """Weight of the newest point, 0 < ``weight`` <= 1, and limits ``width`` standard deviations of the mean.

    ``settled_limits``: the limits of a long series from the start; else those that widen with each point.
    """

    weight: Decimal = Decimal("0.2")
    width: Decimal = Decimal(3)
    settled_limits: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1 or self.width <= 0:
            raise MetrologyError("ewma_rule", "An EWMA needs a weight of 0 to 1 and limits above zero.")


@dataclass(frozen=True, slots=True)
class EwmaChart:
    """One entry per point: weighted mean and its limits, in the unit of the values."""

    rule: EwmaRule
    means: tuple[Fraction, ...]
    lower: tuple[Exact, ...]
    upper: tuple[Exact, ...]
    findings: tuple[ControlFinding, ...]


def cusum(points: Sequence[ControlPoint], rule: CusumRule = CusumRule()) -> CusumChart:
    """Findings name the points since the sum last stood at zero; a sum is not reset by a finding."""
    above, first = _sums([point.z for point in points], rule)
    below, first_below = _sums([-point.z for point in points], rule)
    findings = [
        ControlFinding("CUSUM", name, Action.OUT_OF_CONTROL, tuple(range(start[last], last + 1)))
        for last in range(len(points))
        for name, sums, start in (("CUSUM above", above, first), ("CUSUM below", below, first_below))
        if sums[last] > Fraction(rule.h)
    ]
    return CusumChart(rule, tuple(above), tuple(below), tuple(findings))


def ewma(values: Sequence[Exact], baseline: Baseline, rule: EwmaRule = EwmaRule()) -> EwmaChart:
    """Starts from the centre of ``baseline``; findings name the point at which the mean leaves its limits."""
    weight, centre = Fraction(rule.weight), to_fraction(baseline.centre)
    deviation = to_fraction(baseline.deviation)
    means: list[Fraction] = []
    lower: list[Exact] = []
    upper: list[Exact] = []
    mean, faded = Fraction(0), Fraction(1)
    for point in control_points(values, baseline):
        # In standard deviations, so that the cut means the same in every unit.
        mean = _cut(weight * point.z + (1 - weight) * mean)
        faded = _cut(faded * (1 - weight) ** 2)
        part = weight / (2 - weight) * (1 if rule.settled_limits else 1 - faded)
        reach = numbers.multiply(
            numbers.multiply(Fraction(rule.width), baseline.deviation), numbers.square_root(part)
        )
        means.append(centre + deviation * mean)
        lower.append(numbers.subtract(centre, reach))
        upper.append(numbers.add(centre, reach))
    findings = tuple(
        ControlFinding("EWMA", name, Action.OUT_OF_CONTROL, (place,))
        for place, height in enumerate(means)
        for name, broken in (("EWMA above", height > upper[place]), ("EWMA below", height < lower[place]))
        if broken
    )
    return EwmaChart(rule, tuple(means), tuple(lower), tuple(upper), findings)


def _sums(zs: Sequence[Fraction], rule: CusumRule) -> tuple[list[Fraction], list[int]]:
    """The running sums, and for each point where its sum began."""
    sums: list[Fraction] = []
    starts: list[int] = []
    total, start = Fraction(rule.head_start), 0
    for place, z in enumerate(zs):
        total = max(Fraction(0), _cut(total + z - Fraction(rule.k)))
        sums.append(total)
        starts.append(start)
        if total == 0:
            start = place + 1
    return sums, starts


def _cut(value: Fraction) -> Fraction:
    """Keep 40 decimals once the exact rational is longer than any reading."""
    return value if value.denominator <= _CUT else Fraction(floor(value * _CUT), _CUT)
