"""One capture: the raw frame with everything that is known about it, and its link in the hash chain.

The field names are those of the wire (docs/capture-protocol.md).
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from json.encoder import encode_basestring

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


@dataclass(frozen=True, slots=True)
class Draft:
    """A capture before it has a number."""

    device: str
    profile: str
    codec: str
    port: str
    trigger: Trigger
    raw: bytes
    event: Event
    first: Stamp
    last: Stamp
    boot_id: str
    request_id: str | None = None
    serial: str | None = None  # what the device said when it was last asked
    identity: str = "unknown"  # match | mismatch | unknown, against the serial number in the configuration
    asked: bytes | None = None  # the question that was open: an answer may mean something only beside it

    def as_json(self, seq: int, prev_hash: str) -> dict[str, JsonValue]:
        asked = {"asked": b64(self.asked)} if self.asked else {}
        return {
            **asked,
            "seq": seq,
            "prev_hash": prev_hash,
            "device": self.device,
            "profile": self.profile,
            "codec": self.codec,
            "port": self.port,
            "trigger": self.trigger.value,
            "request_id": self.request_id,
            "raw": b64(self.raw),
            "event": self.event.as_json(),
            "captured_at": instant(self.last.wall),
            "first_mono_ns": str(self.first.mono_ns),
            "last_mono_ns": str(self.last.mono_ns),
            "boot_id": self.boot_id,
            "serial": self.serial,
            "identity": self.identity,
        }


@dataclass(frozen=True, slots=True)
class Stored:
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
    """``canonical`` of ``as_json``, in a third of the time: a hundred devices send a thousand captures a second."""
    asked = f'"asked":"{b64(draft.asked)}",' if draft.asked else ""
    return (
        f'{{{asked}"boot_id":{_text(draft.boot_id)},"captured_at":"{instant(draft.last.wall)}"'
        f',"codec":{_text(draft.codec)},"device":{_text(draft.device)}'
        f',"event":{unchecked(draft.event.as_json())},"first_mono_ns":"{draft.first.mono_ns}"'
        f',"identity":{_text(draft.identity)},"last_mono_ns":"{draft.last.mono_ns}"'
        f',"port":{_text(draft.port)},"prev_hash":"{prev_hash}","profile":{_text(draft.profile)}'
        f',"raw":"{b64(draft.raw)}","request_id":{_text(draft.request_id)},"seq":{seq}'
        f',"serial":{_text(draft.serial)},"trigger":"{draft.trigger.value}"}}'
    ).encode()


def with_hash(row: Stored) -> bytes:
    """The capture as it is delivered: canonical with its hash among its names, which only their order tells."""
    place = row.body.rindex(b',"identity":')  # after the event, which may hold such a name itself
    return b'%b,"hash":"%b"%b' % (row.body[:place], row.hash.encode("ascii"), row.body[place:])


def _text(text: str | None) -> str:
    return "null" if text is None else encode_basestring(text)
