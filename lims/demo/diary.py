"""What happens when in the demonstration's past: actions in the order of their instants."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import count

from lims.core.calendar import WorkCalendar
from lims.core.clock import LAB_ZONE, local_date

Action = Callable[[], object]
OPENS, CLOSES = time(8, 30), time(17, 30)


@dataclass
class Diary:
    """A clock that use cases read, and what is planned. Planned past ``end`` is what has not happened yet."""

    now: datetime
    end: datetime
    calendar: WorkCalendar
    _planned: list[tuple[datetime, int, Action]] = field(default_factory=list)
    _serial: "count[int]" = field(default_factory=count)

    def __call__(self) -> datetime:
        return self.now

    def plan(self, at: datetime, action: Action) -> None:
        heapq.heappush(self._planned, (max(at, self.now), next(self._serial), action))

    def run(self) -> None:
        while self._planned and self._planned[0][0] <= self.end:
            self.now, _serial, action = heapq.heappop(self._planned)
            action()
        self.now = self.end

    def later(self, *, working_days: int = 0, minutes: int = 0) -> datetime:
        """An instant in working hours: so many working days from now, then so many minutes."""
        day = self.calendar.add(local_date(self.now), working_days)
        start = self.now if working_days == 0 else at(day, OPENS)
        return self._in_hours(start + timedelta(minutes=minutes))

    def _in_hours(self, instant: datetime) -> datetime:
        local = instant.astimezone(LAB_ZONE)
        if local.time() > CLOSES or not self.calendar.is_working(local.date()):
            return at(self.calendar.add(local.date(), 1), OPENS) + timedelta(minutes=local.minute)
        return instant


def at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, LAB_ZONE)
