"""A device server that speaks RFC 2217, by pyserial's own server side, in front of a serial port; one client at a time."""

import contextlib
import select
import socket
import struct
import threading

import serial
from serial.rfc2217 import PortManager


class PseudoSerial(serial.Serial):
    """A pseudo-terminal has no control lines; ``parities``: what this server's port can do."""

    cts = dsr = cd = True
    ri = False
    parities = ("N", "E", "O")

    def _update_dtr_state(self):
        pass

    def _update_rts_state(self):
        pass

    def _reconfigure_port(self, force_update=False):
        if self._parity not in self.parities:
            raise ValueError("no such parity here")
        # A pseudo-terminal has eight bits, no parity, and nobody who lowers a line.
        wanted = self._bytesize, self._parity, self._rtscts
        self._bytesize, self._parity, self._rtscts = 8, "N", False
        super()._reconfigure_port(force_update)
        self._bytesize, self._parity, self._rtscts = wanted


class DeviceServer:
    def __init__(self, path: str):
        self.serial = PseudoSerial(path, timeout=0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = f"rfc2217://127.0.0.1:{self.port}"
        self._client: socket.socket | None = None
        self._end, self._ended = socket.socketpair()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def write(self, wire: bytes) -> None:
        """What PortManager sends by itself."""
        with contextlib.suppress(OSError):
            self._client.sendall(wire)

    def hang_up(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self._client.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """As a server does whose power failed and came back: the connection ends at once, not in order."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._ended.send(b".")

    def _serve(self) -> None:
        while True:
            if self._end in select.select([self._listener, self._end], [], [])[0]:
                return
            self._client, _ = self._listener.accept()
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._client, contextlib.suppress(OSError):
                self._carry(PortManager(self.serial, self))

    def _carry(self, manager: PortManager) -> None:
        while True:
            ready = select.select([self._client, self.serial, self._end], [], [])[0]
            if self._end in ready:
                return
            if self._client in ready:
                chunk = self._client.recv(4096)
                if not chunk:
                    return
                if wire := b"".join(manager.filter(chunk)):
                    self.serial.write(wire)
            if self.serial in ready:
                self.write(b"".join(manager.escape(self.serial.read(4096))))

    def close(self) -> None:
        self._ended.close()
        self._thread.join()
        for one in (self._end, self._listener, self.serial):
            one.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
