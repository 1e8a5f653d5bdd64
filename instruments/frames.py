"""Framers: cut a stream of bytes into frames. Pure: no clock, no input or output.

A time-out ends a wait, never a frame: half a line stays half a line until the rest comes or the link breaks.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

LONGEST_FRAME = 4096  # bytes; no device here sends a tenth of it, so more means noise


# Stamps and frames are plain tuples: a bench makes a thousand of each a second.
class Stamp(NamedTuple):
    """When bytes were read, to a millisecond or two on a busy bench: wall clock (UTC, may jump) and monotonic
    nanoseconds (never does)."""

    wall: datetime
    mono_ns: int


class Verdict(StrEnum):
    WHOLE = "whole"
    OVERLONG = "overlong"
    CUT_OFF = "cut_off"  # the link broke before the end came
    NOISE = (
        "noise"  # bytes between two frames, or a frame whose check failed where the next has to be looked for
    )


class Frame(NamedTuple):
    """Bytes of one message with its terminator, and when its first and last byte were read."""

    raw: bytes
    first: Stamp
    last: Stamp
    verdict: Verdict = Verdict.WHOLE


class Framer(Protocol):
    def feed(self, chunk: bytes, at: Stamp) -> list[Frame]:
        """Frames completed by this chunk, in order; every byte given ends in exactly one frame."""

    def flush(self, at: Stamp) -> list[Frame]:
        """What is left when the link breaks, as frames that are not whole."""

    @property
    def waiting(self) -> bytes:
        """Bytes of a frame that has not ended yet."""


class LineFramer:
    """Lines ended by ``terminator``; a line longer than ``longest`` is cut and marked."""

    def __init__(self, terminator: bytes = b"\r\n", longest: int = LONGEST_FRAME) -> None:
        self._terminator = terminator
        self._longest = longest
        self._buffer = bytearray()
        self._first: Stamp | None = None

    @property
    def waiting(self) -> bytes:
        return bytes(self._buffer)

    def feed(self, chunk: bytes, at: Stamp) -> list[Frame]:
        if not chunk:
            return []
        size = len(chunk) - len(self._terminator)
        if not self._buffer and chunk.find(self._terminator) == size >= 0 and len(chunk) <= self._longest:
            return [Frame(chunk, at, at)]  # nearly always
        first = self._first or at
        searched = max(0, len(self._buffer) - len(self._terminator) + 1)
        self._buffer += chunk
        frames: list[Frame] = []
        while True:
            end = self._buffer.find(self._terminator, searched)
            verdict = Verdict.WHOLE
            if end >= 0 and end + len(self._terminator) <= self._longest:
                size = end + len(self._terminator)
            elif len(self._buffer) >= self._longest:
                size, verdict = self._longest, Verdict.OVERLONG
            else:
                break
            frames.append(Frame(bytes(self._buffer[:size]), first, at, verdict))
            del self._buffer[:size]
            first, searched = at, 0
        self._first = first if self._buffer else None
        return frames

    def flush(self, at: Stamp) -> list[Frame]:
        if not self._buffer:
            return []
        frame = Frame(bytes(self._buffer), self._first or at, at, Verdict.CUT_OFF)
        self._buffer.clear()
        self._first = None
        return [frame]


@dataclass(frozen=True, slots=True)
class Cut:
    """The first ``size`` bytes of what waits are one frame, or noise."""

    size: int
    verdict: Verdict = Verdict.WHOLE


# Given what waits (at least one byte) and whether the link has ended: the next cut, or None for "more bytes
# are needed". Must not change its mind when more bytes come, or a frame would depend on how it was split.
Measure = Callable[[bytes, bool], Cut | None]


class MeasuredFramer:
    """Frames whose length their first bytes tell: STX frames, fixed lengths, expected lengths.

    What cannot begin a frame is cut off as noise, so that the next frame is found again.
    """

    def __init__(self, measure: Measure, longest: int = LONGEST_FRAME) -> None:
        self._measure = measure
        self._longest = longest
        self._buffer = bytearray()
        self._arrived: deque[tuple[int, Stamp]] = deque()  # bytes still waiting of each chunk

    @property
    def waiting(self) -> bytes:
        return bytes(self._buffer)

    def feed(self, chunk: bytes, at: Stamp) -> list[Frame]:
        if not chunk:
            return []
        self._buffer += chunk
        self._arrived.append((len(chunk), at))
        return self._cut(ended=False)

    def flush(self, at: Stamp) -> list[Frame]:
        frames = self._cut(ended=True)
        if self._buffer:
            frames.append(self._take(Cut(len(self._buffer), Verdict.CUT_OFF)))
        return frames

    def _cut(self, *, ended: bool) -> list[Frame]:
        frames: list[Frame] = []
        while self._buffer:
            cut = self._measure(bytes(self._buffer), ended)
            if cut is None or cut.size > self._longest:
                if len(self._buffer) < self._longest:
                    break
                cut = Cut(self._longest, Verdict.OVERLONG)
            frames.append(self._take(cut))
        return frames

    def _take(self, cut: Cut) -> Frame:
        raw = bytes(self._buffer[: cut.size])
        del self._buffer[: cut.size]
        first, left = self._arrived[0][1], cut.size
        last = first
        while left:
            size, last = self._arrived.popleft()
            if size > left:
                self._arrived.appendleft((size - left, last))
            left -= min(size, left)
        return Frame(raw, first, last, cut.verdict)


def noise_until(waiting: bytes, start: bytes, ended: bool) -> Cut | None:
    """For a measure whose frames begin with ``start``: what lies before it."""
    place = waiting.find(start, 1)
    if place >= 0:
        return Cut(place, Verdict.NOISE)
    return Cut(len(waiting), Verdict.NOISE) if ended else None
