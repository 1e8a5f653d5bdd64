"""The register as lines: each device with the calibration that counts, filtered and in order, in one query."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import ColumnElement, Date, Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session, aliased, join

from lims.core.paging import CappedCount, Key, Page, capped_count, read_page
from lims.equipment.calibration import SOON, Currency, Sticker, currency, not_replaced, sticker
from lims.equipment.models import CalibrationRecord, Equipment, EquipmentClass, EquipmentState
from lims.people.models import Section

# Before and after every real due date: never calibrated comes first, what is out of service last.
AT_ONCE, NEVER_DUE = date(1900, 1, 1), date(9999, 1, 1)


class Due(StrEnum):
    """``overdue``: in use, and must not measure; ``soon``: due within 30 days."""

    OVERDUE = "overdue"
    SOON = "soon"


@dataclass(frozen=True, slots=True)
class Line:
    """One device of the register as it stands on a day."""

    id: int
    version: int
    code: str
    name_zh: str
    name_en: str
    equipment_class: str
    class_zh: str
    class_en: str
    model: str
    serial: str
    section_id: int | None
    section_zh: str | None
    section_en: str | None
    place: str
    state: EquipmentState
    due_on: date | None
    sticker: Sticker
    currency: Currency


def statement(on: date) -> Select[Any]:
    """Every device with the calibration that counts ``on`` that day."""
    latest = aliased(CalibrationRecord)
    newest = (
        select(latest.id)
        .where(latest.equipment_id == Equipment.id, latest.calibrated_on <= on, not_replaced(latest))
        .order_by(latest.calibrated_on.desc(), latest.id.desc())
        .limit(1)
        .correlate(Equipment)
        .scalar_subquery()
    )
    wanted = (
        select(
            Equipment.id,
            Equipment.version,
            Equipment.code,
            Equipment.name_zh,
            Equipment.name_en,
            Equipment.equipment_class,
            EquipmentClass.name_zh.label("class_zh"),
            EquipmentClass.name_en.label("class_en"),
            Equipment.model,
            Equipment.serial,
            Equipment.section_id,
            Section.name_zh.label("section_zh"),
            Section.name_en.label("section_en"),
            Equipment.place,
            Equipment.state,
            CalibrationRecord.due_on,
            CalibrationRecord.accepted,
        )
        # One join, named whole: counting then knows it without the columns.
        .select_from(
            join(Equipment, EquipmentClass, EquipmentClass.code == Equipment.equipment_class)
            .outerjoin(Section, Section.id == Equipment.section_id)
            .outerjoin(CalibrationRecord, CalibrationRecord.id == newest)
        )
    )
    return cast("Select[Any]", wanted)


def keys() -> tuple[Key, ...]:
    return (Key(Equipment.code),)


def late_first() -> tuple[Key, ...]:
    return (Key(_urgency()), Key(Equipment.code))


def _urgency() -> ColumnElement[date]:
    """The due date, for sorting: at once where there is no accepted calibration."""
    return case(
        (Equipment.state == EquipmentState.OUT_OF_SERVICE, literal(NEVER_DUE, Date)),
        (or_(CalibrationRecord.due_on.is_(None), ~CalibrationRecord.accepted), literal(AT_ONCE, Date)),
        else_=CalibrationRecord.due_on,
    )


def having_words(wanted: Select[Any], words: str) -> Select[Any]:
    """Part of code, name, model, serial number or place."""
    text = words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    if not text:
        return wanted
    columns = (
        Equipment.code,
        Equipment.name_zh,
        Equipment.name_en,
        Equipment.model,
        Equipment.serial,
        Equipment.place,
    )
    return wanted.where(or_(*(c.ilike(f"%{text}%", escape="\\") for c in columns)))


def of_class(wanted: Select[Any], code: str) -> Select[Any]:
    return wanted.where(Equipment.equipment_class == code)


def in_state(wanted: Select[Any], state: EquipmentState) -> Select[Any]:
    return wanted.where(Equipment.state == state)


def of_section(wanted: Select[Any], section_id: int) -> Select[Any]:
    return wanted.where(Equipment.section_id == section_id)


def being_due(wanted: Select[Any], due: Due, on: date) -> Select[Any]:
    record = CalibrationRecord
    if due is Due.OVERDUE:
        condition = or_(record.id.is_(None), ~record.accepted, record.due_on < on)
    else:
        condition = and_(record.accepted, record.due_on >= on, record.due_on <= on + SOON)
    return wanted.where(Equipment.state != EquipmentState.OUT_OF_SERVICE, condition)


def list_equipment(
    session: Session,
    *,
    on: date,
    words: str = "",
    equipment_class: str | None = None,
    state: EquipmentState | None = None,
    section_id: int | None = None,
    due: Due | None = None,
    late: bool = False,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Line]:
    """By code, or the most urgent first (``late``)."""
    wanted = having_words(statement(on), words)
    if equipment_class:
        wanted = of_class(wanted, equipment_class)
    if state is not None:
        wanted = in_state(wanted, state)
    if section_id is not None:
        wanted = of_section(wanted, section_id)
    if due is not None:
        wanted = being_due(wanted, due, on)
    page = read_page(session, wanted, late_first() if late else keys(), cursor=cursor, size=size)
    return Page([line_of(row, on) for row in page.rows], page.after, page.before)


def one_line(session: Session, equipment_id: int, on: date) -> Line | None:
    row = session.execute(statement(on).where(Equipment.id == equipment_id)).one_or_none()
    return None if row is None else line_of(row, on)


def line_of(row: Any, on: date) -> Line:
    """``row``: of ``statement``."""
    values = {name: getattr(row, name) for name in Line.__slots__ if name not in {"sticker", "currency"}}
    standing = currency_of(row, on)
    return Line(**values, sticker=sticker(row.state, standing), currency=standing)


def currency_of(row: Any, on: date) -> Currency:
    return currency(row.accepted, row.due_on, on)


def count_due(session: Session, due: Due, on: date, cap: int = 999) -> CappedCount:
    return capped_count(session, being_due(statement(on), due, on), cap)


def find_by_code(session: Session, code: str) -> Equipment | None:
    """By the code on its label; scanners and people write it in either case."""
    found = session.scalars(select(Equipment).where(func.lower(Equipment.code) == code.lower()).limit(2))
    rows = list(found)
    return next((row for row in rows if row.code == code), rows[0] if len(rows) == 1 else None)
