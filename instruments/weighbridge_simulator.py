"""Weighbridge indicators that send all the time, in front of the simulated physics (kilograms in place of grams)."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import xor

from instruments.simulator import Physics

EVERY_S = 0.1
_MOST = 999_999  # six digits
_DOT_CODE = 2  # of Toledo's word A: no place behind the point

# What an indicator sends now; nothing where its protocol has no frame for the state it is in.
Layout = Callable[[Physics, float], bytes]


@dataclass(slots=True)
class Weighbridge:
    """``every_s``: between two frames."""

    physics: Physics
    layout: Layout
    serial: str = ""
    every_s: float = EVERY_S
    _due: float = 0.0

    def receive(self, chunk: bytes, now: float) -> bytes:
        """It takes no commands."""
        return self.tick(now)

    def press_print(self, now: float) -> bytes:
        return b""

    def switch_on(self) -> bytes:
        self.physics.tare = Decimal(0)
        return b""

    def tick(self, now: float) -> bytes:
        if now < self._due:
            return b""
        self._due = now + self.every_s
        return self.layout(self.physics, now)

    @property
    def busy(self) -> bool:
        return True


def yaohua_stx(physics: Physics, now: float) -> bytes:
    """Format 0. Out of range its display shows dashes, which six digits cannot say: it sends nothing."""
    net = physics.net(now)
    digits = _digits(abs(net), physics.decimals)
    if physics.is_over(now) or physics.is_under(now) or digits is None:
        return b""
    body = f"{'-' if net < 0 else '+'}{digits}{physics.decimals}".encode("ascii")
    return b"\x02" + body + b"%02X" % reduce(xor, body) + b"\x03"


def toledo(physics: Physics, now: float) -> bytes:
    """Continuous output with check: net where a tare is set, motion, and out of range as bits of word B."""
    net = physics.net(now)
    digits = _digits(abs(net), physics.decimals)
    tare = _digits(abs(physics.tare), physics.decimals)
    beyond = physics.is_over(now) or physics.is_under(now) or digits is None or tare is None
    word_b = 0x30 | bool(physics.tare) | (net < 0) << 1 | beyond << 2 | (not physics.is_stable(now)) << 3
    words = bytes([0x28 | _DOT_CODE + physics.decimals, word_b, 0x20])
    body = b"\x02" + words + f"{digits or '0' * 6}{tare or '0' * 6}\r".encode("ascii")
    return body + bytes([-sum(body) & 0x7F])


def _digits(number: Decimal, decimals: int) -> str | None:
    whole = int(number.scaleb(decimals).to_integral_value())
    return f"{whole:06}" if whole <= _MOST else None
