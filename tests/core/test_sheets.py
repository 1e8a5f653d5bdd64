"""Uploaded workbooks, also hostile ones."""

import io
import time
import zipfile
from datetime import date, datetime

import openpyxl
import pytest

from lims.core.errors import InvalidInput
from lims.core.sheets import as_text, read_sheet
from lims.intake.paste import parse_rows
from tests.intake.makers import make_house

TODAY = date(2026, 11, 23)


def workbook(rows) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(content: bytes, **changed: bytes) -> bytes:
    """The same archive with members replaced or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            if member not in changed:
                new.writestr(member, old.read(member))
        for name, body in changed.items():
            new.writestr(name, body)
    return out.getvalue()


ROWS = [
    ["样品名称", "批号", "生产日期", "数量", "检验项目"],
    ["绿豆糕", 7, datetime(2026, 11, 1), 2.5, "水分"],  # noqa: DTZ001 - a cell has no zone
    ["绿豆糕", 8.0, date(2026, 12, 1), None, "水分"],
]


def test_an_uploaded_workbook_is_read_like_a_paste(uow):
    make_house(uow)
    rows = read_sheet(workbook(ROWS))
    assert rows[1] == ["绿豆糕", "7", "2026-11-01", "2.5", "水分"]
    paste = parse_rows(uow.session, rows, TODAY)
    assert [(f.row, f.code) for f in paste.faults] == [(2, "produced_in_future")]
    assert as_text(rows).splitlines()[0] == "样品名称\t批号\t生产日期\t数量\t检验项目"


def test_formulas_are_read_as_their_values_only():
    rows = read_sheet(workbook([["样品名称"], ["=1+1"], ['=HYPERLINK("http://x")'], ["饼"]]))
    assert rows == [["样品名称"], ["饼"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_is_read_in_the_encodings_of_excel(encoding):
    assert read_sheet("样品名称,批号\n饼,1\n".encode(encoding)) == [["样品名称", "批号"], ["饼", "1"]]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "sheet_empty"),
        (b"x" * (5 * 1024 * 1024 + 1), "sheet_too_big"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "sheet_encrypted"),
        (b"PK\x03\x04 broken", "sheet_unreadable"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "sheet_unknown"),
        (repacked(workbook(ROWS), **{"xl/vbaProject.bin": b"x"}), "sheet_macros"),
        (workbook([["x"]])[:700], "sheet_unreadable"),
        (repacked(workbook(ROWS), **{"xl/worksheets/sheet1.xml": b"<not-xml"}), "sheet_unreadable"),
        (workbook([["饼", n] for n in range(2_001)]), "sheet_too_long"),
    ],
)
def test_what_is_no_plain_workbook_is_refused_with_its_reason(content, code):
    with pytest.raises(InvalidInput) as refused:
        read_sheet(content)
    assert refused.value.code == code
    assert list(refused.value.fields) == ["file"]


def test_bombs_end_in_a_refusal_within_the_limits():
    started = time.monotonic()
    zeros = repacked(workbook(ROWS), **{"xl/worksheets/sheet1.xml": b"<a>" + b"0" * 80_000_000})
    cells = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        + b"".join(b'<row r="%d">' % r + b"<c><v>1</v></c>" * 2_000 + b"</row>" for r in range(1, 1_500))
    )
    many = repacked(workbook(ROWS), **{"xl/worksheets/sheet1.xml": cells + b"</sheetData></worksheet>"})
    far = repacked(
        workbook(ROWS),
        **{
            "xl/worksheets/sheet1.xml": b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            b'<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
            b"</sheetData></worksheet>"
        },
    )
    refusals = {"sheet_too_big", "sheet_too_slow", "sheet_unreadable", "sheet_too_long"}
    assert outcome(zeros) in refusals
    assert outcome(many) in refusals | {"cut"}
    assert outcome(far) in refusals | {"cut"}
    assert time.monotonic() - started < 35


def outcome(content: bytes) -> str:
    """The code of the refusal; ``cut`` where the rows were cut at the columns that we read."""
    try:
        rows = read_sheet(content)
    except InvalidInput as refused:
        return refused.code
    return "cut" if max(map(len, rows)) <= 61 else "all of it"
