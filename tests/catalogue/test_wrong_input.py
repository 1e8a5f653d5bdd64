"""Whatever comes in, the answer is a sentence and never a fault of ours."""

import json

import pytest

from lims.catalogue.methods import methods_of_item, versions_of

HUGE = 10**30
WRONG = [
    None,
    True,
    "",
    "\x00",
    "\ud800",
    "x" * 3000,
    HUGE,
    -1,
    0,
    1.5,
    "NaN",
    "1e999",
    "9" * 40,
    [],
    [None],
    {},
    {"a": "\x00"},
    "２０２６-01-01",
    "0000-00-00",
]
BODIES = {
    ("POST", "/api/test-items"): {
        "code": "lead",
        "name_zh": "铅",
        "name_en": "Lead",
        "field": "food",
        "section_id": 1,
        "price": "1.00",
        "retest_allowed": True,
    },
    ("PUT", "/api/test-items/prices"): {"prices": [{"test_item_id": 1, "version": 1, "price": "1"}]},
    ("POST", "/api/standards"): {
        "code": "GB 9-2026",
        "title_zh": "题",
        "title_en": "Title",
        "in_force_from": "2026-01-01",
        "withdrawn_from": "2027-01-01",
        "replaced_by_id": 1,
    },
    ("POST", "/api/standards/{standard}/withdraw"): {
        "withdrawn_from": "2026-01-01",
        "replaced_by_id": None,
        "why": "x",
        "version": 1,
    },
    ("POST", "/api/test-items/{item}/methods"): {"standard_id": 1, "clause": "x", "preferred": False},
    ("POST", "/api/methods/{method}/versions"): {"text": {"result_kind": "number", "unit": "g"}},
    ("PUT", "/api/method-versions/{draft}"): {"version": 1, "text": {"result_kind": "number"}},
    ("POST", "/api/method-versions/{draft}/try"): {"figures": {"x": "1"}},
    ("POST", "/api/method-versions/{draft}/cases"): {
        "version": 1,
        "name": "a",
        "figures": {"x": "1"},
        "expected": "1",
        "source": "hand",
        "tolerance": "0",
        "limit_kind": "max",
        "high": "1",
        "verdict": "pass",
    },
    ("POST", "/api/method-versions/{draft}/release"): {"version": 1},
    ("POST", "/api/method-versions/{draft}/retire"): {"reason": "x"},
    ("POST", "/api/limits"): {
        "test_item_id": 1,
        "standard_id": 1,
        "category_id": None,
        "kind": "plan",
        "unit": "mg/kg",
        "n": 5,
        "c": 2,
        "m_small": "1",
        "m_large": "2",
        "low": None,
        "high": None,
        "comparison": "full_value",
        "valid_from": "2026-01-01",
        "valid_to": None,
        "note": "x",
    },
    ("POST", "/api/categories"): {"code": "food", "name_zh": "食品", "name_en": "Food", "parent_id": None},
    ("POST", "/api/packages"): {
        "code": "p",
        "name_zh": "套",
        "name_en": "P",
        "item_ids": [1],
        "category_id": None,
    },
    ("POST", "/api/business-types"): {
        "code": "b",
        "name_zh": "类",
        "name_en": "B",
        "payer": "state",
        "working_days": 1,
        "retention_days": 0,
        "statement_zh": "x",
        "sampling_form": False,
    },
}
QUERIES = [
    "/api/test-items?{}",
    "/api/test-items/find?{}",
    "/api/test-items/measurable?{}",
    "/api/standards?{}",
    "/api/limits?{}",
    "/api/limits/which?{}",
    "/api/categories?{}",
    "/api/categories/find?{}",
    "/api/packages?{}",
    "/api/business-types?{}",
    "/api/method-versions/{draft}/differences?{}",
    "/catalogue?{}",
    "/catalogue/items?{}",
    "/catalogue/methods?{}",
    "/catalogue/limits?{}",
    "/catalogue/limits/which?{}",
    "/catalogue/standards?{}",
    "/catalogue/packages?{}",
    "/catalogue/prices?{}",
    "/catalogue/versions/{draft}/compare?{}",
]
PARAMETERS = [
    f"{name}={value}"
    for name in (
        "q",
        "cursor",
        "size",
        "section_id",
        "section",
        "status",
        "on",
        "test_item_id",
        "against",
        "limit",
    )
    for value in ("%00", "%ED%A0%80", "-1", str(HUGE), "%27%3B--")
]


@pytest.fixture
def rows(catalogue, session) -> dict[str, int]:
    from tests.catalogue.making import plain

    item = catalogue.item("moisture")
    method = catalogue.method(item)
    draft = catalogue.draft(method, plain())
    assert versions_of(session, [methods_of_item(session, item.id)[0].id])
    return {"item": item.id, "method": method.id, "draft": draft.id, "standard": method.standard_id}


def broken(body: dict) -> list[object]:
    """``body`` with each field wrong in every way, and what is no such body at all."""
    fields = [{**body, name: value} for name in body for value in WRONG]
    return [*fields, *WRONG, {**body, "nobody_asked": 1}, {}]


@pytest.mark.parametrize("route", list(BODIES), ids=lambda route: " ".join(route))
def test_no_body_whatsoever_is_a_fault_of_ours(browser, rows, route):
    method, path = route
    address = path.format(**rows)
    for body in broken(BODIES[route]):
        answer = browser.open(
            address, method=method, data=json.dumps(body).encode(), content_type="application/json"
        )
        assert answer.status_code < 500, (body, answer.text)
        if answer.status_code >= 400:
            assert answer.json["code"], body
            assert answer.json["detail"], body


@pytest.mark.parametrize("path", QUERIES)
def test_no_question_whatsoever_is_a_fault_of_ours(browser, rows, path):
    for parameter in PARAMETERS:
        address = path.replace("{draft}", str(rows["draft"])).replace("{}", parameter)
        answer = browser.get(address)
        assert answer.status_code < 500, address


FORMS = [
    "/catalogue/items/new",
    "/catalogue/items/{item}/edit",
    "/catalogue/items/{item}/methods/new",
    "/catalogue/items/{item}/limits/new",
    "/catalogue/methods/{method}",
    "/catalogue/versions/{draft}/edit",
    "/catalogue/versions/{draft}/try",
    "/catalogue/versions/{draft}/cases",
    "/catalogue/versions/{draft}/release",
    "/catalogue/versions/{draft}/retire",
    "/catalogue/standards/new",
    "/catalogue/standards/{standard}/edit",
    "/catalogue/standards/{standard}/withdraw",
    "/catalogue/categories",
    "/catalogue/packages/new",
    "/catalogue/business-types/new",
    "/catalogue/prices",
]
FIELDS = [
    "code",
    "name_zh",
    "name_en",
    "field",
    "section_id",
    "price",
    "version",
    "standard_id",
    "clause",
    "result_kind",
    "unit",
    "formula",
    "round_to",
    "significant",
    "lod",
    "inputs-0-name",
    "inputs-0-replicates",
    "inputs-0-low",
    "figures-x",
    "kind",
    "valid_from",
    "high",
    "n",
    "c",
    "m_small",
    "title_zh",
    "title_en",
    "withdrawn_from",
    "replaced_by_id",
    "parent_id",
    "rows-0-item",
    "rows-0-place",
    "payer",
    "working_days",
    "prices-0-price",
    "prices-0-version",
    "prices-0-test_item_id",
    "reason",
    "why",
]


@pytest.mark.parametrize("path", FORMS)
def test_no_form_whatsoever_is_a_fault_of_ours(browser, rows, path):
    for value in ("", "\x00", "x" * 3000, str(HUGE), "-1", "0.1", "1", "２", "<b>"):
        answer = browser.post(path.format(**rows), data=dict.fromkeys(FIELDS, value))
        assert answer.status_code in {302, 409, 422, 200}, (value, answer.text[-400:])
        assert "<b>" not in answer.text.split("<main", 1)[-1]
