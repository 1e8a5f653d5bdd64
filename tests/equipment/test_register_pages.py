"""The register's pages: what they show, what they refuse, and that nothing typed is lost."""

import io
import re

import pytest
from sqlalchemy import select

from lims.core.files import FileStore
from lims.core.permissions import Role
from lims.equipment.models import CalibrationRecord, Equipment, EquipmentState
from tests.equipment.register_makers import PDF
from tests.support.accounts import make_account, sign_in
from tests.support.queries import statements_of


def key_of(page) -> str:
    return re.search(r'name="request_key" value="([^"]+)"', page.text)[1]


DEVICE = {
    "code": "TP-009",
    "name_zh": "电子天平",
    "name_en": "Analytical balance",
    "equipment_class": "balance",
    "place": "理化 201",
    "section_id": "",
    "in_service_on": "2024-05-01",
}
CALIBRATION = {
    "certificate_number": "JL202611-01",
    "laboratory": "省计量科学研究院",
    "calibrated_on": "2026-11-01",
    "due_on": "2027-10-31",
    "accepted": "true",
    "range_low": "0.010",
    "range_high": "220",
    "unit": "g",
    "note": "",
    "replaces_id": "",
}


def test_a_device_is_entered_calibrated_and_labelled(browser, store):
    made = browser.post("/equipment/new", data=DEVICE)
    assert made.status_code == 302
    page = browser.get(made.location)
    assert "TP-009" in page.text
    assert "never" in page.text or "校准记录" in page.text
    done = browser.post(f"{made.location}/calibrations/new", data=CALIBRATION)
    assert done.status_code == 302
    page = browser.get(made.location, headers={"Accept-Language": "en"})
    assert "TP-009 Analytical balance: fit, calibration due 2027-10-31." in page.text
    assert "0.010 ~ 220 g" in page.text, "every digit as on the paper"


def test_what_was_typed_stays_when_it_is_refused(browser, store):
    store.device("TP-009")
    again = browser.post("/equipment/new", data=DEVICE)
    assert again.status_code == 409
    assert 'value="TP-009"' in again.text
    assert 'value="理化 201"' in again.text
    assert "code_taken" in again.text
    wrong = browser.post(
        f"/equipment/{store.device().id}/calibrations/new", data=CALIBRATION | {"due_on": "2026-10-01"}
    )
    assert wrong.status_code == 422
    assert 'value="JL202611-01"' in wrong.text


def test_sending_the_form_twice_enters_one_device(browser, store, session):
    page = browser.get("/equipment/new")
    sent = DEVICE | {"request_key": key_of(page)}
    first, second = (browser.post("/equipment/new", data=sent) for _ in range(2))
    assert first.location == second.location
    assert len(session.scalars(select(Equipment)).all()) == 1


def test_a_scan_is_kept_and_comes_back_as_a_file_that_cannot_act(browser, store, session, database):
    device = store.device()
    sent = browser.post(
        f"/equipment/{device.id}/calibrations/new",
        data=CALIBRATION | {"scan": (io.BytesIO(PDF), "../../etc/passwd.exe")},
        content_type="multipart/form-data",
    )
    assert sent.status_code == 302
    record = session.scalars(select(CalibrationRecord)).one()
    assert FileStore(database.data / "files").read(record.file_sha256) == PDF
    answer = browser.get(f"/equipment/calibrations/{record.id}/scan")
    assert answer.data == PDF
    assert answer.content_type == "application/pdf"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=calibration-{record.id}.pdf"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b"%PDF-1.4 not whole"])
def test_another_kind_of_file_is_refused_at_its_field(browser, store, session, content):
    device = store.device()
    sent = browser.post(
        f"/equipment/{device.id}/calibrations/new",
        data=CALIBRATION | {"scan": (io.BytesIO(content), "paper.pdf")},
        content_type="multipart/form-data",
    )
    assert sent.status_code == 422
    assert "f-scan-error" in sent.text
    assert session.scalars(select(CalibrationRecord)).all() == []


def test_text_where_a_file_is_expected_is_refused(browser, store):
    sent = browser.post(
        f"/equipment/{store.device().id}/calibrations/new", data=CALIBRATION | {"scan": "just text"}
    )
    assert sent.status_code == 422


def test_a_record_is_corrected_from_its_line(browser, store):
    device = store.device()
    wrong = store.calibrate(device, 364)
    page = browser.get(f"/equipment/{device.id}")
    link = f"/equipment/{device.id}/calibrations/new?replaces={wrong.id}"
    assert link in page.text
    form = browser.get(link)
    assert f'name="replaces_id" value="{wrong.id}"' in form.text
    assert f'value="{wrong.certificate_number}"' in form.text
    done = browser.post(
        f"/equipment/{device.id}/calibrations/new",
        data=CALIBRATION | {"replaces_id": str(wrong.id), "due_on": "2026-11-22"},
    )
    assert done.status_code == 302
    page = browser.get(f"/equipment/{device.id}", headers={"Accept-Language": "en"})
    assert "corrected" in page.text
    assert "1 day(s) past it" in page.text


def test_a_state_changes_with_its_reason_and_a_stale_page_is_refused(browser, store, session):
    device = store.device()
    step = {"step": "stop", "reason": "跌落", "version": str(device.version)}
    assert browser.post(f"/equipment/{device.id}/state", data=step).status_code == 302
    stopped = session.get(Equipment, device.id, populate_existing=True)
    assert (stopped.state, stopped.state_reason) == (EquipmentState.OUT_OF_SERVICE, "跌落")
    stale = browser.post(f"/equipment/{device.id}/state", data=step | {"step": "limit", "reason": "只读"})
    assert stale.status_code == 409
    assert "只读" in stale.text
    assert "stale_version" in stale.text


def test_a_change_of_state_without_reason_is_refused_in_place(browser, store):
    device = store.device()
    sent = browser.post(f"/equipment/{device.id}/state", data={"step": "stop", "reason": " ", "version": "1"})
    assert sent.status_code == 422
    assert '<details class="confirm" open>' in sent.text


def test_an_edit_shows_what_is_there_and_saves_it(browser, store, session):
    device = store.device("TP-001", place="201", maker="Mettler Toledo")
    form = browser.get(f"/equipment/{device.id}/edit")
    assert 'value="Mettler Toledo"' in form.text
    typed = DEVICE | {"code": "TP-001", "version": str(device.version)}
    sent = browser.post(f"/equipment/{device.id}/edit", data=typed)
    assert sent.status_code == 302
    assert session.get(Equipment, device.id, populate_existing=True).place == "理化 201"
    again = browser.post(f"/equipment/{device.id}/edit", data=typed)
    assert again.status_code == 409


def test_the_list_filters_by_address_and_saves_as_a_file(browser, store):
    late, fine = store.device("TP-LATE"), store.device("TP-FINE")
    store.calibrate(late, -1)
    store.calibrate(fine, 100)
    page = browser.get("/equipment?due=overdue")
    assert "TP-LATE" in page.text
    assert "TP-FINE" not in page.text
    assert browser.get("/equipment?due=never").status_code == 422
    assert browser.get("/equipment?section=x").status_code == 422
    csv = browser.get("/equipment?order=late&export=csv", headers={"Accept-Language": "en"})
    lines = csv.data.decode("utf-8-sig").splitlines()
    assert lines[1].startswith("TP-LATE,")
    assert "do not use" in lines[1]
    assert "overdue" in lines[1]


def test_the_start_page_counts_what_is_overdue_and_links_to_exactly_that_list(browser, store):
    store.calibrate(store.device(), -1)
    store.calibrate(store.device(), 12)
    page = browser.get("/")
    assert re.search(r'tone-fault" href="/equipment\?due=overdue"><span class="card-number">1<', page.text)
    assert re.search(r'tone-returned" href="/equipment\?due=soon"><span class="card-number">1<', page.text)


def test_a_scanned_code_opens_the_device(browser, app, uow, store):
    device = store.device("TP-001")
    found = browser.get("/scan?code=tp-001", headers={"Accept": "application/json"}).json
    assert found["href"] == f"/equipment/{device.id}"
    assert found["echo"].startswith("TP-001")
    customer = sign_in(app.test_client(), make_account(uow, Role.CUSTOMER))
    answer = customer.get("/scan?code=TP-001", headers={"Accept": "application/json"})
    assert not answer.json["found"]


def test_the_label_is_a_pdf(browser, store):
    device = store.device()
    answer = browser.get(f"/equipment/{device.id}/label.pdf")
    assert answer.status_code == 200
    assert answer.data.startswith(b"%PDF-")
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_reader_sees_and_may_not_change(reader, store):
    device = store.device()
    page = reader.get(f"/equipment/{device.id}")
    assert page.status_code == 200
    assert "/calibrations/new" not in page.text
    for path in (
        "/equipment/new",
        f"/equipment/{device.id}/edit",
        f"/equipment/{device.id}/calibrations/new",
    ):
        assert reader.get(path).status_code == 403
    assert reader.post(f"/equipment/{device.id}/state", data={}).status_code == 403
    assert reader.post("/equipment/classes", data={}).status_code == 403


def test_classes_are_added_and_renamed(browser, store):
    assert browser.get("/equipment/classes").status_code == 200
    sent = browser.post("/equipment/classes", data={"code": "hplc", "name_zh": "液相", "name_en": "HPLC"})
    assert sent.status_code == 302
    taken = browser.post("/equipment/classes", data={"code": "hplc", "name_zh": "液相二", "name_en": "H"})
    assert taken.status_code == 409
    assert 'value="液相二"' in taken.text
    rows = browser.get("/api/equipment-classes").json
    row = next(r for r in rows if r["code"] == "hplc")
    edit = browser.get(f"/equipment/classes/{row['id']}")
    assert 'value="液相"' in edit.text
    saved = browser.post(
        f"/equipment/classes/{row['id']}",
        data={"version": row["version"], "name_zh": "液相色谱仪", "name_en": "HPLC"},
    )
    assert saved.status_code == 302
    assert "液相色谱仪" in browser.get("/equipment/classes").text


def test_what_is_not_there_is_not_found(browser, store):
    device = store.device()
    for path in (
        "/equipment/987654",
        "/equipment/987654/edit",
        "/equipment/987654/calibrations/new",
        "/equipment/987654/label.pdf",
        "/equipment/calibrations/987654/scan",
        "/equipment/classes/987654",
        f"/equipment/{device.id}/calibrations/new?replaces=987654",
    ):
        assert browser.get(path).status_code == 404, path
    assert browser.get(f"/equipment/{device.id}/calibrations/new?replaces={10**30}").status_code == 200


@pytest.mark.parametrize("path", ["/equipment", "/equipment/{id}"])
def test_a_page_asks_the_database_as_often_for_many_rows_as_for_one(browser, store, database, path):
    device = store.device()
    store.calibrate(device, 10)
    path = path.format(id=device.id)
    browser.get(path)
    with statements_of(database.engine) as few:
        assert browser.get(path).status_code == 200
    for _ in range(8):
        store.calibrate(device, 20)
        store.calibrate(store.device(), 20)
        device = store.step(device, "limit")
        device = store.step(device, "release")
    with statements_of(database.engine) as many:
        assert browser.get(path).status_code == 200
    assert len(many) == len(few)
    assert len(many) <= 30
