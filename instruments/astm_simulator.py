"""An analyser that reports by ASTM, in front of the simulated physics (pH in place of grams).

Its print key sends what it measured. It calls, waits for its ACK after each frame and repeats what is refused,
with the session the gateway uses: the two ends of one protocol.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from instruments.astm import Astm
from instruments.astm_session import Session
from instruments.frames import Framer, Stamp
from instruments.simulator import Physics

ANALYSER_WAITS_S = 1.0  # after both called; the host waits twenty
_NO_TIME = Stamp(
    datetime(1970, 1, 1, tzinfo=UTC), 0
)  # frames are answered at once; nobody reads when they came


@dataclass(slots=True)
class AstmAnalyser:
    """``sample``, ``test``, ``unit``: of the results it sends. ``together``: a message is one frame, not a frame a
    record; analysers do either.
    """

    physics: Physics
    serial: str = "SIM1"
    sample: str = "S0001"
    test: str = "pH"
    unit: str = ""
    together: bool = False
    _session: Session = field(default_factory=lambda: Session(contention_waits_s=ANALYSER_WAITS_S))
    _framer: Framer = field(default_factory=lambda: Astm().framer())
    _wanted: int = 0

    def receive(self, chunk: bytes, now: float) -> bytes:
        frames = self._framer.feed(chunk, _NO_TIME)
        return b"".join(self._session.hear(frame, now).reply for frame in frames) + self.tick(now)

    def press_print(self, now: float) -> bytes:
        self._wanted += 1
        return self.tick(now)

    def switch_on(self) -> bytes:
        self._session.closed()
        return b""

    def tick(self, now: float) -> bytes:
        if self._wanted and self.physics.is_stable(now):
            self._wanted -= 1
            records = self._message(now)
            self._session.send(["\r".join(records)] if self.together else records)
        return self._session.step(now)

    @property
    def busy(self) -> bool:
        return bool(self._wanted or self._session.unsent)

    def _message(self, now: float) -> list[str]:
        value: Decimal | str = self.physics.net(now)
        if self.physics.is_over(now):
            value = f">{self.physics.capacity}"
        return [
            f"H|\\^&|||Simulator^1^{self.serial}|||||||P|1",
            "P|1",
            f"O|1|{self.sample}||^^^{self.test}|R",
            f"R|1|^^^{self.test}|{value}|{self.unit}||||F",
            "L|1|N",
        ]
