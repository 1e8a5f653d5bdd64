"""Every address is listed, and opens to those the table names and to nobody else."""

import re

import pytest
from sqlalchemy import func, select
from werkzeug.routing import Rule as Route

from lims.access import ACCESS, Open
from lims.core.permissions import SYSTEM, Role, permissions_of
from lims.intake.models import Customer, CustomerAccount
from tests.support.accounts import make_account, sign_in
from tests.support.backends import ON_SQLITE

ACTING = {"GET", "POST", "PUT", "PATCH", "DELETE"}
# The sentences below are compared, so their language is fixed.
IN_ENGLISH = {"Accept": "application/json", "Accept-Language": "en"}


def routes(app) -> list[Route]:
    return [r for r in app.url_map.iter_rules() if "static" not in r.endpoint]


def address(route: Route) -> str:
    """The route with a number or word that belongs to nothing in every place."""
    filled = re.sub(r"<(int|big|row_id)[^>]*>", "987654", route.rule)
    filled = re.sub(r"<any\((\w+)[^>]*>", r"\1", filled)
    filled = re.sub(r"<path:[^>]*>", "nothing", filled)
    return re.sub(r"<[^>]*>", "nothing", filled)


def test_every_endpoint_is_listed_and_every_listed_endpoint_exists(app):
    endpoints = {r.endpoint for r in app.url_map.iter_rules()}
    assert endpoints - ACCESS.keys() == set(), "not in lims/access.py: refused to everybody"
    assert ACCESS.keys() - endpoints == set(), "in lims/access.py, but no such address"


def test_an_unlisted_address_is_refused_even_to_a_director(app, uow, monkeypatch):
    monkeypatch.delitem(ACCESS, "ui.scan")
    browser = sign_in(app.test_client(), make_account(uow, Role.DIRECTOR))
    assert browser.get("/scan?code=x").status_code == 403


def account_in(uow, role):
    """An account of this role; a customer's acts for a customer, without one it may do next to nothing."""
    account = make_account(uow, role)
    if role is Role.CUSTOMER:
        with uow:
            number = uow.session.scalar(select(func.count(Customer.id)))
            customer = uow.add(Customer(code=f"KH{number}", name="桂香斋食品有限公司"))
            uow.add(CustomerAccount(account_id=account.id, customer_id=customer.id))
            uow.audit("test.customer", SYSTEM, customer)
            uow.commit()
    return account


@ON_SQLITE
@pytest.mark.parametrize("role", list(Role))
def test_each_role_enters_where_the_table_says_and_nowhere_else(app, uow, role):
    browser = sign_in(app.test_client(), account_in(uow, role))
    granted = permissions_of([role])
    wrong = []
    for route in routes(app):
        rule = ACCESS[route.endpoint]
        if isinstance(rule, Open):
            continue
        wanted = rule if isinstance(rule, frozenset) else frozenset({rule})
        for method in sorted(route.methods & ACTING):
            answer = browser.open(address(route), method=method, headers=IN_ENGLISH, buffered=True)
            refused = answer.status_code == 403 and answer.json["code"] == "permission_denied"
            if refused == bool(wanted & granted) and not _inner_refusal(answer, bool(wanted & granted)):
                wrong.append((method, route.rule, answer.status_code))
            if answer.status_code >= 500:
                wrong.append((method, route.rule, answer.status_code))
            if route.endpoint == "people.sign_out":
                sign_in(browser, account_in(uow, role))
    assert wrong == []


def _inner_refusal(answer, entered: bool) -> bool:
    """A use case may still refuse who passed the door; it does so with another sentence."""
    return entered and answer.json is not None and "roles" not in answer.json.get("detail", "")


def test_strangers_enter_only_what_is_public(app):
    browser = app.test_client()
    wrong = []
    for route in routes(app):
        if isinstance(ACCESS[route.endpoint], Open):
            continue
        for method in sorted(route.methods & ACTING):
            answer = browser.open(address(route), method=method, headers=IN_ENGLISH, buffered=True)
            # Without a cookie's CSRF token a write is refused before anybody asks who it is.
            if answer.status_code not in {401, 400}:
                wrong.append((method, route.rule, answer.status_code))
    assert wrong == []


def test_no_write_is_accepted_without_the_page_token(app, uow):
    browser = sign_in(app.test_client(), make_account(uow, *Role), csrf=False)
    wrong = []
    for route in routes(app):
        if ACCESS[route.endpoint] is Open.GATEWAY:
            continue
        for method in sorted(route.methods & {"POST", "PUT", "PATCH", "DELETE"}):
            answer = browser.open(address(route), method=method, headers=IN_ENGLISH, buffered=True)
            if answer.status_code != 400 or answer.json["code"] != "csrf":
                wrong.append((method, route.rule, answer.status_code))
    assert wrong == []


def test_every_answer_carries_the_headers_that_keep_foreign_code_out(app, uow):
    browser = sign_in(app.test_client(), make_account(uow, *Role))
    for route in routes(app):
        if "GET" not in route.methods or route.endpoint == "people.sign_out":
            continue
        answer = browser.get(address(route), buffered=True)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, route.rule
        assert "unsafe" not in policy, route.rule
        assert "frame-ancestors" in policy, route.rule
        assert answer.headers["X-Content-Type-Options"] == "nosniff", route.rule
        assert "no-store" in answer.headers["Cache-Control"], route.rule
