"""The latest of every device: written by the bench's loop, read by the live channel and the status page."""

import threading
from dataclasses import dataclass

from instruments.canonical import JsonValue
from instruments.clock import instant
from instruments.frames import Stamp
from instruments.link import LinkState
from instruments.readings import Event


@dataclass(frozen=True, slots=True)
class DeviceView:
    key: str
    profile: str
    port: str
    state: LinkState
    since: Stamp
    reason: str = ""
    serial: str | None = None
    expected_serial: str | None = None
    event: Event | None = None
    event_at: Stamp | None = None
    captures: int = 0
    unparsed: int = 0

    def as_json(self) -> dict[str, JsonValue]:
        reading: dict[str, JsonValue] | None = None
        if self.event is not None and self.event_at is not None:
            reading = {**self.event.as_json(), "at": instant(self.event_at.wall)}
        return {
            "device": self.key,
            "profile": self.profile,
            "port": self.port,
            "state": self.state.value,
            "since": instant(self.since.wall),
            "reason": self.reason,
            "serial": self.serial,
            "expected_serial": self.expected_serial,
            "live": reading,
            "captures": self.captures,
            "unparsed": self.unparsed,
        }


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command of the server ended. ``seq``: the capture that holds the proof, once it is durable."""

    id: str
    device: str
    outcome: str  # done | refused
    code: str | None
    seq: int | None

    def as_json(self) -> dict[str, JsonValue]:
        return {
            "id": self.id,
            "device": self.device,
            "outcome": self.outcome,
            "code": self.code,
            "seq": self.seq,
        }


class Board:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._views: dict[str, DeviceView] = {}

    def show(self, view: DeviceView) -> None:
        with self._lock:
            self._views[view.key] = view

    def views(self) -> list[DeviceView]:
        with self._lock:
            return list(self._views.values())
