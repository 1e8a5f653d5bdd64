"""A port that no selector can wait for: two threads carry its bytes to and from a pair of sockets, and we see one end.

So are read: COM ports of Windows, and device servers that speak RFC 2217 (telnet's options lie between the bytes).
"""

import contextlib
import socket
import threading
from collections.abc import Callable

import serial

from instruments.errors import InstrumentError, PortMissing
from instruments.profiles import LineSettings
from instruments.serial_line import DRIVER_ERRORS, refusal, set_line

READ_WAIT_S = 0.1
MOST_WAITS = 20  # for a write to end; one to a device server ends when its connection is closed
OPENED = b"\x06"  # the first byte through the pair is not the device's: it says that the port is open


def open_com(path: str, line: LineSettings) -> serial.SerialBase:
    """A serial port of this machine, as Windows has them. Exclusive there by itself, elsewhere by a lock."""
    try:
        port = serial.Serial(None, timeout=READ_WAIT_S, exclusive=True)
        set_line(port, line)
        port.port = path
        port.open()
    except DRIVER_ERRORS as exc:
        raise refusal(path, line, exc) from exc
    return port


class ThreadedPort:
    """``open_``: called in a thread, may take its time; raises InstrumentError with a sentence.

    Closing does not wait: the port itself is closed within some ``READ_WAIT_S``, also where the device takes nothing.
    """

    opens_writable = False

    def __init__(self, address: str, open_: Callable[[], serial.SerialBase]) -> None:
        self._address, self._open = address, open_
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self.descriptor, self.connecting = self._near.fileno(), True
        self.reason = ""  # why it broke, once it did
        self._ended = False
        threading.Thread(target=self._carry, name=f"read {address}", daemon=True).start()

    def finish(self) -> bool:
        """False while the thread still opens. Raises PortMissing with the reason when it could not."""
        try:
            first = self._near.recv(1)
        except BlockingIOError:
            return False
        if not first:
            raise PortMissing(self.reason or f"{self._address} does not open")
        self.connecting = False
        return True

    def read(self, size: int) -> bytes:
        return self._near.recv(size)

    def write(self, wire: bytes) -> int:
        return self._near.send(wire)

    def close(self) -> None:
        self._ended = True
        self._near.close()

    # --- in the threads ------------------------------------------------------------------------------------

    def _carry(self) -> None:
        with self._far:  # whatever happens, our end hears that it is over
            try:
                port = self._open()
            except InstrumentError as exc:
                self.reason = str(exc)
                return
            writing = threading.Thread(
                target=self._write, args=(port,), name=f"write {self._address}", daemon=True
            )
            writing.start()
            try:
                self._far.sendall(OPENED)
                self._read(port)
            except OSError as exc:  # of the port, pyserial's included, or of our end, which is closed
                self.reason = f"{self._address}: the line broke: {exc}"
            finally:
                self._ended = True
                with contextlib.suppress(OSError):
                    self._far.shutdown(socket.SHUT_RDWR)  # ends the other thread
                    while self._far.recv(4096):  # what is unread at a close takes what was said with it
                        pass
                _end(writing, port)
                with contextlib.suppress(OSError):
                    port.close()

    def _read(self, port: serial.SerialBase) -> None:
        while not self._ended:
            if chunk := port.read(1):
                self._far.sendall(chunk + port.read(port.in_waiting))

    def _write(self, port: serial.SerialBase) -> None:
        with contextlib.suppress(OSError):  # the reading thread says why
            while wire := self._far.recv(4096):
                port.write(wire)
        self._ended = True


def _end(writing: threading.Thread, port: serial.SerialBase) -> None:
    """pyserial's writing falls over a port that is closed under it, or waits for that port for ever."""
    cancel = getattr(port, "cancel_write", None)
    for _ in range(MOST_WAITS):
        writing.join(READ_WAIT_S)
        if not writing.is_alive():
            return
        if cancel is not None:
            cancel()
