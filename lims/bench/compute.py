"""Append result versions: the same for every source (page, import, device), inside the transaction that
changed an input."""

from collections.abc import Sequence

import orjson
from sqlalchemy import select
from sqlalchemy.orm import aliased

from lims.bench.calculation import Incomplete
from lims.bench.control.models import WorksheetControl
from lims.bench.models import Result, ResultVersion
from lims.bench.outcomes import Outcome, find_outcome, no_outcome
from lims.bench.sample_bench import Benches, SampleBench
from lims.catalogue.models import MethodVersion
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.intake.models import RequestedTest
from lims.intake.progress import begin_tests
from lims.intake.states import TestState

RECOMPUTED = (TestState.ASSIGNED, TestState.IN_PROGRESS, TestState.RETURNED, TestState.SUBMITTED)


def recompute(
    uow: UnitOfWork, actor: Actor, tests: Sequence[RequestedTest], benches: Benches | None = None
) -> list[int]:
    """Compute these tests and what depends on them (inside the caller's unit of work).

    ``benches``: of their samples, where the caller has read them in this transaction; kept up to date.

    Returns the numbers of the tests that got a new result version. The number of queries does not grow
    with the number of samples or items, only with the longest chain of items that need each other.
    """
    if not tests:
        return []
    wanted = {t.id for t in tests}
    benches = benches or Benches(uow.session, sorted({t.sample_id for t in tests}))
    planned = [(bench, bench.in_turns(wanted)) for bench in map(benches.of, benches.samples)]
    changed: list[int] = []
    for place in range(max(len(turns) for _bench, turns in planned)):
        turn = [(bench, test) for bench, turns in planned if place < len(turns) for test in turns[place]]
        changed += _compute_turn(uow, actor, turn)
    return changed + _recompute_controls(uow, actor, benches, set(changed))


def _recompute_controls(uow: UnitOfWork, actor: Actor, benches: Benches, changed: set[int]) -> list[int]:
    """Duplicates and spikes stand on samples of their own and compute with other items of the one they double."""
    touched = []
    for bench in map(benches.of, benches.samples):
        needed = {code for codes in bench.needs().values() for code in codes}
        if any(test.id in changed and test.test_item.code in needed for test in bench.tests):
            touched.append(bench.sample.id)
    if not touched:
        return []
    source = aliased(RequestedTest)
    made = (
        select(RequestedTest)
        .join(WorksheetControl, WorksheetControl.requested_test_id == RequestedTest.id)
        .join(source, source.id == WorksheetControl.source_test_id)
        .where(source.sample_id.in_(touched))
        .order_by(RequestedTest.id)
    )
    controls = list(uow.session.scalars(made).unique())
    same = {test.sample_id for test in controls} <= benches.samples.keys()
    return recompute(uow, actor, controls, benches if same else None)


def open_without_inputs(uow: UnitOfWork, actor: Actor, tests: Sequence[RequestedTest]) -> None:
    """Begin the tests that are computed from other items alone: nobody will ever enter anything for them.

    Inside the caller's unit of work, which has locked the tests.
    """
    if not tests or uow.session.get_one(MethodVersion, tests[0].method_version_id).inputs:
        return
    known = set(
        uow.session.scalars(
            select(Result.requested_test_id).where(Result.requested_test_id.in_([t.id for t in tests]))
        )
    )
    opened = [Result(requested_test_id=t.id, attempt=1, current=True) for t in tests if t.id not in known]
    uow.session.add_all(opened)
    uow.flush()
    for result in opened:
        uow.audit("result.open", actor, result)
    begin_tests(uow, [t for t in tests if t.id not in known], actor=actor)
    recompute(uow, actor, tests)


def _compute_turn(uow: UnitOfWork, actor: Actor, turn: list[tuple[SampleBench, RequestedTest]]) -> list[int]:
    """Tests that do not need each other; their versions are stored together, for the next turn may need them."""
    made: list[tuple[SampleBench, RequestedTest, ResultVersion | None, ResultVersion]] = []
    for bench, test in turn:
        result = bench.result(test)
        if test.state not in RECOMPUTED or result is None:
            continue
        newest = bench.benches.newest.get(result.id)
        outcome = _changed_outcome(bench, test, newest)
        if outcome is not None:
            row = _version(uow, actor, result, test, bench.version(test).unit, outcome)
            made.append((bench, test, newest, row))
    uow.flush()
    for bench, _test, newest, row in made:
        bench.benches.newest[row.result_id] = row
        _audit(uow, actor, newest, row)
    return [test.id for _bench, test, _newest, _row in made]


def _changed_outcome(bench: SampleBench, test: RequestedTest, newest: ResultVersion | None) -> Outcome | None:
    """None: nothing new to say."""
    outcome = find_outcome(bench, test)
    if isinstance(outcome, Incomplete):
        if newest is None or orjson.loads(newest.value)["kind"] == "none":
            return None
        return no_outcome(outcome)
    if newest is not None and newest.explanation == outcome.explanation:
        return None
    return outcome


def _version(
    uow: UnitOfWork, actor: Actor, result: Result, test: RequestedTest, unit: str, outcome: Outcome
) -> ResultVersion:
    result.current_version += 1
    row = ResultVersion(
        result_id=result.id,
        number=result.current_version,
        method_version_id=test.method_version_id,
        value=outcome.value,
        reported=outcome.reported,
        unit=unit,
        limit_id=outcome.limit_id,
        comparison=outcome.comparison,
        verdict=outcome.verdict,
        verdict_reason=outcome.reason,
        near_limit=outcome.near_limit,
        expanded_uncertainty=outcome.expanded_uncertainty,
        coverage_factor=outcome.coverage_factor,
        budget_id=outcome.budget_id,
        explanation=outcome.explanation,
        computed_at=uow.now,
        computed_by=actor.id,
    )
    uow.session.add(row)
    return row


def _audit(uow: UnitOfWork, actor: Actor, newest: ResultVersion | None, row: ResultVersion) -> None:
    uow.audit(
        "result.compute",
        actor,
        row,
        before={"reported": newest.reported, "verdict": newest.verdict} if newest else {},
        after={
            "reported": row.reported,
            "verdict": row.verdict,
            "number": row.number,
            "result_id": row.result_id,
        },
    )
