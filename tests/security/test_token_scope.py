"""Tokens of programs: scope, end, revocation, and what of their owner they never have."""

from datetime import timedelta

import pytest

from lims.core.permissions import SYSTEM, Role
from lims.people.accounts import retire_account, set_roles
from tests.support.accounts import PASSWORD, make_account, sign_in


@pytest.fixture
def admin(uow):
    return make_account(uow, Role.ADMINISTRATOR)


@pytest.fixture
def token(app, admin):
    """May read accounts and itself, for ten days."""
    browser = sign_in(app.test_client(), admin)
    body = {"name": "x", "scopes": ["account.read", "self"], "days": 10}
    return browser.post("/api/me/tokens", json=body).json["token"]


@pytest.fixture
def ask(app, token):
    def ask(path, method="GET", text=token, **more):
        return app.test_client().open(
            path, method=method, headers={"Authorization": f"Bearer {text}"}, **more
        )

    return ask


def test_a_token_does_what_its_scope_says_and_no_more(ask):
    assert ask("/api/accounts").status_code == 200
    assert ask("/api/audit-events").status_code == 403
    body = {"username": "x1", "name_zh": "x", "roles": ["analyst"]}
    assert ask("/api/accounts", "POST", json=body).status_code == 403
    assert sorted(ask("/api/me").json["permissions"]) == ["account.read", "self"]


def test_a_token_cannot_prolong_or_widen_itself(ask):
    answer = ask("/api/me/tokens", "POST", json={"name": "y", "scopes": ["self"], "days": 365})
    assert (answer.status_code, answer.json["code"]) == (403, "session_needed")


def test_a_token_ends(ask, clock):
    clock.advance(timedelta(days=10) - timedelta(seconds=1))
    assert ask("/api/me").status_code == 200
    clock.advance(seconds=1)
    assert ask("/api/me").status_code == 401


def test_a_revoked_token_is_dead_at_once(ask, app, admin):
    browser = sign_in(app.test_client(), admin)
    (listed,) = browser.get("/api/me/tokens").json
    browser.delete(f"/api/me/tokens/{listed['id']}")
    assert ask("/api/me").status_code == 401


def test_a_token_never_outlives_the_roles_of_its_owner(ask, uow, admin):
    set_roles(
        uow, actor=SYSTEM, account_id=admin.id, version=admin.version, roles=[Role.ANALYST], reason="moved"
    )
    assert ask("/api/accounts").status_code == 403
    assert ask("/api/me").status_code == 200


def test_a_token_dies_with_its_account(ask, uow, admin):
    retire_account(uow, actor=SYSTEM, account_id=admin.id, reason="left")
    assert ask("/api/me").status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[:-1],
        lambda t: t + "A",
        lambda t: t.replace("lims_1_", "lims_2_"),
        lambda t: t.replace("lims_1_", "lims_01x_"),
        lambda t: t.replace("lims_1_", "lims_99999999999999999999_"),
        lambda t: "lims_1_",
        lambda t: "",
        lambda t: t.swapcase(),
        lambda t: "x" * 5000,
    ],
)
def test_what_is_not_the_token_opens_nothing(ask, token, change):
    assert ask("/api/me", text=change(token)).status_code == 401


def test_a_token_that_is_wrong_is_not_helped_by_a_cookie(app, admin):
    browser = sign_in(app.test_client(), admin)
    assert browser.get("/api/me", headers={"Authorization": "Bearer lims_1_x"}).status_code == 401


def test_a_token_changes_no_password_without_knowing_it(ask):
    body = {"password": "wrong", "new_password": "nine green pipettes"}
    assert ask("/api/me/password", "PUT", json=body).status_code == 422
    right = ask("/api/me/password", "PUT", json={**body, "password": PASSWORD})
    assert right.status_code == 204
    assert "Set-Cookie" not in right.headers, "a program gets no browser's session"


def test_the_last_use_is_noted(ask, app, admin):
    ask("/api/me")
    browser = sign_in(app.test_client(), admin)
    assert browser.get("/api/me/tokens").json[0]["last_used_at"] is not None
