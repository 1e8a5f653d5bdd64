"""What a customer sees: own orders, how far they are, own issued reports. Results only as issued reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session

from lims.catalogue.models import BusinessType
from lims.certificates.models import Certificate
from lims.certificates.states import CertificateState
from lims.core.errors import NotFound, PermissionDenied
from lims.core.files import FileStore
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.intake.models import Customer, Order, RequestedTest, Sample
from lims.intake.states import OrderState, SampleState, TestState

DONE = (TestState.VERIFIED, TestState.REJECTED)
NEWEST_FIRST = (Key(Order.id, descending=True),)
PUBLIC_STATES = (CertificateState.ISSUED, CertificateState.WITHDRAWN)


class Progress(StrEnum):
    """How far an order is, in the customer's words."""

    REGISTERED = "registered"
    AWAITING_SAMPLES = "awaiting_samples"
    IN_TEST = "in_test"
    REPORTING = "reporting"
    REPORTED = "reported"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class OwnSample:
    """``done`` of ``tests`` are measured and verified."""

    number: str
    name: str
    batch: str
    state: SampleState
    tests: int
    done: int
    refused_why: str | None


@dataclass(frozen=True, slots=True)
class OwnOrder:
    order: Order
    progress: Progress
    tests: int
    done: int
    samples: Sequence[OwnSample]
    certificates: Sequence[Certificate]


def own_customer(actor: Actor) -> int:
    """Raises PermissionDenied for whoever is no customer's account."""
    actor.require(Permission.PORTAL_READ)
    if actor.customer_id is None:
        raise PermissionDenied(_("Your account is not linked to a customer yet; please ask the laboratory."))
    return actor.customer_id


def order_lines(actor: Actor) -> Select[Any]:
    """One line an order of the actor's customer: counts of tests, measured ones, issued reports."""
    customer_id = own_customer(actor)

    def tests(*more: ColumnElement[bool]) -> Any:
        counted = (
            select(func.count())
            .select_from(RequestedTest)
            .join(Sample, Sample.id == RequestedTest.sample_id)
            .where(Sample.order_id == Order.id, RequestedTest.state != TestState.CANCELLED, *more)
        )
        return counted.correlate(Order).scalar_subquery()

    reports = (
        select(func.count())
        .where(Certificate.order_id == Order.id, Certificate.state == CertificateState.ISSUED)
        .correlate(Order)
        .scalar_subquery()
    )
    waiting = (
        select(func.count())
        .where(Sample.order_id == Order.id, Sample.state == SampleState.EXPECTED)
        .correlate(Order)
        .scalar_subquery()
    )
    return (
        select(
            *(Order.id, Order.number, Order.state, Order.registered_on, Order.due_on, Order.price),
            *(Order.purpose, BusinessType.name_zh, BusinessType.name_en),
            tests().label("tests"),
            tests(RequestedTest.state.in_(DONE)).label("done"),
            reports.label("reports"),
            waiting.label("waiting"),
        )
        .join(BusinessType, BusinessType.id == Order.business_type_id)
        .where(Order.customer_id == customer_id)
    )


def progress_of(state: OrderState, *, tests: int, done: int, waiting: int) -> Progress:
    """``waiting``: samples that have not come yet."""
    if state is OrderState.CANCELLED:
        return Progress.CANCELLED
    if state is OrderState.COMPLETED:
        return Progress.REPORTED
    if state is OrderState.REGISTERED:
        return Progress.REGISTERED
    if waiting:
        return Progress.AWAITING_SAMPLES
    return Progress.REPORTING if tests and done == tests else Progress.IN_TEST


def with_words(lines: Select[Any], words: str) -> Select[Any]:
    """Part of the order's number, or of a sample's number, name or batch."""
    part = f"%{words.replace('%', '').replace('_', '')[:100]}%"
    named = select(Sample.id).where(
        Sample.order_id == Order.id,
        or_(Sample.number.ilike(part), Sample.name.ilike(part), Sample.batch.ilike(part)),
    )
    return lines.where(or_(Order.number.ilike(part), named.correlate(Order).exists()))


def list_orders(
    session: Session, *, actor: Actor, words: str = "", cursor: str | None = None, size: int = 50
) -> Page[Any]:
    lines = with_words(order_lines(actor), words) if words else order_lines(actor)
    return read_page(session, lines, NEWEST_FIRST, cursor=cursor, size=size)


def get_order(session: Session, *, actor: Actor, order_id: int) -> OwnOrder:
    """Raises NotFound: another customer's order does not exist."""
    customer_id = own_customer(actor)
    order = session.get(Order, order_id)
    if order is None or order.customer_id != customer_id:
        raise NotFound(_("There is no such order."))
    live = case((RequestedTest.state != TestState.CANCELLED, 1), else_=0)
    done = case((RequestedTest.state.in_(DONE), 1), else_=0)
    rows = session.execute(
        select(
            *(Sample.number, Sample.name, Sample.batch, Sample.state, Sample.refused_why),
            func.coalesce(func.sum(live), 0).label("tests"),
            func.coalesce(func.sum(done), 0).label("done"),
        )
        .outerjoin(RequestedTest, RequestedTest.sample_id == Sample.id)
        .where(Sample.order_id == order.id, Sample.backup_of_id.is_(None))
        .group_by(Sample.id)
        .order_by(Sample.position, Sample.id)
    )
    samples = [
        OwnSample(r.number, r.name, r.batch, r.state, int(r.tests), int(r.done), r.refused_why) for r in rows
    ]
    tests, finished = sum(s.tests for s in samples), sum(s.done for s in samples)
    waiting = sum(s.state is SampleState.EXPECTED for s in samples)
    progress = progress_of(order.state, tests=tests, done=finished, waiting=waiting)
    return OwnOrder(order, progress, tests, finished, samples, _certificates(session, order.id))


def _certificates(session: Session, order_id: int) -> Sequence[Certificate]:
    wanted = select(Certificate).where(Certificate.order_id == order_id, Certificate.state.in_(PUBLIC_STATES))
    return session.scalars(wanted.order_by(Certificate.id)).all()


def certificate_lines(actor: Actor) -> Any:
    """One line an issued or withdrawn report of the actor's customer."""
    return (
        select(
            *(Certificate.id, Certificate.number, Certificate.state, Certificate.issued_on),
            *(Certificate.language, Certificate.pdf_sha256),
            Order.id.label("order_id"),
            Order.number.label("order_number"),
        )
        .join(Order, Order.id == Certificate.order_id)
        .where(Certificate.customer_id == own_customer(actor), Certificate.state.in_(PUBLIC_STATES))
    )


CERTIFICATE_KEYS = (Key(Certificate.id, descending=True),)


def list_certificates(
    session: Session, *, actor: Actor, cursor: str | None = None, size: int = 50
) -> Page[Any]:
    return read_page(session, certificate_lines(actor), CERTIFICATE_KEYS, cursor=cursor, size=size)


def download_own(
    uow: UnitOfWork, store: FileStore, *, actor: Actor, certificate_id: int
) -> tuple[Certificate, bytes]:
    """The issued bytes, noted in the trail. Raises NotFound, also for another customer's and withdrawn ones."""
    customer_id = own_customer(actor)
    with uow:
        row = uow.session.get(Certificate, certificate_id)
        if row is None or row.customer_id != customer_id or row.state is not CertificateState.ISSUED:
            raise NotFound(_("There is no such report."))
        assert row.pdf_sha256 is not None
        content = store.read(row.pdf_sha256)
        uow.audit("certificate.download", actor, ("certificate", row.id))
        uow.commit()
    return row, content


def customer_name(session: Session, actor: Actor) -> str:
    """Whose portal this is."""
    return session.get_one(Customer, own_customer(actor)).name
