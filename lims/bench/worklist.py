"""What is to be done, by whom, how late: statements behind the lists of section heads, analysts and reviewers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from lims.accreditation.people import methods_of
from lims.bench.assignments import OPEN_STATES, WORKABLE, Load
from lims.bench.models import Assignment, InputValue, Result, ResultVersion, Worksheet, WorksheetRow
from lims.bench.states import WorksheetState
from lims.catalogue.models import Method, MethodVersion, StandardEdition, TestItem
from lims.core.paging import CappedCount, capped_count
from lims.core.permissions import Actor
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.states import OrderState, TestState
from lims.people.models import Account

STUCK_DAYS = 3
MOST_IN_QUEUE = 500
UNDER_WAY = (TestState.TO_DO, *OPEN_STATES, TestState.SUBMITTED)
Tests = Select[*tuple[Any, ...]]


def tests_listed() -> Tests:
    """Requested tests of accepted orders with what a list shows of them."""
    return (
        select(
            RequestedTest.id,
            RequestedTest.sample_id,
            RequestedTest.state,
            RequestedTest.due_on,
            RequestedTest.section_id,
            RequestedTest.method_id,
            RequestedTest.method_version_id,
            RequestedTest.assignee_id,
            Sample.number.label("sample_number"),
            Sample.name.label("sample_name"),
            Sample.state.label("sample_state"),
            Order.id.label("order_id"),
            Order.number.label("order_number"),
            TestItem.name_zh.label("item_zh"),
            TestItem.name_en.label("item_en"),
            StandardEdition.code.label("standard"),
            Method.clause,
            Account.name_zh.label("assignee_zh"),
            Account.name_en.label("assignee_en"),
        )
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .join(Order, Order.id == Sample.order_id)
        .join(TestItem, TestItem.id == RequestedTest.test_item_id)
        .join(Method, Method.id == RequestedTest.method_id)
        .join(StandardEdition, StandardEdition.id == Method.standard_id)
        .outerjoin(Account, Account.id == RequestedTest.assignee_id)
        .where(Order.state == OrderState.ACCEPTED)
    )


def unassigned() -> Tests:
    """Tests that nobody has, of samples that are here."""
    return tests_listed().where(RequestedTest.state == TestState.TO_DO, Sample.state.in_(WORKABLE))


def open_work() -> Tests:
    """Everything that is not finished yet."""
    return tests_listed().where(RequestedTest.state.in_(UNDER_WAY))


def chosen(
    *,
    now: datetime,
    on: date,
    section_id: int | None = None,
    assignee_id: int | None = None,
    unassigned: bool = False,
    late: bool = False,
    stuck: bool = False,
) -> Tests:
    """``open_work``, narrowed."""
    statement = open_work()
    if section_id is not None:
        statement = statement.where(RequestedTest.section_id == section_id)
    if assignee_id is not None:
        statement = statement.where(RequestedTest.assignee_id == assignee_id)
    if unassigned:
        statement = statement.where(RequestedTest.state == TestState.TO_DO)
    if late:
        statement = statement.where(is_late(on))
    return statement.where(is_stuck(now)) if stuck else statement


def pool(session: Session, actor: Actor, on: date) -> Tests:
    """Unassigned tests that this analyst is authorised for."""
    return unassigned().where(RequestedTest.method_id.in_(methods_of(session, actor.id or 0, on)))


def is_late(on: date) -> ColumnElement[bool]:
    return and_(RequestedTest.due_on < on, RequestedTest.state.in_(UNDER_WAY))


def is_stuck(now: datetime) -> ColumnElement[bool]:
    """Nothing was assigned, entered or handed over for STUCK_DAYS."""
    since = now - timedelta(days=STUCK_DAYS)
    test = RequestedTest.id
    return and_(
        RequestedTest.state.in_(UNDER_WAY),
        Sample.received_at < since,
        ~exists().where(Assignment.requested_test_id == test, Assignment.assigned_at >= since),
        ~exists().where(InputValue.requested_test_id == test, InputValue.entered_at >= since),
        ~exists().where(Result.requested_test_id == test, Result.submitted_at >= since),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How much stands where; every number opens its list."""

    states: Mapping[TestState, int]
    late: int
    stuck: int


def standing(session: Session, *, section_id: int | None, now: datetime, on: date) -> Standing:
    """Open work of a section (None: of all), with two queries."""
    base = open_work()
    if section_id is not None:
        base = base.where(RequestedTest.section_id == section_id)
    counted = base.with_only_columns(RequestedTest.state, func.count()).group_by(RequestedTest.state)
    states = {row[0]: int(row[1]) for row in session.execute(counted)}
    sums = base.with_only_columns(
        func.sum(case((RequestedTest.due_on < on, 1), else_=0)), func.sum(case((is_stuck(now), 1), else_=0))
    )
    behind, still = session.execute(sums).one()
    return Standing(states, int(behind or 0), int(still or 0))


def who_may(loads: Iterable[Load]) -> dict[int, list[Load]]:
    """Method -> the people who may do it."""
    found: dict[int, list[Load]] = {}
    for load in loads:
        for method_id in load.methods:
            found.setdefault(method_id, []).append(load)
    return found


# -- an analyst's own work -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Queued:
    """One own test. ``sheet_*``: the open worksheet on which it stands; ``reason``: why it came back."""

    test: Any
    sheet_id: int | None
    sheet_number: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class QueueGroup:
    """Own tests of one method version, by due date; ``free``: those on no worksheet yet."""

    method_version_id: int
    standard: str
    clause: str
    item_zh: str
    item_en: str
    rows: Sequence[Queued]

    @property
    def free(self) -> list[int]:
        return [row.test.id for row in self.rows if row.sheet_id is None]


def my_open() -> ColumnElement[bool]:
    return RequestedTest.state.in_(OPEN_STATES)


def mine(actor: Actor, which: str, on: date) -> Tests:
    """The actor's open tests. ``which``: all, today, late, returned."""
    return tests_listed().where(RequestedTest.assignee_id == actor.id, my_open(), *_which(which, on))


def queue(session: Session, actor: Actor, which: str, on: date) -> list[QueueGroup]:
    """The actor's open tests, the most urgent group first. ``which``: all, today, late, returned."""
    ordered = mine(actor, which, on).order_by(RequestedTest.due_on, RequestedTest.id)
    rows = session.execute(ordered.limit(MOST_IN_QUEUE)).all()
    ids = [row.id for row in rows]
    sheets = _open_sheets(session, ids)
    returned = select(Result.requested_test_id, Result.return_reason).where(
        Result.requested_test_id.in_(ids), Result.current.is_(True)
    )
    reasons = {row[0]: row[1] for row in session.execute(returned)}
    groups: dict[int, list[Queued]] = {}
    for row in rows:
        sheet_id, number = sheets.get(row.id, (None, None))
        queued = Queued(row, sheet_id, number, reasons.get(row.id))
        groups.setdefault(row.method_version_id, []).append(queued)
    return [_group(version, rows) for version, rows in groups.items()]


def _group(version: int, rows: Sequence[Queued]) -> QueueGroup:
    first = rows[0].test
    return QueueGroup(version, first.standard, first.clause, first.item_zh, first.item_en, rows)


def _which(which: str, on: date) -> list[ColumnElement[bool]]:
    if which == "today":
        return [RequestedTest.due_on <= on]
    if which == "late":
        return [RequestedTest.due_on < on]
    if which == "returned":
        return [RequestedTest.state == TestState.RETURNED]
    return []


def _open_sheets(session: Session, test_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    found = (
        select(WorksheetRow.requested_test_id, Worksheet.id, Worksheet.number)
        .join(Worksheet, Worksheet.id == WorksheetRow.worksheet_id)
        .where(
            WorksheetRow.requested_test_id.in_(test_ids),
            WorksheetRow.removed_at.is_(None),
            Worksheet.state == WorksheetState.OPEN,
        )
    )
    return {test: (sheet, number) for test, sheet, number in session.execute(found)}


def count_queue(session: Session, actor: Actor, which: str, on: date, cap: int) -> CappedCount:
    waiting = select(RequestedTest.id).where(
        RequestedTest.assignee_id == actor.id, my_open(), *_which(which, on)
    )
    return capped_count(session, waiting, cap)


def count_unassigned(session: Session, section_id: int | None, cap: int) -> CappedCount:
    waiting = (
        select(RequestedTest.id)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .where(RequestedTest.state == TestState.TO_DO, Sample.state.in_(WORKABLE))
    )
    if section_id is not None:
        waiting = waiting.where(RequestedTest.section_id == section_id)
    return capped_count(session, waiting, cap)


def count_late(session: Session, section_id: int | None, on: date, cap: int) -> CappedCount:
    behind = open_work().where(RequestedTest.due_on < on)
    if section_id is not None:
        behind = behind.where(RequestedTest.section_id == section_id)
    return capped_count(session, behind, cap)


# -- worksheets ----------------------------------------------------------------------


def worksheets_listed() -> Tests:
    """Worksheets with method, analyst and how many tests stand on them."""
    held = (
        select(func.count())
        .select_from(WorksheetRow)
        .where(WorksheetRow.worksheet_id == Worksheet.id, WorksheetRow.removed_at.is_(None))
        .scalar_subquery()
    )

    return (
        select(
            Worksheet.id,
            Worksheet.number,
            Worksheet.state,
            Worksheet.opened_at,
            Worksheet.analyst_id,
            held.label("held"),
            TestItem.name_zh.label("item_zh"),
            TestItem.name_en.label("item_en"),
            StandardEdition.code.label("standard"),
            Method.clause,
            Account.name_zh.label("analyst_zh"),
            Account.name_en.label("analyst_en"),
        )
        .join(MethodVersion, MethodVersion.id == Worksheet.method_version_id)
        .join(Method, Method.id == MethodVersion.method_id)
        .join(TestItem, TestItem.id == Method.test_item_id)
        .join(StandardEdition, StandardEdition.id == Method.standard_id)
        .join(Account, Account.id == Worksheet.analyst_id)
    )


def worksheets_chosen(*, analyst_id: int | None = None, state: WorksheetState | None = None) -> Tests:
    statement = worksheets_listed()
    if analyst_id is not None:
        statement = statement.where(Worksheet.analyst_id == analyst_id)
    return statement if state is None else statement.where(Worksheet.state == state)


def my_sheets(session: Session, actor: Actor) -> Sequence[Any]:
    """The actor's open worksheets, newest first (at most thirty)."""
    open_ones = worksheets_chosen(analyst_id=actor.id, state=WorksheetState.OPEN)
    return session.execute(open_ones.order_by(Worksheet.id.desc()).limit(30)).all()


# -- verification --------------------------------------------------------------------


def submitted(actor: Actor) -> Tests:
    """Results that wait for a second person, and that ``actor`` had no hand in."""
    return (
        _with_result(tests_listed())
        .where(RequestedTest.state == TestState.SUBMITTED)
        .where(*_other_hands(actor))
    )


def _with_result(statement: Tests) -> Tests:
    sheet = (
        select(func.max(WorksheetRow.worksheet_id))
        .where(WorksheetRow.requested_test_id == RequestedTest.id, WorksheetRow.removed_at.is_(None))
        .scalar_subquery()
    )
    return (
        statement.join(Result, and_(Result.requested_test_id == RequestedTest.id, Result.current.is_(True)))
        .join(
            ResultVersion,
            and_(ResultVersion.result_id == Result.id, ResultVersion.number == Result.current_version),
        )
        .add_columns(
            Result.attempt,
            Result.submitted_at,
            ResultVersion.id.label("version_id"),
            ResultVersion.reported,
            ResultVersion.explanation,
            ResultVersion.unit,
            ResultVersion.verdict,
            ResultVersion.near_limit,
            sheet.label("sheet_id"),
        )
    )


def _other_hands(actor: Actor) -> list[ColumnElement[bool]]:
    """The law is in ``review``; this only keeps one's own results out of one's list."""
    entered = exists().where(
        InputValue.requested_test_id == RequestedTest.id,
        InputValue.attempt == Result.attempt,
        InputValue.entered_by == actor.id,
    )
    return [
        or_(RequestedTest.assignee_id.is_(None), RequestedTest.assignee_id != actor.id),
        or_(Result.submitted_by.is_(None), Result.submitted_by != actor.id),
        ~entered,
    ]


def count_submitted(session: Session, actor: Actor, cap: int) -> CappedCount:
    """Of ``submitted``; the navigation of every page asks, so without what only a list shows."""
    waiting = (
        select(RequestedTest.id)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .join(Order, Order.id == Sample.order_id)
        .join(Result, and_(Result.requested_test_id == RequestedTest.id, Result.current.is_(True)))
        .where(Order.state == OrderState.ACCEPTED, RequestedTest.state == TestState.SUBMITTED)
        .where(*_other_hands(actor))
    )
    return capped_count(session, waiting, cap)


def next_to_verify(session: Session, actor: Actor, *, not_sheet: int | None = None) -> int | None:
    """The worksheet whose results wait longest; None when nothing waits."""
    waiting = submitted(actor).subquery()
    statement = select(waiting.c.sheet_id).where(waiting.c.sheet_id.is_not(None))
    if not_sheet is not None:
        statement = statement.where(waiting.c.sheet_id != not_sheet)
    return session.scalars(statement.order_by(waiting.c.due_on, waiting.c.id).limit(1)).first()
