"""Calibration records: appended, corrected by a further record, each with the scan of its paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, NotFound
from lims.core.files import FileStore, StoredFile, keep_file
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.equipment.models import CalibrationRecord, Equipment
from lims.equipment.papers import ENDINGS, media_type_of
from lims.people.models import Account

LONGEST_INTERVAL = timedelta(days=3660)
MOST_SHOWN = 200  # two centuries of yearly calibrations


@dataclass(frozen=True, slots=True)
class CalibrationText:
    """What a calibration certificate says, and whether we accept it for our use (计量溯源结果确认).

    ``range_low``, ``range_high``: in ``unit``, where the calibration holds; None: open on that side.
    """

    certificate_number: str
    laboratory: str
    calibrated_on: date
    due_on: date
    accepted: bool
    range_low: Decimal | None = None
    range_high: Decimal | None = None
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One record with who entered it; ``replaced_by``: the record that corrects it, so that it no longer counts."""

    record: CalibrationRecord
    by_zh: str | None
    by_en: str | None
    replaced_by: int | None


@dataclass(frozen=True, slots=True)
class Paper:
    content: bytes
    media_type: str
    name: str


def calibrations_of(session: Session, equipment_id: int) -> Sequence[Recorded]:
    """Newest first; one query."""
    correction = aliased(CalibrationRecord)
    rows = session.execute(
        select(CalibrationRecord, Account.name_zh, Account.name_en, correction.id)
        .outerjoin(Account, Account.id == CalibrationRecord.recorded_by)
        .outerjoin(correction, correction.replaces_id == CalibrationRecord.id)
        .where(CalibrationRecord.equipment_id == equipment_id)
        .order_by(CalibrationRecord.calibrated_on.desc(), CalibrationRecord.id.desc())
        .limit(MOST_SHOWN)
    )
    return [Recorded(*row) for row in rows]


def calibration(session: Session, record_id: int) -> CalibrationRecord:
    row = session.get(CalibrationRecord, record_id)
    if row is None:
        raise NotFound(_("This calibration record does not exist."))
    return row


def paper_of(session: Session, store: FileStore, record_id: int) -> Paper:
    """The scan that was kept with the record."""
    record = calibration(session, record_id)
    if record.file_sha256 is None:
        raise NotFound(_("No scan was kept with this record."))
    kept = session.get_one(StoredFile, record.file_sha256)
    name = f"calibration-{record.id}.{ENDINGS.get(kept.media_type, 'bin')}"
    return Paper(store.read(kept.sha256), kept.media_type, name)


def record_calibration(
    uow: UnitOfWork,
    *,
    actor: Actor,
    equipment_id: int,
    text: CalibrationText,
    scan: bytes | None = None,
    store: FileStore | None = None,
    replaces_id: int | None = None,
    request_key: RequestKey | None = None,
) -> CalibrationRecord:
    """Append a record. ``scan``: of the paper, kept in ``store``.

    ``replaces_id``: the record of this device that held a slip. Raises Conflict ``replaced_already``.
    """
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        made = uow.replayed(CalibrationRecord, actor=actor, request_key=request_key)
        if made is not None:
            return made
        equipment = uow.get(Equipment, equipment_id)
        _check(text, local_date(uow.now))
        _check_replaced(uow, equipment, replaces_id)
        row = CalibrationRecord(
            equipment_id=equipment.id,
            recorded_by=actor.id,
            recorded_at=uow.now,
            replaces_id=replaces_id,
            **{name: getattr(text, name) for name in CalibrationText.__slots__},
        )
        if scan is not None:
            media_type = media_type_of(scan)
            if store is None:
                raise ValueError("a scan needs the store that keeps it")
            row.file_sha256 = keep_file(uow, store, scan, media_type)
        uow.add(row)
        uow.remember(row)
        uow.audit("equipment.calibration", actor, row)
        uow.commit()
    return row


def _check_replaced(uow: UnitOfWork, equipment: Equipment, replaces_id: int | None) -> None:
    if replaces_id is None:
        return
    wrong = uow.get(CalibrationRecord, replaces_id)
    if wrong.equipment_id != equipment.id:
        fault = _("This record belongs to another device.")
        raise InvalidInput(fault, code="other_device", fields={"replaces_id": [fault]})
    taken = select(CalibrationRecord.id).where(CalibrationRecord.replaces_id == wrong.id)
    if uow.session.scalar(taken) is not None:
        raise Conflict(_("This record was corrected already."), code="replaced_already")


def _check(text: CalibrationText, today: date) -> None:
    faults: dict[str, list[str]] = {}
    if text.calibrated_on > today:
        faults["calibrated_on"] = [_("A calibration cannot lie in the future.")]
    if text.due_on < text.calibrated_on:
        faults["due_on"] = [_("The due date lies before the calibration.")]
    elif text.due_on - text.calibrated_on > LONGEST_INTERVAL:
        faults["due_on"] = [_("An interval of more than ten years is surely a slip.")]
    if (text.range_low is not None or text.range_high is not None) and not text.unit:
        faults["unit"] = [_("A range needs its unit.")]
    if text.range_low is not None and text.range_high is not None and text.range_low > text.range_high:
        faults["range_high"] = [_("The range ends below its beginning.")]
    if faults:
        raise InvalidInput(
            _("This calibration record contradicts itself."), code="bad_calibration", fields=faults
        )
