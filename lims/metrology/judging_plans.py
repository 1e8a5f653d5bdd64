"""Sampling plans n, c, m, M: the values of a lot are judged one by one, never by their mean."""

from dataclasses import replace
from decimal import Decimal

from lims.metrology.findings import decide, is_present, meets
from lims.metrology.judgements import BoundCheck, Comparison, Finding, PlanTally, Reason, Side, Verdict
from lims.metrology.limits import Plan
from lims.metrology.positions import span_of
from lims.metrology.values import Count, Counts, DetectionLimits, ResultValue, Text


def find_plan(value: ResultValue, plan: Plan, detection: DetectionLimits) -> Finding:
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
    unsettled = units[over_m.index(None)] if None in over_m else units[0]
    return replace(decide(Comparison.FULL_VALUE, unsettled, tuple(checks)), tally=tally)


def _exceeds(unit: Count, bound: Decimal, detection: DetectionLimits) -> bool | None:
    if bound == 0:
        return is_present(unit, detection)
    met = meets(span_of(unit), "≤", bound)
    return None if met is None else not met


def _at_most(over: list[bool | None], allowed: int) -> bool | None:
    """Whether at most ``allowed`` are over, counting what is open both ways."""
    if over.count(True) > allowed:
        return False
    return True if over.count(True) + over.count(None) <= allowed else None
