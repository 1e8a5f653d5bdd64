"""The label that is stuck on a device: its code to scan, its state in a word, when it was calibrated and is due."""

from datetime import date

from sqlalchemy.orm import Session

from lims.equipment.calibration import Sticker, currency, latest_records, sticker
from lims.equipment.models import Equipment
from reports.labels import Label, LabelSheet

WIDTH_MM, HEIGHT_MM = 60, 40
# On paper in both languages: a label outlives the language of whoever prints it.
WORDS = {
    Sticker.GREEN: "合格 FIT",
    Sticker.YELLOW: "准用 LIMITED",
    Sticker.RED: "停用 DO NOT USE",
}


def sticker_sheet(session: Session, device: Equipment, on: date) -> LabelSheet:
    """One label of 60 by 40 mm as the device stands ``on`` that day."""
    record = latest_records(session, [device.id], on).get(device.id)
    standing = currency(record.accepted if record else None, record.due_on if record else None, on)
    shown = sticker(device.state, standing)
    # Some eight letters a line and seven lines: what decides comes before what identifies.
    lines = [] if record is None else [f"校准 {record.calibrated_on}", f"至 {record.due_on}"]
    if shown is Sticker.YELLOW:
        lines.append(device.state_reason[:24])
    else:
        lines.append(device.model or device.serial)
    label = Label(device.code, device.name_zh[:16], tuple(line for line in lines if line), WORDS[shown])
    return LabelSheet(WIDTH_MM, HEIGHT_MM, (label,))
