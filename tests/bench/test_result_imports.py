"""Values from files: every fault by row first, the origin kept, the same file never twice."""

import base64
import hashlib
import io

import openpyxl
import pytest
from sqlalchemy import select

from lims.bench.models import InputValue
from lims.bench.states import InputSource
from lims.core.files import StoredFile
from lims.intake.models import RequestedTest, Sample


def number_of(bench, test):
    return bench.session.get_one(Sample, bench.session.get_one(RequestedTest, test).sample_id).number


@pytest.fixture
def aluminium(bench):
    """(worksheet, its three tests, their sample numbers)."""
    tests = [t["aluminium"] for t in bench.tests("moisture", "aluminium", samples=3)]
    return bench.sheet(*tests), tests, [number_of(bench, n) for n in tests]


def sent(text, name="icp.csv", **more):
    content = text if isinstance(text, bytes) else text.encode()
    return {"file_name": name, "content": base64.b64encode(content).decode(), **more}


def entries(bench, test):
    rows = select(InputValue).where(InputValue.requested_test_id == test).order_by(InputValue.id)
    return list(bench.session.scalars(rows))


def test_the_icp_file_of_the_demo_day_keeps_file_hash_row_and_name(bench, browser_of, aluminium):
    sheet, tests, numbers = aluminium
    text = f"样品编号,Al (mg/kg),备注\n{numbers[0]},80.4,\n{numbers[1]},79.8,稀释10倍\n".replace(
        "Al (", "as_is ("
    )
    answer = browser_of("analyst").post(f"/api/worksheets/{sheet}/import", json=sent(text))
    assert answer.status_code == 200
    digest = hashlib.sha256(text.encode()).hexdigest()
    value = entries(bench, tests[0])[0]
    assert (value.text, value.source) == ("80.4", InputSource.IMPORT)
    assert value.origin == f"sha256:{digest} row 2 icp.csv"
    assert bench.session.get(StoredFile, digest) is not None
    assert entries(bench, tests[2]) == []


def test_the_same_file_again_is_refused_with_when_and_by_whom(bench, browser_of, aluminium):
    sheet, tests, numbers = aluminium
    body = sent(f"sample,result\n{numbers[0]},80.4\n")
    analyst = browser_of("analyst")
    analyst.post(f"/api/worksheets/{sheet}/import", json=body)
    again = analyst.post(f"/api/worksheets/{sheet}/import", json=body)
    assert (again.status_code, again.json["code"]) == (409, "file_imported")
    assert "2026-11-23 10:00" in again.json["detail"]
    assert "李理化" in again.json["detail"]
    looked = analyst.post(f"/api/worksheets/{sheet}/import/preview", json=body)
    assert looked.json["code"] == "file_imported"
    assert len(entries(bench, tests[0])) == 1


def test_every_fault_is_told_by_row_and_nothing_is_imported(bench, browser_of, aluminium):
    sheet, tests, numbers = aluminium
    text = f"样品编号\tas_is\n{numbers[0]}\t80.4\nYP-NONE\t5\n{numbers[1]}\tabc\n{numbers[0]}\t81\n\t9\n{numbers[2]}\t\n"
    analyst = browser_of("analyst")
    preview = analyst.post(f"/api/worksheets/{sheet}/import/preview", json=sent(text, "")).json
    faults = {row["number"]: row["faults"] for row in preview["rows"]}
    assert faults[2] == []
    assert "不在此检测批中" in faults[3][0]
    assert faults[4][0].startswith("abc: ")
    assert "第 2 行" in faults[5][0]
    assert faults[6] == ["缺少样品编号。"]
    assert faults[7] == ["此行没有值。"]
    refused = analyst.post(f"/api/worksheets/{sheet}/import", json=sent(text, ""))
    assert (refused.status_code, refused.json["code"]) == (422, "import_faulty")
    assert set(refused.json["fields"]) == {"row-3", "row-4", "row-5", "row-6", "row-7"}
    assert entries(bench, tests[0]) == []
    left = analyst.post(f"/api/worksheets/{sheet}/import", json=sent(text, "", leave_out_faulty=True))
    assert left.status_code == 200
    assert [e.text for e in entries(bench, tests[0])] == ["80.4"]


def test_without_headings_the_columns_are_sample_and_values_in_order(bench, browser_of):
    test = bench.tests("plate_count")[0]["plate_count"]
    sheet = bench.sheet(test)
    text = f"{number_of(bench, test)};9.0e3;1.2e4;8.5e3;3.1e4;7.0e3\n"
    browser_of("analyst").post(f"/api/worksheets/{sheet}/import", json=sent(text, ""))
    assert bench.version(test).verdict == "pass"


def test_replicates_are_found_by_their_headings(bench, browser_of):
    test = bench.tests("plate_count")[0]["plate_count"]
    sheet = bench.sheet(test)
    text = f"count 2,菌落数1,样品编号\n1.2e4,9.0e3,{number_of(bench, test)}\n"
    preview = browser_of("analyst").post(f"/api/worksheets/{sheet}/import/preview", json=sent(text)).json
    assert preview["columns"] == ["count-2", "count-1", "sample"]


def test_a_workbook_is_read_too(bench, browser_of, aluminium):
    sheet, tests, numbers = aluminium
    book = openpyxl.Workbook()
    for row in (("样品编号", "试样含量"), (numbers[0], 80.4), (numbers[1], "ND")):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    answer = browser_of("analyst").post(
        f"/api/worksheets/{sheet}/import", json=sent(out.getvalue(), "结果.xlsx")
    )
    assert answer.status_code == 200
    assert [entries(bench, n)[0].text for n in tests[:2]] == ["80.4", "ND"]
    assert entries(bench, tests[0])[0].origin.endswith(" row 2 结果.xlsx")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"sample,as_is (\xc2\xb5g/L)\nX,1\n", "import_unit"),
        (b"no,heading,that,we,know\n1,2,3,4,5\n", "import_columns"),
        (b"sample,as_is\n", "sheet_empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1old", "sheet_encrypted"),
        (b"PK\x03\x04broken", "sheet_unreadable"),
        (b"\x00\x01\x02", "sheet_unknown"),
        (b"\n\n", "sheet_empty"),
    ],
)
def test_files_that_cannot_be_read_get_their_sentence(browser_of, aluminium, content, code):
    sheet, _tests, _numbers = aluminium
    answer = browser_of("analyst").post(f"/api/worksheets/{sheet}/import", json=sent(content))
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert answer.json["detail"]


def test_values_the_method_wants_from_the_device_are_not_imported(bench, browser_of):
    test = bench.tests("moisture")[0]["moisture"]
    sheet = bench.sheet(test)
    text = f"样品编号,m0\n{number_of(bench, test)},28.4517\n"
    preview = browser_of("analyst").post(f"/api/worksheets/{sheet}/import/preview", json=sent(text)).json
    assert "必须由仪器采集" in preview["rows"][0]["faults"][0]


def test_the_page_shows_the_rows_before_it_imports_and_keeps_the_file(bench, browser_of, aluminium):
    sheet, tests, numbers = aluminium
    bench.enter(sheet, tests[1], {"as_is": "70"})
    text = f"样品编号,as_is\n{numbers[0]},80.4\n{numbers[1]},79.8\nYP-NONE,1\n"
    analyst = browser_of("analyst")
    page = analyst.post(
        f"/worksheets/{sheet}/import/preview",
        data={"file": (io.BytesIO(text.encode()), "icp.csv")},
        content_type="multipart/form-data",
    ).text
    assert "替换 70" in page
    assert hashlib.sha256(text.encode()).hexdigest() in page
    assert entries(bench, tests[0]) == []
    form = {"file_name": "icp.csv", "content": base64.b64encode(text.encode()).decode()}
    refused = analyst.post(f"/worksheets/{sheet}/import", data=form)
    assert refused.status_code == 422
    assert "不在此检测批中" in refused.text
    assert form["content"] in refused.text  # the file need not be chosen again
    done = analyst.post(f"/worksheets/{sheet}/import", data={**form, "leave_out_faulty": "true"})
    assert done.location == f"/worksheets/{sheet}"
    assert [e.text for e in entries(bench, tests[1])] == ["70", "79.8"]


def test_a_paste_stays_in_its_box_when_it_is_refused(browser_of, aluminium):
    sheet, _tests, _numbers = aluminium
    page = browser_of("analyst").post(
        f"/worksheets/{sheet}/import/preview", data={"text": "nothing\tof\tuse\n1\t2\t3\n"}
    )
    assert page.status_code == 422
    assert "nothing\tof\tuse" in page.text
    empty = browser_of("analyst").post(f"/worksheets/{sheet}/import/preview", data={"text": " "})
    assert "请选择文件，或粘贴数据行" in empty.text


def test_only_the_sheets_analyst_imports(browser_of, aluminium):
    sheet, _tests, numbers = aluminium
    body = sent(f"sample,as_is\n{numbers[0]},1\n")
    answer = browser_of("second_analyst").post(f"/api/worksheets/{sheet}/import", json=body)
    assert answer.status_code == 403
