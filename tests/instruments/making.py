"""Valid defaults for what the tests of this folder need; name only what matters."""

import time
from datetime import UTC, datetime

from instruments.captures import Draft, Trigger
from instruments.frames import Frame, Stamp
from instruments.readings import Event, Kind

NOON = Stamp(datetime(2026, 11, 22, 12, tzinfo=UTC), 1_000_000_000)


def frame(raw: bytes) -> Frame:
    return Frame(raw, NOON, NOON)


def draft(raw=b"S S     100.00 g\r\n", **named):
    defaults = {
        "device": "balance-1",
        "profile": "mtsics",
        "codec": "mt-sics/1",
        "port": "/dev/ttyUSB0",
        "trigger": Trigger.UNSOLICITED,
        "event": Event(Kind.READING, "100.00", "g", "stable"),
        "first": NOON,
        "last": NOON,
        "boot_id": "boot",
    }
    return Draft(raw=raw, **{**defaults, **named})


def wait_for(what, seconds=8.0):
    """The first true answer of ``what``; fails when it never comes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"did not happen within {seconds} s")
