"""What stands behind an entered value: device, bytes, signed delivery, calibration, person."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.bodies import read_capture
from lims.bench.capture.models import CaptureReading
from lims.bench.models import Capture, CaptureBatch, CaptureClaim, InputValue
from lims.core.clock import local_date
from lims.core.errors import LimsError
from lims.equipment.calibration import latest_records
from lims.equipment.models import CalibrationRecord, Equipment, Gateway
from lims.equipment.signed import signature_holds
from lims.people.models import Account

T = TypeVar("T", Account, Capture, CaptureBatch, Equipment, Gateway)


@dataclass(frozen=True, slots=True)
class Proof:
    """Checked now, from what is stored: the gateway signed the delivery, and the delivery holds these bytes."""

    signature: bool
    bytes_in_delivery: bool

    @property
    def holds(self) -> bool:
        return self.signature and self.bytes_in_delivery


@dataclass(frozen=True, slots=True)
class Source:
    """One entered value with all that stands behind it. ``calibration``: in force when it was entered."""

    value: InputValue
    entered_by: Account | None
    capture: Capture | None
    batch: CaptureBatch | None
    gateway: Gateway | None
    proof: Proof | None
    equipment: Equipment | None
    calibration: CalibrationRecord | None
    # The re-reading that counted when it was claimed, and who made it; None: what the gateway read.
    reading: CaptureReading | None = None
    reread_by: Account | None = None


def sources_of(session: Session, values: Collection[InputValue]) -> dict[int, Source]:
    """By number of the value; a fixed number of queries, and one more for each day of entering."""
    again = _rereadings(session, [v.capture_id for v in values if v.capture_id is not None])
    who = [*(v.entered_by for v in values), *(one.read_by for one in again.values())]
    people = _by_id(session, Account, who)
    captures = _by_id(session, Capture, (v.capture_id for v in values))
    batches = _by_id(session, CaptureBatch, (c.batch_id for c in captures.values()))
    gateways = _by_id(session, Gateway, (c.gateway_id for c in captures.values()))
    devices = _by_id(session, Equipment, (v.equipment_id for v in values))
    records = _calibrations(session, values)
    found = {}
    for value in values:
        capture = captures.get(value.capture_id or 0)
        batch = batches.get(capture.batch_id) if capture is not None else None
        found[value.id] = Source(
            value=value,
            entered_by=people.get(value.entered_by or 0),
            capture=capture,
            batch=batch,
            gateway=gateways.get(capture.gateway_id) if capture is not None else None,
            proof=prove(capture, batch) if capture is not None and batch is not None else None,
            equipment=devices.get(value.equipment_id or 0),
            calibration=records.get(value.id),
            reading=(reading := again.get(value.capture_id or 0)),
            reread_by=people.get(reading.read_by or 0) if reading is not None else None,
        )
    return found


def _rereadings(session: Session, capture_ids: Collection[int]) -> dict[int, CaptureReading]:
    """What captures were claimed as, where that is a re-reading; by number of the capture."""
    if not capture_ids:
        return {}
    wanted = (
        select(CaptureReading)
        .join(CaptureClaim, CaptureClaim.reading_id == CaptureReading.id)
        .where(CaptureClaim.capture_id.in_(capture_ids))
    )
    return {one.capture_id: one for one in session.scalars(wanted)}


def prove(capture: Capture, batch: CaptureBatch) -> Proof:
    """Whether the kept signature belongs to the kept delivery, and the bytes to both."""
    signed = signature_holds(batch.public_key, "captures", batch.body, batch.signature)
    return Proof(signed, _is_in(batch.body, capture))


def _is_in(body: bytes, capture: Capture) -> bool:
    """The delivery's row of this number has the same bytes and hash, and the hash is right."""
    try:
        rows = orjson.loads(body)["captures"]
        row = next((r for r in rows if r["seq"] == capture.seq), None)
        sent = read_capture(row) if row is not None else None
    except (orjson.JSONDecodeError, KeyError, TypeError, LimsError):
        return False
    return sent is not None and sent.raw == capture.raw and sent.hash == capture.hash


def _calibrations(session: Session, values: Iterable[InputValue]) -> Mapping[int, CalibrationRecord]:
    by_day: dict[object, list[InputValue]] = {}
    for value in values:
        if value.equipment_id is not None:
            by_day.setdefault(local_date(value.entered_at), []).append(value)
    found = {}
    for rows in by_day.values():
        ids = {v.equipment_id for v in rows if v.equipment_id is not None}
        records = latest_records(session, ids, local_date(rows[0].entered_at))
        found.update({v.id: records[v.equipment_id] for v in rows if v.equipment_id in records})
    return found


def _by_id(session: Session, model: type[T], ids: Iterable[int | None]) -> dict[int, T]:
    wanted = {i for i in ids if i is not None}
    if not wanted:
        return {}
    return {row.id: row for row in session.scalars(select(model).where(model.id.in_(wanted))).unique()}


def dump(raw: bytes) -> list[tuple[str, str, str]]:
    """(offset, hex, text) for each sixteen bytes; what does not print stands as a middle dot."""
    lines = []
    for start in range(0, len(raw), 16):
        piece = raw[start : start + 16]
        shown = "".join(chr(b) if 32 <= b < 127 else "·" for b in piece)
        lines.append((f"{start:04x}", piece.hex(" "), shown))
    return lines
