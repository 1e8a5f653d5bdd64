"""Uncertainty budgets on page and in the API: drafted, tried, released, never changed afterwards."""

from decimal import Decimal as D

import pytest
from sqlalchemy import text

from lims.catalogue.models import MethodVersion, UncertaintyBudget
from tests.support.laboratory import make_laboratory

SOURCE = {
    "quantity": "found",
    "kind": "standard",
    "size": "5",
    "percent": True,
    "label_zh": "方法",
    "label_en": "method",
}


@pytest.fixture
def method_id(uow):
    laboratory = make_laboratory(uow)
    return uow.session.get_one(MethodVersion, laboratory.versions["melamine"]).method_id


@pytest.fixture
def budget(browser, method_id):
    made = browser.post(f"/api/methods/{method_id}/budgets", json={"text": {"k": "2", "sources": [SOURCE]}})
    assert made.status_code == 201, made.text
    return made.json


def path(budget, *more):
    return "/".join((f"/api/uncertainty-budgets/{budget['id']}", *more))


def test_a_budget_is_tried_released_and_then_stays(browser, budget, method_id):
    tried = browser.post(path(budget, "try"), json={"figures": {"found": "2.4"}}).json
    assert (tried["value"], tried["expanded_uncertainty"], tried["coverage_factor"]) == ("2.4", "0.3", "2")
    assert tried["lines"] == [
        {
            "quantity": "found",
            "source": 0,
            "evaluation": "B",
            "distribution": "normal",
            "standard_uncertainty": "0.12",
            "sensitivity": "1",
            "sensitivity_formula": "1",
            "contribution": "0.12",
            "share": "1.0000",
        }
    ]
    released = browser.post(path(budget, "release"), json={"version": budget["version"]}).json
    assert released["state"] == "in_use"
    change = {"version": released["version"], "text": {"sources": [SOURCE]}}
    assert browser.put(path(budget), json=change).json["code"] == "budget_released"
    again = browser.post(path(budget, "release"), json={"version": released["version"]})
    assert again.json["code"] == "budget_released"
    assert browser.post(path(budget, "retire"), json={"reason": "revised"}).json["state"] == "retired"
    assert browser.post(path(budget, "retire"), json={"reason": "x"}).json["code"] == "budget_not_in_use"
    assert len(browser.get(f"/api/methods/{method_id}/budgets").json) == 1


def test_the_next_draft_is_a_copy_and_its_release_retires_what_it_overlaps(browser, budget, method_id):
    browser.post(path(budget, "release"), json={"version": 1})
    copy = browser.post(f"/api/methods/{method_id}/budgets", json={}).json
    assert (copy["number"], copy["state"], copy["sources"][0]["size"]) == (2, "draft", "5")
    browser.post(path(copy, "release"), json={"version": copy["version"]})
    states = [row["state"] for row in browser.get(f"/api/methods/{method_id}/budgets").json]
    assert states == ["in_use", "retired"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sources": []}, "sources"),
        ({"sources": [{**SOURCE, "quantity": "other"}]}, "sources"),
        ({"sources": [{**SOURCE, "size": None}]}, "sources"),
        ({"sources": [{**SOURCE, "kind": "expanded"}]}, "sources"),
        ({"sources": [SOURCE], "k": "0"}, "sources"),
        ({"sources": [SOURCE], "dominance": "1"}, "sources"),
        ({"sources": [SOURCE], "correlations": [{"one": "found", "other": "(result)"}]}, "sources"),
        ({"sources": [SOURCE], "range_low": "5", "range_high": "1"}, "range_high"),
    ],
)
def test_what_is_wrong_is_said_before_release(browser, method_id, change, field):
    made = browser.post(f"/api/methods/{method_id}/budgets", json={"text": change}).json
    refused = browser.post(path(made, "release"), json={"version": made["version"]})
    assert (refused.status_code, refused.json["code"]) == (422, "bad_budget")
    assert list(refused.json["fields"]) == [field]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_one_dominant_rectangle_has_its_own_factor_and_u_the_digits_that_were_asked(browser, method_id):
    """EA-4/02 S9: 0.05 V half width, u 0.030 V, k 1.65, U 0.05 V."""
    made = browser.post(
        f"/api/methods/{method_id}/budgets",
        json={
            "text": {
                "k": "2",
                "dominance": "0.3",
                "digits": "1",
                "rounding": "nearest",
                "sources": [
                    {**SOURCE, "kind": "rectangular", "size": "0.05", "percent": False},
                    {
                        **SOURCE,
                        "kind": "curved_trapezoidal",
                        "size": "0.011",
                        "parameter": "0.1",
                        "percent": False,
                    },
                ],
            }
        },
    ).json
    tried = browser.post(path(made, "try"), json={"figures": {"found": "100.1"}}).json
    assert tried["coverage_shape"] == "rectangular"
    assert tried["coverage_factor"].startswith("1.645")
    page = browser.post(f"/catalogue/budgets/{made['id']}/try", data={"figures-found": "100.1"}).text
    assert "one dominant rectangle" in page
    assert (tried["effective_dof"], tried["second_order"]) == (None, [])


def test_a_stale_version_is_refused_and_a_reader_may_only_try(browser, reader, budget):
    assert browser.post(path(budget, "release"), json={"version": 9}).json["code"] == "stale_version"
    assert reader.post(path(budget, "release"), json={"version": 1}).status_code == 403
    assert reader.post(path(budget, "try"), json={"figures": {"found": "x"}}).status_code == 422
    assert reader.get(f"/catalogue/budgets/{budget['id']}").status_code == 200


def test_counts_have_no_budget(browser, uow):
    laboratory = make_laboratory(uow)
    method_id = uow.session.get_one(MethodVersion, laboratory.versions["plate_count"]).method_id
    made = browser.post(f"/api/methods/{method_id}/budgets", json={"text": {"sources": [SOURCE]}}).json
    assert browser.post(path(made, "release"), json={"version": 1}).json["code"] == "budget_no_formula"


def test_the_database_itself_keeps_a_released_budget(browser, budget, uow, database):
    browser.post(path(budget, "release"), json={"version": 1})
    uow.session.rollback()
    for statement in (
        "UPDATE uncertainty_budget SET k = '3'",
        "UPDATE budget_source SET size = '1'",
        "DELETE FROM budget_source",
    ):
        with pytest.raises(Exception, match="never changed"), database.engine.begin() as connection:
            connection.execute(text(statement))


def test_the_pages_draft_edit_try_and_release(browser, method_id, uow):
    opened = browser.post(f"/catalogue/methods/{method_id}/budgets/draft", follow_redirects=True)
    assert 'name="sources-0-quantity"' in opened.text
    uow.session.rollback()
    row = uow.session.query(UncertaintyBudget).one()
    address = f"/catalogue/budgets/{row.id}"
    assert "at least one source" in browser.get(address).text
    form = {
        "version": row.version,
        "k": "2",
        "probability": "0.95",
        "sources-0-quantity": "found",
        "sources-0-kind": "triangular",
        "sources-0-size": "half",
        "sources-0-percent": "false",
        "sources-0-label_zh": "读数",
        "sources-0-label_en": "reading",
    }
    faulty = browser.post(f"{address}/edit", data=form)
    assert faulty.status_code == 422
    assert 'value="half"' in faulty.text  # nothing typed is lost
    saved = browser.post(f"{address}/edit", data={**form, "sources-0-size": "0.6"}, follow_redirects=True)
    assert "triangular, half width" in saved.text
    tried = browser.post(f"{address}/try", data={"figures-found": "2.4"}).text
    assert "U = 0.5" in tried  # 2 * 0.6 / sqrt 6 = 0.49, not finer than 0.1
    assert '<rect class="share-bar" width="100.0"' in tried
    wrong = browser.post(f"{address}/try", data={"figures-found": "many"})
    assert wrong.status_code == 422
    assert 'value="many"' in wrong.text
    uow.session.rollback()
    version = uow.session.get_one(UncertaintyBudget, row.id).version
    browser.post(f"{address}/release", data={"version": version})
    uow.session.rollback()
    stored = uow.session.get_one(UncertaintyBudget, row.id)
    assert (stored.released_at is not None, stored.sources[0].size) == (True, D("0.6"))
    page = browser.get(f"/catalogue/methods/{method_id}").text
    assert address in page
    assert "in use" in page
