"""Valid defaults for what the tests of this folder need; name only what matters."""

import time
from datetime import UTC, datetime

from instruments.captures import Draft, Source, Trigger
from instruments.frames import Frame, Stamp
from instruments.readings import Event, Kind

NOON = Stamp(datetime(2026, 11, 22, 12, tzinfo=UTC), 1_000_000_000)


def frame(raw: bytes) -> Frame:
    return Frame(raw, NOON, NOON)


def draft(raw=b"S S     100.00 g\r\n", **named):
    source = {
        "device": "balance-1",
        "profile": "mtsics",
        "codec": "mt-sics/1",
        "port": "/dev/ttyUSB0",
        "boot_id": "boot",
    }
    source |= {name: named.pop(name) for name in Source.__annotations__ if name in named}
    defaults = {
        "source": Source(**source),
        "trigger": Trigger.UNSOLICITED,
        "event": Event(Kind.READING, "100.00", "g", "stable"),
        "first": NOON,
        "last": NOON,
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
