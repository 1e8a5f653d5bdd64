"""Lists of accounts: found by words, role, section and state, at a fixed number of queries."""

import csv
import io

import pytest

from lims.core.permissions import Role
from lims.people.accounts import create_account, retire_account
from lims.people.directory import count_roles, list_accounts
from tests.support.accounts import make_account, section_named
from tests.support.queries import statements_of


@pytest.fixture
def people(uow, boss):
    chemistry = section_named(uow, "chemistry")
    make_account(uow, Role.ANALYST, Role.REVIEWER, username="li", name_zh="李强", section=chemistry)
    make_account(uow, Role.RECEPTION, username="wang", name_zh="王芳", name_en="Wang Fang")
    gone = make_account(uow, Role.ANALYST, username="gone", name_zh="离职")
    retire_account(uow, actor=boss, account_id=gone.id, reason="left")
    create_account(uow, actor=boss, username="new", name_zh="新人", roles=[Role.ANALYST])
    return chemistry


def names(session, boss, **wanted):
    return [row.username for row in list_accounts(session, actor=boss, **wanted).rows]


def test_accounts_are_found(session, boss, people):
    assert names(session, boss) == ["admin", "li", "new", "wang"]
    assert names(session, boss, words="FANG") == ["wang"]
    assert names(session, boss, words="强") == ["li"]
    assert names(session, boss, words="%") == []
    assert names(session, boss, role=Role.ANALYST) == ["li", "new"]
    assert names(session, boss, section_id=people.id) == ["li"]
    assert names(session, boss, retired=True) == ["gone"]
    first = list_accounts(session, actor=boss, words="李强")
    assert first.rows[0].roles == [Role.ANALYST, Role.REVIEWER]


def test_pages_of_accounts_follow_each_other(session, boss, people):
    first = list_accounts(session, actor=boss, size=3)
    second = list_accounts(session, actor=boss, size=3, cursor=first.after)
    assert [r.username for r in (*first.rows, *second.rows)] == ["admin", "li", "new", "wang"]
    assert second.after is None


def test_who_holds_a_role_is_counted_without_those_who_left(session, boss, people):
    assert count_roles(session, actor=boss)[Role.ANALYST] == 2


def table_of(page):
    import re

    return re.findall(r'<th scope="row"><a href="/people/\d+">([^<]+)', page.text)


def test_the_page_filters_by_the_address(browser, people):
    assert table_of(browser.get("/people?role=analyst")) == ["Zhang San", "新人", "Zhang San"]
    assert table_of(browser.get("/people?state=retired")) == ["Zhang San"]
    assert table_of(browser.get("/people?words=wang")) == ["Wang Fang"]
    assert table_of(browser.get(f"/people?section_id={people.id}")) == ["Zhang San"]
    assert "Nothing matches these filters." in browser.get("/people?words=nobody").text


@pytest.mark.parametrize("query", ["role=king", "section_id=abc", "state=x", "cursor=nonsense"])
def test_a_filter_that_cannot_be_is_refused_with_a_sentence(browser, query):
    answer = browser.get(f"/people?{query}")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_the_list_is_saved_as_csv(browser, people):
    answer = browser.get("/people?export=csv&role=analyst")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0] == ["Name", "User name", "Roles", "Section", "State", "Last seen"]
    assert [row[1] for row in rows[1:]] == ["li", "new", "gone"]
    assert rows[1][2] == "Analyst, Reviewer"


def test_a_longer_list_asks_the_database_no_more_often(browser, database, uow, people):
    with statements_of(database.engine) as few:
        browser.get("/people")
    for number in range(40):
        make_account(uow, Role.ANALYST, username=f"many{number:02d}")
    with statements_of(database.engine) as many:
        browser.get("/people")
    assert len(many) == len(few)
    assert len(many) <= 20
