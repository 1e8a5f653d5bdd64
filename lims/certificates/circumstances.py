"""When, with what and under which conditions the reported values were measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.models import Worksheet, WorksheetEquipment, WorksheetRow
from lims.certificates.reported import Row
from lims.core.clock import local_date
from lims.equipment.calibration import latest_records
from lims.equipment.models import CalibrationRecord, Equipment
from reports.document import EquipmentRow, Text


@dataclass(frozen=True, slots=True)
class Circumstances:
    """``sheet_of``: requested test -> its worksheet; ``records``: of each device the calibration that
    counted on the last day of performance."""

    sheets: Sequence[Worksheet]
    sheet_of: dict[int, Worksheet]
    devices: Sequence[Equipment]
    records: dict[int, CalibrationRecord]

    @property
    def begun_on(self) -> date | None:
        return min((local_date(s.opened_at) for s in self.sheets), default=None)


def circumstances_of(session: Session, rows: Sequence[Row], last: date) -> Circumstances:
    """Reads worksheets and devices of the rows (four queries)."""
    tests = [r.test.id for r in rows]
    found = session.execute(
        select(WorksheetRow.requested_test_id, Worksheet)
        .join(Worksheet, Worksheet.id == WorksheetRow.worksheet_id)
        .where(WorksheetRow.requested_test_id.in_(tests), WorksheetRow.removed_at.is_(None))
        .order_by(Worksheet.opened_at, Worksheet.id)
    ).all()
    pairs = [(test, sheet) for test, sheet in found]
    sheets = {sheet.id: sheet for _test, sheet in pairs}
    used = (
        select(Equipment)
        .where(
            Equipment.id.in_(
                select(WorksheetEquipment.equipment_id).where(WorksheetEquipment.worksheet_id.in_(sheets))
            )
        )
        .order_by(Equipment.code)
    )
    devices = list(session.scalars(used).unique())
    return Circumstances(
        sheets=list(sheets.values()),
        sheet_of=dict(pairs),
        devices=devices,
        records=latest_records(session, [d.id for d in devices], last),
    )


def environment(found: Circumstances) -> Text:
    """The span of the noted conditions, as it is printed."""
    temperatures = sorted({s.temperature for s in found.sheets if s.temperature is not None})
    humidities = sorted({s.humidity for s in found.sheets if s.humidity is not None})
    warmth, moisture = _span(temperatures, "℃"), _span(humidities, "%RH")
    return Text(
        "；".join(f"{name} {span}" for name, span in (("温度", warmth), ("湿度", moisture)) if span),
        "; ".join(
            f"{name} {span}" for name, span in (("temperature", warmth), ("humidity", moisture)) if span
        ),
    )


def _span(values: Sequence[Decimal], unit: str) -> str:
    if not values:
        return ""
    first, last = str(values[0]), str(values[-1])
    return f"{first} {unit}" if first == last else f"({first}~{last}) {unit}"


def equipment_rows(found: Circumstances) -> tuple[EquipmentRow, ...]:
    return tuple(_equipment_row(d, found.records.get(d.id)) for d in found.devices)


def _equipment_row(device: Equipment, record: CalibrationRecord | None) -> EquipmentRow:
    return EquipmentRow(
        name=Text(device.name_zh, device.name_en),
        model=device.model,
        number=device.code,
        certificate_no=record.certificate_number if record else "",
        valid_until=record.due_on.isoformat() if record else "",
    )
