"""The rounding a method lays down for its results, as it is stored with the method."""

import re
from dataclasses import dataclass
from decimal import Decimal

from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.rounding import check_interval, round_significant, round_to


@dataclass(frozen=True, slots=True)
class ToInterval:
    """Round to a multiple of ``interval``; written ``0.1``."""

    interval: Decimal

    def __post_init__(self) -> None:
        check_interval(self.interval)

    def __str__(self) -> str:
        return str(self.interval)


@dataclass(frozen=True, slots=True)
class ToSignificant:
    """Keep ``digits`` significant digits; written ``3 significant``."""

    digits: int

    def __post_init__(self) -> None:
        if not 1 <= self.digits <= 30:
            raise MetrologyError(
                "rounding_digits", "Significant digits must be 1 to 30, not %(digits)s.", digits=self.digits
            )

    def __str__(self) -> str:
        return f"{self.digits} significant"


@dataclass(frozen=True, slots=True)
class ByMagnitude:
    """One rounding below ``edge``, another from it on; written ``<1: 2 significant; 3 significant``.

    Food methods say so: "three significant digits from 1 g/100 g on, two below" (GB 5009.3).
    """

    edge: Decimal
    below: ToInterval | ToSignificant
    from_edge: ToInterval | ToSignificant

    def __str__(self) -> str:
        return f"<{self.edge}: {self.below}; {self.from_edge}"


RoundingRule = ToInterval | ToSignificant | ByMagnitude


def round_by(rule: RoundingRule, value: Exact) -> Decimal:
    """Round once by the method's rule; which side of an edge is decided by the unrounded magnitude."""
    match rule:
        case ToInterval(interval):
            return round_to(value, interval)
        case ToSignificant(digits):
            return round_significant(value, digits)
        case ByMagnitude(edge, below, from_edge):
            return round_by(below if abs(to_fraction(value)) < to_fraction(edge) else from_edge, value)


_NUMBER = r"\d+(?:\.\d+)?(?:[Ee][+-]?\d{1,2})?"
_SIMPLE = re.compile(rf"(?P<digits>\d{{1,2}})\s+significant|(?P<interval>{_NUMBER})", re.ASCII)
_BANDED = re.compile(rf"<\s*(?P<edge>{_NUMBER})\s*:(?P<below>[^;]*);(?P<from_edge>[^;]*)", re.ASCII)


def parse_rounding_rule(text: str) -> RoundingRule:
    """Read ``0.1``, ``3 significant`` or ``<1: 2 significant; 3 significant``.

    Raises MetrologyError ``rounding_rule``, ``rounding_interval`` or ``rounding_digits``.
    """
    if len(text) <= 100 and (banded := _BANDED.fullmatch(text.strip())):
        below, from_edge = (_parse_simple(banded[part]) for part in ("below", "from_edge"))
        return ByMagnitude(Decimal(banded["edge"]), below, from_edge)
    return _parse_simple(text)


def _parse_simple(text: str) -> ToInterval | ToSignificant:
    found = _SIMPLE.fullmatch(text.strip()) if len(text) <= 100 else None
    if found is None:
        raise MetrologyError(
            "rounding_rule",
            "A rounding rule reads like 0.1, or 3 significant, or <1: 2 significant; 3 significant.",
        )
    if found["digits"]:
        return ToSignificant(int(found["digits"]))
    return ToInterval(Decimal(found["interval"]))
