"""The physics of a balance: load, settling, noise, tare, zero, overload. Every protocol stands in front of it."""

import math
import random
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol


@dataclass(slots=True)
class Physics:
    """Times in seconds on the caller's clock, weights in grams.

    ``settle_s``: time constant of the approach to a new load. ``noise_d``: while it settles or is disturbed,
    in scale divisions. Once settled the display filter holds the figure, as a real balance's does.
    """

    capacity: Decimal = Decimal(220)
    decimals: int = 4
    settle_s: float = 0.2
    noise_d: float = 2.0
    seed: int = 1
    load: Decimal = Decimal(0)
    zero_point: Decimal = Decimal(0)
    tare: Decimal = Decimal(0)
    _from: float = 0.0
    _loaded_at: float = -1e9
    _disturbed_until: float = -1e9
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311

    @property
    def division(self) -> Decimal:
        return Decimal(1).scaleb(-self.decimals)

    def put(self, grams: Decimal, now: float) -> None:
        """Replace what lies on the pan."""
        self._from, self._loaded_at = self._gross(now), now
        self.load = grams

    def disturb(self, seconds: float, now: float) -> None:
        """A draught, a hand on the table: not stable for so long."""
        self._disturbed_until = now + seconds

    def _gross(self, now: float) -> float:
        left = math.exp(-(now - self._loaded_at) / self.settle_s) if self.settle_s > 0 else 0.0
        return float(self.load) + (self._from - float(self.load)) * left

    def is_stable(self, now: float) -> bool:
        far = abs(self._gross(now) - float(self.load)) > 0.3 * float(self.division)
        return not far and now >= self._disturbed_until

    def net(self, now: float) -> Decimal:
        """The displayed figure."""
        base = self.zero_point + self.tare
        if self.is_stable(now):
            shown = self.load - base
        else:
            wobble = self._random.gauss(0, self.noise_d * float(self.division))
            shown = Decimal(repr(self._gross(now) + wobble)) - base
        return shown.quantize(self.division, ROUND_HALF_EVEN)

    def is_over(self, now: float) -> bool:
        return self._gross(now) - float(self.zero_point) > float(self.capacity) * 1.0005

    def is_under(self, now: float) -> bool:
        return self._gross(now) - float(self.zero_point) < -float(self.capacity) * 0.02

    def set_tare(self) -> None:
        self.tare = self.load - self.zero_point

    def set_zero(self) -> bool:
        """Within 2 % of the capacity, as OIML R 76 asks of the zero-setting device."""
        if abs(self.load) > self.capacity * Decimal("0.02"):
            return False
        self.zero_point, self.tare = self.load, Decimal(0)
        return True


class SimulatedDevice(Protocol):
    """A protocol in front of the physics; pure, so that a pseudo-terminal, a socket or a test can drive it."""

    physics: Physics
    serial: str

    def receive(self, chunk: bytes, now: float) -> bytes:
        """What it answers at once; the rest comes with ``tick``."""

    def press_print(self, now: float) -> bytes: ...

    def switch_on(self) -> bytes:
        """What it sends unasked when it gets its power."""

    def tick(self, now: float) -> bytes: ...

    @property
    def busy(self) -> bool:
        """Needs ``tick`` often."""
