"""Compare a result with its limit: GB/T 8170-2008 chapter 4, sampling plans, "not permitted"."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from lims.metrology.exact import to_fraction
from lims.metrology.limits import Limit, Maximum, Minimum, MustNotBeDetected, NotPermitted, Plan, Range
from lims.metrology.positions import Point, Span, in_unit, point, rounded_span_of, span_of
from lims.metrology.rounding import Marked, last_place, round_marked, round_to
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


class Comparison(StrEnum):
    """FULL_VALUE (全数值比较法) holds wherever the standard names neither (GB/T 8170 4.3.1)."""

    FULL_VALUE = "full_value"
    ROUNDED_VALUE = "rounded_value"


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    NOT_JUDGED = "not_judged"


class Reason(StrEnum):
    """Why there is no verdict."""

    NO_LIMIT = "no_limit_in_force"
    NO_VALUE = "no_value"
    MONITORING = "monitoring_purpose"
    NOT_REQUESTED = "judgement_not_requested"
    NO_FIGURE = "value_is_not_a_figure"
    DETECTION_LIMIT_UNKNOWN = "detection_limit_unknown"
    DETECTION_LIMIT_TOO_HIGH = "detection_limit_above_limit"
    QUANTIFICATION_LIMIT_UNKNOWN = "quantification_limit_unknown"
    QUANTIFICATION_LIMIT_TOO_HIGH = "below_quantification_above_limit"
    GREATER_THAN_TOO_LOW = "greater_than_below_limit"
    PLAN_INCOMPLETE = "plan_incomplete"


class Side(StrEnum):
    LOW = "low"
    HIGH = "high"
    MARGINAL = "m"
    MOST = "M"


@dataclass(frozen=True, slots=True)
class BoundCheck:
    """One bound and what was held against it; ``compared`` is None when the value is no single figure."""

    side: Side
    sign: str
    bound: Decimal
    compared: Decimal | None
    met: bool | None


@dataclass(frozen=True, slots=True)
class PlanTally:
    """How many units of the plan lie in (m, M] and above M."""

    given: int
    marginal: int
    above: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What one way of comparing says, before purpose or missing limits are considered."""

    comparison: Comparison
    verdict: Verdict
    checks: tuple[BoundCheck, ...] = ()
    tally: PlanTally | None = None
    reason: Reason | None = None

    @property
    def broken(self) -> tuple[Side, ...]:
        return tuple(check.side for check in self.checks if check.met is False)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict with everything a page needs to explain it.

    ``full`` and ``rounded`` show both comparisons; ``rounded`` is None where rounding has no meaning (plans,
    "not permitted"). ``share`` is the part of the limit that is used up (1 = at the limit), to 0.0001.
    ``reported`` is the value a report prints: "not permitted" turns figures below quantification into
    "not detected". ``reason`` is given exactly when the verdict is NOT_JUDGED.
    """

    verdict: Verdict
    rule: Comparison
    reason: Reason | None
    reported: ResultValue | None
    full: Finding | None = None
    rounded: Finding | None = None
    near_limit: bool = False
    share: Decimal | None = None

    @property
    def broken(self) -> tuple[Side, ...]:
        """Which bounds a failing value breaks."""
        if self.verdict is not Verdict.FAIL:
            return ()
        finding = self.rounded if self.rule is Comparison.ROUNDED_VALUE and self.rounded else self.full
        return finding.broken if finding else ()

    @property
    def rules_disagree(self) -> bool:
        """Full-value and rounded-value comparison would give different verdicts: print the rule."""
        return (
            self.full is not None
            and self.rounded is not None
            and self.full.verdict is not self.rounded.verdict
        )


NEAR_FROM = Decimal("0.8")
_NO_LIMITS = DetectionLimits()


def judge(
    value: ResultValue | None,
    limit: Limit | None,
    rule: Comparison = Comparison.FULL_VALUE,
    *,
    detection: DetectionLimits = _NO_LIMITS,
    near_from: Decimal = NEAR_FROM,
    withheld: Reason | None = None,
) -> Judgement:
    """Judge ``value``, UNROUNDED as measured or calculated, against ``limit``.

    ``detection``: the method's limits in the unit of ``value``. ``near_from``: share of the limit from which
    a passing value is flagged. ``withheld``: no verdict is wanted (monitoring); the findings are kept.
    Raises MetrologyError ``unit_unknown`` or ``unit_incompatible`` if value and limit cannot be compared.
    """
    if value is None or limit is None:
        missing = Reason.NO_VALUE if value is None else Reason.NO_LIMIT
        return Judgement(Verdict.NOT_JUDGED, rule, withheld or missing, value)
    compared = _comparable(value, limit, detection)
    full = _find(compared, limit, Comparison.FULL_VALUE, detection)
    rounded = None
    if isinstance(limit, Maximum | Minimum | Range):
        rounded = _find(compared, limit, Comparison.ROUNDED_VALUE, detection)
    decisive = rounded if rule is Comparison.ROUNDED_VALUE and rounded else full
    verdict = Verdict.NOT_JUDGED if withheld else decisive.verdict
    share = _share(compared, limit, full)
    return Judgement(
        verdict,
        rule,
        reason=withheld or decisive.reason,
        reported=_reported(value, limit, full, detection),
        full=full,
        rounded=rounded,
        near_limit=decisive.verdict is Verdict.PASS and share is not None and share >= to_fraction(near_from),
        share=None if share is None else round_to(share, Decimal("0.0001")),
    )


def _comparable(value: ResultValue, limit: Limit, detection: DetectionLimits) -> ResultValue:
    """The value in the limit's unit; presence alone needs no unit."""
    if isinstance(value, NotDetected) and value.lod is None:
        value = detection.not_detected(value.unit)
    if isinstance(limit, NotPermitted | MustNotBeDetected) or isinstance(value, Text):
        return value
    return in_unit(value, limit.unit)


def _find(value: ResultValue, limit: Limit, comparison: Comparison, detection: DetectionLimits) -> Finding:
    if isinstance(limit, Plan):
        return _find_plan(value, limit, detection)
    if isinstance(value, Text | Counts):
        return Finding(comparison, Verdict.NOT_JUDGED, reason=Reason.NO_FIGURE)
    if isinstance(limit, NotPermitted):
        return _find_not_permitted(value, detection)
    if isinstance(limit, MustNotBeDetected):
        return _from_presence(_is_present(value, detection), value)
    checks = tuple(_check(value, side, sign, bound, comparison) for side, sign, bound in _bounds(limit))
    return _decide(comparison, value, checks)


def _bounds(limit: Maximum | Minimum | Range) -> tuple[tuple[Side, str, Decimal], ...]:
    match limit:
        case Maximum(bound, _, inclusive):
            return ((Side.HIGH, "≤" if inclusive else "<", bound),)
        case Minimum(bound, _, inclusive):
            return ((Side.LOW, "≥" if inclusive else ">", bound),)
        case Range(low, high, _, low_inclusive, high_inclusive):
            low_sign, high_sign = "≥" if low_inclusive else ">", "≤" if high_inclusive else "<"
            return ((Side.LOW, low_sign, low), (Side.HIGH, high_sign, high))


def _check(value: Count, side: Side, sign: str, bound: Decimal, comparison: Comparison) -> BoundCheck:
    full = comparison is Comparison.FULL_VALUE
    span = span_of(value) if full else rounded_span_of(value, bound)
    figure = None
    if isinstance(value, Number):
        figure = value.value if full else round_marked(Marked(value.value, value.mark), last_place(bound))
    return BoundCheck(side, sign, bound, figure, _meets(span, sign, bound))


def _meets(span: Span, sign: str, bound: Decimal) -> bool | None:
    """Whether all (True), nothing (False) or only some (None) of the span satisfies ``sign bound``."""
    edge: Point = point(bound, {"<": -1, ">": 1}.get(sign, 0))
    if sign in "≤<":
        return True if span.high <= edge else False if span.low > edge else None
    return True if span.low >= edge else False if span.high < edge else None


def _decide(comparison: Comparison, value: Count, checks: tuple[BoundCheck, ...]) -> Finding:
    met = {check.met for check in checks}
    if False in met:
        return Finding(comparison, Verdict.FAIL, checks)
    if None in met:
        return Finding(comparison, Verdict.NOT_JUDGED, checks, reason=_why_open(value))
    return Finding(comparison, Verdict.PASS, checks)


def _why_open(value: Count) -> Reason:
    match value:
        case NotDetected(None):
            return Reason.DETECTION_LIMIT_UNKNOWN
        case NotDetected():
            return Reason.DETECTION_LIMIT_TOO_HIGH
        case BelowQuantification():
            return Reason.QUANTIFICATION_LIMIT_TOO_HIGH
        case GreaterThan():
            return Reason.GREATER_THAN_TOO_LOW
        case _:
            return Reason.NO_FIGURE


def _find_not_permitted(value: Count, detection: DetectionLimits) -> Finding:
    """Any value from the quantification limit on fails; what lies below it counts as not detected."""
    if isinstance(value, NotDetected):
        return _from_presence(False, value)
    if isinstance(value, Detected):
        return _from_presence(True, value)
    limit = detection.loq if detection.loq is not None else detection.lod
    if limit is None:
        if isinstance(value, BelowQuantification):
            return _from_presence(False, value)
        return Finding(Comparison.FULL_VALUE, Verdict.NOT_JUDGED, reason=Reason.QUANTIFICATION_LIMIT_UNKNOWN)
    return _decide(
        Comparison.FULL_VALUE, value, (_check(value, Side.HIGH, "<", limit, Comparison.FULL_VALUE),)
    )


def _is_present(value: Count, detection: DetectionLimits) -> bool | None:
    match value:
        case NotDetected():
            return False
        case Detected():
            return True
        case Number(figure):
            return figure >= detection.lod if detection.lod is not None else figure > 0
        case BelowQuantification(loq):
            # "<1" where one colony is all that can be detected means that none was seen.
            return False if detection.lod is not None and loq <= detection.lod else None
        case GreaterThan(bound):
            return True if bound >= 0 else None
        case _:
            return None


def _from_presence(present: bool | None, value: Count) -> Finding:
    if present is None:
        return Finding(Comparison.FULL_VALUE, Verdict.NOT_JUDGED, reason=_why_open(value))
    return Finding(Comparison.FULL_VALUE, Verdict.FAIL if present else Verdict.PASS)


def _find_plan(value: ResultValue, plan: Plan, detection: DetectionLimits) -> Finding:
    """Fail if any unit is above M or more than c above m; counts are never rounded to powers of ten."""
    values = value.values if isinstance(value, Counts) else (value,)
    units = tuple(unit for unit in values if not isinstance(unit, Text))
    if len(units) != plan.n or len(units) != len(values):
        return Finding(Comparison.FULL_VALUE, Verdict.NOT_JUDGED, reason=Reason.PLAN_INCOMPLETE)
    over_m = [_exceeds(unit, plan.m, detection) for unit in units]
    over_most = [plan.M is not None and _exceeds(unit, plan.M, detection) for unit in units]
    tally = PlanTally(len(units), over_m.count(True) - over_most.count(True), over_most.count(True))
    within_c = _at_most(over_m, plan.c)
    checks = [BoundCheck(Side.MARGINAL, "≤", plan.m, None, within_c)]
    if plan.M is not None:
        checks.append(BoundCheck(Side.MOST, "≤", plan.M, None, _at_most(over_most, 0)))
    open_units = [unit for unit, over in zip(units, over_m, strict=True) if over is None] or list(units)
    return replace(_decide(Comparison.FULL_VALUE, open_units[0], tuple(checks)), tally=tally)


def _exceeds(unit: Count, bound: Decimal, detection: DetectionLimits) -> bool | None:
    if bound == 0:
        return _is_present(unit, detection)
    met = _meets(span_of(unit), "≤", bound)
    return None if met is None else not met


def _at_most(over: list[bool | None], allowed: int) -> bool | None:
    """Whether at most ``allowed`` are over, counting what is open both ways."""
    if over.count(True) > allowed:
        return False
    return True if over.count(True) + over.count(None) <= allowed else None


def _share(value: ResultValue, limit: Limit, full: Finding) -> Fraction | None:
    """How much of the limit is used up; None where the question has no meaning (limit 0, value below 0)."""
    if isinstance(limit, Plan):
        return None if full.tally is None or not limit.c else Fraction(full.tally.marginal, limit.c)
    if not isinstance(value, Number):
        return None
    figure = to_fraction(value.value)
    match limit:
        case Maximum(bound) if bound > 0 and figure >= 0:
            return figure / to_fraction(bound)
        case Minimum(bound) if bound > 0 and figure > 0:
            return to_fraction(bound) / figure
        case Range(low, high) if low < high:
            half = (to_fraction(high) - to_fraction(low)) / 2
            return abs(figure - to_fraction(low) - half) / half
        case _:
            return None


def _reported(value: ResultValue, limit: Limit, full: Finding, detection: DetectionLimits) -> ResultValue:
    """Below quantification, a forbidden substance is printed as "not detected" with the method's limit."""
    if not isinstance(limit, NotPermitted) or full.verdict is not Verdict.PASS:
        return value
    if isinstance(value, NotDetected) and value.lod is not None:
        return value
    found = isinstance(value, Number) and detection.lod is not None and value.value >= detection.lod
    if found or isinstance(value, BelowQuantification):
        # Something may be there below quantification: only the quantification limit is a true statement.
        claimed = value.loq if isinstance(value, BelowQuantification) else detection.loq
        return NotDetected(claimed, value.unit, by_quantification=True)
    return detection.not_detected(value.unit)
