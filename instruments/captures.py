"""One capture: the raw frame with everything that is known about it, and its link in the hash chain.

The field names are those of the wire (docs/capture-protocol.md).
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from json.encoder import encode_basestring
from typing import NamedTuple

from instruments.canonical import JsonValue, b64, sha256_hex, unchecked
from instruments.clock import instant
from instruments.frames import Stamp
from instruments.readings import Event


class Trigger(StrEnum):
    """Why the frame came."""

    TAKE = "take"  # the answer to a take command, with its request id
    ASKED = "asked"  # the answer to another command: tare, zero
    UNSOLICITED = "unsolicited"  # print key, or a device that sends by itself
    LIVE = "live"  # the live view; kept only where the policy says so
    LATE = "late"  # came after its command was given up
    FILE = "file"  # lay in a watched folder


@dataclass(frozen=True)
class Source:
    """Where captures come from: the same for all of a device, so it is spelled once.

    ``serial``: what the device said when it was last asked; ``identity``: match, mismatch or unknown, against the
    serial number in the configuration.
    """

    device: str
    profile: str
    codec: str
    port: str
    boot_id: str
    serial: str | None = None
    identity: str = "unknown"

    @cached_property
    def spelled(self) -> tuple[str, str, str, str, str, str]:
        """What stands between the parts that differ from capture to capture, in the order of the names."""
        return (
            f'"boot_id":{_text(self.boot_id)},"captured_at":"',
            f'","codec":{_text(self.codec)},"device":{_text(self.device)},"event":',
            f'","identity":{_text(self.identity)},"last_mono_ns":"',
            f'","port":{_text(self.port)},"prev_hash":"',
            f'","profile":{_text(self.profile)},"raw":"',
            f',"serial":{_text(self.serial)},"trigger":"',
        )


# Drafts and rows are plain tuples: a bench makes a thousand of each a second.
class Draft(NamedTuple):
    """A capture before it has a number."""

    source: Source
    trigger: Trigger
    raw: bytes
    event: Event
    first: Stamp
    last: Stamp
    request_id: str | None = None
    asked: bytes | None = None  # the question that was open: an answer may mean something only beside it

    def as_json(self, seq: int, prev_hash: str) -> dict[str, JsonValue]:
        source, asked = self.source, {"asked": b64(self.asked)} if self.asked else {}
        return {
            **asked,
            "seq": seq,
            "prev_hash": prev_hash,
            "device": source.device,
            "profile": source.profile,
            "codec": source.codec,
            "port": source.port,
            "trigger": self.trigger.value,
            "request_id": self.request_id,
            "raw": b64(self.raw),
            "event": self.event.as_json(),
            "captured_at": instant(self.last.wall),
            "first_mono_ns": str(self.first.mono_ns),
            "last_mono_ns": str(self.last.mono_ns),
            "boot_id": source.boot_id,
            "serial": source.serial,
            "identity": source.identity,
        }


class Stored(NamedTuple):
    """A capture in the spool: ``body`` is its canonical JSON without the hash."""

    seq: int
    body: bytes
    hash: str


def first_link(epoch: str) -> str:
    """``prev_hash`` of sequence 1: ties the chain to its epoch."""
    return sha256_hex(b"lims-spool-1\n" + epoch.encode("ascii"))


def capture_hash(body: bytes) -> str:
    """``body``: canonical JSON of a capture without its hash; ``prev_hash`` inside makes the chain."""
    return hashlib.sha256(b"lims-capture-1\n" + body).hexdigest()


def number(draft: Draft, seq: int, prev_hash: str) -> Stored:
    body = spell(draft, seq, prev_hash)
    return Stored(seq, body, capture_hash(body))


def spell(draft: Draft, seq: int, prev_hash: str) -> bytes:
    """``canonical`` of ``as_json``, in little more than half of the time: a hundred devices send a thousand captures a second."""
    source, trigger, raw, event, first, last, request_id, asked = draft
    boot, codec, identity, port, profile, serial = source.spelled
    question = f'"asked":"{b64(asked)}",' if asked else ""
    request = "null" if request_id is None else _text(request_id)
    return (
        f'{{{question}{boot}{instant(last.wall)}{codec}{unchecked(event.as_json())},"first_mono_ns":"{first.mono_ns}'
        f'{identity}{last.mono_ns}{port}{prev_hash}{profile}{b64(raw)}","request_id":{request},"seq":{seq}'
        f'{serial}{trigger.value}"}}'
    ).encode()


def with_hash(row: Stored) -> bytes:
    """The capture as it is delivered: canonical with its hash among its names, which only their order tells."""
    place = row.body.rindex(b',"identity":')  # after the event, which may hold such a name itself
    return b'%b,"hash":"%b"%b' % (row.body[:place], row.hash.encode("ascii"), row.body[place:])


def _text(text: str | None) -> str:
    return "null" if text is None else encode_basestring(text)
