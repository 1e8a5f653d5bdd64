"""The latest of every device: written by the bench's loop, read by the live channel and the status page."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instruments.canonical import JsonValue
from instruments.captures import Trigger
from instruments.clock import instant
from instruments.codec import Setup
from instruments.frames import Stamp
from instruments.link import LinkState
from instruments.readings import Event, Kind


@dataclass(frozen=True, slots=True)
class DeviceView:
    """``can``: the verbs it knows, and "orders" of an analyser that takes them; ``unsent`` and ``trouble``: orders
    that it does not have yet, and why not; ``labels``: (English, Chinese) of names of its values; ``setups``: what it
    can be set up to, ``setup``: to which it said it is."""

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
    can: tuple[str, ...] = ()
    unsent: int = 0
    trouble: str | None = None
    labels: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    setups: Sequence[Setup] = ()
    setup: str | None = None

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
            "can": list(self.can),
            "unsent": self.unsent,
            "trouble": self.trouble,
            "labels": {name: list(words) for name, words in self.labels.items()},
            "setups": [{"key": one.key, "en": one.en, "zh": one.zh} for one in self.setups],
            "setup": self.setup,
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


def result_of(id_: str, device: str, event: Event, trigger: Trigger, seq: int) -> CommandResult:
    done = event.is_stable if trigger is Trigger.TAKE else event.kind in (Kind.OK, Kind.TARE)
    return CommandResult(id_, device, "done" if done else "refused", None if done else event.code, seq)


class Board:
    """``pace_s``: how often somebody looks at it; more often it need not be written."""

    def __init__(self) -> None:
        self.pace_s = 1.0
        self._lock = threading.Lock()
        self._views: dict[str, DeviceView] = {}

    def show(self, view: DeviceView) -> None:
        with self._lock:
            self._views[view.key] = view

    def views(self) -> list[DeviceView]:
        with self._lock:
            return list(self._views.values())
