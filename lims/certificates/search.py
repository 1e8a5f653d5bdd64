"""Lists of certificates, and of orders that wait for one: statements that pages and API read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from lims.accreditation.people import signing_fields
from lims.bench.control.holds import is_held
from lims.bench.models import InputValue, Result, ResultVersion
from lims.bench.states import Verdict
from lims.bench.wording import named
from lims.catalogue.models import BusinessType, TestItem
from lims.certificates.models import Certificate, CertificateItem, Signature
from lims.certificates.states import LIVE, CertificateState, SignatureMeaning
from lims.core.paging import CappedCount, Key, Page, capped_count, read_page
from lims.core.permissions import Actor, Permission
from lims.core.search import normalised
from lims.intake.internal import INTERNAL_CONTROL
from lims.intake.models import Customer, Order, RequestedTest, Sample, name_key
from lims.intake.progress import CLOSED
from lims.intake.states import OrderState, TestState
from lims.people.directory import accounts_by_id

Lines = Select[Any]
S = TypeVar("S")
NEWEST_FIRST = (Key(Certificate.id, descending=True),)
FIRST_DUE = (Key(Order.due_on), Key(Order.id))


class Waiting(StrEnum):
    """For what certificates wait, seen by one person."""

    PREPARE = "prepare"  # my drafts, also returned ones
    REVIEW = "review"  # drafts that I did not prepare
    SIGN = "sign"  # reviewed, inside my fields, without a hand of mine in it
    FILE = "file"  # signed; the file is being made


def certificate_lines() -> Lines:
    """One line a certificate: its order, customer, how many values, how many of them failed."""
    reported = (
        select(func.count())
        .where(CertificateItem.certificate_id == Certificate.id)
        .correlate(Certificate)
        .scalar_subquery()
    )
    failed = (
        select(func.count())
        .select_from(CertificateItem)
        .join(ResultVersion, ResultVersion.id == CertificateItem.result_version_id)
        .where(CertificateItem.certificate_id == Certificate.id, ResultVersion.verdict == Verdict.FAIL)
        .correlate(Certificate)
        .scalar_subquery()
    )
    lines: Lines = (
        select(  # type: ignore[assignment]  # more columns than the overloads of select know
            Certificate.id,
            Certificate.version,
            Certificate.number,
            Certificate.state,
            Certificate.language,
            Certificate.drafted_at,
            Certificate.reviewed_at,
            Certificate.issued_on,
            Certificate.return_reason,
            Certificate.order_id,
            Order.number.label("order_number"),
            Order.due_on,
            Customer.id.label("customer_id"),
            Customer.name.label("customer"),
            reported.label("reported"),
            failed.label("failed"),
        )
        .join(Order, Order.id == Certificate.order_id)
        .join(Customer, Customer.id == Certificate.customer_id)
    )
    return lines


def with_words(lines: Lines, words: str) -> Lines:
    """Number of the report, of its order or of a sample (from the start), or part of the customer's name."""
    key = name_key(words)
    customers = select(Customer.id).where(Customer.name_key.contains(key, autoescape=True))
    samples = select(Sample.order_id).where(Sample.number == words)
    return lines.where(
        or_(
            Certificate.number.startswith(words, autoescape=True),
            Order.number.startswith(words, autoescape=True),
            Certificate.customer_id.in_(customers) if normalised(words) else false(),
            Certificate.order_id.in_(samples),
        )
    )


def waiting_for(lines: Lines, waiting: Waiting, session: Session, actor: Actor, on: date) -> Lines:
    """Those that wait for ``actor`` to do something ``on`` that day."""
    if waiting is Waiting.FILE:
        return lines.where(Certificate.state == CertificateState.APPROVED)
    if waiting is Waiting.PREPARE:
        return lines.where(Certificate.state == CertificateState.DRAFT, Certificate.drafted_by == actor.id)
    if waiting is Waiting.REVIEW:
        return lines.where(Certificate.state == CertificateState.DRAFT, ~_prepared_by(actor))
    fields = signing_fields(session, actor.id, on) if actor.id is not None else set()
    if not fields:
        return lines.where(false())
    return lines.where(
        Certificate.state == CertificateState.REVIEWED,
        Certificate.reviewed_by != actor.id,
        ~_prepared_by(actor),
        ~_outside(fields),
        ~_handled_by(actor),
    )


def _prepared_by(actor: Actor) -> ColumnElement[bool]:
    signed = exists().where(
        Signature.certificate_id == Certificate.id,
        Signature.meaning == SignatureMeaning.PREPARED,
        Signature.account_id == actor.id,
    )
    return or_(func.coalesce(Certificate.drafted_by, 0) == actor.id, signed)


def _tests() -> Lines:
    return (
        select(CertificateItem.id)
        .join(ResultVersion, ResultVersion.id == CertificateItem.result_version_id)
        .join(Result, Result.id == ResultVersion.result_id)
        .where(CertificateItem.certificate_id == Certificate.id)
        .correlate(Certificate)
    )


def _outside(fields: set[str]) -> ColumnElement[bool]:
    return (
        _tests()
        .join(RequestedTest, RequestedTest.id == Result.requested_test_id)
        .join(TestItem, TestItem.id == RequestedTest.test_item_id)
        .where(TestItem.field.not_in(fields))
        .exists()
    )


def _handled_by(actor: Actor) -> ColumnElement[bool]:
    entered = exists().where(
        InputValue.requested_test_id == Result.requested_test_id, InputValue.entered_by == actor.id
    )
    hand = or_(Result.submitted_by == actor.id, Result.verified_by == actor.id, entered)
    return _tests().where(hand).exists()


# -- orders that wait for a report -----------------------------------------------------


def _unreported() -> ColumnElement[bool]:
    """A verified test whose current result no live certificate reports."""
    reported = (
        select(CertificateItem.id)
        .join(ResultVersion, ResultVersion.id == CertificateItem.result_version_id)
        .join(Result, Result.id == ResultVersion.result_id)
        .join(Certificate, Certificate.id == CertificateItem.certificate_id)
        .where(
            Result.requested_test_id == RequestedTest.id,
            Result.current.is_(True),
            _unindexed(Certificate.state).in_(LIVE),
        )
        .correlate(RequestedTest)
    )
    verified = _unindexed(RequestedTest.state) == TestState.VERIFIED
    return and_(verified, ~reported.exists(), ~is_held(RequestedTest.id))


def _unindexed(state: ColumnElement[S] | InstrumentedAttribute[S]) -> ColumnElement[S]:
    """Keeps SQLite from starting at all rows of a state, once for every order: forty seconds at 400 orders."""
    return type_coerce(func.coalesce(state, literal_column("''")), state.type)


def _tests_of_order(*conditions: ColumnElement[bool]) -> Lines:
    return (
        select(func.count())
        .select_from(RequestedTest)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .where(Sample.order_id == Order.id, *conditions)
        .correlate(Order)
    )


def ready_orders() -> Lines:
    """Accepted orders with verified results that no report holds yet. ``at_bench``: tests still open."""
    waiting = _tests_of_order(_unreported()).scalar_subquery()
    at_bench = _tests_of_order(RequestedTest.state.not_in(CLOSED)).scalar_subquery()
    return (
        select(
            Order.id,
            Order.number,
            Order.due_on,
            Customer.name.label("customer"),
            BusinessType.name_zh,
            BusinessType.name_en,
            waiting.label("waiting"),
            at_bench.label("at_bench"),
        )
        .join(Customer, Customer.id == Order.customer_id)
        .join(BusinessType, BusinessType.id == Order.business_type_id)
        .where(
            Order.state == OrderState.ACCEPTED,
            BusinessType.code != INTERNAL_CONTROL,
            _tests_of_order(_unreported()).with_only_columns(RequestedTest.id).exists(),
        )
    )


def only_finished(orders: Lines) -> Lines:
    """Only those with nothing left at the bench."""
    left = _tests_of_order(RequestedTest.state.not_in(CLOSED)).with_only_columns(RequestedTest.id)
    return orders.where(~left.exists())


# -- of one number, order or sample ------------------------------------------------------------


def by_number(session: Session, number: str) -> Any | None:
    """The certificate of this number, typed in either case: its id, number and state."""
    wanted = select(Certificate.id, Certificate.number, Certificate.state).where(
        Certificate.number.in_({number, number.upper()})
    )
    return session.execute(wanted.limit(1)).first()


def certificates_of_order(session: Session, order_id: int) -> Sequence[Any]:
    return session.execute(
        certificate_lines().where(Certificate.order_id == order_id).order_by(Certificate.id)
    ).all()


def certificates_of_sample(session: Session, sample_id: int) -> Sequence[Any]:
    """Those that report a value of the sample."""
    test = aliased(RequestedTest)
    reporting = (
        select(CertificateItem.certificate_id)
        .join(ResultVersion, ResultVersion.id == CertificateItem.result_version_id)
        .join(Result, Result.id == ResultVersion.result_id)
        .join(test, test.id == Result.requested_test_id)
        .where(test.sample_id == sample_id)
    )
    return session.execute(
        certificate_lines().where(Certificate.id.in_(reporting)).order_by(Certificate.id)
    ).all()


@dataclass(frozen=True, slots=True)
class SignList:
    """``lines``: the oldest first; ``more``: how many wait beside them."""

    lines: Sequence[Any]
    more: CappedCount


def sign_list(session: Session, *, actor: Actor, on: date, most: int) -> SignList:
    """What waits for this signatory. Raises PermissionDenied."""
    actor.require(Permission.CERTIFICATE_APPROVE)
    waiting = waiting_for(certificate_lines(), Waiting.SIGN, session, actor, on)
    lines = session.execute(waiting.order_by(Order.due_on, Certificate.id).limit(most)).all()
    count = capped_count(session, waiting)
    return SignList(lines, CappedCount(max(0, count.count - len(lines)), count.capped))


@dataclass(frozen=True, slots=True)
class Milestone:
    """``what``: prepared, reviewed, approved, issued, withdrawn."""

    at: datetime
    what: str
    number: str
    who: str = ""
    why: str = ""


def milestones_of_sample(session: Session, sample_id: int) -> list[Milestone]:
    """When the reports of a sample were prepared, reviewed, signed, issued, withdrawn (three queries)."""
    ids = [line.id for line in certificates_of_sample(session, sample_id)]
    rows = session.scalars(select(Certificate).where(Certificate.id.in_(ids)).order_by(Certificate.id)).all()
    names = accounts_by_id(session, {p for c in rows for p in (c.drafted_by, c.reviewed_by, c.approved_by)})

    def who(account_id: int | None) -> str:
        return named(names[account_id]) if account_id in names else ""

    found = []
    for c in rows:
        if c.state is CertificateState.DROPPED:
            continue
        number = c.number or ""
        found.append(Milestone(c.drafted_at, "prepared", number, who(c.drafted_by)))
        if c.reviewed_at is not None:
            found.append(Milestone(c.reviewed_at, "reviewed", number, who(c.reviewed_by)))
        if c.approved_at is not None:
            found.append(Milestone(c.approved_at, "approved", number, who(c.approved_by)))
        if c.issued_at is not None:
            found.append(Milestone(c.issued_at, "issued", number))
        if c.withdrawn_at is not None:
            found.append(Milestone(c.withdrawn_at, "withdrawn", number, why=c.withdrawn_why or ""))
    return found


# -- for programs ----------------------------------------------------------------------


def list_certificates(
    session: Session,
    *,
    actor: Actor,
    on: date,
    q: str,
    state: CertificateState | None,
    waiting: Waiting | None,
    customer_id: int | None,
    order_id: int | None,
    first_day: date | None,
    last_day: date | None,
    cursor: str | None,
    size: int,
) -> Page[Any]:
    """Newest first. ``first_day``, ``last_day``: of issue, both count."""
    actor.require(Permission.CERTIFICATE_READ)
    lines = with_words(certificate_lines(), q.strip()) if q.strip() else certificate_lines()
    if waiting is not None:
        lines = waiting_for(lines, waiting, session, actor, on)
    for column, value in (
        (Certificate.state, state),
        (Certificate.customer_id, customer_id),
        (Certificate.order_id, order_id),
    ):
        if value is not None:
            lines = lines.where(column == value)
    if first_day is not None:
        lines = lines.where(Certificate.issued_on >= first_day)
    if last_day is not None:
        lines = lines.where(Certificate.issued_on <= last_day)
    return read_page(session, lines, NEWEST_FIRST, cursor=cursor, size=size)


def list_ready(session: Session, *, actor: Actor, finished: bool, cursor: str | None, size: int) -> Page[Any]:
    """``finished``: only orders with nothing left at the bench."""
    actor.require(Permission.CERTIFICATE_READ)
    orders = only_finished(ready_orders()) if finished else ready_orders()
    return read_page(session, orders, FIRST_DUE, cursor=cursor, size=size)
