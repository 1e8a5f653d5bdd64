"""JSON face of limits."""

from datetime import date
from typing import Any

from lims.catalogue import items, limits
from lims.catalogue.json_face import blueprint, refusals, today
from lims.catalogue.limit_schemas import (
    LimitChoiceDump,
    LimitCompareDump,
    LimitCompareQuery,
    LimitDump,
    LimitEndLoad,
    LimitLoad,
    LimitPageDump,
    LimitQuery,
    LimitQuestionLoad,
    LimitSupersedeLoad,
)
from lims.catalogue.limits import LimitText
from lims.catalogue.models import Limit
from lims.catalogue.strictness import strictness
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui.faces import ID

LIMIT = f"/limits/{ID.format('limit_id')}"


@blueprint.route("/limits")
@blueprint.arguments(LimitQuery, location="query", as_kwargs=True)
@blueprint.response(200, LimitPageDump)
@refusals(422)
def list_limits(**wanted: Any) -> object:
    """Limits, the history too; `in_force_on` leaves those of one day."""
    return limits.list_limits(db.session(), **wanted)


@blueprint.route("/limits", methods=["POST"])
@blueprint.arguments(LimitLoad, as_kwargs=True)
@blueprint.response(201, LimitDump)
@refusals(409, 422)
def post_limit(**values: Any) -> Limit:
    return limits.add_limit(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route("/limits/which")
@blueprint.arguments(LimitQuestionLoad, location="query", as_kwargs=True)
@blueprint.response(200, LimitChoiceDump)
@refusals(404, 422)
def which_limit(
    test_item_id: int, category_id: int | None, produced_on: date | None, on: date | None
) -> object:
    """Which limit holds for a product of this class made on this day, or why none does."""
    item = items.item(db.session(), test_item_id)
    return limits.limit_for(db.session(), item.id, category_id, produced_on, on or today())


@blueprint.route(LIMIT)
@blueprint.response(200, LimitDump)
@refusals(404)
def show_limit(limit_id: int) -> Limit:
    return limits.limit(db.session(), limit_id)


@blueprint.route(f"{LIMIT}/supersede", methods=["POST"])
@blueprint.arguments(LimitSupersedeLoad, as_kwargs=True)
@blueprint.response(201, LimitDump)
@refusals(404, 409, 422)
def supersede_limit(limit_id: int, **values: Any) -> Limit:
    """A new limit from a day on; the old one ends the day before."""
    return limits.supersede_limit(
        unit_of_work(), actor=current_actor(), limit_id=limit_id, request_key=request_key(), **values
    )


@blueprint.route(f"{LIMIT}/end", methods=["POST"])
@blueprint.arguments(LimitEndLoad, as_kwargs=True)
@blueprint.response(200, LimitDump)
@refusals(404, 409, 422)
def end_limit(limit_id: int, **values: Any) -> Limit:
    return limits.end_limit(unit_of_work(), actor=current_actor(), limit_id=limit_id, **values)


@blueprint.route(f"/limits/{ID.format('limit_id')}/compare", methods=["POST"])
@blueprint.arguments(LimitCompareQuery, as_kwargs=True)
@blueprint.response(200, LimitCompareDump)
@refusals(404, 422)
def compare_limit(limit_id: int, **typed: Any) -> object:
    """How a firm's limit stands to this one; nothing is kept."""
    row = limits.limit(db.session(), limit_id)
    text = LimitText(row.standard_id, row.test_item_id, row.category_id, valid_from=row.valid_from, **typed)
    return {"outcome": strictness(text, row)}
