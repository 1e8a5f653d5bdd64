"""Standards: dated issues, and what depends on one that is withdrawn."""

from dataclasses import dataclass, replace
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from lims.catalogue.models import Limit, Method, StandardEdition, StandardStatus, TestItem
from lims.catalogue.references import holds_words, named, refuse_taken
from lims.core.errors import InvalidInput, NotFound
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork


@dataclass(frozen=True, slots=True)
class StandardText:
    """``in_force_from`` None: in force for as long as we know. ``transition_until``: see the table."""

    code: str
    title_zh: str
    title_en: str
    in_force_from: date | None = None
    withdrawn_from: date | None = None
    replaced_by_id: int | None = None
    transition_until: date | None = None


@dataclass(frozen=True, slots=True)
class Affected:
    """What rests on a standard: items measured by it, limits it lays down."""

    methods: list[Method]
    limits: list[tuple[Limit, TestItem]]


def standard(session: Session, standard_id: int) -> StandardEdition:
    row = session.get(StandardEdition, standard_id)
    if row is None:
        raise NotFound(_("This standard does not exist."))
    return row


def list_standards(
    session: Session,
    *,
    words: str = "",
    status: str | None = None,
    on: date,
    cursor: str | None = None,
    size: int = 50,
) -> Page[StandardEdition]:
    """By code. ``status``: upcoming, in_force, withdrawn ``on`` that day; None: all."""
    wanted = select(StandardEdition)
    if words.strip():
        wanted = wanted.where(
            holds_words(words, StandardEdition.code, StandardEdition.title_zh, StandardEdition.title_en)
        )
    if status is not None:
        wanted = wanted.where(has_status(StandardStatus(status), on))
    page = read_page(session, wanted, [Key(StandardEdition.code)], cursor=cursor, size=size)
    return Page([row[0] for row in page.rows], page.after, page.before)


def has_status(status: StandardStatus, on: date) -> ColumnElement[bool]:
    """``StandardEdition.status_on(on) is status``, for a query."""
    begun = StandardEdition.in_force_from.is_(None) | (StandardEdition.in_force_from <= on)
    ended = StandardEdition.withdrawn_from.is_not(None) & (StandardEdition.withdrawn_from <= on)
    lives_on = StandardEdition.transition_until.is_not(None) & (StandardEdition.transition_until >= on)
    match status:
        case StandardStatus.WITHDRAWN:
            return ended & ~lives_on
        case StandardStatus.IN_TRANSITION:
            return ended & lives_on
        case StandardStatus.IN_FORCE:
            return begun & ~ended
        case StandardStatus.UPCOMING:
            return ~begun & ~ended


def all_standards(session: Session) -> list[StandardEdition]:
    """By code, for select boxes."""
    return list(session.scalars(select(StandardEdition).order_by(StandardEdition.code)))


def replaces(session: Session, standard_id: int) -> list[StandardEdition]:
    """The editions that this one replaces."""
    wanted = select(StandardEdition).where(StandardEdition.replaced_by_id == standard_id)
    return list(session.scalars(wanted.order_by(StandardEdition.code)))


def affected_by(session: Session, standard_id: int) -> Affected:
    methods = session.scalars(select(Method).where(Method.standard_id == standard_id).order_by(Method.id))
    limits = session.execute(
        select(Limit, TestItem)
        .join(TestItem, TestItem.id == Limit.test_item_id)
        .where(Limit.standard_id == standard_id)
        .order_by(TestItem.code, Limit.valid_from)
    )
    return Affected(list(methods), [(row, item) for row, item in limits])


def create_standard(
    uow: UnitOfWork, *, actor: Actor, text: StandardText, request_key: RequestKey | None = None
) -> StandardEdition:
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        if (made := uow.replayed(StandardEdition, actor=actor, request_key=request_key)) is not None:
            return made
        row = add_edition(uow, actor, text)
        uow.remember(row)
        uow.commit()
    return row


def add_edition(uow: UnitOfWork, actor: Actor, text: StandardText) -> StandardEdition:
    """``create_standard`` inside the caller's unit of work."""
    _check_dates(text)
    refuse_taken(uow, StandardEdition, text.code)
    _check_successor(uow, text, None)
    row = uow.add(StandardEdition(**_values(text)))
    uow.audit("standard.add", actor, row)
    return row


def edit_standard(
    uow: UnitOfWork, *, actor: Actor, standard_id: int, version: int, text: StandardText
) -> StandardEdition:
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(StandardEdition, standard_id, version=version)
        change_edition(uow, actor, row, text)
        uow.commit()
    return row


def change_edition(uow: UnitOfWork, actor: Actor, row: StandardEdition, text: StandardText) -> None:
    """``edit_standard`` inside the caller's unit of work, which has locked ``row``."""
    _check_dates(text)
    refuse_taken(uow, StandardEdition, text.code, own_id=row.id)
    _check_successor(uow, text, row.id)
    for name, value in _values(text).items():
        setattr(row, name, value)
    uow.audit("standard.edit", actor, row)


def withdraw_standard(
    uow: UnitOfWork,
    *,
    actor: Actor,
    standard_id: int,
    version: int,
    withdrawn_from: date,
    replaced_by_id: int | None = None,
    transition_until: date | None = None,
    why: str = "",
) -> StandardEdition:
    """From ``withdrawn_from`` on, or after ``transition_until``, no new test may use it.

    What was done before stays as it is.
    """
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(StandardEdition, standard_id, version=version)
        withdraw_edition(uow, actor, row, withdrawn_from, replaced_by_id, transition_until, why)
        uow.commit()
    return row


def withdraw_edition(
    uow: UnitOfWork,
    actor: Actor,
    row: StandardEdition,
    withdrawn_from: date,
    replaced_by_id: int | None,
    transition_until: date | None,
    why: str,
) -> None:
    """``withdraw_standard`` inside the caller's unit of work, which has locked ``row``."""
    text = replace(
        text_of(row),
        withdrawn_from=withdrawn_from,
        transition_until=transition_until,
        replaced_by_id=replaced_by_id,
    )
    _check_dates(text)
    _check_successor(uow, text, row.id)
    row.withdrawn_from, row.replaced_by_id = withdrawn_from, replaced_by_id
    row.transition_until = transition_until
    uow.audit("standard.withdraw", actor, row, reason=why or None)


def text_of(row: StandardEdition) -> StandardText:
    return StandardText(**{name: getattr(row, name) for name in StandardText.__slots__})


def _values(text: StandardText) -> dict[str, object]:
    return {name: getattr(text, name) for name in StandardText.__slots__}


def _check_dates(text: StandardText) -> None:
    first, last = text.in_force_from, text.withdrawn_from
    if first is not None and last is not None and last < first:
        raise InvalidInput(
            _("A standard cannot be withdrawn before it comes into force."),
            code="standard_dates",
            fields={"withdrawn_from": [_("Choose a later day.")]},
        )
    until = text.transition_until
    if until is not None and (last is None or until < last):
        raise InvalidInput(
            _(
                "A transition begins with the day on which the standard is withdrawn and cannot end before it."
            ),
            code="standard_transition",
            fields={"transition_until": [_("Choose a later day.")]},
        )


def _check_successor(uow: UnitOfWork, text: StandardText, own_id: int | None) -> None:
    if text.replaced_by_id is None:
        return
    if text.replaced_by_id == own_id:
        raise InvalidInput(
            _("A standard cannot replace itself."),
            code="standard_successor",
            fields={"replaced_by_id": [_("Choose another standard.")]},
        )
    named(uow, StandardEdition, text.replaced_by_id, "replaced_by_id")
