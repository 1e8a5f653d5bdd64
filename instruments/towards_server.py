"""The two threads towards the server: captures in order, and the live channel."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from instruments.forwarder import Forwarder
from instruments.live import LiveChannel


@dataclass(slots=True)
class TowardsServer:
    """There is none before enrolment."""

    forwarder: Forwarder
    live: LiveChannel
    _threads: Sequence[threading.Thread] = field(default=(), init=False)

    def start(self) -> None:
        self._threads = [
            threading.Thread(target=self.forwarder.run, name="forwarder", daemon=True),
            threading.Thread(target=self.live.run, name="live", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.forwarder.stop()
        self.live.stop()
        for thread in self._threads:
            thread.join(timeout=3.0)
