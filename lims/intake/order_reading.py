"""Reading orders: lists, one order's samples with their tests, findings, what happened to it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session

from lims.catalogue.models import BusinessType, TestItem
from lims.core.audit import AuditEvent
from lims.core.paging import CappedCount, Key, Page, capped_count, read_page
from lims.core.permissions import Actor, Permission
from lims.intake.internal import INTERNAL_CONTROL
from lims.intake.models import Contact, Customer, Order, RequestedTest, ReviewFinding, Sample, SamplingForm
from lims.intake.samples import own_orders
from lims.intake.states import OrderState, TestState
from lims.people.models import Account

Statement = Select[Any]
OPEN = (OrderState.REGISTERED, OrderState.ACCEPTED)
SEES = frozenset({Permission.ORDER_READ, Permission.PORTAL_READ})
LATE_FIRST = (Key(Order.due_on), Key(Order.id))
NEWEST_FIRST = (Key(Order.id, descending=True),)
# Tests that are no longer waited for.
_DONE = (TestState.VERIFIED, TestState.REJECTED)


def orders_statement(actor: Actor) -> Statement:
    """Orders that this actor may see, one row each, with what lists show of them."""
    if not SEES & actor.permissions:
        return select(Order.id).where(false())
    samples = select(func.count(Sample.id)).where(Sample.order_id == Order.id, Sample.backup_of_id.is_(None))
    tests = (
        select(func.count(RequestedTest.id))
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .where(Sample.order_id == Order.id, RequestedTest.state != TestState.CANCELLED)
    )
    statement = (
        select(
            *(Order.id, Order.number, Order.state, Order.version, Order.customer_id),
            *(Order.registered_on, Order.due_on, Order.price, Order.business_type_id),
            Customer.name.label("customer"),
            BusinessType.name_zh,
            BusinessType.name_en,
            samples.scalar_subquery().label("samples"),
            tests.scalar_subquery().label("tests"),
            tests.where(RequestedTest.state.in_(_DONE)).scalar_subquery().label("tests_done"),
        )
        .join(Customer, Customer.id == Order.customer_id)
        .join(BusinessType, BusinessType.id == Order.business_type_id)
        .where(BusinessType.code != INTERNAL_CONTROL)
    )
    return own_orders(statement, actor)


def with_words(statement: Statement, words: str) -> Statement:
    """Orders whose number begins with ``words`` or whose customer's name holds it."""
    part = words.strip()
    customers = select(Customer.id).where(
        or_(Customer.name.icontains(part, autoescape=True), Customer.name_en.icontains(part, autoescape=True))
    )
    return statement.where(
        or_(Order.number.istartswith(part, autoescape=True), Order.customer_id.in_(customers))
    )


def is_late(today: date) -> ColumnElement[bool]:
    return and_(Order.state.in_(OPEN), Order.due_on < today)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of the list of orders; None and empty: all. ``late``: open and past the due date."""

    words: str = ""
    state: OrderState | None = None
    business_type_id: int | None = None
    customer_id: int | None = None
    registered_from: date | None = None
    registered_to: date | None = None
    due_to: date | None = None
    late: bool = False

    def on(self, statement: Statement, today: date) -> Statement:
        if self.state is not None:
            statement = statement.where(Order.state == self.state)
        if self.business_type_id is not None:
            statement = statement.where(Order.business_type_id == self.business_type_id)
        if self.customer_id is not None:
            statement = statement.where(Order.customer_id == self.customer_id)
        if self.registered_from is not None:
            statement = statement.where(Order.registered_on >= self.registered_from)
        if self.registered_to is not None:
            statement = statement.where(Order.registered_on <= self.registered_to)
        if self.due_to is not None:
            statement = statement.where(Order.due_on <= self.due_to)
        if self.late:
            statement = statement.where(is_late(today))
        return with_words(statement, self.words) if self.words.strip() else statement


def list_orders(
    session: Session, actor: Actor, *, wanted: Wanted, today: date, cursor: str | None = None, size: int = 50
) -> Page[Any]:
    """Newest first; the late ones by due date."""
    keys = LATE_FIRST if wanted.late else NEWEST_FIRST
    statement = wanted.on(orders_statement(actor), today)
    return read_page(session, statement, keys, cursor=cursor, size=size)


def count_orders(session: Session, actor: Actor, *conditions: ColumnElement[bool], cap: int) -> CappedCount:
    return capped_count(session, own_orders(select(Order.id).where(*conditions), actor), cap)


def order_by_number(session: Session, actor: Actor, number: str) -> Any:
    """Id, number, state and customer of the order with exactly this number; None where there is none."""
    if not SEES & actor.permissions:
        return None
    wanted = (
        select(Order.id, Order.number, Order.state, Customer.name.label("customer"))
        .join(Customer, Customer.id == Order.customer_id)
        .where(Order.number == number)
    )
    return session.execute(own_orders(wanted, actor)).one_or_none()


# -- one order -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderedSamples:
    """One page of an order's samples; ``tests``: sample id -> its tests in order."""

    page: Page[Any]
    tests: Mapping[int, Sequence[Any]]


def samples_of_order(
    session: Session, order_id: int, *, cursor: str | None = None, size: int = 100
) -> OrderedSamples:
    """Samples in the order of registration, a sealed backup behind all; two queries."""
    s = Sample
    page = read_page(
        session,
        select(
            *(s.id, s.number, s.position, s.name, s.specification, s.brand, s.batch, s.produced_on),
            *(s.expires_on, s.producer, s.quantity, s.category_id, s.state, s.due_on, s.backup_of_id),
        ).where(s.order_id == order_id),
        [Key(s.id)],
        cursor=cursor,
        size=size,
    )
    tests: dict[int, list[Any]] = defaultdict(list)
    shown = [row.id for row in page.rows]
    wanted = (
        select(
            *(RequestedTest.id, RequestedTest.sample_id, RequestedTest.state, RequestedTest.price),
            *(RequestedTest.due_on, RequestedTest.cancelled_why, RequestedTest.version),
            *(RequestedTest.test_item_id, TestItem.code, TestItem.name_zh, TestItem.name_en),
        )
        .join(TestItem, TestItem.id == RequestedTest.test_item_id)
        .where(RequestedTest.sample_id.in_(shown))
        .order_by(RequestedTest.sample_id, RequestedTest.position)
    )
    for row in session.execute(wanted):
        tests[row.sample_id].append(row)
    return OrderedSamples(page, tests)


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that we cannot do, and every sample it hits. ``finding_ids``: to decide about all at once."""

    code: str
    text_zh: str
    text_en: str
    level: str
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    has_test: bool
    finding_ids: Sequence[int]
    samples: Sequence[str]


def gaps_of_order(session: Session, order_id: int) -> list[Gap]:
    """The findings of the contract review, alike ones as one: undecided first."""
    f = ReviewFinding
    rows = session.execute(
        select(f, Sample.number, Account.name_zh)
        .outerjoin(RequestedTest, RequestedTest.id == f.requested_test_id)
        .outerjoin(Sample, Sample.id == RequestedTest.sample_id)
        .outerjoin(Account, Account.id == f.decided_by)
        .where(f.order_id == order_id)
        .order_by(f.id)
    )
    alike: dict[tuple[object, ...], list[Any]] = defaultdict(list)
    for row in rows:
        finding = row[0]
        alike[finding.level, finding.code, finding.text_zh, finding.decision].append(row)
    gaps = [_gap(group) for group in alike.values()]
    return sorted(gaps, key=lambda g: (g.decision is not None, g.level != "blocking"))


def _gap(group: Sequence[Any]) -> Gap:
    first, _number, name = group[0]
    return Gap(
        code=first.code,
        text_zh=first.text_zh,
        text_en=first.text_en,
        level=first.level,
        decision=first.decision,
        decided_by=name,
        decided_at=first.decided_at,
        has_test=first.requested_test_id is not None,
        finding_ids=[row[0].id for row in group],
        samples=sorted({row[1] for row in group if row[1]}),
    )


def forms_of_order(session: Session, order_id: int) -> Sequence[SamplingForm]:
    return session.scalars(
        select(SamplingForm).where(SamplingForm.order_id == order_id).order_by(SamplingForm.id)
    ).all()


def contact_of_order(session: Session, order: Order) -> Contact | None:
    return None if order.contact_id is None else session.get(Contact, order.contact_id)


def events_of_order(session: Session, order_id: int) -> Sequence[Any]:
    """What people did to the order, its sampling forms and findings, oldest first; at most 200."""
    e = AuditEvent.__table__.c
    about = [
        and_(e.object_type == "customer_order", e.object_id == str(order_id)),
        *_about(session, "sampling_form", select(SamplingForm.id).where(SamplingForm.order_id == order_id)),
    ]
    rows = session.execute(
        select(e.seq, e.at, e.actor_name, e.verb, e.reason, e.after)
        .where(or_(*about))
        .order_by(e.seq)
        .limit(200)
    )
    return rows.all()


def _about(session: Session, kind: str, ids: Select[int]) -> list[ColumnElement[bool]]:
    found = [str(number) for number in session.scalars(ids.limit(100))]
    e = AuditEvent.__table__.c
    return [and_(e.object_type == kind, e.object_id.in_(found))] if found else []
