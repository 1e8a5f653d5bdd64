"""Rules by which a result is judged with its uncertainty; agreed at contract review and kept as data."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from lims.metrology.errors import MetrologyError
from lims.metrology.exact import to_decimal, to_fraction
from lims.metrology.limits import Maximum, Minimum, Range
from lims.metrology.units import convert

#: Limits that a guard band can be held against.
GuardedLimit = Maximum | Minimum | Range


class DecisionKind(StrEnum):
    """SIMPLE: inside the limit passes. GUARDED: inside the acceptance limit AL = TL - w passes, all else
    fails. PROVEN: inside TL - w passes, outside TL + w fails, between them there is no verdict (ISO 14253-1).
    FOUR_ZONES: pass, conditional pass, conditional fail, fail with edges TL - w, TL, TL + w. PROBABILITY:
    passes if the conformance probability reaches a least value (JCGM 106 8.2)."""

    SIMPLE = "simple"
    GUARDED = "guarded"
    PROVEN = "proven"
    FOUR_ZONES = "four_zones"
    PROBABILITY = "probability"


class Zone(StrEnum):
    """The words of the digital calibration certificate (DCC) for conformity."""

    PASS = "pass"  # noqa: S105
    CONDITIONAL_PASS = "conditionalPass"  # noqa: S105
    CONDITIONAL_FAIL = "conditionalFail"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class MultipleOfU:
    """w = r U. Negative r: rejection is guarded, the acceptance limit lies outside (ILAC-G8 4.2.3)."""

    r: Decimal


@dataclass(frozen=True, slots=True)
class FixedBand:
    """w in the unit of the limit, whatever the uncertainty."""

    w: Decimal


GuardBand = MultipleOfU | FixedBand
_NO_BAND = MultipleOfU(Decimal(0))


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """``rule_id`` and ``version`` name it on paper; ``source``: document it comes from; ``agreed_by``: who
    agreed to it at contract review (ISO/IEC 17025 7.1.3)."""

    rule_id: str
    version: str
    kind: DecisionKind
    band: GuardBand = _NO_BAND
    least_probability: Decimal | None = None
    source: str = ""
    agreed_by: str = ""

    def __post_init__(self) -> None:
        if not self.rule_id.strip() or not self.version.strip():
            raise MetrologyError("decision_rule_name", "A decision rule has a name and a version.")
        size = to_fraction(self.band.r if isinstance(self.band, MultipleOfU) else self.band.w)
        banded = self.kind in (DecisionKind.GUARDED, DecisionKind.PROVEN, DecisionKind.FOUR_ZONES)
        if size and not banded:
            raise MetrologyError("decision_rule_band", "A rule of this kind has no guard band.")
        if size < 0 and self.kind is not DecisionKind.GUARDED:
            raise MetrologyError("decision_rule_zones", "The guard band of zones is not negative.")
        asked = self.least_probability
        if (asked is not None) != (self.kind is DecisionKind.PROBABILITY):
            raise MetrologyError(
                "decision_rule_probability",
                "A least conformance probability belongs to rules of that kind, and only to them.",
            )
        if asked is not None and not 0 < to_fraction(asked) < 1:
            raise MetrologyError("probability_range", "A probability lies between 0 and 1, both excluded.")

    def band_width(self, U: Fraction) -> Fraction:
        """w, in the unit of ``U``, which is that of the limit."""
        return Fraction(self.band.r) * U if isinstance(self.band, MultipleOfU) else Fraction(self.band.w)


_G8 = "ILAC-G8:09/2019"
SIMPLE_ACCEPTANCE = DecisionRule("simple-acceptance", "1", DecisionKind.SIMPLE, source=f"{_G8} 4.2.1")
GUARDED_ACCEPTANCE = DecisionRule(
    "guarded-acceptance", "1", DecisionKind.GUARDED, MultipleOfU(Decimal(1)), source=f"{_G8} 4.2.2"
)
#: PFA below 5 % at the acceptance limit.
GUARDED_083 = DecisionRule(
    "guarded-acceptance-0.83",
    "1",
    DecisionKind.GUARDED,
    MultipleOfU(Decimal("0.83")),
    source="ISO 14253-1:2017",
)
UNCRITICAL = DecisionRule(
    "guarded-rejection", "1", DecisionKind.GUARDED, MultipleOfU(Decimal(-1)), source=f"{_G8} table 1"
)
PROVEN_BOTH_WAYS = DecisionRule(
    "proven-both-ways", "1", DecisionKind.PROVEN, MultipleOfU(Decimal(1)), source="ISO 14253-1:2017"
)
FOUR_ZONES = DecisionRule(
    "four-zones", "1", DecisionKind.FOUR_ZONES, MultipleOfU(Decimal(1)), source=f"{_G8} 4.2.3"
)

#: What can be agreed at contract review, by name.
AGREED_RULES = {
    rule.rule_id: rule
    for rule in (
        SIMPLE_ACCEPTANCE,
        GUARDED_ACCEPTANCE,
        GUARDED_083,
        PROVEN_BOTH_WAYS,
        FOUR_ZONES,
        UNCRITICAL,
    )
}


@dataclass(frozen=True, slots=True)
class StatedUncertainty:
    """``U`` with its coverage factor ``k``, in the unit of the result."""

    U: Decimal
    k: Decimal
    unit: str = ""

    def __post_init__(self) -> None:
        if to_fraction(self.U).numerator <= 0 or to_fraction(self.k).numerator <= 0:
            raise MetrologyError("uncertainty_not_positive", "This value is greater than zero.")

    def in_unit(self, unit: str) -> Fraction:
        """U in another unit: a difference, so an offset between scales (degC, K) drops out."""
        return convert(self.U, self.unit, unit) - convert(Decimal(0), self.unit, unit)


def moved(limit: GuardedLimit, w: Fraction) -> GuardedLimit | None:
    """The limit with its bounds moved inwards by ``w`` (outwards if negative); None if nothing is left."""
    match limit:
        case Maximum(bound):
            return replace(limit, bound=_less(bound, w))
        case Minimum(bound):
            return replace(limit, bound=_less(bound, -w))
        case Range(low, high):
            inner_low, inner_high = _less(low, -w), _less(high, w)
            return None if inner_low > inner_high else replace(limit, low=inner_low, high=inner_high)


def _less(bound: Decimal, w: Fraction) -> Decimal:
    return to_decimal(Fraction(bound) - w)
