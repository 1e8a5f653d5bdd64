"""What to open: a serial path, COMn, ``socket://host:port`` or ``rfc2217://host:port``. Knows no protocol."""

import os
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from instruments.errors import SettingsWrong
from instruments.profiles import LineSettings
from instruments.remote_port import open_remote
from instruments.socket_port import SocketPort
from instruments.threaded_port import ThreadedPort, open_com

NO_DESCRIPTORS = os.name == "nt"  # there no serial port can be waited for


class Port(Protocol):
    """An open port, never blocking: ``read`` and ``write`` raise BlockingIOError instead.

    ``descriptor``: what a selector waits on. ``connecting``: call ``finish`` when the descriptor can be written to
    (``opens_writable``) or read from; it may raise, or say that it is not yet so. ``reason``: why it broke, where known.
    """

    descriptor: int
    connecting: bool
    reason: str

    @property
    def opens_writable(self) -> bool: ...

    def finish(self) -> bool: ...

    def read(self, size: int) -> bytes: ...

    def write(self, wire: bytes) -> int: ...

    def close(self) -> None: ...


def open_port(address: str, line: LineSettings, *, threaded: bool = NO_DESCRIPTORS) -> Port:
    """Raises PortBusy (and says who holds it), PortMissing, or SettingsWrong; some only from ``finish``."""
    scheme, found, _ = address.partition("://")
    if not found:
        if threaded:
            return ThreadedPort(address, partial(open_com, address, line))
        from instruments.posix_port import PosixPort  # not to be imported on Windows

        return PosixPort(address, line)
    if scheme == "socket":
        return SocketPort(*_host_and_port(address))
    if scheme == "rfc2217":
        _host_and_port(address)
        return ThreadedPort(address, partial(open_remote, address, line))
    raise SettingsWrong(
        f"{address!r}: a port is a path such as /dev/serial/by-id/..., COM3, socket://host:port or rfc2217://host:port"
    )


def _host_and_port(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None:
        raise SettingsWrong(f"{address!r}: write {address.partition('://')[0]}://host:port")
    return host, port
