"""Pages of an uncertainty budget: its sources, its table and bars at given figures, its release."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.catalogue import budgets
from lims.catalogue.budget_schemas import BudgetFormLoad, BudgetVersionLoad
from lims.catalogue.budget_text import text_of
from lims.catalogue.budgets import BudgetTrial
from lims.catalogue.face import blueprint, may_edit
from lims.catalogue.method_schemas import FormulaFiguresLoad
from lims.catalogue.models import UncertaintyBudget
from lims.catalogue.simulation_schemas import SimulationLoad
from lims.catalogue.simulation_view import RunView, kept_runs
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.web import current_actor, request_key, unit_of_work
from lims.metrology.coverage import DofTruncation
from lims.metrology.method_budgets import RESULT, SourceKind
from lims.metrology.monte_carlo_draws import FiniteDof
from lims.metrology.uncertainty_statements import UncertaintyDigits, UncertaintyRounding
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import Text, bilingual, choices
from lims.ui.shapes import ReasonLoad

SPARE_ROWS = 4
ASKED_FIRST = {"digits": 2, "finer": 1, "most": 1_000_000, "finite_dof": FiniteDof.STUDENT}
BUDGET = f"/catalogue/budgets/{ID.format('budget_id')}"


@blueprint.post(f"/catalogue/methods/{ID.format('method_id')}/budgets/draft")
def draft_budget(method_id: int) -> Answer:
    """A copy of the newest budget, opened for editing."""
    made = budgets.draft_budget(
        unit_of_work(), actor=current_actor(), method_id=method_id, request_key=request_key()
    )
    return redirect(url_for("catalogue.edit_budget_page", budget_id=made.id))


@blueprint.get(BUDGET)
def budget(budget_id: int) -> str:
    return budget_page(budgets.budget(db.session(), budget_id))


def budget_page(
    row: UncertaintyBudget, trial: BudgetTrial | None = None, run: RunView | None = None, **forms: Form
) -> str:
    shown = {
        "bench": empty_form(FormulaFiguresLoad),
        "release": empty_form(BudgetVersionLoad, version=row.version),
        "retire": empty_form(ReasonLoad),
        "simulate": empty_form(SimulationLoad, probability=row.probability, **ASKED_FIRST),
    }
    version, formula, refusal = None, None, ""
    try:
        version, formula = budgets.formula_of(db.session(), row.method_id)
        if row.released_at is None:
            found = budgets.faults_of(row, formula).values()
            refusal = " ".join(sentence for sentences in found for sentence in sentences)
    except InvalidInput as fault:
        refusal = fault.message
    return render_template(
        "catalogue/budget.html",
        budget=row,
        method=row.method,
        version=version,
        formula=formula,
        refusal=refusal,
        trial=trial,
        run=run,
        kept=kept_runs(db.session(), row, version),
        finite_dofs=choices(FiniteDof),
        figure_names=[*formula.inputs, *(f"@{key}" for key in formula.items)] if formula else [],
        result_name=RESULT,
        forms={**shown, **forms},
        may_edit=may_edit(),
    )


@blueprint.post(f"{BUDGET}/try")
def try_budget(budget_id: int) -> str | tuple[str, int]:
    """Changes nothing."""
    row, form = budgets.budget(db.session(), budget_id), read_form(FormulaFiguresLoad)
    with form.attempt():
        return budget_page(
            row, budgets.try_budget(db.session(), budget_id, form.values["figures"]), bench=form
        )
    return budget_page(row, bench=form), form.status


@blueprint.get(f"{BUDGET}/edit")
def edit_budget_page(budget_id: int) -> Answer | str:
    row = budgets.budget(db.session(), budget_id)
    if row.released_at is not None:
        flash(_("A released budget never changes: draft a new one."), "warning")
        return redirect(url_for("catalogue.budget", budget_id=budget_id))
    text = text_of(row)
    lines = [{name: getattr(one, name) for name in one.__slots__} for one in text.sources]
    pairs = [{name: getattr(one, name) for name in one.__slots__} for one in text.correlations]
    return _budget_form(empty_form(BudgetFormLoad, row, sources=lines, correlations=pairs), row)


@blueprint.post(f"{BUDGET}/edit")
def edit_budget(budget_id: int) -> Answer | tuple[str, int]:
    form = read_form(BudgetFormLoad)
    with form.attempt():
        budgets.edit_budget(unit_of_work(), actor=current_actor(), budget_id=budget_id, **form.values)
        flash(_("The draft is kept. Try it with figures below, then release it."))
        return redirect(url_for("catalogue.budget", budget_id=budget_id))
    return _budget_form(form, budgets.budget(db.session(), budget_id)), form.status


def _budget_form(form: Form, row: UncertaintyBudget) -> str:
    quantities: list[tuple[object, Text]] = []
    try:
        version, formula = budgets.formula_of(db.session(), row.method_id)
        words = {one.name: f"{one.name} {bilingual(one, 'label')}" for one in version.inputs}
        quantities = [(name, words.get(name, name)) for name in formula.inputs]
        quantities += [(f"@{key}", f"@{key}") for key in formula.items]
    except InvalidInput as fault:
        flash(fault.message, "warning")
    return render_template(
        "catalogue/budget_form.html",
        form=form,
        budget=row,
        rows=form.count("sources") + SPARE_ROWS,
        pairs=form.count("correlations") + 1,
        kinds=choices(SourceKind),
        truncations=choices(DofTruncation),
        roundings=choices(UncertaintyRounding),
        digits=choices(UncertaintyDigits),
        quantities=[*quantities, (RESULT, _("the result itself"))],
    )


@blueprint.post(f"{BUDGET}/release")
def release_budget(budget_id: int) -> Answer | tuple[str, int]:
    form = read_form(BudgetVersionLoad)
    with form.attempt():
        made = budgets.release_budget(
            unit_of_work(), actor=current_actor(), budget_id=budget_id, **form.values
        )
        flash(_("Budget %(n)s is released: orders registered from now on use it.", n=made.number))
        return redirect(url_for("catalogue.budget", budget_id=budget_id))
    return budget_page(budgets.budget(db.session(), budget_id), release=form), form.status


@blueprint.post(f"{BUDGET}/retire")
def retire_budget(budget_id: int) -> Answer | tuple[str, int]:
    form = read_form(ReasonLoad)
    with form.attempt():
        reason = form.values["reason"]
        budgets.retire_budget(unit_of_work(), actor=current_actor(), budget_id=budget_id, why=reason)
        flash(_("The budget is retired; orders registered before keep it."))
        return redirect(url_for("catalogue.budget", budget_id=budget_id))
    return budget_page(budgets.budget(db.session(), budget_id), retire=form), form.status
