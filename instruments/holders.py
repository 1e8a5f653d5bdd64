"""Who has a port open: name and number of the process, as far as this user may see (Linux; None elsewhere)."""

import contextlib
import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ESTABLISHED = "01"


def who_holds(path: str) -> str | None:
    """Another process that has the serial port open."""
    try:
        device = os.stat(path).st_rdev  # noqa: PTH116
    except OSError:
        return None
    return _other_process(lambda entry: device != 0 and entry.stat().st_rdev == device)


def who_is_connected(host: str, port: int) -> str | None:
    """Another process of this machine that has a connection to the device server."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return None
    ends = {(ipaddress.ip_address(row[4][0]), port) for row in found}
    sockets = {f"socket:[{inode}]" for end, inode in _connections() if end in ends}
    return _other_process(lambda entry: os.readlink(entry) in sockets) if sockets else None  # noqa: PTH115


def _other_process(holds: Callable[[Path], bool]) -> str | None:
    try:
        entries = list(Path("/proc").glob("[0-9]*/fd/*"))
    except OSError:
        return None
    for entry in entries:
        with contextlib.suppress(OSError):
            if entry.parts[2] != str(os.getpid()) and holds(entry):
                name = Path("/proc", entry.parts[2], "comm").read_text(encoding="utf-8").strip()
                return f"{name} (process {entry.parts[2]})"
    return None


_End = tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]


def _connections() -> Iterator[tuple[_End, str]]:
    """The far end of each TCP connection of this machine, and the inode of its near end."""
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with contextlib.suppress(OSError):
            for row in table.read_text(encoding="ascii").splitlines()[1:]:
                fields = row.split()
                if fields[3] == ESTABLISHED:
                    host, _, port = fields[2].partition(":")
                    yield (_address(host), int(port, 16)), fields[9]


def _address(written: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Words of four bytes, each in the machine's own order."""
    raw = bytes.fromhex(written)
    if sys.byteorder == "little":
        raw = b"".join(raw[place : place + 4][::-1] for place in range(0, len(raw), 4))
    address = ipaddress.ip_address(raw)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
