"""One's own account: password, second factor, sign-ins, tokens, language."""

import re

import pytest

from lims.core.permissions import Role
from lims.people.models import Account
from tests.support.accounts import PASSWORD, code_now, make_account, sign_in

NEW_PASSWORD = "nine green pipettes"


@pytest.fixture
def analyst(uow):
    return make_account(uow, Role.ANALYST, username="li")


@pytest.fixture
def mine(client, analyst):
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return sign_in(client, analyst)


def change(mine, **more):
    typed = {"password": PASSWORD, "new_password": NEW_PASSWORD, "again": NEW_PASSWORD, **more}
    return mine.post("/account/password", data=typed)


def test_the_password_is_changed_and_this_browser_goes_on(mine, app, analyst):
    other = sign_in(app.test_client(), analyst)
    assert other.get("/account").status_code == 200
    assert change(mine).location == "/account"
    assert mine.get("/account").status_code == 200
    assert other.get("/account").status_code == 302


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"password": "wrong password"}, "The password is not right."),
        ({"again": "something else"}, "The two passwords differ."),
        ({"new_password": "li li li li li", "again": "li li li li li"}, "too even"),
        ({"new_password": "short", "again": "short"}, "at least 12 characters"),
    ],
)
def test_a_change_that_cannot_be_says_why_and_shows_no_password(mine, typed, sentence):
    answer = change(mine, **typed)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert NEW_PASSWORD not in answer.text
    assert PASSWORD not in answer.text


def test_new_recovery_codes_need_password_and_code(mine, uow, clock):
    answer = mine.post("/account/recovery-codes", data={"password": PASSWORD, "code": "000000"})
    assert answer.status_code == 422
    clock.advance(minutes=1)
    answer = mine.post("/account/recovery-codes", data={"password": PASSWORD, "code": code_now(uow)})
    assert len(set(re.findall(r'translate="no">([A-Z0-9-]{19})<', answer.text))) == 10
    assert "10 left" in mine.get("/account").text


def test_staff_cannot_do_without_the_second_factor(mine, uow):
    answer = mine.post("/account/second-factor/drop", data={"password": PASSWORD, "code": code_now(uow)})
    assert answer.status_code == 409
    assert "Staff need the second factor." in answer.text


def test_a_customer_sets_up_a_second_factor_and_drops_it(client, uow, session, clock):
    import pyotp

    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    account = make_account(uow, Role.CUSTOMER, second_factor=False)
    browser = sign_in(client, account)
    assert browser.post("/account/second-factor", data={"password": "wrong"}).status_code == 422
    page = browser.post("/account/second-factor", data={"password": PASSWORD})
    secret = re.search(r"Key: <code>([A-Z2-7 ]+)</code>", page.text)[1].replace(" ", "")
    wrong = browser.post("/account/second-factor/confirm", data={"code": "123456"})
    assert wrong.status_code == 422
    assert secret[:4] in wrong.text  # still the same key: the phone has it already
    clock.advance(minutes=1)
    code = pyotp.TOTP(secret).at(clock.now)
    done = browser.post("/account/second-factor/confirm", data={"code": code})
    assert "Your recovery codes" in done.text
    session.rollback()
    assert session.get(Account, account.id, populate_existing=True).totp_confirmed_at is not None
    clock.advance(minutes=1)
    code = pyotp.TOTP(secret).at(clock.now)
    assert (
        browser.post("/account/second-factor/drop", data={"password": PASSWORD, "code": code}).status_code
        == 302
    )


def test_a_sign_in_elsewhere_is_ended(mine, app, analyst):
    other = sign_in(app.test_client(), analyst)
    page = mine.get("/account").text
    ends = re.findall(r'action="(/account/sessions/\d+/revoke)"', page)
    assert len(ends) == 1, "the present one has no button"
    assert mine.post(ends[0]).status_code == 302
    assert other.get("/account").status_code == 302
    assert mine.get("/account").status_code == 200


def test_all_others_are_ended_at_once(mine, app, analyst):
    others = [sign_in(app.test_client(), analyst) for _ in range(3)]
    mine.post("/account/sessions/revoke-others")
    assert [other.get("/account").status_code for other in others] == [302] * 3


def test_nobody_ends_the_sign_in_of_another(mine, app, uow):
    sign_in(app.test_client(), make_account(uow, Role.ANALYST))
    from lims.people.models import UserSession

    theirs = max(row.id for row in uow.session.query(UserSession))
    assert mine.post(f"/account/sessions/{theirs}/revoke").status_code == 404


def test_a_token_is_made_shown_once_and_revoked(mine):
    form = mine.get("/account/tokens/new").text
    assert 'value="result.enter"' in form
    assert 'value="account.edit"' not in form, "not one of this person's permissions"
    typed = {"name": "export", "days": "30", "scopes": ["sample.read"]}
    page = mine.post("/account/tokens/new", data=typed)
    text = re.search(r"lims_\d+_[\w-]{43}", page.text)[0]
    shown = mine.get("/account").text
    assert text not in shown
    assert "export" in shown
    assert mine.post(re.search(r"/account/tokens/\d+/revoke", shown)[0]).status_code == 302
    assert "export" not in mine.get("/account").text


def test_a_token_that_cannot_be_keeps_what_was_typed(mine):
    page = mine.post("/account/tokens/new", data={"name": "export", "days": "999", "scopes": ["sample.read"]})
    assert page.status_code == 422
    assert 'value="999"' in page.text
    assert 'value="sample.read" checked' in page.text


def test_pages_open_in_the_language_of_the_account(mine, session, analyst):
    mine.post("/account/language", data={"language": "zh"})
    assert 'lang="zh-CN"' in mine.get("/account").text
    session.rollback()
    assert session.get(Account, analyst.id, populate_existing=True).language == "zh"
    assert mine.post("/account/language", data={"language": "fr"}).status_code == 422


def test_the_own_page_asks_a_bounded_number_of_times(mine, app, analyst, database):
    from tests.support.queries import statements_of

    with statements_of(database.engine) as few:
        mine.get("/account")
    for _ in range(20):
        sign_in(app.test_client(), analyst)
    with statements_of(database.engine) as many:
        mine.get("/account")
    assert len(many) == len(few)
