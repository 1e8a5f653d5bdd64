"""The catalogue as a file: complete, brought in again to the last digit, looked at first, never over a release."""

import io
import json
import time
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
from sqlalchemy import func, select

from lims.catalogue.budget_text import BudgetText, SourceLine
from lims.catalogue.budgets import budgets_of, draft_budget, release_budget
from lims.catalogue.exchange import export_catalogue, import_catalogue, preview_catalogue
from lims.catalogue.exchange_book import as_workbook, escaped, unescaped
from lims.catalogue.exchange_plan import Effect
from lims.catalogue.exchange_rows import Noun
from lims.catalogue.exchange_schemas import as_json, dumped, read_body, read_file
from lims.catalogue.method_text import text_of
from lims.catalogue.methods import methods_of_item, versions_of
from lims.catalogue.models import Limit
from lims.core.audit import AuditEvent, verify_chain
from lims.core.errors import InvalidInput, PermissionDenied, StaleVersion
from lims.core.permissions import Role
from lims.metrology.method_budgets import SourceKind
from tests.catalogue.making import plain
from tests.security.test_t08_formula_injection import PAYLOADS, RUNS
from tests.support.accounts import actor_of, make_account

D = Decimal
VERSION = {
    "result_kind": "number",
    "unit": "mg/kg",
    "formula": "mean(x) / (1 - @moisture / 100)",
    "round_to": "0.10",
    "significant": None,
    "lod": "0.50",
    "loq": "2",
    "range_low": None,
    "range_high": "1E+3",
    "conditions_required": True,
    "equipment_classes": ["balance", "drying_oven"],
    "inputs": [
        {
            "name": "x",
            "label_zh": "含量",
            "label_en": "=content",
            "unit": "mg/kg",
            "replicates": 2,
            "equipment_class": "balance",
            "low": "-1.0",
            "high": None,
            "typed": False,
        }
    ],
    "cases": [
        {
            "name": "手算",
            "figures": {"@moisture": "25", "x": "89.0, 91"},
            "expected": "120.00",
            "source": "by hand",
            "tolerance": None,
            "limit_kind": "max",
            "low": None,
            "high": "100",
            "comparison": "full_value",
            "verdict": "fail",
        }
    ],
}

SOURCE = {"quantity": "x", "kind": "rectangular", "label_zh": "称量", "label_en": "=weighing", "size": "0.20"}
SOURCE |= {"percent": True, "parameter": None, "dof": "9"}
BUDGET = {
    **{"item": "aluminium", "standard": "GB 2760-2024", "clause": "第一法"},
    **{"range_low": "1.0", "range_high": "1E+2", "k": None, "probability": "0.95", "cmc": "3"},
    **{"truncation": "nearest", "dominance": "0.30", "second_order": True, "rounding": "up", "digits": "1"},
    **{"cmc_percent": True, "note": "2026", "sources": [SOURCE, SOURCE | {"quantity": "@moisture"}]},
    "correlations": [{"one": "x", "other": "@moisture", "r": "-0.5", "together": True}],
}


def limit(**more) -> dict:
    plain_limit = dict.fromkeys(("low", "high", "n", "c", "m_small", "m_large", "valid_to"))
    said = {
        "item": "aluminium",
        "category": "F07.1",
        "standard": "GB 2760-2024",
        "kind": "max",
        "unit": "mg/kg",
    }
    rest = {"comparison": "full_value", "valid_from": "2025-02-08", "note": "附录 A"}
    rest |= {"not_detected": None, "members": []}
    return said | plain_limit | rest | {"high": "100.0"} | more


def item(code: str, **more) -> dict:
    said = {
        "code": code,
        "name_zh": f"{code}项",
        "name_en": f"Item {code}",
        "field": "food",
        "section": "chemistry",
    }
    return said | {"price": "60.50", "retest_allowed": True, "active": True} | more


def a_catalogue() -> dict:
    """Every noun and every field once, in the order of an export."""
    old = {"code": "GB 2760-2014", "title_zh": "旧", "title_en": "Old", "in_force_from": "2015-05-24"}
    new = {"code": "GB 2760-2024", "title_zh": "新", "title_en": "'New", "in_force_from": "2025-02-08"}
    nothing = {"withdrawn_from": None, "replaced_by": None, "transition_until": None}
    ends = {"withdrawn_from": "2025-02-08", "replaced_by": "GB 2760-2024", "transition_until": "2026-02-07"}
    return {
        "format": "lims-catalogue",
        "version": 1,
        "categories": [
            {"code": "F07", "name_zh": "焙烤食品", "name_en": "Bakery", "parent": None},
            {"code": "F07.1", "name_zh": "面包", "name_en": "Bread", "parent": "F07"},
        ],
        "standards": [old | ends, new | nothing],
        "items": [item("aluminium", retest_allowed=False), item("moisture", active=False), item("shares")],
        "methods": [
            {"item": "aluminium", "standard": "GB 2760-2024", "clause": "第一法", "preferred": False, "version": VERSION},
            {"item": "moisture", "standard": "GB 2760-2024", "clause": "", "preferred": True, "version": None},
        ],
        "budgets": [dict(BUDGET)],
        "limits": [
            limit(category=None, kind="plan", high=None, n=5, c=2, m_small="1E+4", m_large="1E+5", valid_to="2025-12-31"),
            limit(),
            limit(valid_from="2026-02-08", kind="not_permitted", high=None, comparison="rounded_value", note=""),
            limit(item="shares", kind="ratio_sum", unit="", high="1", not_detected="half_limit", members=["moisture", "aluminium"]),
        ],
        "packages": [
            {"code": "bread", "name_zh": "面包", "name_en": "Bread", "category": "F07.1", "items": ["moisture", "aluminium"], "active": True}
        ],
    }  # fmt: skip


def whole() -> dict:
    """As above, with the first bread limit ended where the second begins, as it stands after an import."""
    body = a_catalogue()
    body["limits"][1]["valid_to"] = "2026-02-07"
    return body


@pytest.fixture
def laboratory(catalogue):
    """Empty but for the section that items belong to."""
    catalogue.item_text("x")
    return catalogue


def bring_in(laboratory, body, **how):
    return import_catalogue(laboratory.uow, actor=laboratory.keeper, given=read_body(body), **how)


def effects(plan) -> dict[str, int]:
    return {effect.value: plan.count(effect) for effect in Effect if plan.count(effect)}


def test_what_was_exported_comes_in_to_an_empty_laboratory_and_out_again_the_same(session, laboratory):
    given = json.dumps(whole(), indent=2, ensure_ascii=False) + "\n"
    plan = bring_in(laboratory, whole())
    assert effects(plan) == {"new": 15}
    session.expire_all()
    out = as_json(export_catalogue(session)).decode()
    assert json.loads(out) == json.loads(given)
    assert as_json(read_body(json.loads(out))).decode() == out
    assert effects(bring_in(laboratory, json.loads(out))) == {"same": 15}


def test_a_workbook_says_the_same_as_the_json(session, laboratory):
    bring_in(laboratory, whole())
    session.expire_all()
    document = export_catalogue(session)
    again = read_file(as_workbook(document))
    assert dumped(again) == dumped(document)
    assert again.ignored == []


def test_a_superseding_limit_ends_the_one_before_and_a_second_time_changes_nothing(session, laboratory):
    plan = bring_in(laboratory, a_catalogue())
    assert [line.ends.valid_from for line in plan.lines if line.ends] == [date(2025, 2, 8)]
    assert effects(bring_in(laboratory, a_catalogue())) == {"same": 15}


def test_limits_that_stand_are_ended_with_an_event_each(session, laboratory):
    bring_in(laboratory, whole())
    body = whole()
    body["limits"][0]["valid_to"] = "2025-06-30"
    body["limits"].append(limit(valid_from="2027-01-01", high="80", note="new"))
    body["limits"].append(limit(item="shares", valid_from="2027-01-01", kind="ratio_sum", unit="", high="2"))
    body["limits"][-1] |= {"not_detected": "zero", "members": ["aluminium", "moisture"]}
    assert effects(bring_in(laboratory, body)) == {"same": 14, "changed": 1, "new": 2}
    session.expire_all()
    told = {
        (row.note, row.valid_to, row.version, tuple(one.item.code for one in row.members))
        for row in session.scalars(select(Limit).where(Limit.version > 1))
    }
    assert told == {
        ("附录 A", date(2025, 6, 30), 2, ()),
        ("", date(2026, 12, 31), 2, ()),
        ("附录 A", date(2026, 12, 31), 2, ("moisture", "aluminium")),
    }
    newest = session.scalars(select(Limit).order_by(Limit.id.desc())).first()
    assert newest is not None
    assert [one.item.code for one in newest.members] == ["aluminium", "moisture"]
    events = select(AuditEvent.verb).where(AuditEvent.object_type == "spec_limit").order_by(AuditEvent.seq)
    verbs = session.scalars(events).all()
    assert verbs[4:] == ["limit.end", "limit.supersede", "limit.supersede", "limit.add", "limit.add"]
    assert verify_chain(session)[1] is None


def test_a_released_version_stays_and_the_file_becomes_a_draft(session, laboratory):
    item_row = laboratory.measured("lead", plain("x"))
    body = dumped(export_catalogue(session))
    body["methods"][0]["version"]["formula"] = "2 * x"
    body["methods"][0]["version"]["cases"][0]["expected"] = "4"
    plan = preview_catalogue(session, actor=laboratory.keeper, given=read_body(body))
    assert [one.field for line in plan.writes for one in line.changes] == [
        "formula",
        f"case.{body['methods'][0]['version']['cases'][0]['name']}.expected",
    ]
    for _again in range(2):
        bring_in(laboratory, body)
        session.expire_all()
        rows = versions_of(session, [methods_of_item(session, item_row.id)[0].id])
        assert [(row.formula, row.released_at is None) for row in next(iter(rows.values()))] == [
            ("2 * x", True),
            ("x", False),
        ]
    body["methods"][0]["version"] |= {"formula": "3 * x", "cases": None}
    assert effects(bring_in(laboratory, body))["changed"] == 1
    session.expire_all()
    draft = next(iter(versions_of(session, [methods_of_item(session, item_row.id)[0].id]).values()))[0]
    assert (draft.number, draft.formula, len(text_of(draft).cases)) == (2, "3 * x", 1)


def test_a_released_budget_stays_and_the_file_becomes_a_draft(session, laboratory):
    item_row = laboratory.measured("lead", plain("x"))
    method_id = methods_of_item(session, item_row.id)[0].id
    source = SourceLine("x", SourceKind.STANDARD, "称量", "weighing", D("0.1"))
    made = draft_budget(
        laboratory.uow, actor=laboratory.keeper, method_id=method_id, text=BudgetText(sources=[source])
    )
    release_budget(laboratory.uow, actor=laboratory.keeper, budget_id=made.id)
    session.rollback()
    body = dumped(export_catalogue(session))
    body["budgets"][0]["k"] = "3"
    plan = preview_catalogue(session, actor=laboratory.keeper, given=read_body(body))
    assert [one.field for line in plan.writes for one in line.changes] == ["k"]
    body["budgets"].append(body["budgets"][0] | {"range_low": "100"})
    for new, changed in ((1, 1), (0, 0)):
        plan = bring_in(laboratory, body)
        assert (plan.count(Effect.NEW), plan.count(Effect.CHANGED)) == (new, changed)
        session.expire_all()
        assert [(row.number, row.k, row.released_at is None) for row in budgets_of(session, method_id)] == [
            (3, D(3), True),
            (2, D(3), True),
            (1, D(2), False),
        ]


WRONG = [
    ("items", 1, {"section": "nowhere"}, "section", "unknown_section"),
    ("items", 1, {"code": "Not A Code"}, "code", "bad_item"),
    ("items", 1, {"price": "a lot"}, "price", "bad_cell"),
    ("items", 1, {"nobody_asked": 1}, "nobody_asked", "bad_cell"),
    ("categories", 2, {"parent": "F99"}, "parent", "unknown_reference"),
    ("categories", 1, {"parent": "F07.1"}, "parent", "unknown_reference"),
    ("categories", 2, {"code": "F07"}, "", "row_twice"),
    ("standards", 1, {"in_force_from": "2026-01-01"}, "withdrawn_from", "standard_dates"),
    ("standards", 1, {"transition_until": "2025-01-01"}, "transition_until", "standard_transition"),
    ("standards", 2, {"replaced_by": "GB 2760-2024"}, "replaced_by", "standard_successor"),
    ("methods", 1, {"standard": "GB 1"}, "standard", "unknown_reference"),
    ("methods", 1, {"version": VERSION | {"cases": [VERSION["cases"][0] | {"expected": "?"}]}}, "cases.0.expected", "bad_case"),
    ("budgets", 1, {"clause": "第九法"}, "item", "unknown_reference"),
    ("budgets", 1, {"range_low": "1000"}, "range_high", "budget_range"),
    ("budgets", 1, {"sources": [SOURCE | {"size": "?"}]}, "sources.0.size", "bad_cell"),
    ("limits", 2, {"high": None}, "high", "limit_incomplete"),
    ("limits", 2, {"n": 5}, "n", "limit_figure_unused"),
    ("limits", 4, {"members": ["moisture", "shares"]}, "members", "limit_ratio_sum"),
    ("packages", 1, {"items": ["gold"]}, "items", "unknown_reference"),
    ("packages", 1, {"items": ["moisture", "moisture"]}, "items", "package_items"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "row", "said", "column", "code"), WRONG)
def test_a_row_that_is_not_right_is_named_with_its_column_and_holds_the_rest(
    session, laboratory, part, row, said, column, code
):
    body = a_catalogue()
    body[part][row - 1] |= said
    plan = preview_catalogue(session, actor=laboratory.keeper, given=read_body(body))
    told = [
        (f.place.sheet, f.place.row, f.column, f.code) for one in plan.of(Effect.REFUSED) for f in one.faults
    ]
    assert (part, row, column, code) in told
    with pytest.raises(InvalidInput) as refused:
        bring_in(laboratory, body)
    assert refused.value.code == "import_refused"
    session.rollback()
    assert session.scalar(select(func.count(Limit.id))) == 0


def test_the_good_rows_come_in_alone_where_somebody_says_so(session, laboratory):
    body = a_catalogue()
    body["items"][0]["price"] = "-1"
    plan = bring_in(laboratory, body, leave_out_refused=True)
    # the item, its method with the budget, its three limits, the sum that it shares and the package that holds it
    assert effects(plan) == {"new": 7, "refused": 8}
    session.expire_all()
    assert [one.row.code for one in export_catalogue(session).of(Noun.ITEMS)] == ["moisture", "shares"]


def test_a_limit_is_never_changed_by_a_file(session, laboratory):
    bring_in(laboratory, whole())
    for said, code in (
        ({"high": "90.0"}, "limit_differs"),
        ({"valid_to": "2027-01-01"}, "limit_ended"),
        ({"valid_from": "2024-01-01"}, "limit_overlap"),
    ):
        body = whole()
        body["limits"][1] |= said
        plan = preview_catalogue(session, actor=laboratory.keeper, given=read_body(body))
        assert [f.code for line in plan.of(Effect.REFUSED) for f in line.faults] == [code]


def test_a_fault_of_a_workbook_is_found_in_its_own_sheet(laboratory, session):
    bring_in(laboratory, whole())
    session.expire_all()
    book = openpyxl.load_workbook(io.BytesIO(as_workbook(export_catalogue(session))))
    book["inputs"]["H2"] = "many"  # replicates
    book["cases"].append(["gold", "GB 1", "", "a", "x = 1", "1", "b"])
    book["sources"]["J3"] = "much"  # size
    book["correlations"].append(["aluminium", "GB 2760-2024", "第一法", "7", "8", "x", "y", "1"])
    out = io.BytesIO()
    book.save(out)
    plan = preview_catalogue(session, actor=laboratory.keeper, given=read_file(out.getvalue()))
    told = {(f.place.sheet, f.place.row, f.column) for one in plan.of(Effect.REFUSED) for f in one.faults}
    assert told == {
        *{("inputs", 2, "replicates"), ("cases", 3, "item")},
        *{("sources", 3, "size"), ("correlations", 3, "item")},
    }


def test_what_was_looked_at_is_what_is_done(laboratory, session):
    plan = preview_catalogue(session, actor=laboratory.keeper, given=read_body(a_catalogue()))
    laboratory.item("moisture")
    with pytest.raises(StaleVersion):
        bring_in(laboratory, a_catalogue(), seen=plan.seen)


def test_who_may_not_edit_the_catalogue_brings_nothing_in(laboratory, uow, session):
    reader = actor_of(make_account(uow, Role.ANALYST))
    with pytest.raises(PermissionDenied):
        import_catalogue(uow, actor=reader, given=read_body(a_catalogue()))
    with pytest.raises(PermissionDenied):
        preview_catalogue(session, actor=reader, given=read_body(a_catalogue()))


def test_no_cell_of_the_workbook_is_a_formula_and_every_text_comes_back():
    texts = [*PAYLOADS, "'quoted", "''=x", "-1.0", "plain"]
    kept = [text for text in texts if text.isprintable()]
    assert [text for text in texts if escaped(text).startswith(RUNS)] == []
    assert [unescaped(escaped(text)) for text in kept] == kept


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "exchange_unreadable"),
        (b"\xff\xfe", "exchange_unreadable"),
        (b"[]", "exchange_format"),
        (b'{"format": "lims-catalogue", "version": 2}', "exchange_format"),
        (b'{"format": "lims-catalogue", "version": 1, "items": {}}', "exchange_list"),
        (b"PK\x05\x06" + bytes(18), "sheet_unknown"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), "sheet_encrypted"),
    ],
)
def test_what_is_no_catalogue_is_refused_in_a_sentence(content, code, app):
    with app.test_request_context(), pytest.raises(InvalidInput) as refused:
        read_file(content)
    assert refused.value.code == code


@pytest.mark.parametrize("row", [None, 1, "x", [], {"code": []}, {"code": "\x00"}, {"code": "\ud800"}])
@pytest.mark.parametrize("noun", list(Noun))
def test_no_row_whatsoever_is_a_fault_of_ours(laboratory, session, noun, row):
    body = {"format": "lims-catalogue", "version": 1, noun.value: [row]}
    plan = preview_catalogue(session, actor=laboratory.keeper, given=read_body(body))
    assert effects(plan) == {"refused": 1}


def test_the_page_shows_it_first_and_then_does_it(browser, reader, laboratory, session):
    import re

    body = json.dumps(a_catalogue() | {"surplus": []}).encode()
    page = browser.post(
        "/catalogue/exchange/look",
        data={"file": (io.BytesIO(body), "c.json")},
        content_type="multipart/form-data",
    )
    assert page.status_code == 200
    assert "surplus" in page.text
    assert "as a draft; what is released stays" in page.text
    sent = dict(re.findall(r'name="(content|seen)" value="([^"]*)"', page.text))
    assert reader.post("/catalogue/exchange", data=sent).status_code == 403
    done = browser.post("/catalogue/exchange", data=sent)
    assert "15 new rows" in done.text
    stale = browser.post("/catalogue/exchange", data=sent)
    assert stale.status_code == 409
    assert "stands in the catalogue already" in stale.text
    got = browser.get("/catalogue/exchange/catalogue.xlsx")
    assert "attachment" in got.headers["Content-Disposition"]
    assert dumped(read_file(got.data)) == json.loads(browser.get("/catalogue/exchange/catalogue.json").data)
    assert browser.get("/api/catalogue/export").json == json.loads(
        browser.get("/catalogue/exchange/catalogue.json").data
    )
    again = browser.post("/api/catalogue/import", json={"catalogue": json.loads(got_json(browser))})
    assert (again.json["same"], again.json["new"]) == (15, 0)


def got_json(browser) -> bytes:
    return browser.get("/catalogue/exchange/catalogue.json").data


@pytest.mark.campaign
def test_five_thousand_limits_come_in_while_somebody_waits(laboratory, session):
    body = a_catalogue() | {"limits": []}
    body["items"] = [item(f"item_{n}") for n in range(50)]
    body["methods"], body["budgets"], body["packages"] = [], [], []
    body["limits"] = [
        limit(item=f"item_{n % 50}", valid_from=f"{1990 + n // 50:04d}-01-01", note=str(n))
        for n in range(5_000)
    ]
    workbook = as_workbook(read_body(body))
    started = time.monotonic()
    given = read_file(workbook)
    read = time.monotonic()
    preview_catalogue(session, actor=laboratory.keeper, given=given)
    looked = time.monotonic()
    plan = import_catalogue(laboratory.uow, actor=laboratory.keeper, given=given)
    done = time.monotonic()
    print(f"read {read - started:.1f} s, look {looked - read:.1f} s, import {done - looked:.1f} s")
    assert plan.count(Effect.NEW) >= 5_000
    assert done - started < 30  # 4 s on two cores that do little else
