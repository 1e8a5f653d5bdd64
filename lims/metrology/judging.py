"""Compare a result with its limit: GB/T 8170-2008 chapter 4, sampling plans, "not permitted"."""

from decimal import Decimal
from fractions import Fraction

from lims.metrology.exact import to_fraction
from lims.metrology.findings import decide, from_presence, is_present, meets
from lims.metrology.judgements import BoundCheck, Comparison, Finding, Judgement, Reason, Side, Verdict
from lims.metrology.judging_plans import find_plan
from lims.metrology.limits import Limit, Maximum, Minimum, MustNotBeDetected, NotPermitted, Plan, Range
from lims.metrology.positions import in_unit, limits_in_unit, rounded_span_of, span_at, span_of
from lims.metrology.rounding import Marked, last_place, round_marked, round_to
from lims.metrology.values import (
    BelowQuantification,
    Count,
    Counts,
    Detected,
    DetectionLimits,
    NotDetected,
    Number,
    ResultValue,
    Text,
)

NEAR_FROM = Decimal("0.8")
_Bounded = Maximum | Minimum | Range
_Forbidden = NotPermitted | MustNotBeDetected
_Unplaced = Text | Counts
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
    compared, given = _comparable(value, limit, detection), detection
    if compared.unit != value.unit:
        detection = limits_in_unit(detection, value.unit, compared.unit)
    full = _find(compared, limit, Comparison.FULL_VALUE, detection)
    rounded = None
    if isinstance(limit, _Bounded):
        rounded = _find(compared, limit, Comparison.ROUNDED_VALUE, detection)
    decisive = rounded if rule is Comparison.ROUNDED_VALUE and rounded else full
    verdict = Verdict.NOT_JUDGED if withheld else decisive.verdict
    share = _share(compared, limit, full)
    return Judgement(
        verdict,
        rule,
        reason=withheld or decisive.reason,
        reported=_reported(value, limit, full, given),
        full=full,
        rounded=rounded,
        near_limit=decisive.verdict is Verdict.PASS and share is not None and share >= to_fraction(near_from),
        share=None if share is None else round_to(share, Decimal("0.0001")),
    )


def compare_full(value: ResultValue, limit: Limit, detection: DetectionLimits = _NO_LIMITS) -> Finding:
    """The full-value comparison alone, for whoever holds one value against several limits."""
    compared = _comparable(value, limit, detection)
    if compared.unit != value.unit:
        detection = limits_in_unit(detection, value.unit, compared.unit)
    return _find(compared, limit, Comparison.FULL_VALUE, detection)


def _comparable(value: ResultValue, limit: Limit, detection: DetectionLimits) -> ResultValue:
    """The value in the limit's unit; presence alone needs no unit."""
    if isinstance(value, NotDetected) and value.lod is None:
        value = detection.not_detected(value.unit)
    if isinstance(limit, _Forbidden) or isinstance(value, Text):
        return value
    return in_unit(value, limit.unit)


def _find(value: ResultValue, limit: Limit, comparison: Comparison, detection: DetectionLimits) -> Finding:
    if isinstance(limit, Plan):
        return find_plan(value, limit, detection)
    if isinstance(value, _Unplaced):
        return Finding(comparison, Verdict.NOT_JUDGED, reason=Reason.NO_FIGURE)
    if isinstance(limit, NotPermitted):
        return _find_not_permitted(value, detection)
    if isinstance(limit, MustNotBeDetected):
        return from_presence(is_present(value, detection), value)
    checks = tuple(_check(value, side, sign, bound, comparison) for side, sign, bound in _bounds(limit))
    return decide(comparison, value, checks)


def _bounds(limit: _Bounded) -> tuple[tuple[Side, str, Decimal], ...]:
    match limit:
        case Maximum(bound, _, inclusive):
            return ((Side.HIGH, "≤" if inclusive else "<", bound),)
        case Minimum(bound, _, inclusive):
            return ((Side.LOW, "≥" if inclusive else ">", bound),)
        case Range(low, high, _, low_inclusive, high_inclusive):
            low_sign, high_sign = "≥" if low_inclusive else ">", "≤" if high_inclusive else "<"
            return ((Side.LOW, low_sign, low), (Side.HIGH, high_sign, high))


def _check(value: Count, side: Side, sign: str, bound: Decimal, comparison: Comparison) -> BoundCheck:
    figure = value.value if isinstance(value, Number) else None
    if comparison is Comparison.FULL_VALUE:
        span = span_of(value)
    elif isinstance(value, Number):
        figure = round_marked(Marked(value.value, value.mark), last_place(bound))
        span = span_at(figure)
    else:
        span = rounded_span_of(value, bound)
    return BoundCheck(side, sign, bound, figure, meets(span, sign, bound))


def _find_not_permitted(value: Count, detection: DetectionLimits) -> Finding:
    """Any value from the quantification limit on fails; what lies below it counts as not detected."""
    if isinstance(value, NotDetected):
        return from_presence(False, value)
    if isinstance(value, Detected):
        return from_presence(True, value)
    limit = detection.loq if detection.loq is not None else detection.lod
    if limit is None:
        if isinstance(value, BelowQuantification):
            return from_presence(False, value)
        return Finding(Comparison.FULL_VALUE, Verdict.NOT_JUDGED, reason=Reason.QUANTIFICATION_LIMIT_UNKNOWN)
    return decide(
        Comparison.FULL_VALUE, value, (_check(value, Side.HIGH, "<", limit, Comparison.FULL_VALUE),)
    )


def _share(value: ResultValue, limit: Limit, full: Finding) -> Fraction | None:
    """How much of the limit is used up; None where the question has no meaning (limit 0, value below 0)."""
    if isinstance(limit, Plan):
        return None if full.tally is None or not limit.c else Fraction(full.tally.marginal, limit.c)
    if not isinstance(value, Number):
        return None
    figure = to_fraction(value.value)
    match limit:
        case Maximum(bound) if bound > 0 and value.value >= 0:
            return figure / to_fraction(bound)
        case Minimum(bound) if bound > 0 and value.value > 0:
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
