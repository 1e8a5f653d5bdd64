"""A serial port of Linux or macOS: pyserial opens, configures and locks, then the descriptor is read by ourselves.

pyserial's own read fails above descriptor 1023, and each of its ports costs five descriptors.
"""

import contextlib
import fcntl
import os
import termios
from pathlib import Path

import serial

from instruments.profiles import LineSettings
from instruments.serial_line import DRIVER_ERRORS, refusal, set_line


class PosixPort:
    """Raises PortBusy (and says who holds it), PortMissing, or SettingsWrong."""

    connecting = False
    opens_writable = False
    reason = ""

    def __init__(self, path: str, line: LineSettings) -> None:
        try:
            port = serial.Serial(None, timeout=0, exclusive=True)
            set_line(port, line)
            port.port = path
            port.open()
        except DRIVER_ERRORS as exc:
            raise refusal(path, line, exc) from exc
        try:
            self.descriptor = os.dup(port.fileno())
        finally:
            port.close()
        _lock_out_others(path, self.descriptor)
        _tell_silence_from_hang_up(self.descriptor)
        os.set_blocking(self.descriptor, False)

    def finish(self) -> bool:
        return True

    def read(self, size: int) -> bytes:
        return os.read(self.descriptor, size)

    def write(self, wire: bytes) -> int:
        return os.write(self.descriptor, wire)

    def close(self) -> None:
        os.close(self.descriptor)


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
