"""The register: every measuring device, its place, its label, its calibration."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased

from lims.core.errors import InvalidInput, NotFound
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.core.workflow import take_step
from lims.equipment.calibration import Fitness, fitness_of_all
from lims.equipment.models import CalibrationRecord, Equipment, EquipmentClass, EquipmentState
from lims.equipment.states import EQUIPMENT_STEPS
from lims.people.models import Section


@dataclass(frozen=True, slots=True)
class EquipmentText:
    """``identity``: what the device answers when asked who it is (serial of its interface), or None."""

    code: str
    name_zh: str
    name_en: str
    equipment_class: str
    maker: str = ""
    model: str = ""
    serial: str = ""
    identity: str | None = None
    section_id: int | None = None
    place: str = ""
    software: str = ""
    in_service_on: date | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the register."""

    equipment: Equipment
    fitness: Fitness


def equipment(session: Session, equipment_id: int) -> Equipment:
    row = session.get(Equipment, equipment_id)
    if row is None:
        raise NotFound(_("This device does not exist."))
    return row


def equipment_classes(session: Session) -> list[EquipmentClass]:
    return list(session.scalars(select(EquipmentClass).order_by(EquipmentClass.code)))


def list_equipment(
    session: Session,
    *,
    on: date,
    words: str = "",
    equipment_class: str | None = None,
    state: EquipmentState | None = None,
    overdue_on: date | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Listed]:
    """By code, with fitness ``on`` that day. ``overdue_on``: only what needs calibration by that day."""
    wanted = select(Equipment)
    if words.strip():
        text = words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        columns = (Equipment.code, Equipment.name_zh, Equipment.name_en, Equipment.serial, Equipment.model)
        wanted = wanted.where(or_(*(c.ilike(f"%{text}%", escape="\\") for c in columns)))
    if equipment_class:
        wanted = wanted.where(Equipment.equipment_class == equipment_class)
    if state is not None:
        wanted = wanted.where(Equipment.state == state)
    if overdue_on is not None:
        wanted = wanted.where(needs_calibration(overdue_on))
    page = read_page(session, wanted, [Key(Equipment.code)], cursor=cursor, size=size)
    rows: Sequence[Equipment] = [row[0] for row in page.rows]
    fit = fitness_of_all(session, rows, on)
    return Page([Listed(row, fit[row.id]) for row in rows], page.after, page.before)


def needs_calibration(on: date) -> ColumnElement[bool]:
    """In use, and its last calibration is missing, not accepted, or past its due date ``on`` that day."""
    latest = aliased(CalibrationRecord)
    newest = (
        select(latest.id)
        .where(latest.equipment_id == Equipment.id)
        .order_by(latest.calibrated_on.desc(), latest.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    good = (
        select(CalibrationRecord.id)
        .where(CalibrationRecord.id == newest, CalibrationRecord.accepted, CalibrationRecord.due_on >= on)
        .exists()
    )
    return (Equipment.state != EquipmentState.OUT_OF_SERVICE) & ~good


def count_overdue(session: Session, on: date) -> int:
    """Devices in use that may not measure ``on`` that day."""
    return session.scalar(select(func.count()).select_from(Equipment).where(needs_calibration(on))) or 0


def add_class(uow: UnitOfWork, *, actor: Actor, code: str, name_zh: str, name_en: str) -> EquipmentClass:
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        row = uow.add(EquipmentClass(code=code, name_zh=name_zh, name_en=name_en))
        uow.audit("equipment_class.add", actor, row)
        uow.commit()
    return row


def add_equipment(
    uow: UnitOfWork, *, actor: Actor, text: EquipmentText, request_key: RequestKey | None = None
) -> Equipment:
    """A new device is fit by label, and may not measure before its first accepted calibration."""
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        made = uow.replayed(Equipment, actor=actor, request_key=request_key)
        if made is not None:
            return made
        _check(uow, text)
        row = uow.add(Equipment(**_values(text), state=EquipmentState.FIT))
        uow.remember(row)
        uow.audit("equipment.add", actor, row)
        uow.commit()
    return row


def edit_equipment(
    uow: UnitOfWork, *, actor: Actor, equipment_id: int, version: int, text: EquipmentText
) -> Equipment:
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        row = uow.get(Equipment, equipment_id, version=version)
        _check(uow, text)
        for name, value in _values(text).items():
            setattr(row, name, value)
        uow.audit("equipment.edit", actor, row)
        uow.commit()
    return row


def change_state(
    uow: UnitOfWork, *, actor: Actor, equipment_id: int, version: int, step: str, reason: str
) -> Equipment:
    """``step``: release, limit or stop. Every change names its reason (ISO/IEC 17025 6.4.9)."""
    actor.require(Permission.EQUIPMENT_EDIT)
    if step not in EQUIPMENT_STEPS:
        raise InvalidInput(_("There is no such step."), fields={"step": [_("Choose a step.")]})
    if not reason.strip():
        raise InvalidInput(_("Say why."), code="reason_missing", fields={"reason": [_("Say why.")]})
    with uow:
        row = uow.get(Equipment, equipment_id, version=version)
        row.state = take_step(EQUIPMENT_STEPS, step, row.state, actor_id=actor.id)
        row.state_reason = reason.strip()
        uow.audit(f"equipment.{step}", actor, row, reason=reason.strip())
        uow.commit()
    return row


def _values(text: EquipmentText) -> dict[str, object]:
    return {name: getattr(text, name) for name in EquipmentText.__slots__}


def _check(uow: UnitOfWork, text: EquipmentText) -> None:
    known = select(EquipmentClass.id).where(EquipmentClass.code == text.equipment_class)
    if uow.session.scalar(known) is None:
        raise InvalidInput(
            _("There is no such class of equipment."),
            code="unknown_class",
            fields={"equipment_class": [_("Choose a class.")]},
        )
    if text.section_id is not None:
        uow.get(Section, text.section_id, lock=False)
