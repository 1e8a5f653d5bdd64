"""The clocks of a capture: wall, monotonic, and which boot of the machine the monotonic one counts from."""

import time
import uuid
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from instruments.frames import Stamp

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    def stamp(self) -> Stamp: ...

    def seconds(self) -> float:
        """Monotonic, for deadlines."""


class SystemClock:
    def stamp(self) -> Stamp:
        return Stamp(datetime.now(UTC), time.monotonic_ns())

    def seconds(self) -> float:
        return time.monotonic()


def boot_id() -> str:
    """The kernel's; where there is none, one of this process, so that two boots never look alike."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return str(uuid.uuid4())


@lru_cache(maxsize=8)  # what is read together has one stamp
def instant(moment: datetime) -> str:
    """ISO 8601, UTC, microseconds: 2026-11-22T12:00:03.000000Z."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # isoformat() spends half of its time on the zone.
    m = moment
    return f"{m.year:04}-{m.month:02}-{m.day:02}T{m.hour:02}:{m.minute:02}:{m.second:02}.{m.microsecond:06}Z"
