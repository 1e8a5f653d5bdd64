"""Every row once, forwards and backwards, whatever the order."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from lims.core.calendar import CalendarDay, DayKind
from lims.core.errors import InvalidInput
from lims.core.paging import Key, capped_count, read_page
from lims.core.permissions import SYSTEM


@pytest.fixture
def days(uow):
    start = date(2026, 1, 1)
    with uow:
        uow.insert_many(
            CalendarDay,
            [
                {"day": start + timedelta(days=n), "kind": DayKind.OFF, "name": f"n{n % 3}", "version": 1}
                for n in range(25)
            ],
        )
        uow.audit("calendar.fill", SYSTEM, ("calendar_day", "all"))
        uow.commit()
    return uow.session


@pytest.mark.parametrize("descending", [False, True])
def test_walking_forwards_and_back_shows_every_row_once(days, descending):
    statement = select(CalendarDay.id, CalendarDay.name)
    keys = [Key(CalendarDay.name), Key(CalendarDay.id, descending)]
    seen, cursor, pages = [], None, []
    while True:
        page = read_page(days, statement, keys, cursor=cursor, size=7)
        seen += [row.id for row in page.rows]
        pages.append([row.id for row in page.rows])
        if page.after is None:
            break
        cursor = page.after
    expected = days.scalars(
        select(CalendarDay.id).order_by(
            CalendarDay.name, CalendarDay.id.desc() if descending else CalendarDay.id
        )
    ).all()
    assert seen == list(expected)
    assert len(pages) == 4
    for wanted in reversed(pages[:-1]):
        page = read_page(days, statement, keys, cursor=page.before, size=7)
        assert [row.id for row in page.rows] == wanted
    assert page.before is None


@pytest.mark.parametrize("cursor", ["x", "!!!!", "W10", "e30", "WzEsMl0", "bnVsbA", "a" * 5000])
def test_a_broken_cursor_is_refused_with_its_code(days, cursor):
    with pytest.raises(InvalidInput) as refusal:
        read_page(days, select(CalendarDay.id), [Key(CalendarDay.id)], cursor=cursor)
    assert refusal.value.code == "bad_cursor"


def test_a_count_stops_at_its_cap(days):
    assert str(capped_count(days, select(CalendarDay.id), cap=10)) == "10+"
    assert str(capped_count(days, select(CalendarDay.id), cap=25)) == "25"
