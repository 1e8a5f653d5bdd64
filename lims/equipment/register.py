"""The register: every measuring device, its class, place and state."""

import re
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.core.errors import Conflict, InvalidInput, NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.core.workflow import take_step
from lims.equipment.models import Equipment, EquipmentClass, EquipmentState
from lims.equipment.states import EQUIPMENT_STEPS
from lims.people.models import Section

CLASS_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")


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


def equipment(session: Session, equipment_id: int) -> Equipment:
    row = session.get(Equipment, equipment_id)
    if row is None:
        raise NotFound(_("This device does not exist."))
    return row


def add_equipment(
    uow: UnitOfWork, *, actor: Actor, text: EquipmentText, request_key: RequestKey | None = None
) -> Equipment:
    """A new device is fit by label, and may not measure before its first accepted calibration.

    Raises Conflict (``code_taken``), InvalidInput (``unknown_class``, ``bad_code``).
    """
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        made = uow.replayed(Equipment, actor=actor, request_key=request_key)
        if made is not None:
            return made
        _check(uow, text, None)
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
        _check(uow, text, row.id)
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


def steps_from(state: EquipmentState) -> list[str]:
    """The steps of ``change_state`` that are open."""
    return [name for name, step in EQUIPMENT_STEPS.items() if state in step.sources]


def _values(text: EquipmentText) -> dict[str, object]:
    return {name: getattr(text, name) for name in EquipmentText.__slots__}


def _check(uow: UnitOfWork, text: EquipmentText, own_id: int | None) -> None:
    if any(not c.isprintable() or c.isspace() for c in text.code):
        fault = _("A code has no blanks: it must fit on a label and in a scan.")
        raise InvalidInput(fault, code="bad_code", fields={"code": [fault]})
    same = select(Equipment.id).where(func.lower(Equipment.code) == text.code.lower())
    if (taken := uow.session.scalar(same)) is not None and taken != own_id:
        fault = _("Another device has this code.")
        raise Conflict(fault, code="code_taken", fields={"code": [fault]})
    known = select(EquipmentClass.id).where(EquipmentClass.code == text.equipment_class)
    if uow.session.scalar(known) is None:
        raise InvalidInput(
            _("There is no such class of equipment."),
            code="unknown_class",
            fields={"equipment_class": [_("Choose an equipment class.")]},
        )
    if text.section_id is not None and uow.session.get(Section, text.section_id) is None:
        fault = _("There is no such section.")
        raise InvalidInput(fault, code="unknown_section", fields={"section_id": [fault]})


# -- classes: what methods ask for ---------------------------------------------------


def all_equipment(session: Session) -> list[Equipment]:
    """By code, for select boxes."""
    return list(session.scalars(select(Equipment).order_by(Equipment.code)))


def equipment_classes(session: Session) -> list[EquipmentClass]:
    return list(session.scalars(select(EquipmentClass).order_by(EquipmentClass.code)))


def equipment_class(session: Session, class_id: int) -> EquipmentClass:
    row = session.get(EquipmentClass, class_id)
    if row is None:
        raise NotFound(_("This class of equipment does not exist."))
    return row


def devices_by_class(session: Session) -> dict[str, int]:
    """How many devices each class has; a class without any has no entry."""
    counted = select(Equipment.equipment_class, func.count()).group_by(Equipment.equipment_class)
    return {row[0]: row[1] for row in session.execute(counted)}


def add_class(
    uow: UnitOfWork,
    *,
    actor: Actor,
    code: str,
    name_zh: str,
    name_en: str,
    request_key: RequestKey | None = None,
) -> EquipmentClass:
    """``code``: what methods name, for example ``balance``; it stays. Raises Conflict (``code_taken``)."""
    actor.require(Permission.EQUIPMENT_EDIT)
    if not CLASS_CODE.fullmatch(code):
        fault = _("A class code has lower-case letters, figures and underscores, and begins with a letter.")
        raise InvalidInput(fault, code="bad_code", fields={"code": [fault]})
    with uow:
        made = uow.replayed(EquipmentClass, actor=actor, request_key=request_key)
        if made is not None:
            return made
        if uow.session.scalar(select(EquipmentClass.id).where(EquipmentClass.code == code)) is not None:
            fault = _("Another equipment class has this code.")
            raise Conflict(fault, code="code_taken", fields={"code": [fault]})
        row = uow.add(EquipmentClass(code=code, name_zh=name_zh, name_en=name_en))
        uow.remember(row)
        uow.audit("equipment_class.add", actor, row)
        uow.commit()
    return row


def rename_class(
    uow: UnitOfWork, *, actor: Actor, class_id: int, version: int, name_zh: str, name_en: str
) -> EquipmentClass:
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        row = uow.get(EquipmentClass, class_id, version=version)
        row.name_zh, row.name_en = name_zh, name_en
        uow.audit("equipment_class.rename", actor, row)
        uow.commit()
    return row
