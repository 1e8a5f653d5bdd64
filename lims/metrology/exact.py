"""Numbers without error: what a value is before anybody rounds it."""

from decimal import ROUND_05UP, ROUND_HALF_EVEN, Context, Decimal, DecimalException, Inexact
from fractions import Fraction
from functools import lru_cache

from lims.metrology.errors import MetrologyError

Exact = Decimal | Fraction

#: Significant digits of an unrounded value written as a decimal.
KEPT_DIGITS = 34
#: Keeps every digit of sums, products and multiples of what lies within 10^999.
WIDE = Context(prec=4000, rounding=ROUND_HALF_EVEN)


def to_decimal(value: Exact, digits: int = KEPT_DIGITS) -> Decimal:
    """Write ``value`` with at most ``digits`` significant digits so that rounding it later is still right.

    The cut uses "round zero or five up": an inexact value never ends in 0 or 5, so it stands on the same side
    of every shorter decimal (a tie, a limit) as the value itself. What follows therefore rounds once.
    """
    context = _context(digits)
    try:
        if isinstance(value, Fraction):
            return context.divide(Decimal(value.numerator), Decimal(value.denominator))
        return context.plus(value)
    except DecimalException as reason:
        raise _out_of_range() from reason


def is_kept_whole(value: Exact, digits: int = KEPT_DIGITS) -> bool:
    """Tell whether ``to_decimal`` loses nothing."""
    context = Context(prec=digits, rounding=ROUND_05UP, traps=[])
    if isinstance(value, Fraction):
        context.divide(Decimal(value.numerator), Decimal(value.denominator))
    else:
        context.plus(value)
    return not context.flags[Inexact]


def to_fraction(value: Exact) -> Fraction:
    """Raises MetrologyError ``number_out_of_range`` for NaN, infinity, or beyond 10^999."""
    if not isinstance(value, Decimal):
        return value
    try:
        return _ratio(value)
    except TypeError as reason:  # a signalling NaN has no hash
        raise _out_of_range() from reason


def check_range(value: Decimal) -> None:
    """Raises MetrologyError ``number_out_of_range`` for NaN, infinity, or beyond 10^999."""
    if not (value.is_finite() and -999 <= value.adjusted() <= 999):
        raise _out_of_range()


# The same few figures are met again and again on the way of one result; equal decimals are the same rational.
@lru_cache(maxsize=4096)
def _ratio(value: Decimal) -> Fraction:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or abs(exponent) > 999 or len(digits) > 999:
        raise _out_of_range()
    return Fraction(value)


@lru_cache(maxsize=64)
def _context(digits: int) -> Context:
    return Context(prec=digits, rounding=ROUND_05UP, Emin=-999, Emax=999)


def _out_of_range() -> MetrologyError:
    return MetrologyError("number_out_of_range", "The number is too large or not a number.")
