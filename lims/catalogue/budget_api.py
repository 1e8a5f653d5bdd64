"""JSON face of uncertainty budgets."""

from typing import Any

from lims.catalogue import budgets, methods
from lims.catalogue.budget_schemas import (
    BudgetDraftLoad,
    BudgetDump,
    BudgetEditLoad,
    BudgetTrialDump,
    BudgetVersionLoad,
)
from lims.catalogue.budgets import BudgetTrial
from lims.catalogue.json_face import blueprint, refusals
from lims.catalogue.method_schemas import FormulaFiguresLoad
from lims.catalogue.models import UncertaintyBudget
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui.faces import ID
from lims.ui.shapes import ReasonLoad

OF_METHOD = f"/methods/{ID.format('method_id')}/budgets"
BUDGET = f"/uncertainty-budgets/{ID.format('budget_id')}"


@blueprint.route(OF_METHOD)
@blueprint.response(200, BudgetDump(many=True))
@refusals(404)
def list_budgets(method_id: int) -> list[UncertaintyBudget]:
    """Newest first."""
    return budgets.budgets_of(db.session(), methods.method(db.session(), method_id).id)


@blueprint.route(OF_METHOD, methods=["POST"])
@blueprint.arguments(BudgetDraftLoad, as_kwargs=True)
@blueprint.response(201, BudgetDump)
@refusals(404, 409, 422)
def post_budget(method_id: int, **values: Any) -> UncertaintyBudget:
    return budgets.draft_budget(
        unit_of_work(), actor=current_actor(), method_id=method_id, request_key=request_key(), **values
    )


@blueprint.route(BUDGET)
@blueprint.response(200, BudgetDump)
@refusals(404)
def show_budget(budget_id: int) -> UncertaintyBudget:
    return budgets.budget(db.session(), budget_id)


@blueprint.route(BUDGET, methods=["PUT"])
@blueprint.arguments(BudgetEditLoad, as_kwargs=True)
@blueprint.response(200, BudgetDump)
@refusals(404, 409, 422)
def put_budget(budget_id: int, **values: Any) -> UncertaintyBudget:
    """Change a draft. It may be incomplete."""
    return budgets.edit_budget(unit_of_work(), actor=current_actor(), budget_id=budget_id, **values)


@blueprint.route(f"{BUDGET}/try", methods=["POST"])
@blueprint.arguments(FormulaFiguresLoad, as_kwargs=True)
@blueprint.response(200, BudgetTrialDump)
@refusals(404, 422)
def try_budget(budget_id: int, figures: dict[str, str]) -> BudgetTrial:
    """The budget at these figures. Changes nothing."""
    return budgets.try_budget(db.session(), budget_id, figures)


@blueprint.route(f"{BUDGET}/release", methods=["POST"])
@blueprint.arguments(BudgetVersionLoad, as_kwargs=True)
@blueprint.response(200, BudgetDump)
@refusals(404, 409, 422)
def release_budget(budget_id: int, version: int) -> UncertaintyBudget:
    return budgets.release_budget(unit_of_work(), actor=current_actor(), budget_id=budget_id, version=version)


@blueprint.route(f"{BUDGET}/retire", methods=["POST"])
@blueprint.arguments(ReasonLoad, as_kwargs=True)
@blueprint.response(200, BudgetDump)
@refusals(404, 409, 422)
def retire_budget(budget_id: int, reason: str) -> UncertaintyBudget:
    return budgets.retire_budget(unit_of_work(), actor=current_actor(), budget_id=budget_id, why=reason)
