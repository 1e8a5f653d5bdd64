"""The arithmetic of formulas: exact rationals as long as possible, 50 digits where no rational exists."""

from collections.abc import Callable, Sequence
from decimal import Context, Decimal, DecimalException, DivisionByZero, InvalidOperation, Overflow, Underflow
from fractions import Fraction
from math import isqrt

from lims.metrology.exact import Exact
from lims.metrology.formula_tree import FormulaError

#: Significant digits of intermediate results that are not rational (sqrt, ln, exp, broken powers).
WORKING_DIGITS = 50
MAX_EXPONENT = 1000
_EXACT_EXPONENT = 32
_EXACT_BITS = 2048
_WORK = Context(
    prec=WORKING_DIGITS, Emin=-900, Emax=900, traps=[InvalidOperation, DivisionByZero, Overflow, Underflow]
)


def add(left: Exact, right: Exact) -> Exact:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return settled(left + right)
    return _worked(lambda: _WORK.add(working(left), working(right)))


def subtract(left: Exact, right: Exact) -> Exact:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return settled(left - right)
    return _worked(lambda: _WORK.subtract(working(left), working(right)))


def negate(value: Exact) -> Exact:
    if isinstance(value, Fraction):
        return -value
    return _worked(lambda: _WORK.minus(value))


def multiply(left: Exact, right: Exact) -> Exact:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return settled(left * right)
    return _worked(lambda: _WORK.multiply(working(left), working(right)))


def divide(left: Exact, right: Exact) -> Exact:
    if not right:
        raise FormulaError("formula_division_by_zero", "The formula divides by zero.")
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return settled(left / right)
    return _worked(lambda: _WORK.divide(working(left), working(right)))


def power(base: Exact, exponent: Exact) -> Exact:
    """Exact for whole exponents up to 32; refused beyond 1000, for 0^0 and for roots of negative numbers."""
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        whole = exponent.numerator
        if abs(whole) <= _EXACT_EXPONENT and (base or whole > 0):
            return settled(base**whole)
    if magnitude(exponent) > MAX_EXPONENT:
        raise FormulaError("formula_exponent", "An exponent is at most %(limit)s.", limit=MAX_EXPONENT)
    if base == 0 and exponent == 0:
        raise undefined()
    if base == 0 and exponent < 0:
        raise FormulaError("formula_division_by_zero", "The formula divides by zero.")
    return _worked(lambda: _WORK.power(working(base), working(exponent)))


def magnitude(value: Exact) -> Exact:
    return abs(value) if isinstance(value, Fraction) else value.copy_abs()


def square_root(value: Exact) -> Exact:
    if value < 0:
        raise undefined()
    if isinstance(value, Fraction):
        top, bottom = isqrt(value.numerator), isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom)
    return _worked(lambda: _WORK.sqrt(working(value)))


def natural_logarithm(value: Exact) -> Exact:
    if value <= 0:
        raise undefined()
    return Fraction(0) if value == 1 else _worked(lambda: _WORK.ln(working(value)))


def decimal_logarithm(value: Exact) -> Exact:
    if value <= 0:
        raise undefined()
    return _whole(_worked(lambda: _WORK.log10(working(value))), value)


def exponential(value: Exact) -> Exact:
    return Fraction(1) if value == 0 else _worked(lambda: _WORK.exp(working(value)))


def total(values: Sequence[Exact]) -> Exact:
    result: Exact = Fraction(0)
    for value in values:
        result = add(result, value)
    return result


def mean(values: Sequence[Exact]) -> Exact:
    _require(values, 1)
    return divide(total(values), Fraction(len(values)))


def standard_deviation(values: Sequence[Exact]) -> Exact:
    """Experimental standard deviation, n - 1 in the denominator (GUM 4.2.2)."""
    _require(values, 2)
    centre = mean(values)
    squares = [power(subtract(value, centre), Fraction(2)) for value in values]
    return square_root(divide(total(squares), Fraction(len(values) - 1)))


def smallest(values: Sequence[Exact]) -> Exact:
    _require(values, 1)
    return min(values)


def largest(values: Sequence[Exact]) -> Exact:
    _require(values, 1)
    return max(values)


def settled(value: Fraction) -> Exact:
    """Keep a rational while it is small; beyond 2048 bits it becomes a decimal of 50 digits."""
    numerator, denominator = value.as_integer_ratio()
    if numerator.bit_length() + denominator.bit_length() <= _EXACT_BITS:
        return value
    return _worked(lambda: working(value))


def working(value: Exact) -> Decimal:
    if isinstance(value, Fraction):
        return _WORK.divide(Decimal(value.numerator), Decimal(value.denominator))
    return value


def _worked(compute: Callable[[], Decimal]) -> Decimal:
    try:
        return compute()
    except (Overflow, Underflow) as reason:
        raise FormulaError(
            "formula_out_of_range", "A result on the way is too large or too small."
        ) from reason
    except DecimalException as reason:
        raise undefined() from reason


def _whole(result: Decimal, value: Exact) -> Exact:
    """log10 of a power of ten is whole, and then exact."""
    nearest = result.to_integral_value()
    if abs(nearest) <= MAX_EXPONENT and value == Fraction(10) ** int(nearest):
        return Fraction(int(nearest))
    return result


def _require(values: Sequence[Exact], least: int) -> None:
    if len(values) < least:
        raise FormulaError(
            "formula_too_few_values",
            "The formula needs at least %(least)s values here, it has %(given)s.",
            least=least,
            given=len(values),
        )


def undefined() -> FormulaError:
    return FormulaError(
        "formula_undefined", "The formula has no result for these inputs (root or logarithm)."
    )
