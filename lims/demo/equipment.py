"""Fill the register of equipment, with two calibrations each, dated back from the day of seeding."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

from lims.core.clock import local_date
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.demo.read import facts, figure
from lims.equipment.records import CalibrationText, record_calibration
from lims.equipment.register import EquipmentText, add_class, add_equipment, change_state

LABORATORY = "省计量科学研究院"
CLASSES = (
    ("balance", "电子天平", "Balance"),
    ("drying_oven", "电热干燥箱", "Drying oven"),
    ("muffle_furnace", "马弗炉", "Muffle furnace"),
    ("incubator", "恒温培养箱", "Incubator"),
    ("icp_ms", "电感耦合等离子体质谱仪", "ICP-MS"),
    ("hplc", "液相色谱仪", "HPLC"),
    ("lc_msms", "液相色谱-串联质谱仪", "LC-MS/MS"),
    ("ion_chromatograph", "离子色谱仪", "Ion chromatograph"),
    ("spectrophotometer", "紫外可见分光光度计", "Spectrophotometer"),
    ("burette", "滴定管", "Burette"),
    ("ph_meter", "酸度计", "pH meter"),
    ("turbidimeter", "浊度计", "Turbidimeter"),
    ("multimeter", "数字多用表", "Digital multimeter"),
    ("climate", "温湿度变送器", "Climate transmitter"),
    ("discrete_analyser", "间断化学分析仪", "Discrete analyser"),
    ("weighbridge", "电子汽车衡", "Truck scale"),
    ("tensile_machine", "万能试验机", "Universal testing machine"),
    ("weights", "标准砝码", "Reference weights"),
)


def seed_equipment(
    uow: UnitOfWork,
    *,
    actor: Actor,
    today: date,
    sections: dict[str, int],
    later: Callable[[date, Callable[[], object]], None] | None = None,
) -> dict[str, int]:
    """Ids of the devices by their code.

    The unit of work's clock stands at ``today``, or before: then ``later(day, action)`` gets the calibrations
    that lie ahead of it.

    ``sections``: from ``seed_sections``. TP-002 is one day past its calibration, LJ-002 out of service.
    """
    for code, zh, en in CLASSES:
        add_class(uow, actor=actor, code=code, name_zh=zh, name_en=en)
    made: dict[str, int] = {}
    for row in facts("equipment"):
        text = EquipmentText(
            row["code"],
            row["zh"],
            row["en"],
            row["class"],
            maker=row.get("maker", ""),
            model=row.get("model", ""),
            serial=row.get("serial", ""),
            identity=row.get("identity"),
            section_id=sections[row["section"]],
            place=row.get("place", ""),
        )
        device = add_equipment(uow, actor=actor, text=text)
        made[device.code] = device.id
        last = today - timedelta(days=row["calibrated_days_ago"])
        for day in (last - timedelta(days=row["interval_days"] - 5), last):
            record = partial(
                record_calibration, uow, actor=actor, equipment_id=device.id, text=_calibration(row, day)
            )
            if later is None or day <= local_date(uow.now):
                record()
            else:
                later(day, record)
        if "state" in row:
            change_state(
                uow,
                actor=actor,
                equipment_id=device.id,
                version=device.version,
                step=row["state"],
                reason=row["state_reason"],
            )
    return made


def _calibration(row: dict[str, Any], day: date) -> CalibrationText:
    return CalibrationText(
        certificate_number=f"JL{day:%Y%m}-{row['code'].replace('-', '')}",
        laboratory=LABORATORY,
        calibrated_on=day,
        due_on=day + timedelta(days=row["interval_days"]),
        accepted=True,
        range_low=figure(row, "low"),
        range_high=figure(row, "high"),
        unit=row.get("unit", ""),
    )
