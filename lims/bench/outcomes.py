"""What a result version holds, with everything that explains it; equal outcomes read equally."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _

from lims.bench.calculation import (
    Computed,
    Incomplete,
    compute_value,
    exact_text,
    item_input,
    judge_value,
    rounded,
)
from lims.bench.models import InputValue
from lims.bench.ratios import ratio_notes, ratios_here
from lims.bench.sample_bench import SampleBench
from lims.bench.states import Verdict
from lims.bench.uncertainty import decision_notes, decision_on, uncertainty_here, uncertainty_notes
from lims.bench.wording import named
from lims.catalogue.limits import LimitChoice, as_metrology
from lims.catalogue.models import MethodVersion, ResultKind
from lims.core.audit import canonical
from lims.intake.models import RequestedTest
from lims.metrology.decision_rules import SIMPLE_ACCEPTANCE
from lims.metrology.errors import MetrologyError
from lims.metrology.formula import ItemInput
from lims.metrology.judgements import Comparison, Finding, Judgement, Reason
from lims.metrology.limits import store_limit, write_limit
from lims.metrology.ratio_sums import RatioSum
from lims.metrology.stored_values import store_value
from lims.metrology.values import Number, ResultValue, write_value

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a result version holds; ``explanation`` is canonical JSON, equal for equal outcomes."""

    value: str
    reported: str
    limit_id: int | None
    comparison: str
    verdict: Verdict
    reason: str
    near_limit: bool
    explanation: str
    expanded_uncertainty: Decimal | None = None
    coverage_factor: Decimal | None = None
    budget_id: int | None = None


def no_outcome(why: Incomplete) -> Outcome:
    """Stands where a value was taken away again: the old figure is never left standing."""
    return Outcome(
        canonical({"kind": "none", "unit": ""}),
        "",
        None,
        Comparison.FULL_VALUE,
        Verdict.NOT_JUDGED,
        Reason.NO_VALUE,
        False,
        canonical({"incomplete": {"code": why.code, "sentence": why.sentence}}),
    )


def find_outcome(bench: SampleBench, test: RequestedTest) -> Outcome | Incomplete:
    """Compute one test's outcome from its stored inputs, writing nothing."""
    version = bench.version(test)
    inputs = bench.inputs(test)
    codes = bench.items_of(test)
    items, item_notes = _items(bench, codes)
    computed, ratios = _computed(bench, test, items)
    if isinstance(computed, Incomplete):
        return _in_words(computed, bench, version)
    choice = bench.limit(test)
    try:
        judgement = judge_value(computed, version, choice, bench.order)
    except MetrologyError as fault:  # units that cannot be compared: a fault of the catalogue, said aloud
        return Incomplete(fault.code, _(fault.template, **fault.facts))
    reported = judgement.reported if judgement.reported is not None else computed.value
    reported = rounded(reported, version, computed.exact if isinstance(reported, Number) else None)
    stated = uncertainty_here(bench, test, computed, reported, items)
    # No guard band is held against a sum of shares: its members carry the uncertainty.
    decision = None if ratios else decision_on(computed, version, choice, bench.order, stated)
    found = stated.found if stated is not None else None
    judged = judgement if decision is None or decision.rule is SIMPLE_ACCEPTANCE else decision
    explanation = {
        "inputs": [_input_note(r) for r in inputs],
        "items": item_notes,
        **_calculation_notes(version, computed, reported),
        **ratio_notes(ratios, list(codes)),
        **_limit_notes(choice),
        **_judgement_notes(judgement),
        **uncertainty_notes(stated),
        **decision_notes(decision),
    }
    return Outcome(
        canonical(store_value(computed.value)),
        write_value(reported, "zh"),
        choice.limit.id if choice.limit is not None else None,
        judgement.rule.value,
        Verdict(judged.verdict.value),
        judged.reason.value if judged.reason else "",
        judgement.near_limit,
        canonical(explanation),
        found.U if found is not None else None,
        found.k if found is not None else None,
        stated.budget.id if stated is not None and found is not None else None,
    )


def _computed(
    bench: SampleBench, test: RequestedTest, items: dict[str, ItemInput]
) -> tuple[Computed | Incomplete, RatioSum | None]:
    version = bench.version(test)
    if version.result_kind is not ResultKind.RATIOS:
        return compute_value(version, bench.formula(test), bench.inputs(test), items), None
    found = ratios_here(bench, test)
    return (found, None) if isinstance(found, Incomplete) else found


def _in_words(why: Incomplete, bench: SampleBench, version: MethodVersion) -> Incomplete:
    """What is missing by its name for people instead of the formula's."""
    wanted = next((i for i in version.inputs if i.name == why.name), None)
    other = bench.test_of(why.name)
    if why.code != "formula_input_missing" or (wanted is None and other is None):
        return why
    words = named(wanted, "label") if wanted is not None else named(other.test_item if other else None)
    return Incomplete(why.code, _("“%(name)s” is missing.", name=words), why.name)


def _calculation_notes(version: MethodVersion, computed: Computed, reported: ResultValue) -> Json:
    evaluation = computed.evaluation
    return {
        "formula": version.formula,
        "method_version_id": version.id,
        "steps": [
            {"expression": s.expression, "with_numbers": s.with_numbers, "value": str(s.value)}
            for s in (evaluation.steps if evaluation else ())
        ],
        "with_numbers": evaluation.with_numbers if evaluation else None,
        "exact": exact_text(computed.exact),
        "unrounded": store_value(computed.value),
        "reported": store_value(reported),
        "round_to": version.round_to,
        "significant": version.significant,
        "lod": version.lod,
        "loq": version.loq,
    }


def _limit_notes(choice: LimitChoice) -> Json:
    limit = as_metrology(choice.limit) if choice.limit is not None else None
    return {
        "limit": store_limit(limit) if limit is not None else None,
        "limit_zh": write_limit(limit, "zh") if limit is not None else None,
        "limit_en": write_limit(limit, "en") if limit is not None else None,
        "limit_id": choice.limit.id if choice.limit is not None else None,
        "limit_reason": choice.reason,
        "limit_day": choice.day,
    }


def _judgement_notes(judgement: Judgement) -> Json:
    return {
        "rule": judgement.rule,
        "full": _finding_note(judgement.full),
        "rounded": _finding_note(judgement.rounded),
        "rules_disagree": judgement.rules_disagree,
        "share": judgement.share,
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "near_limit": judgement.near_limit,
    }


def _items(bench: SampleBench, codes: Sequence[str]) -> tuple[dict[str, ItemInput], list[Json]]:
    """Unrounded results of the items that are needed, with the versions they came from."""
    found: dict[str, ItemInput] = {}
    notes: list[Json] = []
    for code in codes:
        row = bench.version_of(code)
        if row is None:
            found[code] = None
            continue
        found[code] = item_input(row)
        notes.append(
            {"item": code, "result_version_id": row.id, "number": row.number, "reported": row.reported}
        )
    return found, notes


def _input_note(row: InputValue) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "replicate": row.replicate,
        "text": row.text,
        "unit": row.unit,
        "source": row.source.value,
        "capture_id": row.capture_id,
    }


def _finding_note(finding: Finding | None) -> Json | None:
    if finding is None:
        return None
    return {
        "comparison": finding.comparison,
        "verdict": finding.verdict,
        "reason": finding.reason,
        "checks": [
            {"side": c.side, "sign": c.sign, "bound": c.bound, "compared": c.compared, "met": c.met}
            for c in finding.checks
        ],
        "tally": None
        if finding.tally is None
        else {"given": finding.tally.given, "marginal": finding.tally.marginal, "above": finding.tally.above},
    }
