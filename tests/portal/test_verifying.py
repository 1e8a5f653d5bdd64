"""Anyone verifies a report; whoever guesses learns nothing."""

import hashlib
import io

import pytest

from lims.certificates.road import withdraw_certificate
from lims.core.permissions import Role
from lims.portal.public_face import VERIFY_TRIES
from tests.support.accounts import actor_of, make_account


def file_of(portal, database) -> bytes:
    from lims.core.files import FileStore

    return FileStore(database.app.extensions["lims_settings"].files).read(portal.report.pdf_sha256)


def test_the_qr_code_opens_what_the_paper_says(client, portal):
    answer = client.get(portal.address, headers={"Accept-Language": "en"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert portal.report.number in page
    assert "in force" in page
    assert portal.report.pdf_sha256 in page
    assert "桂花糕" in page
    assert "桂香斋" not in page, "the customer's name is nobody's business"


def test_the_address_is_kept_nowhere(client, portal):
    headers = client.get(portal.address).headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "spoil", [lambda c: c[:-1] + ("A" if c[-1] != "A" else "B"), lambda c: "", lambda c: c[:6]]
)
def test_a_wrong_code_and_an_unknown_number_are_answered_alike(client, portal, spoil):
    wrong = spoil(portal.report.check_code) or "-"
    known = client.get(f"/v/{portal.report.number}/{wrong}")
    unknown = client.get(f"/v/BG2026-999999/{wrong}")
    assert known.status_code == unknown.status_code == 404
    page = known.get_data(as_text=True).replace(portal.report.number, "BG2026-999999")
    assert strip(page) == strip(unknown.get_data(as_text=True))


def strip(page: str) -> str:
    """Without nonces, request keys and CSRF tokens."""
    import re

    return re.sub(r'(nonce|value|content)="[^"]{18,}"', "", page)


def test_typed_small_with_dashes_the_code_still_serves(client, portal):
    code = portal.report.check_code.lower()
    typed = f"{code[:4]}-{code[4:8]} {code[8:]}"
    found = client.get("/api/verify", query_string={"number": portal.report.number.lower(), "code": typed})
    assert found.status_code == 200
    assert found.json["genuine"] is True
    assert found.json["sha256"] == portal.report.pdf_sha256


def test_a_dropped_file_is_recognised_by_its_bytes(client, portal, database):
    content = file_of(portal, database)
    same = client.get(f"/api/verify/files/{hashlib.sha256(content).hexdigest()}")
    changed = client.get(f"/api/verify/files/{hashlib.sha256(content + b' ').hexdigest()}")
    assert same.json["number"] == portal.report.number
    assert (changed.status_code, changed.json["code"]) == (404, "unknown_file")


def test_without_script_the_file_is_sent_and_compared(client, portal, database):
    content = file_of(portal, database)
    named = {"number": portal.report.number, "code": portal.report.check_code}

    def send(body: bytes, **more: str):
        return client.post(
            "/verify/file",
            data={"file": (io.BytesIO(body), "report.pdf"), **more},
            headers={"Accept-Language": "en"},
        )

    assert "byte for byte the one we issued" in send(content).get_data(as_text=True)
    assert "byte for byte the one we issued" in send(content, **named).get_data(as_text=True)
    assert "its bytes differ" in send(content + b"\n", **named).get_data(as_text=True)
    assert send(content + b"\n").status_code == 404
    assert client.post("/verify/file", data={"file": (io.BytesIO(b""), "")}).status_code == 422


def test_a_withdrawn_report_says_so(client, portal, uow):
    manager = actor_of(make_account(uow, Role.QUALITY_MANAGER))
    withdraw_certificate(
        uow, actor=manager, certificate_id=portal.report.id, version=portal.report.version, reason="样品混淆"
    )
    answer = client.get(
        "/api/verify", query_string={"number": portal.report.number, "code": portal.report.check_code}
    )
    assert (answer.json["state"], answer.json["genuine"]) == ("withdrawn", False)
    page = client.get(portal.address, headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "must not be relied on" in page
    assert "样品混淆" not in page, "the reason is between the laboratory and its customer"


def test_a_draft_cannot_be_asked_for(client, portal):
    order = portal.house.order("aluminium", "moisture")
    portal.house.reviewed(order)
    for code in ("None", "-" * 12, "%20"):
        assert client.get(f"/v/None/{code}").status_code == 404


def test_guessing_is_slowed_down(client, portal):
    for _n in range(VERIFY_TRIES):
        client.get("/v/BG2026-000001/AAAAAAAAAAAA")
    answer = client.get("/api/verify", query_string={"number": "BG2026-000001", "code": "A" * 12})
    assert (answer.status_code, answer.json["code"]) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "path",
    ["/v/%00/x", "/v/" + "9" * 500 + "/x", "/v/a/b/c", "/v/%F0%9F%98%80/%E2%80%AE", "/api/verify/files/xyz"],
)
def test_nonsense_is_unknown(client, portal, path):
    assert client.get(path).status_code == 404
