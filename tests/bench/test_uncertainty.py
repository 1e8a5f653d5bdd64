"""From a released budget to the result: its uncertainty, the agreed rule's verdict, and the page that explains it."""

from decimal import Decimal as D

import orjson
import pytest

from lims.catalogue.budget_text import BudgetText, SourceLine
from lims.catalogue.budgets import retire_budget
from lims.core.permissions import SYSTEM
from lims.intake.models import RequestedTest
from lims.metrology.method_budgets import SourceKind
from tests.support.accounts import sign_in
from tests.support.laboratory import make_budget

# 5 % of the value, k = 2: 0.24 for 2.4, which the method's rounding to 0.1 makes 0.3.
FIVE_PERCENT = SourceLine("found", SourceKind.STANDARD, "方法", "method", D(5), percent=True)


@pytest.fixture
def melamine(uow, laboratory, clock):
    """A budget is in use; a moment later orders come."""
    row = make_budget(uow, laboratory, "melamine", BudgetText(sources=[FIVE_PERCENT]))
    clock.advance(seconds=60)
    return row


def measured(bench, text, **order):
    _sheet, test = bench.entered("melamine", {"found": text}, category="milk_powder", **order)
    return bench.version(test)


def test_a_result_has_the_uncertainty_of_the_budget_in_use(bench, melamine):
    version = measured(bench, "2.4")
    assert (version.expanded_uncertainty, version.coverage_factor) == (D("0.3"), D(2))
    assert version.budget_id == melamine.id
    assert (version.reported, version.verdict.value) == ("2.4", "pass")  # simple acceptance is what it was
    notes = orjson.loads(version.explanation)
    assert notes["uncertainty"]["lines"][0]["label_en"] == "method"
    assert notes["decision"]["rule"] == "simple-acceptance"
    assert 0 < D(notes["decision"]["false_accept"]) < D("0.5")


@pytest.mark.parametrize("text", ["0.1", "1.9"])
def test_what_is_not_quantified_has_no_uncertainty(bench, melamine, text):
    """Below the detection limit, and below the quantification limit."""
    version = measured(bench, text)
    assert (version.expanded_uncertainty, version.budget_id) == (None, None)


@pytest.mark.parametrize(
    ("rule", "text", "verdict", "reason"),
    [
        ("simple-acceptance", "2.4", "pass", ""),
        ("guarded-acceptance", "2.4", "fail", ""),  # AL = 2.5 - 0.3
        ("guarded-acceptance", "2.2", "pass", ""),
        ("guarded-acceptance-0.83", "2.3", "fail", ""),  # AL = 2.251
        ("proven-both-ways", "2.4", "not_judged", "within_guard_band"),
        ("proven-both-ways", "2.9", "fail", ""),
        ("four-zones", "2.4", "pass", ""),
        ("guarded-rejection", "2.7", "pass", ""),  # AL = 2.5 + 0.3
    ],
)
def test_the_agreed_rule_gives_the_verdict(bench, melamine, rule, text, verdict, reason):
    version = measured(bench, text, decision_rule=rule)
    assert (version.verdict.value, version.verdict_reason) == (verdict, reason)
    assert orjson.loads(version.explanation)["decision"]["rule"] == rule


def test_without_a_budget_the_agreed_rule_gives_no_verdict_and_simple_acceptance_its_old_one(bench):
    version = measured(bench, "2.4", decision_rule="guarded-acceptance")
    assert (version.verdict.value, version.verdict_reason) == ("not_judged", "uncertainty_missing")
    plain = measured(bench, "2.4")
    assert plain.verdict.value == "pass"
    assert "uncertainty" not in orjson.loads(plain.explanation)


def test_a_limit_that_takes_no_guard_band_is_judged_as_ever(bench):
    """A sampling plan: an order that agreed on a rule for its figures does not lose these verdicts."""
    counts = ["9.0e3", "1.2e4", "8.5e3", "3.1e4", "7.0e3"]
    _sheet, test = bench.entered("plate_count", {"count": counts}, decision_rule="guarded-acceptance")
    version = bench.version(test)
    assert version.verdict.value == "pass"
    assert "decision" not in orjson.loads(version.explanation)


def test_an_order_keeps_to_the_budget_of_its_day(bench, uow, laboratory, melamine, clock):
    before = bench.tests("melamine", category="milk_powder")[0]["melamine"]
    clock.advance(seconds=60)
    wider = SourceLine("found", SourceKind.STANDARD, "方法", "method", D(10), percent=True)
    newer = make_budget(uow, laboratory, "melamine", BudgetText(sources=[wider]))
    assert bench.session.get_one(type(melamine), melamine.id).retired_at is not None
    clock.advance(seconds=60)
    bench.enter(bench.sheet(before), before, {"found": "2.4"})
    assert bench.version(before).budget_id == melamine.id
    assert measured(bench, "2.4").budget_id == newer.id
    retire_budget(uow, actor=SYSTEM, budget_id=newer.id, why="revised")
    clock.advance(seconds=60)
    assert measured(bench, "2.4").budget_id is None


def test_ranges_of_the_result_have_their_own_budgets(bench, uow, laboratory, clock):
    low = make_budget(uow, laboratory, "melamine", BudgetText(range_high=D(5), sources=[FIVE_PERCENT]))
    high = make_budget(uow, laboratory, "melamine", BudgetText(range_low=D(5), sources=[FIVE_PERCENT]))
    clock.advance(seconds=60)
    assert measured(bench, "2.4").budget_id == low.id
    assert measured(bench, "50").budget_id == high.id


def test_a_budget_that_gives_nothing_for_these_figures_says_so(bench, uow, laboratory, clock):
    """A type A source where the method has one reading."""
    line = SourceLine("found", SourceKind.READINGS, "重复性", "repeatability")
    row = make_budget(uow, laboratory, "melamine", BudgetText(sources=[line]))
    clock.advance(seconds=60)
    version = measured(bench, "2.4")
    assert version.expanded_uncertainty is None
    said = orjson.loads(version.explanation)["uncertainty"]
    assert said == {"budget_id": row.id, "number": 1, "missing": "budget_readings"}


def test_the_uncertainty_follows_through_the_dry_basis(bench, uow, laboratory, clock):
    line = SourceLine("@moisture", SourceKind.EXPANDED, "水分", "moisture", D("0.6"), parameter=D(2))
    make_budget(uow, laboratory, "aluminium", BudgetText(sources=[line]))
    clock.advance(seconds=60)
    tests = bench.tests("moisture", "aluminium")[0]
    bench.weigh(bench.sheet(tests["moisture"]), tests["moisture"], "28.4517", "33.4629", "32.4607")
    bench.enter(bench.sheet(tests["aluminium"]), tests["aluminium"], {"as_is": "79.8"})
    version = bench.version(tests["aluminium"])
    # y / (100 - w) * U(w) = 99.75 / 80.0 * 0.6
    assert version.expanded_uncertainty == D("0.8")


def test_the_page_explains_it_and_agrees(bench, app, laboratory, melamine):
    version = measured(bench, "2.4", decision_rule="proven-both-ways")
    browser = sign_in(app.test_client(), laboratory.accounts["analyst"])
    page = browser.get(f"/explain/{version.id}?lang=en").text
    for part in (
        "U = 0.3",
        "k = 2",
        f"/catalogue/budgets/{melamine.id}",
        "100.0",
        "≤2.2",
        "neither pass nor fail",
    ):
        assert part in page, part
    assert "agrees to the last digit" in page
    assert "± 0.3" in browser.get(f"/samples/{bench.session.get_one(RequestedTest, 1).sample_id}").text
    shown = browser.get(f"/api/result-versions/{version.id}/explain").json["version"]
    assert shown["expanded_uncertainty"] == "0.3"


def test_the_worksheet_says_it_beside_the_value_and_follows_a_change(bench, app, laboratory, melamine):
    sheet, test = bench.entered("melamine", {"found": "2.4"}, category="milk_powder")
    browser = sign_in(app.test_client(), laboratory.accounts["analyst"])
    assert 'data-show="uncertainty">U = 0.3 (k = 2)</span>' in browser.get(f"/worksheets/{sheet}").text
    assert "U = 0.3 (k = 2)" in browser.get(f"/worksheets/{sheet}/record").text

    def shown(value):
        cell = f"/api/worksheets/{sheet}/tests/{test}/cells/found-1"
        return browser.put(cell, json={"value": value}).json["show"]["uncertainty"]

    assert shown("6.0") == "U = 0.6 (k = 2)"
    assert shown("0.1") == ""  # not detected: the old one does not stay behind
