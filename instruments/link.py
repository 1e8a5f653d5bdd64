"""One descriptor: reads, writes, closes when the line breaks, opens again with back-off. Bytes and times."""

import os
from dataclasses import dataclass
from enum import StrEnum

from instruments.errors import InstrumentError
from instruments.port import NO_DESCRIPTORS, Port, open_port
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
    WAITS_FOR_PROFILE = "waits_for_profile"  # the server has not given it yet: the port is not opened


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
    """``descriptor`` is None while the port is away; ``retry_at``: when to try again (monotonic seconds).

    ``threaded``: read a serial port as Windows needs it.
    """

    address: str
    line: LineSettings
    threaded: bool = NO_DESCRIPTORS
    retry_at: float = 0.0
    reason: str = ""
    descriptor: int | None = None
    _port: Port | None = None
    _failures: int = 0
    _unsent: bytes = b""

    @property
    def connecting(self) -> bool:
        return self._port is not None and self._port.connecting

    def open(self, now_s: float) -> bool:
        """True when a port is open (or connecting). A failure is kept in ``reason``."""
        try:
            self._port = open_port(self.address, self.line, threaded=self.threaded)
        except (InstrumentError, OSError) as exc:
            self._fail(now_s, str(exc))
            return False
        self.descriptor, self._unsent = self._port.descriptor, b""
        return True

    def connected(self, now_s: float) -> bool:
        """Ends the connecting; False when it goes on, or when nobody is there and the link is closed again."""
        if self._port is None:
            return False
        try:
            return self._port.finish()
        except (InstrumentError, OSError) as exc:
            self.close(now_s, str(exc))
        return False

    def opened_well(self) -> None:
        """The device said something: the next failure starts with the shortest wait again."""
        self._failures, self.reason = 0, ""

    def read(self, now_s: float) -> bytes | None:
        """None when the line broke. ``b""``, EIO, ENXIO and ENODEV all mean that."""
        if self._port is None:
            return None
        try:
            chunk = self._port.read(READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError as exc:
            self.close(now_s, self._port.reason or os.strerror(exc.errno or 0))
            return None
        if not chunk:
            self.close(now_s, self._port.reason or "the other end closed the line")
            return None
        return chunk

    def write(self, wire: bytes, now_s: float) -> None:
        """What the line does not take at once goes with the next call of ``flush``."""
        self._unsent += wire
        self.flush(now_s)

    @property
    def wants_write(self) -> bool:
        if self.connecting:
            return self._port is not None and self._port.opens_writable
        return bool(self._unsent)

    def flush(self, now_s: float) -> None:
        if self._port is None or not self._unsent:
            return
        try:
            sent = self._port.write(self._unsent)
        except BlockingIOError:
            return
        except OSError as exc:
            self.close(now_s, self._port.reason or os.strerror(exc.errno or 0))
            return
        self._unsent = self._unsent[sent:]

    def close(self, now_s: float, reason: str) -> None:
        """Closes at once: an open descriptor would make the kernel give the replugged device a new name."""
        if self._port is not None:
            self._port.close()
        self._port, self.descriptor, self._unsent = None, None, b""
        self._fail(now_s, reason)

    def _fail(self, now_s: float, reason: str) -> None:
        first, longest = BACK_OFF_S
        self.reason = reason
        self.retry_at = now_s + min(longest, first * 2 ** min(self._failures, 10))
        self._failures += 1
