"""The pages: lists, one report, its steps and its file; the same through the JSON face."""

import hashlib
import re

import pytest
from sqlalchemy import select

from lims.accreditation.models import SigningGrant
from lims.certificates.issuing import issue
from lims.certificates.models import Certificate
from lims.certificates.search import (
    Waiting,
    certificate_lines,
    certificates_of_sample,
    milestones_of_sample,
    waiting_for,
)
from lims.certificates.states import CertificateState
from lims.core.clock import local_date
from lims.core.permissions import SYSTEM, Role
from lims.intake.models import Sample
from lims.ui import panels, scanning
from tests.reports.reading import words_of
from tests.support.accounts import PASSWORD, actor_of, code_now, make_account, sign_in
from tests.support.backends import ON_SQLITE
from tests.support.laboratory import make_laboratory
from tests.support.reports import BASE_URL, House, make_house

JSON = {"Accept": "application/json"}


@pytest.fixture
def browser(app, uow, house):
    """``browser("reviewer")``: somebody of that role, signed in; ``signatory`` is the one who may sign."""

    def open_browser(role: str):
        if role == "signatory":
            return sign_in(app.test_client(), house.signatory_account)
        return sign_in(app.test_client(), make_account(uow, Role(role)))

    return open_browser


def staff(app, house):
    """Somebody with every role of the house."""
    return sign_in(app.test_client(), make_account(house.uow, *(set(Role) - {Role.CUSTOMER})))


def fresh(house, certificate_id: int) -> Certificate:
    return house.session.get_one(Certificate, certificate_id, populate_existing=True)


def text(answer) -> str:
    return answer.get_data(as_text=True)


def version_of(house, certificate_id: int) -> int:
    return fresh(house, certificate_id).version


def test_the_walk_through_the_pages(house, browser, uow, files, store):
    order = house.order()
    clerk, reviewer, signatory = browser("reception"), browser("reviewer"), browser("signatory")
    assert "WT2026" in text(clerk.get("/certificates/ready?whole=yes&lang=en"))
    compose = text(clerk.get(f"/orders/{order}/report?lang=en"))
    tests = re.findall(r'name="test_ids" value="(\d+)"', compose)
    assert len(tests) == 3
    made = clerk.post(
        f"/orders/{order}/report", data={"test_ids": tests, "language": "both", "request_key": "k1"}
    )
    assert made.status_code == 302
    number = int(made.location.rsplit("/", 1)[1])
    again = clerk.post(
        f"/orders/{order}/report", data={"test_ids": tests, "language": "both", "request_key": "k1"}
    )
    assert again.location == made.location

    page = text(reviewer.get(f"/certificates/{number}?lang=en"))
    for words in ("What it reports", "20.0", "9.0×10³", "near the limit", "Content check", "7.8.2.1 f"):
        assert words in page
    assert f'src="/certificates/{number}/preview.pdf' in page
    done = reviewer.post(f"/certificates/{number}/review", data={"version": version_of(house, number)})
    assert done.status_code == 302

    listed = text(signatory.get("/certificates/to-sign?lang=en"))
    assert f'value="{number}:{version_of(house, number)}"' in listed
    signed = signatory.post(
        f"/certificates/{number}/approve?lang=en",
        data={
            "version": version_of(house, number),
            "password": PASSWORD,
            "code": code_now(uow),
            "reason": "agreed",
        },
    )
    assert signed.status_code == 302
    assert fresh(house, number).state is CertificateState.APPROVED
    assert "Signed. The file is being made." in text(signatory.get(f"/certificates/{number}?lang=en"))
    assert "HX-Refresh" not in signatory.get(f"/certificates/{number}/progress").headers

    issue(uow, store, number)
    assert signatory.get(f"/certificates/{number}/progress").headers["HX-Refresh"] == "true"
    report = fresh(house, number)
    file = reviewer.get(f"/certificates/{number}/file")
    assert hashlib.sha256(file.data).hexdigest() == report.pdf_sha256
    assert file.headers["ETag"] == f'"{report.pdf_sha256}"'
    assert file.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{report.number}.pdf"
    kept = reviewer.get(f"/certificates/{number}/file", headers={"If-None-Match": file.headers["ETag"]})
    assert (kept.status_code, kept.data) == (304, b"")
    api = reviewer.get(f"/api/certificates/{number}/file")
    assert api.data == file.data
    shown = reviewer.get(f"/certificates/{number}/file?show=1")
    assert shown.headers["Content-Disposition"].startswith("inline")
    assert "frame-ancestors 'self'" in shown.headers["Content-Security-Policy"]


def test_the_preview_is_a_draft_and_the_issued_file_is_not(house, browser, files):
    reviewer = browser("reviewer")
    made = house.draft(house.order("moisture"))
    assert "草稿" in words_of(reviewer.get(f"/certificates/{made.id}/preview.pdf").data)
    report = house.issued(house.order("moisture"), files)
    assert "草稿" not in words_of(reviewer.get(f"/certificates/{report.id}/file").data)
    assert reviewer.get(f"/certificates/{made.id}/file").status_code == 404


def test_a_refused_approval_shows_why_and_keeps_the_choice(house, browser, uow):
    signatory = browser("signatory")
    report = house.reviewed(house.order("moisture"))
    number = report.id
    answer = signatory.post(
        f"/certificates/{number}/approve?lang=en",
        data={
            "version": report.version,
            "password": "wrong",
            "code": "123456",
            "reason": "agreed_with_remarks",
        },
    )
    assert answer.status_code == 422
    page = text(answer)
    assert "not right" in page
    assert '<option value="agreed_with_remarks" selected>' in page
    assert 'value="wrong"' not in page
    assert fresh(house, number).state is CertificateState.REVIEWED


def test_signing_selected_shows_each_outcome(house, browser, uow):
    signatory = browser("signatory")
    one, two = (house.reviewed(house.order("moisture")) for _n in range(2))
    chosen = [f"{one.id}:{one.version}", f"{two.id}:{two.version + 1}"]
    answer = signatory.post(
        "/certificates/to-sign?lang=en",
        data={"chosen": chosen, "password": PASSWORD, "code": code_now(uow), "reason": "agreed"},
    )
    page = text(answer)
    assert answer.status_code == 200
    assert "1 of 2 signed" in page
    assert "Somebody else changed this meanwhile" in page


def test_a_wrong_password_on_the_list_keeps_the_ticks(house, browser):
    signatory = browser("signatory")
    report = house.reviewed(house.order("moisture"))
    key = f"{report.id}:{report.version}"
    answer = signatory.post(
        "/certificates/to-sign?lang=en",
        data={"chosen": [key], "password": "x", "code": "123456", "reason": "agreed"},
    )
    assert answer.status_code == 422
    assert f'value="{key}" checked' in text(answer)


def test_a_step_that_is_closed_says_why(uow, app):
    house = make_house(uow, fields=("electrical",))
    report = house.reviewed(house.order("moisture")).id
    signatory = sign_in(app.test_client(), house.signatory_account)
    page = text(signatory.get(f"/certificates/{report}?lang=en"))
    assert "You cannot sign it:" in page
    assert "outside your signing field" in page
    assert 'name="password"' not in page


def test_without_the_laboratory_the_page_says_what_is_missing(uow, app):
    laboratory = make_laboratory(uow)
    house = House(uow, laboratory, make_account(uow, Role.SIGNATORY))
    made = house.draft(house.order("moisture")).id
    reviewer = sign_in(app.test_client(), make_account(uow, Role.REVIEWER))
    page = text(reviewer.get(f"/certificates/{made}?lang=en"))
    assert "name and address are not entered yet" in page
    refused = reviewer.post(f"/certificates/{made}/review", data={"version": 1})
    assert refused.status_code == 409
    assert reviewer.get(f"/certificates/{made}/preview.pdf").status_code == 409


def test_reasons_are_asked_for_and_what_was_typed_stays(house, browser):
    reviewer, manager = browser("reviewer"), browser("quality_manager")
    made = house.draft(house.order("moisture"))
    number, version = made.id, made.version
    answer = reviewer.post(f"/certificates/{number}/return", data={"version": version, "reason": " "})
    assert answer.status_code == 422
    stale = reviewer.post(f"/certificates/{number}/return", data={"version": version + 5, "reason": "写错了"})
    assert stale.status_code == 409
    assert "写错了" in text(stale)
    refused = manager.post(f"/certificates/{number}/withdraw", data={"version": version, "reason": "x"})
    assert refused.status_code == 409


def test_an_edit_is_saved_and_its_history_tells_what_changed(house, browser):
    clerk = browser("reception")
    made = house.draft(house.order("moisture"))
    number = made.id
    answer = clerk.post(
        f"/certificates/{number}/edit",
        data={
            "version": made.version,
            "language": "both",
            "remarks_zh": "加急",
            "remarks_en": "urgent",
            "photos": "false",
        },
    )
    assert answer.status_code == 302
    page = text(clerk.get(f"/certificates/{number}?lang=en"))
    assert "Language: “Chinese” → “Chinese and English”" in page
    assert "加急" in page
    assert fresh(house, number).language == "both"


def test_many_orders_are_drafted_at_once_and_one_that_cannot_is_named(house, browser):
    clerk = browser("reception")
    orders = [house.order("moisture") for _n in range(2)]
    house.draft(orders[1])
    answer = clerk.post("/certificates/ready?lang=en", data={"ids": orders}, follow_redirects=True)
    page = text(answer)
    assert "1 report drafted." in page or "已编制 1 份报告" in page
    assert house.order_row(orders[1]).number in page


# -- lists ------------------------------------------------------------------------------------


def waiting(house, kind: Waiting, actor) -> set[int]:
    lines = waiting_for(certificate_lines(), kind, house.session, actor, local_date(house.uow.now))
    return {row.id for row in house.session.execute(lines)}


def test_each_sees_what_waits_for_him(house):
    draft = house.draft(house.order("moisture")).id
    reviewed = house.reviewed(house.order("moisture")).id
    signed = house.approve(house.reviewed(house.order("moisture"))).id
    assert waiting(house, Waiting.PREPARE, house.clerk) == {draft}
    assert waiting(house, Waiting.REVIEW, house.reviewer) == {draft}
    assert waiting(house, Waiting.REVIEW, house.clerk) == set()
    assert waiting(house, Waiting.SIGN, house.signatory) == {reviewed}
    assert waiting(house, Waiting.SIGN, house.reviewer) == set()
    assert waiting(house, Waiting.FILE, house.clerk) == {signed}


@pytest.mark.parametrize("hand", ["analyst", "head", "reviewer", "reception"])
def test_what_a_signatory_had_a_hand_in_does_not_wait_for_him(house, hand):
    person = house.laboratory.actors[hand]
    grant = house.session.scalars(select(SigningGrant)).one()
    with house.uow:
        house.uow.add(
            SigningGrant(
                account_id=person.id,
                field=grant.field,
                valid_from=grant.valid_from,
                valid_to=grant.valid_to,
            )
        )
        house.uow.audit("test.grant", SYSTEM, ("grant", 1))
        house.uow.commit()
    house.reviewed(house.order("moisture"))
    assert waiting(house, Waiting.SIGN, person) == set()


@ON_SQLITE
@pytest.mark.parametrize(
    "address",
    ["/certificates", "/certificates/ready", "/certificates/to-sign", "/certificates?waiting=sign", "/"],
)
def test_lists_issue_a_bounded_number_of_queries(house, app, count_queries, address):
    everything = staff(app, house)
    house.draft(house.order("moisture"))
    house.order("moisture")
    everything.get(address)
    with count_queries() as few:
        assert everything.get(address).status_code == 200
    for _n in range(4):
        house.reviewed(house.order("moisture"))
        house.order("moisture")
    with count_queries() as many:
        assert everything.get(address).status_code == 200
    assert len(many) <= len(few)
    assert len(many) < 45


def test_filters_find_by_number_order_sample_and_customer(house, browser, files):
    reader = browser("director")
    report = house.issued(house.order("moisture"), files)
    house.draft(house.order("moisture"))
    number, order = report.number, report.order_id
    sample = house.session.scalars(select(Sample).where(Sample.order_id == order)).one().number
    for q in (number, house.order_row(order).number, sample):
        rows = reader.get("/api/certificates", query_string={"q": q}, headers=JSON).json["items"]
        assert [row["number"] for row in rows] == [number], q
    everyone = reader.get("/api/certificates", query_string={"q": "桂香斋"}, headers=JSON).json["items"]
    assert len(everyone) == 2
    issued = reader.get("/api/certificates?state=issued", headers=JSON).json["items"]
    assert [row["number"] for row in issued] == [number]
    sheet = reader.get("/certificates?export=csv&lang=en")
    assert number in sheet.get_data(as_text=True)


# -- what other rooms see -----------------------------------------------------------------------


def test_orders_and_samples_show_their_reports(house, files, app):
    order = house.order("moisture")
    report = house.issued(order, files)
    sample = house.session.scalars(select(Sample.id).where(Sample.order_id == order)).one()
    assert [row.number for row in certificates_of_sample(house.session, sample)] == [report.number]
    assert [m.what for m in milestones_of_sample(house.session, sample)] == [
        "prepared",
        "reviewed",
        "approved",
        "issued",
    ]
    with app.test_request_context():
        reader = actor_of(make_account(house.uow, Role.REVIEWER))
        names = [p.template for p in panels.panels_of("intake.order", house.session, reader, order)]
        assert "certificates/panel.html" in names
        events = panels.events_of("intake.sample", house.session, reader, sample)
        assert any(report.number in str(e.title) for e in events)
        stranger = actor_of(make_account(house.uow, Role.SAMPLER))
        hidden = [p.template for p in panels.panels_of("intake.order", house.session, stranger, order)]
        assert "certificates/panel.html" not in hidden


def test_a_scanned_number_or_qr_address_opens_the_report(house, files, app):
    report = house.issued(house.order("moisture"), files)
    with app.test_request_context():
        reader = actor_of(make_account(house.uow, Role.REVIEWER))
        for code in (
            report.number,
            report.number.lower(),
            f"{BASE_URL}/v/{report.number}/{report.check_code}",
        ):
            found = scanning.resolve(house.session, reader, code)
            assert found.href == f"/certificates/{report.id}"


# -- JSON -----------------------------------------------------------------------------------------


def test_the_api_walks_the_same_road(house, browser, uow, store):
    order = house.order("moisture")
    clerk, reviewer, signatory = browser("reception"), browser("reviewer"), browser("signatory")
    offered = clerk.get(f"/api/orders/{order}/reportable", headers=JSON).json
    assert [v["reported"] for v in offered] == ["20.0"]
    key = {"Idempotency-Key": "draft-1", **JSON}
    made = clerk.post("/api/certificates", json={"order_id": order, "language": "en"}, headers=key)
    assert made.status_code == 201
    assert (
        clerk.post("/api/certificates", json={"order_id": order, "language": "en"}, headers=key).json
        == made.json
    )
    address = f"/api/certificates/{made.json['id']}"
    view = reviewer.get(address, headers=JSON).json
    assert {s["name"]: s["open"] for s in view["steps"]}["review"] is True
    seen = reviewer.post(f"{address}/review", json={"version": view["certificate"]["version"]}, headers=JSON)
    assert seen.json["state"] == "reviewed"
    signed = signatory.post(
        f"{address}/approve",
        json={"version": seen.json["version"], "password": PASSWORD, "code": code_now(uow)},
        headers=JSON,
    )
    assert (signed.status_code, signed.json["state"]) == (200, "approved")
    issue(uow, store, made.json["id"])
    document = signatory.get(f"{address}/document", headers=JSON)
    assert hashlib.sha256(document.data).hexdigest() == signed.json["document_sha256"]
    withdrawn = browser("quality_manager").post(
        f"{address}/withdraw",
        json={"version": version_of(house, made.json["id"]), "reason": "mixed up"},
        headers=JSON,
    )
    assert withdrawn.json["withdrawn_why"] == "mixed up"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/certificates", {"order_id": 2**70}),
        ("POST", "/api/certificates", {"order_id": 1, "test_ids": []}),
        ("POST", "/api/certificates", {"order_id": 1, "language": "\x00"}),
        ("POST", "/api/certificates", {"order_id": "one"}),
        (
            "POST",
            "/api/certificates/approve",
            {"chosen": [{"id": 1, "version": 1}] * 51, "password": "x", "code": "1"},
        ),
        (
            "POST",
            "/api/certificates/approve",
            {"chosen": [{"id": 1, "version": 1}], "password": "\ud800", "code": "1"},
        ),
        ("PUT", "/api/laboratory", {"version": None, "name_zh": "\x00" * 3}),
        ("GET", "/api/certificates?state=lost", None),
        ("GET", "/api/certificates?first_day=0001-01-01", None),
        ("GET", "/api/certificates?cursor=abc", None),
        ("GET", "/api/certificates?size=0", None),
    ],
)
def test_wrong_input_is_answered_with_its_fault(house, app, method, path, body):
    everything = staff(app, house)
    answer = (
        everything.open(path, method=method, json=body, headers=JSON)
        if body
        else everything.get(path, headers=JSON)
    )
    assert answer.status_code == 422
    assert answer.json["code"]


def test_the_laboratory_is_saved_through_page_and_api(house, browser):
    administrator = browser("administrator")
    page = text(administrator.get("/laboratory?lang=en"))
    assert "220019120001" in page
    current = administrator.get("/api/laboratory", headers=JSON).json
    changed = administrator.put("/api/laboratory", json={**current, "phone": "0871-1"}, headers=JSON)
    assert (changed.status_code, changed.json["phone"]) == (200, "0871-1")
    stale = administrator.put("/api/laboratory", json=current, headers=JSON)
    assert stale.status_code == 409
    kept = administrator.post(
        "/laboratory?lang=en", data={**changed.json, "name_en": "", "phone": "kept words"}
    )
    assert kept.status_code == 422
    assert "kept words" in text(kept)


ROLES_OF_STEPS = {
    "edit": {"reception", "reviewer"},
    "drop": {"reception", "reviewer"},
    "review": {"reviewer"},
    "return": {"reviewer", "signatory"},
    "approve": {"signatory"},
    "withdraw": {"quality_manager"},
}


@pytest.mark.parametrize("step", list(ROLES_OF_STEPS))
def test_only_the_roles_of_the_table_take_a_step(house, browser, step):
    made = house.draft(house.order("moisture")).id
    body = {"version": 99, "reason": "r", "password": "p", "code": "1", "language": "zh"}
    wanted = {
        "edit": {"version", "language"},
        "review": {"version"},
        "approve": {"version", "password", "code"},
    }.get(step, {"version", "reason"})
    sent = {name: body[name] for name in wanted}
    entered = set()
    for role in Role:
        client = browser(role.value)
        if step == "edit":
            answer = client.put(f"/api/certificates/{made}", json=sent, headers=JSON)
        else:
            answer = client.post(f"/api/certificates/{made}/{step}", json=sent, headers=JSON)
        if answer.status_code != 403:
            entered.add(role.value)
            assert answer.status_code == 409  # the door is open; the version is stale
    assert entered == ROLES_OF_STEPS[step]
