"""Devices and calibrations for tests, made through the use cases: name only what matters."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from lims.core.clock import local_date
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.equipment.models import CalibrationRecord, Equipment
from lims.equipment.records import CalibrationText, record_calibration
from lims.equipment.register import EquipmentText, add_class, add_equipment, change_state

D = Decimal
YEAR = timedelta(days=364)
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\x00IEND\xaeB`\x82"
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


@dataclass
class Store:
    """Makes devices as the equipment manager does. ``today``: 2026-11-23, a Monday."""

    uow: UnitOfWork
    manager: Actor
    serial: int = 0

    @property
    def today(self) -> date:
        return local_date(self.uow.now)

    def day(self, offset: int) -> date:
        return self.today + timedelta(days=offset)

    def classes(self, *codes: str) -> None:
        for code in codes or ("balance", "oven"):
            add_class(self.uow, actor=self.manager, code=code, name_zh=f"{code}类", name_en=code.title())

    def device(self, code: str = "", equipment_class: str = "balance", **more: object) -> Equipment:
        self.serial += 1
        text = EquipmentText(
            code or f"TP-{self.serial:03d}", "电子天平", "Analytical balance", equipment_class, **more
        )
        return add_equipment(self.uow, actor=self.manager, text=text)

    def text(self, due_on: date, **more: object) -> CalibrationText:
        plain: dict = {"certificate_number": f"JL{due_on:%Y%m%d}", "laboratory": "省计量科学研究院"}
        plain |= {"calibrated_on": due_on - YEAR, "due_on": due_on, "accepted": True}
        plain |= {"range_low": D("0.01"), "range_high": D("220"), "unit": "g"}
        return CalibrationText(**(plain | more))

    def calibrate(self, device: Equipment, due: int, **more: object) -> CalibrationRecord:
        """``due``: days from today."""
        return record_calibration(
            self.uow, actor=self.manager, equipment_id=device.id, text=self.text(self.day(due), **more)
        )

    def step(self, device: Equipment, step: str, reason: str = "摔落后待检") -> Equipment:
        return change_state(
            self.uow,
            actor=self.manager,
            equipment_id=device.id,
            version=device.version,
            step=step,
            reason=reason,
        )
