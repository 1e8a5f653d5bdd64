"""Give requested tests to people, or take them from the pool."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from lims.accreditation.people import authorised_by_method, methods_of
from lims.bench.editions import refuse_withdrawn
from lims.bench.models import Assignment, Worksheet, WorksheetRow
from lims.bench.states import WorksheetState
from lims.bench.wording import named
from lims.catalogue.models import Method
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied, TransitionRefused
from lims.core.permissions import Actor, Permission, Role
from lims.core.uow import UnitOfWork
from lims.intake.models import RequestedTest, Sample
from lims.intake.progress import advance_test
from lims.intake.states import SampleState, TestState
from lims.people.models import Account, AccountRole

MOST_AT_ONCE = 500
WORKABLE = (SampleState.TO_TEST, SampleState.IN_TEST)
OPEN_STATES = (TestState.ASSIGNED, TestState.IN_PROGRESS, TestState.RETURNED)


def assign_tests(
    uow: UnitOfWork,
    *,
    actor: Actor,
    test_ids: Sequence[int],
    assignee_id: int,
    due_on: date | None = None,
) -> list[Assignment]:
    """Give the tests to ``assignee_id``, all or none; whoever had one before loses it.

    Raises InvalidInput, TransitionRefused, PermissionDenied (code ``not_authorised`` when the person may
    not do the method today).
    """
    actor.require(Permission.TEST_ASSIGN)
    with uow:
        made = [_give(uow, actor, test, assignee_id, due_on) for test in _load(uow, test_ids)]
        uow.commit()
    return made


def take_tests(uow: UnitOfWork, *, actor: Actor, test_ids: Sequence[int]) -> list[Assignment]:
    """Take tests nobody has (抢单). Who comes second is told so (code ``already_taken``)."""
    actor.require(Permission.TEST_TAKE)
    if actor.id is None:
        raise PermissionDenied(_("Only a person can take a test."))
    with uow:
        made = []
        for test in _load(uow, test_ids):
            if test.assignee_id is not None or test.state is not TestState.TO_DO:
                raise Conflict(_("Somebody else has taken this test already."), code="already_taken")
            made.append(_give(uow, actor, test, actor.id, None))
        uow.commit()
    return made


def return_to_pool(uow: UnitOfWork, *, actor: Actor, test_id: int, reason: str) -> RequestedTest:
    """Give a test back that was not begun; by its assignee or a section head."""
    if not actor.can(Permission.TEST_TAKE):
        actor.require(Permission.TEST_ASSIGN)
    with uow:
        test = uow.get(RequestedTest, test_id)
        if test.assignee_id != actor.id:
            actor.require(Permission.TEST_ASSIGN)
        _end(uow, test, reason or "returned")
        advance_test(uow, test, "unassign", actor=actor, reason=reason)
        uow.commit()
    return test


def _load(uow: UnitOfWork, test_ids: Sequence[int]) -> list[RequestedTest]:
    wanted = sorted(set(test_ids))
    if not wanted or len(wanted) > MOST_AT_ONCE:
        raise InvalidInput(
            _("Choose between 1 and %(n)s tests.", n=MOST_AT_ONCE), fields={"test_ids": [_("Choose tests.")]}
        )
    statement = select(RequestedTest).where(RequestedTest.id.in_(wanted)).order_by(RequestedTest.id)
    found = list(uow.session.scalars(statement.with_for_update(of=RequestedTest)).unique())
    if len(found) != len(wanted):
        raise NotFound(_("A test does not exist (any more)."))
    refuse_withdrawn(uow.session, found, local_date(uow.now))
    return found


def _give(
    uow: UnitOfWork, actor: Actor, test: RequestedTest, assignee_id: int, due_on: date | None
) -> Assignment:
    sample = uow.get(Sample, test.sample_id)
    if sample.state not in WORKABLE:
        raise TransitionRefused(
            _("Sample %(number)s is not ready for testing.", number=sample.number), code="sample_not_ready"
        )
    today = local_date(uow.now)
    check_person(uow.session, assignee_id, test.method_id, today)
    _end(uow, test, "reassigned")
    if due_on is not None:
        test.due_on = due_on
    advance_test(uow, test, "assign", actor=actor, assignee_id=assignee_id)
    row = uow.add(
        Assignment(
            requested_test_id=test.id,
            assignee_id=assignee_id,
            assigned_by=actor.id,
            assigned_at=uow.now,
            due_on=test.due_on,
        )
    )
    uow.audit("test.assign", actor, row)
    return row


def check_person(session: Session, account_id: int, method_id: int, on: date) -> None:
    """Raises PermissionDenied (``not_authorised``) unless this person may do this method on this day."""
    analyst = select(AccountRole.id).where(
        AccountRole.account_id == account_id, AccountRole.role == Role.ANALYST
    )
    if method_id in methods_of(session, account_id, on) and session.scalar(analyst) is not None:
        return
    account = session.get(Account, account_id)
    if account is None or account.retired_at is not None:
        raise InvalidInput(_("This person does not work here (any more)."), fields={"assignee_id": []})
    if Role.ANALYST not in {r.role for r in account.roles}:
        raise InvalidInput(_("%(name)s is not an analyst.", name=named(account)), fields={"assignee_id": []})
    raise PermissionDenied(
        _("%(name)s is not authorised for this method today.", name=named(account)), code="not_authorised"
    )


def _end(uow: UnitOfWork, test: RequestedTest, reason: str) -> None:
    running = select(Assignment).where(Assignment.requested_test_id == test.id, Assignment.ended_at.is_(None))
    for row in uow.session.scalars(running):
        row.ended_at, row.end_reason = uow.now, reason[:200]
    leave_sheets(uow, test.id)


def leave_sheets(uow: UnitOfWork, test_id: int) -> None:
    """Who no longer has the test has it no longer on an open worksheet (inside the caller's unit of work).

    What was entered stays with the test.
    """
    standing = (
        select(WorksheetRow)
        .join(Worksheet, Worksheet.id == WorksheetRow.worksheet_id)
        .where(
            WorksheetRow.requested_test_id == test_id,
            WorksheetRow.removed_at.is_(None),
            Worksheet.state != WorksheetState.CLOSED,
        )
    )
    for row in uow.session.scalars(standing):
        row.removed_at = uow.now


@dataclass(frozen=True, slots=True)
class Load:
    """What a person has on the desk; people are shown by name, never ranked."""

    account_id: int
    name_zh: str
    name_en: str
    open: int
    late: int
    methods: frozenset[int]


def loads(session: Session, *, section_id: int | None, on: date) -> list[Load]:
    """Analysts with their open and late tests and the methods they may do (four queries)."""
    people = (
        select(Account.id, Account.name_zh, Account.name_en)
        .join(AccountRole, AccountRole.account_id == Account.id)
        .where(AccountRole.role == Role.ANALYST, Account.retired_at.is_(None))
        .order_by(Account.name_zh)
    )
    if section_id is not None:
        people = people.where(Account.section_id == section_id)
    late = func.sum(case((RequestedTest.due_on < on, 1), else_=0))
    counted = select(RequestedTest.assignee_id, func.count(), late).where(
        RequestedTest.state.in_(OPEN_STATES), RequestedTest.assignee_id.is_not(None)
    )
    counts = {a: (n, int(m or 0)) for a, n, m in session.execute(counted.group_by(RequestedTest.assignee_id))}
    methods: dict[int, set[int]] = {}
    for method_id, able in authorised_by_method(
        session, session.scalars(select(Method.id)).all(), on
    ).items():
        for account_id in able:
            methods.setdefault(account_id, set()).add(method_id)
    return [
        Load(a, zh, en, *counts.get(a, (0, 0)), frozenset(methods.get(a, ())))
        for a, zh, en in session.execute(people)
    ]
