"""A link serves one customer without an account: one report, a while, a few times, until revoked."""

import hashlib
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from lims.core.audit import AuditEvent
from lims.portal.models import CustomerLink, LinkDownload
from tests.support.accounts import allow_posts


def give(as_clerk, portal, **more: object) -> tuple[int, str]:
    """(number of the link, path of its address)"""
    made = as_clerk.post("/api/links", json={"certificate_id": portal.report.id, **more})
    assert made.status_code == 201, made.json
    return made.json["link"]["id"], made.json["address"].removeprefix("http://localhost")


def test_the_holder_downloads_the_issued_bytes(client, as_clerk, portal):
    _number, path = give(as_clerk, portal)
    landing = client.get(path)
    assert landing.status_code == 200
    assert portal.report.number in landing.get_data(as_text=True)
    assert portal.house.session.scalars(select(LinkDownload)).all() == [], (
        "looking is not downloading: mail scanners look"
    )
    answer = client.post(path)
    assert hashlib.sha256(answer.data).hexdigest() == portal.report.pdf_sha256
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert len(portal.house.session.scalars(select(LinkDownload)).all()) == 1
    assert portal.house.session.scalars(select(AuditEvent).where(AuditEvent.verb == "link.download")).one()


def test_the_token_is_kept_nowhere(as_clerk, portal):
    _number, path = give(as_clerk, portal)
    token = path.rsplit("/", 1)[1]
    row = portal.house.session.scalars(select(CustomerLink)).one()
    assert row.token_hash == hashlib.sha256(token.encode()).hexdigest()
    events = portal.house.session.scalars(
        select(AuditEvent).where(AuditEvent.object_type == "customer_link")
    ).all()
    assert events
    assert not any(token in e.after or row.token_hash in e.after for e in events)


def test_a_revoked_link_opens_nothing(client, as_clerk, portal):
    number, path = give(as_clerk, portal)
    assert as_clerk.post(f"/api/links/{number}/revoke").json["revoked_at"]
    assert client.get(path).status_code == client.post(path).status_code == 404
    assert as_clerk.post(f"/api/links/{number}/revoke").status_code == 200


def test_an_expired_link_opens_nothing(client, as_clerk, portal, clock):
    _number, path = give(as_clerk, portal, days=1)
    clock.advance(timedelta(days=1, seconds=1))
    assert client.get(path).status_code == client.post(path).status_code == 404


def test_the_last_download_is_the_last(client, as_clerk, portal):
    _number, path = give(as_clerk, portal, max_downloads=2)
    assert [client.post(path).status_code for _n in range(3)] == [200, 200, 404]


def test_two_downloads_at_once_count_two(app, as_clerk, portal):
    _number, path = give(as_clerk, portal, max_downloads=1)
    found: list[int] = []

    def get() -> None:
        browser = app.test_client()
        allow_posts(browser)
        found.append(browser.post(path).status_code)

    threads = [threading.Thread(target=get) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200, 404, 404, 404]
    assert len(portal.house.session.scalars(select(LinkDownload)).all()) == 1


def test_a_guessed_token_opens_nothing(client, portal):
    for token in ("x", "a" * 43, "%00", "é" * 20):
        assert client.get(f"/d/{token}").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"days": 0}, 422), ({"days": 366}, 422), ({"max_downloads": 101}, 422), ({"certificate_id": 999}, 404)],
)
def test_wrong_wishes_are_refused(as_clerk, portal, wrong, status):
    body = {"certificate_id": portal.report.id, **wrong}
    assert as_clerk.post("/api/links", json=body).status_code == status


def test_only_an_issued_report_gets_a_link(as_clerk, portal):
    draft = portal.house.draft(portal.house.order("aluminium", "moisture"))
    answer = as_clerk.post("/api/links", json={"certificate_id": draft.id})
    assert (answer.status_code, answer.json["code"]) == (409, "not_issued")


def test_the_page_of_the_report_gives_and_revokes(as_clerk, portal):
    page = as_clerk.get(f"/certificates/{portal.report.id}")
    assert page.status_code == 200
    assert f"/reports/{portal.report.id}/links" in page.get_data(as_text=True)
    key = {"request_key": "k1", "days": "30", "max_downloads": "20"}
    made = as_clerk.post(f"/reports/{portal.report.id}/links", data=key).get_data(as_text=True)
    assert "/d/" in made
    again = as_clerk.post(f"/reports/{portal.report.id}/links", data=key).get_data(as_text=True)
    assert "/d/" not in again, "the same form sent twice gives one link, shown once"
    assert len(as_clerk.get("/api/links").json) == 1


def test_a_wrong_number_of_days_stays_in_the_form(as_clerk, portal):
    answer = as_clerk.post(f"/reports/{portal.report.id}/links", data={"days": "1000", "max_downloads": "7"})
    assert answer.status_code == 422
    assert 'value="1000"' in answer.get_data(as_text=True)
    assert 'value="7"' in answer.get_data(as_text=True)
