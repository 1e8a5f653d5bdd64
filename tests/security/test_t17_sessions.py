"""T17: fixed, stolen and forgotten sessions."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from lims.core.permissions import SYSTEM, Role
from lims.people.accounts import retire_account
from lims.people.models import UserSession
from lims.people.sessions import ABSOLUTE, HALF_WAY, IDLE, token_hash
from tests.people.test_sign_in_pages import give
from tests.support.accounts import PASSWORD, code_now, make_account, sign_in


@pytest.fixture
def analyst(uow):
    return make_account(uow, Role.ANALYST)


def cookie(client):
    found = client.get_cookie("lims")
    return found.value if found else None


def with_cookie(app, value):
    """Another browser that came by this cookie."""
    thief = app.test_client()
    thief.set_cookie("lims", value)
    return thief.get("/api/me").status_code


def token_on(page):
    return {"csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]}


def walk_in(client, uow, analyst):
    give(client, "/sign-in", username=analyst.username, password=PASSWORD)
    half = cookie(client)
    give(client, "/sign-in/code", code=code_now(uow))
    return half, cookie(client)


def test_every_step_of_signing_in_gives_a_new_cookie(client, uow, analyst, app):
    half, whole = walk_in(client, uow, analyst)
    assert len({half, whole}) == 2
    assert client.get("/api/me").status_code == 200
    assert with_cookie(app, half) == 401
    thief = app.test_client()
    thief.set_cookie("lims", half)
    answer = thief.get("/sign-in/code")
    assert answer.location.startswith("/sign-in?"), "its password counts no more"


def test_a_planted_cookie_is_not_taken_over(client, uow, analyst, app):
    client.set_cookie("lims", "planted-by-somebody-else")
    _half, whole = walk_in(client, uow, analyst)
    assert whole != "planted-by-somebody-else"
    assert with_cookie(app, "planted-by-somebody-else") == 401


def test_between_password_and_code_nothing_is_open(client, uow, analyst):
    give(client, "/sign-in", username=analyst.username, password=PASSWORD)
    assert client.get("/api/me").status_code == 401
    assert client.get("/account").location.startswith("/sign-in")


def test_signing_in_as_somebody_else_ends_the_first(client, uow, app):
    first, second = make_account(uow, Role.CUSTOMER, second_factor=False), make_account(uow, Role.ANALYST)
    give(client, "/sign-in", username=first.username, password=PASSWORD)
    before = cookie(client)
    assert with_cookie(app, before) == 200
    token = token_on(client.get("/account"))
    client.post("/sign-in", data={**token, "username": second.username, "password": PASSWORD})
    assert with_cookie(app, before) == 401


def test_signing_out_ends_it_on_the_server_too(client, uow, analyst, app):
    _half, whole = walk_in(client, uow, analyst)
    assert client.post("/sign-out", data=token_on(client.get("/account"))).status_code == 302
    assert cookie(client) is None
    assert with_cookie(app, whole) == 401


def test_giving_up_half_way_ends_it_on_the_server_too(client, uow, analyst, app, session):
    give(client, "/sign-in", username=analyst.username, password=PASSWORD)
    half = cookie(client)
    client.post("/sign-in/abandon", data=token_on(client.get("/sign-in/code")))
    row = session.scalars(select(UserSession).where(UserSession.token_hash == token_hash(half))).one()
    assert row.revoked_why == "abandoned"


def test_an_hour_without_use_ends_it(client, analyst, clock):
    sign_in(client, analyst)
    clock.advance(IDLE - timedelta(minutes=2))
    assert client.get("/api/me").status_code == 200
    clock.advance(IDLE - timedelta(minutes=2))
    assert client.get("/api/me").status_code == 200, "use keeps it open"
    clock.advance(IDLE)
    assert client.get("/api/me").status_code == 401


def test_after_twelve_hours_it_ends_however_it_is_used(client, analyst, clock):
    sign_in(client, analyst)
    hours = ABSOLUTE // timedelta(minutes=30)
    for _half_hour in range(hours - 1):
        clock.advance(minutes=30)
        assert client.get("/api/me").status_code == 200
    clock.advance(minutes=30)
    assert client.get("/api/me").status_code == 401


def test_half_a_sign_in_waits_a_quarter_of_an_hour(client, uow, analyst, clock):
    give(client, "/sign-in", username=analyst.username, password=PASSWORD)
    clock.advance(HALF_WAY)
    assert client.get("/sign-in/code").status_code == 302


def test_the_table_holds_no_cookie_that_works(client, uow, analyst, session, app):
    _half, whole = walk_in(client, uow, analyst)
    stored = session.scalars(select(UserSession.token_hash)).all()
    assert whole not in stored
    assert with_cookie(app, stored[-1]) == 401


def test_what_a_browser_keeps_of_a_page_cannot_be_shown_after_signing_out(client, analyst):
    sign_in(client, analyst)
    assert client.get("/account").headers["Cache-Control"] == "no-store"


def test_the_cookie_is_no_business_of_scripts_and_other_sites(client, uow, analyst):
    answer = give(client, "/sign-in", username=analyst.username, password=PASSWORD)
    (set_cookie,) = [c for c in answer.headers.getlist("Set-Cookie") if c.startswith("lims=")]
    assert "HttpOnly" in set_cookie
    assert "SameSite=Lax" in set_cookie


def test_a_retired_persons_cookie_is_worth_nothing(client, uow, analyst):
    sign_in(client, analyst)
    retire_account(uow, actor=SYSTEM, account_id=analyst.id, reason="left")
    assert client.get("/api/me").status_code == 401
