"""Who has to be looked after when: a bench of a hundred devices touches only those whose time has come."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Who = TypeVar("Who", bound=Hashable)


class Agenda(Generic[Who]):
    """Times are seconds of any one clock. Each has one entry at most; a new one replaces it."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Who]] = []
        self._when: dict[Who, float] = {}
        self._count = 0  # parts equal times, so that nobody's names are compared

    def put(self, who: Who, when: float | None) -> None:
        """None: only something that happens brings it back."""
        if when is None:
            self._when.pop(who, None)
        elif self._when.get(who) != when:
            self._when[who] = when
            self._count += 1
            heapq.heappush(self._entries, (when, self._count, who))
            if len(self._entries) > 4 * len(self._when) + 64:
                self._forget_replaced()

    def _forget_replaced(self) -> None:
        """Deadlines lie far ahead and are nearly always replaced: they would pile up until their time."""
        self._entries = [entry for entry in self._entries if self._when.get(entry[2]) == entry[0]]
        heapq.heapify(self._entries)

    def due(self, now: float) -> list[Who]:
        """Those whose time has come, in its order; their entries are gone."""
        found: list[Who] = []
        while self._entries and self._entries[0][0] <= now:
            when, _, who = heapq.heappop(self._entries)
            if self._when.get(who) == when:
                del self._when[who]
                found.append(who)
        return found

    def next_time(self) -> float | None:
        while self._entries and self._when.get(self._entries[0][2]) != self._entries[0][0]:
            heapq.heappop(self._entries)
        return self._entries[0][0] if self._entries else None
