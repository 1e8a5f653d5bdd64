"""Working days from an editable calendar: weekends, public holidays and make-up days."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lims.core.database import Base, Identified, Versioned, enum_column
from lims.core.errors import InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork

LONGEST_HOLIDAY = 31


class DayKind(StrEnum):
    OFF = "off"
    WORK = "work"


class CalendarDay(Identified, Versioned, Base):
    """A day that differs from its weekday: a holiday, or a weekend day that is worked."""

    __tablename__ = "calendar_day"
    day: Mapped[date] = mapped_column(unique=True)
    kind: Mapped[DayKind] = mapped_column(enum_column(DayKind))
    name: Mapped[str] = mapped_column(String(80))


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    special: Mapping[date, DayKind] = field(default_factory=dict)

    def is_working(self, day: date) -> bool:
        kind = self.special.get(day)
        return kind is DayKind.WORK if kind is not None else day.weekday() < 5

    def add(self, start: date, working_days: int) -> date:
        """The day ``working_days`` (0 or more) working days after ``start``; the start does not count."""
        if not 0 <= working_days <= 2000:
            raise ValueError("working days must be 0 to 2000")
        day, left = start, working_days
        while left > 0:
            day += timedelta(days=1)
            left -= self.is_working(day)
        return day

    def between(self, start: date, end: date) -> int:
        """Working days after ``start`` up to and with ``end``; negative when ``end`` is earlier."""
        if end < start:
            return -self.between(end, start)
        return sum(self.is_working(start + timedelta(days=n)) for n in range(1, (end - start).days + 1))


_SPECIAL = select(CalendarDay.day, CalendarDay.kind)


def work_calendar(session: Session) -> WorkCalendar:
    return WorkCalendar({row.day: row.kind for row in session.execute(_SPECIAL)})


def set_day(
    uow: UnitOfWork,
    *,
    actor: Actor,
    day: date,
    kind: DayKind | None,
    name: str = "",
    last_day: date | None = None,
) -> None:
    """Mark ``day`` as holiday or as worked; None makes it an ordinary day again.

    With ``last_day`` every day up to it (31 at most). Raises InvalidInput.
    """
    actor.require(Permission.SETTINGS_EDIT)
    count = ((last_day or day) - day).days + 1
    if not 1 <= count <= LONGEST_HOLIDAY:
        fault = _("The last day comes after the first, at most %(n)s days in all.", n=LONGEST_HOLIDAY)
        raise InvalidInput(fault, fields={"last_day": [fault]})
    with uow:
        for number in range(count):
            _mark(uow, actor, day + timedelta(days=number), kind, name)
        uow.commit()


def _mark(uow: UnitOfWork, actor: Actor, day: date, kind: DayKind | None, name: str) -> None:
    row = uow.session.execute(select(CalendarDay).where(CalendarDay.day == day)).scalar_one_or_none()
    before = {"kind": row.kind, "name": row.name} if row else {}
    after = {"kind": kind, "name": name} if kind else {}
    if before == after:
        return
    if kind is None:
        uow.session.delete(row)
    elif row is None:
        uow.session.add(CalendarDay(day=day, kind=kind, name=name))
    else:
        row.kind, row.name = kind, name
    uow.audit("calendar.set", actor, ("calendar_day", day.isoformat()), before=before, after=after)
