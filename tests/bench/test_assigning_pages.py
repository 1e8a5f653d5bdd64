"""Section head and analyst: who gets which test, the pool, the queue, opening worksheets."""

from datetime import timedelta

from sqlalchemy import select

from lims.bench.models import Assignment, Worksheet
from lims.core.clock import local_date
from lims.intake.models import RequestedTest, Sample
from lims.intake.states import TestState
from tests.support.queries import statements_of


def of_test(bench, test):
    return bench.session.get_one(RequestedTest, test)


def number_of(bench, test):
    return bench.session.get_one(Sample, of_test(bench, test).sample_id).number


def test_the_head_sees_the_own_section_first_with_who_may_do_each_test(bench, browser_of, laboratory):
    test = bench.tests("sulfur_dioxide", assignee=None)[0]["sulfur_dioxide"]
    page = browser_of("head").get("/assign", follow_redirects=True)
    assert page.request.args["section"] == str(laboratory.section)
    assert number_of(bench, test) in page.text
    row = next(r for r in page.text.split("</tr>") if number_of(bench, test) in r)
    assert "李理化、王理化" in row
    assert "赵新人" not in row  # nobody authorised the novice


def test_ticked_tests_go_to_one_person_with_a_due_date(bench, browser_of, laboratory, uow):
    tests = [t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=3, assignee=None)]
    due = local_date(uow.now) + timedelta(days=9)
    answer = browser_of("head").post(
        "/assign",
        data={
            "ids": tests,
            "assignee_id": laboratory.second_analyst.id,
            "due_on": due.isoformat(),
            "next": "/assign?section=1",
        },
    )
    assert answer.location == "/assign?section=1"
    assert {(of_test(bench, n).assignee_id, of_test(bench, n).due_on) for n in tests} == {
        (laboratory.second_analyst.id, due)
    }


def test_a_refused_assignment_says_why_and_keeps_ticks_person_and_date(bench, browser_of, laboratory):
    test = bench.tests("sulfur_dioxide", assignee=None)[0]["sulfur_dioxide"]
    head = browser_of("head")
    page = head.post(
        "/assign",
        data={
            "ids": [test],
            "assignee_id": laboratory.novice.id,
            "due_on": "2026-12-01",
            "next": "/assign?late=",
        },
        follow_redirects=True,
    )
    assert "赵新人今天没有该方法的上岗授权" in page.text
    assert f'name="ids" value="{test}" checked' in page.text
    assert f'<option value="{laboratory.novice.id}" selected>' in page.text
    assert 'value="2026-12-01"' in page.text
    assert of_test(bench, test).state is TestState.TO_DO


def test_nothing_ticked_or_nobody_chosen_is_said_in_a_sentence(bench, browser_of, laboratory):
    head = browser_of("head")
    nothing = head.post("/assign", data={"assignee_id": laboratory.analyst.id}, follow_redirects=True)
    assert "请至少勾选一行" in nothing.text
    test = bench.tests("sulfur_dioxide", assignee=None)[0]["sulfur_dioxide"]
    nobody = head.post("/assign", data={"ids": [test], "next": "/assign?q="}, follow_redirects=True)
    assert "请选择检测员" in nobody.text


def test_the_way_back_never_leaves_this_server(bench, browser_of, laboratory):
    test = bench.tests("sulfur_dioxide", assignee=None)[0]["sulfur_dioxide"]
    for evil in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        answer = browser_of("head").post(
            "/assign", data={"ids": [test], "assignee_id": laboratory.analyst.id, "next": evil}
        )
        assert answer.location.split("?")[0] == "/"


def test_a_test_under_work_is_given_to_somebody_else_and_leaves_the_first_ones_sheet(
    bench, browser_of, laboratory
):
    sheet, test = bench.entered("sulfur_dioxide", {"found": "12"})
    browser_of("head").post("/assign", data={"ids": [test], "assignee_id": laboratory.second_analyst.id})
    assert of_test(bench, test).assignee_id == laboratory.second_analyst.id
    assert number_of(bench, test) not in browser_of("analyst").get(f"/worksheets/{sheet}").text
    ended = bench.session.scalars(select(Assignment).where(Assignment.requested_test_id == test)).all()
    assert [a.assignee_id for a in ended if a.ended_at is None] == [laboratory.second_analyst.id]


def test_the_wall_shows_late_tests_first_and_counts_what_does_not_move(bench, browser_of, clock):
    calm = bench.tests("sulfur_dioxide", due_in=9)[0]["sulfur_dioxide"]
    late = bench.tests("sulfur_dioxide", due_in=-1)[0]["sulfur_dioxide"]
    clock.advance(days=4)
    _sheet, moving = bench.entered("sulfur_dioxide", {"found": "12"}, due_in=20)
    head = browser_of("head")
    page = head.get("/open-work?section=").text
    assert page.index(number_of(bench, late)) < page.index(number_of(bench, calm))
    stuck = head.get("/open-work?stuck=yes").text
    assert number_of(bench, late) in stuck
    assert number_of(bench, calm) in stuck
    assert number_of(bench, moving) not in stuck
    standing = head.get("/api/standing").json
    assert (standing["late"], standing["stuck"]) == (1, 2)
    assert standing["states"] == {"assigned": 2, "in_progress": 1}


def test_loads_name_open_and_late_tests_by_name(bench, browser_of):
    bench.tests("sulfur_dioxide", samples=2)
    bench.tests("melamine", due_in=-2, assignee="second_analyst")
    loads = {x["name_en"]: (x["open"], x["late"]) for x in browser_of("head").get("/api/loads").json}
    assert loads == {"Li Chemistry": (2, 0), "Wang Chemistry": (1, 1), "Zhao Novice": (0, 0)}
    assert "逾期 1" in browser_of("head").get("/assign?section=").text


def test_the_pool_offers_only_what_the_analyst_may_do(bench, browser_of):
    test = bench.tests("sulfur_dioxide", assignee=None)[0]["sulfur_dioxide"]
    assert number_of(bench, test) in browser_of("analyst").get("/pool").text
    assert number_of(bench, test) not in browser_of("novice").get("/pool").text
    refused = browser_of("novice").post("/api/pool/take", json={"test_ids": [test]})
    assert (refused.status_code, refused.json["code"]) == (403, "not_authorised")


def test_who_takes_second_is_told_so(bench, browser_of):
    test = bench.tests("sulfur_dioxide", assignee=None)[0]["sulfur_dioxide"]
    browser_of("analyst").post("/pool/take", data={"ids": [test]})
    second = browser_of("second_analyst").post("/pool/take", data={"ids": [test]}, follow_redirects=True)
    assert "该检验项目已被他人领取" in second.text
    assert of_test(bench, test).assignee_id == bench.laboratory.analyst.id


def test_a_test_goes_back_to_the_pool_with_a_reason(bench, browser_of):
    test = bench.tests("sulfur_dioxide")[0]["sulfur_dioxide"]
    analyst = browser_of("analyst")
    without = analyst.post(f"/tests/{test}/return", data={"reason": " "})
    assert without.status_code == 422
    assert of_test(bench, test).state is TestState.ASSIGNED
    analyst.post(f"/tests/{test}/return", data={"reason": "仪器故障"})
    assert of_test(bench, test).state is TestState.TO_DO
    row = bench.session.scalars(select(Assignment).where(Assignment.requested_test_id == test)).first()
    assert row is None or row.end_reason == "仪器故障"


def test_a_begun_test_cannot_go_back_to_the_pool_and_the_reason_stays_on_the_page(bench, browser_of):
    _sheet, test = bench.entered("sulfur_dioxide", {"found": "12"})
    answer = browser_of("analyst").post(f"/tests/{test}/return", data={"reason": "忙不过来"})
    assert answer.status_code == 409


def test_the_queue_is_grouped_by_method_and_says_what_came_back(bench, browser_of, uow, laboratory):
    from lims.bench.review import return_result

    test = bench.submitted()
    return_result(uow, actor=laboratory.reviewer, test_id=test, reason="m2 请重称")
    bench.tests("sulfur_dioxide", due_in=-1)
    page = browser_of("analyst").get("/my-tests").text
    assert "m2 请重称" in page
    groups = page.split('<h2 id="group-')
    assert ["二氧化硫" in groups[1], "水分" in groups[2]] == [True, True]  # the late group stands first
    only = browser_of("analyst").get("/my-tests?which=returned").text
    assert "m2 请重称" in only
    assert "GB 5009.34-2022" not in only


def test_one_click_opens_a_worksheet_with_the_tests_of_a_method(bench, browser_of):
    tests = [t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=3)]
    analyst = browser_of("analyst")
    answer = analyst.post("/my-tests/open", data={"test_ids": tests, "request_key": "one"})
    again = analyst.post("/my-tests/open", data={"test_ids": tests, "request_key": "one"})
    assert answer.location == again.location  # a double click opens one sheet
    assert bench.session.query(Worksheet).count() == 1
    assert all(number_of(bench, n) in analyst.get(answer.location).text for n in tests)


def test_tests_of_two_methods_do_not_go_on_one_sheet(bench, browser_of):
    tests = bench.tests("moisture", "aluminium")[0]
    answer = browser_of("analyst").post(
        "/my-tests/open", data={"test_ids": list(tests.values())}, follow_redirects=True
    )
    assert "一个检测批只含一种方法的项目" in answer.text
    assert bench.session.query(Worksheet).count() == 0


def test_scanned_samples_gather_on_one_worksheet_of_the_method(bench, browser_of):
    tests = [t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=2)]
    analyst = browser_of("analyst")
    first = analyst.post("/my-tests/scan", data={"code": number_of(bench, tests[0])})
    second = analyst.post("/my-tests/scan", data={"code": number_of(bench, tests[1])})
    assert first.location == second.location
    unknown = analyst.post("/my-tests/scan", data={"code": "YP-NONE"})
    assert unknown.status_code == 404
    foreign = browser_of("second_analyst").post("/my-tests/scan", data={"code": number_of(bench, tests[0])})
    assert foreign.status_code == 409
    assert number_of(bench, tests[0]) in foreign.text  # what was scanned still stands there


def test_a_scanned_worksheet_number_opens_it(bench, browser_of):
    sheet, _test = bench.entered("sulfur_dioxide", {"found": "12"})
    number = bench.session.get_one(Worksheet, sheet).number
    found = browser_of("analyst").get(f"/scan?code={number}", headers={"Accept": "application/json"}).json
    assert (found["found"], found["href"]) == (True, f"/worksheets/{sheet}")
    assert browser_of("reception").get(f"/scan?code={number}").location == "/"  # may not know of it


def test_reception_and_reviewer_are_refused_at_the_pages_of_others(browser_of):
    for who, path in (
        ("reception", "/my-tests"),
        ("reception", "/worksheets"),
        ("reviewer", "/assign"),
        ("analyst", "/assign"),
        ("analyst", "/review"),
        ("head", "/my-tests"),
    ):
        assert browser_of(who).get(path).status_code == 403, (who, path)


def test_lists_ask_a_bounded_number_of_questions(bench, browser_of, database, laboratory):
    """Forty more tests ask nothing more."""
    asked = {}
    for round_ in (1, 2):
        bench.tests("sulfur_dioxide", samples=2 if round_ == 1 else 40, assignee=None)
        bench.tests("melamine", samples=2 if round_ == 1 else 40)
        for who, path in (
            ("head", "/assign?section="),
            ("head", "/open-work?section="),
            ("analyst", "/my-tests"),
            ("analyst", "/pool"),
            ("head", "/api/open-tests?size=200"),
        ):
            browser = browser_of(who)
            with statements_of(database.engine) as seen:
                assert browser.get(path).status_code == 200
            asked.setdefault(path, []).append(len(seen))
    assert all(first == second for first, second in asked.values()), asked
    assert max(n for pair in asked.values() for n in pair) <= 40, asked
