"""The list of samples: what it shows, how each filter finds its rows by index, and in which order.

A million samples: every filter has an index that also holds the order of the list, so that the first page
and any later one read some fifty rows. Words are found in the full text, newest first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Select, false, func, literal_column, select
from sqlalchemy.orm import Session, aliased

from lims.catalogue.models import BusinessType, Category
from lims.core.paging import CappedCount, Key, Page, capped_count, read_page
from lims.core.permissions import Actor
from lims.intake.internal import internal_type
from lims.intake.models import Customer, Order, Sample, StoragePlace
from lims.intake.samples import own_samples
from lims.intake.search import matching_samples, matching_words
from lims.intake.states import SampleState
from lims.people.models import Account

Rows = Select[Any]
NEWEST_FIRST = (Key(Sample.id, descending=True),)
BY_DUE_DAY = (Key(Sample.due_on), Key(Sample.id))
# What the full text found, by the number in its own index: it is read in this order and stops after a page.
FOUND = (Key(literal_column("found.sample_id", BigInteger), descending=True),)
# Open work first, the latest of it on top.
USUAL = (Key(Sample.phase), *BY_DUE_DAY)
BY_DAY = (Key(Sample.registered_on, descending=True), Key(Sample.id, descending=True))
# Samples of the laboratory's own quality control show where somebody asks for them.
ASKS_FOR_CONTROLS = {"q", "order_id", "business_type_id"}
BY_RELEASE = (Key(Sample.release_on), Key(Sample.id))


class Due(StrEnum):
    """Of open work. ``retention``: kept samples whose time is over."""

    LATE = "late"
    TODAY = "today"
    WEEK = "week"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of the list; what is None or empty does not filter. ``since`` and ``until``: registered."""

    q: str = ""
    state: SampleState | None = None
    due: Due | None = None
    category_id: int | None = None
    holder_id: int | None = None
    place_id: int | None = None
    business_type_id: int | None = None
    customer_id: int | None = None
    order_id: int | None = None
    since: date | None = None
    until: date | None = None

    @property
    def asked(self) -> set[str]:
        return {f.name for f in fields(self) if getattr(self, f.name) not in (None, "")}


_S = Sample.__table__.c
# Built once: every list asks it. Outer joins, so that a count leaves them out.
_SHOWN = (
    select(
        _S.id,
        _S.number,
        _S.name,
        _S.batch,
        _S.state,
        _S.registered_on,
        _S.due_on,
        _S.phase,
        _S.release_on,
        _S.retain_until,
        _S.order_id,
        _S.customer_id,
        Order.number.label("order_number"),
        Customer.name.label("customer"),
        BusinessType.name_zh.label("type_zh"),
        BusinessType.name_en.label("type_en"),
        Account.name_zh.label("holder_zh"),
        Account.name_en.label("holder_en"),
        StoragePlace.code.label("place"),
    )
    .select_from(Sample)
    .outerjoin(Order, Order.id == _S.order_id)
    .outerjoin(Customer, Customer.id == _S.customer_id)
    .outerjoin(BusinessType, BusinessType.id == _S.business_type_id)
    .outerjoin(Account, Account.id == _S.holder_id)
    .outerjoin(StoragePlace, StoragePlace.id == _S.place_id)
)


def all_samples(actor: Actor) -> Rows:
    """The list's columns of what this actor may see."""
    return own_samples(_SHOWN, actor)


def columns_of_disposal() -> tuple[Any, ...]:
    """Who asked for disposal, and why; one small read a row."""
    asker = aliased(Account)
    named = Sample.disposal_asked_by == asker.id
    return (
        Sample.disposal_why,
        select(asker.name_zh).where(named).scalar_subquery().label("asker_zh"),
        select(asker.name_en).where(named).scalar_subquery().label("asker_en"),
    )


def filtered(session: Session, rows: Rows, wanted: Wanted, today: date) -> Rows:
    """``rows`` that ``wanted`` asks for."""
    found = matching_samples(session, wanted.q)
    if found is not None:
        rows = rows.join(found, found.c.sample_id == Sample.id)
    for column, value in (
        (Sample.state, wanted.state),
        (Sample.holder_id, wanted.holder_id),
        (Sample.place_id, wanted.place_id),
        (Sample.business_type_id, wanted.business_type_id),
        (Sample.customer_id, wanted.customer_id),
        (Sample.order_id, wanted.order_id),
    ):
        if value is not None:
            rows = rows.where(column == value)
    if not wanted.asked & ASKS_FOR_CONTROLS:
        rows = rows.where(Sample.business_type_id != func.coalesce(internal_type(), 0))
    if wanted.category_id is not None:
        rows = _of_category(session, rows, wanted.category_id)
    if wanted.since is not None:
        rows = rows.where(Sample.registered_on >= wanted.since)
    if wanted.until is not None:
        rows = rows.where(Sample.registered_on <= wanted.until)
    return _of_due(rows, wanted.due, today) if wanted.due is not None else rows


def _of_category(session: Session, rows: Rows, category_id: int) -> Rows:
    """Of this category or of one below it."""
    path = session.scalar(select(Category.path).where(Category.id == category_id))
    if path is None:
        return rows.where(false())
    below = session.scalars(select(Category.id).where(Category.path.startswith(path, autoescape=True))).all()
    if len(below) == 1:  # keeps the order of the index
        return rows.where(Sample.category_id == category_id)
    return rows.where(Sample.category_id.in_(below))


def _of_due(rows: Rows, due: Due, today: date) -> Rows:
    if due is Due.RETENTION:
        return rows.where(Sample.release_on.is_not(None), Sample.release_on <= today)
    still_open = rows.where(Sample.phase == 0)
    if due is Due.LATE:
        return still_open.where(Sample.due_on < today)
    last = today if due is Due.TODAY else today + timedelta(days=7)
    return still_open.where(Sample.due_on >= today, Sample.due_on <= last)


def order_of(wanted: Wanted) -> tuple[Key, ...]:
    """The order in which an index gives the rows of these filters."""
    asked = wanted.asked
    if wanted.due is Due.RETENTION:
        return BY_RELEASE
    if matching_words(wanted.q):
        return FOUND
    if asked == {"customer_id"} or asked == {"order_id"}:
        return NEWEST_FIRST
    if asked and asked <= {"since", "until"}:
        return BY_DAY
    return BY_DUE_DAY if asked else USUAL


def list_samples(
    session: Session, *, actor: Actor, wanted: Wanted, today: date, cursor: str | None = None, size: int = 50
) -> tuple[Page[Any], CappedCount]:
    """One page and a bounded count; a customer's account sees its own samples."""
    rows = filtered(session, all_samples(actor), wanted, today)
    page = read_page(session, rows, order_of(wanted), cursor=cursor, size=size)
    return page, capped_count(session, rows)


def count_samples(session: Session, actor: Actor, wanted: Wanted, today: date, cap: int) -> CappedCount:
    return capped_count(session, filtered(session, all_samples(actor), wanted, today), cap)


def read_wanted(values: Mapping[str, Any]) -> Wanted:
    """From filters as a schema loaded them; others are ignored."""
    return Wanted(**{f.name: values[f.name] for f in fields(Wanted) if values.get(f.name) is not None})
