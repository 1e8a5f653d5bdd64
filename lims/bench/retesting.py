"""A new attempt at a test: the earlier one stays readable, the new one is the reported one."""

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select

from lims.bench.assignments import check_person, leave_sheets
from lims.bench.control.models import WorksheetControl
from lims.bench.models import Assignment, Result
from lims.bench.sample_bench import SampleBench
from lims.bench.wording import named
from lims.core.clock import local_date
from lims.core.errors import Conflict
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.intake.models import RequestedTest
from lims.intake.progress import advance_test
from lims.intake.states import TestState


def retest_here(
    uow: UnitOfWork,
    actor: Actor,
    test: RequestedTest,
    old: Result,
    reason: str,
    assignee_id: int | None = None,
) -> Result:
    """Take a finished test back to the bench (inside the caller's unit of work; the test is locked)."""
    if assignee_id is not None and assignee_id != test.assignee_id:
        check_person(uow.session, assignee_id, test.method_id, local_date(uow.now))
        leave_sheets(uow, test.id)
    running = select(Assignment).where(Assignment.requested_test_id == test.id, Assignment.ended_at.is_(None))
    for row in uow.session.scalars(running):
        row.ended_at, row.end_reason = uow.now, "retest"
    advance_test(uow, test, "retest", actor=actor, reason=reason, assignee_id=assignee_id or test.assignee_id)
    fresh = begin_attempt(uow, actor, old, reason)
    given = uow.add(
        Assignment(
            requested_test_id=test.id,
            assignee_id=test.assignee_id,
            assigned_by=actor.id,
            assigned_at=uow.now,
            due_on=test.due_on,
        )
    )
    uow.audit("test.assign", actor, given)
    return fresh


def begin_attempt(uow: UnitOfWork, actor: Actor, old: Result, reason: str) -> Result:
    """The next attempt takes the place of ``old`` (inside the caller's unit of work)."""
    old.current = False
    uow.audit("result.replace", actor, old, reason=reason)
    uow.flush()
    fresh = uow.add(
        Result(
            requested_test_id=old.requested_test_id,
            attempt=old.attempt + 1,
            current=True,
            retest_reason=reason.strip(),
        )
    )
    uow.audit("result.retest", actor, fresh, reason=reason)
    return fresh


def refuse_dependents(uow: UnitOfWork, test: RequestedTest) -> None:
    """Raises Conflict (``others_depend``)."""
    dependents = SampleBench.load(uow.session, test.sample_id).dependents_of(test)
    for other in [*dependents, *_made_from(uow, [one.id for one in dependents])]:
        if other.state is TestState.VERIFIED:
            raise Conflict(
                _(
                    "“%(item)s” was computed from it and is verified: have that tested again first.",
                    item=named(other.test_item),
                ),
                code="others_depend",
            )


def _made_from(uow: UnitOfWork, test_ids: Sequence[int]) -> list[RequestedTest]:
    """Duplicates and spikes of these tests, which compute with the same items."""
    if not test_ids:
        return []
    made = (
        select(RequestedTest)
        .join(WorksheetControl, WorksheetControl.requested_test_id == RequestedTest.id)
        .where(WorksheetControl.source_test_id.in_(test_ids))
    )
    return list(uow.session.scalars(made).unique())
