"""From inputs to a result version: formula, rounding, limit, verdict, with everything that explains it.

The same function serves every source (page, import, device) inside the transaction that changed an input.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import orjson
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.models import InputValue, Result, ResultVersion
from lims.bench.states import Verdict
from lims.catalogue.limits import LimitChoice, as_metrology, limit_for
from lims.catalogue.models import MethodVersion, ResultKind
from lims.core.audit import canonical
from lims.core.clock import local_date
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.states import TestState
from lims.metrology.dependency import affected_by
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_decimal
from lims.metrology.formula import Evaluation, Input, ItemInput, evaluate
from lims.metrology.formula_check import Formula, compile_formula
from lims.metrology.formula_tree import Name
from lims.metrology.judgements import Comparison, Finding, Judgement, Reason
from lims.metrology.judging import judge
from lims.metrology.limits import store_limit, write_limit
from lims.metrology.rounding import round_significant, round_to
from lims.metrology.stored_values import StoredValue, restore_value, store_value
from lims.metrology.typed_values import parse_value
from lims.metrology.values import (
    Counts,
    DetectionLimits,
    Number,
    ResultValue,
    Text,
    against_detection,
    write_value,
)

RECOMPUTED = (TestState.ASSIGNED, TestState.IN_PROGRESS, TestState.RETURNED, TestState.SUBMITTED)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Computed:
    """``value``: unrounded; ``exact``: what other items compute with."""

    value: ResultValue
    exact: Exact | None
    evaluation: Evaluation | None


@dataclass(frozen=True, slots=True)
class Incomplete:
    """No result yet, and why."""

    code: str
    sentence: str


def recompute(uow: UnitOfWork, actor: Actor, tests: Sequence[RequestedTest]) -> list[int]:
    """Compute these tests and what depends on them (inside the caller's unit of work).

    Returns the numbers of the tests that got a new result version.
    """
    changed: list[int] = []
    for sample_id in sorted({t.sample_id for t in tests}):
        here = [t.id for t in tests if t.sample_id == sample_id]
        changed += _recompute_sample(uow, actor, sample_id, here)
    return changed


def _recompute_sample(uow: UnitOfWork, actor: Actor, sample_id: int, first: list[int]) -> list[int]:
    sample = uow.get(Sample, sample_id, lock=False)
    bench = SampleBench.load(uow.session, sample)
    changed: list[int] = []
    for test in bench.in_order(first):
        if test.state not in RECOMPUTED:
            continue
        if _store(uow, actor, bench, test):
            changed.append(test.id)
    return changed


class SampleBench:
    """One sample's tests with everything their results are computed from (a bounded number of queries)."""

    def __init__(self, session: Session, sample: Sample, order: Order, tests: list[RequestedTest]) -> None:
        self.session = session
        self.sample = sample
        self.order = order
        self.tests = tests
        self.codes = {t.id: t.test_item.code for t in tests}
        self.by_code = {t.test_item.code: t for t in tests}
        ids = [t.id for t in tests]
        versions = {t.method_version_id for t in tests}
        self.versions: dict[int, MethodVersion] = {
            v.id: v
            for v in session.scalars(select(MethodVersion).where(MethodVersion.id.in_(versions))).unique()
        }
        self.results: dict[int, Result] = {
            r.requested_test_id: r
            for r in session.scalars(
                select(Result).where(Result.requested_test_id.in_(ids), Result.current.is_(True))
            )
        }
        self.formulas: dict[int, Formula] = {}

    @classmethod
    def load(cls, session: Session, sample: Sample) -> "SampleBench":
        tests = list(
            session.scalars(select(RequestedTest).where(RequestedTest.sample_id == sample.id)).unique()
        )
        order = session.get(Order, sample.order_id)
        assert order is not None
        return cls(session, sample, order, tests)

    def formula(self, test: RequestedTest) -> Formula | None:
        text = self.versions[test.method_version_id].formula
        if not text.strip():
            return None
        if test.id not in self.formulas:
            self.formulas[test.id] = compile_formula(text)
        return self.formulas[test.id]

    def needs(self) -> dict[str, tuple[str, ...]]:
        found = {}
        for test in self.tests:
            formula = self.formula(test)
            found[self.codes[test.id]] = formula.items if formula else ()
        return found

    def in_order(self, first: list[int]) -> list[RequestedTest]:
        """``first`` and the tests that need them, each after what it needs."""
        needs = self.needs()
        if not any(needs.values()):
            return [t for t in self.tests if t.id in first]
        codes: list[str] = []
        for test_id in first:
            for code in (self.codes[test_id], *affected_by(self.codes[test_id], needs)):
                if code in codes:
                    codes.remove(code)
                codes.append(code)
        return [self.by_code[c] for c in codes if c in self.by_code]

    def inputs(self, test: RequestedTest) -> list[InputValue]:
        result = self.results.get(test.id)
        return newest_inputs(self.session, test.id, result.attempt) if result else []

    def version_of(self, code: str) -> ResultVersion | None:
        """The newest result version of another item of this sample."""
        test = self.by_code.get(code)
        result = self.results.get(test.id) if test else None
        if result is None or not result.current_version:
            return None
        return version_number(self.session, result.id, result.current_version)


def newest_inputs(session: Session, test_id: int, attempt: int) -> list[InputValue]:
    """The counting value of every cell, in the order of the sheet; cleared cells are left out."""
    statement = (
        select(InputValue)
        .where(InputValue.requested_test_id == test_id, InputValue.attempt == attempt)
        .order_by(InputValue.id)
    )
    latest: dict[tuple[str, int], InputValue] = {}
    for row in session.scalars(statement):
        latest[(row.name, row.replicate)] = row
    return sorted((r for r in latest.values() if r.text), key=lambda r: (r.name, r.replicate))


def version_number(session: Session, result_id: int, number: int) -> ResultVersion | None:
    return session.scalars(
        select(ResultVersion).where(ResultVersion.result_id == result_id, ResultVersion.number == number)
    ).first()


# -- computing ------------------------------------------------------------------------------


def compute_value(
    version: MethodVersion,
    formula: Formula | None,
    inputs: Iterable[InputValue],
    items: Mapping[str, ItemInput],
) -> Computed | Incomplete:
    """The unrounded value, or why there is none yet."""
    detection = DetectionLimits(version.lod, version.loq)
    given = list(inputs)
    try:
        if version.result_kind is ResultKind.COUNTS:
            return _counts(version, given, detection)
        if version.result_kind is ResultKind.TEXT or formula is None:
            return _direct(version, given, detection)
        if isinstance(formula.root, Name):
            direct = _direct(version, given, detection)
            if isinstance(direct, Computed) and not isinstance(direct.value, Number):
                return direct
        evaluation = evaluate(formula, _formula_inputs(version, given), items)
    except MetrologyError as fault:
        return Incomplete(fault.code, _(fault.template, **fault.facts))
    number = Number(evaluation.value, version.unit)
    return Computed(against_detection(number, detection), evaluation.unrounded, evaluation)


def _counts(
    version: MethodVersion, given: list[InputValue], detection: DetectionLimits
) -> Computed | Incomplete:
    wanted = sum(i.replicates for i in version.inputs)
    if len(given) < wanted:
        return Incomplete(
            "formula_input_missing", _("%(n)s of %(of)s values are there.", n=len(given), of=wanted)
        )
    values = []
    for row in given:
        single = parse_value(row.text, unit=version.unit, detection=detection)
        if isinstance(single, Text | Counts):
            return Incomplete("number_unreadable", _("A count is not a figure."))
        values.append(single)
    return Computed(Counts(tuple(values), version.unit), None, None)


def _direct(
    version: MethodVersion, given: list[InputValue], detection: DetectionLimits
) -> Computed | Incomplete:
    if not given:
        return Incomplete("formula_input_missing", _("A value is missing."))
    words = version.result_kind is ResultKind.TEXT
    value = parse_value(given[0].text, unit=version.unit, detection=detection, allow_text=words)
    if isinstance(value, Number) and not words:
        return Computed(against_detection(value, detection), Fraction(value.value), None)
    return Computed(value, None, None)


def _formula_inputs(version: MethodVersion, given: list[InputValue]) -> dict[str, Input]:
    found: dict[str, Input] = {}
    for wanted in version.inputs:
        rows = [r for r in given if r.name == wanted.name]
        if wanted.replicates > 1:
            values = [r.value for r in rows if r.value is not None]
            found[wanted.name] = values if len(values) == wanted.replicates else None
        elif rows:
            row = rows[0]
            found[wanted.name] = (
                row.value
                if row.value is not None
                else parse_value(row.text, unit=wanted.unit, allow_text=True)
            )
        else:
            found[wanted.name] = None
    return found


def rounded(value: ResultValue, version: MethodVersion, exact: Exact | None = None) -> ResultValue:
    """The value as reported: rounded once, from the unrounded; other kinds stay as they are."""
    match value:
        case Number(figure, unit, mark):
            source: Exact = exact if exact is not None else figure
            if version.round_to is not None:
                return Number(round_to(source, version.round_to), unit)
            if version.significant is not None:
                return Number(round_significant(source, version.significant), unit)
            return Number(figure if exact is None else to_decimal(exact), unit, mark)
        case Counts(values, unit):
            if version.round_to is None and version.significant is None:
                return value
            return Counts(tuple(_single(rounded(v, version)) for v in values), unit)
    return value


def _single(value: ResultValue) -> Any:
    return value


def judge_value(computed: Computed, version: MethodVersion, found: LimitChoice, order: Order) -> Judgement:
    withheld = None
    if not order.business_type.judged:
        withheld = Reason.MONITORING
    elif not order.judge:
        withheld = Reason.NOT_REQUESTED
    row = found.limit
    return judge(
        computed.value,
        as_metrology(row) if row is not None else None,
        Comparison(row.comparison.value) if row is not None else Comparison.FULL_VALUE,
        detection=DetectionLimits(version.lod, version.loq),
        withheld=withheld,
    )


# -- storing --------------------------------------------------------------------------------


def _store(uow: UnitOfWork, actor: Actor, bench: SampleBench, test: RequestedTest) -> bool:
    """Append a result version if the outcome differs from the newest one."""
    result = bench.results.get(test.id)
    if result is None:
        return False
    version = bench.versions[test.method_version_id]
    content = explain_result(uow.session, bench, test, on=local_date(uow.now))
    newest = (
        version_number(uow.session, result.id, result.current_version) if result.current_version else None
    )
    if isinstance(content, Incomplete):
        # A cleared input takes the value away: a version that says so, never the old figure left standing.
        if newest is None or orjson.loads(newest.value)["kind"] == "none":
            return False
        content = _nothing(content)
    if newest is not None and newest.explanation == content.explanation:
        return False
    result.current_version += 1
    row = uow.add(
        ResultVersion(
            result_id=result.id,
            number=result.current_version,
            method_version_id=version.id,
            value=content.value,
            reported=content.reported,
            unit=version.unit,
            limit_id=content.limit_id,
            comparison=content.comparison,
            verdict=content.verdict,
            verdict_reason=content.reason,
            near_limit=content.near_limit,
            explanation=content.explanation,
            computed_at=uow.now,
            computed_by=actor.id,
        )
    )
    uow.audit(
        "result.compute",
        actor,
        row,
        before={"reported": newest.reported, "verdict": newest.verdict} if newest else {},
        after={
            "reported": row.reported,
            "verdict": row.verdict,
            "number": row.number,
            "result_id": result.id,
        },
    )
    return True


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


def _nothing(why: Incomplete) -> Outcome:
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


def explain_result(
    session: Session, bench: SampleBench, test: RequestedTest, *, on: Any
) -> Outcome | Incomplete:
    """Compute one test's outcome from its stored inputs, writing nothing."""
    version = bench.versions[test.method_version_id]
    inputs = bench.inputs(test)
    formula = bench.formula(test)
    items, item_notes = _items(bench, formula)
    computed = compute_value(version, formula, inputs, items)
    if isinstance(computed, Incomplete):
        return computed
    found = limit_for(
        session,
        test.test_item_id,
        bench.sample.category_id,
        bench.sample.produced_on,
        bench.sample.registered_on,
    )
    limit = as_metrology(found.limit) if found.limit is not None else None
    try:
        judgement = judge_value(computed, version, found, bench.order)
    except MetrologyError as fault:  # units that cannot be compared: a fault of the catalogue, said aloud
        return Incomplete(fault.code, _(fault.template, **fault.facts))
    reported = judgement.reported if judgement.reported is not None else computed.value
    exact = computed.exact if isinstance(reported, Number) else None
    reported = rounded(reported, version, exact)
    explanation = {
        "formula": version.formula,
        "method_version_id": version.id,
        "inputs": [_input_note(r) for r in inputs],
        "items": item_notes,
        "steps": [
            {"expression": s.expression, "with_numbers": s.with_numbers, "value": str(s.value)}
            for s in (computed.evaluation.steps if computed.evaluation else ())
        ],
        "with_numbers": computed.evaluation.with_numbers if computed.evaluation else None,
        "exact": exact_text(computed.exact),
        "unrounded": store_value(computed.value),
        "reported": store_value(reported),
        "round_to": version.round_to,
        "significant": version.significant,
        "lod": version.lod,
        "loq": version.loq,
        "limit": store_limit(limit) if limit is not None else None,
        "limit_zh": write_limit(limit, "zh") if limit is not None else None,
        "limit_en": write_limit(limit, "en") if limit is not None else None,
        "limit_id": found.limit.id if found.limit is not None else None,
        "limit_reason": found.reason,
        "limit_day": found.day,
        "rule": judgement.rule,
        "full": _finding_note(judgement.full),
        "rounded": _finding_note(judgement.rounded),
        "rules_disagree": judgement.rules_disagree,
        "share": judgement.share,
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "near_limit": judgement.near_limit,
    }
    return Outcome(
        canonical(store_value(computed.value)),
        write_value(reported, "zh"),
        found.limit.id if found.limit is not None else None,
        judgement.rule.value,
        Verdict(judgement.verdict.value),
        judgement.reason.value if judgement.reason else "",
        judgement.near_limit,
        canonical(explanation),
    )


def _items(bench: SampleBench, formula: Formula | None) -> tuple[dict[str, ItemInput], list[Json]]:
    """Unrounded results of the items the formula needs, with the versions they came from."""
    found: dict[str, ItemInput] = {}
    notes: list[Json] = []
    for code in formula.items if formula else ():
        row = bench.version_of(code)
        if row is None:
            found[code] = None
            continue
        found[code] = item_input(row)
        notes.append(
            {"item": code, "result_version_id": row.id, "number": row.number, "reported": row.reported}
        )
    return found, notes


def item_input(row: ResultVersion) -> ItemInput:
    """A result version as another item computes with it: the exact figure, never the printed one."""
    stored: StoredValue = orjson.loads(row.value)
    if stored["kind"] == "none":
        return None
    exact = orjson.loads(row.explanation).get("exact")
    value = restore_value(stored)
    if isinstance(value, Number):
        return Fraction(exact) if exact and "/" in exact else Decimal(exact) if exact else value.value
    return value


def exact_text(exact: Exact | None) -> str | None:
    if exact is None:
        return None
    return f"{exact.numerator}/{exact.denominator}" if isinstance(exact, Fraction) else str(exact)


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
