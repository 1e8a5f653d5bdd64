"""The JSON face of samples: everything the pages do, with codes for programs."""

import base64

import pytest
from sqlalchemy import select

from lims.core.files import FileStore
from lims.intake.models import CustodyEvent, LabelPrint, Sample, StoragePlace
from lims.intake.states import SampleState
from tests.intake.makers import ADMINISTRATOR, ANALYST, BAKER, CLERK, HEAD, REVIEWER, make_house
from tests.intake.sample_makers import browser_of, make_samples, picture, put_in, received


@pytest.fixture
def house(uow):
    return make_house(uow)


@pytest.fixture
def store(database):
    return FileStore(database.data / "files")


@pytest.fixture
def desk(app, uow, house):
    return browser_of(app, uow, CLERK)


def fresh(uow, sample):
    uow.session.rollback()
    return uow.session.get(Sample, sample.id, populate_existing=True)


CHECK = {"seal": "intact", "temperature": "4.00", "amount": "500 g", "condition": "完好"}


def test_a_sample_goes_its_whole_way_by_json(app, uow, house, desk, clock):
    (sample,) = make_samples(uow, house)
    at = f"/api/samples/{sample.id}"
    photo = base64.b64encode(picture()).decode()
    got = desk.post(f"{at}/receive", json=CHECK | {"version": 1, "photo": photo})
    assert got.status_code == 200, got.json
    assert (got.json["state"], got.json["temperature"]) == ("to_test", "4.00")
    assert desk.get(f"{at}/photo").data == picture()
    moved = desk.post(f"{at}/move", json={"holder_id": ANALYST.id, "note": "急"})
    assert moved.json["event"]["kind"] == "handed_over"
    assert desk.post(f"/api/custody/{moved.json['event']['id']}/undo").status_code == 200
    put_in(uow, sample, SampleState.TESTED)
    version = fresh(uow, sample).version
    kept = desk.post(f"{at}/retain", json={"version": version, "place_id": house.shelf}).json
    longer = {"version": kept["version"], "retain_until": "2027-06-01", "reason": "复检"}
    kept = desk.post(f"{at}/keep-longer", json=longer).json
    assert kept["retain_until"] == "2027-06-01"
    early = desk.post(f"{at}/return", json={"version": kept["version"], "received_by": "王芳"})
    assert (early.status_code, early.json["code"]) == (409, "kept_until")
    story = desk.get(at).json
    assert [line["what"] for line in story["happenings"]] == [
        "registered", "received", "handed_over", "undone", "stored", "retained", "kept_longer",
    ]  # fmt: skip
    assert story["next_step"] == "keep"
    assert "keep_longer" in story["actions"]
    clock.advance(days=200)
    desk, head = browser_of(app, uow, CLERK), browser_of(app, uow, HEAD)
    due = desk.get("/api/samples?due=retention").json
    assert [row["number"] for row in due["items"]] == [sample.number]
    asked = desk.post("/api/disposals", json={"sample_ids": [sample.id], "reason": "到期"}).json[0]
    refused = head.post(f"{at}/refuse-disposal", json={"version": asked["version"], "reason": "等"}).json
    asked = desk.post(f"{at}/ask-disposal", json={"version": refused["version"], "reason": "到期"}).json
    own = desk.post(f"{at}/approve-disposal", json={"version": asked["version"]})
    assert own.status_code == 403
    gone = head.post("/api/disposals/approve", json={"sample_ids": [sample.id]}).json[0]
    assert gone["state"] == "disposed"


def test_a_refusal_and_a_whole_order_by_json(uow, house, desk):
    samples = make_samples(uow, house, 3)
    refused = desk.post(
        f"/api/samples/{samples[0].id}/refuse",
        json=CHECK | {"version": 1, "reason": "破损", "seal": "broken"},
    )
    assert refused.json["refusal_letter_number"] == "HJ2026-00001"
    assert desk.get(f"/api/samples/{samples[0].id}/refusal-letter").status_code == 404
    assert desk.post(f"/api/samples/{samples[0].id}/refusal-letter").status_code == 202
    rest = [CHECK | {"sample_id": s.id, "version": 1} for s in samples[1:]]
    faulty = desk.post(
        f"/api/orders/{samples[0].order_id}/receive",
        json={"samples": [rest[0], rest[1] | {"temperature": "300"}]},
    )
    assert faulty.status_code == 422
    assert "samples.1.temperature" in faulty.json["fields"]
    done = desk.post(f"/api/orders/{samples[0].order_id}/receive", json={"samples": rest})
    assert [row["state"] for row in done.json] == ["to_test", "to_test"]


def test_moves_places_labels_and_printers_by_json(app, uow, house, store, desk):
    samples = received(uow, house, store, 2)
    ids = [s.id for s in samples]
    key = {"Idempotency-Key": "k-1"}
    for _twice in range(2):
        moved = desk.post("/api/custody", json={"sample_ids": ids, "holder_id": ANALYST.id}, headers=key)
        assert [m["event"]["kind"] for m in moved.json] == ["handed_over"] * 2
    uow.session.rollback()
    assert len(uow.session.scalars(select(CustodyEvent)).all()) == 4
    assert ANALYST.id in [row["id"] for row in desk.get("/api/custody/holders").json]
    for _twice in range(2):
        place = desk.post(
            "/api/storage-places",
            json={"code": "BX-1", "name_zh": "冰箱"},
            headers={"Idempotency-Key": "k-2"},
        )
        assert place.status_code == 201
    changed = place.json | {"conditions": "2–8 °C"}
    del changed["id"]
    assert desk.put(f"/api/storage-places/{place.json['id']}", json=changed).json["conditions"] == "2–8 °C"
    assert {line["place"]["code"] for line in desk.get("/api/storage-places").json} == {"BX-1", "LY-01"}
    labels = {"sample_ids": ids, "form": "zpl", "width_mm": 50, "height_mm": 30}
    for _twice in range(2):
        zpl = desk.post("/api/labels", json=labels, headers={"Idempotency-Key": "k-3"})
        assert zpl.data.count(b"^XA") == 2
    assert desk.post("/api/labels", json=labels | {"form": "pdf"}).mimetype == "application/pdf"
    assert desk.post("/api/labels", json=labels | {"form": "printer"}).status_code == 422
    office = browser_of(app, uow, ADMINISTRATOR)
    printer = {"name": "p1", "host": "127.0.0.1", "port": 9, "width_mm": 50, "height_mm": 30}
    made = office.post("/api/label-printers", json=printer)
    assert made.status_code == 201
    change = {k: v for k, v in made.json.items() if k != "id"} | {"port": 9101}
    assert office.put(f"/api/label-printers/{made.json['id']}", json=change).json["port"] == 9101
    sent = desk.post("/api/labels", json=labels | {"form": "printer", "printer_id": made.json["id"]})
    assert sent.status_code == 202
    job = desk.get(f"/api/labels/jobs/{sent.json['job_id']}").json
    assert job["state"] == "waiting"
    assert [row["name"] for row in desk.get("/api/label-printers").json] == ["p1"]
    uow.session.rollback()
    assert len(uow.session.scalars(select(LabelPrint)).all()) == 6
    assert len(uow.session.scalars(select(StoragePlace)).all()) == 2


BAD = ["\x00", "\ud800", "x" * 5000, 10**30, -1, 1.5, True, None, [], {}, "NaN", "２", "2026-02-30"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/samples/{id}/receive", CHECK | {"version": 1, "photo": "", "place_id": 1}),
        ("/api/samples/{id}/refuse", CHECK | {"version": 1, "reason": "x"}),
        ("/api/orders/1/receive", {"samples": []}),
        ("/api/samples/{id}/retain", {"version": 1, "place_id": 1, "retain_until": "2027-01-01"}),
        ("/api/samples/{id}/keep-longer", {"version": 1, "retain_until": "2027-01-01", "reason": "x"}),
        ("/api/samples/{id}/return", {"version": 1, "received_by": "x", "note": ""}),
        ("/api/samples/{id}/ask-disposal", {"version": 1, "reason": "x"}),
        ("/api/samples/{id}/move", {"holder_id": 3, "place_id": None, "note": ""}),
        ("/api/custody", {"sample_ids": [1], "holder_id": 3, "note": ""}),
        ("/api/custody/scan", {"code": "x", "holder_id": 3, "place_id": None}),
        ("/api/disposals", {"sample_ids": [1], "reason": "x"}),
        ("/api/storage-places", {"code": "a", "name_zh": "x", "name_en": "x", "conditions": ""}),
        (
            "/api/labels",
            {
                "sample_ids": [1], "form": "zpl", "width_mm": 50, "height_mm": 30, "code_kind": "qr",
                "dots_per_mm": 8, "printer_id": None,
            },
        ),
    ],
)  # fmt: skip
def test_no_input_whatever_is_a_fault_of_ours(uow, house, desk, path, body):
    (sample,) = make_samples(uow, house)
    where = path.format(id=sample.id)
    for name in [*body, "unknown"]:
        for bad in BAD:
            answer = desk.post(where, json=body | {name: bad})
            assert answer.status_code < 500, (name, bad, answer.json)
    for raw in (b"", b"[]", b"null", b"{", b'{"version":1e400}'):
        assert desk.post(where, data=raw, content_type="application/json").status_code in {400, 409, 422}


@pytest.mark.parametrize("number", ["0", "-1", "9" * 30, "9007199254740992", "x", "1.0", "%00"])
def test_numbers_that_no_row_has_are_not_found(uow, house, desk, number):
    assert desk.get(f"/api/samples/{number}").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "state=x", "due=x", "size=0", "size=201", "cursor=%00", "cursor=WzEsMl0", "since=x", "holder_id=-1",
        "q=" + "x" * 200, "category_id=99999999999999999999", "q=%00",
    ],
)  # fmt: skip
def test_filters_that_cannot_be_are_refused(uow, house, desk, query):
    answer = desk.get(f"/api/samples?{query}")
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"


def test_pages_of_the_json_list_follow_each_other(uow, house, desk):
    make_samples(uow, house, 7)
    found, cursor = [], ""
    while cursor is not None:
        page = desk.get(f"/api/samples?size=3&cursor={cursor}" if cursor else "/api/samples?size=3").json
        assert (page["total"], page["more"]) == (7, False)
        found += [row["number"] for row in page["items"]]
        cursor = page["after"]
    assert len(found) == len(set(found)) == 7


def test_each_does_what_its_role_allows_and_no_more(app, uow, house, store):
    (sample,) = received(uow, house, store)
    at = f"/api/samples/{sample.id}"
    for who, path, body in (
        (REVIEWER, f"{at}/move", {"holder_id": REVIEWER.id}),
        (ANALYST, f"{at}/ask-disposal", {"version": 1, "reason": "x"}),
        (ANALYST, "/api/storage-places", {"code": "x", "name_zh": "x"}),
        (ANALYST, "/api/label-printers", {"name": "x", "host": "x", "width_mm": 50, "height_mm": 30}),
        (BAKER, f"{at}/receive", CHECK | {"version": 1}),
        (BAKER, "/api/labels", {"sample_ids": [1], "form": "zpl", "width_mm": 50, "height_mm": 30}),
    ):
        answer = browser_of(app, uow, who).post(path, json=body)
        assert (answer.status_code, answer.json["code"]) == (403, "permission_denied"), (who.name, path)
    assert app.test_client().get("/api/samples").status_code == 401
