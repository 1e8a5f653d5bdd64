"""Numbering and calendar as an administrator sees and changes them."""

import re
from datetime import date

import pytest

from lims.core.calendar import DayKind, set_day, work_calendar
from lims.core.errors import InvalidInput
from lims.core.numbering import DEFAULT_PATTERNS, take_numbers
from lims.core.permissions import SYSTEM
from lims.people.house_rules import calendar_year, list_patterns, preview_pattern
from lims.ui.labels import registered

TODAY = date(2026, 11, 23)


def test_the_preview_is_the_number_that_comes_next(uow, boss):
    with uow:
        take_numbers(uow, "order", TODAY, 3)
        uow.audit("test.take", SYSTEM, ("number", 1))
        uow.commit()
    line = next(n for n in list_patterns(uow.session, actor=boss, today=TODAY) if n.kind == "order")
    with uow:
        (given,) = take_numbers(uow, "order", TODAY)
        uow.audit("test.take", SYSTEM, ("number", 1))
        uow.commit()
    assert (line.given, line.following) == (3, given)


def test_a_preview_saves_nothing(browser, uow, boss):
    page = browser.post("/numbering/preview", data={"kind": "order", "pattern": "X{yy}/{serial:03d}"})
    assert "X26/001" in page.text
    assert "not saved yet" in page.text
    line = preview_pattern(uow.session, actor=boss, kind="order", pattern="X{yy}/{serial:03d}", today=TODAY)
    assert line.following == "X26/001"
    kept = next(n for n in list_patterns(uow.session, actor=boss, today=TODAY) if n.kind == "order")
    assert kept.pattern == DEFAULT_PATTERNS["order"]


def test_a_pattern_is_saved_and_counts_from_the_next_number(browser, uow, boss):
    answer = browser.post("/numbering", data={"kind": "order", "pattern": "单{yyyy}字第{serial:04d}号"})
    assert answer.status_code == 302
    assert "单2026字第0001号" in browser.get("/numbering").text


@pytest.mark.parametrize(
    "pattern", ["WT{serial:05d}", "WT{yyyy}", "{serial.__class__}{yyyy}", "a b{yyyy}{serial}"]
)
def test_a_pattern_that_could_repeat_a_number_is_refused_and_kept_in_its_row(browser, pattern):
    answer = browser.post("/numbering", data={"kind": "sample", "pattern": pattern})
    assert answer.status_code == 422
    row = re.search(r'<tr id="sample">.*?</tr>', answer.text, re.DOTALL)[0]
    assert f'value="{pattern}"' in row
    assert 'aria-invalid="true"' in row


def test_every_kind_of_number_has_words(app):
    assert DEFAULT_PATTERNS.keys() <= registered()["NumberKind"].keys()


def test_a_holiday_of_several_days_is_one_step(uow, boss, session):
    set_day(
        uow,
        actor=boss,
        day=date(2026, 10, 1),
        last_day=date(2026, 10, 7),
        kind=DayKind.OFF,
        name="国庆节",
    )
    set_day(uow, actor=boss, day=date(2026, 10, 10), kind=DayKind.WORK, name="国庆节调休")
    calendar = work_calendar(session)
    assert calendar.add(date(2026, 9, 30), 1) == date(2026, 10, 8)
    assert calendar.is_working(date(2026, 10, 10))
    year = calendar_year(session, actor=boss, year=2026)
    assert [(s.first.day, s.last.day, s.days) for s in year.spans] == [(1, 7, 7), (10, 10, 1)]
    assert year.months[9].working_days == 18  # October 2026: 22 weekdays, 5 of them off, one Saturday worked
    assert len(year.months) == 12
    assert all(len(week) == 7 for month in year.months for week in month.weeks)


@pytest.mark.parametrize(("last", "reason"), [(date(2026, 9, 30), "before"), (date(2026, 11, 1), "too long")])
def test_a_span_that_cannot_be_is_refused(uow, boss, last, reason):
    with pytest.raises(InvalidInput) as refusal:
        set_day(uow, actor=boss, day=date(2026, 10, 1), last_day=last, kind=DayKind.OFF, name="x")
    assert "last_day" in refusal.value.fields, reason


def test_the_year_shows_marks_and_takes_them_away(browser, session, boss):
    data = {"day": "2026-10-01", "last_day": "2026-10-03", "kind": "off", "name": "国庆节"}
    assert browser.post("/calendar", data=data).location == "/calendar?year=2026"
    page = browser.get("/calendar?year=2026").text
    assert 'aria-label="2026-10-02, holiday: 国庆节"' in page
    browser.post("/calendar", data={**data, "kind": "", "name": ""})
    assert calendar_year(session, actor=boss, year=2026).spans == []


def test_a_holiday_without_a_name_keeps_what_was_typed(browser):
    answer = browser.post("/calendar", data={"day": "2026-10-01", "kind": "off", "name": ""})
    assert answer.status_code == 422
    assert 'value="2026-10-01"' in answer.text
    assert 'id="f-name-error"' in answer.text


@pytest.mark.parametrize("year", ["1999", "2201", "x", "99999999999999999999"])
def test_a_year_that_is_none_shows_this_one(browser, year):
    assert "Calendar 2026" in browser.get(f"/calendar?year={year}").text


def test_a_day_of_the_year_fills_the_form(browser):
    assert 'value="2026-05-01"' in browser.get("/calendar?day=2026-05-01").text
