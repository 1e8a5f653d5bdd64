"""JSON face of Monte Carlo runs of an uncertainty budget."""

from typing import Any

from lims.catalogue import simulations
from lims.catalogue.budget_api import BUDGET
from lims.catalogue.json_face import blueprint, refusals
from lims.catalogue.simulation_models import BudgetSimulation
from lims.catalogue.simulation_schemas import (
    KeptSimulationDump,
    SimulationDump,
    SimulationKeepLoad,
    SimulationLoad,
)
from lims.catalogue.simulations import Simulation
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work


@blueprint.route(f"{BUDGET}/simulate", methods=["POST"])
@blueprint.arguments(SimulationLoad, as_kwargs=True)
@blueprint.response(200, SimulationDump)
@refusals(404, 422)
def simulate_budget(budget_id: int, **values: Any) -> Simulation:
    """The budget at these figures by Monte Carlo; the same seed gives the same digits. Changes nothing."""
    return simulations.simulate_budget(db.session(), budget_id, **values)


@blueprint.route(f"{BUDGET}/simulations")
@blueprint.response(200, KeptSimulationDump(many=True))
@refusals(404)
def list_simulations(budget_id: int) -> list[BudgetSimulation]:
    """Runs that were kept, newest first."""
    return simulations.simulations_of(db.session(), budget_id)


@blueprint.route(f"{BUDGET}/simulations", methods=["POST"])
@blueprint.arguments(SimulationKeepLoad, as_kwargs=True)
@blueprint.response(201, KeptSimulationDump)
@refusals(404, 409, 422)
def post_simulation(budget_id: int, **values: Any) -> BudgetSimulation:
    """Run it from its seed and keep it as evidence for the budget."""
    return simulations.keep_simulation(
        unit_of_work(), actor=current_actor(), budget_id=budget_id, request_key=request_key(), **values
    )
