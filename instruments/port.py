"""What to open: a serial path or ``socket://host:port``; line settings and the lock. Knows no protocol.

pyserial opens, configures and locks; then only the descriptor is kept, and the link reads it itself
(pyserial's own read fails above descriptor 1023, and each of its ports costs five descriptors).
"""

import contextlib
import errno
import fcntl
import os
import socket
import termios
from pathlib import Path
from urllib.parse import urlsplit

import serial

from instruments.errors import PortBusy, PortMissing, SettingsWrong
from instruments.profiles import LineSettings

KEEP_ALIVE_S = 30


def open_port(address: str, line: LineSettings) -> tuple[int, bool]:
    """A non-blocking descriptor, and whether it is still connecting (then wait until it can be written).

    Raises PortBusy (and says who holds it), PortMissing, or SettingsWrong.
    """
    if address.startswith("socket://"):
        return _open_socket(address)
    if "://" in address:
        raise SettingsWrong(
            f"{address!r}: a port is a path such as /dev/serial/by-id/..., or socket://host:port"
        )
    return _open_serial(address, line), False


def _open_serial(path: str, line: LineSettings) -> int:
    try:
        port = serial.Serial(None, timeout=0, exclusive=True)
        port.baudrate, port.bytesize, port.stopbits = line.baud, line.bytesize, line.stopbits
        port.parity = line.parity
        port.xonxoff, port.rtscts = line.handshake == "xonxoff", line.handshake == "rtscts"
        # Some devices restart when these lines move, so they are set before the port opens.
        if line.dtr is not None:
            port.dtr = line.dtr
        if line.rts is not None:
            port.rts = line.rts
        port.port = path
        port.open()
    except ValueError as exc:
        raise SettingsWrong(f"{path}: {exc}") from exc
    except OSError as exc:  # pyserial's SerialException is one
        raise _refusal(path, exc) from exc
    try:
        descriptor = os.dup(port.fileno())
    finally:
        port.close()
    _lock_out_others(path, descriptor)
    _tell_silence_from_hang_up(descriptor)
    os.set_blocking(descriptor, False)
    return descriptor


def _tell_silence_from_hang_up(descriptor: int) -> None:
    """pyserial sets VMIN 0, and then reading a quiet line gives b"" as a broken one does; with 1 it says EAGAIN."""
    settings = termios.tcgetattr(descriptor)
    settings[6][termios.VMIN], settings[6][termios.VTIME] = 1, 0
    termios.tcsetattr(descriptor, termios.TCSANOW, settings)


def _lock_out_others(path: str, descriptor: int) -> None:
    """The flock is only advisory; TIOCEXCL makes every other open fail (except root's)."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # A pseudo-terminal outlives us while its other end is open, and would keep the mark after a kill -9.
    if not str(Path(path).resolve()).startswith("/dev/pts/"):
        with contextlib.suppress(OSError):
            fcntl.ioctl(descriptor, termios.TIOCEXCL)


def _refusal(path: str, exc: OSError) -> PortBusy | PortMissing:
    busy = exc.errno in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "lock" in str(exc)
    if busy:
        holder = who_holds(path)
        return PortBusy(f"{path} is in use by {holder or 'another program (of another user)'}")
    if exc.errno in (errno.EACCES, errno.EPERM):
        return PortBusy(f"no permission to open {path}; add this user to the group of the device (dialout)")
    return PortMissing(f"{path} is not there or does not open: {exc.strerror or exc}")


def who_holds(path: str) -> str | None:
    """Name and number of the process that has the port open, as far as this user may see (Linux)."""
    try:
        device = os.stat(path).st_rdev  # noqa: PTH116
        processes = list(Path("/proc").glob("[0-9]*/fd/*"))
    except OSError:
        return None
    for entry in processes:
        with contextlib.suppress(OSError):
            if entry.parts[2] != str(os.getpid()) and entry.stat().st_rdev == device != 0:
                name = Path("/proc", entry.parts[2], "comm").read_text(encoding="utf-8").strip()
                return f"{name} (process {entry.parts[2]})"
    return None


def _open_socket(address: str) -> tuple[int, bool]:
    parts = urlsplit(address)
    if parts.hostname is None or parts.port is None:
        raise SettingsWrong(f"{address!r}: write socket://host:port")
    try:
        family, kind, proto, _, target = socket.getaddrinfo(
            parts.hostname, parts.port, type=socket.SOCK_STREAM
        )[0]
        link = socket.socket(family, kind, proto)
    except OSError as exc:
        raise PortMissing(f"{address}: {exc.strerror or exc}") from exc
    link.setblocking(False)
    # Device servers vanish without a word when their power goes: the kernel has to ask.
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option, value in (("TCP_KEEPIDLE", KEEP_ALIVE_S), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    state = link.connect_ex(target)
    if state not in (0, errno.EINPROGRESS):
        link.close()
        raise PortMissing(f"{address}: {os.strerror(state)}")
    return link.detach(), state == errno.EINPROGRESS
