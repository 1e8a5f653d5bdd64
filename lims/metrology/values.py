"""What a test can come out with: a number is only one of the kinds."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from lims.metrology.errors import MetrologyError
from lims.metrology.numerals import is_writable, write_numeral
from lims.metrology.rounding import Mark

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class DetectionLimits:
    """Limits of the method for one test item, in the unit of its result; None where the method names none."""

    lod: Decimal | None = None
    loq: Decimal | None = None

    def __post_init__(self) -> None:
        for limit in (self.lod, self.loq):
            _check(limit, positive=True)
        if self.lod is not None and self.loq is not None and self.lod > self.loq:
            raise MetrologyError(
                "detection_limits_crossed", "The detection limit is greater than the quantification limit."
            )

    def not_detected(self, unit: str = "") -> "NotDetected":
        """ "Not detected" with the limit a report prints beside it: of detection, else of quantification."""
        if self.lod is None:
            return NotDetected(self.loq, unit, by_quantification=self.loq is not None)
        return NotDetected(self.lod, unit)


@dataclass(frozen=True, slots=True)
class Number:
    """A figure with every digit as written (``100.20``) and the mark of GB/T 8170 if it was passed on."""

    value: Decimal
    unit: str = ""
    mark: Mark = Mark.NONE

    def __post_init__(self) -> None:
        _check(self.value)


@dataclass(frozen=True, slots=True)
class NotDetected:
    """Nothing found; ``lod`` is the limit printed with it, None for a test that has none (presence/absence).

    ``by_quantification``: the limit is the one of quantification, because only that one is claimed.
    """

    lod: Decimal | None = None
    unit: str = ""
    by_quantification: bool = False

    def __post_init__(self) -> None:
        _check(self.lod, positive=True)


@dataclass(frozen=True, slots=True)
class BelowQuantification:
    """Less than the quantification limit, written ``<0.01``."""

    loq: Decimal
    unit: str = ""

    def __post_init__(self) -> None:
        _check(self.loq, positive=True)


@dataclass(frozen=True, slots=True)
class GreaterThan:
    """Beyond what the method can count or measure, written ``>300``."""

    bound: Decimal
    unit: str = ""

    def __post_init__(self) -> None:
        _check(self.bound)


@dataclass(frozen=True, slots=True)
class Detected:
    """Present, without a figure (pathogens, qualitative methods)."""

    unit: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """An observation in words (colour, odour); never compared with a limit."""

    text: str
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise MetrologyError("value_empty", "A value is missing.")


Count = Number | NotDetected | BelowQuantification | GreaterThan | Detected


@dataclass(frozen=True, slots=True)
class Counts:
    """The units of one lot under a sampling plan (five as a rule): they stay single values, never a mean."""

    values: tuple[Count, ...]
    unit: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.values) <= 60:
            raise MetrologyError("counts_number", "Give between 1 and 60 values.")
        if any(value.unit != self.unit for value in self.values):
            raise MetrologyError("counts_unit", "All values of one plan have the same unit.")


ResultValue = Number | NotDetected | BelowQuantification | GreaterThan | Detected | Text | Counts


def write_value(value: ResultValue, language: Language = "zh") -> str:
    """The value as it stands in the result column, without its unit: ``100.20``, ``<0.01``, ``未检出``."""
    match value:
        case Number(figure, _, mark):
            return write_numeral(figure) + (f"({mark})" if mark else "")
        case NotDetected():
            return "未检出" if language == "zh" else "Not detected"
        case Detected():
            return "检出" if language == "zh" else "Detected"
        case BelowQuantification(loq):
            return f"<{write_numeral(loq)}"
        case GreaterThan(bound):
            return f">{write_numeral(bound)}"
        case Text(text):
            return text
        case Counts(values):
            return ", ".join(write_value(single, language) for single in values)


def write_value_with_limit(value: ResultValue, language: Language = "zh") -> str:
    """As ``write_value``, with the limit a reader needs to understand "not detected"."""
    written = write_value(value, language)
    if isinstance(value, NotDetected) and value.lod is not None:
        limit = f"{write_numeral(value.lod)} {value.unit}".strip()
        if language == "zh":
            return f"{written}({'定量限' if value.by_quantification else '检出限'}:{limit})"
        return f"{written} ({'quantification' if value.by_quantification else 'detection'} limit {limit})"
    return written


def against_detection(number: Number, limits: DetectionLimits) -> Number | NotDetected | BelowQuantification:
    """Turn a figure below the method's limits into its kind; give the unrounded figure, not the printed."""
    if limits.lod is not None and number.value < limits.lod:
        return NotDetected(limits.lod, number.unit)
    if limits.loq is not None and number.value < limits.loq:
        return BelowQuantification(limits.loq, number.unit)
    return number


def _check(figure: Decimal | None, *, positive: bool = False) -> None:
    if figure is None:
        return
    if not is_writable(figure):
        raise MetrologyError(
            "number_out_of_range", "A figure has at most 40 digits, within 10^-99 and 10^99."
        )
    if positive and figure <= 0:
        raise MetrologyError(
            "limit_not_positive", "A detection or quantification limit is greater than zero."
        )
