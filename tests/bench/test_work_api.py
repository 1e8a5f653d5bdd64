"""The JSON face does what the pages do, and every address is listed and described."""

import pytest

from lims.access import ACCESS
from lims.intake.models import RequestedTest
from lims.intake.states import TestState


def test_a_day_at_the_bench_through_the_api(bench, browser_of, laboratory):
    tests = bench.tests("moisture", "aluminium", assignee=None)[0]
    head, analyst, reviewer = (browser_of(who) for who in ("head", "analyst", "reviewer"))
    waiting = head.get("/api/open-tests?unassigned=true").json["items"]
    assert {t["id"] for t in waiting} == set(tests.values())
    made = head.post(
        "/api/assignments",
        json={"test_ids": list(tests.values()), "assignee_id": laboratory.analyst.id, "due_on": "2026-12-01"},
    )
    assert (made.status_code, {a["due_on"] for a in made.json}) == (201, {"2026-12-01"})
    assert {t["id"] for t in analyst.get("/api/my-tests").json["items"]} == set(tests.values())
    sheets = {}
    for code, test in tests.items():
        opened = analyst.post(
            "/api/worksheets", json={"test_ids": [test]}, headers={"Idempotency-Key": f"open-{code}"}
        )
        again = analyst.post(
            "/api/worksheets", json={"test_ids": [test]}, headers={"Idempotency-Key": f"open-{code}"}
        )
        assert (opened.status_code, again.json["id"]) == (201, opened.json["id"])
        sheets[code] = opened.json["id"]
    bench.weigh(sheets["moisture"], tests["moisture"], "28.4517", "33.4629", "32.4607")
    analyst.put(
        f"/api/worksheets/{sheets['aluminium']}/tests/{tests['aluminium']}/cells/as_is-1",
        json={"value": "80.4"},
    )
    noted = analyst.put(
        f"/api/worksheets/{sheets['moisture']}/conditions",
        json={"temperature": "22.40", "humidity": "48", "version": 1},
    )
    assert noted.json["temperature"] == "22.40"  # every digit as typed
    analyst.post(f"/api/worksheets/{sheets['moisture']}/equipment", json={"equipment_id": laboratory.oven})
    handed = analyst.post("/api/results/submit", json={"test_ids": list(tests.values())})
    assert {r["submitted_by"] for r in handed.json} == {laboratory.analyst.id}
    back = analyst.post("/api/results/retract", json={"test_ids": [tests["aluminium"]]})
    assert back.json[0]["submitted_by"] is None
    analyst.post("/api/results/submit", json={"test_ids": [tests["aluminium"]]})
    rows = reviewer.get(f"/api/worksheets/{sheets['aluminium']}/review").json["rows"]
    assert (rows[0]["agrees"], rows[0]["limit"]) == (True, "≤100")
    done = reviewer.post(
        "/api/results/verify", json={"results": [{"test_id": n, "version_number": 1} for n in tests.values()]}
    )
    assert {r["verified_by"] for r in done.json} == {laboratory.reviewer.id}
    retest = reviewer.post(f"/api/tests/{tests['aluminium']}/retest", json={"reason": "平行样"})
    assert (retest.status_code, retest.json["attempt"]) == (201, 2)
    assert bench.state(tests["aluminium"]) is TestState.ASSIGNED


def test_rows_come_and_go(bench, browser_of):
    tests = [t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=2)]
    sheet = bench.sheet(tests[0])
    analyst = browser_of("analyst")
    assert analyst.post(f"/api/worksheets/{sheet}/rows", json={"test_ids": [tests[1]]}).status_code == 200
    held = [w["held"] for w in analyst.get("/api/worksheets?state=open").json["items"]]
    assert held == [2]
    assert analyst.delete(f"/api/worksheets/{sheet}/rows/{tests[1]}").status_code == 200
    gone = analyst.delete(f"/api/worksheets/{sheet}/rows/{tests[1]}")
    assert (gone.status_code, gone.json["code"]) == (404, "not_found")
    again = analyst.post("/api/worksheets/scan", json={"code": "YP20260001002"})
    assert [w["id"] for w in again.json] == [sheet]


def test_every_entry_of_a_cell_stays_readable(bench, browser_of):
    sheet, test = bench.entered("sulfur_dioxide", {"found": "12"})
    bench.enter(sheet, test, {"found": "13.0"})
    entries = browser_of("reviewer").get(f"/api/tests/{test}/cells/found-1").json
    assert [(e["text"], e["source"]) for e in entries] == [("13.0", "typed"), ("12", "typed")]


def test_a_test_goes_back_to_the_pool_by_head_or_owner_only(bench, browser_of):
    test = bench.tests("sulfur_dioxide")[0]["sulfur_dioxide"]
    url, body = f"/api/tests/{test}/return-to-pool", {"reason": "出差"}
    assert browser_of("second_analyst").post(url, json=body).status_code == 403
    assert browser_of("head").post(url, json=body).json["state"] == "to_do"


def test_sheets_of_others_and_without_authorisation_are_refused(bench, browser_of, clock):
    test = bench.tests("sulfur_dioxide")[0]["sulfur_dioxide"]
    foreign = browser_of("second_analyst").post("/api/worksheets", json={"test_ids": [test]})
    assert foreign.status_code == 403
    clock.advance(days=400)
    late = browser_of("analyst").post("/api/worksheets", json={"test_ids": [test]})
    assert (late.status_code, late.json["code"]) == (403, "not_authorised")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/api/assignments", {"test_ids": [2**70], "assignee_id": 1}),
        ("post", "/api/assignments", {"test_ids": [], "assignee_id": 1}),
        ("post", "/api/assignments", {"test_ids": [1], "assignee_id": 1, "due_on": "1066-10-14"}),
        ("post", "/api/assignments", {"test_ids": ["\ud800"], "assignee_id": 1}),
        ("get", "/api/open-tests?cursor=AAAA", None),
        ("get", "/api/open-tests?section_id=x", None),
        ("get", "/api/open-tests?size=0", None),
    ],
)
def test_bodies_that_mean_nothing_get_a_problem_with_its_fields(browser_of, method, path, body):
    answer = getattr(browser_of("head"), method)(path, json=body)
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert answer.json["detail"]


def test_nothing_of_this_room_is_open_to_customers_or_strangers(app, client):
    for endpoint, rule in ACCESS.items():
        if endpoint.startswith(("bench.", "bench_api.")):
            assert str(rule) not in {"public", "portal.read"}, endpoint
    assert client.get("/api/my-tests").status_code == 401
    assert client.get("/my-tests").location.startswith("/sign-in")


def test_every_address_of_the_bench_is_listed(app):
    missing = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(("bench.", "bench_api.")) and rule.endpoint not in ACCESS
    ]
    assert missing == []


def test_assigning_is_all_or_none(bench, browser_of, laboratory):
    """One test that cannot be assigned keeps the others where they were."""
    good = bench.tests("sulfur_dioxide", assignee=None)[0]["sulfur_dioxide"]
    done = bench.submitted()
    refused = browser_of("head").post(
        "/api/assignments", json={"test_ids": [good, done], "assignee_id": laboratory.analyst.id}
    )
    assert refused.status_code == 409
    assert bench.session.get_one(RequestedTest, good).state is TestState.TO_DO
