"""The uncertainty of one result, by the budget its order goes by; and what the agreed decision rule makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from lims.bench.calculation import Computed, formula_inputs, withheld
from lims.bench.models import InputValue
from lims.bench.sample_bench import SampleBench
from lims.catalogue.budget_text import as_metrology, holds, text_of
from lims.catalogue.limits import LimitChoice
from lims.catalogue.limits import as_metrology as limit_as_metrology
from lims.catalogue.models import MethodVersion, UncertaintyBudget
from lims.intake.models import Order, RequestedTest
from lims.metrology.budgets import BudgetLine
from lims.metrology.decision_rules import AGREED_RULES, SIMPLE_ACCEPTANCE, StatedUncertainty
from lims.metrology.decisions import Decision, decide_conformity
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_decimal
from lims.metrology.formula import Input, ItemInput
from lims.metrology.formula_check import Formula
from lims.metrology.limits import Maximum, Minimum, Range, write_limit
from lims.metrology.method_budgets import MethodUncertainty, uncertainty_of
from lims.metrology.rounding import last_place
from lims.metrology.values import DetectionLimits, Number, ResultValue

Json = dict[str, Any]
SHOWN_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Stated:
    """``found`` None: the budget gives no uncertainty here, and ``why`` (a stable code) says so."""

    budget: UncertaintyBudget
    found: MethodUncertainty | None
    why: str = ""


def uncertainty_here(
    bench: SampleBench,
    test: RequestedTest,
    computed: Computed,
    reported: ResultValue,
    items: Mapping[str, ItemInput],
) -> Stated | None:
    """None: no budget of the order's day covers the result, or it is no figure."""
    version, formula = bench.version(test), bench.formula(test)
    if formula is None or not isinstance(computed.value, Number) or not isinstance(reported, Number):
        return None
    row = budget_for(bench.benches.budgets(version.method_id), bench.order, computed.value.value)
    if row is None:
        return None
    try:
        found = _evaluate(version, formula, bench.inputs(test), items, row, reported.value)
    except MetrologyError as fault:
        return Stated(row, None, fault.code)
    return Stated(row, found)


def budget_for(rows: Sequence[UncertaintyBudget], order: Order, value: Decimal) -> UncertaintyBudget | None:
    """The budget in use when the order was registered, as for the method version; the newest that covers
    the value."""
    day = order.registered_at
    for row in reversed(rows):
        released, retired = row.released_at, row.retired_at
        in_use = released is not None and released <= day and (retired is None or retired > day)
        if in_use and holds(row.range_low, row.range_high, value):
            return row
    return None


def _evaluate(
    version: MethodVersion,
    formula: Formula,
    given: Sequence[InputValue],
    items: Mapping[str, ItemInput],
    row: UncertaintyBudget,
    reported: Decimal,
) -> MethodUncertainty:
    inputs = {
        name: figure
        for name, value in formula_inputs(version, given).items()
        if name in formula.inputs and (figure := _figures(value)) is not None
    }
    others = {key: value for key, value in items.items() if isinstance(value, Decimal | Fraction)}
    budget = as_metrology(text_of(row))
    return uncertainty_of(formula, inputs, others, budget, reported_place=last_place(reported))


def _figures(value: Input) -> Exact | list[Exact] | None:
    match value:
        case Decimal() | Fraction():
            return value
        case Number(figure):
            return figure
        case [*figures]:
            return [one for one in figures if isinstance(one, Decimal | Fraction)]
        case _:
            return None


def decision_on(
    computed: Computed, version: MethodVersion, choice: LimitChoice, order: Order, stated: Stated | None
) -> Decision | None:
    """None where the plain comparison decides: simple acceptance without an uncertainty, and limits that no guard
    band can be held against (sampling plans, not permitted, not detected)."""
    rule = AGREED_RULES.get(order.decision_rule, SIMPLE_ACCEPTANCE)
    found = stated.found if stated is not None else None
    if found is None and rule is SIMPLE_ACCEPTANCE:
        return None
    limit = limit_as_metrology(choice.limit) if choice.limit is not None else None
    if limit is not None and not isinstance(limit, Maximum | Minimum | Range):
        return None
    return decide_conformity(
        computed.value,
        limit,
        StatedUncertainty(found.U, found.k, version.unit) if found is not None else None,
        rule,
        detection=DetectionLimits(version.lod, version.loq),
        withheld=withheld(order),
    )


# -- what is kept of it --------------------------------------------------------------


def uncertainty_notes(stated: Stated | None) -> Json:
    """Nothing where no budget applies: then a result reads as it did before there were budgets."""
    if stated is None:
        return {}
    budget = {"budget_id": stated.budget.id, "number": stated.budget.number}
    if stated.found is None:
        return {"uncertainty": {**budget, "missing": stated.why}}
    found = stated.found
    coverage = found.expanded.coverage
    return {
        "uncertainty": {
            **budget,
            "U": found.U,
            "k": _short(found.k),
            "p": coverage.p,
            "dof": None if coverage.used_dof is None else _short(coverage.used_dof),
            "u": _short(found.expanded.standard_uncertainty),
            "calculated": _short(found.expanded.U),
            "raised_to_cmc": found.raised_to_cmc,
            "lines": [_line(stated.budget, line) for line in found.budget.lines],
        }
    }


def _line(budget: UncertaintyBudget, line: BudgetLine) -> Json:
    source = budget.sources[int(line.label)]
    return {
        "quantity": line.quantity,
        "label_zh": source.label_zh,
        "label_en": source.label_en,
        "kind": source.kind,
        "u": _short(line.standard_uncertainty),
        "c": _short(line.sensitivity),
        "contribution": _short(abs(line.contribution)),
        "share": line.share,
    }


def decision_notes(decision: Decision | None) -> Json:
    if decision is None:
        return {}
    acceptance = decision.acceptance
    return {
        "decision": {
            "rule": decision.rule.rule_id,
            "version": decision.rule.version,
            "source": decision.rule.source,
            "zone": decision.zone,
            "reason": decision.reason,
            "acceptance_zh": write_limit(acceptance, "zh") if acceptance is not None else None,
            "acceptance_en": write_limit(acceptance, "en") if acceptance is not None else None,
            "w": decision.w,
            "conformance_probability": decision.conformance_probability,
            "false_accept": decision.false_accept,
            "false_reject": decision.false_reject,
            "rule_false_accept": decision.rule_false_accept,
        }
    }


def _short(value: Exact) -> Decimal:
    return to_decimal(value, SHOWN_DIGITS)
