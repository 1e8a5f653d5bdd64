"""Look at one port with nothing in between: for a person with a laptop beside a device."""

import json
import os
import select
import time
from collections.abc import Iterator
from dataclasses import replace

from serial.tools import list_ports

from instruments.clock import SystemClock
from instruments.errors import PortMissing
from instruments.port import open_port, who_holds
from instruments.profiles import Profile
from instruments.readings import printable


def ports() -> Iterator[str]:
    for port in sorted(list_ports.comports(include_links=False)):
        holder = who_holds(port.device)
        usb = f"USB {port.vid:04x}:{port.pid:04x} serial {port.serial_number}" if port.vid else port.hwid
        yield f"{port.device}\t{port.description}\t{usb}\t{f'held by {holder}' if holder else 'free'}"


def _events(
    descriptor: int, profile: Profile, until: float | None, asked: bytes | None = None
) -> Iterator[str]:
    framer, clock = profile.codec.framer(), SystemClock()
    while until is None or time.monotonic() < until:
        left = None if until is None else max(0.0, until - time.monotonic())
        if not select.select([descriptor], [], [], left)[0]:
            return
        try:
            chunk = os.read(descriptor, 4096)
        except OSError as exc:
            raise PortMissing(f"the line broke: {exc.strerror}") from exc
        if not chunk:
            raise PortMissing("the other end closed the line")
        for frame in framer.feed(chunk, clock.stamp()):
            event = profile.codec.read(frame, asked)
            yield f"{printable(frame.raw)}\t{json.dumps(event.as_json(), ensure_ascii=False)}"


def _open(address: str, profile: Profile, baud: int | None) -> int:
    line = profile.line if baud is None else replace(profile.line, baud=baud)
    descriptor, connecting = open_port(address, line)
    if connecting:
        select.select([], [descriptor], [], 5.0)
    return descriptor


def listen(address: str, profile: Profile, baud: int | None, seconds: float | None) -> Iterator[str]:
    """Each frame as text, a tab, and what it says."""
    descriptor = _open(address, profile, baud)
    try:
        yield from _events(descriptor, profile, None if seconds is None else time.monotonic() + seconds)
    finally:
        os.close(descriptor)


def ask(address: str, profile: Profile, baud: int | None, text: str, seconds: float) -> Iterator[str]:
    """Send one line and give the first frame that comes back."""
    descriptor = _open(address, profile, baud)
    try:
        wire = text.encode("ascii", "replace") + b"\r\n"
        os.write(descriptor, wire)
        for line in _events(descriptor, profile, time.monotonic() + seconds, wire):
            yield line
            return
    finally:
        os.close(descriptor)
