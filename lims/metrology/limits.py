"""The kinds of limit a product standard lays down, and how each is printed."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NotRequired, TypedDict

from lims.metrology.errors import MetrologyError
from lims.metrology.numerals import read_numeral, write_numeral
from lims.metrology.values import Language


@dataclass(frozen=True, slots=True)
class Maximum:
    """At most ``bound``; less than it if not ``inclusive``. Its last digit is the place to round to."""

    bound: Decimal
    unit: str = ""
    inclusive: bool = True


@dataclass(frozen=True, slots=True)
class Minimum:
    """At least ``bound``; more than it if not ``inclusive``."""

    bound: Decimal
    unit: str = ""
    inclusive: bool = True


@dataclass(frozen=True, slots=True)
class Range:
    """From ``low`` to ``high``; an end that is not inclusive is itself outside."""

    low: Decimal
    high: Decimal
    unit: str = ""
    low_inclusive: bool = True
    high_inclusive: bool = True

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise MetrologyError("limit_range", "The lower end of a range is not above the upper end.")


@dataclass(frozen=True, slots=True)
class NotPermitted:
    """The substance must not be used: a value from the quantification limit on fails."""

    unit: str = ""
    zh: str = "不得使用"
    en: str = "Not permitted"


@dataclass(frozen=True, slots=True)
class MustNotBeDetected:
    """Must not be found at all (pathogens, coliforms in drinking water)."""

    unit: str = ""
    zh: str = "不得检出"
    en: str = "Must not be detected"


@dataclass(frozen=True, slots=True)
class Plan:
    """Sampling plan of n units (ICMSF): at most ``c`` above ``m``, none above ``M``.

    ``M`` is None in a two-class plan. ``m`` = 0 stands for "not detected" in the amount the unit names.
    """

    n: int
    c: int
    m: Decimal
    M: Decimal | None
    unit: str = ""

    def __post_init__(self) -> None:
        if not (1 <= self.n <= 60 and 0 <= self.c <= self.n):
            raise MetrologyError("limit_plan", "A sampling plan has 1 to 60 units and c between 0 and n.")
        if self.m < 0 or (self.M is not None and self.m > self.M):
            raise MetrologyError("limit_plan", "In a sampling plan m is not negative and M is not below m.")


Limit = Maximum | Minimum | Range | NotPermitted | MustNotBeDetected | Plan


def write_limit(limit: Limit, language: Language = "zh") -> str:
    """The limit as it stands in the requirement column, no unit: ``≤100``, ``6.5~8.5``, ``不得使用``."""
    match limit:
        case Maximum(bound, _, inclusive):
            return ("≤" if inclusive else "<") + write_numeral(bound)
        case Minimum(bound, _, inclusive):
            return ("≥" if inclusive else ">") + write_numeral(bound)
        case Range():
            return _write_range(limit, language)
        case NotPermitted(_, zh, en) | MustNotBeDetected(_, zh, en):
            return zh if language == "zh" else en
        case Plan(n, c, m, big_m):
            plan = f"n={n}, c={c}, m={_write_count(m)}"
            return plan if big_m is None else f"{plan}, M={_write_count(big_m)}"


def _write_range(limit: Range, language: Language) -> str:
    low, high = write_numeral(limit.low), write_numeral(limit.high)
    if limit.low_inclusive and limit.high_inclusive:
        return f"{low}~{high}" if language == "zh" else f"{low} to {high}"
    low_sign = "≥" if limit.low_inclusive else ">"
    high_sign = "≤" if limit.high_inclusive else "<"
    return f"{low_sign}{low}, {high_sign}{high}"


def _write_count(count: Decimal) -> str:
    """Plans are printed with bare powers of ten: 10^4, not 1×10^4; small counts stay plain."""
    if count >= 1000 and count == Decimal((0, (1,), count.adjusted())):
        return f"10^{count.adjusted()}"
    return str(int(count)) if count < 1000 and count == int(count) else write_numeral(count)


class StoredLimit(TypedDict):
    """``kind`` is max, min, range, not_permitted, not_detected or sampling_plan; figures are decimal text."""

    kind: str
    unit: str
    low: NotRequired[str]
    high: NotRequired[str]
    low_inclusive: NotRequired[bool]
    high_inclusive: NotRequired[bool]
    zh: NotRequired[str]
    en: NotRequired[str]
    n: NotRequired[int]
    c: NotRequired[int]
    m: NotRequired[str]
    M: NotRequired[str]


def store_limit(limit: Limit) -> StoredLimit:
    match limit:
        case Maximum(bound, unit, inclusive):
            return StoredLimit(kind="max", unit=unit, high=str(bound), high_inclusive=inclusive)
        case Minimum(bound, unit, inclusive):
            return StoredLimit(kind="min", unit=unit, low=str(bound), low_inclusive=inclusive)
        case Range(low, high, unit, low_in, high_in):
            return StoredLimit(
                kind="range",
                unit=unit,
                low=str(low),
                high=str(high),
                low_inclusive=low_in,
                high_inclusive=high_in,
            )
        case NotPermitted(unit, zh, en):
            return StoredLimit(kind="not_permitted", unit=unit, zh=zh, en=en)
        case MustNotBeDetected(unit, zh, en):
            return StoredLimit(kind="not_detected", unit=unit, zh=zh, en=en)
        case Plan(n, c, m, big_m, unit):
            stored = StoredLimit(kind="sampling_plan", unit=unit, n=n, c=c, m=str(m))
            return stored if big_m is None else {**stored, "M": str(big_m)}


def restore_limit(stored: StoredLimit) -> Limit:
    """Raises MetrologyError ``stored_limit_broken`` or what the limit itself refuses (``limit_range``...)."""
    try:
        return _restore(stored)
    except (KeyError, TypeError, AttributeError) as reason:
        raise MetrologyError("stored_limit_broken", "The stored limit cannot be read back.") from reason


def _restore(stored: StoredLimit) -> Limit:
    unit = stored["unit"]
    low_in, high_in = stored.get("low_inclusive", True), stored.get("high_inclusive", True)
    match stored["kind"]:
        case "max":
            return Maximum(read_numeral(stored["high"]), unit, high_in)
        case "min":
            return Minimum(read_numeral(stored["low"]), unit, low_in)
        case "range":
            return Range(read_numeral(stored["low"]), read_numeral(stored["high"]), unit, low_in, high_in)
        case "not_permitted":
            return NotPermitted(unit, stored.get("zh", "不得使用"), stored.get("en", "Not permitted"))
        case "not_detected":
            return MustNotBeDetected(
                unit, stored.get("zh", "不得检出"), stored.get("en", "Must not be detected")
            )
        case "sampling_plan":
            big_m = stored.get("M")
            most = None if big_m is None else read_numeral(big_m)
            return Plan(int(stored["n"]), int(stored["c"]), read_numeral(stored["m"]), most, unit)
        case unknown:
            raise MetrologyError("limit_kind", "A limit of kind %(kind)s is not known.", kind=unknown)
