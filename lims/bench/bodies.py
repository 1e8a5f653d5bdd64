"""What a delivery says, checked against itself: every hash and link inside it (protocol, section 3)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from flask_babel import gettext as _

from instruments.captures import capture_hash, first_link
from lims.bench.states import CaptureKind
from lims.equipment import wire
from lims.equipment.devices import LONGEST_NAME
from lims.equipment.signed import BodyRefused, strict_base64

MOST_CAPTURES = 500
LARGEST_BODY = 8 * 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_EPOCH = re.compile(r"[0-9A-Za-z-]{1,36}", re.ASCII)
_KINDS = {
    "reading": CaptureKind.READING,
    "result": CaptureKind.READING,
    "tare": CaptureKind.STATUS,
    "status": CaptureKind.STATUS,
    "ok": CaptureKind.STATUS,
    "identity": CaptureKind.STATUS,
    "list": CaptureKind.STATUS,
    "frame": CaptureKind.STATUS,
    "overload": CaptureKind.FAULT,
    "underload": CaptureKind.FAULT,
    "error": CaptureKind.FAULT,
    "timeout": CaptureKind.FAULT,
    "bad_checksum": CaptureKind.FAULT,
}


@dataclass(frozen=True, slots=True)
class Sent:
    """One capture of a delivery, as its row will say it. ``serial``: what the device said it is;
    ``identity``: match, mismatch or unknown, by the gateway's configuration."""

    seq: int
    prev_hash: str
    hash: str
    device: str
    profile: str
    trigger: str
    request_id: str | None
    raw: bytes
    kind: CaptureKind
    text: str | None
    value: Decimal | None
    unit: str | None
    stable: bool | None
    code: str | None
    captured_at: datetime
    mono_ns: int
    boot_id: str
    serial: str | None
    identity: str
    unreadable: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """``captures``: ascending by number. ``oldest``: what lies below it and is not here can never come."""

    epoch: str
    oldest: int
    sent_at: datetime
    captures: Sequence[Sent]

    @property
    def first(self) -> int:
        return self.captures[0].seq

    @property
    def last(self) -> int:
        return self.captures[-1].seq


def read_delivery(document: Mapping[str, Any]) -> Delivery:
    """``document`` is known to be canonical. Raises BodyRefused (``body_wrong``, ``capture_hash_wrong``)."""
    epoch = wire.text(document, "epoch")
    if not _EPOCH.fullmatch(epoch):
        raise wire.wrong("epoch")
    rows = wire.objects(document, "captures", MOST_CAPTURES)
    if not rows:
        raise wire.wrong("captures")
    captures = [read_capture(row) for row in rows]
    _check_links(epoch, captures)
    oldest = wire.number(document, "oldest", 1)
    if oldest > captures[0].seq:
        raise wire.wrong("oldest")
    return Delivery(epoch, oldest, wire.instant(document, "sent_at"), captures)


def _check_links(epoch: str, captures: Sequence[Sent]) -> None:
    before: Sent | None = None
    for capture in captures:
        if before is not None and capture.seq <= before.seq:
            raise wire.wrong("seq")
        known = first_link(epoch) if capture.seq == 1 else None
        if before is not None and capture.seq == before.seq + 1:
            known = before.hash
        if known is not None and capture.prev_hash != known:
            raise _broken(capture.seq)
        before = capture


def _broken(seq: int) -> BodyRefused:
    sentence = _("Capture %(seq)s does not agree with its hash or its link.", seq=seq)
    return BodyRefused(sentence, code="capture_hash_wrong")


def read_capture(row: Mapping[str, Any]) -> Sent:
    """One capture of a body. Raises BodyRefused (``body_wrong``, ``capture_hash_wrong``)."""
    seq, digest = wire.number(row, "seq", 1), wire.text(row, "hash")
    content = {name: value for name, value in row.items() if name != "hash"}
    if capture_hash(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)) != digest:
        raise _broken(seq)
    prev_hash = wire.text(row, "prev_hash")
    if not _HASH.fullmatch(prev_hash):
        raise wire.wrong("prev_hash")
    raw = strict_base64(wire.text(row, "raw"))
    if raw is None:
        raise wire.wrong("raw")
    event = wire.take(row, "event", dict)
    kind = _KINDS.get(wire.text(event, "kind"), CaptureKind.UNPARSED)
    if event.get("also"):
        # Several values in one frame: none of them may pass for the one that a cell waits for.
        kind, event = CaptureKind.UNPARSED, {**event, "value": None, "code": "several_values"}
    text, value = wire.figure(wire.optional_text(event, "value"))
    stability = wire.optional_text(event, "stability")
    unreadable = kind is CaptureKind.READING and value is None
    kind = CaptureKind.UNPARSED if unreadable else kind
    code = wire.optional_text(event, "code")
    for name in ("codec", "port", "first_mono_ns"):
        wire.text(row, name)
    return Sent(
        seq=seq,
        prev_hash=prev_hash,
        hash=digest,
        device=wire.cut(wire.text(row, "device"), LONGEST_NAME),
        profile=wire.cut(wire.text(row, "profile"), 80),
        trigger=wire.cut(wire.text(row, "trigger"), 20),
        request_id=wire.cut_or_none(wire.optional_text(row, "request_id"), 64),
        raw=raw,
        kind=kind,
        text=text,
        value=value,
        unit=wire.cut_or_none(wire.optional_text(event, "unit"), 20),
        stable=None if stability is None else stability in ("stable", "n/a"),
        code=wire.cut_or_none(code if code is not None else _said(event, kind), 60),
        captured_at=wire.instant(row, "captured_at"),
        mono_ns=_nanoseconds(row, "last_mono_ns"),
        boot_id=wire.cut(wire.text(row, "boot_id"), 64),
        serial=wire.cut_or_none(wire.optional_text(row, "serial"), 120),
        identity=wire.text(row, "identity"),
        unreadable=unreadable,
    )


def _said(event: Mapping[str, Any], kind: CaptureKind) -> str | None:
    """Where the device gave no code: what kind of event it was, for all that is no reading."""
    return None if kind is CaptureKind.READING else str(event["kind"])


def _nanoseconds(row: Mapping[str, Any], name: str) -> int:
    text = wire.text(row, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise wire.wrong(name)
    return int(text)
