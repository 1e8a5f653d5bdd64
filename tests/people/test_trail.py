"""Reading the audit trail: filters, differences, export, chain."""

import csv
import io
import re
from datetime import date

import pytest
from sqlalchemy import text

from lims.core.calendar import DayKind, set_day
from lims.core.errors import PermissionDenied
from lims.core.numbering import set_pattern
from lims.core.permissions import Role
from lims.people.trail import Filter, differences, get_event, holds, list_events
from tests.core.test_unit_of_work import tamper
from tests.support.accounts import actor_of, make_account, sign_in
from tests.support.queries import statements_of


@pytest.fixture
def trail(uow, boss):
    """Events 2 to 5 (event 1 made the administrator)."""
    set_pattern(uow, actor=boss, kind="order", pattern="A{yyyy}-{serial:04d}")
    set_pattern(uow, actor=boss, kind="order", pattern="B{yyyy}-{serial:04d}")
    set_day(uow, actor=boss, day=date(2026, 10, 1), kind=DayKind.OFF, name="=cmd|'/c calc'!A1")
    other = actor_of(make_account(uow, Role.ADMINISTRATOR, name_zh="赵敏"))
    set_day(uow, actor=other, day=date(2026, 10, 2), kind=DayKind.OFF, name="国庆节")
    return uow.session


def seqs(session, boss, **wanted):
    return [row.seq for row in list_events(session, actor=boss, wanted=Filter(**wanted)).rows]


def test_events_are_found_by_person_verb_and_object(trail, boss):
    assert seqs(trail, boss) == [6, 5, 4, 3, 2, 1]
    assert seqs(trail, boss, person="赵") == [6]
    assert seqs(trail, boss, person=str(boss.id)) == [4, 3, 2]
    assert seqs(trail, boss, verb="numbering.") == [3, 2]
    assert seqs(trail, boss, object_type="calendar_day", object_id="2026-10-02") == [6]
    assert seqs(trail, boss, verb="%") == []


def test_the_page_filters_by_days_of_the_laboratory(browser, admin, trail, clock, uow, boss):
    clock.advance(hours=14)  # 00:00 of the next day in Shanghai
    set_day(uow, actor=boss, day=date(2026, 10, 3), kind=DayKind.OFF, name="国庆节")
    sign_in(browser, admin)  # nobody is signed in for fourteen hours
    shown = rows(browser.get("/audit-trail?first_day=2026-11-24"))
    assert shown[-1] == 7
    assert 7 not in rows(browser.get("/audit-trail?last_day=2026-11-23"))


def rows(page):
    return [int(n) for n in re.findall(r'href="/audit-trail/(\d+)"', page.text)]


def test_nobody_reads_it_without_the_permission(trail, uow):
    with pytest.raises(PermissionDenied):
        list_events(trail, actor=actor_of(make_account(uow, Role.ANALYST)), wanted=Filter())


def test_the_difference_stands_column_by_column(trail, boss):
    changed = differences(get_event(trail, actor=boss, seq=3))
    assert [(d.name, d.before, d.after) for d in changed] == [
        ("pattern", "A{yyyy}-{serial:04d}", "B{yyyy}-{serial:04d}")
    ]


def test_the_event_page_shows_difference_and_hashes(browser, trail, boss):
    page = browser.get("/audit-trail/3").text
    event = get_event(trail, actor=boss, seq=3)
    assert "<del>A{yyyy}-{serial:04d}</del>" in page
    assert "<ins>B{yyyy}-{serial:04d}</ins>" in page
    assert event.hash in page
    assert event.prev_hash in page
    assert "content fits its hash" in page
    assert "numbering: set" in page


def test_a_tampered_event_says_so_on_its_page_and_on_the_chains(browser, trail, boss):
    tamper(trail, "UPDATE audit_event SET reason = 'invented' WHERE seq = 3")
    assert not holds(get_event(trail, actor=boss, seq=3))
    assert "content does not fit its hash" in browser.get("/audit-trail/3").text
    chain = browser.get("/audit-trail/chain").text
    assert "The chain is broken at event 3: its content does not fit its hash." in chain


def test_a_sound_chain_says_how_many_events_hold(browser, trail):
    assert "All 6 events hold." in browser.get("/audit-trail/chain").text


def test_what_is_filtered_is_exported_and_no_spreadsheet_runs_it(browser, trail):
    answer = browser.get("/audit-trail/export.csv?verb=calendar.")
    lines = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [line["seq"] for line in lines] == ["6", "4"]
    assert not [cell for line in lines for cell in line.values() if cell[:1] in {"=", "+", "@"}]
    found = browser.get("/audit-trail/export.json?verb=calendar.").json
    assert found[1]["after"] == {"kind": "off", "name": "=cmd|'/c calc'!A1"}
    page = browser.get("/audit-trail?verb=calendar.").text
    assert "/audit-trail/export.csv?verb=calendar." in page


def test_the_export_of_nothing_is_an_empty_table(browser, trail):
    assert browser.get("/audit-trail/export.json?verb=none").json == []


def test_a_reader_outside_can_compute_the_chain_from_the_export(browser, trail):
    """The file carries everything the hash covers; this is the whole verifier."""
    import hashlib

    import orjson

    found = browser.get("/audit-trail/export.json").json
    previous = "0" * 64
    for event in reversed(found):
        body = {k: event[k] for k in event if k not in {"hash", "prev_hash"}} | {"prev": previous}
        for name in ("before", "after"):
            body[name] = orjson.dumps(event[name], option=orjson.OPT_SORT_KEYS).decode()
        packed = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
        digest = hashlib.sha256(str(len(packed)).encode() + b":" + packed).hexdigest()
        assert (event["prev_hash"], event["hash"]) == (previous, digest), event["seq"]
        previous = digest
    assert len(found) == 6


def test_a_longer_trail_asks_the_database_no_more_often(browser, database, uow, boss):
    with statements_of(database.engine) as few:
        browser.get("/audit-trail")
    for number in range(60):
        set_day(uow, actor=boss, day=date(2026, 1, 1), kind=DayKind.OFF, name=f"n{number}")
    with statements_of(database.engine) as many:
        page = browser.get("/audit-trail")
    assert len(rows(page)) >= 50
    assert len(many) == len(few)


def test_pages_go_forth_and_back(browser, uow, boss):
    for number in range(120):
        set_day(uow, actor=boss, day=date(2026, 1, 1), kind=DayKind.OFF, name=f"n{number}")
    first = browser.get("/audit-trail")
    second = browser.get(follow(first, "next"))
    assert min(rows(first)) == max(rows(second)) + 1
    assert rows(browser.get(follow(second, "prev"))) == rows(first)


def follow(page, rel):
    found = re.search(rf'<a rel="{rel}" href="([^"]+)"', page.text)
    assert found, f"no link {rel}"
    return found[1].replace("&amp;", "&")


@pytest.mark.parametrize("query", ["first_day=yesterday", "person=" + "x" * 200, "object_id=%00", "cursor=x"])
def test_what_cannot_be_read_never_breaks_the_page(browser, trail, query):
    assert browser.get(f"/audit-trail?{query}").status_code in {200, 422}


def test_the_trail_is_where_the_database_looks_up_things(trail, database):
    """The history of one thing stays quick in a long trail."""
    wanted = "SELECT seq FROM audit_event WHERE object_type = 'account' AND object_id = '1'"
    if database.name == "postgresql":  # which would rather read six rows than an index
        trail.execute(text("SET LOCAL enable_seqscan = off"))
    plan = "EXPLAIN QUERY PLAN " if database.name == "sqlite" else "EXPLAIN "
    found = " ".join(str(row) for row in trail.execute(text(plan + wanted)))
    assert "ix_audit_event_object" in found
