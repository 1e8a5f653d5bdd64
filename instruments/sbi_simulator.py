"""A balance that speaks Sartorius SBI, in front of the simulated physics. Pure: bytes and a time in, bytes out."""

import re
from dataclasses import dataclass, field
from decimal import Decimal

from instruments.simulator import Physics

# Two letters take a digit or a letter and a stroke; CR LF behind a command may be left out.
_COMMAND = re.compile(rb"\x1b(?P<command>[xk][A-Za-z0-9]_|[A-Za-jl-wyz])")


@dataclass(slots=True)
class SbiBalance:
    """``wide``: lines of 22 characters with a name in front, as set in the balance's menu."""

    physics: Physics
    serial: str = "18207533"
    model: str = "SIM224"
    wide: bool = False
    _line: bytearray = field(default_factory=bytearray)
    _print_waits: bool = False

    def receive(self, chunk: bytes, now: float) -> bytes:
        self._line += chunk
        out = b""
        while (found := _COMMAND.search(self._line)) is not None:
            command = found["command"].decode("ascii")
            del self._line[: found.end()]
            out += self._obey(command, now)
        return out + self.tick(now)

    def press_print(self, now: float) -> bytes:
        self._print_waits = True
        return self.tick(now)

    def switch_on(self) -> bytes:
        """It says nothing when it gets its power."""
        self._print_waits = False
        self.physics.tare = Decimal(0)
        return b""

    def tick(self, now: float) -> bytes:
        if self._print_waits and (self.physics.is_stable(now) or self._beyond(now)):
            self._print_waits = False
            return self._weight(now)
        return b""

    @property
    def busy(self) -> bool:
        return self._print_waits

    def _obey(self, command: str, now: float) -> bytes:
        match command:
            case "P":
                return self._weight(now)
            case "kP_":
                return self.press_print(now)
            case "U":
                self.physics.set_tare()
            case "V":
                self.physics.set_zero()
            case "T":
                if not self.physics.set_zero():
                    self.physics.set_tare()
            case "S":
                self.switch_on()
            case "x1_":
                return self._said("", f"{self.model:>14}")
            case "x2_":
                return self._said("", f"{self.serial:>14}")
            case "x3_":
                return self._said("", f"{'01-62-08':>14}")
        return b""

    def _beyond(self, now: float) -> bool:
        return self.physics.is_over(now) or self.physics.is_under(now)

    def _weight(self, now: float) -> bytes:
        if self._beyond(now):
            return self._said("Stat", f"{'':6}{'High' if self.physics.is_over(now) else 'Low':<8}")
        net = self.physics.net(now)
        unit = "g" if self.physics.is_stable(now) else ""
        return self._said("N", f"{'-' if net < 0 else '+'} {abs(net):>8} {unit:<3}")

    def _said(self, label: str, text: str) -> bytes:
        front = f"{label:<6}" if self.wide else ""
        return f"{front}{text}\r\n".encode("ascii")
