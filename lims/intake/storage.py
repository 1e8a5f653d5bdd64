"""Storage places: shelves and refrigerators with a code that is scanned."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.core.errors import Conflict, InvalidInput, NotFound, TransitionRefused
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.intake.models import Sample, StoragePlace


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A place and how many samples lie there now."""

    place: StoragePlace
    samples: int


def create_place(
    uow: UnitOfWork,
    *,
    actor: Actor,
    code: str,
    name_zh: str,
    name_en: str,
    conditions: str = "",
    request_key: RequestKey | None = None,
) -> StoragePlace:
    """A new place. Raises Conflict (``place_known``) when the code is taken."""
    actor.require(Permission.SAMPLE_RECEIVE)
    with uow:
        if (earlier := uow.replayed(StoragePlace, actor=actor, request_key=request_key)) is not None:
            return earlier
        place = StoragePlace()
        _fill(uow.session, place, code, name_zh, name_en, conditions)
        uow.add(place)
        uow.audit("place.create", actor, place)
        uow.remember(place)
        uow.commit()
    return place


def change_place(
    uow: UnitOfWork,
    *,
    actor: Actor,
    place_id: int,
    version: int,
    code: str,
    name_zh: str,
    name_en: str,
    conditions: str = "",
    active: bool = True,
) -> StoragePlace:
    """Change a place. One in which samples lie cannot be taken out of use (``place_not_empty``)."""
    actor.require(Permission.SAMPLE_RECEIVE)
    with uow:
        place = uow.get(StoragePlace, place_id, version=version)
        if not active and place.active and _lies_there(uow.session, place_id, 1):
            text = _("Samples lie at this place: move them first.")
            raise TransitionRefused(text, code="place_not_empty", fields={"active": [text]})
        with uow.session.no_autoflush:
            _fill(uow.session, place, code, name_zh, name_en, conditions)
        place.active = active
        uow.audit("place.change", actor, place)
        uow.commit()
    return place


def _fill(
    session: Session, place: StoragePlace, code: str, name_zh: str, name_en: str, conditions: str
) -> None:
    wanted = code.strip()
    if not wanted or not wanted.isprintable():
        text = _("A place needs a code of printable signs.")
        raise InvalidInput(text, code="bad_code", fields={"code": [text]})
    taken = session.scalar(select(StoragePlace.id).where(StoragePlace.code == wanted))
    if taken not in (None, place.id):
        text = _("Another place has the code %(code)s.", code=wanted)
        raise Conflict(text, code="place_known", fields={"code": [text]})
    place.code, place.conditions = wanted, conditions.strip()
    place.name_zh, place.name_en = name_zh.strip(), name_en.strip() or name_zh.strip()


def list_places(session: Session) -> Sequence[PlaceLine]:
    """Every place with what lies there, by code; one query a list."""
    here = (
        select(Sample.place_id, func.count().label("samples"))
        .where(Sample.place_id.is_not(None))
        .group_by(Sample.place_id)
        .subquery()
    )
    found = (
        select(StoragePlace, func.coalesce(here.c.samples, 0))
        .outerjoin(here, here.c.place_id == StoragePlace.id)
        .order_by(StoragePlace.active.desc(), StoragePlace.code)
    )
    return [PlaceLine(place, count) for place, count in session.execute(found)]


def places_in_use(session: Session) -> Sequence[StoragePlace]:
    return session.scalars(
        select(StoragePlace).where(StoragePlace.active).order_by(StoragePlace.code).limit(500)
    ).all()


def get_place(session: Session, place_id: int) -> StoragePlace:
    place = session.get(StoragePlace, place_id)
    if place is None:
        raise NotFound(_("There is no such storage place."))
    return place


def place_by_code(session: Session, code: str) -> StoragePlace | None:
    return session.scalars(select(StoragePlace).where(StoragePlace.code == code)).one_or_none()


def _lies_there(session: Session, place_id: int, most: int) -> int:
    rows = select(Sample.id).where(Sample.place_id == place_id).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(rows)) or 0
