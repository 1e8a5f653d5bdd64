"""From a combined uncertainty to an expanded one: effective degrees of freedom and coverage factor."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import floor

from lims.metrology import formula_numbers as numbers
from lims.metrology.budgets import Budget, Part
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_decimal, to_fraction
from lims.metrology.probability import FLOAT_DIGITS, as_decimal, two_sided_factor
from lims.metrology.rounding import round_to
from lims.metrology.uncertainty_sources import Dof, root


class DofTruncation(StrEnum):
    """What happens to effective degrees of freedom that are not whole, before t is looked up.

    FLOOR: next lower whole number (GUM G.4.1, JJF 1059.1). TENTH_FLOOR: rounded to one decimal, as a report
    prints them, then down; so 18.998, printed 19.0, stays 19 (GUM G.4.1 example). NEAREST: nearest whole
    number. NONE: t is taken at the broken number (GUM G.4.1 note 1 allows interpolation).
    """

    FLOOR = "floor"
    TENTH_FLOOR = "tenth_floor"
    NEAREST = "nearest"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class FixedFactor:
    """``k`` by agreement; ``p`` is what the report claims for it."""

    k: Decimal
    p: Decimal | None = None

    def __post_init__(self) -> None:
        if not to_fraction(self.k) > 0:
            raise MetrologyError("coverage_factor", "A coverage factor is greater than zero.")


@dataclass(frozen=True, slots=True)
class StudentFactor:
    """k = t at coverage probability ``p`` and the effective degrees of freedom (GUM G.6.4)."""

    p: Decimal
    truncation: DofTruncation = DofTruncation.FLOOR

    def __post_init__(self) -> None:
        _check_probability(self.p)


@dataclass(frozen=True, slots=True)
class DominantFactor:
    """k of one or two dominant rectangular distributions, else that of ``otherwise`` (EA-4/02 S9.14, S10.13).

    They dominate when all the rest, put together, is at most ``ratio`` of them.
    """

    p: Decimal
    otherwise: FixedFactor | StudentFactor
    ratio: Decimal = Decimal("0.3")

    def __post_init__(self) -> None:
        _check_probability(self.p)
        if not 0 <= to_fraction(self.ratio) < 1:
            raise MetrologyError("dominance_ratio", "What does not dominate is less than 1 of what does.")


CoverageRule = FixedFactor | StudentFactor | DominantFactor


class CoverageShape(StrEnum):
    """What the result was taken to be distributed as."""

    AGREED = "agreed"
    STUDENT = "student"
    NORMAL = "normal"
    RECTANGULAR = "rectangular"
    TRAPEZOIDAL = "trapezoidal"


@dataclass(frozen=True, slots=True)
class Coverage:
    """``k`` as used. ``effective_dof`` as calculated and ``used_dof`` as truncated; None is infinite, and
    both are None where k does not depend on them. ``edge``: parameter beta of a trapezoid."""

    rule: CoverageRule
    shape: CoverageShape
    k: Decimal
    p: Decimal | None
    effective_dof: Dof = None
    used_dof: Dof = None
    edge: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ExpandedUncertainty:
    """``U`` = k u_c, unrounded."""

    U: Exact
    standard_uncertainty: Decimal
    coverage: Coverage


def expand(budget: Budget, rule: CoverageRule, *, factor_decimals: int | None = None) -> ExpandedUncertainty:
    """``factor_decimals``: round k to so many decimals before use, as certificates print it (2.28); None: 12
    significant digits. Raises as ``find_coverage``."""
    coverage = find_coverage(budget, rule, factor_decimals)
    u = root(budget.variance)
    return ExpandedUncertainty(numbers.multiply(u, coverage.k), u, coverage)


def find_coverage(budget: Budget, rule: CoverageRule, factor_decimals: int | None = None) -> Coverage:
    """Raises MetrologyError ``dof_of_correlated``, ``dof_below_one`` or ``factor_decimals``."""
    if factor_decimals is not None and not 0 <= factor_decimals <= 10:
        raise MetrologyError("factor_decimals", "A coverage factor is printed with 0 to 10 decimals.")
    place = None if factor_decimals is None else Decimal((0, (1,), -factor_decimals))
    match rule:
        case FixedFactor(k, p):
            return Coverage(rule, CoverageShape.AGREED, k, p)
        case StudentFactor(p, truncation):
            return _student(budget, rule, p, truncation, place)
        case DominantFactor():
            return _dominant(budget, rule, place) or find_coverage(budget, rule.otherwise, factor_decimals)


def effective_dof(budget: Budget) -> Dof:
    """Welch-Satterthwaite (GUM G.2b), exact, not truncated; None is infinite.

    Terms of second order are left out. Raises MetrologyError ``dof_of_correlated``.
    """
    if not all(part.dof_known for part in budget.parts):
        raise MetrologyError(
            "dof_of_correlated",
            "Correlated quantities with degrees of freedom of their own have no common ones: agree on a "
            "coverage factor, or name the series they come from.",
        )
    variances = [(to_fraction(part.variance), part.dof) for part in budget.parts]
    weights = sum((v * v / dof for v, dof in variances if dof is not None), Fraction(0))
    return sum(v for v, _ in variances) ** 2 / weights if weights else None


def truncate_dof(dof: Fraction, policy: DofTruncation) -> Fraction:
    """Raises MetrologyError ``dof_below_one`` if nothing would be left."""
    match policy:
        case DofTruncation.NONE:
            return dof
        case DofTruncation.FLOOR:
            whole = Fraction(floor(dof))
        case DofTruncation.TENTH_FLOOR:
            whole = Fraction(floor(round_to(dof, Decimal("0.1"))))
        case DofTruncation.NEAREST:
            whole = Fraction(round_to(dof, Decimal(1)))
    if whole < 1:
        raise MetrologyError("dof_below_one", "Less than one effective degree of freedom is left.")
    return whole


def trapezoid_factor(p: Fraction, edge: Fraction) -> Decimal:
    """k of a trapezoid with parameter beta = ``edge``, 0 (triangle) to 1 (rectangle); 12 digits.

    Two rectangles of half widths a1, a2 have beta = |a1 - a2| / (a1 + a2) (EA-4/02 S10.13).
    """
    width = numbers.square_root((1 + edge * edge) / 6)
    if p * (1 + edge) < 2 * edge:
        # The interval ends below the flat top.
        end: Exact = p * (1 + edge) / 2
    else:
        end = numbers.subtract(Fraction(1), numbers.square_root((1 - p) * (1 - edge * edge)))
    return _twelve(numbers.divide(end, width))


def _student(
    budget: Budget, rule: StudentFactor, p: Decimal, truncation: DofTruncation, place: Decimal | None
) -> Coverage:
    dof = effective_dof(budget)
    used = None if dof is None else truncate_dof(dof, truncation)
    shape = CoverageShape.NORMAL if used is None else CoverageShape.STUDENT
    k = _placed(as_decimal(two_sided_factor(p, used)), place)
    return Coverage(rule, shape, k, p, dof, used)


def _dominant(budget: Budget, rule: DominantFactor, place: Decimal | None) -> Coverage | None:
    parts = sorted(budget.parts, key=_variance, reverse=True)
    rectangles = [to_fraction(part.variance) for part in parts if part.rectangular][:2]
    whole = to_fraction(budget.variance)  # with terms of second order
    for count in range(1, len(rectangles) + 1):
        of_them = sum(rectangles[:count])
        if whole - of_them > to_fraction(rule.ratio) ** 2 * of_them:
            continue
        p = Fraction(rule.p)
        if count == 1:
            return Coverage(
                rule, CoverageShape.RECTANGULAR, _placed(trapezoid_factor(p, Fraction(1)), place), rule.p
            )
        wide, narrow = (numbers.square_root(variance) for variance in rectangles)
        edge = to_fraction(numbers.divide(numbers.subtract(wide, narrow), numbers.add(wide, narrow)))
        k = _placed(trapezoid_factor(p, edge), place)
        return Coverage(rule, CoverageShape.TRAPEZOIDAL, k, rule.p, edge=_twelve(edge))
    return None


def _variance(part: Part) -> Fraction:
    return to_fraction(part.variance)


def _placed(k: Decimal, place: Decimal | None) -> Decimal:
    return k if place is None else round_to(k, place)


def _twelve(value: Exact) -> Decimal:
    return to_decimal(value, FLOAT_DIGITS)


def _check_probability(p: Decimal) -> None:
    two_sided_factor(p, None)
