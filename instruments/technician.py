"""Look at one port with nothing in between: for a person with a laptop beside a device."""

import json
import os
import select
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from serial.tools import list_ports

from instruments.clock import SystemClock
from instruments.errors import PortMissing
from instruments.holders import who_holds
from instruments.port import Port, open_port
from instruments.profiles import Profile
from instruments.readings import printable

OPENS_WITHIN_S = 15.0  # a device server of RFC 2217 is asked for each setting, and may take its time


def ports() -> Iterator[str]:
    """Device, description, USB numbers, the path that stays when it is plugged in elsewhere, and who holds it."""
    stable = {str(path.resolve()): str(path) for path in sorted(Path("/dev/serial/by-id").glob("*"))}
    for port in sorted(list_ports.comports(include_links=False)):
        holder = who_holds(port.device)
        usb = f"USB {port.vid:04x}:{port.pid:04x} serial {port.serial_number}" if port.vid else port.hwid
        path = stable.get(os.path.realpath(port.device), "no stable path")
        held = f"held by {holder}" if holder else "free"
        yield "\t".join((port.device, port.description, usb, path, held))


def _events(port: Port, profile: Profile, until: float | None, asked: bytes | None = None) -> Iterator[str]:
    framer, clock = profile.codec.framer(), SystemClock()
    while until is None or time.monotonic() < until:
        left = None if until is None else max(0.0, until - time.monotonic())
        if not select.select([port.descriptor], [], [], left)[0]:
            return
        try:
            chunk = port.read(4096)
        except OSError as exc:
            raise PortMissing(f"the line broke: {exc.strerror}") from exc
        if not chunk:
            raise PortMissing(port.reason or "the other end closed the line")
        for frame in framer.feed(chunk, clock.stamp()):
            event = profile.codec.read(frame, asked)
            yield f"{printable(frame.raw)}\t{json.dumps(event.as_json(), ensure_ascii=False)}"


def _open(address: str, profile: Profile, baud: int | None) -> Port:
    line = profile.line if baud is None else replace(profile.line, baud=baud)
    port, until = open_port(address, line), time.monotonic() + OPENS_WITHIN_S
    while port.connecting:
        reading, writing = ([], [port.descriptor]) if port.opens_writable else ([port.descriptor], [])
        if not any(select.select(reading, writing, [], max(0.0, until - time.monotonic()))):
            port.close()
            raise PortMissing(f"{address} does not answer within {OPENS_WITHIN_S:g} s")
        port.finish()
    return port


def listen(address: str, profile: Profile, baud: int | None, seconds: float | None) -> Iterator[str]:
    """Each frame as text, a tab, and what it says."""
    port = _open(address, profile, baud)
    try:
        yield from _events(port, profile, None if seconds is None else time.monotonic() + seconds)
    finally:
        port.close()


def ask(address: str, profile: Profile, baud: int | None, text: str, seconds: float) -> Iterator[str]:
    """Send one line and give the first frame that comes back."""
    port = _open(address, profile, baud)
    try:
        wire = text.encode("ascii", "replace") + b"\r\n"
        port.write(wire)
        for line in _events(port, profile, time.monotonic() + seconds, wire):
            yield line
            return
    finally:
        port.close()
