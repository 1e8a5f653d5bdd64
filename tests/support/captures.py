"""What the gateway of the laboratory has delivered and signed."""

from collections.abc import Mapping
from decimal import Decimal

from instruments.canonical import JsonValue, b64, canonical
from instruments.captures import capture_hash
from instruments.clock import instant
from instruments.keys import public_bytes, signing_bytes
from lims.bench.models import Capture, CaptureBatch
from lims.bench.states import CaptureKind
from lims.core.permissions import SYSTEM
from lims.core.uow import UnitOfWork
from tests.support.laboratory import BENCH_KEY, Laboratory

D = Decimal


def _delivery(
    uow: UnitOfWork, laboratory: Laboratory, seq: int, raw: bytes, event: Mapping[str, str | None]
) -> tuple[bytes, str]:
    """(the body of a delivery with this one capture, the capture's hash), as the gateway writes them."""
    at = instant(uow.now)
    capture: dict[str, JsonValue] = {
        "seq": seq,
        "prev_hash": "0" * 64,
        "device": "balance-1",
        "profile": "mtsics",
        "codec": "mtsics",
        "port": "test",
        "trigger": "take",
        "request_id": None,
        "raw": b64(raw),
        "event": event,
        "captured_at": at,
        "first_mono_ns": str(seq),
        "last_mono_ns": str(seq),
        "boot_id": "b1",
        "serial": None,
        "identity": "unknown",
    }
    digest = capture_hash(canonical(capture))
    document: dict[str, JsonValue] = {
        "gateway": str(laboratory.gateway),
        "epoch": "e1",
        "oldest": seq,
        "sent_at": at,
        "captures": [{**capture, "hash": digest}],
    }
    return canonical(document), digest


def make_capture(
    uow: UnitOfWork,
    laboratory: Laboratory,
    text: str | None,
    *,
    unit: str | None = "g",
    stable: bool | None = True,
    kind: CaptureKind = CaptureKind.READING,
    equipment: int | None = -1,
    flags: str = "",
) -> Capture:
    """A stored reading of the balance, as if the gateway had delivered and signed it (-1: the balance)."""
    laboratory.serial[0] += 1
    seq = laboratory.serial[0]
    raw = f"S S {text or '':>10} {unit or ''}\r\n".encode()
    event = {"kind": kind.value, "value": text, "unit": unit, "stability": "stable" if stable else "unstable"}
    body, digest = _delivery(uow, laboratory, seq, raw, event)
    with uow:
        batch = uow.add(
            CaptureBatch(
                gateway_id=laboratory.gateway,
                epoch="e1",
                received_at=uow.now,
                body=body,
                signature=b64(BENCH_KEY.sign(signing_bytes("captures", body))),
                public_key=public_bytes(BENCH_KEY).hex(),
            )
        )
        row = uow.add(
            Capture(
                gateway_id=laboratory.gateway,
                epoch="e1",
                seq=seq,
                batch_id=batch.id,
                device_id=laboratory.device,
                device_name="balance-1",
                equipment_id=laboratory.balance if equipment == -1 else equipment,
                kind=kind,
                raw=raw,
                text=text,
                value=D(text) if text else None,
                unit=unit,
                stable=stable,
                profile="mtsics",
                captured_at=uow.now,
                mono_ns=seq,
                boot_id="b1",
                received_at=uow.now,
                prev_hash="0" * 64,
                hash=digest,
                flags=flags,
            )
        )
        uow.audit("capture.store", SYSTEM, row)
        uow.commit()
    return row
