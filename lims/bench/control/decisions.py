"""What a named person decides about results that a failing control holds."""

from collections.abc import Collection

from flask_babel import gettext as _
from sqlalchemy import exists, select

from lims.bench.control.models import ControlEvaluation, ControlHold, HeldTest, WorksheetControl
from lims.bench.inputs import EDITABLE, sheets_of_tests
from lims.bench.models import InputValue, Result
from lims.bench.retesting import begin_attempt, refuse_dependents, retest_here
from lims.bench.review import hands_on
from lims.bench.states import HOLD_STEPS, HoldDecision, HoldState
from lims.bench.worksheets import follow_rows
from lims.core.errors import InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.core.workflow import take_step
from lims.intake.models import RequestedTest
from lims.intake.progress import advance_test
from lims.intake.states import TestState


def decide_hold(
    uow: UnitOfWork, *, actor: Actor, hold_id: int, version: int, decision: HoldDecision, reason: str
) -> ControlHold:
    """Let the held results stand, or have them and the control measured again.

    Not by whoever handed the failing control over (code ``same_person``). With REPEAT every test that has
    values begins a new attempt, and what was measured stays readable.
    """
    actor.require(Permission.CONTROL_DECIDE)
    why = reason.strip()
    if not why:
        sentence = _("Say why.")
        raise InvalidInput(sentence, code="reason_needed", fields={"reason": [sentence]})
    with uow:
        hold = uow.get(ControlHold, hold_id, version=version)
        hold.state = take_step(HOLD_STEPS, "decide", hold.state, actor_id=actor.id, others=[hold.opened_by])
        hold.decision, hold.reason = decision, why
        hold.decided_by, hold.decided_at = actor.id, uow.now
        uow.audit("control.decide", actor, hold, reason=why)
        uow.flush()
        if decision is HoldDecision.REPEAT:
            _repeat(uow, actor, hold, why)
        uow.commit()
    return hold


def may_decide(actor: Actor, hold: ControlHold) -> bool:
    """Whether the page offers it; ``decide_hold`` asks again."""
    is_open = hold.state is HoldState.OPEN
    return is_open and actor.can(Permission.CONTROL_DECIDE) and actor.id != hold.opened_by


def _repeat(uow: UnitOfWork, actor: Actor, hold: ControlHold, why: str) -> None:
    control = (
        select(WorksheetControl.requested_test_id)
        .join(ControlEvaluation, ControlEvaluation.control_id == WorksheetControl.id)
        .where(ControlEvaluation.id == hold.evaluation_id)
    )
    held = select(HeldTest.requested_test_id).where(HeldTest.hold_id == hold.id)
    ids = {*uow.session.scalars(control), *uow.session.scalars(held)}
    wanted = select(RequestedTest).where(RequestedTest.id.in_(ids)).order_by(RequestedTest.id)
    tests = list(uow.session.scalars(wanted.with_for_update(of=RequestedTest)).unique())
    results = _with_values(uow, ids)
    for test in tests:
        if test.id in results:
            _measure_again(uow, actor, test, results[test.id], why)
    uow.flush()
    for sheet in {s.id: s for s in sheets_of_tests(uow.session, ids).values()}.values():
        follow_rows(uow, actor, sheet)


def _with_values(uow: UnitOfWork, test_ids: Collection[int]) -> dict[int, Result]:
    """Test -> its current result, of those in whose attempt something was entered."""
    entered = exists().where(
        InputValue.requested_test_id == Result.requested_test_id, InputValue.attempt == Result.attempt
    )
    found = select(Result).where(Result.requested_test_id.in_(test_ids), Result.current.is_(True), entered)
    return {result.requested_test_id: result for result in uow.session.scalars(found)}


def _measure_again(uow: UnitOfWork, actor: Actor, test: RequestedTest, result: Result, why: str) -> None:
    """A test that nobody wants any more stays as it is."""
    if test.state in EDITABLE:
        begin_attempt(uow, actor, result, why)
    elif test.state in (TestState.SUBMITTED, TestState.VERIFIED):
        refuse_dependents(uow, test)
        if test.state is TestState.SUBMITTED:
            hands = hands_on(uow, test, result)
            advance_test(uow, test, "reject", actor=actor, others=hands, reason=why)
            uow.audit("result.reject", actor, result, reason=why)
        retest_here(uow, actor, test, result, why)
