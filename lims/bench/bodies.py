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
# As many as the registers of one Modbus answer, and more than the results of a panel.
MOST_SAID = 200
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
    "file": CaptureKind.FILE,
}


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a frame states. ``name``: what the device calls it (register, test code); ``specimen``:
    of which sample, as the analyser was told."""

    kind: CaptureKind
    text: str | None
    value: Decimal | None
    unit: str | None
    stable: bool | None
    code: str | None
    name: str
    specimen: str
    unreadable: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """One capture of a delivery, as its rows will say it: a row for each of ``said``, never none. ``serial``:
    what the device said it is; ``identity``: match, mismatch or unknown, by the gateway's configuration."""

    seq: int
    prev_hash: str
    hash: str
    device: str
    profile: str
    trigger: str
    request_id: str | None
    raw: bytes
    said: Sequence[Said]
    captured_at: datetime
    mono_ns: int
    boot_id: str
    serial: str | None
    identity: str


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
        said=_everything_said(wire.take(row, "event", dict), len(raw)),
        captured_at=wire.instant(row, "captured_at"),
        mono_ns=_nanoseconds(row, "last_mono_ns"),
        boot_id=wire.cut(wire.text(row, "boot_id"), 64),
        serial=wire.cut_or_none(wire.optional_text(row, "serial"), 120),
        identity=wire.text(row, "identity"),
    )


def _everything_said(event: Mapping[str, Any], size: int) -> list[Said]:
    """The event, and what else its frame states (registers of one answer, results of one message)."""
    also = wire.objects(event, "also", LARGEST_BODY) if "also" in event else []
    return said_of([event, *also], size)


def said_of(events: Sequence[Mapping[str, Any]], size: int) -> list[Said]:
    """What a frame of ``size`` bytes states, from its events. Raises BodyRefused."""
    if len(events) > MOST_SAID or len(events) * size > LARGEST_BODY:
        # Kept whole as bytes; no value of it is offered.
        return [_said({"kind": "unparsed", "code": "too_many_values"})]
    return [_said(one) for one in events]


def _said(event: Mapping[str, Any]) -> Said:
    kind = _KINDS.get(wire.text(event, "kind"), CaptureKind.UNPARSED)
    text, value = wire.figure(wire.optional_text(event, "value"))
    stability, code = wire.optional_text(event, "stability"), wire.optional_text(event, "code")
    words = _plain(event, "text") if event["kind"] == "result" and not event.get("value") else ""
    if words:  # "< 0.5", "POS": an answer that a person reads, and no number
        kind, text, value = CaptureKind.STATUS, words[:64], None
    if kind is CaptureKind.FILE:  # the hash of the whole file; the code says which chunk of it this is
        text, value = wire.cut(_plain(event, "sha256"), 64) or None, None
    unreadable = kind is CaptureKind.READING and value is None
    kind = CaptureKind.UNPARSED if unreadable else kind
    if code is None and kind is not CaptureKind.READING:
        code = str(event["kind"])  # the device gave none: what kind of event it was
    return Said(
        kind=kind,
        text=text,
        value=value,
        unit=wire.cut_or_none(wire.optional_text(event, "unit"), 20),
        stable=None if stability is None else stability in ("stable", "n/a"),
        code=wire.cut_or_none(code, 60),
        name=wire.cut(_plain(event, "name") or _plain(event, "test"), 80),
        specimen=wire.cut(_plain(event, "sample"), 80),
        unreadable=unreadable,
    )


def _plain(event: Mapping[str, Any], name: str) -> str:
    """What a codec adds of its own; the protocol knows no type for it."""
    value = event.get(name)
    return value if isinstance(value, str) else ""


def _nanoseconds(row: Mapping[str, Any], name: str) -> int:
    text = wire.text(row, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise wire.wrong(name)
    return int(text)
