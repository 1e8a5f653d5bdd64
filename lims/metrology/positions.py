"""Where a result lies on the number line, also when it is only known to lie below or above a figure."""

from dataclasses import dataclass
from decimal import Decimal
from math import inf

from lims.metrology.exact import check_range
from lims.metrology.rounding import Mark, last_place, round_to
from lims.metrology.units import convert_decimal, same_unit
from lims.metrology.values import (
    BelowQuantification,
    Count,
    Counts,
    Detected,
    DetectionLimits,
    GreaterThan,
    NotDetected,
    Number,
    ResultValue,
    Text,
)

# (figure, nudge): compared in this order. A nudge of -1 is "just below the figure". The only float is infinity.
Point = tuple[Decimal | float, int]

_NOTHING: Point = (Decimal(0), 0)
_MORE_THAN_NOTHING: Point = (Decimal(0), 1)
_BEYOND: Point = (inf, 0)


@dataclass(frozen=True, slots=True)
class Span:
    """The result lies between ``low`` and ``high``; for a plain number both are the same point."""

    low: Point
    high: Point


def point(figure: Decimal, nudge: int = 0) -> Point:
    check_range(figure)
    return figure, nudge


def span_at(figure: Decimal, nudge: int = 0) -> Span:
    place = point(figure, nudge)
    return Span(place, place)


def span_of(value: Count) -> Span:
    """The span of a value as measured; a substance cannot be there in less than nothing."""
    match value:
        case Number(figure, _, mark):
            outwards = 0 if mark is Mark.NONE else 1 if mark is Mark.PLUS else -1
            return span_at(figure, -outwards if figure.is_signed() else outwards)
        case NotDetected(None):
            return Span(_NOTHING, _BEYOND)
        case NotDetected(Decimal() as limit) | BelowQuantification(limit):
            return Span(_NOTHING, point(limit, -1))
        case GreaterThan(bound):
            return Span(point(bound, 1), _BEYOND)
        case Detected():
            return Span(_MORE_THAN_NOTHING, _BEYOND)
        case _:
            raise TypeError(f"{value} has no place on the number line")


def rounded_span_of(value: Count, bound: Decimal) -> Span:
    """The span of what is no figure after rounding to the last place of ``bound``; rounding keeps order, so its
    ends suffice."""
    place, span = last_place(bound), span_of(value)
    return Span(_rounded(span.low, place), _rounded(span.high, place))


def _rounded(end: Point, place: Decimal) -> Point:
    figure, _ = end
    return point(round_to(figure, place)) if isinstance(figure, Decimal) else end


def in_unit(value: ResultValue, unit: str) -> ResultValue:
    """The same result in another unit. Raises MetrologyError ``unit_unknown`` or ``unit_incompatible``."""
    if same_unit(value.unit, unit):
        return value
    match value:
        case Counts(values):
            return Counts(tuple(_count_in_unit(single, unit) for single in values), unit)
        case Text(text):
            return Text(text, unit)
        case _:
            return _count_in_unit(value, unit)


def limits_in_unit(limits: DetectionLimits, source: str, unit: str) -> DetectionLimits:
    """Limits of a method given in ``source``, in ``unit``."""
    if same_unit(source, unit):
        return limits
    lod, loq = (None if x is None else convert_decimal(x, source, unit) for x in (limits.lod, limits.loq))
    return DetectionLimits(lod, loq)


def _count_in_unit(value: Count, unit: str) -> Count:
    match value:
        case Number(figure, source, mark):
            return Number(convert_decimal(figure, source, unit), unit, mark)
        case NotDetected(None) | Detected():
            return type(value)(unit=unit)
        case NotDetected(Decimal() as limit, source, by_quantification):
            return NotDetected(convert_decimal(limit, source, unit), unit, by_quantification)
        case BelowQuantification(loq, source):
            return BelowQuantification(convert_decimal(loq, source, unit), unit)
        case GreaterThan(bound, source):
            return GreaterThan(convert_decimal(bound, source, unit), unit)
        case _:
            raise TypeError(f"{value} has no unit to convert")
