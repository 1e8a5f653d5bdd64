"""Captures come in: each (gateway, epoch, sequence) once, whatever is repeated, lost or out of order on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from lims.bench.analyser.exchange import note_ends
from lims.bench.bodies import Delivery, Said, Sent, read_delivery
from lims.bench.files.instrument_files import note_arrivals
from lims.bench.models import Capture, CaptureBatch, CaptureStream, TakeRequest
from lims.bench.states import CaptureKind
from lims.core.audit import AuditEvent, canonical
from lims.core.errors import Conflict, NotSignedIn, PermissionDenied
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.equipment.devices import note_devices
from lims.equipment.models import Device, Gateway, GatewayState
from lims.equipment.signed import Signed

# The bench's clock against ours, and against its own monotonic clock.
CLOCK_OFF = timedelta(seconds=60)
CLOCK_STEP = timedelta(seconds=5)
_WALK = 1000


@dataclass(frozen=True, slots=True)
class Receipt:
    """``acknowledged``: all up to it is stored durably or can never come. ``takes``: requests answered now."""

    acknowledged: int
    stored: int
    already: int
    takes: Sequence[str] = ()


def receive_captures(uow: UnitOfWork, *, actor: Actor, signed: Signed) -> Receipt:
    """Store what is new of a signed delivery, with body and signature as evidence.

    Raises BodyRefused; NotSignedIn (``signature_wrong``: the key was replaced meanwhile), PermissionDenied
    (``gateway_revoked``), Conflict (``capture_conflict``: another capture of this number, or one that does
    not link to its neighbour, is stored; nothing of the delivery is, and an incident is in the audit trail).
    """
    delivery = read_delivery(signed.document)
    with uow:
        gateway = _locked_gateway(uow, signed)
        held = _held(uow, gateway.id, delivery)
        wrong = _contradiction(delivery, held)
        if wrong is None:
            receipt = _store(uow, actor, gateway, signed, delivery, held)
            uow.commit()
            return receipt
        _record_incident(uow, actor, gateway.id, delivery.epoch, wrong, held)
        uow.commit()
    raise Conflict(
        _("Capture %(seq)s contradicts what is stored; an incident is recorded.", seq=wrong.seq),
        code="capture_conflict",
    )


def _locked_gateway(uow: UnitOfWork, signed: Signed) -> Gateway:
    """Its lock puts the deliveries of one gateway in a row: a race cannot store anything twice."""
    gateway = uow.get(Gateway, signed.gateway_id)
    if gateway.public_key != signed.public_key:
        raise NotSignedIn(_("The key of this gateway was replaced."), code="signature_wrong")
    if gateway.state is GatewayState.REVOKED:
        raise PermissionDenied(_("This gateway was revoked."), code="gateway_revoked")
    return gateway


@dataclass(frozen=True, slots=True)
class Stored:
    """What later captures are compared with."""

    seq: int
    hash: str
    prev_hash: str
    captured_at: datetime
    mono_ns: int
    boot_id: str


Held = Mapping[int, Stored]


def _held(uow: UnitOfWork, gateway_id: int, delivery: Delivery) -> Held:
    """What is stored already of these numbers and of both neighbours."""
    columns = (
        Capture.seq,
        Capture.hash,
        Capture.prev_hash,
        Capture.captured_at,
        Capture.mono_ns,
        Capture.boot_id,
    )
    rows = uow.session.execute(
        select(*columns).where(
            Capture.gateway_id == gateway_id,
            Capture.epoch == delivery.epoch,
            Capture.seq.between(delivery.first - 1, delivery.last + 1),
            Capture.part == 0,
        )
    )
    return {row.seq: Stored(*row) for row in rows}


def _contradiction(delivery: Delivery, held: Held) -> Sent | None:
    """The first capture that cannot be true beside what is stored."""
    for capture in delivery.captures:
        same, before, after = (held.get(capture.seq + n) for n in (0, -1, 1))
        if same is not None:
            if same.hash != capture.hash:
                return capture
        elif (before is not None and before.hash != capture.prev_hash) or (
            after is not None and after.prev_hash != capture.hash
        ):
            return capture
    return None


def _record_incident(
    uow: UnitOfWork, actor: Actor, gateway_id: int, epoch: str, wrong: Sent, held: Held
) -> None:
    """One event for one contradiction: a gateway repeats its delivery until somebody acts."""
    place = f"{gateway_id}/{epoch}/{wrong.seq}"
    stored = held.get(wrong.seq)
    before = {"hash": stored.hash if stored else None}
    after = {"hash": wrong.hash, "prev_hash": wrong.prev_hash}
    known = select(AuditEvent.seq).where(
        AuditEvent.verb == "capture.conflict",
        AuditEvent.object_type == "capture_number",
        AuditEvent.object_id == place,
        AuditEvent.after == canonical(after),
    )
    if uow.session.execute(known.limit(1)).first() is None:
        uow.audit("capture.conflict", actor, ("capture_number", place), before=before, after=after)


def _store(
    uow: UnitOfWork, actor: Actor, gateway: Gateway, signed: Signed, delivery: Delivery, held: Held
) -> Receipt:
    new = [capture for capture in delivery.captures if capture.seq not in held]
    takes: list[str] = []
    if new:
        note_devices(uow, actor=actor, gateway=gateway, names={c.device for c in new})
        batch = uow.add(
            CaptureBatch(
                gateway_id=gateway.id,
                epoch=delivery.epoch,
                received_at=uow.now,
                body=signed.body,
                signature=signed.signature,
                public_key=signed.public_key,
            )
        )
        devices = {device.name: device for device in gateway.devices}
        uow.append_many(Capture, _rows(delivery, new, held, batch, devices))
        takes = _answer_takes(uow, gateway.id, delivery, new)
        if files := _files(new):
            note_arrivals(uow, actor, gateway, delivery.epoch, files)
        note_ends(uow, actor, gateway.id, delivery.epoch, new)
        uow.audit(
            "capture.receive",
            actor,
            ("capture_batch", batch.id),
            after={"epoch": delivery.epoch, "first": new[0].seq, "last": new[-1].seq, "stored": len(new)},
        )
    acknowledged = _advance(uow, actor, gateway.id, delivery)
    return Receipt(acknowledged, len(new), len(delivery.captures) - len(new), takes)


def _files(new: Sequence[Sent]) -> dict[int, tuple[str, str]]:
    """(hash of the file, place of the chunk) of the captures that carry one."""
    return {
        capture.seq: (said.text or "", said.code or "")
        for capture in new
        if (said := capture.said[0]).kind is CaptureKind.FILE
    }


def _rows(
    delivery: Delivery, new: Sequence[Sent], held: Held, batch: CaptureBatch, devices: Mapping[str, Device]
) -> list[dict[str, Any]]:
    sent = {capture.seq: capture for capture in delivery.captures}
    now = batch.received_at
    off = abs(delivery.sent_at - now) > CLOCK_OFF
    rows: list[dict[str, Any]] = []
    for capture in new:
        device = devices.get(capture.device)
        before = sent.get(capture.seq - 1) or held.get(capture.seq - 1)
        flags = [
            *(["gap"] if before is None and capture.seq > 1 else []),
            *(["clock_off"] if off or capture.captured_at - now > CLOCK_OFF else []),
            *(["clock_stepped"] if before is not None and _stepped(before, capture) else []),
            *_identity_flags(capture, device),
            *(["late"] if capture.trigger == "late" else []),
        ]
        frame = {
            "gateway_id": batch.gateway_id,
            "epoch": delivery.epoch,
            "seq": capture.seq,
            "batch_id": batch.id,
            "device_id": device.id if device else None,
            "device_name": capture.device,
            "equipment_id": device.equipment_id if device else None,
            "raw": capture.raw,
            "identity": capture.serial,
            "profile": capture.profile,
            "trigger": capture.trigger,
            "request_id": capture.request_id,
            "captured_at": capture.captured_at,
            "mono_ns": capture.mono_ns,
            "boot_id": capture.boot_id,
            "received_at": now,
            "prev_hash": capture.prev_hash,
            "hash": capture.hash,
        }
        rows.extend({**frame, **_part(part, said, flags)} for part, said in enumerate(capture.said))
    return rows


def _part(part: int, said: Said, flags: Sequence[str]) -> dict[str, Any]:
    return {
        "part": part,
        "kind": said.kind,
        "text": said.text,
        "value": said.value,
        "unit": said.unit,
        "stable": said.stable,
        "code": said.code,
        "name": said.name,
        "specimen": said.specimen,
        "flags": " ".join([*flags, "value_unreadable"] if said.unreadable else flags),
    }


def _stepped(before: Sent | Stored, capture: Sent) -> bool:
    """Whether the bench's wall clock was set between two captures. Across a reboot only backwards shows."""
    wall: timedelta = capture.captured_at - before.captured_at
    if before.boot_id != capture.boot_id:
        return wall < -CLOCK_STEP
    passed = timedelta(microseconds=(capture.mono_ns - before.mono_ns) // 1000)
    return abs(wall - passed) > CLOCK_STEP


def _identity_flags(capture: Sent, device: Device | None) -> list[str]:
    """Against the gateway's configuration and against our register."""
    known = device.equipment.identity if device is not None and device.equipment is not None else None
    if capture.identity == "mismatch" or (None not in (known, capture.serial) and known != capture.serial):
        return ["wrong_device"]
    return ["identity_unknown"] if known is not None and capture.serial is None else []


def _answer_takes(uow: UnitOfWork, gateway_id: int, delivery: Delivery, new: Sequence[Sent]) -> list[str]:
    """Bind captures to the requests they answer; only for the device that was asked, the first one counts."""
    asked = {c.request_id: c.seq for c in new if c.request_id is not None}
    if not asked:
        return []
    stored = {
        row.request_id: row
        for row in uow.session.execute(
            select(Capture.id, Capture.request_id, Capture.device_id).where(
                Capture.gateway_id == gateway_id,
                Capture.epoch == delivery.epoch,
                Capture.seq.in_(asked.values()),
                Capture.part == 0,
            )
        )
    }
    open_takes = select(TakeRequest).where(TakeRequest.id.in_(asked), TakeRequest.capture_id.is_(None))
    answered = []
    for take in uow.session.scalars(open_takes.order_by(TakeRequest.id).with_for_update()):
        capture = stored[take.id]
        if capture.device_id == take.device_id:
            take.capture_id, take.answered_at = capture.id, uow.now
            answered.append(take.id)
    return answered


# -- how far we are ------------------------------------------------------------------


def _advance(uow: UnitOfWork, actor: Actor, gateway_id: int, delivery: Delivery) -> int:
    """Move the acknowledged number as far as there is no gap."""
    key = (gateway_id, delivery.epoch)
    stream = uow.session.get(CaptureStream, key, populate_existing=True)
    if stream is None:
        stream = CaptureStream(
            gateway_id=gateway_id, epoch=delivery.epoch, begun_at=uow.now, acknowledged=0, highest=0, lost=0
        )
        uow.session.add(stream)
    stream.highest = max(stream.highest, delivery.last)
    if delivery.oldest - 1 > stream.acknowledged:
        _give_up(uow, actor, stream, delivery.oldest - 1)
    stream.acknowledged = _end_of_run(uow, stream, delivery)
    return stream.acknowledged


def _give_up(uow: UnitOfWork, actor: Actor, stream: CaptureStream, up_to: int) -> None:
    """The gateway no longer holds these numbers: those that are missing can never come."""
    first = stream.acknowledged + 1
    here = select(func.count()).where(
        Capture.gateway_id == stream.gateway_id,
        Capture.epoch == stream.epoch,
        Capture.seq.between(first, up_to),
        Capture.part == 0,
    )
    lost = up_to - stream.acknowledged - (uow.session.scalar(here) or 0)
    stream.acknowledged = up_to
    if lost:
        stream.lost += lost
        uow.audit(
            "capture.lost",
            actor,
            ("gateway", stream.gateway_id),
            after={"epoch": stream.epoch, "first": first, "last": up_to, "lost": lost},
        )


def _end_of_run(uow: UnitOfWork, stream: CaptureStream, delivery: Delivery) -> int:
    end = stream.acknowledged
    whole = delivery.last - delivery.first + 1 == len(delivery.captures)
    if whole and delivery.first <= end + 1:
        end = max(end, delivery.last)
    while end < stream.highest:
        following = (
            select(Capture.seq)
            .where(Capture.gateway_id == stream.gateway_id, Capture.epoch == stream.epoch)
            .where(Capture.seq > end, Capture.part == 0)
            .order_by(Capture.seq)
            .limit(_WALK)
        )
        seqs = uow.session.scalars(following).all()
        run = next((n for n, seq in enumerate(seqs) if seq != end + 1 + n), len(seqs))
        end += run
        if run < _WALK:
            break
    return end
