"""What an administrator sees of numbering and calendar; changing them is core's business."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.calendar import LONGEST_HOLIDAY as MOST
from lims.core.calendar import CalendarDay, DayKind
from lims.core.numbering import (
    DEFAULT_PATTERNS,
    NumberPattern,
    NumberSeries,
    check_pattern,
    write_number,
)
from lims.core.permissions import Actor, Permission

FIRST_YEAR, LAST_YEAR = 2000, 2200


@dataclass(frozen=True, slots=True)
class PatternLine:
    """``given``: how many numbers of this year are given; ``following``: what the next looks like."""

    kind: str
    pattern: str
    own: bool
    given: int
    following: str


@dataclass(frozen=True, slots=True)
class Day:
    """``kind``: why it differs from its weekday, None for an ordinary day."""

    day: date
    working: bool
    kind: DayKind | None
    name: str


@dataclass(frozen=True, slots=True)
class Month:
    """``weeks``: Monday first; None outside the month."""

    first: date
    weeks: Sequence[Sequence[Day | None]]
    working_days: int


@dataclass(frozen=True, slots=True)
class Span:
    """Special days that follow each other for the same reason."""

    first: date
    last: date
    kind: DayKind
    name: str

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class CalendarYear:
    year: int
    months: Sequence[Month]
    special: Sequence[Day]
    spans: Sequence[Span]
    working_days: int


def list_patterns(session: Session, *, actor: Actor, today: date) -> list[PatternLine]:
    actor.require(Permission.SETTINGS_EDIT)
    found = session.execute(select(NumberPattern.kind, NumberPattern.pattern))
    own = dict(found.all())
    given = select(NumberSeries.kind, NumberSeries.last).where(NumberSeries.year == today.year)
    last = dict(session.execute(given).all())
    lines = []
    for kind, usual in DEFAULT_PATTERNS.items():
        pattern = own.get(kind, usual)
        following = write_number(pattern, today, last.get(kind, 0) + 1)
        lines.append(PatternLine(kind, pattern, kind in own, last.get(kind, 0), following))
    return lines


def preview_pattern(session: Session, *, actor: Actor, kind: str, pattern: str, today: date) -> PatternLine:
    """What the next number of ``kind`` would look like under ``pattern``. Raises InvalidInput."""
    check_pattern(pattern)
    line = next(line for line in list_patterns(session, actor=actor, today=today) if line.kind == kind)
    return replace(line, pattern=pattern, following=write_number(pattern, today, line.given + 1))


def calendar_year(session: Session, *, actor: Actor, year: int) -> CalendarYear:
    """Every day of ``year`` (2000 to 2200), and those that differ from their weekday."""
    actor.require(Permission.SETTINGS_EDIT)
    start, end = date(year, 1, 1), date(year, 12, 31)
    found = select(CalendarDay.day, CalendarDay.kind, CalendarDay.name).where(
        CalendarDay.day.between(start, end)
    )
    marked = {row.day: (row.kind, row.name) for row in session.execute(found)}
    count = (end - start).days + 1
    days = [_day(start + timedelta(days=n), marked) for n in range(count)]
    months = [_month(year, number, days) for number in range(1, 13)]
    special = [day for day in days if day.kind is not None]
    return CalendarYear(year, months, special, _spans(special), sum(day.working for day in days))


def _spans(special: Sequence[Day]) -> list[Span]:
    spans: list[Span] = []
    for day in special:
        assert day.kind is not None
        before = spans[-1] if spans else None
        follows = before is not None and day.day == before.last + timedelta(days=1)
        if before and follows and (before.kind, before.name) == (day.kind, day.name) and before.days < MOST:
            spans[-1] = replace(before, last=day.day)
        else:
            spans.append(Span(day.day, day.day, day.kind, day.name))
    return spans


def _day(day: date, marked: dict[date, tuple[DayKind, str]]) -> Day:
    kind, name = marked.get(day, (None, ""))
    return Day(day, day.weekday() < 5 if kind is None else kind is DayKind.WORK, kind, name)


def _month(year: int, number: int, days: Sequence[Day]) -> Month:
    mine = {d.day.day: d for d in days if d.day.month == number}
    weeks = [[mine.get(n) for n in week] for week in calendar.monthcalendar(year, number)]
    return Month(date(year, number, 1), weeks, sum(d.working for d in mine.values()))
