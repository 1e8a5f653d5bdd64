"""One descriptor: reads, writes, closes when the line breaks, opens again with back-off. Bytes and times."""

import os
import socket
from dataclasses import dataclass
from enum import StrEnum

from instruments.errors import InstrumentError
from instruments.port import open_port
from instruments.profiles import LineSettings

BACK_OFF_S = (0.5, 30.0)
READ_SIZE = 65536
SUSPECT_BYTES = 64  # judge the line settings on at least so many bytes
SUSPECT_SHARE = 5  # more than one byte in five that no sane frame has


class LinkState(StrEnum):
    CONNECTED = "connected"
    CONNECTING = "connecting"
    SILENT = "silent"  # open, asked, and nothing comes back
    SUSPECT = "suspect_line_settings"
    UNPLUGGED = "unplugged"
    WRONG_DEVICE = "wrong_device"


class LineHealth:
    """Counts bytes that neither text nor this protocol has: the mark of a wrong speed or parity."""

    def __init__(self, controls: bytes) -> None:
        self._sane = bytes(range(0x20, 0x7F)) + controls
        self._seen = self._odd = 0

    def feed(self, chunk: bytes) -> None:
        self._seen += len(chunk)
        self._odd += len(chunk.translate(None, self._sane))
        if self._seen > 4 * SUSPECT_BYTES:  # forget slowly, so that a mended line is seen to be mended
            self._seen, self._odd = self._seen // 2, self._odd // 2

    def understood(self) -> None:
        """A frame was read as a whole: nothing is wrong with the line."""
        self._seen = self._odd = 0

    @property
    def suspect(self) -> bool:
        return self._seen >= SUSPECT_BYTES and self._odd * SUSPECT_SHARE > self._seen


@dataclass(slots=True)
class Link:
    """``descriptor`` is None while the port is away; ``retry_at``: when to try again (monotonic seconds)."""

    address: str
    line: LineSettings
    descriptor: int | None = None
    connecting: bool = False
    retry_at: float = 0.0
    reason: str = ""
    _failures: int = 0
    _unsent: bytes = b""

    def open(self, now_s: float) -> bool:
        """True when a descriptor is open (or connecting). A failure is kept in ``reason``."""
        try:
            self.descriptor, self.connecting = open_port(self.address, self.line)
        except (InstrumentError, OSError) as exc:
            self._fail(now_s, str(exc))
            return False
        self._unsent = b""
        return True

    def connected(self, now_s: float) -> bool:
        """Ends a socket's connecting; False when nobody listens there."""
        if self.descriptor is None:
            return False
        probe = socket.socket(fileno=os.dup(self.descriptor))
        error = probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        probe.close()
        if error:
            self.close(now_s, os.strerror(error))
            return False
        self.connecting = False
        return True

    def opened_well(self) -> None:
        """The device said something: the next failure starts with the shortest wait again."""
        self._failures, self.reason = 0, ""

    def read(self, now_s: float) -> bytes | None:
        """None when the line broke. ``b""``, EIO, ENXIO and ENODEV all mean that."""
        if self.descriptor is None:
            return None
        try:
            chunk = os.read(self.descriptor, READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError as exc:
            self.close(now_s, os.strerror(exc.errno or 0))
            return None
        if not chunk:
            self.close(now_s, "the other end closed the line")
            return None
        return chunk

    def write(self, wire: bytes, now_s: float) -> None:
        """What the line does not take at once goes with the next call of ``flush``."""
        self._unsent += wire
        self.flush(now_s)

    @property
    def wants_write(self) -> bool:
        return bool(self._unsent) or self.connecting

    def flush(self, now_s: float) -> None:
        if self.descriptor is None or not self._unsent:
            return
        try:
            sent = os.write(self.descriptor, self._unsent)
        except BlockingIOError:
            return
        except OSError as exc:
            self.close(now_s, os.strerror(exc.errno or 0))
            return
        self._unsent = self._unsent[sent:]

    def close(self, now_s: float, reason: str) -> None:
        """Closes at once: an open descriptor would make the kernel give the replugged device a new name."""
        if self.descriptor is not None:
            os.close(self.descriptor)
        self.descriptor, self.connecting, self._unsent = None, False, b""
        self._fail(now_s, reason)

    def _fail(self, now_s: float, reason: str) -> None:
        first, longest = BACK_OFF_S
        self.reason = reason
        self.retry_at = now_s + min(longest, first * 2 ** min(self._failures, 10))
        self._failures += 1
