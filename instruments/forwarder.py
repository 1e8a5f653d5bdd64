"""Ordered, idempotent delivery: what the server has not acknowledged is sent again, and again.

Exactly once = at least once here + the unique key (gateway, epoch, sequence) there.
"""

import random
import threading
import time
from dataclasses import dataclass
from enum import StrEnum

from instruments.canonical import JsonObject, canonical
from instruments.captures import Stored, with_hash
from instruments.clock import SystemClock, instant
from instruments.errors import ServerRefused, ServerUnreachable
from instruments.keys import Identity
from instruments.spool import SpoolReader
from instruments.wire import Server, post_signed_bytes

BATCH_ROWS = 500
BATCH_BYTES = 512 * 1024
BACK_OFF_S = (0.5, 30.0)
REFUSED_WAIT_S = 30.0  # a person has to act: no hurry, but no restart needed afterwards either
KEEP_S = 7 * 24 * 3600.0  # acknowledged rows stay a week, for a server that was restored from a backup


class DeliveryState(StrEnum):
    IDLE = "idle"
    SENDING = "sending"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the delivery stands, for status pages."""

    state: DeliveryState
    acknowledged: int = 0
    code: str | None = None
    sentence: str | None = None


def batch(gateway_id: str, epoch: str, rows: list[Stored], *, oldest: int, sent_at: str) -> bytes:
    """The canonical document of ``POST /api/captures``. The captures in it are not read again: they are bytes."""
    rest: JsonObject = {"epoch": epoch, "gateway": gateway_id, "oldest": oldest, "sent_at": sent_at}
    return b'{"captures":[%b],%b' % (b",".join(map(with_hash, rows)), canonical(rest)[1:])


class Forwarder:
    """``step`` does one round; ``run`` does them until stopped, in a thread of its own."""

    def __init__(
        self, reader: SpoolReader, server: Server, identity: Identity, *, keep_s: float = KEEP_S
    ) -> None:
        self._reader, self._server, self._identity = reader, server, identity
        self._keep_s = keep_s
        self._wake = threading.Event()
        self._stop = False
        self._failures = 0
        self._rows = BATCH_ROWS
        self._clock = SystemClock()
        self.delivery = Delivery(DeliveryState.IDLE, reader.acknowledged)

    def wake(self) -> None:
        """Something new is durable."""
        self._wake.set()

    def stop(self) -> None:
        self._stop = True
        self._wake.set()

    def run(self) -> None:
        wait_s: float | None = 0.0
        while not self._stop:
            # While the server is away, new captures do not shorten the wait: that is what backing off means.
            if self.delivery.state in (DeliveryState.UNREACHABLE, DeliveryState.REFUSED):
                self._sleep(wait_s or 0.0)
            else:
                self._wake.wait(wait_s)
            self._wake.clear()
            if not self._stop:
                wait_s = self.step()
        self._server.close()
        self._reader.close()

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stop and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))

    def step(self) -> float:
        """Send one batch; the seconds to wait before the next."""
        sent_to = self._reader.acknowledged
        rows = self._reader.after(sent_to, rows=self._rows, size=BATCH_BYTES)
        if not rows:
            self.delivery = Delivery(DeliveryState.IDLE, sent_to)
            return 5.0
        try:
            self._deliver(rows, sent_to)
        except ServerUnreachable as exc:
            self.delivery = Delivery(DeliveryState.UNREACHABLE, sent_to, exc.code, str(exc))
            return self._back_off()
        except ServerRefused as exc:
            return self._refused(exc, sent_to)
        self._failures = 0
        return 0.0

    def _deliver(self, rows: list[Stored], sent_to: int) -> None:
        document = batch(
            self._identity.gateway_id,
            self._reader.epoch,
            rows,
            oldest=self._reader.oldest,
            sent_at=instant(self._clock.stamp().wall),
        )
        answer = post_signed_bytes(self._server, self._identity, "captures", "/api/captures", document)
        acknowledged = answer.get("acknowledged")
        if not isinstance(acknowledged, int) or isinstance(acknowledged, bool) or acknowledged < 0:
            raise ServerUnreachable("the server's answer names no acknowledged number")
        self._reader.acknowledge(acknowledged, keep_s=self._keep_s)
        if acknowledged <= sent_to and acknowledged < rows[-1].seq:
            # It took the batch and yet stands still: without a pause this would be an endless quick loop.
            raise ServerUnreachable(f"the server still stands at number {acknowledged}")
        self.delivery = Delivery(DeliveryState.SENDING, acknowledged)

    def _back_off(self) -> float:
        first, longest = BACK_OFF_S
        self._failures += 1
        # Twenty gateways must not all return in the same moment after the server did.
        return float(min(longest, first * 2 ** min(self._failures - 1, 10)) * random.uniform(0.7, 1.0))  # noqa: S311

    def _refused(self, exc: ServerRefused, sent_to: int) -> float:
        if exc.status == 413 and self._rows > 1:
            self._rows = max(1, self._rows // 2)
            return 0.0
        self.delivery = Delivery(DeliveryState.REFUSED, sent_to, exc.code, str(exc))
        return REFUSED_WAIT_S
