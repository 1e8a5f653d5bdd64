"""How long the disk of the spool lasts, told before it is full: then devices are refused, and a person has to come."""

import logging
import shutil
from collections import deque
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger("instruments")

SAMPLE_S, SAMPLES = 60.0, 61  # the growth of the last hour
WORD_EVERY_S = 3600.0
ENOUGH_H = 24.0  # less than a day: somebody should know before the evening


@dataclass(frozen=True, slots=True)
class DiskState:
    """``lasts_h``: hours until it is full, as the spool grows now; None while it does not grow."""

    free_mb: int
    lasts_h: float | None
    low: bool

    @property
    def sentence(self) -> str | None:
        if not self.low:
            return None
        lasts = (
            "" if self.lasts_h is None else f", enough for about {self.lasts_h:.0f} h as the spool grows now"
        )
        return f"the disk of the spool is nearly full: {self.free_mb} MB free{lasts}"


class Disk:
    """``low_mb``: less than so much free is told, in the log once an hour. ``now_s``: monotonic seconds."""

    def __init__(self, spool: Path, low_mb: int) -> None:
        self._spool, self._low_mb = spool, low_mb
        self._sizes: deque[tuple[float, int]] = deque(maxlen=SAMPLES)
        self._next_word = 0.0

    def look(self, now_s: float) -> DiskState:
        free = shutil.disk_usage(self._spool.parent).free
        if not self._sizes or now_s >= self._sizes[-1][0] + SAMPLE_S:
            self._sizes.append((now_s, self._spool.stat().st_size))
        lasts_h = self._lasts_h(free)
        low = free < self._low_mb * 2**20 or (lasts_h is not None and lasts_h < ENOUGH_H)
        state = DiskState(free // 2**20, lasts_h, low)
        if low and now_s >= self._next_word:
            self._next_word = now_s + WORD_EVERY_S
            log.warning(state.sentence)
        return state

    def _lasts_h(self, free: int) -> float | None:
        (began, first), (ended, last) = self._sizes[0], self._sizes[-1]
        if last <= first or len(self._sizes) < 10:  # some minutes: a start is no habit
            return None
        return free / (last - first) * (ended - began) / 3600
