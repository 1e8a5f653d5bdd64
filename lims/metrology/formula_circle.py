"""Sine, cosine, tangent and their inverses for formulas: angles in radians, 50 digits kept of 70."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from lims.metrology.exact import Exact
from lims.metrology.formula_numbers import divide, multiply, square_root, subtract, undefined, working
from lims.metrology.formula_tree import FormulaError

_WORK = Context(prec=70, rounding=ROUND_HALF_EVEN)
_KEPT = Context(prec=50, rounding=ROUND_HALF_EVEN)
#: A larger angle would use up the spare digits when whole turns are taken off.
MAX_ANGLE = Decimal("1E+12")


def sine(angle: Exact) -> Exact:
    return Fraction(0) if angle == 0 else _KEPT.plus(_sine(_reduced(angle)))


def cosine(angle: Exact) -> Exact:
    return Fraction(1) if angle == 0 else _KEPT.plus(_cosine(_reduced(angle)))


def tangent(angle: Exact) -> Exact:
    return divide(sine(angle), cosine(angle))


def arc_tangent(value: Exact) -> Exact:
    return Fraction(0) if value == 0 else _KEPT.plus(_arc_tangent(working(value)))


def arc_sine(value: Exact) -> Exact:
    """Raises FormulaError ``formula_undefined`` outside -1 to 1."""
    if not -1 <= value <= 1:
        raise undefined()
    if value in (-1, 1):
        return _KEPT.divide(PI, Decimal(2 * int(value)))
    return arc_tangent(divide(value, square_root(subtract(Fraction(1), multiply(value, value)))))


def arc_cosine(value: Exact) -> Exact:
    """Raises FormulaError ``formula_undefined`` outside -1 to 1."""
    if value == 1:
        return Fraction(0)
    return _KEPT.subtract(_WORK.divide(PI, Decimal(2)), working(arc_sine(value)))


def _reduced(angle: Exact) -> Decimal:
    """The angle without whole turns, within -pi to pi."""
    value = _WORK.plus(_wide(angle))
    if value.copy_abs() > MAX_ANGLE:
        raise FormulaError("formula_out_of_range", "A result on the way is too large or too small.")
    turn = _WORK.multiply(PI, Decimal(2))
    return _WORK.subtract(value, _WORK.multiply(turn, _WORK.divide(value, turn).to_integral_value()))


def _wide(value: Exact) -> Decimal:
    if isinstance(value, Fraction):
        return _WORK.divide(Decimal(value.numerator), Decimal(value.denominator))
    return value


def _sine(x: Decimal) -> Decimal:
    return _series(x, x, 1)


def _cosine(x: Decimal) -> Decimal:
    return _series(Decimal(1), x, 0)


def _series(first: Decimal, x: Decimal, index: int) -> Decimal:
    """x - x^3/3! + ... from the term ``first`` of order ``index``."""
    term, square = first, _WORK.multiply(x, x)
    before, total = None, first
    while total != before:  # until a term no longer shows
        index += 2
        term = _WORK.divide(_WORK.multiply(term, square), Decimal(-index * (index - 1)))
        before, total = total, _WORK.add(total, term)
    return total


def _arc_tangent(x: Decimal) -> Decimal:
    """Halve the angle until the series is short: atan x = 2 atan(x / (1 + sqrt(1 + x^2)))."""
    halvings = 0
    while x.copy_abs() > Decimal("0.01"):
        bottom = _WORK.add(1, _WORK.sqrt(_WORK.add(1, _WORK.multiply(x, x))))
        x = _WORK.divide(x, bottom)
        halvings += 1
    term, square, index = x, _WORK.multiply(x, x), 1
    before, total = None, x
    while total != before:
        index += 2
        term = _WORK.multiply(term, square).copy_negate()
        before, total = total, _WORK.add(total, _WORK.divide(term, Decimal(index)))
    return _WORK.multiply(total, Decimal(2**halvings))


def _machin() -> Decimal:
    """pi = 16 atan(1/5) - 4 atan(1/239)."""
    fifth, small = (_arc_tangent(_WORK.divide(Decimal(1), Decimal(n))) for n in (5, 239))
    return _WORK.subtract(_WORK.multiply(fifth, Decimal(16)), _WORK.multiply(small, Decimal(4)))


PI = _machin()
#: With the digits that formulas work with.
PI_KEPT = _KEPT.plus(PI)
