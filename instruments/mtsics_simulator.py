"""A balance that speaks MT-SICS, in front of the simulated physics. Pure: bytes and a time in, bytes out."""

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from instruments.simulator import Physics

STREAM_EVERY_S = 0.08
_COMMANDS = (
    *((0, name) for name in ("@", "I0", "I1", "I2", "I3", "I4", "S", "SI", "SIR", "Z", "ZI")),
    *((1, name) for name in ("SR", "T", "TA", "TAC", "TI")),
)


@dataclass(slots=True)
class MtSicsBalance:
    """``stable_timeout_s``: after which ``S``, ``T``, ``Z`` and the print key answer ``I``."""

    physics: Physics
    serial: str = "B123456789"
    model: str = "SIM204"
    stable_timeout_s: float = 8.0
    _line: bytearray = field(default_factory=bytearray)
    _waits: list[tuple[str, float]] = field(default_factory=list)  # command, until when
    _stream_at: float | None = None
    _repeat: bool = False
    _last_sent: str = ""

    def receive(self, chunk: bytes, now: float) -> bytes:
        """What the balance answers at once; the rest comes with ``tick``."""
        self._line += chunk
        out = b""
        while (end := self._line.find(b"\n")) >= 0:
            command = bytes(self._line[:end]).strip(b"\r").decode("ascii", "replace")
            del self._line[: end + 1]
            out += self._obey(command, now)
        return out + self.tick(now)

    def press_print(self, now: float) -> bytes:
        self._waits.append(("print", now + self.stable_timeout_s))
        return self.tick(now)

    def switch_on(self) -> bytes:
        """What a balance sends unasked when it gets its power."""
        self._waits.clear()
        self._stream_at, self._repeat = None, False
        self.physics.tare = Decimal(0)
        return self._said(f'I4 A "{self.serial}"')

    def tick(self, now: float) -> bytes:
        """Answers that have become due."""
        out = b""
        for waiting in list(self._waits):
            command, until = waiting
            if self.physics.is_stable(now) or self._out_of_range(now):
                self._waits.remove(waiting)
                out += self._finish(command, now)
            elif now >= until:
                self._waits.remove(waiting)
                out += self._said(f"{'S' if command == 'print' else command} I")
        if self._stream_at is not None and now >= self._stream_at:
            self._stream_at = now + STREAM_EVERY_S
            out += self._weight("S", now)
        if self._repeat:
            out += self._changed(now)
        return out

    @property
    def busy(self) -> bool:
        """Needs ``tick`` often."""
        return bool(self._waits) or self._stream_at is not None or self._repeat

    def _obey(self, command: str, now: float) -> bytes:
        if command in ("S", "SI", "SIR", "SR", "@"):
            self._stream_at, self._repeat = None, False
            self._waits = [waiting for waiting in self._waits if waiting[0] == "print"]
        match command:
            case "S" | "T" | "Z":
                self._waits.append((command, now + self.stable_timeout_s))
                return b""
            case "SI":
                return self._weight("S", now)
            case "SIR":
                self._stream_at = now + STREAM_EVERY_S
                return self._weight("S", now)
            case "SR":
                self._repeat, self._last_sent = True, ""
                return b""
            case "TI":
                self.physics.set_tare()
                return self._tare_now("TI", now)
            case "ZI":
                done = self.physics.set_zero()
                return self._said(f"ZI {'S' if self.physics.is_stable(now) else 'D'}" if done else "ZI I")
            case "TAC":
                self.physics.tare = Decimal(0)
                return self._said("TAC A")
            case "@":
                return self.switch_on()
        return self._identify(command) or self._tare_memory(command) or self._said("ES")

    def _identify(self, command: str) -> bytes:
        match command:
            case "I0":
                lines = [
                    f'I0 {"A" if (level, name) == _COMMANDS[-1] else "B"} {level} "{name}"'
                    for level, name in _COMMANDS
                ]
                return b"".join(self._said(line) for line in lines)
            case "I1":
                return self._said('I1 A "01" "2.30" "2.20" "" ""')
            case "I2":
                return self._said(f'I2 A "{self.model} Excellence {self.physics.capacity} g"')
            case "I3":
                return self._said('I3 A "1.10 18.6.4.1361.772"')
            case "I4":
                return self._said(f'I4 A "{self.serial}"')
        return b""

    def _tare_memory(self, command: str) -> bytes:
        if command == "TA":
            return self._said(f"TA A {self._field(self.physics.tare)} g")
        parts = command.split(" ")
        if parts[0] != "TA":
            return b""
        try:
            value = Decimal(parts[1])
            good = len(parts) == 3 and parts[2] == "g" and 0 <= value <= self.physics.capacity
        except (InvalidOperation, IndexError):
            good = False
        if not good:
            return self._said("TA L")
        self.physics.tare = value
        return self._said(f"TA A {self._field(value)} g")

    def _finish(self, command: str, now: float) -> bytes:
        if command in ("S", "print"):
            return self._weight("S", now)
        if self._out_of_range(now):
            return self._said(f"{command} {'+' if self.physics.is_over(now) else '-'}")
        if command == "Z":
            over = self.physics.load > 0
            return self._said("Z A" if self.physics.set_zero() else f"Z {'+' if over else '-'}")
        self.physics.set_tare()
        return self._tare_now("T", now)

    def _tare_now(self, head: str, now: float) -> bytes:
        status = "S" if self.physics.is_stable(now) else "D"
        return self._said(f"{head} {status} {self._field(self.physics.tare)} g")

    def _out_of_range(self, now: float) -> bool:
        return self.physics.is_over(now) or self.physics.is_under(now)

    def _weight(self, head: str, now: float) -> bytes:
        if self._out_of_range(now):
            return self._said(f"{head} {'+' if self.physics.is_over(now) else '-'}")
        status = "S" if self.physics.is_stable(now) else "D"
        return self._said(f"{head} {status} {self._field(self.physics.net(now))} g")

    def _changed(self, now: float) -> bytes:
        """``SR``: the stable figure once, then again after each change."""
        if not self.physics.is_stable(now):
            return b""
        line = self._weight("S", now)
        if line.decode() == self._last_sent:
            return b""
        self._last_sent = line.decode()
        return line

    def _field(self, value: Decimal) -> str:
        return f"{value.quantize(self.physics.division):>10}"

    def _said(self, line: str) -> bytes:
        return line.encode("ascii") + b"\r\n"
