"""Monte Carlo on the page of an uncertainty budget: run at the tried figures, keep a run."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.catalogue import budgets, simulations
from lims.catalogue.budget_pages import BUDGET, budget_page
from lims.catalogue.face import blueprint
from lims.catalogue.method_schemas import FormulaFiguresLoad
from lims.catalogue.simulation_schemas import SimulationKeepLoad, SimulationLoad
from lims.catalogue.simulation_view import view_of
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui.forms import read_form


@blueprint.post(f"{BUDGET}/simulate")
def simulate_budget(budget_id: int) -> str | tuple[str, int]:
    """Changes nothing."""
    row, form = budgets.budget(db.session(), budget_id), read_form(SimulationLoad)
    bench = read_form(FormulaFiguresLoad)
    with form.attempt():
        run = simulations.simulate_budget(db.session(), budget_id, **form.values)
        return budget_page(row, run.trial, view_of(run), simulate=form, bench=bench)
    return budget_page(row, simulate=form, bench=bench), form.status


@blueprint.post(f"{BUDGET}/simulations")
def keep_simulation(budget_id: int) -> Answer | tuple[str, int]:
    row, form = budgets.budget(db.session(), budget_id), read_form(SimulationKeepLoad)
    with form.attempt():
        simulations.keep_simulation(
            unit_of_work(),
            actor=current_actor(),
            budget_id=budget_id,
            request_key=request_key(),
            **form.values,
        )
        flash(_("The run is kept with the budget: its seed repeats it to the last digit."))
        return redirect(url_for("catalogue.budget", budget_id=budget_id, _anchor="kept"))
    return budget_page(row, simulate=form, bench=read_form(FormulaFiguresLoad)), form.status
