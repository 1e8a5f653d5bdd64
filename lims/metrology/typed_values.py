"""Read result values as people type and paste them."""

import re

from lims.metrology.errors import MetrologyError
from lims.metrology.numerals import MAX_TEXT, plain_text, read_numeral, split_numeral
from lims.metrology.rounding import Mark
from lims.metrology.units import same_unit
from lims.metrology.values import (
    BelowQuantification,
    Count,
    Counts,
    Detected,
    DetectionLimits,
    GreaterThan,
    Number,
    ResultValue,
    Text,
)

_NOT_DETECTED = {"未检出", "阴性", "nd", "n.d.", "n.d", "not detected", "negative", "<lod", "<检出限"}
_DETECTED = {"检出", "阳性", "detected", "positive"}
_BELOW_QUANTIFICATION = {"<loq", "<定量限"}
_SEPARATORS = re.compile(r"[,;、\s]+")
_NO_LIMITS = DetectionLimits()
#: For the values of a whole plan.
_MAX_LIST = 10 * MAX_TEXT


def parse_value(
    typed: str, *, unit: str = "", detection: DetectionLimits = _NO_LIMITS, allow_text: bool = False
) -> ResultValue:
    """Read one value in ``unit``; ``detection`` supplies the limits that "not detected" is printed with.

    With ``allow_text`` words that mean nothing here become Text. Raises MetrologyError: ``value_empty``,
    ``value_too_long``, ``value_inclusive_bound``, ``value_unit``, ``value_loq_unknown``, and those of
    ``numerals.read_numeral``.
    """
    text = plain_text(typed)
    if not text:
        raise MetrologyError("value_empty", "A value is missing.")
    if len(typed) > MAX_TEXT:
        raise MetrologyError("value_too_long", "A value has at most %(limit)s characters.", limit=MAX_TEXT)
    try:
        return _parse_count(text, unit, detection)
    except MetrologyError as refusal:
        if allow_text and refusal.code == "number_unreadable":
            return Text(typed.strip(), unit)
        raise


def parse_counts(typed: str, *, unit: str = "", detection: DetectionLimits = _NO_LIMITS) -> Counts:
    """Read the values of one sampling plan, separated by commas, semicolons or space.

    Raises as ``parse_value``, and ``counts_number`` unless there are 1 to 60.
    """
    if len(typed) > _MAX_LIST:
        raise MetrologyError("value_too_long", "A value has at most %(limit)s characters.", limit=_MAX_LIST)
    parts = [part for part in _SEPARATORS.split(_hold_together(plain_text(typed))) if part]
    if not parts:
        raise MetrologyError("value_empty", "A value is missing.")
    return Counts(tuple(_parse_count(part.replace("_", " "), unit, detection) for part in parts), unit)


def _hold_together(text: str) -> str:
    """Keep "not detected", "< 10" and "1.2 × 10^4" in one piece where space separates values."""
    text = re.sub(r"(?i)not\s+detected", "not_detected", text)
    return re.sub(r"\s*([x×*])\s*(?=10)", r"\1", re.sub(r"([<>])\s+", r"\1", text))


def _parse_count(text: str, unit: str, detection: DetectionLimits) -> Count:
    word = " ".join(text.casefold().split()).replace("< ", "<")
    if word in _NOT_DETECTED:
        return detection.not_detected(unit)
    if word in _DETECTED:
        return Detected(unit)
    if word in _BELOW_QUANTIFICATION:
        if detection.loq is None:
            raise MetrologyError(
                "value_loq_unknown",
                "This method names no quantification limit: type the figure, as in <0.01.",
            )
        return BelowQuantification(detection.loq, unit)
    return _parse_figure(_without_unit(text, unit), unit)


def _parse_figure(text: str, unit: str) -> Count:
    if text.startswith(("≤", "≥", "<=", ">=")):
        raise MetrologyError(
            "value_inclusive_bound", "Write < or > without the equals sign: %(text)s.", text=text[:MAX_TEXT]
        )
    if text.startswith("<"):
        return BelowQuantification(read_numeral(_without_unit(text[1:], unit)), unit)
    if text.startswith(">"):
        return GreaterThan(read_numeral(_without_unit(text[1:], unit)), unit)
    for mark in (Mark.PLUS, Mark.MINUS):
        if text.endswith(f"({mark})"):
            return Number(read_numeral(text[:-3]), unit, mark)
    return Number(read_numeral(_without_unit(text, unit)), unit)


def _without_unit(text: str, unit: str) -> str:
    """Drop the expected unit behind a figure; any other unit is refused, never converted in silence."""
    figure, rest = split_numeral(text)
    if not figure or not rest or not (rest[0].isalpha() or rest[0] in "%°/"):
        return text
    if unit and same_unit(rest, plain_text(unit)):
        return figure
    raise MetrologyError(
        "value_unit",
        "%(text)s: leave the unit out, or write it as %(unit)s.",
        text=text[:MAX_TEXT],
        unit=unit or "-",
    )
