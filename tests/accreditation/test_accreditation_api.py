"""JSON of scope, authorisations, signing grants and the gate."""

import json

import pytest

from lims.accreditation.models import Scheme


def line(house, **more):
    return {
        "scheme": "CMA",
        "method_id": house.method(),
        "category_id": None,
        "valid_from": str(house.today),
        "valid_to": str(house.day(365)),
        "restriction": "",
    } | more


def grant(house, **more):
    return {
        "account_id": house.lab.accounts["novice"].id,
        "method_ids": [house.method("moisture"), house.method("melamine")],
        "valid_from": str(house.today),
        "valid_to": str(house.day(365)),
    } | more


def signing(house, **more):
    return {
        "account_id": house.lab.accounts["signatory"].id,
        "field": "food_chemistry",
        "valid_from": str(house.today),
        "valid_to": str(house.day(365)),
    } | more


def test_a_line_from_grant_to_end(browser, house):
    made = browser.post("/api/scope", json=line(house))
    assert made.status_code == 201
    path = f"/api/scope/{made.json['id']}"
    assert browser.get(path).json["standing"] == "current"
    change = {"version": made.json["version"], "valid_from": str(house.today), "valid_to": str(house.day(9))}
    edited = browser.put(path, json=change)
    assert (edited.status_code, edited.json["valid_to"]) == (200, str(house.day(9)))
    assert browser.put(path, json=change).json["code"] == "stale_version"
    end = {"version": edited.json["version"], "valid_to": str(house.today), "why": "附表变更"}
    assert browser.post(f"{path}/end", json=end).json["valid_to"] == str(house.today)
    listed = browser.get("/api/scope?standing=current").json["items"]
    assert [r["item_code"] for r in listed] == ["moisture"]
    assert browser.get(f"/api/scope?standing=current&on={house.day(1)}").json["items"] == []
    twin = browser.post("/api/scope", json=line(house))
    assert (twin.status_code, twin.json["code"]) == (409, "scope_overlap")


def test_a_grant_and_its_suspension(browser, house):
    made = browser.post("/api/authorisations", json=grant(house))
    assert made.status_code == 201
    assert {row["method_id"] for row in made.json} == {house.method("moisture"), house.method("melamine")}
    row = made.json[0]
    suspended = browser.post(
        f"/api/authorisations/{row['id']}/suspend", json={"version": row["version"], "why": "考核未通过"}
    )
    assert suspended.json["suspended_why"] == "考核未通过"
    novice = house.lab.accounts["novice"].id
    rights = browser.get(f"/api/people/{novice}/rights").json
    assert {h["method"]["item_code"]: h["standing"] for h in rights["methods"]} == {
        "melamine": "granted",
        "moisture": "suspended",
    }
    valid = browser.get(f"/api/authorisations?account_id={novice}&valid_on={house.today}").json["items"]
    assert [r["method_id"] for r in valid] == [house.method("melamine")]
    every = browser.get(f"/api/authorisations?account_id={novice}&size=1").json
    assert len(every["items"]) == 1
    assert every["after"]


def test_nobody_authorises_himself(browser, house):
    for address, body in (("authorisations", grant(house)), ("signing-grants", signing(house))):
        answer = browser.post(f"/api/{address}", json=body | {"account_id": house.account.id})
        assert (answer.status_code, answer.json["code"]) == (409, "same_person")


def test_a_signing_grant_and_its_suspension(browser, house):
    made = browser.post("/api/signing-grants", json=signing(house))
    assert made.status_code == 201
    path = f"/api/signing-grants/{made.json['id']}/suspend"
    assert browser.post(path, json={"version": 1, "why": "调离"}).json["suspended_why"] == "调离"
    assert browser.post(path, json={"version": 1, "why": "调离"}).json["code"] == "stale_version"
    listed = browser.get(f"/api/signing-grants?account_id={made.json['account_id']}").json
    assert [row["field"] for row in listed] == ["food_chemistry"]
    unknown = browser.post("/api/signing-grants", json=signing(house, field="astrology"))
    assert (unknown.status_code, unknown.json["code"]) == (422, "unknown_field")


def test_the_same_key_grants_once(browser, house):
    headers = {"Idempotency-Key": "k-9"}
    first = browser.post("/api/authorisations", json=grant(house), headers=headers)
    second = browser.post("/api/authorisations", json=grant(house), headers=headers)
    assert [r["id"] for r in first.json] == [r["id"] for r in second.json]


def test_the_gate_answers_with_codes_and_sentences(browser, house):
    house.scope(Scheme.CMA)
    answer = browser.get(f"/api/gate?method_id={house.method()}").json
    assert (answer["ok"], answer["schemes"]) == (True, ["CMA"])
    assert answer["method_version_id"] == house.lab.versions["moisture"]
    assert [d["code"] for d in answer["usable"]["balance"]] == ["LH-001"]
    (link,) = answer["missing"]
    assert (link["code"], link["scheme"], link["blocking"]) == ("outside_scope", "CNAS", False)
    assert "CNAS" in link["sentence"]["zh"]
    novice = house.lab.accounts["novice"].id
    refused = browser.get(f"/api/gate?method_id={house.method()}&person_id={novice}").json
    assert not refused["ok"]
    assert "person_not_authorised" in [one["code"] for one in refused["missing"]]
    assert browser.get("/api/gate?method_id=987654").status_code == 404


def test_what_cannot_be_done(browser, house):
    house.scope(Scheme.CMA)
    found = browser.get("/api/gate/unavailable").json
    assert "moisture" not in [one["item"]["code"] for one in found]
    assert {r["code"] for one in found for r in one["reasons"]} == {"outside_scope"}


def test_a_reader_reads_and_nothing_more(reader, house):
    row = house.scope()
    for path in (
        "scope",
        f"scope/{row.id}",
        "authorisations",
        "signing-grants",
        f"people/{house.account.id}/rights",
        f"gate?method_id={house.method()}",
        "gate/unavailable",
    ):
        assert reader.get(f"/api/{path}").status_code == 200, path
    for method, path in (
        ("POST", "scope"),
        ("PUT", f"scope/{row.id}"),
        ("POST", f"scope/{row.id}/end"),
        ("POST", "authorisations"),
        ("POST", "authorisations/1/suspend"),
        ("POST", "signing-grants"),
        ("POST", "signing-grants/1/suspend"),
    ):
        answer = reader.open(f"/api/{path}", method=method, json={})
        assert (answer.status_code, answer.json["code"]) == (403, "permission_denied"), path


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
    [],
    [None],
    [HUGE],
    ["\x00"],
    {},
    "0000-00-00",
    "9999-12-31",
]


@pytest.mark.parametrize("kind", ["scope", "edit", "end", "grant", "signing", "suspend", "suspend signing"])
def test_whatever_comes_in_the_answer_is_no_fault_of_ours(browser, house, kind):
    row, held = house.scope(), house.authorise("novice")
    signed = browser.post("/api/signing-grants", json=signing(house)).json
    days = {"valid_from": str(house.today), "valid_to": str(house.day(9))}
    suspend = {"version": 99, "why": "x"}
    method, path, body = {
        "scope": ("POST", "scope", line(house)),
        "edit": ("PUT", f"scope/{row.id}", days | {"version": 99, "category_id": None, "restriction": ""}),
        "end": ("POST", f"scope/{row.id}/end", {"version": 99, "valid_to": str(house.today), "why": "x"}),
        "grant": ("POST", "authorisations", grant(house)),
        "signing": ("POST", "signing-grants", signing(house)),
        "suspend": ("POST", f"authorisations/{held.id}/suspend", suspend),
        "suspend signing": ("POST", f"signing-grants/{signed['id']}/suspend", suspend),
    }[kind]
    for field in body:
        for value in WRONG:
            answer = browser.open(
                f"/api/{path}",
                method=method,
                data=json.dumps(body | {field: value}),
                content_type="application/json",
            )
            assert answer.status_code < 500, (field, value)
            if answer.status_code >= 400:
                assert answer.json["code"], (field, value)


@pytest.mark.parametrize(
    "query",
    [
        "scope?cursor=%00",
        "scope?cursor=eyJ4IjoxfQ",
        "scope?on=0001-01-01",
        "scope?words=%00%ff",
        "scope?method_id=99999999999999999999999",
        "authorisations?valid_on=x",
        "authorisations?cursor=W2ZhbHNlLFsieCJdXQ",
        "signing-grants?account_id=-1",
        "gate?method_id=x",
        "gate",
        "gate/unavailable?on=9999-12-31",
        "people/1/rights?on=9999-99-99",
    ],
)
def test_odd_questions_get_a_sentence(browser, query):
    assert browser.get(f"/api/{query}").status_code in {200, 422}
