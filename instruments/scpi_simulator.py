"""A multimeter of the 34401A class, in front of the simulated physics (volts in place of grams)."""

import re
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from instruments.simulator import Physics

_QUEUE = 20  # errors the meter remembers
_OVERLOAD = "+9.90000000E+37"
_MEASURE = re.compile(r"READ\?|FETC\?|MEAS(:[A-Z]+)+\? ?.*")
_QUIET = re.compile(r"(SENS|VOLT|CURR|TRIG|SAMP|INIT|DISP)\b.*|\*CLS|\*RST")
_CLEAR = b"\x03"
_NUMBER = r"[0-9.]+(?:E[+-]?\d+)?"
_CONFIGURE = re.compile(
    rf"CONF:(?P<function>[A-Z]+)(?::DC)?(?: (?P<range>{_NUMBER})(?:,(?P<resolution>{_NUMBER}))?)?"
)
_RANGES = {"VOLT": Decimal(1000), "CURR": Decimal(3), "RES": Decimal("1E8"), "FRES": Decimal("1E8")}


@dataclass(slots=True)
class ScpiMeter:
    """Measures only after ``SYST:REM``, as the 34401A does on a serial line. ``model``: of the same family."""

    physics: Physics
    serial: str = "0"
    model: str = "34401A"
    busy: bool = False
    _line: bytearray = field(default_factory=bytearray)
    _errors: deque[str] = field(default_factory=lambda: deque(maxlen=_QUEUE))
    _remote: bool = False
    _configuration: str = "VOLT +1.000000E+01,+1.000000E-05"  # as it comes up

    def receive(self, chunk: bytes, now: float) -> bytes:
        self._line += chunk
        if _CLEAR in self._line:  # device clear: what came before it is forgotten
            del self._line[: self._line.rfind(_CLEAR) + 1]
        out = b""
        while (end := self._line.find(b"\n")) >= 0:
            command = bytes(self._line[:end]).strip().decode("ascii", "replace").upper()
            del self._line[: end + 1]
            out += self._obey(command, now)
        return out

    def press_print(self, now: float) -> bytes:
        return b""

    def switch_on(self) -> bytes:
        self._remote = False
        self._errors.clear()
        return b""

    def tick(self, now: float) -> bytes:
        return b""

    def _obey(self, command: str, now: float) -> bytes:
        match command:
            case "":
                return b""
            case "*IDN?":
                return self._said(f"HEWLETT-PACKARD,{self.model},{self.serial},11-5-2")
            case "SYST:ERR?;:CONF?":
                error = self._errors.popleft() if self._errors else '+0,"No error"'
                return self._said(f'{error};"{self._configuration}"')
            case "SYST:ERR?":
                return self._said(self._errors.popleft() if self._errors else '+0,"No error"')
            case "SYST:REM" | "SYST:RWL" | "SYST:LOC":
                self._remote = command != "SYST:LOC"
                return b""
        if _MEASURE.fullmatch(command):
            if self._remote:
                return self._said(self._figure(now))
            self._errors.append('+550,"Command not allowed in local"')
        elif command == "*CLS":
            self._errors.clear()
        elif (wanted := _CONFIGURE.fullmatch(command)) is not None:
            self._configure(wanted)
        elif not _QUIET.fullmatch(command):
            self._errors.append('-113,"Undefined header"')
        return b""

    def _configure(self, wanted: re.Match[str]) -> None:
        highest = _RANGES.get(wanted["function"])
        span = Decimal(wanted["range"]) if wanted["range"] else highest
        if highest is None or span is None or not self._remote:
            self._errors.append('-113,"Undefined header"')
        elif span > highest:
            self._errors.append('-222,"Data out of range"')
        else:
            fine = Decimal(wanted["resolution"]) if wanted["resolution"] else span.scaleb(-6)
            self._configuration = f"{wanted['function']} {span:+.6E},{fine:+.6E}"

    def _figure(self, now: float) -> str:
        if self.physics.is_over(now):
            return _OVERLOAD
        return f"{Decimal(self.physics.net(now)):+.8E}"

    def _said(self, line: str) -> bytes:
        # Decimal writes E+1 where the meter writes E+01.
        return re.sub(r"E([+-])(\d)(?!\d)", r"E\g<1>0\2", line).encode("ascii") + b"\r\n"
