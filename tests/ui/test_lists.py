"""Lists: filters in the address, pages forth and back, files that no spreadsheet runs, views, few queries."""

import csv
import io
import re
from datetime import date
from decimal import Decimal
from html import unescape

import pytest
from flask import g, render_template_string
from flask_babel import lazy_gettext as _l
from openpyxl import load_workbook
from sqlalchemy import func, literal, select

from lims.core.calendar import CalendarDay, DayKind
from lims.core.errors import InvalidInput
from lims.core.paging import Key
from lims.core.permissions import SYSTEM, Permission, Role
from lims.ui import lists, spreadsheet
from lims.ui.labels import choices
from lims.ui.lists import Bulk, Column, Filter, Listing, Order
from tests.support.accounts import actor_of, make_account, sign_in
from tests.support.queries import statements_of

COUNT = 120
DAYS = Listing(
    caption=_l("Calendar"),
    empty=_l("Calendar"),
    statement=lambda _actor: select(CalendarDay.id, CalendarDay.day, CalendarDay.kind, CalendarDay.name),
    keys=(Key(CalendarDay.day, descending=True), Key(CalendarDay.id)),
    columns=(
        Column("name", "Name", href=lambda row: f"/day/{row.id}"),
        Column("day", "Day", kind="day"),
        Column("kind", "Kind", kind="state"),
        Column("price", "Price", kind="figure", value=lambda row: Decimal("1.50") * row.id, unit="CNY"),
    ),
    filters=(
        Filter("q", "Name", lambda s, v: s.where(CalendarDay.name.contains(v, autoescape=True))),
        Filter(
            "kind",
            "Kind",
            lambda s, v: s.where(CalendarDay.kind == DayKind(v)),
            options=lambda: choices(DayKind),
        ),
        Filter("until", "Until", lambda s, v: s.where(CalendarDay.day <= v), kind="day"),
        Filter("secret", "Secret", lambda s, v: s.where(CalendarDay.name == v), hidden=True),
    ),
    orders=(Order("name", "Name", (Key(CalendarDay.name), Key(CalendarDay.id))),),
    bulk=(Bulk("ui.home", "Do it", Permission.SETTINGS_EDIT),),
    is_late=lambda row: row.day < date(2026, 1, 5),
    size=50,
)
PAGE = '{% import "ui/list.html" as lists %}{{ lists.whole(list) }}'


@pytest.fixture
def days(uow):
    with uow:
        for n in range(COUNT):
            kind = DayKind.WORK if n % 2 else DayKind.OFF
            day = date.fromordinal(date(2026, 1, 1).toordinal() + n)
            uow.add(CalendarDay(day=day, kind=kind, name=f"day {n:03d}"))
        uow.audit("test.days", SYSTEM, ("calendar_day", 1))
        uow.commit()
    return actor_of(make_account(uow, Role.ADMINISTRATOR))


@pytest.fixture
def ask(app, days, session):
    """The list at an address: (what ``lists.show`` found, its page)."""

    def ask(query="", actor=None):
        with app.test_request_context(f"/people?{query}", headers={"Accept-Language": "en"}):
            g.actor, g.csp_nonce = actor or days, ""
            found = lists.show(DAYS, session, g.actor)
            return found, render_template_string(PAGE, list=found) if found.page else ""

    return ask


def names(page):
    return re.findall(r'href="/day/\d+">([^<]+)<', page)


def follow(page, rel):
    found = re.search(rf'rel="{rel}" href="/people\?([^"]+)"', page)
    return unescape(found[1]) if found else None


def test_pages_go_forth_to_the_end_and_back_to_the_start(ask):
    seen, query, pages = [], "", []
    while query is not None:
        _found, page = ask(query)
        pages.append(names(page))
        seen += names(page)
        last, query = page, follow(page, "next")
    assert seen == [f"day {n:03d}" for n in reversed(range(COUNT))]
    assert [len(p) for p in pages] == [50, 50, 20]
    back = follow(last, "prev")
    assert names(ask(back)[1]) == pages[1]
    assert names(ask(follow(ask(back)[1], "prev"))[1]) == pages[0]
    assert follow(ask(follow(ask(back)[1], "prev"))[1], "prev") is None


def test_filters_live_in_the_address_and_survive_paging(ask):
    _found, page = ask("kind=work")
    assert len(names(page)) == 50
    following = follow(page, "next")
    assert "kind=work" in following
    assert len(names(ask(following)[1])) == 10
    assert '<option value="work" selected>' in page


def test_filters_work_together(ask):
    _found, page = ask("kind=off&until=2026-01-10&q=day+00")
    assert names(page) == ["day 008", "day 006", "day 004", "day 002", "day 000"]
    assert 'value="2026-01-10"' in page


@pytest.mark.parametrize("text", ["%", "_", "' OR 1=1 --", "\\", "<script>"])
def test_words_are_words_for_the_database_and_the_page(ask, text):
    from urllib.parse import quote

    found, page = ask(f"q={quote(text)}")
    assert found.total.count == 0
    assert "<script>" not in page
    assert "Nothing matches these filters." in page


@pytest.mark.parametrize("query", ["kind=blue", "until=tomorrow", "until=2026-02-30", "kind=OFF"])
def test_a_filter_that_cannot_be_is_refused(ask, query):
    with pytest.raises(InvalidInput) as refusal:
        ask(query)
    assert refusal.value.code == "bad_filter"


@pytest.mark.parametrize("cursor", ["x", "W10", "bnVsbA", "WyJ4Iiwgeyd9XQ", "eyJhIjoxfQ", "%00"])
def test_a_broken_cursor_is_refused(ask, cursor):
    with pytest.raises(InvalidInput) as refusal:
        ask(f"cursor={cursor}")
    assert refusal.value.code == "bad_cursor"


def test_a_hidden_filter_is_drawn_only_when_used(ask):
    assert 'name="secret"' not in ask()[1]
    assert 'name="secret" value="day 003"' in ask("secret=day+003")[1]


def test_another_order_may_be_chosen(ask):
    assert names(ask("order=name")[1])[:2] == ["day 000", "day 001"]
    assert names(ask("order=unheard")[1])[0] == "day 119"


def test_late_rows_are_marked(ask):
    assert ask("until=2026-01-06")[1].count('class="is-late"') == 4


def test_bulk_steps_are_offered_to_those_who_may(ask, uow):
    assert "Do it" in ask()[1]
    other = actor_of(make_account(uow, Role.ANALYST))
    page = ask(actor=other)[1]
    assert "Do it" not in page
    assert 'name="ids"' not in page


def test_one_page_asks_three_times_however_long_the_list(ask, database):
    with statements_of(database.engine) as seen:
        ask("kind=work")
    asked = [s for s in seen if s.startswith("SELECT")]
    assert len(asked) == 3, "the rows, the count, the views"


def test_far_pages_cost_what_the_first_costs(ask, database):
    """The database seeks on the list's first key; it never reads what it then throws away."""
    _found, page = ask()
    with statements_of(database.engine) as seen:
        ask(follow(page, "next"))
    (rows,) = [s for s in seen if "_key0" in s]
    assert "calendar_day.day <= " in rows


def test_the_total_is_counted_up_to_a_cap(ask, session):
    from lims.core.paging import capped_count

    assert str(ask()[0].total) == "120"
    assert str(capped_count(session, select(CalendarDay.id), 100)) == "100+"


# -- files ---------------------------------------------------------------------------


def file_of(ask_app, query, days, session):
    with ask_app.test_request_context(f"/people?{query}", headers={"Accept-Language": "en"}):
        g.actor = days
        response = lists.show(DAYS, session, days).download()
        return response, response.get_data()


def test_csv_holds_all_rows_of_the_filters_in_order(app, days, session):
    response, body = file_of(app, "export=csv&kind=off&order=name", days, session)
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    assert rows[0] == ["Name", "Day", "Kind", "Price (CNY)"]
    assert len(rows) == 61
    assert rows[1][:3] == ["day 000", "2026-01-01", "holiday"]
    assert rows[1][3].endswith(".50") or rows[1][3].endswith(".00"), "every digit"
    assert response.headers["Content-Disposition"].startswith("attachment; filename=list.csv")


def test_xlsx_holds_numbers_as_numbers_and_days_as_days(app, days, session):
    _response, body = file_of(app, "export=xlsx&until=2026-01-03", days, session)
    sheet = load_workbook(io.BytesIO(body)).active
    head, first, *_rest = list(sheet.iter_rows())
    assert [cell.value for cell in head] == ["Name", "Day", "Kind", "Price (CNY)"]
    assert first[1].value.isoformat() == "2026-01-03T00:00:00"
    assert first[3].data_type == "n"
    assert first[3].number_format == "0.00"
    assert sheet.max_row == 4


PAYLOADS = [
    *(f"{start}cmd|' /C calc'!A0" for start in "=+-@\t\r＝＋－＠"),
    '=HYPERLINK("http://evil.example","x")',
    "=1+1",
    "-2+3+cmd|' /C calc'!D2",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\x00=1+1",
    "\x0b=1+1",
    '"=1+1"',
    "'=1+1",
]


@pytest.mark.parametrize("text", PAYLOADS)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_file_holds_what_a_spreadsheet_runs(app, kind, text):
    with app.test_request_context("/"):
        body = spreadsheet.download(kind, text, [text], [[text, Decimal("-1.5"), None, True]]).get_data()
    if kind == "csv":
        cells = next(iter(list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))[1:]))
        assert not cells[0].startswith(tuple("=+-@\t\r＝＋－＠"))
        assert cells[1:] == ["-1.5", "", "1"]
    else:
        cells = list(load_workbook(io.BytesIO(body)).active.iter_rows())
        assert [cell.data_type for row in cells for cell in row if cell.data_type == "f"] == []
        assert not str(cells[1][0].value).startswith(tuple("=+-@\t\r＝＋－＠"))
        assert cells[1][1].value == -1.5


def test_a_file_that_would_be_too_long_is_refused_with_advice(app, days, session, monkeypatch):
    monkeypatch.setattr(lists, "MOST_EXPORTED", 100)
    with pytest.raises(InvalidInput) as refusal:
        file_of(app, "export=csv", days, session)
    assert refusal.value.code == "too_many_rows"
    assert file_of(app, "export=csv&kind=work", days, session)[1].count(b"\n") == 61


def test_a_file_of_the_real_server_is_whole(client, uow):
    """Through WSGI: the request's context is gone when the rows are sent, unless it is kept."""
    browser = sign_in(client, make_account(uow, Role.ADMINISTRATOR))
    for kind in ("csv", "xlsx"):
        answer = browser.get(f"/people?export={kind}")
        assert answer.status_code == 200
        assert len(answer.data) > 100


# -- views ---------------------------------------------------------------------------


@pytest.fixture
def browser(client, uow):
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return sign_in(client, make_account(uow, Role.ADMINISTRATOR))


def keep(
    browser, name="analysts", path="/people?role=analyst&cursor=x&export=csv", endpoint="people.accounts_page"
):
    return browser.post("/views", data={"name": name, "endpoint": endpoint, "next": path})


def test_a_view_is_kept_offered_replaced_and_forgotten(browser):
    assert keep(browser).location == "/people?role=analyst&cursor=x&export=csv"
    page = browser.get("/people").text
    assert '<a href="/people?role=analyst">analysts</a>' in page, "neither the page nor the file is kept"
    keep(browser, path="/people?role=sampler")
    page = browser.get("/people").text
    assert '<a href="/people?role=sampler">analysts</a>' in page
    assert 'role=analyst"' not in page
    browser.post(re.search(r"/views/\d+/drop", page)[0], data={"next": "/people"})
    assert ">analysts</a>" not in browser.get("/people").text


def test_views_are_ones_own(browser, app, uow):
    keep(browser)
    other = sign_in(app.test_client(), make_account(uow, Role.ADMINISTRATOR))
    assert ">analysts</a>" not in other.get("/people").text
    drop = re.search(r"/views/\d+/drop", browser.get("/people").text)[0]
    assert other.post(drop, data={"next": "/people"}).status_code == 404
    assert ">analysts</a>" in browser.get("/people").text


@pytest.mark.parametrize("name", ["", " ", "x" * 61])
def test_a_view_needs_a_name(browser, name):
    keep(browser, name=name)
    assert "A view needs a name" in browser.get("/people").text


def test_there_is_an_end_to_views(browser):
    for number in range(31):
        keep(browser, name=f"view {number}")
    page = browser.get("/people").text
    assert "At most 30 views of one list" in page
    assert page.count("/drop") == 30


def test_a_select_of_a_literal_still_counts(session):
    """The count stands apart from the order and the columns of the list."""
    from lims.core.paging import capped_count

    assert capped_count(session, select(literal(1).label("x"), func.now())).count == 1
