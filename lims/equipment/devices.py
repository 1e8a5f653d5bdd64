"""What hangs on a gateway, and which equipment of the register it is."""

from collections.abc import Collection
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.errors import Conflict, InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.equipment.live import DeviceNow
from lims.equipment.models import Device, Equipment, EquipmentState, Gateway

MOST_DEVICES = 200
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Choice:
    """Equipment that may be bound. ``suggested``: its identity is what the device says it is."""

    equipment: Equipment
    suggested: bool


def add_device(uow: UnitOfWork, *, actor: Actor, gateway_id: int, name: str) -> Device:
    """Name a device before its gateway speaks of it. ``name``: the key in the gateway's configuration."""
    actor.require(Permission.GATEWAY_EDIT)
    with uow:
        gateway = uow.get(Gateway, gateway_id, lock=False)
        if any(device.name == name for device in gateway.devices):
            sentence = _("The gateway has a device of this name already.")
            raise Conflict(sentence, code="device_exists", fields={"name": [sentence]})
        if len(gateway.devices) >= MOST_DEVICES:
            raise Conflict(_("A gateway has at most %(n)s devices.", n=MOST_DEVICES), code="too_many_devices")
        row = uow.add(Device(gateway_id=gateway_id, name=name))
        uow.audit("device.add", actor, row)
        uow.commit()
    return row


def bind_device(
    uow: UnitOfWork, *, actor: Actor, device_id: int, equipment_id: int, version: int | None = None
) -> Device:
    """From now on its captures are those of ``equipment_id``; earlier ones stay as they were.

    Raises Conflict (``equipment_bound``: it hangs elsewhere; ``out_of_service``).
    """
    actor.require(Permission.GATEWAY_EDIT)
    with uow:
        row = uow.get(Device, device_id, version=version)
        equipment = uow.get(Equipment, equipment_id)
        elsewhere = select(Device).where(Device.equipment_id == equipment.id, Device.id != row.id)
        other = uow.session.scalars(elsewhere).unique().first()
        if other is not None:
            raise Conflict(
                _(
                    "%(code)s is bound to the device %(device)s; unbind it there first.",
                    code=equipment.code,
                    device=other.name,
                ),
                code="equipment_bound",
            )
        if equipment.state is EquipmentState.OUT_OF_SERVICE:
            raise Conflict(_("%(code)s is out of service.", code=equipment.code), code="out_of_service")
        row.equipment_id = equipment.id
        uow.audit("device.bind", actor, row)
        uow.commit()
    return row


def unbind_device(
    uow: UnitOfWork, *, actor: Actor, device_id: int, reason: str, version: int | None = None
) -> Device:
    """Its captures go to the inbox from now on."""
    actor.require(Permission.GATEWAY_EDIT)
    if not reason.strip():
        raise InvalidInput(_("Say why."), code="reason_missing", fields={"reason": [_("Say why.")]})
    with uow:
        row = uow.get(Device, device_id, version=version)
        if row.equipment_id is None:
            raise Conflict(_("This device is not bound."), code="not_bound")
        row.equipment_id = None
        uow.audit("device.unbind", actor, row, reason=reason.strip())
        uow.commit()
    return row


def note_devices(uow: UnitOfWork, *, actor: Actor, gateway: Gateway, names: Collection[str]) -> list[Device]:
    """Devices that the gateway speaks of appear by themselves, bound to nothing (caller's unit of work, the
    gateway locked). Returns the new ones. Beyond MOST_DEVICES they stay unknown."""
    known = {device.name for device in gateway.devices}
    fresh = sorted({name[:LONGEST_NAME] for name in names} - known)[: MOST_DEVICES - len(known)]
    rows = [Device(gateway_id=gateway.id, name=name) for name in fresh]
    for row in rows:
        uow.add(row)
        uow.audit("device.appear", actor, row)
    if rows:
        uow.session.refresh(gateway, ["devices"])
    return rows


def binding_choices(session: Session, device: DeviceNow) -> list[Choice]:
    """Equipment that hangs on no wire yet; the one whose identity the device gives comes first."""
    said = device.live.identity if device.live else None
    taken = select(Device.equipment_id).where(Device.equipment_id.is_not(None))
    free = (
        select(Equipment)
        .where(Equipment.id.not_in(taken), Equipment.state != EquipmentState.OUT_OF_SERVICE)
        .order_by(Equipment.code)
    )
    rows = [Choice(row, said is not None and row.identity == said) for row in session.scalars(free)]
    return sorted(rows, key=lambda c: not c.suggested)
