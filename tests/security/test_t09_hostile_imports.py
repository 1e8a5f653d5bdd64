"""T09: an imported sheet is values only; formulas, macros, links and wrong types are refused or read as text."""

import io
import zipfile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from lims.core.errors import InvalidInput
from lims.core.sheets import read_sheet
from lims.intake.models import Sample
from tests.intake.desk import desk
from tests.intake.makers import make_house


def workbook(rows) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


PLAIN = workbook([["样品名称", "批号", "检验项目"], ["绿豆糕", "B1", "水分"]])


def with_members(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(PLAIN)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in members:
                new.writestr(name, old.read(name))
        for name, body in members.items():
            new.writestr(name, body)
    return out.getvalue()


def content_types(kind: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(PLAIN)) as book:
        known = book.read("[Content_Types].xml")
    return known.replace(b"sheet.main+xml", kind)


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
REFUSED = {
    "macro project": (with_members(**{"xl/vbaProject.bin": b"x"}), "sheet_macros"),
    "macro sheet": (with_members(**{"xl/macrosheets/sheet1.xml": b"x"}), "sheet_macros"),
    "macro type": (
        with_members(**{"[Content_Types].xml": content_types(b"sheet.macroEnabled.main+xml")}),
        "sheet_macros",
    ),
    "old or encrypted": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), "sheet_encrypted"),
    "a program": (b"MZ\x90\x00" + bytes(500), "sheet_unknown"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "sheet_unknown"),
    "a PDF": (b"%PDF-1.7\n\x00\xff\xfe\x00", "sheet_unknown"),
    "another archive": (b"PK\x05\x06" + bytes(18), "sheet_unknown"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_act_is_refused_with_its_reason(name):
    content, code = REFUSED[name]
    with pytest.raises(InvalidInput) as refused:
        read_sheet(content)
    assert refused.value.code == code


@pytest.mark.parametrize("name", REFUSED)
def test_the_page_tells_it_and_saves_nothing(app, uow, session, name):
    make_house(uow)
    browser = desk(app, uow)
    for path in ("/orders/new/look", "/orders/new"):
        form = {"file": (io.BytesIO(REFUSED[name][0]), "../../etc/x.xlsx"), "samples-0-name": "KEEP-ME"}
        page = browser.post(path, data=form, content_type="multipart/form-data")
        assert page.status_code == 422
        assert "KEEP-ME" in page.text
    assert session.scalar(select(func.count(Sample.id))) == 0


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="A2" t="str"><f>WEBSERVICE("http://x.example/")</f><v>kept value</v></c>',
        b'<c r="A2" t="str"><f>[1]Sheet1!A1</f><v>kept value</v></c>',
        b'<c r="A2" t="inlineStr"><is><t>kept value</t></is></c>',
    ],
)
def test_a_formula_is_its_stored_value_and_nothing_is_fetched(cell):
    rows = b'<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c></row><row r="2">' + cell + b"</row>"
    content = with_members(
        **{
            "xl/worksheets/sheet1.xml": SHEET % rows,
            "xl/externalLinks/externalLink1.xml": b'<externalLink xmlns="x"/>',
            "xl/connections.xml": b'<connections><connection id="1" odcFile="http://x.example/a.odc"/></connections>',
        }
    )
    assert read_sheet(content) == [["name"], ["kept value"]]


def test_an_entity_reads_no_file(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP-SECRET")
    rows = b'<row r="1"><c r="A1" t="inlineStr"><is><t>&leak;</t></is></c></row>'
    doctype = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY leak SYSTEM "file://%s">]>' % str(secret).encode()
    content = with_members(**{"xl/worksheets/sheet1.xml": doctype + SHEET % rows})
    try:
        read = read_sheet(content)
    except InvalidInput:
        return
    assert "TOP-SECRET" not in str(read)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(at=st.integers(0, len(PLAIN) - 1), byte=st.integers(0, 255), cut=st.integers(0, 60))
def test_a_damaged_workbook_is_read_or_refused_and_never_a_fault(at, byte, cut):
    damaged = bytearray(PLAIN)
    damaged[at] = byte
    try:
        rows = read_sheet(bytes(damaged[: len(damaged) - cut]))
    except InvalidInput:
        return
    assert all(isinstance(cell, str) for row in rows for cell in row)
