"""A customer sees own orders and reports, and of others not even that they exist (T01)."""

import hashlib

from sqlalchemy import select

from lims.core.audit import AuditEvent
from lims.core.permissions import Role
from tests.support.accounts import make_account, sign_in
from tests.support.orders import make_tests


def test_own_orders_with_progress(as_customer, portal, uow):
    make_tests(uow, portal.house.laboratory, "aluminium", "moisture", assignee="analyst", name="绿豆饼")
    found = as_customer.get("/api/my/orders").json["items"]
    assert [(row["tests"], row["done"], row["reports"]) for row in found] == [(2, 0, 0), (2, 2, 1)]
    page = as_customer.get("/my/orders", headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "reported" in page
    assert "in test" in page
    assert "绿豆饼" in as_customer.get(f"/my/orders/{found[0]['id']}").get_data(as_text=True)


def test_no_result_is_shown_before_the_report_is_issued(as_customer, portal, uow):
    order = portal.house.order("aluminium", "moisture")
    page = as_customer.get(f"/my/orders/{order}").get_data(as_text=True)
    for figure in ("99.8", "20.0", "79.8"):
        assert figure not in page


def test_the_file_is_the_issued_bytes_and_noted(as_customer, portal):
    answer = as_customer.get(f"/my/reports/{portal.report.id}/file")
    assert hashlib.sha256(answer.data).hexdigest() == portal.report.pdf_sha256
    assert answer.headers["Content-Disposition"].startswith("attachment")
    noted = portal.house.session.scalars(
        select(AuditEvent).where(AuditEvent.verb == "certificate.download")
    ).all()
    assert [(e.actor_id, e.object_id) for e in noted] == [(portal.customer.id, str(portal.report.id))]


def test_another_customers_order_and_report_do_not_exist(as_stranger, portal):
    assert as_stranger.get("/api/my/orders").json["items"] == []
    assert as_stranger.get("/api/my/certificates").json["items"] == []
    for path in (
        f"/my/orders/{portal.order}",
        f"/api/my/orders/{portal.order}",
        f"/my/reports/{portal.report.id}/file",
        f"/api/my/certificates/{portal.report.id}/file",
    ):
        assert as_stranger.get(path).status_code == 404, path


def test_staff_pages_are_closed_to_customers(as_customer, portal):
    for path in (
        f"/orders/{portal.order}",
        f"/certificates/{portal.report.id}",
        "/links",
        "/api/links",
        "/samples",
    ):
        assert as_customer.get(path).status_code in {403, 404}, path


def test_an_account_without_customer_is_told_so(app, portal, uow):
    browser = sign_in(app.test_client(), make_account(uow, Role.CUSTOMER, second_factor=False))
    answer = browser.get("/api/my/orders")
    assert (answer.status_code, answer.json["code"]) == (403, "permission_denied")


def test_the_list_of_orders_costs_a_fixed_number_of_queries(as_customer, portal, uow, database):
    from sqlalchemy import event

    def count() -> int:
        seen: list[str] = []
        note = lambda _c, _u, statement, *_more: seen.append(statement)  # noqa: E731
        event.listen(database.engine, "before_cursor_execute", note)
        as_customer.get("/my/orders")
        event.remove(database.engine, "before_cursor_execute", note)
        return len(seen)

    few = count()
    for _n in range(6):
        make_tests(uow, portal.house.laboratory, "aluminium", samples=2)
    assert count() <= few
