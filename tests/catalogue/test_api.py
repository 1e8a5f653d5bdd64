"""The JSON face does what the pages do."""

import pytest

from lims.core.permissions import Role
from tests.support.accounts import make_account, sign_in

MOISTURE = {
    "result_kind": "number",
    "unit": "g/100g",
    "formula": "100 * (m1 - m2) / (m1 - m0)",
    "round_to": "0.1",
    "inputs": [
        {"name": name, "label_zh": name, "label_en": name, "unit": "g", "equipment_class": "balance"}
        for name in ("m0", "m1", "m2")
    ],
    "equipment_classes": ["balance"],
}


@pytest.fixture
def item(browser, catalogue) -> dict:
    body = {
        "code": "moisture",
        "name_zh": "水分",
        "name_en": "Moisture",
        "field": "food_chemistry",
        "section_id": catalogue.item_text("x").section_id,
        "price": "60.00",
    }
    answer = browser.post("/api/test-items", json=body)
    assert answer.status_code == 201, answer.json
    return answer.json


@pytest.fixture
def standard(browser) -> dict:
    body = {"code": "GB 5009.3-2016", "title_zh": "水分的测定", "title_en": "Moisture"}
    return browser.post("/api/standards", json=body).json


def test_a_program_adds_an_item_with_its_method_and_limit(browser, item, standard):
    method = browser.post(
        f"/api/test-items/{item['id']}/methods", json={"standard_id": standard["id"], "clause": "第一法"}
    ).json
    draft = browser.post(
        f"/api/methods/{method['id']}/versions", json={"text": MOISTURE | {"formula": "m0 +"}}
    )
    assert draft.status_code == 201, draft.json
    address = f"/api/method-versions/{draft.json['id']}"
    lacking = browser.get(f"{address}/readiness").json
    assert (lacking["is_ready"], lacking["position"], list(lacking["faults"])) == (False, 4, ["formula"])
    assert browser.post(f"{address}/release", json={"version": 1}).status_code == 422
    put = browser.put(address, json={"version": 1, "text": MOISTURE})
    assert put.json["version"] == 2
    figures = {"m0": "28.4517", "m1": "33.4629", "m2": "32.4607"}
    trial = browser.post(f"{address}/try", json={"figures": figures}).json
    assert (trial["exact"], trial["reported"], trial["outcome"]) == ("125275/6264", "20.0", "20.0")
    assert trial["steps"][0] == {
        "expression": "m1 - m2",
        "with_numbers": "33.4629 - 32.4607",
        "value": "1.0022",
    }
    assert browser.post(f"{address}/release", json={"version": 1}).status_code == 409
    assert browser.post(f"{address}/release", json={"version": 2}).json["code"] == "cases_missing"
    case = {"name": "by hand", "source": "1.0022/5.0112", "figures": figures, "expected": "20.0"}
    kept = browser.post(f"{address}/cases", json=case | {"version": 2})
    assert kept.status_code == 201, kept.json
    assert [one["passed"] for one in browser.get(f"{address}/cases").json] == [True]
    released = browser.post(f"{address}/release", json={"version": 3})
    assert released.json["released_at"] is not None
    again = browser.put(address, json={"version": 4, "text": MOISTURE})
    assert (again.status_code, again.json["code"]) == (409, "version_released")
    dropped = browser.delete(f"/api/method-cases/{kept.json['id']}")
    assert (dropped.status_code, dropped.json["code"]) == (409, "version_released")
    measurable = browser.get("/api/test-items/measurable").json["items"][0]
    assert measurable["method"]["standard"] == "GB 5009.3-2016"
    assert measurable["reason"] is None
    copy = browser.post(f"/api/methods/{method['id']}/versions", json={}).json
    assert copy["formula"] == MOISTURE["formula"]
    changes = browser.get(f"/api/method-versions/{copy['id']}/differences").json
    assert {line["change"] for line in changes} == {"same"}
    detail = browser.get(f"/api/methods/{method['id']}").json
    assert [one["number"] for one in detail["versions"]] == [2, 1]
    retired = browser.post(f"{address}/retire", json={"reason": "wrong"})
    assert retired.json["retired_at"] is not None


def test_limits_are_added_superseded_ended_and_asked_for(browser, item, standard):
    category = browser.post(
        "/api/categories", json={"code": "food", "name_zh": "食品", "name_en": "Food"}
    ).json
    said = {"standard_id": standard["id"], "kind": "max", "unit": "g/100g", "high": "10.0"}
    body = said | {
        "test_item_id": item["id"],
        "category_id": category["id"],
        "valid_from": "2020-01-01",
    }
    made = browser.post("/api/limits", json=body)
    assert (made.status_code, made.json["high"]) == (201, "10.0")
    overlap = browser.post("/api/limits", json=body)
    assert (overlap.status_code, overlap.json["code"]) == (409, "limit_overlap")
    step = said | {"high": "9.0", "valid_from": "2026-01-01", "version": made.json["version"]}
    newer = browser.post(f"/api/limits/{made.json['id']}/supersede", json=step)
    assert (newer.status_code, newer.json["category_id"]) == (201, category["id"])
    ask = f"/api/limits/which?test_item_id={item['id']}&category_id={category['id']}"
    assert browser.get(f"{ask}&produced_on=2025-12-31").json["limit"]["high"] == "10.0"
    assert browser.get(f"{ask}&produced_on=2026-01-01").json["limit"]["high"] == "9.0"
    assert browser.get(f"{ask}&produced_on=2010-01-01").json == {
        "limit": None,
        "reason": "no_limit_on_date",
        "day": "2010-01-01",
    }
    ended = browser.post(
        f"/api/limits/{newer.json['id']}/end",
        json={"valid_to": "2026-06-30", "version": newer.json["version"]},
    )
    assert ended.json["valid_to"] == "2026-06-30"
    listed = browser.get(f"/api/limits?test_item_id={item['id']}").json["items"]
    assert [row["high"] for row in listed] == ["9.0", "10.0"]
    assert browser.get(f"/api/limits/{made.json['id']}").json["valid_to"] == "2025-12-31"


def test_standards_are_changed_and_withdrawn(browser, catalogue, standard):
    body = {name: standard[name] for name in ("code", "title_zh", "title_en", "version")}
    put = browser.put(f"/api/standards/{standard['id']}", json=body | {"in_force_from": "2017-03-01"})
    assert put.json["in_force_from"] == "2017-03-01"
    stale = browser.put(f"/api/standards/{standard['id']}", json=body | {"in_force_from": "2018-03-01"})
    assert (stale.status_code, stale.json["code"]) == (409, "stale_version")
    new = catalogue.standard("GB 5009.3-2026")
    gone = browser.post(
        f"/api/standards/{standard['id']}/withdraw",
        json={"withdrawn_from": "2026-01-01", "replaced_by_id": new.id, "version": put.json["version"]},
    )
    assert gone.json["replaced_by_id"] == new.id
    listed = browser.get("/api/standards?status=withdrawn").json["items"]
    assert [row["code"] for row in listed] == ["GB 5009.3-2016"]
    resting = browser.get(f"/api/standards/{standard['id']}/resting").json
    assert resting == {"methods": [], "limits": [], "left_without": []}


def test_boxes_in_which_people_type_get_the_best_match_first(reader, browser, item, catalogue):
    food = catalogue.category("food")
    catalogue.category("bread", food)
    found = reader.get("/api/test-items/find?q=水分").json
    assert [(row["code"], row["price"], row["name_en"]) for row in found] == [
        ("moisture", "60.00", "Moisture")
    ]
    classes = reader.get("/api/categories/find?q=bread").json
    assert [(row["code"], row["above_zh"], row["above_en"]) for row in classes] == [
        ("bread", ["food类"], ["Class food"])
    ]
    assert reader.get("/api/test-items?q=moist").json["items"][0]["id"] == item["id"]
    assert [row["code"] for row in reader.get(f"/api/categories?parent_id={food.id}").json["items"]] == [
        "bread"
    ]


def test_packages_come_with_their_items_and_price(browser, reader, item):
    body = {"code": "basic", "name_zh": "常规", "name_en": "Basic", "item_ids": [item["id"]]}
    made = browser.post("/api/packages", json=body)
    assert made.status_code == 201, made.json
    listed = reader.get("/api/packages").json["items"]
    assert [(row["code"], row["price"]) for row in listed] == [("basic", "60.00")]
    assert [row["code"] for row in listed[0]["items"]] == ["moisture"]
    put = browser.put(f"/api/packages/{made.json['id']}", json=body | {"version": 1, "active": False})
    assert put.json["active"] is False
    assert reader.get("/api/packages").json["items"] == []
    assert len(reader.get("/api/packages?also_retired=true").json["items"]) == 1


def test_business_types_and_prices_and_classes_change(browser, item):
    body = {
        "code": "commissioned",
        "name_zh": "委托检验",
        "name_en": "Commissioned",
        "payer": "customer",
        "working_days": 10,
    }
    made = browser.post("/api/business-types", json=body)
    assert made.status_code == 201, made.json
    put = browser.put(f"/api/business-types/{made.json['id']}", json=body | {"version": 1, "working_days": 7})
    assert put.json["working_days"] == 7
    assert [row["working_days"] for row in browser.get("/api/business-types").json] == [7]
    assert browser.get(f"/api/business-types/{made.json['id']}").json["payer"] == "customer"
    prices = {"prices": [{"test_item_id": item["id"], "version": item["version"], "price": "66.60"}]}
    assert browser.put("/api/test-items/prices", json=prices).json == {"changed": 1}
    assert browser.get(f"/api/test-items/{item['id']}").json["price"] == "66.60"
    names = {"code": "food", "name_zh": "食品", "name_en": "Food"}
    made = browser.post("/api/categories", json=names).json
    put = browser.put(
        f"/api/categories/{made['id']}", json=names | {"version": made["version"], "name_en": "F"}
    )
    assert put.json["name_en"] == "F"
    assert browser.get(f"/api/categories/{made['id']}").json["name_en"] == "F"


def test_the_same_key_makes_one_row_and_another_body_with_it_is_refused(browser):
    body = {"code": "GB 1-2026", "title_zh": "题", "title_en": "Title"}
    key = {"Idempotency-Key": "k-1"}
    first, second = (browser.post("/api/standards", json=body, headers=key) for _ in range(2))
    assert (first.status_code, first.json["id"]) == (second.status_code, second.json["id"])
    other = browser.post("/api/standards", json=body | {"code": "GB 2-2026"}, headers=key)
    assert (other.status_code, other.json["code"]) == (409, "idempotency_mismatch")


def test_lists_go_on_where_the_page_before_ended(browser, catalogue):
    for n in range(5):
        catalogue.standard(f"GB {n}-2026")
    first = browser.get("/api/standards?size=2").json
    assert [row["code"] for row in first["items"]] == ["GB 0-2026", "GB 1-2026"]
    second = browser.get(f"/api/standards?size=2&cursor={first['after']}").json
    assert [row["code"] for row in second["items"]] == ["GB 2-2026", "GB 3-2026"]
    back = browser.get(f"/api/standards?size=2&cursor={second['before']}").json
    assert back["items"] == first["items"]


def test_a_customer_sees_nothing_of_the_catalogue(app, uow):
    customer = sign_in(app.test_client(), make_account(uow, Role.CUSTOMER))
    for path in ("test-items", "standards", "packages", "limits", "categories", "business-types"):
        assert customer.get(f"/api/{path}").status_code == 403


def test_the_document_names_every_address_with_its_problems(browser):
    paths = browser.get("/api/openapi.json").json["paths"]
    release = paths["/api/method-versions/{version_id}/release"]["post"]
    assert {"200", "401", "403", "404", "409", "422"} <= set(release["responses"])
    assert "/api/limits/which" in paths
