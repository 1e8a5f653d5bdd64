"""One selector for all lines of a bench, and a bell with which other threads end its wait."""

import contextlib
import selectors
import socket
from collections.abc import Iterable, Iterator

from instruments.device import Device


class Watch:
    """``reading``: whether what comes is to be read; while it is not, what the devices say waits in the kernel."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._bell, self._button = socket.socketpair()
        self._bell.setblocking(False)
        self._button.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        self._registered: dict[Device, tuple[int, int]] = {}  # descriptor and what it is watched for
        self.reading = True

    def ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # a full one rings as well
            self._button.send(b".")

    def wait(self, seconds: float) -> Iterator[tuple[Device, int]]:
        """Devices whose line can be read from or written to, and which of the two (of selectors)."""
        for key, mask in self._selector.select(seconds):
            if key.data is not None:
                yield key.data, mask
            else:
                with contextlib.suppress(BlockingIOError):
                    self._bell.recv(4096)

    def follow(self, devices: Iterable[Device]) -> None:
        """In step with the descriptors. A closed one goes first: its number may be in use again."""
        held_now = self._registered.get
        changed = {d: want for d in devices if (want := self._wanted(d)) != held_now(d)}
        for device in changed:
            if (held := self._registered.pop(device, None)) is not None:
                with contextlib.suppress(KeyError, ValueError, OSError):
                    self._selector.unregister(held[0])
        for device, want in changed.items():
            if want is not None:
                self._selector.register(*want, device)
                self._registered[device] = want

    def _wanted(self, device: Device) -> tuple[int, int] | None:
        mask = selectors.EVENT_READ if self.reading else 0
        mask |= selectors.EVENT_WRITE if device.link.wants_write else 0
        descriptor = device.link.descriptor
        return None if descriptor is None or not mask else (descriptor, mask)

    def close(self) -> None:
        self._selector.close()
        self._bell.close()
        self._button.close()
