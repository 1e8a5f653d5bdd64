"""Monte Carlo on the page of a budget and in the API: run from a seed, compared with the GUM, kept as evidence."""

from decimal import Decimal as D

import orjson
import pytest
from sqlalchemy import select, text

from lims.catalogue import simulations
from lims.catalogue.models import MethodVersion
from lims.catalogue.simulation_models import BudgetSimulation
from lims.core.audit import AuditEvent
from tests.support.laboratory import make_laboratory

RECTANGLE = {
    "quantity": "found",
    "kind": "rectangular",
    "size": "0.3",
    "label_zh": "读数",
    "label_en": "reading",
}
FIGURES = {"figures": {"found": "2.4"}}


@pytest.fixture
def method_id(uow):
    laboratory = make_laboratory(uow)
    return uow.session.get_one(MethodVersion, laboratory.versions["melamine"]).method_id


@pytest.fixture
def address(browser, method_id):
    """Of a budget with two equal rectangles: their sum is a triangle."""
    body = {"text": {"k": "2", "sources": [RECTANGLE, RECTANGLE]}}
    made = browser.post(f"/api/methods/{method_id}/budgets", json=body)
    assert made.status_code == 201, made.text
    return f"/api/uncertainty-budgets/{made.json['id']}"


def simulate(browser, address, **more):
    return browser.post(f"{address}/simulate", json=FIGURES | more)


def test_equal_sources_are_independent_and_the_seed_repeats_every_digit(browser, address):
    first = simulate(browser, address, finer=5).json
    assert first["settled"] is True
    assert abs(D(first["standard_uncertainty"]) - D("0.2449")) < D("0.0005")  # 0.3 * sqrt(2 / 3)
    edge = D("0.6") * (1 - D("0.05").sqrt())  # a triangle of half width 0.6 leaves 5 % outside
    assert abs(D(first["symmetric"]["high"]) - D("2.4") - edge) < D("0.002")
    again = simulate(browser, address, finer=5, seed=first["seed"]).json
    assert again == first
    other = simulate(browser, address, finer=5, seed=first["seed"] + 1).json
    assert other["value"] != first["value"]
    against = first["against_symmetric"]
    assert (against["holds"], against["delta"], first["decisive"]) == (False, "0.005", True)
    assert abs(D(against["high_difference"]) - (D("1.959964") * D("0.244949") - edge)) < D("0.002")


def test_a_run_that_uses_up_its_draws_says_that_it_has_not_settled(browser, address):
    run = simulate(browser, address, most=200_000, finer=100, probability="0.999").json
    assert (run["settled"], run["cut_short"], run["draws"]) == (False, False, 200_000)


def test_a_run_that_its_time_ended_is_repeated_by_its_number_of_draws(browser, address, monkeypatch):
    monkeypatch.setattr(simulations, "MOST_SECONDS", 0.0)
    short = simulate(browser, address, finer=100).json
    assert (short["settled"], short["cut_short"], short["draws"]) == (False, True, 20_000)
    monkeypatch.undo()
    asked = {"finer": 100, "most": short["most"], "seed": short["seed"]}
    kept = browser.post(f"{address}/simulations", json=FIGURES | asked).json
    assert (kept["value"], kept["draws"]) == (short["value"], 20_000)


def test_what_cannot_be_run_is_refused(browser, address):
    for more, field in (
        ({"probability": "0.9999"}, "probability"),
        ({"seed": -1}, "seed"),
        ({"most": 10**9}, "most"),
        ({"figures": {"found": "x"}}, "figures.found"),
        ({"figures": {"found": "1e14"}}, "figures"),  # beside it 0.3 is lost in a float
    ):
        refused = simulate(browser, address, **more)
        assert (refused.status_code, list(refused.json["fields"])) == (422, [field])


def test_a_kept_run_is_evidence_that_the_release_names(browser, reader, address, uow, database):
    asked = FIGURES | {"seed": 7, "digits": 1}
    assert reader.post(f"{address}/simulations", json=asked).status_code == 403
    key = {"Idempotency-Key": "twice"}
    kept = browser.post(f"{address}/simulations", json=asked, headers=key).json
    assert browser.post(f"{address}/simulations", json=asked, headers=key).json == kept
    run = simulate(browser, address, seed=7, digits=1).json
    assert kept["symmetric_low"] == run["symmetric"]["low"]
    assert (kept["validated"], kept["figures"]) == (True, {"found": "2.4"})
    change = {"version": 1, "text": {"k": "3", "sources": [RECTANGLE]}}
    assert browser.put(address, json=change).status_code == 200
    later = browser.post(f"{address}/simulations", json=asked).json
    assert reader.get(f"{address}/simulations").json == [later, kept]
    page = browser.get(address.replace("/api/uncertainty-budgets", "/catalogue/budgets")).text
    assert page.count("of an earlier text") == 1
    assert browser.post(f"{address}/release", json={"version": 2}).json["state"] == "in_use"
    uow.session.rollback()
    released = select(AuditEvent).where(AuditEvent.verb == "uncertainty_budget.release")
    event = uow.session.scalars(released).one()
    assert orjson.loads(event.after)["simulations"] == [later["id"]]
    with pytest.raises(Exception, match="never changed"), database.engine.begin() as connection:
        connection.execute(text("UPDATE budget_simulation SET seed = 8"))


def test_the_page_runs_keeps_and_repeats(browser, address, uow):
    page = address.replace("/api/uncertainty-budgets", "/catalogue/budgets")
    asked = {"figures-found": "2.4", "probability": "0.95", "digits": "1", "finer": "5", "most": "1000000"}
    asked |= {"finite_dof": "student", "seed": "11"}
    shown = browser.post(f"{page}/simulate", data=asked).text
    assert "Propagate by Monte Carlo" in browser.post(f"{page}/try", data={"figures-found": "2.4"}).text
    assert 'class="drawn' in shown
    assert "U = 0.5" in shown  # the law of propagation stands above it
    wrong = browser.post(f"{page}/simulate", data={**asked, "seed": "my birthday"})
    assert wrong.status_code == 422
    assert 'value="my birthday"' in wrong.text
    kept = browser.post(f"{page}/simulations", data=asked, follow_redirects=True).text
    assert "Monte Carlo runs that were kept" in kept
    uow.session.rollback()
    row = uow.session.scalars(select(BudgetSimulation)).one()
    assert (row.seed, str(row.symmetric_low) in kept) == (11, False)  # the page shows four digits of u


def test_draws_that_scatter_too_much_validate_nothing():
    within = {"low_difference": D("0.003"), "high_difference": D("0.001"), "delta": D("0.005")}
    assert BudgetSimulation(**within, decisive=True).validated is True
    assert BudgetSimulation(**within, decisive=False).validated is None
