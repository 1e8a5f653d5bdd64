"""What differs between two budgets or limits, what happened to an item, and where a method is used."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from lims.catalogue.budget_text import BudgetText, CorrelationLine, SourceLine
from lims.catalogue.budgets import draft_budget
from lims.catalogue.compare import Change
from lims.catalogue.compare_others import (
    budgets_to_compare,
    compare_budgets,
    compare_limits,
    limits_to_compare,
)
from lims.catalogue.history import history_of_item
from lims.catalogue.limits import supersede_limit
from lims.catalogue.methods import methods_of_item
from lims.catalogue.packages import PackageText, create_package
from lims.core.errors import InvalidInput, NotFound
from lims.metrology.method_budgets import SourceKind
from tests.catalogue.making import plain

D = Decimal
SCALE = SourceLine("x", SourceKind.RESOLUTION, "分辨力", "Resolution", size=D("0.1"))
PURITY = SourceLine("x", SourceKind.RECTANGULAR, "纯度", "Purity", size=D("0.2"))


def changed(lines) -> dict[str, Change]:
    return {line.field: line.change for line in lines if line.change is not Change.SAME}


@pytest.fixture
def item(catalogue):
    return catalogue.measured("lead")


def test_budgets_differ_by_field_source_and_correlation(uow, session, catalogue, item):
    method = methods_of_item(session, item.id)[0]
    make = {"actor": catalogue.keeper, "method_id": method.id}
    text = BudgetText(sources=[SCALE, PURITY], correlations=[CorrelationLine("x", "y", D("0.5"))])
    first = draft_budget(uow, **make, text=text)
    finer = replace(SCALE, size=D("0.01"))
    second = draft_budget(uow, **make, text=replace(text, k=None, sources=[finer], correlations=[]))
    found = changed(compare_budgets(*budgets_to_compare(session, second.id, None)))
    assert found == {
        "k": Change.CHANGED,
        "source.x.size": Change.CHANGED,
        "source.x (2)": Change.REMOVED,
        "correlation.x, y": Change.REMOVED,
    }
    with pytest.raises(NotFound):
        budgets_to_compare(session, first.id, None)


def test_a_limit_is_compared_with_the_one_of_its_class_before(uow, session, catalogue, item):
    food = catalogue.category("food")
    catalogue.limit(item)
    old = catalogue.limit(item, food)
    text = catalogue.limit_text(item, food, valid_from=date(2026, 1, 1), high=D("0.50"), note="new")
    new = supersede_limit(uow, actor=catalogue.keeper, limit_id=old.id, version=1, text=text)
    found = changed(compare_limits(*limits_to_compare(session, new.id, None)))
    assert set(found) == {"standard", "high", "valid_from", "valid_to", "note"}  # 0.50 rounds elsewhere
    with pytest.raises(NotFound):
        limits_to_compare(session, old.id, None)
    with pytest.raises(InvalidInput):
        limits_to_compare(session, new.id, catalogue.limit(catalogue.item("tin")).id)


def test_the_history_of_an_item_holds_all_that_belongs_to_it_and_nothing_else(session, catalogue, item):
    catalogue.limit(item)
    catalogue.measured("tin")
    verbs = [one.event.verb for one in history_of_item(session, item.id).rows]
    assert verbs == [
        "limit.add",
        "method_version.release",
        "method_case.keep",
        "method_version.draft",
        "method.add",
        "test_item.add",
    ]


def test_the_pages_show_it(browser, session, uow, catalogue, item):
    other = catalogue.measured("dry_lead", plain("x / @lead"))
    create_package(uow, actor=catalogue.keeper, text=PackageText("metals", "金属", "Metals", [item.id]))
    method = methods_of_item(session, item.id)[0]
    page = browser.get(f"/catalogue/methods/{method.id}").text
    assert "Metals" in page
    assert f"/catalogue/items/{other.id}" in page
    row = catalogue.limit(item)
    text = catalogue.limit_text(item, valid_from=date(2026, 1, 1), high=D("0.1"))
    new = supersede_limit(uow, actor=catalogue.keeper, limit_id=row.id, version=1, text=text)
    address = f"/catalogue/limits/{new.id}/differences"
    assert address in browser.get(f"/catalogue/limits/{new.id}").text
    assert "0.5" in browser.get(address).text
    assert [one["field"] for one in browser.get(f"/api/limits/{new.id}/differences").json][:2] == [
        "standard",
        "kind",
    ]
    page = browser.get(f"/catalogue/items/{item.id}/history")
    assert "worked example: kept" in page.text
    assert browser.get(f"/api/test-items/{item.id}/history").json["items"][0]["verb"] == "limit.add"
