"""A gateway in a few lines: it keeps a chain of captures and posts signed bodies as docs/capture-protocol.md says."""

import base64
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from instruments.canonical import b64, canonical
from instruments.captures import capture_hash, first_link
from instruments.clock import instant
from instruments.keys import public_bytes, signing_bytes
from lims.core.permissions import SYSTEM
from lims.core.uow import UnitOfWork
from lims.equipment.gateways import create_gateway, find_gateway, renew_code

PATHS = {"captures": "/api/captures", "live": "/api/gateways/live", "enrol": "/api/gateways/enrol"}
SERIAL = "B123456789"
BOOT = "11111111-2222-3333-4444-555555555555"
Capture = dict[str, Any]


class BenchGateway:
    """``captures``: the spool, from sequence 1. ``clock`` is the bench's own and may be wrong."""

    def __init__(self, browser: FlaskClient, clock: "datetime", name: str = "bench-pc-1") -> None:
        self.browser = browser
        self.name = name
        self.key = Ed25519PrivateKey.generate()
        self.id = ""
        self.epoch = str(uuid.uuid4())
        self.captures: list[Capture] = []
        self.now = clock
        self.mono_ns = 5_000_000_000
        self.run, self.n = str(uuid.uuid4()), 0

    # -- enrolling ---------------------------------------------------------------------

    def enrol(self, uow: UnitOfWork, code: str | None = None) -> "BenchGateway":
        answer = self.offer(code or new_code(uow, self.name))
        assert answer.status_code == 201, answer.json
        self.id = answer.json["gateway_id"]
        return self

    def offer(self, code: str, /, **changed: Any) -> TestResponse:
        public = b64(public_bytes(self.key))
        document = {
            "code": code,
            "host": "bench-pc",
            "name": self.name,
            "public_key": public,
            "software": "lims-gateway/1",
        }
        return self.post("enrol", {**document, **changed})

    # -- captures ----------------------------------------------------------------------

    def keep(self, value: str | None = "28.4517", *, step_s: float = 1.0, **changed: Any) -> Capture:
        """One more capture in the spool: a stable reading of balance-1 unless told otherwise."""
        self.now += timedelta(seconds=step_s)
        self.mono_ns += int(step_s * 1e9)
        seq = len(self.captures) + 1
        event = {"kind": "reading", "value": value, "unit": "g", "stability": "stable"}
        event |= changed.pop("event", {})
        raw = changed.pop("raw", f"S S {value or '':>10} g\r\n".encode())
        capture: Capture = {
            "seq": seq,
            "prev_hash": self.captures[-1]["hash"] if self.captures else first_link(self.epoch),
            "device": "balance-1",
            "profile": "mtsics",
            "codec": "mtsics/1",
            "port": "/dev/serial/by-id/usb-1",
            "trigger": "unsolicited",
            "request_id": None,
            "raw": base64.b64encode(raw).decode(),
            "event": event,
            "captured_at": instant(self.now),
            "first_mono_ns": str(self.mono_ns - 1000),
            "last_mono_ns": str(self.mono_ns),
            "boot_id": BOOT,
            "serial": SERIAL,
            "identity": "match",
            **changed,
        }
        self.captures.append(sealed(capture))
        return self.captures[-1]

    def keep_many(self, count: int, first: float = 10.0) -> list[Capture]:
        return [self.keep(f"{first + n / 10000:.4f}") for n in range(count)]

    def batch(self, seqs: Iterable[int] | None = None, *, oldest: int = 1, **changed: Any) -> dict[str, Any]:
        """The body of a delivery of these numbers (all of them unless told otherwise)."""
        wanted = list(seqs) if seqs is not None else range(1, len(self.captures) + 1)
        document = {
            "gateway": self.id,
            "epoch": self.epoch,
            "oldest": oldest,
            "sent_at": instant(self.now),
            "captures": [self.captures[n - 1] for n in wanted],
        }
        return {**document, **changed}

    def deliver(self, seqs: Iterable[int] | None = None, *, oldest: int = 1, **changed: Any) -> TestResponse:
        return self.post("captures", self.batch(seqs, oldest=oldest, **changed))

    # -- live --------------------------------------------------------------------------

    def device(
        self, value: str | None = "28.4517", stability: str = "stable", **changed: Any
    ) -> dict[str, Any]:
        live = {
            "kind": "reading",
            "value": value,
            "unit": "g",
            "stability": stability,
            "at": instant(self.now),
        }
        return {
            "device": "balance-1",
            "profile": "mtsics",
            "port": "/dev/serial/by-id/usb-1",
            "state": "connected",
            "since": instant(self.now),
            "reason": "",
            "serial": SERIAL,
            "expected_serial": SERIAL,
            "live": live if value is not None else None,
            "captures": len(self.captures),
            "unparsed": 0,
            **changed,
        }

    def live_body(self, *devices: dict[str, Any], **changed: Any) -> dict[str, Any]:
        self.n += 1
        spool = {
            "epoch": self.epoch,
            "last_seq": len(self.captures),
            "acknowledged": 0,
            "pending": len(self.captures),
            "delivery": "idle",
            "code": None,
            "sentence": None,
            "disk_free_mb": 51234,
        }
        document = {
            "gateway": self.id,
            "run": self.run,
            "n": self.n,
            "sent_at": instant(self.now),
            "spool": spool,
            "devices": list(devices or (self.device(),)),
            "seen": [],
            "results": [],
        }
        return {**document, **changed}

    def beat(self, *devices: dict[str, Any], **changed: Any) -> TestResponse:
        return self.post("live", self.live_body(*devices, **changed))

    # -- the wire ----------------------------------------------------------------------

    def sign(self, purpose: str, body: bytes, key: Ed25519PrivateKey | None = None) -> str:
        return b64((key or self.key).sign(signing_bytes(purpose, body)))

    def post(self, purpose: str, document: dict[str, Any]) -> TestResponse:
        body = canonical(document)
        return self.post_bytes(purpose, body, self.sign(purpose, body))

    def post_bytes(
        self, purpose: str, body: bytes, signature: str, gateway: str | None = None
    ) -> TestResponse:
        headers = {"Lims-Gateway": self.id if gateway is None else gateway, "Lims-Signature": signature}
        return self.browser.post(PATHS[purpose], data=body, content_type="application/json", headers=headers)


def sealed(capture: Capture) -> Capture:
    """With its right hash."""
    content = {name: value for name, value in capture.items() if name != "hash"}
    return {**content, "hash": capture_hash(canonical(content))}


def new_code(uow: UnitOfWork, name: str) -> str:
    """A one-time code for the gateway of this name, made where it is missing."""
    found = find_gateway(uow.session, name)
    if found is None:
        return create_gateway(uow, actor=SYSTEM, name=name).code
    return renew_code(uow, actor=SYSTEM, gateway_id=found.id).code
