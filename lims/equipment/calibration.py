"""Whether a device may measure on a day, judged by its state and the calibration record that counts."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from lims.catalogue.wording import Sentence, say
from lims.equipment.models import CalibrationRecord, Equipment, EquipmentState
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import to_fraction
from lims.metrology.numerals import write_numeral
from lims.metrology.units import convert

SENTENCES = {
    "fit": ("{code} {zh}：合格，有效期至 {due}。", "{code} {en}: fit, calibration due {due}."),
    "limited": (
        "{code} {zh}：准用（{why}），有效期至 {due}。",
        "{code} {en}: limited use ({why}), calibration due {due}.",
    ),
    "out_of_service": ("{code} {zh} 已停用：{why}。", "{code} {en} is out of service: {why}."),
    "never_calibrated": (
        "{code} {zh} 在 {day} 之前没有校准记录。",
        "{code} {en} has no calibration up to {day}.",
    ),
    "not_accepted": (
        "{code} {zh} 的校准证书 {certificate} 确认结果为不满足使用要求。",
        "{code} {en}: calibration {certificate} was not accepted for use.",
    ),
    "calibration_overdue": (
        "{code} {zh} 的校准已于 {due} 到期，{day} 超期 {days} 天。",
        "{code} {en}: calibration was due on {due}; {day} is {days} day(s) past it.",
    ),
    "outside_calibrated_range": (
        "{value} {unit} 超出 {code} {zh} 的校准范围（{range}）。",
        "{value} {unit} is outside the calibrated range of {code} {en} ({range}).",
    ),
    "range_unit": (
        "{code} {zh} 的校准范围（{range}）与单位 {unit} 无法比较。",
        "The calibrated range of {code} {en} ({range}) cannot be compared with the unit {unit}.",
    ),
}
SOON = timedelta(days=30)


class Currency(StrEnum):
    """How a device's calibration stands on a day."""

    CURRENT = "current"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    NOT_ACCEPTED = "not_accepted"
    NEVER = "never"


class Sticker(StrEnum):
    """What is stuck on the device: green fit, yellow limited, red not to be used."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


def currency(accepted: bool | None, due_on: date | None, on: date) -> Currency:
    """Of the record that counts (both None: there is none). Its due day itself still counts."""
    if due_on is None:
        return Currency.NEVER
    if not accepted:
        return Currency.NOT_ACCEPTED
    if on > due_on:
        return Currency.OVERDUE
    return Currency.DUE_SOON if due_on - on <= SOON else Currency.CURRENT


def sticker(state: EquipmentState, standing: Currency) -> Sticker:
    if state is EquipmentState.OUT_OF_SERVICE or standing not in {Currency.CURRENT, Currency.DUE_SOON}:
        return Sticker.RED
    return Sticker.YELLOW if state is EquipmentState.LIMITED else Sticker.GREEN


@dataclass(frozen=True, slots=True)
class Fitness:
    """``ok``: may be used. ``code``: fit, limited, out_of_service, never_calibrated, not_accepted,
    calibration_overdue, outside_calibrated_range, range_unit. ``due_on``: of the record that counts."""

    ok: bool
    code: str
    sentence: Sentence
    due_on: date | None = None


def fitness(
    session: Session, equipment: Equipment, on: date, value: Decimal | None = None, unit: str | None = None
) -> Fitness:
    """Whether ``equipment`` may measure ``on`` that day, and ``value`` (in ``unit``) with it.

    The due day itself still counts; the day after does not. A calibration made after ``on`` proves nothing
    about ``on``. ISO/IEC 17025 6.4.4, 6.4.6, 6.4.9.
    """
    record = latest_records(session, [equipment.id], on).get(equipment.id)
    return judge_fitness(equipment, record, on, value, unit)


def fitness_of_all(session: Session, equipment: Iterable[Equipment], on: date) -> dict[int, Fitness]:
    """``fitness`` of many devices by id, with one query."""
    rows = list(equipment)
    records = latest_records(session, [row.id for row in rows], on)
    return {row.id: judge_fitness(row, records.get(row.id), on, None, None) for row in rows}


def usable_of_class(session: Session, class_code: str, on: date) -> list[Equipment]:
    """Devices of the class that may be used ``on`` that day, by code."""
    return usable_by_class(session, [class_code], on)[class_code]


def usable_by_class(session: Session, class_codes: Iterable[str], on: date) -> dict[str, list[Equipment]]:
    """``usable_of_class`` for many classes, with two queries."""
    found: dict[str, list[Equipment]] = {code: [] for code in class_codes}
    rows = list(
        session.scalars(
            select(Equipment)
            .where(
                Equipment.equipment_class.in_(found.keys()),
                Equipment.state != EquipmentState.OUT_OF_SERVICE,
            )
            .order_by(Equipment.code)
        )
    )
    fit = fitness_of_all(session, rows, on)
    for row in rows:
        if fit[row.id].ok:
            found[row.equipment_class].append(row)
    return found


def latest_records(session: Session, ids: Collection[int], on: date) -> dict[int, CalibrationRecord]:
    """Of each device the calibration that counts ``on`` that day: the last one made by then."""
    if not ids:
        return {}
    rows = session.scalars(
        select(CalibrationRecord)
        .where(
            CalibrationRecord.equipment_id.in_(ids),
            CalibrationRecord.calibrated_on <= on,
            not_replaced(CalibrationRecord),
        )
        .order_by(CalibrationRecord.calibrated_on, CalibrationRecord.id)
    )
    return {row.equipment_id: row for row in rows}


def not_replaced(record: type[CalibrationRecord]) -> ColumnElement[bool]:
    """No later record corrects ``record``."""
    correction = aliased(CalibrationRecord)
    return ~select(correction.id).where(correction.replaces_id == record.id).exists()


def judge_fitness(
    row: Equipment, record: CalibrationRecord | None, on: date, value: Decimal | None, unit: str | None
) -> Fitness:
    """``fitness`` where the calibration that counts (``latest_records``) is at hand: for many values."""
    facts: dict[str, object] = {"code": row.code, "zh": row.name_zh, "en": row.name_en, "day": on}
    facts["why"] = row.state_reason or "-"
    if row.state is EquipmentState.OUT_OF_SERVICE:
        return _no("out_of_service", facts, record)
    if record is None:
        return _no("never_calibrated", facts, record)
    facts |= {"certificate": record.certificate_number, "due": record.due_on}
    standing = currency(record.accepted, record.due_on, on)
    if standing is Currency.NOT_ACCEPTED:
        return _no("not_accepted", facts, record)
    if standing is Currency.OVERDUE:
        facts["days"] = (on - record.due_on).days
        return _no("calibration_overdue", facts, record)
    problem = None if value is None else _range_problem(record, value, unit or record.unit)
    if problem is not None and value is not None:
        facts |= {"value": write_numeral(value), "unit": unit or record.unit, "range": range_text(record)}
        return _no(problem, facts, record)
    code = "limited" if row.state is EquipmentState.LIMITED else "fit"
    return Fitness(True, code, say(SENTENCES, code, **facts), record.due_on)


def _no(code: str, facts: Mapping[str, object], record: CalibrationRecord | None) -> Fitness:
    return Fitness(False, code, say(SENTENCES, code, **facts), record.due_on if record else None)


def _range_problem(record: CalibrationRecord, value: Decimal, unit: str) -> str | None:
    if record.range_low is None and record.range_high is None:
        return None
    try:
        measured: Fraction = convert(value, unit, record.unit)
    except MetrologyError:
        return "range_unit"
    low, high = record.range_low, record.range_high
    below = low is not None and measured < to_fraction(low)
    above = high is not None and measured > to_fraction(high)
    return "outside_calibrated_range" if below or above else None


def range_text(record: CalibrationRecord) -> str:
    """``0 ~ 220 g``; a dash where no range was given."""
    if record.range_low is None and record.range_high is None:
        return "—"
    low = "" if record.range_low is None else write_numeral(record.range_low)
    high = "" if record.range_high is None else write_numeral(record.range_high)
    return f"{low} ~ {high} {record.unit}".strip()
