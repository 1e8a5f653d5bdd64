"""The second person: sees the record beside the result, agrees, returns, rejects; never with own work."""

import pytest
from sqlalchemy import select, text

from lims.bench.models import Result
from lims.core.permissions import Role
from lims.intake.models import RequestedTest, Sample
from lims.intake.states import SampleState, TestState
from lims.people.models import AccountRole
from tests.support.backends import ON_SQLITE
from tests.support.queries import statements_of


@pytest.fixture
def pair(bench):
    """Moisture and aluminium of one sample, handed over; (tests, worksheet of the aluminium)."""
    tests = bench.tests("moisture", "aluminium")[0]
    sheet, other = bench.sheet(tests["moisture"]), bench.sheet(tests["aluminium"])
    bench.weigh(sheet, tests["moisture"], "28.4517", "33.4629", "32.4607")
    bench.enter(other, tests["aluminium"], {"as_is": "80.4"})
    bench.submit(*tests.values())
    return tests, other


def seen(bench, *tests):
    return {f"seen-{n}": bench.result(n).current_version for n in tests}


def make_reviewer(uow, laboratory, who):
    """An analyst who may verify as well: the law must still hold."""
    account = laboratory.accounts[who]
    from lims.core.permissions import SYSTEM

    with uow:
        row = uow.add(AccountRole(account_id=account.id, role=Role.REVIEWER, granted_at=uow.now))
        uow.audit("account.role", SYSTEM, ("account", account.id), after={"role": row.role})
        uow.commit()


def test_the_list_shows_other_peoples_results_with_value_verdict_and_flag(bench, browser_of, pair):
    page = browser_of("reviewer").get("/review").text
    assert "100.5 mg/kg" in page
    assert "不合格" in page
    failing = browser_of("reviewer").get("/review?verdict=fail").text
    assert "20.0 g/100 g" not in failing
    items = browser_of("reviewer").get("/api/results/submitted").json["items"]
    assert {(x["reported"], x["verdict"]) for x in items} == {("100.5", "fail"), ("20.0", "not_judged")}


def test_the_list_says_what_is_no_number_in_the_readers_language(bench, browser_of):
    tests = bench.tests("moisture", "aluminium")[0]
    sheet, other = bench.sheet(tests["moisture"]), bench.sheet(tests["aluminium"])
    bench.weigh(sheet, tests["moisture"], "28.4517", "33.4629", "32.4607")
    bench.enter(other, tests["aluminium"], {"as_is": "0.0"})
    bench.submit(*tests.values())
    browser = browser_of("reviewer")
    chinese = bench.version(tests["aluminium"]).reported
    assert chinese in browser.get("/review?lang=zh").text
    english = browser.get("/review?lang=en").text
    assert chinese not in english
    assert "Not detected" in english


def test_the_page_holds_record_result_recomputation_and_flags(bench, browser_of, pair):
    tests, other = pair
    page = browser_of("reviewer").get(f"/review/worksheets/{other}").text
    for part in (
        "80.4",
        "手工录入",
        "100.4989972561",
        "一致",
        "超出限量",
        "修约后判定会不同",
        "需先校核“水分”",
        "≤100",
    ):
        assert part in page, part
    sample = bench.session.get_one(RequestedTest, tests["moisture"]).sample_id
    both = browser_of("reviewer").get(f"/review/samples/{sample}").text
    assert "28.4517" in both
    assert "20.0" in both


def test_flags_of_changes_devices_retests_and_lateness(bench, browser_of, uow, laboratory, clock):
    test = bench.tests("moisture", due_in=1)[0]["moisture"]
    sheet = bench.sheet(test)
    bench.weigh(sheet, test, "28.4517", "33.4629", "32.6607")
    bench.claim(sheet, test, "m2", "32.4607", reason="恒重未到", flags="clock_off")
    clock.advance(days=3)
    bench.submit(test)
    page = browser_of("reviewer").get(f"/review/worksheets/{sheet}").text
    for part in ("修改过 1 次", "时钟偏差很大", "逾期"):
        assert part in page, part


def test_verify_ticked_in_the_right_order_and_on_to_the_next_sheet(bench, browser_of, pair):
    tests, _other = pair
    waiting = bench.submitted()
    form = {"ids": list(tests.values()), "onward": "true", **seen(bench, *tests.values())}
    answer = browser_of("reviewer").post("/review/verify", data=form)
    assert [bench.state(n) for n in tests.values()] == [TestState.VERIFIED] * 2
    assert answer.location.startswith("/review/worksheets/")
    sample = bench.session.get_one(Sample, bench.session.get_one(RequestedTest, tests["moisture"]).sample_id)
    assert sample.state is SampleState.TESTED
    browser_of("reviewer").post("/review/verify", data={"one": waiting, **seen(bench, waiting)})
    assert bench.state(waiting) is TestState.VERIFIED


def test_what_needs_another_item_waits_for_it(bench, browser_of, pair):
    tests, other = pair
    page = browser_of("reviewer").post(
        "/review/verify",
        data={
            "ids": [tests["aluminium"]],
            "worksheet_id": other,
            **seen(bench, tests["aluminium"]),
        },
        follow_redirects=True,
    )
    assert "它所依据的“水分”尚未校核" in page.text
    assert f'name="ids" value="{tests["aluminium"]}" checked' in page.text
    assert bench.state(tests["aluminium"]) is TestState.SUBMITTED


def test_a_version_that_was_not_looked_at_is_not_agreed_to(bench, browser_of):
    test = bench.submitted()
    answer = browser_of("reviewer").post(
        "/api/results/verify", json={"results": [{"test_id": test, "version_number": 7}]}
    )
    assert (answer.status_code, answer.json["code"]) == (409, "stale_version")


def test_nobody_verifies_what_he_entered_even_with_both_roles(bench, browser_of, uow, laboratory):
    test = bench.submitted()
    make_reviewer(uow, laboratory, "analyst")
    own = browser_of("analyst")
    assert "20.0 g/100 g" not in own.get("/review").text
    sheet = own.get("/api/results/submitted").json["items"]
    assert sheet == []
    refused = own.post("/api/results/verify", json={"results": [{"test_id": test, "version_number": 1}]})
    assert (refused.status_code, refused.json["code"]) == (409, "same_person")
    assert bench.state(test) is TestState.SUBMITTED


def test_who_entered_a_value_before_the_test_changed_hands_cannot_verify_it(
    bench, browser_of, uow, laboratory
):
    from lims.bench.assignments import assign_tests

    sheet, test = bench.entered("sulfur_dioxide", {"found": "12"})
    assign_tests(uow, actor=laboratory.head, test_ids=[test], assignee_id=laboratory.second_analyst.id)
    other = bench.sheet(test, actor=laboratory.second_analyst)
    assert other != sheet
    bench.enter(other, test, {"found": "13"}, actor=laboratory.second_analyst)
    bench.submit(test, actor=laboratory.second_analyst)
    make_reviewer(uow, laboratory, "analyst")
    refused = browser_of("analyst").post(
        "/api/results/verify",
        json={"results": [{"test_id": test, "version_number": bench.result(test).current_version}]},
    )
    assert (refused.status_code, refused.json["code"]) == (409, "same_person")
    page = browser_of("analyst").get(f"/review/worksheets/{other}").text
    assert "本人工作" in page


def test_a_result_goes_back_with_a_reason_that_the_analyst_sees(bench, browser_of):
    test = bench.submitted()
    reviewer = browser_of("reviewer")
    without = reviewer.post("/review/return", data={"ids": [test]}, follow_redirects=True)
    assert "请说明原因" in without.text
    assert bench.state(test) is TestState.SUBMITTED
    reviewer.post("/review/return", data={"ids": [test], "reason": "m2 请重称"})
    assert bench.state(test) is TestState.RETURNED
    assert "m2 请重称" in browser_of("analyst").get("/my-tests").text


def test_a_rejected_result_is_never_reported(bench, browser_of):
    test = bench.submitted()
    browser_of("reviewer").post("/review/reject", data={"ids": [test], "reason": "样品洒落"})
    assert bench.state(test) is TestState.REJECTED


def test_nothing_ticked_is_said(browser_of, bench):
    page = browser_of("reviewer").post("/review/verify", data={}, follow_redirects=True)
    assert "请至少勾选一行" in page.text


def test_a_retest_keeps_both_values_and_names_who_does_it(bench, browser_of, laboratory):
    test = bench.submitted()
    bench.verify(test)
    first = bench.version(test).id
    reviewer = browser_of("reviewer")
    missing = reviewer.post(f"/explain/{first}/retest", data={"reason": ""})
    assert missing.status_code == 422
    novice = reviewer.post(
        f"/explain/{first}/retest", data={"reason": "平行样偏差大", "assignee_id": laboratory.novice.id}
    )
    assert novice.status_code == 403
    assert "平行样偏差大" in novice.text
    reviewer.post(
        f"/explain/{first}/retest",
        data={"reason": "平行样偏差大", "assignee_id": laboratory.second_analyst.id},
    )
    assert bench.session.get_one(RequestedTest, test).assignee_id == laboratory.second_analyst.id
    sheet = bench.sheet(test, actor=laboratory.second_analyst)
    bench.weigh(sheet, test, "28.4517", "33.4629", "32.4507", actor=laboratory.second_analyst)
    page = reviewer.get(f"/explain/{bench.version(test).id}").text
    assert "平行样偏差大" in page
    assert f"/explain/{first}" in page
    attempts = bench.session.scalars(select(Result).where(Result.requested_test_id == test)).all()
    assert {(r.attempt, r.current) for r in attempts} == {(1, False), (2, True)}


def test_the_retest_of_a_value_that_others_depend_on_is_refused(bench, browser_of, pair):
    tests, _other = pair
    bench.verify(tests["moisture"])
    bench.verify(tests["aluminium"])
    refused = browser_of("reviewer").post(f"/api/tests/{tests['moisture']}/retest", json={"reason": "x"})
    assert (refused.status_code, refused.json["code"]) == (409, "others_depend")


def test_results_that_come_out_differently_now_are_shown_and_cannot_be_verified(bench, browser_of, database):
    sheet, test = bench.entered("melamine", {"found": "1.1"}, category="milk_powder")
    bench.conditions(sheet)
    bench.submit(test)
    with database.engine.connect() as connection:  # the limit changed behind everybody's back
        connection = connection.execution_options(lims_write=True)
        connection.execute(text("UPDATE spec_limit SET valid_to = '2016-01-01'"))
        connection.commit()
    page = browser_of("reviewer").get(f"/review/worksheets/{sheet}").text
    assert "不一致" in page
    refused = browser_of("reviewer").post(
        "/api/results/verify", json={"results": [{"test_id": test, "version_number": 1}]}
    )
    assert (refused.status_code, refused.json["code"]) == (409, "recomputed_differs")


@ON_SQLITE
def test_the_review_of_96_rows_asks_as_much_as_one_of_8(bench, browser_of, database):
    asked = []
    for n in (8, 96):
        tests = [t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=n)]
        sheet = bench.sheet(*tests)
        bench.enter(sheet, tests[0], {"found": "12"})
        for one in tests[1:]:
            bench.enter(sheet, one, {"found": "13"})
        bench.submit(*tests)
        reviewer = browser_of("reviewer")
        for path in (f"/review/worksheets/{sheet}", "/review"):
            with statements_of(database.engine) as statements:
                assert reviewer.get(path).status_code == 200
            asked.append(len(statements))
    assert asked[:2] == asked[2:], asked
    assert max(asked) <= 50, asked
