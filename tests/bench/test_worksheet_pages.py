"""The worksheet through HTTP: each cell saved alone or the whole sheet as a form, nothing typed is lost."""

import pytest
from sqlalchemy import select

from lims.bench.models import InputValue, Worksheet, WorksheetEquipment
from lims.bench.states import Verdict, WorksheetState
from lims.core.permissions import SYSTEM
from lims.equipment.models import Equipment, EquipmentState
from lims.intake.models import RequestedTest, Sample
from lims.intake.states import TestState
from tests.support.backends import ON_SQLITE
from tests.support.queries import statements_of


def put(browser, sheet, test, key, value, **more):
    return browser.put(f"/api/worksheets/{sheet}/tests/{test}/cells/{key}", json={"value": value, **more})


def number_of(bench, test):
    return bench.session.get_one(Sample, bench.session.get_one(RequestedTest, test).sample_id).number


def entries(bench, test):
    rows = select(InputValue).where(InputValue.requested_test_id == test).order_by(InputValue.id)
    return [(r.name, r.replicate, r.text) for r in bench.session.scalars(rows)]


@pytest.fixture
def sulfur(bench):
    """(worksheet, test) of a sulfur dioxide with nothing entered."""
    test = bench.tests("sulfur_dioxide", category="rice_noodles", business="supervision")[0]["sulfur_dioxide"]
    return bench.sheet(test), test


def test_a_saved_cell_answers_with_result_verdict_and_the_rows_new_version(browser_of, sulfur):
    sheet, test = sulfur
    answer = put(browser_of("analyst"), sheet, test, "found-1", "13", version=0)
    assert answer.status_code == 200
    assert answer.json["cells"] == {"found-1": "13"}
    assert answer.json["show"]["result"] == "13"
    assert (answer.json["show"]["verdict"], answer.json["tones"]["verdict"]) == ("不合格", "fault")
    assert answer.json["show"]["source-found-1"] == "手工录入"
    assert answer.json["sentence"] == "超出限量"
    assert answer.json["version"] > 0


def test_the_demo_days_aluminium_through_http(bench, browser_of):
    tests = bench.tests("moisture", "aluminium", samples=2)
    sheet = bench.sheet(*(t["moisture"] for t in tests))
    other = bench.sheet(*(t["aluminium"] for t in tests))
    bench.weigh(sheet, tests[0]["moisture"], "28.4517", "33.4629", "32.4607")
    bench.weigh(sheet, tests[1]["moisture"], "27.9903", "33.0016", "31.9989")
    analyst = browser_of("analyst")
    one = put(analyst, other, tests[0]["aluminium"], "as_is-1", "80.4").json
    assert (one["show"]["result"], one["show"]["verdict"]) == ("100.5", "不合格")
    two = put(analyst, other, tests[1]["aluminium"], "as_is-1", "79.8").json
    assert (two["show"]["result"], two["show"]["verdict"], two["sentence"]) == ("99.8", "合格", "接近限量")
    page = analyst.get(f"/worksheets/{other}").text
    assert page.count(">20.0</a>") == 2  # the moisture that feeds the formula stands beside it


def test_five_plate_counts_are_five_cells(bench, browser_of):
    test = bench.tests("plate_count")[0]["plate_count"]
    sheet = bench.sheet(test)
    analyst = browser_of("analyst")
    counts = ("9.0e3", "1.2e4", "8.5e3", "3.1e4", "7.0e3")
    for n, text in enumerate(counts, 1):
        answer = put(analyst, sheet, test, f"count-{n}", text)
        assert answer.status_code == 200
        if n < 5:
            assert answer.json["sentence"] == f"已有 5 个值中的 {n} 个。"
    assert answer.json["show"]["verdict"] == "合格"
    assert put(analyst, sheet, test, "count-1", "1.1e4").json["show"]["verdict"] == "不合格"


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("found-1", "about ten", "number_unreadable"),
        ("found-1", "1,5", "number_separator"),
        ("found-1", "-1", "value_out_of_range"),
        ("found-2", "1", "unknown_input"),
        ("nothing-1", "1", "unknown_input"),
        ("found-x", "1", "unknown_input"),
        ("found-99999", "1", "unknown_input"),
    ],
)
def test_what_cannot_be_a_value_gets_a_sentence_and_changes_nothing(
    bench, browser_of, sulfur, key, value, code
):
    sheet, test = sulfur
    answer = put(browser_of("analyst"), sheet, test, key, value)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert answer.json["detail"]
    assert entries(bench, test) == []


@pytest.mark.parametrize(
    "body",
    [{"value": "1\x002"}, {"value": "x" * 201}, {"value": 7}, {"value": "1", "version": -1}, {"nothing": 1}],
)
def test_a_body_that_cannot_be_kept_is_refused_not_a_fault_of_ours(browser_of, sulfur, body):
    sheet, test = sulfur
    url = f"/api/worksheets/{sheet}/tests/{test}/cells/found-1"
    answer = browser_of("analyst").put(url, json=body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_input")


def test_a_weighing_is_read_only_for_hands_and_says_why(bench, browser_of):
    test = bench.tests("moisture")[0]["moisture"]
    sheet = bench.sheet(test)
    page = browser_of("analyst").get(f"/worksheets/{sheet}").text
    cell = next(part for part in page.split("<input") if f'name="cells-{test}-m0-1"' in part)
    assert "readonly" in cell
    assert "方法规定此值由仪器采集" in cell
    typed = put(browser_of("analyst"), sheet, test, "m0-1", "28.4517")
    assert (typed.status_code, typed.json["code"]) == (422, "typed_not_allowed")


def test_a_newer_entry_is_not_overwritten_unseen(bench, browser_of, sulfur):
    sheet, test = sulfur
    analyst = browser_of("analyst")
    seen = put(analyst, sheet, test, "found-1", "12", version=0).json["version"]
    stale = put(analyst, sheet, test, "found-1", "14", version=0)
    assert (stale.status_code, stale.json["code"]) == (409, "stale_version")
    assert put(analyst, sheet, test, "found-1", "14", version=seen).status_code == 200
    assert entries(bench, test) == [("found", 1, "12"), ("found", 1, "14")]


def test_another_analyst_reads_the_sheet_and_writes_nothing(bench, browser_of, sulfur):
    sheet, test = sulfur
    other = browser_of("second_analyst")
    page = other.get(f"/worksheets/{sheet}").text
    assert "data-cell" not in page
    assert put(other, sheet, test, "found-1", "1").status_code == 403
    assert entries(bench, test) == []


def test_without_authorisation_today_the_page_says_so_and_nothing_can_be_entered(
    bench, browser_of, sulfur, clock
):
    sheet, test = sulfur
    clock.advance(days=400)
    analyst = browser_of("analyst")
    assert "您今天没有该方法的上岗授权" in analyst.get(f"/worksheets/{sheet}").text
    refused = put(analyst, sheet, test, "found-1", "1")
    assert (refused.status_code, refused.json["code"]) == (403, "not_authorised")


def test_the_whole_sheet_is_saved_as_one_form_without_script(bench, browser_of):
    tests = [t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=3)]
    sheet = bench.sheet(*tests)
    form = {f"cells-{n}-found-1": text for n, text in zip(tests, ("12", "", "ND"), strict=True)}
    form |= {f"newest-{n}": "0" for n in tests}
    answer = browser_of("analyst").post(f"/worksheets/{sheet}/cells", data=form)
    assert answer.status_code == 302
    assert [entries(bench, n) for n in tests] == [[("found", 1, "12")], [], [("found", 1, "ND")]]


def test_a_wrong_cell_of_the_form_keeps_everything_typed_and_saves_nothing(bench, browser_of):
    tests = [t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=2)]
    sheet = bench.sheet(*tests)
    form = {f"cells-{tests[0]}-found-1": "12", f"cells-{tests[1]}-found-1": "zwölf <b>"}
    page = browser_of("analyst").post(f"/worksheets/{sheet}/cells", data=form)
    assert page.status_code == 422
    assert 'value="12"' in page.text
    assert 'value="zwölf &lt;b&gt;"' in page.text
    assert f'id="fault-{tests[1]}-found-1"' in page.text
    assert entries(bench, tests[0]) == []


def test_clearing_a_cell_in_the_form_takes_the_result_away(bench, browser_of):
    sheet, test = bench.entered("sulfur_dioxide", {"found": "12"})
    newest = bench.session.scalars(select(InputValue.id)).one()
    form = {f"cells-{test}-found-1": "", f"newest-{test}": newest}
    browser_of("analyst").post(f"/worksheets/{sheet}/cells", data=form)
    assert bench.version(test).reported == ""


def test_another_button_never_loses_a_typed_cell(bench, browser_of):
    sheet, test = bench.entered("sulfur_dioxide", {"found": "12"})
    page = browser_of("analyst").post(
        f"/worksheets/{sheet}/submit", data={"every": "true", f"cells-{test}-found-1": "13.5"}
    )
    assert page.status_code == 409
    assert "有 1 个单元格尚未保存" in page.text
    assert 'value="13.5"' in page.text
    assert bench.state(test) is TestState.IN_PROGRESS


def test_ready_rows_are_handed_over_and_taken_back(bench, browser_of):
    tests = [t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=3)]
    sheet = bench.sheet(*tests)
    for n in tests[:2]:
        bench.enter(sheet, n, {"found": "12"})
    analyst = browser_of("analyst")
    analyst.post(f"/worksheets/{sheet}/submit", data={"every": "true"})
    assert [bench.state(n) for n in tests] == [TestState.SUBMITTED, TestState.SUBMITTED, TestState.ASSIGNED]
    analyst.post(f"/worksheets/{sheet}/take-back", data={"ids": [tests[0]], "reason": "读错刻度"})
    assert bench.state(tests[0]) is TestState.IN_PROGRESS
    nothing = analyst.post(f"/worksheets/{sheet}/submit", data={})
    assert nothing.status_code == 422


def test_the_sheet_closes_itself_when_all_is_handed_over(bench, browser_of):
    sheet, test = bench.entered("sulfur_dioxide", {"found": "12"})
    browser_of("analyst").post(f"/worksheets/{sheet}/submit", data={"ids": [test]})
    assert bench.session.get_one(Worksheet, sheet).state is WorksheetState.SUBMITTED
    assert "已全部提交" in browser_of("analyst").get(f"/worksheets/{sheet}").text


def test_conditions_are_asked_for_before_handing_over(bench, browser_of):
    sheet, test = bench.entered("melamine", {"found": "1.1"}, category="milk_powder")
    analyst = browser_of("analyst")
    refused = analyst.post(f"/worksheets/{sheet}/submit", data={"ids": [test]})
    assert refused.status_code == 409
    assert "方法要求记录温度和湿度" in refused.text
    wrong = analyst.post(
        f"/worksheets/{sheet}/conditions", data={"temperature": "22,4", "humidity": "48", "version": "1"}
    )
    assert wrong.status_code == 422
    assert 'value="22,4"' in wrong.text
    high = analyst.post(
        f"/worksheets/{sheet}/conditions", data={"temperature": "22.4", "humidity": "148", "version": "1"}
    )
    assert (high.status_code, 'value="148"' in high.text) == (422, True)
    analyst.post(
        f"/worksheets/{sheet}/conditions", data={"temperature": "22.4", "humidity": "48", "version": "1"}
    )
    stale = analyst.post(
        f"/worksheets/{sheet}/conditions", data={"temperature": "23", "humidity": "48", "version": "1"}
    )
    assert stale.status_code == 409
    analyst.post(f"/worksheets/{sheet}/submit", data={"ids": [test]})
    assert bench.state(test) is TestState.SUBMITTED


def test_equipment_is_named_by_hand_and_taken_off_again(bench, browser_of, laboratory, uow):
    test = bench.tests("moisture")[0]["moisture"]
    sheet = bench.sheet(test)
    bench.claim(sheet, test, "m0", "28.4517")
    analyst = browser_of("analyst")
    assert (
        analyst.post(f"/worksheets/{sheet}/equipment", data={"equipment_id": laboratory.oven}).status_code
        == 302
    )
    stays = analyst.post(f"/worksheets/{sheet}/equipment/{laboratory.balance}/leave")
    assert stays.status_code == 409
    assert "不能移除" in stays.text
    analyst.post(f"/worksheets/{sheet}/equipment/{laboratory.oven}/leave")
    named = bench.session.scalars(select(WorksheetEquipment.equipment_id)).all()
    assert list(named) == [laboratory.balance]
    with uow:
        oven = uow.get(Equipment, laboratory.oven)
        oven.state, oven.state_reason = EquipmentState.OUT_OF_SERVICE, "加热管损坏"
        uow.audit("equipment.state", SYSTEM, oven)
        uow.commit()
    broken = analyst.post(f"/worksheets/{sheet}/equipment", data={"equipment_id": laboratory.oven})
    assert (broken.status_code, "加热管损坏" in broken.text) == (409, True)


def test_samples_come_on_by_scan_and_go_off_again(bench, browser_of):
    tests = [t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=2)]
    sheet = bench.sheet(tests[0])
    analyst = browser_of("analyst")
    added = analyst.post(f"/api/worksheets/{sheet}/samples", json={"code": number_of(bench, tests[1])})
    assert added.status_code == 200
    again = analyst.post(f"/api/worksheets/{sheet}/samples", json={"code": number_of(bench, tests[1])})
    assert again.status_code == 200  # scanned twice is no fault
    assert number_of(bench, tests[1]) in analyst.get(f"/worksheets/{sheet}").text
    unknown = analyst.post(f"/api/worksheets/{sheet}/samples", json={"code": "YP-NONE"})
    assert (unknown.status_code, unknown.json["code"]) == (404, "sample_unknown")
    analyst.post(f"/worksheets/{sheet}/remove", data={"ids": [tests[1]]})
    assert number_of(bench, tests[1]) not in analyst.get(f"/worksheets/{sheet}").text
    assert bench.state(tests[1]) is TestState.ASSIGNED


def test_the_page_of_a_cell_shows_every_entry_down_to_the_bytes(bench, browser_of):
    test = bench.tests("moisture")[0]["moisture"]
    sheet = bench.sheet(test)
    bench.claim(sheet, test, "m0", "28.4517")
    bench.claim(sheet, test, "m0", "28.4519", reason="称量皿有灰")
    page = browser_of("reviewer").get(f"/tests/{test}/cells/m0-1").text
    assert page.index("28.4519") < page.index("28.4517")
    assert "称量皿有灰" in page
    assert "53 20 53" in page  # S S
    assert page.count("刚刚验证：有效") == 2
    assert browser_of("reviewer").get(f"/tests/{test}/cells/m9-1").status_code == 404


def test_the_original_record_holds_readings_conditions_equipment_changes_and_people(
    bench, browser_of, laboratory
):
    test = bench.tests("moisture")[0]["moisture"]
    sheet = bench.sheet(test)
    bench.weigh(sheet, test, "28.4517", "33.4629", "32.6607")
    bench.claim(sheet, test, "m2", "32.4607", reason="恒重未到")
    bench.conditions(sheet)
    bench.submit(test)
    bench.verify(test)
    page = browser_of("reviewer").get(f"/worksheets/{sheet}/record").text
    for part in ("28.4517", "32.6607", "恒重未到", "22.4 °C", "LH-001", "JZ2027", "李理化", "吴校核", "20.0"):
        assert part in page, part


@ON_SQLITE
def test_a_sheet_of_96_rows_asks_as_much_as_one_of_8(bench, browser_of, database):
    asked = {}
    for n in (8, 96):
        tests = [t["plate_count"] for t in bench.tests("plate_count", samples=n)]
        sheet = bench.sheet(*tests)
        bench.enter(sheet, tests[0], {"count": ["9.0e3", "1.2e4", "8.5e3", "3.1e4", "7.0e3"]})
        analyst = browser_of("analyst")
        for path in (f"/worksheets/{sheet}", f"/worksheets/{sheet}/record"):
            with statements_of(database.engine) as seen:
                assert analyst.get(path).status_code == 200
            asked.setdefault(path.rpartition("/")[2].isdigit(), []).append(len(seen))
        with statements_of(database.engine) as seen:
            assert put(analyst, sheet, tests[1], "count-1", "9.0e3").status_code == 200
        asked.setdefault("cell", []).append(len(seen))
    assert all(small == large for small, large in asked.values()), asked
    assert max(n for pair in asked.values() for n in pair) <= 70, asked


def test_the_sheet_as_json_says_what_may_be_written(bench, browser_of):
    tests = bench.tests("moisture", "aluminium")[0]
    other = bench.sheet(tests["aluminium"])
    bench.enter(other, tests["aluminium"], {"as_is": "80.4"})
    sheet = browser_of("analyst").get(f"/api/worksheets/{other}").json
    assert (sheet["open"], sheet["needed"]) == (True, ["moisture"])
    row = sheet["rows"][0]
    assert row["cells"]["as_is-1"]["source"] == "typed"
    assert "moisture" in row["remark"] or "水分" in row["remark"]
    assert browser_of("second_analyst").get(f"/api/worksheets/{other}").json["open"] is False


def test_many_cells_at_once_are_all_or_none(bench, browser_of):
    tests = [t["sulfur_dioxide"] for t in bench.tests("sulfur_dioxide", samples=2)]
    sheet = bench.sheet(*tests)
    cells = [
        {"test_id": n, "name": "found", "text": text} for n, text in zip(tests, ("12", "x"), strict=True)
    ]
    refused = browser_of("analyst").put(f"/api/worksheets/{sheet}/cells", json={"cells": cells})
    assert refused.json["fields"].keys() == {f"{tests[1]}:found:1"}
    cells[1]["text"] = "13"
    answer = browser_of("analyst").put(f"/api/worksheets/{sheet}/cells", json={"cells": cells})
    assert answer.json["changed"] == tests
    assert [bench.version(n).verdict for n in tests] == [Verdict.NOT_JUDGED] * 2
