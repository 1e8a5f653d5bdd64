"""How a result is stated with its uncertainty: rounding of U, the result to the same place, the CMC."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from lims.metrology.errors import MetrologyError
from lims.metrology.exact import WIDE, Exact, check_range, to_fraction
from lims.metrology.rounding import last_place, round_significant, round_to


class UncertaintyRounding(StrEnum):
    """NEAREST: ties to even (GB/T 8170). UP: never less than calculated. NEAREST_UNLESS_LOWERED: nearest,
    but up where that would take off more than 5 % (EA-4/02 6.3; the share can be set)."""

    NEAREST = "nearest"
    UP = "up"
    NEAREST_UNLESS_LOWERED = "nearest_unless_lowered"


class UncertaintyDigits(StrEnum):
    """BY_FIRST_DIGIT: two if the first significant digit is 1 or 2, else one (JJF 1059.1 5.3.8.1)."""

    ONE = "1"
    TWO = "2"
    BY_FIRST_DIGIT = "by_first_digit"


@dataclass(frozen=True, slots=True)
class StatementRule:
    """How to round an expanded uncertainty; the result follows to the same place (GUM 7.2.6)."""

    rounding: UncertaintyRounding = UncertaintyRounding.NEAREST_UNLESS_LOWERED
    digits: UncertaintyDigits = UncertaintyDigits.TWO
    lowered_by: Decimal = Decimal("0.05")

    def __post_init__(self) -> None:
        if not 0 <= self.lowered_by < 1:
            raise MetrologyError("statement_lowered_by", "The share rounding may take off is 0 to below 1.")


@dataclass(frozen=True, slots=True)
class Statement:
    """``value`` and ``U`` as printed; their last digits stand for the same place."""

    value: Decimal
    U: Decimal
    rule: StatementRule


@dataclass(frozen=True, slots=True)
class CapabilityFinding:
    """The stated ``U`` is smaller than the accredited capability ``cmc`` (ILAC-P14 5.4)."""

    U: Decimal
    cmc: Decimal
    code: str = "uncertainty_below_cmc"


DEFAULT_STATEMENT = StatementRule()


def state(value: Exact, U: Exact, rule: StatementRule = DEFAULT_STATEMENT) -> Statement:
    """Round ``U`` by the rule and ``value`` to its last place; pass both UNROUNDED, in the same unit."""
    rounded = round_uncertainty(U, rule)
    return Statement(round_to(value, last_place(rounded)), rounded, rule)


def round_uncertainty(U: Exact, rule: StatementRule = DEFAULT_STATEMENT) -> Decimal:
    """Raises MetrologyError ``uncertainty_not_positive`` unless ``U`` is greater than zero."""
    if isinstance(U, Decimal):
        check_range(U)
    if not U > 0:
        raise MetrologyError("uncertainty_not_positive", "This value is greater than zero.")
    digits = _digits(U, rule.digits)
    nearest = round_significant(U, digits)
    match rule.rounding:
        case UncertaintyRounding.NEAREST:
            return nearest
        case UncertaintyRounding.UP:
            return _round_up(U, nearest, digits)
        case UncertaintyRounding.NEAREST_UNLESS_LOWERED:
            left = WIDE.subtract(Decimal(1), rule.lowered_by)
            least = WIDE.multiply(U, left) if isinstance(U, Decimal) else U * to_fraction(left)
            return _round_up(U, nearest, digits) if nearest < least else nearest


def round_at_least(
    U: Exact, least: Exact, place: Decimal | None, rule: StatementRule = DEFAULT_STATEMENT
) -> Decimal:
    """``U`` or ``least``, whichever is larger, rounded; never below ``least``, and not finer than ``place``, to which
    it then goes up."""
    floor = to_fraction(least)
    rounded = round_uncertainty(max(to_fraction(U), floor) if floor else U, rule)
    if floor:
        rounded = max(rounded, _up(floor, last_place(rounded)))  # rounding must not undo it
    if place is not None and last_place(rounded) < place:
        rounded = _up(rounded, place)
    return rounded


def check_capability(U: Decimal, cmc: Decimal) -> CapabilityFinding | None:
    """``U`` as stated on paper, ``cmc`` for the value and unit at hand; None if the statement may stand.

    A reported uncertainty is never smaller than the capability that the accreditation covers.
    """
    return CapabilityFinding(U, cmc) if to_fraction(U) < to_fraction(cmc) else None


def _up(value: Exact, place: Decimal) -> Decimal:
    """To a multiple of ``place`` that is not below ``value``."""
    nearest = round_to(value, place)
    return nearest if nearest >= value else WIDE.add(nearest, place)


def _digits(U: Exact, digits: UncertaintyDigits) -> int:
    match digits:
        case UncertaintyDigits.ONE:
            return 1
        case UncertaintyDigits.TWO:
            return 2
        case UncertaintyDigits.BY_FIRST_DIGIT:
            # The first digit as calculated: 2.96 has a 2 and is printed 3.0.
            first = round_significant(U, 30).as_tuple().digits[0]
            return 2 if first <= 2 else 1


def _round_up(U: Exact, nearest: Decimal, digits: int) -> Decimal:
    """The next figure of so many digits that is not below ``U``; 9.96 to two digits is 10."""
    if nearest >= U:
        return nearest
    return round_significant(WIDE.add(nearest, last_place(nearest)), digits)
