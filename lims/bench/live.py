"""Devices as an analyst's page sees them: the live figure, and why it may not be used now."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.models import Worksheet
from lims.catalogue.models import MethodVersion
from lims.core.clock import local_date
from lims.core.permissions import Actor, Permission
from lims.equipment.calibration import Fitness, fitness_of_all
from lims.equipment.live import DeviceNow, devices_now
from lims.equipment.models import Device, Equipment


@dataclass(frozen=True, slots=True)
class UsableDevice:
    """A device that a worksheet's method can use. ``refusal``: why not just now, None when it may be used."""

    now: DeviceNow
    equipment: Equipment
    fitness: Fitness
    refusal: str | None

    @property
    def id(self) -> int:
        return self.now.device.id

    @property
    def name(self) -> str:
        return self.now.device.name

    @property
    def link(self) -> str:
        return self.now.link


def usable_devices(
    session: Session, actor: Actor, worksheet: Worksheet, *, now: datetime
) -> list[UsableDevice]:
    """Devices bound to equipment of a class that the worksheet's method needs; those that may be used first.

    A fixed number of queries. Empty for who may not read captures.
    """
    if not actor.can(Permission.CAPTURE_READ):
        return []
    version = session.get_one(MethodVersion, worksheet.method_version_id)
    classes = {i.equipment_class for i in version.inputs if i.equipment_class is not None}
    if not classes:
        return []
    wanted = (
        select(Device.id)
        .join(Equipment, Equipment.id == Device.equipment_id)
        .where(Equipment.equipment_class.in_(classes))
    )
    found = devices_now(session, now, ids=session.scalars(wanted).all())
    fit = fitness_of_all(session, [d.device.equipment for d in found if d.device.equipment], local_date(now))
    usable = [_usable(one, fit) for one in found]
    return sorted(
        (u for u in usable if u is not None), key=lambda u: (u.refusal is not None, u.equipment.code)
    )


def _usable(one: DeviceNow, fit: dict[int, Fitness]) -> UsableDevice | None:
    equipment = one.device.equipment
    if equipment is None:
        return None
    fitness = fit[equipment.id]
    refusal = one.refusal()
    sentence = refusal[1] if refusal else None if fitness.ok else str(fitness.sentence)
    return UsableDevice(one, equipment, fitness, sentence)
