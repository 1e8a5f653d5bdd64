"""Samples pasted from a spreadsheet."""

import csv
import io
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lims.core.cells import read_date
from lims.core.errors import InvalidInput
from lims.core.sheets import split_text
from lims.intake.cells import read_shelf_life
from lims.intake.paste import faulty_csv, parse_paste
from tests.intake.makers import make_house

TODAY = date(2026, 11, 23)

# The demo day: twelve pastries, two of them faulty (a production date in the future, an unknown item).
PASTRIES = "样品名称\t规格\t批号\t生产日期\t数量\t检验项目\n" + "\n".join(
    f"蛋黄酥{n}\t50 g\tB{n}\t{day}\t10 个\t{items}"
    for n, day, items in [
        (1, "2026-11-10", "糕点套餐"),
        (2, "2026/11/10", "水分、铝的残留量"),
        (3, "2026年11月10日", "moisture; aluminium"),
        (4, "20261110", "水分"),
        (5, "2026-12-10", "糕点套餐"),
        (6, "2026-11-10", "水份"),
        (7, "2026-11-10", "Bakery"),
        (8, "2026-11-10", "菌落总数"),
        (9, "2026-11-10", "水分"),
        (10, "同上", "同上"),
        (11, "2026.11.10", "Pastry package"),
        (12, "2026-11-10", "Moisture，plate_count"),
    ]
)


def codes(paste):
    return {(f.row, f.field, f.code) for f in paste.faults}


def test_the_two_faulty_rows_of_the_demo_day_are_named_and_can_be_downloaded(uow):
    house = make_house(uow)
    paste = parse_paste(uow.session, PASTRIES, TODAY)
    assert codes(paste) == {(5, "produced_on", "produced_in_future"), (6, "items", "unknown_item")}
    assert "水分" in next(f.sentence for f in paste.faults if f.row == 6)
    assert len(paste.samples) == 10
    assert {s.produced_on for s in paste.samples} == {date(2026, 11, 10)}
    tenth = paste.rows[9].sample
    assert (tenth.produced_on, tenth.items) == (date(2026, 11, 10), (house.items["moisture"],))
    assert paste.rows[2].sample.items == (house.items["moisture"], house.items["aluminium"])
    assert paste.rows[0].sample.packages == paste.rows[6].sample.packages == (house.package,)
    table = list(csv.reader(io.StringIO(faulty_csv(paste).decode("utf-8-sig"))))
    assert [row[0] for row in table[1:]] == ["蛋黄酥5", "蛋黄酥6"]
    assert [row[6] for row in table[1:]] == ["5", "6"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("\t\tB\t\t\t\t\t水分", ("name", "name_missing")),
        ("饼\t\t\t2026-13-01\t\t\t\t水分", ("produced_on", "bad_date")),
        ("饼\t\t\t2026-11-01\t2026-10-01\t\t\t水分", ("expires_on", "expires_before_produced")),
        ("饼\t\t\t\t\t-3 个\t\t水分", ("quantity", "bad_quantity")),
        ("饼\t\t\t\t\t0\t\t水分", ("quantity", "bad_quantity")),
        ("饼\t\t\t\t\t\t\t", ("items", "no_tests")),
        (f"{'饼' * 161}\t\t\t\t\t\t\t水分", ("name", "too_long")),
        ("同上\t\t\t\t\t\t\t水分", ("name", "nothing_above")),
        ("饼\t\t\t\t\t\t\t水分\t多的", ("name", "too_many_cells")),
        ("饼\x01\t\t\t\t\t\t\t水分", ("name", "bad_character")),
    ],
)
def test_each_kind_of_fault_is_told(uow, line, fault):
    make_house(uow)
    found = {(f.field, f.code) for f in parse_paste(uow.session, line, TODAY).faults}
    assert fault in found


def test_two_equal_rows_are_told_and_a_comma_table_with_english_headings_is_read(uow):
    house = make_house(uow)
    text = 'Items,Name,Shelf life,Production date,Remark\n"moisture",Cake,6 months,2026-08-31,x\nmoisture,Cake,1y,2026/08/31,'
    paste = parse_paste(uow.session, text, TODAY)
    assert codes(paste) == {(2, "name", "duplicate_row")}
    first = paste.rows[0].sample
    assert (first.name, first.expires_on, first.items) == (
        "Cake",
        date(2027, 2, 28),
        (house.items["moisture"],),
    )
    assert paste.ignored == ("Remark",)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "nothing_pasted"),
        (" \n\t\n", "nothing_pasted"),
        ("样品名称\t批号", "nothing_pasted"),
        ("饼\n" * 501, "too_many_samples"),
        ("x" * 1000001, "too_much_text"),
        ("a\x00", "bad_character"),
        ("饼" + "\tx" * 61, "too_many_columns"),
    ],
)
def test_nothing_and_far_too_much_are_refused(uow, text, code):
    with pytest.raises(InvalidInput) as refused:
        parse_paste(uow.session, text, TODAY)
    assert refused.value.code == code


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet='\t\n\r",;，同上饼20261/-年月日=\x1f\ud800a ', max_size=60))
def test_whatever_is_pasted_gets_an_answer(uow, text):
    try:
        paste = parse_paste(uow.session, text, TODAY)
    except InvalidInput:
        return
    assert all(1 <= f.row <= len(paste.rows) for f in paste.faults)
    faulty_csv(paste).decode("utf-8-sig")


def test_dates_and_shelf_lives():
    assert read_date("2026-11-22 00:00:00") == date(2026, 11, 22)
    assert read_date("２０２６年１１月２２日") == date(2026, 11, 22)
    assert read_date("22.11.2026") is None
    assert read_date("46348") is None
    assert read_shelf_life("180天", date(2026, 1, 1)) == date(2026, 6, 30)
    assert read_shelf_life("9999 years", date(2026, 1, 1)) is None


def test_quoted_cells_may_hold_tabs_and_lines():
    assert split_text('"a\tb\nc"\td\n') == [["a\tb\nc", "d"]]


def test_formulas_in_the_download_are_only_text(uow):
    make_house(uow)
    paste = parse_paste(uow.session, "=1+1\t+x\t@y\t-z\t\t\t\t?", TODAY)
    row = list(csv.reader(io.StringIO(faulty_csv(paste).decode("utf-8-sig"))))[1]
    assert row[:4] == ["'=1+1", "'+x", "'@y", "'-z"]
