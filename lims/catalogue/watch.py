"""What the person who keeps the catalogue must look at: methods and standards in lists, and how many."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, select
from sqlalchemy.orm import Session

from lims.catalogue.models import (
    Category,
    Limit,
    Method,
    MethodVersion,
    StandardEdition,
    StandardStatus,
    TestItem,
)
from lims.catalogue.standards import has_status
from lims.core.paging import CappedCount, capped_count

SOON_DAYS = 60


Lines = Select[*tuple[Any, ...]]


class Offer(StrEnum):
    """Whether an item, a package or a business type can still be ordered."""

    OFFERED = "offered"
    RETIRED = "retired"


class Watch(StrEnum):
    """Why a method needs a look."""

    STANDARD_WITHDRAWN = "standard_withdrawn"
    DRAFT = "draft"
    NOT_RELEASED = "not_released"


def method_lines(on: date) -> Lines:
    """Methods with their item, standard and versions. ``in_use``: number of the version; ``draft_id``."""
    in_use = (
        select(func.max(MethodVersion.number))
        .where(
            MethodVersion.method_id == Method.id,
            MethodVersion.released_at.is_not(None),
            MethodVersion.retired_at.is_(None),
        )
        .scalar_subquery()
    )
    draft = (
        select(func.max(MethodVersion.id))
        .where(MethodVersion.method_id == Method.id, MethodVersion.released_at.is_(None))
        .scalar_subquery()
    )
    return (
        select(
            Method.id,
            Method.clause,
            Method.preferred,
            TestItem.id.label("item_id"),
            TestItem.code,
            TestItem.name_zh,
            TestItem.name_en,
            TestItem.active,
            StandardEdition.id.label("standard_id"),
            StandardEdition.code.label("standard"),
            status_column(on).label("status"),
            in_use.label("in_use"),
            draft.label("draft_id"),
        )
        .join(TestItem, TestItem.id == Method.test_item_id)
        .join(StandardEdition, StandardEdition.id == Method.standard_id)
    )


def status_column(on: date) -> ColumnElement[str]:
    """``StandardStatus`` of each standard ``on`` that day."""
    return case(
        *((has_status(status, on), status.value) for status in StandardStatus if status != "in_force"),
        else_=StandardStatus.IN_FORCE.value,
    )


def needs_look(watch: Watch, on: date) -> ColumnElement[bool]:
    """A condition on ``method_lines``. A method of an item no longer offered needs none."""
    version = exists().where(MethodVersion.method_id == Method.id)
    released = version.where(MethodVersion.released_at.is_not(None), MethodVersion.retired_at.is_(None))
    match watch:
        case Watch.STANDARD_WITHDRAWN:
            return TestItem.active & has_status(StandardStatus.WITHDRAWN, on)
        case Watch.DRAFT:
            return TestItem.active & version.where(MethodVersion.released_at.is_(None))
        case Watch.NOT_RELEASED:
            return TestItem.active & ~released


def count_methods(session: Session, watch: Watch, on: date, *, cap: int) -> CappedCount:
    return capped_count(session, method_lines(on).where(needs_look(watch, on)), cap)


def standard_lines(on: date) -> Lines:
    return select(
        StandardEdition.id,
        StandardEdition.code,
        StandardEdition.title_zh,
        StandardEdition.title_en,
        StandardEdition.in_force_from,
        StandardEdition.withdrawn_from,
        status_column(on).label("status"),
    )


def changes_soon(on: date) -> ColumnElement[bool]:
    """Comes into force, is withdrawn, or ends its transition within SOON_DAYS after ``on``."""
    until = on + timedelta(days=SOON_DAYS)
    begins = (StandardEdition.in_force_from > on) & (StandardEdition.in_force_from <= until)
    ends = (StandardEdition.withdrawn_from > on) & (StandardEdition.withdrawn_from <= until)
    over = (StandardEdition.transition_until >= on) & (StandardEdition.transition_until <= until)
    return begins | ends | over


def count_changing_standards(session: Session, on: date, *, cap: int) -> CappedCount:
    return capped_count(session, standard_lines(on).where(changes_soon(on)), cap)


def limit_lines() -> Lines:
    """Limits with item, class and standard; columns of the limit under their own names."""
    figures = (Limit.low, Limit.high, Limit.n, Limit.c, Limit.m_small, Limit.m_large)
    return (
        select(
            Limit.id,
            Limit.kind,
            *figures,
            Limit.unit,
            Limit.valid_from,
            Limit.valid_to,
            TestItem.id.label("item_id"),
            TestItem.code.label("item_code"),
            TestItem.name_zh,
            TestItem.name_en,
            Category.name_zh.label("category_zh"),
            Category.name_en.label("category_en"),
            StandardEdition.code.label("standard"),
        )
        .join(TestItem, TestItem.id == Limit.test_item_id)
        .join(StandardEdition, StandardEdition.id == Limit.standard_id)
        .outerjoin(Category, Category.id == Limit.category_id)
    )
