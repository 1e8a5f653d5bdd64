"""``flask lims verify``: every archived delivery is still signed, every capture is still what it delivered, and every
re-reading is what its profile reads in these bytes."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from instruments.errors import InstrumentError
from lims.bench.bodies import Sent, read_capture
from lims.bench.capture.models import CaptureReading
from lims.bench.capture.rereading import NOT_STATED, Chosen, find_chosen, read_capture_again
from lims.bench.models import Capture, CaptureBatch
from lims.bench.states import CaptureKind
from lims.core.audit import AuditEvent
from lims.core.errors import LimsError
from lims.core.files import FileStore
from lims.core.verify import Outcome, check
from lims.equipment.profile_models import DeviceProfileVersion
from lims.equipment.signed import read_canonical, signature_holds

# Column of the row, field of the frame that was sent; and of what the frame said.
COMPARED = {
    "raw": "raw",
    "device_name": "device",
    "identity": "serial",
    "trigger": "trigger",
    "request_id": "request_id",
    "captured_at": "captured_at",
    "mono_ns": "mono_ns",
    "boot_id": "boot_id",
    "prev_hash": "prev_hash",
    "hash": "hash",
}
SAID = ("text", "value", "unit", "stable", "kind", "code", "name", "specimen")
_MOST_NAMED = 100


@check("captures")
def verify_captures(session: Session, _store: FileStore) -> Outcome:
    """Reads delivery by delivery: memory does not grow with the number of captures."""
    enrolled = _enrolled_keys(session)
    broken: list[str] = []
    count = 0
    ids = session.scalars(select(CaptureBatch.id).order_by(CaptureBatch.id)).all()
    for batch_id in ids:
        batch = session.get_one(CaptureBatch, batch_id)
        rows = session.scalars(
            select(Capture).where(Capture.batch_id == batch_id).order_by(Capture.seq, Capture.part)
        ).all()
        count += sum(1 for row in rows if row.part == 0)
        broken += _broken(batch, rows, enrolled, _stored_numbers(session, batch))
        session.expunge_all()
        if len(broken) > _MOST_NAMED:
            break
    return Outcome(f"{count} captures in {len(ids)} deliveries", broken)


def _enrolled_keys(session: Session) -> set[tuple[int, str]]:
    """(gateway, key) that the audit trail saw enrolled: whoever changes a delivery and signs it anew with a key
    of his own is not among them."""
    found = select(AuditEvent.object_id, AuditEvent.after).where(AuditEvent.verb == "gateway.enrol")
    return {(int(n), orjson.loads(after)["public_key"]) for n, after in session.execute(found)}


def _stored_numbers(session: Session, batch: CaptureBatch) -> set[tuple[int, int]]:
    """(number, part) of the delivery that are stored, whichever delivery brought them first."""
    try:
        numbers = [row["seq"] for row in orjson.loads(batch.body)["captures"]]
        first, last = min(numbers), max(numbers)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return set()
    here = select(Capture.seq, Capture.part).where(
        Capture.gateway_id == batch.gateway_id,
        Capture.epoch == batch.epoch,
        Capture.seq.between(first, last),
    )
    return {(seq, part) for seq, part in session.execute(here)}


def _broken(
    batch: CaptureBatch,
    rows: Sequence[Capture],
    enrolled: set[tuple[int, str]],
    stored: set[tuple[int, int]],
) -> Iterator[str]:
    name = f"capture_batch {batch.id}"
    if (batch.gateway_id, batch.public_key) not in enrolled:
        yield f"{name}: its key was never enrolled"
    if not signature_holds(batch.public_key, "captures", batch.body, batch.signature):
        yield f"{name}: the signature does not hold"
        return
    try:
        document = read_canonical(batch.body)
        sent = {one.seq: one for one in map(read_capture, document["captures"])}
    except (LimsError, KeyError, TypeError) as fault:
        yield f"{name}: the body does not hold what was stored ({fault})"
        return
    if (str(batch.gateway_id), batch.epoch) != (document.get("gateway"), document.get("epoch")):
        yield f"{name}: names another gateway or epoch than its body"
    parts = {(one.seq, part) for one in sent.values() for part in range(len(one.said))}
    for seq, part in sorted(parts - stored):
        yield f"{name}: its capture no. {seq} is missing" + (f" (part {part})" if part else "")
    for row in rows:
        wrong = _difference(row, sent.get(row.seq))
        if wrong:
            yield f"capture {row.id} (no. {row.seq}): {wrong}"


def _difference(row: Capture, sent: Sent | None) -> str | None:
    if sent is None:
        return "is not in the delivery that brought it"
    for column, field in COMPARED.items():
        if getattr(row, column) != getattr(sent, field):
            return f"{column} is not what was delivered"
    if row.part >= len(sent.said):
        # A re-reading found more in the frame; by itself the row says nothing.
        silent = (
            row.kind is CaptureKind.UNPARSED
            and row.code == NOT_STATED
            and row.value is None
            and row.text is None
        )
        return None if silent and row.hash == sent.hash else "is not in the delivery that brought it"
    for name in SAID:
        if getattr(row, name) != getattr(sent.said[row.part], name):
            return f"{name} is not what was delivered"
    return None


@check("re-readings")
def verify_rereadings(session: Session, _store: FileStore) -> Outcome:
    """Every re-reading is read again, with the profile it names, from the bytes of the delivery. A codec of another
    version, or a built-in profile that an upgrade changed, is counted and not judged."""
    broken, count, skipped = list(_changed_profiles(session)), 0, 0
    chosen: dict[str, Chosen | None] = {}
    ids = session.scalars(select(CaptureReading.id).order_by(CaptureReading.id)).all()
    for number in ids:
        row = session.get_one(CaptureReading, number)
        if row.profile not in chosen:
            chosen[row.profile] = _profile_of(session, row)
        profile = chosen[row.profile]
        if profile is None or (profile.sha256, profile.profile.codec.name) != (row.profile_sha256, row.codec):
            skipped += row.profile_version_id is None
            if row.profile_version_id is not None and (
                profile is None or profile.sha256 != row.profile_sha256
            ):
                broken.append(
                    f"capture_reading {row.id}: its profile {row.profile} is not what it was read with"
                )
            continue
        count += 1
        if (fault := _reread_difference(session, row, profile)) is not None:
            broken.append(f"capture_reading {row.id} (capture {row.capture_id}): {fault}")
        session.expunge_all()
        if len(broken) > _MOST_NAMED:
            break
    return Outcome(f"{count} re-readings, {skipped} with a built-in profile of another day", broken)


def _profile_of(session: Session, row: CaptureReading) -> Chosen | None:
    try:
        return find_chosen(session, row.profile)
    except (LimsError, InstrumentError):
        return None


def _changed_profiles(session: Session) -> Iterator[str]:
    for version in session.scalars(select(DeviceProfileVersion).order_by(DeviceProfileVersion.id)):
        if sha256(version.text.encode()).hexdigest() != version.sha256:
            yield f"device_profile_version {version.id}: its text is not what its hash says"


def _reread_difference(session: Session, row: CaptureReading, chosen: Chosen) -> str | None:
    capture = session.get(Capture, row.capture_id)
    if capture is None:
        return "its capture is missing"
    said = read_capture_again(session, chosen, capture)
    if row.code == NOT_STATED and capture.part >= len(said):
        return None
    if capture.part >= len(said):
        return "the bytes do not state this"
    for name in SAID:
        if getattr(row, name) != getattr(said[capture.part], name):
            return f"{name} is not what the bytes say"
    return None
