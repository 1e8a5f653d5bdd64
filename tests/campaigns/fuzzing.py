"""A small coverage-guided fuzzer: what leads into code that was not run before is kept and changed further.

Coverage is counted in steps from one line to the next, of the modules under test only, with ``sys.settrace``. The same
seed and the same number of tries give the same inputs; the time given decides how many tries there are.
"""

import random
import sys
import time
from collections.abc import Callable, Sequence
from types import CodeType, FrameType

LONGEST = 1200
BUSY_WITH = (
    b'\x00\x01\x02\x03\x04\x05\x06\x07\x0a\x0d\x15\x17\x1b\x7f\x80\xff +-.,:;=?|\\^&"0123456789ABCDEFabcdef'
)


class Coverage:
    """``new_steps`` runs something and tells whether it took a step that nothing before had taken.

    ``unseen``: names of functions that turn over bits and take the same steps for every input; they would only be slow.
    """

    def __init__(self, package: str, unseen: frozenset[str]):
        self._package, self._unseen = package, unseen
        self._ours: dict[CodeType, int] = {}  # number of the code, 0 where it is not ours
        self._last = 0
        self._now: set[tuple[int, int]] = set()
        self.steps: set[tuple[int, int]] = set()

    def new_steps(self, run: Callable[[], None]) -> bool:
        self._now, self._last = set(), 0
        sys.settrace(self._enter)
        try:
            run()
        finally:
            sys.settrace(None)
        known = len(self.steps)
        self.steps |= self._now
        return len(self.steps) > known

    def _enter(self, frame: FrameType, event: str, arg: object):
        code = frame.f_code
        number = self._ours.get(code)
        if number is None:
            ours = code.co_name not in self._unseen and self._holds(frame)
            number = self._ours[code] = len(self._ours) + 1 if ours else 0
        return self._line if number else None

    def _holds(self, frame: FrameType) -> bool:
        name = str(frame.f_globals.get("__name__", ""))
        return name == self._package or name.startswith(f"{self._package}.")

    def _line(self, frame: FrameType, event: str, arg: object):
        if event == "line":
            place = self._ours[frame.f_code] << 16 | frame.f_lineno
            self._now.add((self._last, place))
            self._last = place
        return self._line


class Fuzzer:
    """``seeds``: what was really said on such lines; never empty."""

    def __init__(self, seeds: Sequence[bytes], seed: str, package: str, unseen: frozenset[str] = frozenset()):
        self._dice = random.Random(seed)
        self._words = list(seeds)
        self.corpus = list(dict.fromkeys(seeds))
        self.coverage = Coverage(package, unseen)
        self.tries = 0

    def run(self, seconds: float, check: Callable[[bytes, random.Random], None]) -> None:
        """Raises what ``check`` raises, with the input in a note."""
        until = time.monotonic() + seconds
        for words in list(self.corpus):
            self._try(words, check)
        while time.monotonic() < until:
            self._try(self._changed(self._dice.choice(self.corpus)), check)

    def _try(self, stream: bytes, check: Callable[[bytes, random.Random], None]) -> None:
        self.tries += 1
        state = random.Random(self._dice.random())
        try:
            if self.coverage.new_steps(lambda: check(stream, state)):
                self.corpus.append(stream)
        except BaseException as exc:
            exc.add_note(f"try {self.tries}: {stream.hex()}")
            raise

    def _changed(self, stream: bytes) -> bytes:
        for _ in range(self._dice.choice((1, 1, 1, 2, 3, 5, 8))):
            stream = self._change(stream)
        return stream[:LONGEST]

    def _change(self, stream: bytes) -> bytes:
        dice, size = self._dice, len(stream)
        place = dice.randint(0, size)
        end = min(size, place + dice.choice((1, 1, 2, 4, 8, 32)))
        before, piece, after = stream[:place], stream[place:end], stream[end:]
        match dice.randrange(9):
            case 0 if piece:  # one bit
                return before + bytes([piece[0] ^ 1 << dice.randrange(8)]) + stream[place + 1 :]
            case 1:  # other bytes
                return before + bytes(dice.choice(BUSY_WITH) for _ in piece) + after
            case 2:
                return before + after
            case 3:
                return before + piece * dice.randint(2, 4) + after
            case 4:
                return before + bytes([dice.choice(BUSY_WITH)]) + stream[place:]
            case 5:
                return before + dice.randbytes(dice.randint(1, 8)) + after
            case 6:  # two lines in one
                other = dice.choice(self.corpus)
                return before + other[dice.randint(0, len(other)) :]
            case 7:
                return before + dice.choice(self._words) + stream[place:]
            case _:  # two pieces change places
                return after + piece + before
