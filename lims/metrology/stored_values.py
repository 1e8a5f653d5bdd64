"""Result values as plain JSON objects for storage, and back, without losing a digit."""

from decimal import Decimal, InvalidOperation
from typing import NotRequired, TypedDict

from lims.metrology.errors import MetrologyError
from lims.metrology.rounding import Mark
from lims.metrology.values import (
    BelowQuantification,
    Count,
    Counts,
    Detected,
    GreaterThan,
    NotDetected,
    Number,
    ResultValue,
    Text,
)


class StoredValue(TypedDict):
    """``kind`` and ``unit`` always; figures are decimal text, so that JSON keeps every digit."""

    kind: str
    unit: str
    figure: NotRequired[str]
    mark: NotRequired[str]
    by_quantification: NotRequired[bool]
    text: NotRequired[str]
    values: NotRequired[list["StoredValue"]]


def store_value(value: ResultValue) -> StoredValue:
    match value:
        case Number(figure, unit, mark):
            stored = StoredValue(kind="number", unit=unit, figure=str(figure))
            return {**stored, "mark": mark.value} if mark else stored
        case NotDetected(lod, unit, by_quantification):
            stored = StoredValue(kind="not_detected", unit=unit, by_quantification=by_quantification)
            return stored if lod is None else {**stored, "figure": str(lod)}
        case BelowQuantification(loq, unit):
            return StoredValue(kind="below_quantification", unit=unit, figure=str(loq))
        case GreaterThan(bound, unit):
            return StoredValue(kind="greater_than", unit=unit, figure=str(bound))
        case Detected(unit):
            return StoredValue(kind="detected", unit=unit)
        case Text(text, unit):
            return StoredValue(kind="text", unit=unit, text=text)
        case Counts(values, unit):
            return StoredValue(kind="counts", unit=unit, values=[store_value(single) for single in values])


def restore_value(stored: StoredValue) -> ResultValue:
    """Raises MetrologyError ``stored_value_broken`` for an object that ``store_value`` did not write."""
    try:
        return _restore_counts(stored) if stored["kind"] == "counts" else _restore_single(stored)
    except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as reason:
        raise MetrologyError("stored_value_broken", "The stored value cannot be read back.") from reason


def _restore_counts(stored: StoredValue) -> Counts:
    values = tuple(_restore_single(single) for single in stored["values"])
    if any(isinstance(value, Text) for value in values):
        raise ValueError("words among counts")
    return Counts(tuple(value for value in values if not isinstance(value, Text)), stored["unit"])


def _restore_single(stored: StoredValue) -> Count | Text:
    unit, figure = stored["unit"], stored.get("figure")
    match stored["kind"]:
        case "number":
            return Number(Decimal(stored["figure"]), unit, Mark(stored.get("mark", "")))
        case "not_detected":
            lod = None if figure is None else Decimal(figure)
            return NotDetected(lod, unit, stored.get("by_quantification", False))
        case "below_quantification":
            return BelowQuantification(Decimal(stored["figure"]), unit)
        case "greater_than":
            return GreaterThan(Decimal(stored["figure"]), unit)
        case "detected":
            return Detected(unit)
        case "text":
            return Text(stored["text"], unit)
        case unknown:
            raise ValueError(f"unknown kind {unknown}")
