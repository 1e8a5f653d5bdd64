"""What stands at the left and on the start page: each role's own, with counts that open their list."""

import re
from dataclasses import replace

import pytest
from flask import g

from lims.core.permissions import Actor, Permission, Role, permissions_of
from lims.ui import navigation
from lims.ui.labels import Tone
from lims.ui.navigation import MOST, Card, Entry, cards_for, entries_for
from tests.support.accounts import make_account, sign_in
from tests.support.backends import ON_SQLITE
from tests.support.queries import statements_of

STAFF = [role for role in Role if role is not Role.CUSTOMER]


def person(*roles):
    return Actor(id=1, name="x", permissions=permissions_of(roles), roles=frozenset(roles))


@pytest.fixture
def own(monkeypatch):
    """No entries and cards but the test's own."""
    monkeypatch.setattr(navigation, "_entries", {})
    monkeypatch.setattr(navigation, "_cards", {})


@pytest.fixture
def page(app, session):
    """Whatever asks ``url_for`` and the request."""

    def page(actor, path="/people?role=analyst"):
        with app.test_request_context(path, headers={"Accept-Language": "en"}):
            g.actor = actor
            return entries_for(actor, session), cards_for(actor, session)

    return page


def test_an_entry_stands_where_it_is_daily_work_and_under_more_elsewhere(own, page):
    daily = Entry("people.accounts_page", "Mine", Permission.SELF, 10, frozenset({Role.ANALYST}))
    navigation.register(daily)
    (mine, more), _cards = page(person(Role.ANALYST))
    assert ([e.label for e in mine], more) == (["Mine"], [])
    (mine, more), _cards = page(person(Role.SAMPLER))
    assert (mine, [e.label for e in more]) == ([], ["Mine"])


def test_an_entry_without_permission_is_nowhere(own, page):
    navigation.register(Entry("people.accounts_page", "Accounts", Permission.ACCOUNT_READ))
    assert page(person(Role.ANALYST))[0] == ([], [])


def test_nobody_has_more_than_a_glance_holds(own, page):
    for number in range(MOST + 4):
        navigation.register(
            Entry("people.account", f"E{number}", Permission.SELF, number, values={"account_id": number + 1})
        )
    (mine, more), _cards = page(person(Role.ANALYST))
    assert [e.label for e in mine] == [f"E{n}" for n in range(MOST)]
    assert len(more) == 4


def test_the_present_page_is_marked_by_endpoint_and_values(own, page):
    for role in ("analyst", "sampler"):
        navigation.register(Entry("people.accounts_page", role, Permission.SELF, values={"role": role}))
    (mine, _more), _cards = page(person(Role.ANALYST))
    assert [(e.label, e.current) for e in mine] == [("analyst", True), ("sampler", False)]


def test_a_count_is_shown_and_its_card_links_to_exactly_that_list(own, page):
    navigation.register(Entry("people.accounts_page", "E", Permission.SELF, count=lambda _s, _a: 7))
    card = Card(
        "people.accounts_page",
        "C",
        Permission.SELF,
        lambda _s, _a: 3,
        values={"state": "invited"},
        tone=Tone.FAULT,
    )
    navigation.register_card(card)
    (mine, _more), cards = page(person(Role.ANALYST))
    assert mine[0].count == 7
    assert (cards[0].href, cards[0].count, cards[0].tone) == ("/people?state=invited", 3, Tone.FAULT)


def test_a_card_at_zero_is_calm_or_away(own, page):
    calm = Card("people.accounts_page", "calm", Permission.SELF, lambda _s, _a: 0, tone=Tone.FAULT)
    navigation.register_card(calm)
    navigation.register_card(replace(calm, label="away", quiet=True, values={"role": "analyst"}))
    navigation.register_card(
        replace(calm, label="none", count=lambda _s, _a: None, values={"role": "sampler"})
    )
    cards = page(person(Role.ANALYST))[1]
    assert [(c.label, c.tone) for c in cards] == [("calm", Tone.PLAIN)]


def test_a_cards_address_may_depend_on_the_day(own, page):
    days = iter(["2026-11-23"])
    navigation.register_card(
        Card(
            "people.audit_trail",
            "today",
            Permission.SELF,
            lambda _s, _a: 1,
            values=lambda: {"first_day": next(days)},
        )
    )
    assert page(person(Role.ANALYST))[1][0].href == "/audit-trail?first_day=2026-11-23"


def test_later_registrations_of_the_same_place_replace_earlier_ones(own, page):
    for label in ("old", "new"):
        navigation.register(Entry("people.accounts_page", label, Permission.SELF))
    assert [e.label for e in page(person(Role.ANALYST))[0][0]] == ["new"]


# -- the real house ------------------------------------------------------------------


@pytest.mark.parametrize("role", STAFF)
def test_every_role_starts_with_its_work(client, uow, role):
    """Numbers first, each a link; a handful of entries; the scan box ready."""
    browser = sign_in(client, make_account(uow, role))
    home = browser.get("/", headers={"Accept-Language": "en"})
    assert home.status_code == 200
    assert re.findall(r'class="card-count[^"]*" href="/[^"]*"', home.text), "no card"
    side = home.text[home.text.index('<nav class="side"') : home.text.index("</nav>")]
    daily = side.split("<details")[0]
    assert 1 <= daily.count("<li>") <= MOST
    assert re.search(r'id="scan-box"[^>]*autofocus', home.text)


@pytest.mark.parametrize("role", STAFF)
def test_every_link_at_the_left_and_every_card_opens(client, uow, role):
    browser = sign_in(client, make_account(uow, role))
    home = browser.get("/").text
    side = home[home.index('<nav class="side"') : home.index("</nav>")]
    links = set(re.findall(r'href="([^"]+)"', side)) | set(
        re.findall(r'class="card-count[^"]*" href="([^"]+)"', home)
    )
    wrong = {}
    for link in sorted(links):
        answer = browser.get(link.replace("&amp;", "&"), buffered=True)
        if answer.status_code != 200:
            wrong[link] = answer.status_code
    assert wrong == {}


@ON_SQLITE
@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.DIRECTOR])
def test_the_start_page_asks_a_bounded_number_of_times(client, uow, database, role):
    browser = sign_in(client, make_account(uow, role))
    browser.get("/")
    with statements_of(database.engine) as few:
        browser.get("/")
    for _ in range(30):
        make_account(uow, Role.ANALYST)
    with statements_of(database.engine) as many:
        browser.get("/")
    assert len(many) == len(few)
    assert len(many) <= 40


def test_a_customer_and_a_stranger_are_led_to_the_portal(client, uow):
    assert client.get("/").status_code == 302
    page = sign_in(client, make_account(uow, Role.CUSTOMER)).get("/account").text
    assert 'href="/people"' not in page
