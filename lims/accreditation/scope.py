"""The granted scope: rows of CMA and CNAS, each a method under a scheme, from, to."""

from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.models import Scheme, ScopeRow
from lims.catalogue.models import Category, Method, StandardEdition, TestItem
from lims.core.errors import InvalidInput, NotFound
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork


@dataclass(frozen=True, slots=True)
class ScopeText:
    """``category_id`` None: for every product. ``restriction``: what the grant leaves out, in words."""

    scheme: Scheme
    method_id: int
    valid_from: date
    valid_to: date
    category_id: int | None = None
    restriction: str = ""


@dataclass(frozen=True, slots=True)
class ListedScope:
    row: ScopeRow
    item: TestItem
    standard: StandardEdition
    clause: str
    category: Category | None


def scope_row(session: Session, scope_row_id: int) -> ScopeRow:
    row = session.get(ScopeRow, scope_row_id)
    if row is None:
        raise NotFound(_("This line of the scope does not exist."))
    return row


def list_scope(
    session: Session,
    *,
    scheme: Scheme | None = None,
    words: str = "",
    valid_on: date | None = None,
    ended_by: date | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[ListedScope]:
    """By test item's code. ``valid_on``: rows in force that day; ``ended_by``: rows that end before it."""
    wanted = (
        select(ScopeRow, TestItem, StandardEdition, Method.clause, Category)
        .join(Method, Method.id == ScopeRow.method_id)
        .join(TestItem, TestItem.id == Method.test_item_id)
        .join(StandardEdition, StandardEdition.id == Method.standard_id)
        .outerjoin(Category, Category.id == ScopeRow.category_id)
    )
    if scheme is not None:
        wanted = wanted.where(ScopeRow.scheme == scheme)
    if words.strip():
        text = words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        columns = (TestItem.code, TestItem.name_zh, TestItem.name_en, StandardEdition.code)
        matches = [c.ilike(f"%{text}%", escape="\\") for c in columns]
        wanted = wanted.where(matches[0] | matches[1] | matches[2] | matches[3])
    if valid_on is not None:
        wanted = wanted.where(ScopeRow.valid_from <= valid_on, ScopeRow.valid_to >= valid_on)
    if ended_by is not None:
        wanted = wanted.where(ScopeRow.valid_to < ended_by)
    keys = [Key(TestItem.code), Key(ScopeRow.id)]
    page = read_page(session, wanted, keys, cursor=cursor, size=size)
    return Page([ListedScope(*row[:5]) for row in page.rows], page.after, page.before)


def add_scope(
    uow: UnitOfWork, *, actor: Actor, text: ScopeText, request_key: RequestKey | None = None
) -> ScopeRow:
    actor.require(Permission.SCOPE_EDIT)
    _check(text)
    with uow:
        made = uow.replayed(ScopeRow, actor=actor, request_key=request_key)
        if made is not None:
            return made
        uow.get(Method, text.method_id, lock=False)
        if text.category_id is not None:
            uow.get(Category, text.category_id, lock=False)
        row = uow.add(ScopeRow(**{name: getattr(text, name) for name in ScopeText.__slots__}))
        uow.remember(row)
        uow.audit("scope.add", actor, row)
        uow.commit()
    return row


def edit_scope(
    uow: UnitOfWork, *, actor: Actor, scope_row_id: int, version: int, text: ScopeText
) -> ScopeRow:
    """Dates, class and restriction; scheme and method are what the row is, and stay."""
    actor.require(Permission.SCOPE_EDIT)
    _check(text)
    with uow:
        row = uow.get(ScopeRow, scope_row_id, version=version)
        if (text.scheme, text.method_id) != (row.scheme, row.method_id):
            raise InvalidInput(
                _("Scheme and method of a granted line stay; add another line."),
                code="scope_fixed",
                fields={"method_id": [_("Keep the method.")]},
            )
        if text.category_id is not None:
            uow.get(Category, text.category_id, lock=False)
        row.valid_from, row.valid_to = text.valid_from, text.valid_to
        row.category_id, row.restriction = text.category_id, text.restriction
        uow.audit("scope.edit", actor, row)
        uow.commit()
    return row


def expire_scope(
    uow: UnitOfWork, *, actor: Actor, scope_row_id: int, version: int, valid_to: date, why: str
) -> ScopeRow:
    """The grant ends with ``valid_to``; marks of reports issued before stay."""
    actor.require(Permission.SCOPE_EDIT)
    with uow:
        row = uow.get(ScopeRow, scope_row_id, version=version)
        if not row.valid_from <= valid_to <= row.valid_to:
            raise InvalidInput(
                _("Choose a day from %(first)s to %(last)s.", first=row.valid_from, last=row.valid_to),
                code="scope_dates",
                fields={"valid_to": [_("Outside the days of this line.")]},
            )
        row.valid_to = valid_to
        uow.audit("scope.expire", actor, row, reason=why or None)
        uow.commit()
    return row


def _check(text: ScopeText) -> None:
    if text.valid_to < text.valid_from:
        raise InvalidInput(
            _("It would end before it begins."),
            code="scope_dates",
            fields={"valid_to": [_("Choose a later day.")]},
        )


def methods_in_scope(session: Session, on: date) -> dict[int, frozenset[Scheme]]:
    """Schemes that grant each method for some product ``on`` that day."""
    rows = session.execute(
        select(ScopeRow.method_id, ScopeRow.scheme).where(ScopeRow.valid_from <= on, ScopeRow.valid_to >= on)
    )
    found: dict[int, frozenset[Scheme]] = {}
    for method_id, scheme in rows:
        found[method_id] = found.get(method_id, frozenset()) | {scheme}
    return found
