"""The JSON face of this room does what its pages do."""

import pytest

from lims.core.permissions import ROLE_PERMISSIONS, Permission, Role
from tests.support.accounts import PASSWORD, make_account, sign_in
from tests.support.queries import statements_of

PERSON = {"username": "wang", "name_zh": "王芳", "roles": ["analyst"]}


def make(browser, **more):
    return browser.post("/api/accounts", json={**PERSON, **more})


def test_a_person_comes_and_goes_by_the_api(browser):
    made = make(browser)
    assert made.status_code == 201
    account = made.json["account"]
    assert len(made.json["one_time_code"]) == 19
    path = f"/api/accounts/{account['id']}"
    changed = browser.put(path, json={"version": account["version"], "name_zh": "王芳", "phone": "1"})
    assert changed.json["phone"] == "1"
    assert (
        browser.put(path, json={"version": account["version"], "name_zh": "x"}).json["code"]
        == "stale_version"
    )
    roles = browser.put(
        f"{path}/roles",
        json={"version": changed.json["version"], "roles": ["analyst", "reviewer"], "reason": "more work"},
    )
    assert sorted(roles.json["roles"]) == ["analyst", "reviewer"]
    access = browser.get(f"{path}/access").json
    assert (access["state"], access["open_sessions"], access["tokens"]) == ("invited", 0, 0)
    assert len(browser.post(f"{path}/reset", json={"reason": "phone lost"}).json["one_time_code"]) == 19
    assert browser.post(f"{path}/end-sign-ins", json={"reason": "x"}).status_code == 204
    assert browser.post(f"{path}/retire", json={"reason": "left"}).json["retired_at"]
    assert [a["username"] for a in browser.get("/api/accounts?retired=true").json["items"]] == ["wang"]


def test_no_secret_is_ever_in_an_answer(browser, session, admin):
    text = browser.get(f"/api/accounts/{admin.id}").text + browser.get("/api/accounts").text
    for word in ("password", "totp", "hash", "secret"):
        assert word not in text


def test_the_same_key_again_makes_one_account(browser):
    key = {"Idempotency-Key": "k1"}
    first = browser.post("/api/accounts", json=PERSON, headers=key).json
    second = browser.post("/api/accounts", json=PERSON, headers=key).json
    assert first["account"]["id"] == second["account"]["id"]
    other = browser.post("/api/accounts", json={**PERSON, "name_zh": "李"}, headers=key)
    assert other.json["code"] == "idempotency_mismatch"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**PERSON, "username": ""}, "username"),
        ({**PERSON, "name_zh": "\x00"}, "name_zh"),
        ({**PERSON, "name_zh": "x" * 101}, "name_zh"),
        ({**PERSON, "roles": []}, "roles"),
        ({**PERSON, "roles": ["king"]}, "roles.0"),
        ({**PERSON, "section_id": 10**30}, "section_id"),
        ({**PERSON, "section_id": 999}, "section_id"),
        ({**PERSON, "retired_at": None}, "retired_at"),
        ({"roles": ["analyst"]}, "username"),
    ],
)
def test_wrong_input_is_named_field_by_field(browser, body, field):
    answer = browser.post("/api/accounts", json=body)
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert answer.json["fields"][field]


def test_roles_are_told(browser):
    found = {row["role"]: row for row in browser.get("/api/roles").json}
    assert found.keys() == {role.value for role in Role}
    assert set(found["customer"]["permissions"]) == {p.value for p in ROLE_PERMISSIONS[Role.CUSTOMER]}
    assert found["administrator"]["people"] == 1


def test_oneself(client, uow):
    browser = sign_in(client, make_account(uow, Role.ANALYST, name_zh="李强"))
    me = browser.get("/api/me").json
    assert (me["name"], me["roles"]) == ("李强", ["analyst"])
    assert Permission.RESULT_ENTER in me["permissions"]
    assert browser.put("/api/me/language", json={"language": "en"}).status_code == 204
    assert browser.put("/api/me/language", json={"language": "fr"}).status_code == 422
    wrong = browser.put("/api/me/password", json={"password": "wrong", "new_password": "nine green pipettes"})
    assert wrong.json["code"] == "wrong_password"
    right = browser.put(
        "/api/me/password", json={"password": PASSWORD, "new_password": "nine green pipettes"}
    )
    assert right.status_code == 204
    assert browser.get("/api/me").status_code == 200
    (session,) = browser.get("/api/me/sessions").json
    assert browser.delete(f"/api/me/sessions/{session['id']}").status_code == 204
    assert browser.get("/api/me").status_code == 401


def test_tokens_by_the_api(client, uow):
    browser = sign_in(client, make_account(uow, Role.ANALYST))
    made = browser.post("/api/me/tokens", json={"name": "export", "scopes": ["sample.read"], "days": 1})
    assert made.status_code == 201
    assert made.json["token"].startswith("lims_")
    (listed,) = browser.get("/api/me/tokens").json
    assert "token" not in listed
    assert listed["last_used_at"] is None
    assert browser.delete(f"/api/me/tokens/{listed['id']}").status_code == 204
    assert browser.get("/api/me/tokens").json == []


def test_sections_numbering_and_calendar_by_the_api(browser):
    made = browser.post("/api/sections", json={"code": "physics", "name_zh": "物理室", "name_en": "Physics"})
    assert made.status_code == 201
    path = f"/api/sections/{made.json['id']}"
    assert browser.put(path, json={**made.json, "id": 1}).status_code == 422, "an id is not for changing"
    renamed = browser.put(path, json={"code": "physics", "name_zh": "物理室", "name_en": "Lab"})
    assert renamed.json["name_en"] == "Lab"
    seen = browser.get("/api/number-patterns/preview?kind=order&pattern=A{yyyy}-{serial}").json
    assert seen["following"] == "A2026-1"
    assert browser.get("/api/number-patterns/preview?kind=order&pattern=A").status_code == 422
    put = browser.put("/api/number-patterns", json={"kind": "order", "pattern": "A{yyyy}-{serial}"})
    assert put.json == {"kind": "order", "pattern": "A{yyyy}-{serial}"}
    day = {"day": "2026-10-01", "last_day": "2026-10-03", "kind": "off", "name": "国庆节"}
    assert browser.put("/api/calendar", json=day).status_code == 200
    year = browser.get("/api/calendar?year=2026").json
    assert [d["day"] for d in year["special"]] == ["2026-10-01", "2026-10-02", "2026-10-03"]


def test_the_trail_by_the_api(browser):
    make(browser)
    page = browser.get("/api/audit-events?verb=account.&size=2").json
    assert [e["verb"] for e in page["items"]] == ["account.set_roles", "account.create"]
    event = browser.get(f"/api/audit-events/{page['items'][1]['seq']}").json
    assert "王芳" in event["after"]
    following = browser.get(f"/api/audit-events?verb=account.&size=2&cursor={page['after']}").json
    assert following["items"][0]["seq"] < page["items"][-1]["seq"]
    assert browser.get("/api/audit-chain").json["broken"] is None
    assert browser.get("/api/audit-events.csv").text.startswith("\ufeffseq,at,")
    assert browser.get("/api/audit-events.json").json[-1]["seq"] == 1


def test_lists_ask_a_bounded_number_of_times(browser, uow, database):
    with statements_of(database.engine) as few:
        browser.get("/api/accounts")
    for _ in range(20):
        make_account(uow, Role.ANALYST)
    with statements_of(database.engine) as many:
        assert len(browser.get("/api/accounts").json["items"]) == 21
    assert len(many) == len(few)
