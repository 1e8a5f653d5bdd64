"""An analyser that reports by ASTM, in front of the simulated physics (pH in place of grams).

Its print key sends what it measured. It takes orders, measures what was ordered one by one, and asks what to do
for a sample that it does not know. It calls, waits for its ACK after each frame and repeats what is refused, with
the session the gateway uses: the two ends of one protocol.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from instruments.analyser_orders import CANCEL, MARKS
from instruments.astm import Astm
from instruments.astm_frames import ENQ, NAK, STX, piece_of
from instruments.astm_records import CANNOT_BE_DONE, Record, Records
from instruments.astm_session import Session
from instruments.frames import Frame, Framer, Stamp
from instruments.simulator import Physics

ANALYSER_WAITS_S = 1.0  # after both called; the host waits twenty
_NO_TIME = Stamp(
    datetime(1970, 1, 1, tzinfo=UTC), 0
)  # frames are answered at once; nobody reads when they came
Ordered = tuple[str, str]  # sample, test


@dataclass(slots=True)
class AstmAnalyser:
    """``sample``, ``test``, ``unit``: of the results it sends. ``together``: a message is one frame, not a frame a
    record; analysers do either.

    ``knows``: the tests it can do, None: any. ``cycle_s``: how long a measurement of an order takes. ``assay``: what
    comes out; without it what the physics shows. ``refuse``: so many frames it will refuse; ``call_first``: so many
    calls of the host it will answer by calling itself.
    """

    physics: Physics
    serial: str = "SIM1"
    sample: str = "S0001"
    test: str = "pH"
    unit: str = ""
    together: bool = False
    encoding: str = "latin-1"
    knows: frozenset[str] | None = None
    cycle_s: float = 1.0
    assay: Callable[[str, str], Decimal] | None = None
    refuse: int = 0
    call_first: int = 0
    ordered: deque[Ordered] = field(default_factory=deque)  # not measured yet
    told: set[Ordered] = field(default_factory=set)  # all that it was ever ordered
    _session: Session = field(init=False)
    _framer: Framer = field(default_factory=lambda: Astm().framer())
    _records: Records = field(init=False)
    _wanted: int = 0
    _ready_at: float = 0.0

    def __post_init__(self) -> None:
        self._session = Session(contention_waits_s=ANALYSER_WAITS_S, encoding=self.encoding)
        self._records = Records(self.encoding)

    def receive(self, chunk: bytes, now: float) -> bytes:
        frames = self._framer.feed(chunk, _NO_TIME)
        return b"".join(self._hear(frame, now) for frame in frames) + self.tick(now)

    def press_print(self, now: float) -> bytes:
        self._wanted += 1
        return self.tick(now)

    def ask(self, sample: str) -> None:
        """Somebody put a sample on it that it has no order for."""
        self._say([f"Q|1|^{MARKS.escaped(sample)}||ALL||||||||O"])

    def switch_on(self) -> bytes:
        self._session.closed()
        self.ordered.clear()
        return b""

    def tick(self, now: float) -> bytes:
        if self._wanted and self.physics.is_stable(now):
            self._wanted -= 1
            self._report(self.sample, self.test, self._measured(now))
        elif self.ordered and now >= self._ready_at and not self._session.unsent:
            self._ready_at = now + self.cycle_s
            sample, test = self.ordered.popleft()
            self._report(sample, test, self.assay(sample, test) if self.assay else self._measured(now))
        return self._session.step(now)

    @property
    def busy(self) -> bool:
        return bool(self._wanted or self.ordered or self._session.unsent)

    # --- orders of the host --------------------------------------------------------------------------------

    def _hear(self, frame: Frame, now: float) -> bytes:
        if frame.raw == ENQ and self.call_first > 0:
            # Its own call crosses the host's on the line.
            self.call_first -= 1
            self._report(self.sample, self.test, self._measured(now))
            return self._session.step(now) + self._session.hear(frame, now).reply
        if frame.raw.startswith(STX) and self.refuse > 0:
            self.refuse -= 1
            return NAK
        answer = self._session.hear(frame, now)
        piece = piece_of(frame.raw)
        if answer.keep and piece is not None:
            for record in self._records.take(piece.text, last=piece.last):
                if record.type == "O":
                    self._order(record, now)
        return answer.reply

    def _order(self, record: Record, now: float) -> None:
        for parts in record.repeats(5):
            wanted = (record.components(3)[0], parts[3] if len(parts) > 3 else parts[0])
            if record.raw(12) == CANCEL:
                self.ordered = deque(one for one in self.ordered if one != wanted)
            elif self.knows is not None and wanted[1] not in self.knows:
                self._say(["P|1", f"{_order_of(*wanted)}{'|' * 21}{CANNOT_BE_DONE}"])
            elif wanted not in self.ordered:
                self.told.add(wanted)
                self.ordered.append(wanted)
                self._ready_at = max(self._ready_at, now + self.cycle_s)

    # --- what it sends -------------------------------------------------------------------------------------

    def _measured(self, now: float) -> Decimal | str:
        return f">{self.physics.capacity}" if self.physics.is_over(now) else self.physics.net(now)

    def _report(self, sample: str, test: str, value: Decimal | str) -> None:
        said = f"R|1|^^^{MARKS.escaped(test)}|{value}|{self.unit}||||F"
        self._say(["P|1", f"{_order_of(sample, test)}|R", said])

    def _say(self, records: Iterable[str]) -> None:
        whole = [f"H|\\^&|||Simulator^1^{self.serial}|||||||P|1", *records, "L|1|N"]
        self._session.send(["\r".join(whole)] if self.together else whole)


def _order_of(sample: str, test: str) -> str:
    return f"O|1|{MARKS.escaped(sample)}||^^^{MARKS.escaped(test)}"
