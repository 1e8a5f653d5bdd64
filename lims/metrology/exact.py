"""Numbers without error: what a value is before anybody rounds it."""

from decimal import ROUND_05UP, Context, Decimal, DecimalException, Inexact
from fractions import Fraction

from lims.metrology.errors import MetrologyError

Exact = Decimal | Fraction

#: Significant digits of an unrounded value written as a decimal.
KEPT_DIGITS = 34


def to_decimal(value: Exact, digits: int = KEPT_DIGITS) -> Decimal:
    """Write ``value`` with at most ``digits`` significant digits so that rounding it later is still right.

    The cut uses "round zero or five up": an inexact value never ends in 0 or 5, so it stands on the same side
    of every shorter decimal (a tie, a limit) as the value itself. What follows therefore rounds once.
    """
    context = Context(prec=digits, rounding=ROUND_05UP, Emin=-999, Emax=999)
    try:
        if isinstance(value, Fraction):
            return context.divide(Decimal(value.numerator), Decimal(value.denominator))
        return context.plus(value)
    except DecimalException as reason:
        raise MetrologyError("number_out_of_range", "The number is too large or not a number.") from reason


def is_kept_whole(value: Exact, digits: int = KEPT_DIGITS) -> bool:
    """Tell whether ``to_decimal`` loses nothing."""
    context = Context(prec=digits, rounding=ROUND_05UP, Emin=-999, Emax=999, traps=[])
    if isinstance(value, Fraction):
        context.divide(Decimal(value.numerator), Decimal(value.denominator))
    else:
        context.plus(value)
    return not context.flags[Inexact]


def to_fraction(value: Exact) -> Fraction:
    """Raises MetrologyError ``number_out_of_range`` for NaN, infinity, or beyond 10^999."""
    if isinstance(value, Fraction):
        return value
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or abs(exponent) > 999 or len(digits) > 999:
        raise MetrologyError("number_out_of_range", "The number is too large or not a number.")
    return Fraction(value)
