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
from instruments.codec import Verb, reader_of
from instruments.errors import PortMissing
from instruments.holders import who_holds
from instruments.port import Port, open_port
from instruments.profiles import Profile
from instruments.readings import Event, printable

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


def _events(
    port: Port, profile: Profile, until: float | None, asked: bytes | None = None
) -> Iterator[tuple[Event, str]]:
    framer, reader, clock = profile.codec.framer(), reader_of(profile.codec), SystemClock()
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
            event = reader.read(frame, asked)
            yield event, f"{printable(frame.raw)}\t{json.dumps(event.as_json(), ensure_ascii=False)}"


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
        until = None if seconds is None else time.monotonic() + seconds
        yield from (line for _, line in _events(port, profile, until))
    finally:
        port.close()


def ask(address: str, profile: Profile, baud: int | None, text: str, seconds: float) -> Iterator[str]:
    """Send one line and give the frame that comes back; where that only says "understood", the next one too."""
    port = _open(address, profile, baud)
    try:
        wire = text.encode("ascii", "replace") + b"\r\n"
        port.write(wire)
        in_steps = any(command.accepted for command in map(profile.codec.command, Verb) if command)
        for event, line in _events(port, profile, time.monotonic() + seconds, wire):
            yield line
            if not (in_steps and event.code == f"{text.strip()} A"):
                return
    finally:
        port.close()
