"""Judge a result with its uncertainty: the plain judgement of the limit, and what the decision rule makes of it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from lims.metrology.conformity_risk import Bounds, inside_and_outside, outside_probability
from lims.metrology.decision_rules import (
    DecisionKind,
    DecisionRule,
    GuardedLimit,
    StatedUncertainty,
    Zone,
    moved,
)
from lims.metrology.exact import to_decimal
from lims.metrology.judgements import Judgement, Reason, Verdict
from lims.metrology.judging import NEAR_FROM, compare_full, judge
from lims.metrology.limits import Limit, Maximum, Minimum, Range
from lims.metrology.positions import in_unit
from lims.metrology.values import DetectionLimits, Number, ResultValue

_NO_LIMITS = DetectionLimits()


class Undecided(StrEnum):
    """Why a decision rule gives no verdict where the limit alone might."""

    UNCERTAINTY_MISSING = "uncertainty_missing"
    LIMIT_TAKES_NO_UNCERTAINTY = "limit_takes_no_uncertainty"
    GUARD_BANDS_MEET = "guard_bands_leave_no_acceptance"
    NEITHER_PROVEN = "within_guard_band"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a report states about conformity. ``limit``: the tolerance limit TL; ``acceptance``: AL; ``U``,
    ``k``, ``w`` in the unit of the limit. ``conformance_probability`` p_c of this figure (normal);
    ``false_accept`` = 1 - p_c if it passes, ``false_reject`` = p_c if it fails; ``rule_false_accept``: the
    same for a figure that just passes, at most. ``reason``: given exactly when there is no verdict.
    """

    verdict: Verdict
    zone: Zone | None
    reason: Reason | Undecided | None
    rule: DecisionRule
    plain: Judgement
    limit: Limit | None
    acceptance: GuardedLimit | None = None
    U: Decimal | None = None
    k: Decimal | None = None
    w: Decimal | None = None
    conformance_probability: Decimal | None = None
    false_accept: Decimal | None = None
    false_reject: Decimal | None = None
    rule_false_accept: Decimal | None = None


@dataclass(frozen=True, slots=True)
class _Bands:
    """What limit, uncertainty and rule fix together, whatever the figure; in the unit of the limit."""

    u: Fraction
    U: Decimal
    w: Decimal
    tolerance: Bounds
    inner: GuardedLimit | None
    outer: GuardedLimit | None
    rule_false_accept: Decimal | None


@dataclass(frozen=True, slots=True)
class _Case:
    value: ResultValue
    limit: GuardedLimit
    rule: DecisionRule
    plain: Judgement
    detection: DetectionLimits
    bands: _Bands


@dataclass(frozen=True, slots=True)
class _Outcome:
    verdict: Verdict
    zone: Zone | None = None
    reason: Reason | Undecided | None = None


def decide_conformity(
    value: ResultValue | None,
    limit: Limit | None,
    uncertainty: StatedUncertainty | None,
    rule: DecisionRule,
    *,
    detection: DetectionLimits = _NO_LIMITS,
    near_from: Decimal = NEAR_FROM,
    withheld: Reason | None = None,
) -> Decision:
    """Judge ``value``, UNROUNDED, with its ``uncertainty`` in the same unit; other arguments as in ``judge``.

    Comparison is always by full value: rounding first would count the uncertainty twice. Simple acceptance
    needs no uncertainty for its verdict, only for its risk. Raises MetrologyError ``unit_unknown`` or
    ``unit_incompatible``.
    """
    plain = judge(value, limit, detection=detection, near_from=near_from, withheld=withheld)
    if withheld or value is None or limit is None:
        return Decision(Verdict.NOT_JUDGED, None, plain.reason, rule, plain, limit)
    if uncertainty is None and rule.kind is DecisionKind.SIMPLE:
        return Decision(plain.verdict, _plain_zone(plain.verdict), plain.reason, rule, plain, limit)
    if not isinstance(limit, GuardedLimit):
        return Decision(Verdict.NOT_JUDGED, None, Undecided.LIMIT_TAKES_NO_UNCERTAINTY, rule, plain, limit)
    if uncertainty is None:
        return Decision(Verdict.NOT_JUDGED, None, Undecided.UNCERTAINTY_MISSING, rule, plain, limit)
    bands = _bands(limit, uncertainty, rule)
    return _decided(_Case(value, limit, rule, plain, detection, bands), uncertainty.k)


def _decided(case: _Case, k: Decimal) -> Decision:
    bands = case.bands
    figure = _figure(case)
    p_c, outside = None, None
    if figure is not None:
        p_c, outside = inside_and_outside(figure, bands.u, bands.tolerance)
    outcome = _outcome(case, p_c)
    return Decision(
        outcome.verdict,
        outcome.zone,
        outcome.reason,
        case.rule,
        case.plain,
        case.limit,
        acceptance=bands.inner,
        U=bands.U,
        k=k,
        w=bands.w,
        conformance_probability=p_c,
        false_accept=outside if outcome.verdict is Verdict.PASS else None,
        false_reject=p_c if outcome.verdict is Verdict.FAIL else None,
        rule_false_accept=bands.rule_false_accept,
    )


# A worksheet holds hundreds of results against few limits. Equal keys that are written differently (1, 1.0)
# may share an entry, for its figures come from rationals and carry no written digits.
@lru_cache(maxsize=1024)
def _bands(limit: GuardedLimit, uncertainty: StatedUncertainty, rule: DecisionRule) -> _Bands:
    U = uncertainty.in_unit(limit.unit)
    u, w, tolerance = U / Fraction(uncertainty.k), rule.band_width(U), _bounds(limit)
    inner, outer = moved(limit, w), moved(limit, -w)
    # Four zones pass, with a condition, up to the limit itself.
    last = limit if rule.kind is DecisionKind.FOUR_ZONES else inner
    if rule.least_probability is not None:
        risk: Decimal | None = 1 - rule.least_probability
    else:
        risk = None if last is None else _risk_at(last, u, tolerance)
    return _Bands(u, to_decimal(U), to_decimal(w), tolerance, inner, outer, risk)


def _risk_at(last: GuardedLimit, u: Fraction, tolerance: Bounds) -> Decimal:
    """Probability beyond the limit of a figure that just passes, at the worse end."""
    ends = _bounds(last)
    return max(outside_probability(end, u, tolerance) for end in (ends.low, ends.high) if end is not None)


def _outcome(case: _Case, p_c: Decimal | None) -> _Outcome:
    match case.rule.kind:
        case DecisionKind.SIMPLE:
            return _Outcome(case.plain.verdict, _plain_zone(case.plain.verdict), case.plain.reason)
        case DecisionKind.GUARDED:
            return _guarded(case)
        case DecisionKind.PROVEN:
            return _proven(case)
        case DecisionKind.FOUR_ZONES:
            return _four_zones(case)
        case DecisionKind.PROBABILITY:
            return _by_probability(case, p_c)


def _guarded(case: _Case) -> _Outcome:
    if case.bands.inner is None:
        return _Outcome(Verdict.NOT_JUDGED, reason=Undecided.GUARD_BANDS_MEET)
    found = compare_full(case.value, case.bands.inner, case.detection)
    return _Outcome(found.verdict, _plain_zone(found.verdict), found.reason)


def _proven(case: _Case) -> _Outcome:
    if _passes_inside(case):
        return _Outcome(Verdict.PASS, Zone.PASS)
    if _fails_outside(case):
        return _Outcome(Verdict.FAIL, Zone.FAIL)
    return _Outcome(Verdict.NOT_JUDGED, reason=case.plain.reason or Undecided.NEITHER_PROVEN)


def _four_zones(case: _Case) -> _Outcome:
    """A conditional pass is a pass, a conditional fail a fail; the zone says with what certainty."""
    if case.plain.verdict is Verdict.PASS:
        return _Outcome(Verdict.PASS, Zone.PASS if _passes_inside(case) else Zone.CONDITIONAL_PASS)
    if case.plain.verdict is Verdict.NOT_JUDGED:
        return _Outcome(Verdict.NOT_JUDGED, reason=case.plain.reason)
    return _Outcome(Verdict.FAIL, Zone.FAIL if _fails_outside(case) else Zone.CONDITIONAL_FAIL)


def _by_probability(case: _Case, p_c: Decimal | None) -> _Outcome:
    asked = case.rule.least_probability
    assert asked is not None
    if p_c is None:
        return _Outcome(Verdict.NOT_JUDGED, reason=case.plain.reason or Reason.NO_FIGURE)
    verdict = Verdict.PASS if p_c >= asked else Verdict.FAIL
    return _Outcome(verdict, _plain_zone(verdict))


def _passes_inside(case: _Case) -> bool:
    inner = case.bands.inner
    return inner is not None and compare_full(case.value, inner, case.detection).verdict is Verdict.PASS


def _fails_outside(case: _Case) -> bool:
    outer = case.bands.outer
    assert outer is not None  # w is not negative in rules with zones
    return compare_full(case.value, outer, case.detection).verdict is Verdict.FAIL


def _plain_zone(verdict: Verdict) -> Zone | None:
    return {Verdict.PASS: Zone.PASS, Verdict.FAIL: Zone.FAIL}.get(verdict)


def _bounds(limit: GuardedLimit) -> Bounds:
    match limit:
        case Maximum(bound):
            return Bounds(high=bound)
        case Minimum(bound):
            return Bounds(low=bound)
        case Range(low, high):
            return Bounds(low, high)


def _figure(case: _Case) -> Decimal | None:
    """The figure in the unit of the limit; None for "not detected" and its kin."""
    if not isinstance(case.value, Number):
        return None
    converted = in_unit(case.value, case.limit.unit)
    assert isinstance(converted, Number)
    return converted.value
