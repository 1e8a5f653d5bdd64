"""From bounds met or broken to a finding; shared by every kind of limit."""

from decimal import Decimal

from lims.metrology.judgements import BoundCheck, Comparison, Finding, Reason, Verdict
from lims.metrology.positions import Point, Span, point
from lims.metrology.values import (
    BelowQuantification,
    Count,
    Detected,
    DetectionLimits,
    GreaterThan,
    NotDetected,
    Number,
)


def meets(span: Span, sign: str, bound: Decimal) -> bool | None:
    """Whether all (True), nothing (False) or only some (None) of the span satisfies ``sign bound``."""
    edge: Point = point(bound, {"<": -1, ">": 1}.get(sign, 0))
    if sign in "≤<":
        return True if span.high <= edge else False if span.low > edge else None
    return True if span.low >= edge else False if span.high < edge else None


def decide(comparison: Comparison, value: Count, checks: tuple[BoundCheck, ...]) -> Finding:
    met = {check.met for check in checks}
    if False in met:
        return Finding(comparison, Verdict.FAIL, checks)
    if None in met:
        return Finding(comparison, Verdict.NOT_JUDGED, checks, reason=why_open(value))
    return Finding(comparison, Verdict.PASS, checks)


def why_open(value: Count) -> Reason:
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


def is_present(value: Count, detection: DetectionLimits) -> bool | None:
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


def from_presence(present: bool | None, value: Count) -> Finding:
    if present is None:
        return Finding(Comparison.FULL_VALUE, Verdict.NOT_JUDGED, reason=why_open(value))
    return Finding(Comparison.FULL_VALUE, Verdict.FAIL if present else Verdict.PASS)
