"""The granted scope: rows of CMA and CNAS, each a method under a scheme, from, to."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, cast

from flask_babel import gettext as _
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, join

from lims.accreditation.models import Scheme, ScopeRow
from lims.catalogue.models import Category, Method, StandardEdition, TestItem
from lims.core.errors import Conflict, InvalidInput, NotFound
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


class ScopeStanding(StrEnum):
    """Of a granted line on a day."""

    CURRENT = "current"
    ENDED = "ended"
    UPCOMING = "upcoming"


@dataclass(frozen=True, slots=True)
class ScopeLine:
    """One granted line with what it is about, as it stands on a day."""

    id: int
    version: int
    scheme: Scheme
    method_id: int
    test_item_id: int
    item_code: str
    name_zh: str
    name_en: str
    standard: str
    clause: str
    category_id: int | None
    category_zh: str | None
    category_en: str | None
    valid_from: date
    valid_to: date
    restriction: str
    standing: ScopeStanding


def statement() -> Select[Any]:
    """Every granted line with item, standard and class."""
    wanted = select(
        ScopeRow.id,
        ScopeRow.version,
        ScopeRow.scheme,
        ScopeRow.method_id,
        TestItem.id.label("test_item_id"),
        TestItem.code.label("item_code"),
        TestItem.name_zh,
        TestItem.name_en,
        StandardEdition.code.label("standard"),
        Method.clause,
        ScopeRow.category_id,
        Category.name_zh.label("category_zh"),
        Category.name_en.label("category_en"),
        ScopeRow.valid_from,
        ScopeRow.valid_to,
        ScopeRow.restriction,
    ).select_from(
        # One join, named whole: counting then knows it without the columns.
        join(ScopeRow, Method, Method.id == ScopeRow.method_id)
        .join(TestItem, TestItem.id == Method.test_item_id)
        .join(StandardEdition, StandardEdition.id == Method.standard_id)
        .outerjoin(Category, Category.id == ScopeRow.category_id)
    )
    return cast("Select[Any]", wanted)


def keys() -> tuple[Key, ...]:
    return (Key(TestItem.code), Key(ScopeRow.id))


def ending_first() -> tuple[Key, ...]:
    return (Key(ScopeRow.valid_to), Key(ScopeRow.id))


def having_words(wanted: Select[Any], words: str) -> Select[Any]:
    """Part of the item's code or name, or of the standard's code."""
    text = words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    if not text:
        return wanted
    columns = (TestItem.code, TestItem.name_zh, TestItem.name_en, StandardEdition.code)
    return wanted.where(or_(*(c.ilike(f"%{text}%", escape="\\") for c in columns)))


def of_scheme(wanted: Select[Any], scheme: Scheme) -> Select[Any]:
    return wanted.where(ScopeRow.scheme == scheme)


def of_method(wanted: Select[Any], method_id: int) -> Select[Any]:
    return wanted.where(ScopeRow.method_id == method_id)


def standing_so(wanted: Select[Any], standing: ScopeStanding, on: date) -> Select[Any]:
    match standing:
        case ScopeStanding.CURRENT:
            return wanted.where(ScopeRow.valid_from <= on, ScopeRow.valid_to >= on)
        case ScopeStanding.ENDED:
            return wanted.where(ScopeRow.valid_to < on)
        case ScopeStanding.UPCOMING:
            return wanted.where(ScopeRow.valid_from > on)


def standing_of(row: Any, on: date) -> ScopeStanding:
    """``row``: anything with valid_from and valid_to; both days count."""
    if row.valid_to < on:
        return ScopeStanding.ENDED
    return ScopeStanding.UPCOMING if row.valid_from > on else ScopeStanding.CURRENT


def line_of(row: Any, on: date) -> ScopeLine:
    """``row``: of ``statement``."""
    values = {name: getattr(row, name) for name in ScopeLine.__slots__ if name != "standing"}
    return ScopeLine(**values, standing=standing_of(row, on))


def one_line(session: Session, scope_row_id: int, on: date) -> ScopeLine:
    row = session.execute(statement().where(ScopeRow.id == scope_row_id)).one_or_none()
    if row is None:
        raise NotFound(_("This line of the scope does not exist."))
    return line_of(row, on)


def list_scope(
    session: Session,
    *,
    on: date,
    words: str = "",
    scheme: Scheme | None = None,
    method_id: int | None = None,
    standing: ScopeStanding | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[ScopeLine]:
    """By test item's code, as it stands ``on`` that day."""
    wanted = having_words(statement(), words)
    if scheme is not None:
        wanted = of_scheme(wanted, scheme)
    if method_id is not None:
        wanted = of_method(wanted, method_id)
    if standing is not None:
        wanted = standing_so(wanted, standing, on)
    page = read_page(session, wanted, keys(), cursor=cursor, size=size)
    return Page([line_of(row, on) for row in page.rows], page.after, page.before)


def add_scope(
    uow: UnitOfWork, *, actor: Actor, text: ScopeText, request_key: RequestKey | None = None
) -> ScopeRow:
    """Raises InvalidInput, Conflict (``scope_overlap``: the same line is granted on some of these days)."""
    actor.require(Permission.SCOPE_EDIT)
    _check(text)
    with uow:
        made = uow.replayed(ScopeRow, actor=actor, request_key=request_key)
        if made is not None:
            return made
        # Locked: two clerks who enter the same line wait for each other.
        if uow.session.get(Method, text.method_id, with_for_update={"of": Method}) is None:
            fault = _("This method does not exist.")
            raise InvalidInput(fault, code="unknown_method", fields={"method_id": [fault]})
        _check_category(uow, text.category_id)
        _refuse_twin(uow, text)
        row = uow.add(ScopeRow(**{name: getattr(text, name) for name in ScopeText.__slots__}))
        uow.remember(row)
        uow.audit("scope.add", actor, row)
        uow.commit()
    return row


def edit_scope(
    uow: UnitOfWork,
    *,
    actor: Actor,
    scope_row_id: int,
    version: int,
    valid_from: date,
    valid_to: date,
    category_id: int | None = None,
    restriction: str = "",
) -> ScopeRow:
    """Scheme and method are what the line is, and stay: for others add another line."""
    actor.require(Permission.SCOPE_EDIT)
    with uow:
        row = uow.get(ScopeRow, scope_row_id, version=version)
        text = ScopeText(row.scheme, row.method_id, valid_from, valid_to, category_id, restriction)
        _check(text)
        _check_category(uow, category_id)
        _refuse_twin(uow, text, row.id)
        row.valid_from, row.valid_to = valid_from, valid_to
        row.category_id, row.restriction = category_id, restriction
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


def _check_category(uow: UnitOfWork, category_id: int | None) -> None:
    if category_id is not None and uow.session.get(Category, category_id) is None:
        fault = _("This product class does not exist.")
        raise InvalidInput(fault, code="unknown_category", fields={"category_id": [fault]})


def _refuse_twin(uow: UnitOfWork, text: ScopeText, own_id: int | None = None) -> None:
    """Two lines for the same would let the scope live on when one of them is ended."""
    twin = uow.session.scalar(
        select(ScopeRow).where(
            ScopeRow.scheme == text.scheme,
            ScopeRow.method_id == text.method_id,
            ScopeRow.category_id == text.category_id
            if text.category_id is not None
            else ScopeRow.category_id.is_(None),
            ScopeRow.valid_from <= text.valid_to,
            ScopeRow.valid_to >= text.valid_from,
            ScopeRow.id != (own_id or 0),
        )
    )
    if twin is not None:
        days = {"first": twin.valid_from, "last": twin.valid_to}
        sentence = _("The same line is granted from %(first)s to %(last)s already.", **days)
        raise Conflict(sentence, code="scope_overlap", fields={"valid_from": [sentence]})


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
