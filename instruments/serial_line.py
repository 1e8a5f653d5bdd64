"""Line settings for pyserial, and what its errors mean to the person at the bench. The same for every kind of port."""

import errno
import os

import serial

try:
    from termios import error as TermiosError
except ImportError:  # Windows

    class TermiosError(Exception):  # type: ignore[no-redef]
        """Never raised there."""


from instruments.errors import InstrumentError, PortBusy, PortMissing, SettingsWrong
from instruments.holders import who_holds
from instruments.profiles import LineSettings

DRIVER_ERRORS = (OSError, ValueError, TermiosError)  # the last: an adapter that does not take a setting


def set_line(port: serial.SerialBase, line: LineSettings) -> None:
    """Before the port opens. Raises ValueError."""
    port.baudrate, port.bytesize, port.stopbits = line.baud, line.bytesize, line.stopbits
    port.parity = line.parity
    port.xonxoff, port.rtscts = line.handshake == "xonxoff", line.handshake == "rtscts"
    # Some devices restart when these lines move, so they are set before the port opens.
    if line.dtr is not None:
        port.dtr = line.dtr
    if line.rts is not None:
        port.rts = line.rts


def in_words(line: LineSettings) -> str:
    return f"{line.baud} baud, {line.bytesize}{line.parity}{line.stopbits}, handshake {line.handshake}"


def refusal(path: str, line: LineSettings, exc: Exception) -> InstrumentError:
    """Of a serial port of this machine; pyserial's SerialException is an OSError, on Windows without a number."""
    if isinstance(exc, ValueError):
        return SettingsWrong(f"{path}: {exc}")
    if not isinstance(exc, OSError):
        return SettingsWrong(f"{path} does not take {in_words(line)}")
    said = str(exc)
    busy = exc.errno in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "lock" in said
    if busy or (exc.errno is None and "PermissionError" in said):
        holder = who_holds(path)
        return PortBusy(f"{path} is in use by {holder or 'another program (of another user)'}")
    if exc.errno in (errno.EACCES, errno.EPERM):
        return PortBusy(f"no permission to open {path}; add this user to the group of the device (dialout)")
    said = os.strerror(exc.errno) if exc.errno else said
    return PortMissing(f"{path} is not there or does not open: {said}")
