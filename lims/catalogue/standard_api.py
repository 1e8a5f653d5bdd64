"""JSON face of standards."""

from typing import Any

from lims.catalogue import standards as use_cases
from lims.catalogue.json_face import blueprint, refusals, today
from lims.catalogue.models import StandardEdition
from lims.catalogue.overview import resting_on
from lims.catalogue.standard_schemas import (
    StandardDump,
    StandardEditLoad,
    StandardLoad,
    StandardPageDump,
    StandardQuery,
    StandardRestingDump,
    StandardWithdrawLoad,
)
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui.faces import ID

STANDARD = f"/standards/{ID.format('standard_id')}"


@blueprint.route("/standards")
@blueprint.arguments(StandardQuery, location="query", as_kwargs=True)
@blueprint.response(200, StandardPageDump)
@refusals(422)
def list_standards(**wanted: Any) -> object:
    """By code; `status` as it is today."""
    return use_cases.list_standards(db.session(), on=today(), **wanted)


@blueprint.route("/standards", methods=["POST"])
@blueprint.arguments(StandardLoad, as_kwargs=True)
@blueprint.response(201, StandardDump)
@refusals(409, 422)
def post_standard(**values: Any) -> StandardEdition:
    return use_cases.create_standard(
        unit_of_work(), actor=current_actor(), request_key=request_key(), **values
    )


@blueprint.route(STANDARD)
@blueprint.response(200, StandardDump)
@refusals(404)
def show_standard(standard_id: int) -> StandardEdition:
    return use_cases.standard(db.session(), standard_id)


@blueprint.route(STANDARD, methods=["PUT"])
@blueprint.arguments(StandardEditLoad, as_kwargs=True)
@blueprint.response(200, StandardDump)
@refusals(404, 409, 422)
def put_standard(standard_id: int, **values: Any) -> StandardEdition:
    return use_cases.edit_standard(unit_of_work(), actor=current_actor(), standard_id=standard_id, **values)


@blueprint.route(f"{STANDARD}/resting")
@blueprint.response(200, StandardRestingDump)
@refusals(404)
def show_resting(standard_id: int) -> object:
    """Methods and limits that rest on the standard, and the items that have no other method in force."""
    return resting_on(db.session(), use_cases.standard(db.session(), standard_id), today())


@blueprint.route(f"{STANDARD}/withdraw", methods=["POST"])
@blueprint.arguments(StandardWithdrawLoad, as_kwargs=True)
@blueprint.response(200, StandardDump)
@refusals(404, 409, 422)
def withdraw_standard(standard_id: int, **values: Any) -> StandardEdition:
    """From a day on no new test may use it."""
    return use_cases.withdraw_standard(
        unit_of_work(), actor=current_actor(), standard_id=standard_id, **values
    )
