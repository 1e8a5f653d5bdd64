"""A device server, or a device with a network plug, that passes bytes as they are: ``socket://host:port``."""

import errno
import os
import socket

from instruments.errors import PortMissing

KEEP_ALIVE_S = 30


class SocketPort:
    """Raises PortMissing. Connecting goes on until the socket can be written to."""

    opens_writable = True
    reason = ""

    def __init__(self, host: str, port: int) -> None:
        address = f"socket://{host}:{port}"
        try:
            family, kind, proto, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            self._socket = socket.socket(family, kind, proto)
        except OSError as exc:
            raise PortMissing(f"{address}: {exc.strerror or exc}") from exc
        self._socket.setblocking(False)
        keep_alive(self._socket)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        state = self._socket.connect_ex(target)
        if state not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            self._socket.close()
            raise PortMissing(f"{address}: {os.strerror(state)}")
        self.descriptor, self.connecting = self._socket.fileno(), state != 0

    def finish(self) -> bool:
        """Raises PortMissing when nobody listens there."""
        if error := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise PortMissing(os.strerror(error))
        self.connecting = False
        return True

    def read(self, size: int) -> bytes:
        return self._socket.recv(size)

    def write(self, wire: bytes) -> int:
        return self._socket.send(wire)

    def close(self) -> None:
        self._socket.close()


def keep_alive(link: socket.socket) -> None:
    """Device servers vanish without a word when their power goes: the kernel has to ask."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", KEEP_ALIVE_S), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
