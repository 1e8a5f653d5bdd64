"""The register's JSON: everything that the pages do, with stable codes."""

import base64
import json

import pytest

from tests.equipment.register_makers import PDF
from tests.support.queries import statements_of

DEVICE = {
    "code": "TP-009",
    "name_zh": "电子天平",
    "name_en": "Analytical balance",
    "equipment_class": "balance",
    "maker": "Mettler Toledo",
    "model": "XS205",
    "serial": "B1",
    "software": "2.1",
    "identity": "B1",
    "section_id": None,
    "place": "201",
    "in_service_on": "2024-05-01",
}
CALIBRATION = {
    "certificate_number": "JL1",
    "laboratory": "省计量科学研究院",
    "calibrated_on": "2026-11-01",
    "due_on": "2027-10-31",
    "accepted": True,
    "range_low": "0.010",
    "range_high": "220",
    "unit": "g",
    "note": "",
    "replaces_id": None,
    "scan": None,
}


def test_a_device_from_entry_to_label(browser, store):
    made = browser.post("/api/equipment", json=DEVICE)
    assert made.status_code == 201
    assert DEVICE.items() <= made.json.items()
    path = f"/api/equipment/{made.json['id']}"
    assert browser.get(f"{path}/fitness").json["code"] == "never_calibrated"
    scan = base64.b64encode(PDF).decode()
    record = browser.post(f"{path}/calibrations", json=CALIBRATION | {"scan": scan})
    assert record.status_code == 201
    assert record.json["range_low"] == "0.010"
    assert browser.get(f"/api/calibrations/{record.json['id']}/scan").data == PDF
    fit = browser.get(f"{path}/fitness?value=100.20&unit=g").json
    assert (fit["ok"], fit["code"], fit["due_on"]) == (True, "fit", "2027-10-31")
    assert browser.get(f"{path}/fitness?on=2027-11-01").json["code"] == "calibration_overdue"
    assert browser.get(f"{path}/fitness?value=300&unit=g").json["code"] == "outside_calibrated_range"
    listed = browser.get("/api/equipment").json["items"]
    assert [(r["code"], r["sticker"], r["currency"], r["due_on"]) for r in listed] == [
        ("TP-009", "green", "current", "2027-10-31")
    ]
    assert [r["verb"] for r in browser.get(f"{path}/history").json] == ["equipment.add"]
    assert browser.get(f"{path}/methods").json == []


def test_an_edit_and_a_change_of_state_ask_for_the_version_that_was_seen(browser, store):
    made = browser.post("/api/equipment", json=DEVICE).json
    path = f"/api/equipment/{made['id']}"
    edited = browser.put(path, json=DEVICE | {"place": "305", "version": made["version"]})
    assert (edited.status_code, edited.json["place"]) == (200, "305")
    stale = browser.put(path, json=DEVICE | {"version": made["version"]})
    assert (stale.status_code, stale.json["code"]) == (409, "stale_version")
    step = {"step": "stop", "reason": "跌落", "version": edited.json["version"]}
    stopped = browser.post(f"{path}/state", json=step)
    assert (stopped.json["state"], stopped.json["state_reason"]) == ("out_of_service", "跌落")
    again = browser.post(f"{path}/state", json=step | {"version": stopped.json["version"]})
    assert (again.status_code, again.json["code"]) == (409, "transition_refused")


def test_a_correction_through_the_api(browser, store):
    device = store.device()
    path = f"/api/equipment/{device.id}/calibrations"
    wrong = browser.post(path, json=CALIBRATION).json
    right = browser.post(path, json=CALIBRATION | {"due_on": "2026-11-20", "replaces_id": wrong["id"]})
    assert right.json["replaces_id"] == wrong["id"]
    lines = browser.get(path).json
    assert {one["record"]["id"]: one["replaced_by"] for one in lines} == {
        wrong["id"]: right.json["id"],
        right.json["id"]: None,
    }


def test_the_same_key_makes_one_device_and_another_body_is_refused(browser, store):
    headers = {"Idempotency-Key": "k-1"}
    first = browser.post("/api/equipment", json=DEVICE, headers=headers)
    second = browser.post("/api/equipment", json=DEVICE, headers=headers)
    assert first.json["id"] == second.json["id"]
    other = browser.post("/api/equipment", json=DEVICE | {"code": "X-1"}, headers=headers)
    assert (other.status_code, other.json["code"]) == (409, "idempotency_mismatch")


def test_a_reader_reads_and_nothing_more(reader, store):
    device = store.device()
    path = f"/api/equipment/{device.id}"
    for read in ("", "/fitness", "/history", "/methods", "/calibrations"):
        assert reader.get(path + read).status_code == 200, read
    assert reader.get("/api/equipment").status_code == 200
    assert reader.get("/api/equipment-classes").status_code == 200
    for method, address in (
        ("POST", "/api/equipment"),
        ("PUT", path),
        ("POST", f"{path}/state"),
        ("POST", f"{path}/calibrations"),
        ("POST", "/api/equipment-classes"),
        ("PUT", "/api/equipment-classes/1"),
    ):
        answer = reader.open(address, method=method, json={})
        assert (answer.status_code, answer.json["code"]) == (403, "permission_denied"), address


def test_filters_of_the_list(browser, store):
    for code, due in (("A", -1), ("B", 10), ("C", 200)):
        store.calibrate(store.device(code), due)

    def found(query: str) -> list[str]:
        return [r["code"] for r in browser.get(f"/api/equipment?{query}").json["items"]]

    assert found("due=overdue") == ["A"]
    assert found("due=soon") == ["B"]
    assert found("late=true&size=2") == ["A", "B"]
    assert found("equipment_class=oven") == []
    assert found("state=limited") == []
    page = browser.get("/api/equipment?size=2").json
    assert found(f"size=2&cursor={page['after']}") == ["C"]
    assert browser.get("/api/equipment?cursor=broken").json["code"] == "bad_cursor"


def test_the_list_is_one_query_beside_the_sign_in(browser, store, database):
    store.calibrate(store.device(), 3)
    with statements_of(database.engine) as few:
        browser.get("/api/equipment")
    for _ in range(6):
        store.calibrate(store.device(), 3)
    with statements_of(database.engine) as many:
        browser.get("/api/equipment")
    assert len(many) == len(few)


HUGE = 10**30
WRONG = [
    None,
    True,
    "",
    "\x00",
    "\ud800",
    "x" * 5000,
    HUGE,
    -1,
    0,
    1.5,
    "NaN",
    "1e999",
    [],
    [None],
    {},
    "0000-00-00",
]


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("POST", "/api/equipment", DEVICE),
        ("PUT", "/api/equipment/{id}", DEVICE | {"version": 1}),
        ("POST", "/api/equipment/{id}/state", {"version": 1, "step": "stop", "reason": "x"}),
        ("POST", "/api/equipment/{id}/calibrations", CALIBRATION),
        ("POST", "/api/equipment-classes", {"code": "hplc", "name_zh": "液相", "name_en": "HPLC"}),
        ("PUT", "/api/equipment-classes/1", {"version": 1, "name_zh": "液相", "name_en": "HPLC"}),
    ],
)
def test_whatever_comes_in_the_answer_is_no_fault_of_ours(browser, store, method, address, body):
    address = address.format(id=store.device("TP-001").id)
    for field in body:
        for value in WRONG:
            raw = json.dumps(body | {field: value})
            answer = browser.open(address, method=method, data=raw, content_type="application/json")
            assert answer.status_code < 500, (field, value)
            if answer.status_code >= 400:
                assert answer.json["code"], (field, value)


@pytest.mark.parametrize(
    "query",
    [
        "cursor=%00",
        "cursor=eyJ4IjoxfQ",
        "size=0",
        "size=999999999999999999999",
        "section_id=1e9",
        "words=%00%ff",
        "words=" + "x" * 3000,
        "due=never",
        "state=x",
        "unknown=1",
    ],
)
def test_odd_filters_get_a_sentence(browser, store, query):
    answer = browser.get(f"/api/equipment?{query}")
    assert answer.status_code in {200, 422}


@pytest.mark.parametrize(
    "query", ["on=0001-01-01", "on=x", "value=1e999", "value=%00", "value=1&unit=%00", "value=1&unit=zzz"]
)
def test_odd_questions_about_fitness_get_a_sentence(browser, store, query):
    device = store.device()
    store.calibrate(device, 10)
    assert browser.get(f"/api/equipment/{device.id}/fitness?{query}").status_code in {200, 422}


def test_a_scan_that_is_no_base64_is_refused_at_its_field(browser, store):
    path = f"/api/equipment/{store.device().id}/calibrations"
    answer = browser.post(path, json=CALIBRATION | {"scan": "%%%"})
    assert (answer.status_code, list(answer.json["fields"])) == (422, ["scan"])
    answer = browser.post(path, json=CALIBRATION | {"scan": base64.b64encode(b"<html>").decode()})
    assert (answer.status_code, answer.json["code"]) == (422, "scan_unknown")
