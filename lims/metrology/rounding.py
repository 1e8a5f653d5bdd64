"""Rounding of results by GB/T 8170-2008: once, to an interval, ties to even."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from lims.metrology.errors import MetrologyError
from lims.metrology.exact import WIDE, Exact, check_range, to_decimal, to_fraction


class Mark(StrEnum):
    """What a laboratory adds to a figure it passes on for another to round (GB/T 8170 3.2.3).

    PLUS: the magnitude measured is greater than the one written. MINUS: it is smaller.
    """

    NONE = ""
    PLUS = "+"
    MINUS = "-"


@dataclass(frozen=True, slots=True)
class Marked:
    """A figure with its mark, written ``16.5(+)``."""

    value: Decimal
    mark: Mark = Mark.NONE


def round_to(value: Exact, interval: Decimal) -> Decimal:
    """Round to the nearest multiple of ``interval``; a tie goes to the even multiple.

    ``interval`` is 1, 2 or 5 times a power of ten: 0.1, 0.5 ("0.5 unit"), 20 ("0.2 unit at the hundreds").
    The result is written to the interval's last digit: 1268 to ``1E+2`` gives ``1.3E+3``, to ``100`` gives
    ``1300``. Pass the value as measured or calculated, never one that was rounded before.
    """
    numerator, denominator, digits, exponent = _grid(str(interval))
    if digits == 1 and isinstance(value, Decimal):
        check_range(value)
        rounded = WIDE.quantize(value, interval)
        return rounded if rounded else rounded.copy_abs()  # zero has no sign
    exact = to_fraction(value)
    multiple = _nearest_even(exact.numerator * denominator, exact.denominator * numerator)
    return Decimal(f"{multiple * digits}E{exponent}")  # exact, whatever the context


def round_significant(value: Exact, digits: int) -> Decimal:
    """Round to ``digits`` significant digits (1 to 30); zero stays 0 with ``digits`` - 1 decimals.

    0.0996 to two digits is 0.10: a carry does not gain a digit.
    """
    if not 1 <= digits <= 30:
        raise MetrologyError(
            "rounding_digits", "Significant digits must be 1 to 30, not %(digits)s.", digits=digits
        )
    # The cut of to_decimal never carries, so it shows the true first digit.
    shown = value if isinstance(value, Decimal) else to_decimal(value)
    first = shown.adjusted() if shown else 0
    rounded = round_to(value, Decimal((0, (1,), first - digits + 1)))
    if rounded.adjusted() > first:
        return round_to(rounded, Decimal((0, (1,), first - digits + 2)))
    return rounded


def round_with_mark(value: Exact, interval: Decimal) -> Marked:
    """Round for somebody who will round again: a figure ending in 5 says what was done to reach it.

    GB/T 8170 3.2.3: 16.5032 to 0.1 is 16.5(+), 15.4546 to 0.1 is 15.5(-), 17.5 is 17.5.
    """
    rounded = round_to(value, interval)
    magnitude, kept = abs(to_fraction(value)), abs(to_fraction(rounded))
    if _figures(rounded)[-1:] != "5" or magnitude == kept:
        return Marked(rounded)
    return Marked(rounded, Mark.PLUS if magnitude > kept else Mark.MINUS)


def round_marked(figure: Marked, interval: Decimal) -> Decimal:
    """Round a figure that another laboratory passed on: its mark decides what looks like a tie."""
    if figure.mark is Mark.NONE:
        return round_to(figure.value, interval)
    return round_to(nudged(figure), interval)


def nudged(figure: Marked) -> Fraction:
    """The written value moved by a millionth of its last digit to the side its mark names."""
    value = to_fraction(figure.value)
    if figure.mark is Mark.NONE:
        return value
    outwards = (figure.mark is Mark.PLUS) == (not figure.value.is_signed())
    step = Fraction(last_place(figure.value)) / 1_000_000
    return value + step if outwards else value - step


def last_place(value: Decimal) -> Decimal:
    """One unit of the last written digit: 97.0 gives 0.1, 14E+2 gives 1E+2."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise MetrologyError("number_out_of_range", "The number is too large or not a number.")
    return Decimal((0, (1,), exponent))


def check_interval(interval: Decimal) -> None:
    """Raise MetrologyError ``rounding_interval`` unless the interval is 1, 2 or 5 times a power of ten."""
    wanted = interval.is_finite() and interval > 0 and abs(interval.adjusted()) <= 200
    if not wanted or _figures(interval) not in ("1", "2", "5"):
        raise MetrologyError(
            "rounding_interval",
            "A rounding interval is 1, 2 or 5 times a power of ten, not %(interval)s.",
            interval=str(interval),
        )


# By the digits as written: 1 and 1.0 are equal, and round to other places.
@lru_cache(maxsize=512)
def _grid(written: str) -> tuple[int, int, int, int]:
    """An interval as numerator and denominator, its significant digits, and its last place."""
    interval = Decimal(written)
    check_interval(interval)
    exact, place = Fraction(interval), last_place(interval)
    return exact.numerator, exact.denominator, int(exact / Fraction(place)), place.adjusted()


def _nearest_even(numerator: int, denominator: int) -> int:
    """Whole number nearest to a quotient with a positive denominator; in integers, nothing is reduced."""
    below, rest = divmod(abs(numerator), denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and below % 2):
        below += 1
    return -below if numerator < 0 else below


def _figures(value: Decimal) -> str:
    """Significant figures without trailing zeros; no context of the caller can round them."""
    return "".join(map(str, value.as_tuple().digits)).strip("0")
