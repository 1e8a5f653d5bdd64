"""T10: a small file that unpacks to a huge one costs at most the limits of its reader."""

import io
import resource
import time
import zipfile

import pytest

from lims.core.errors import InvalidInput
from lims.core.sheet_child import MAX_CELLS, MAX_ROWS, MEMORY
from lims.core.sheets import TIMEOUT_S, read_sheet
from tests.intake.desk import desk
from tests.intake.makers import make_house
from tests.security.test_t09_hostile_imports import SHEET, with_members

PATIENCE_S = TIMEOUT_S + 5  # the limit, and what starting a process costs on a busy machine


def zeros() -> bytes:
    return with_members(**{"xl/worksheets/sheet1.xml": b"<a>" + b"0" * 100_000_000})


def many_cells() -> bytes:
    """Four million cells in a file of some hundred kilobytes."""
    row = b"<c><v>1</v></c>" * 2_000
    rows = b"".join(b'<row r="%d">%s</row>' % (n, row) for n in range(1, 2_001))
    return with_members(**{"xl/worksheets/sheet1.xml": SHEET % rows})


def far_corner() -> bytes:
    rows = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    return with_members(**{"xl/worksheets/sheet1.xml": SHEET % rows})


def shared_strings() -> bytes:
    """One long string that every cell points to."""
    text = b"<si><t>" + b"x" * 32_000_000 + b"</t></si>"
    table = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' + text + b"</sst>"
    cells = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (n, n) for n in range(1, 1_500))
    return with_members(**{"xl/sharedStrings.xml": table, "xl/worksheets/sheet1.xml": SHEET % cells})


def many_members() -> bytes:
    return with_members(**{f"xl/media/{n}.bin": b"x" for n in range(3_000)})


def laughs() -> bytes:
    entities = b"".join(
        b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"lol" * 10) for n in range(12)
    )
    rows = b'<row r="1"><c r="A1" t="inlineStr"><is><t>&l11;</t></is></c></row>'
    body = b'<?xml version="1.0"?><!DOCTYPE w [' + entities + b"]>" + SHEET % rows
    return with_members(**{"xl/worksheets/sheet1.xml": body})


def nested() -> bytes:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(50_000_000))
    return with_members(**{"xl/embeddings/a.xlsx": inner.getvalue()})


BOMBS = {f.__name__: f for f in (zeros, many_cells, far_corner, shared_strings, many_members, laughs, nested)}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_within_time_and_memory_and_gives_little(name):
    content = BOMBS[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    try:
        rows = read_sheet(content)
    except InvalidInput:
        pass  # which reason it is depends on the limit that spoke first
    else:
        assert len(rows) <= MAX_ROWS
        assert max(map(len, rows), default=0) <= MAX_CELLS + 1
        assert sum(len(cell) for row in rows for cell in row) < 5_000_000
    assert time.monotonic() - started < PATIENCE_S
    # Of the child nothing is left, and the server itself has not grown by what the bomb holds (ru_maxrss: KiB).
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY / 1024


def test_a_bomb_sent_to_the_page_is_refused_and_the_server_goes_on(app, uow):
    make_house(uow)
    browser = desk(app, uow)
    form = {"file": (io.BytesIO(zeros()), "x.xlsx"), "samples-0-name": "KEEP-ME"}
    page = browser.post("/orders/new/look", data=form, content_type="multipart/form-data")
    assert page.status_code == 422
    assert "KEEP-ME" in page.text
    assert browser.get("/orders/new").status_code == 200


def test_a_cell_of_thousands_of_unknown_words_costs_no_minute(app, uow):
    """Looking for what was meant is dear: a sheet gets some suggestions, not one for each word."""
    make_house(uow)
    browser = desk(app, uow)
    words = "、".join(f"没有{n}" for n in range(15_000))
    lines = "\n".join(f"糕{n}\tB\t\t\t\t\t\t没有{n}、也没有{n}" for n in range(400))
    started = time.monotonic()
    assert browser.post("/api/orders/paste", json={"text": f"糕\tB\t\t\t\t\t\t{words}"}).status_code == 200
    assert browser.post("/api/orders/paste", json={"text": lines}).status_code == 200
    assert time.monotonic() - started < 10
