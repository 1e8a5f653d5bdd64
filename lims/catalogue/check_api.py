"""JSON face of currency checks."""

from typing import Any

from lims.catalogue import checks as use_cases
from lims.catalogue.check_models import StandardFinding, StandardsCheck
from lims.catalogue.check_schemas import (
    CheckDump,
    CheckLoad,
    CheckPageDump,
    CheckWholeDump,
    CloseLoad,
    DecisionLoad,
    FindingDump,
    TouchedListDump,
)
from lims.catalogue.decisions import decide_finding
from lims.catalogue.json_face import blueprint, refusals, today
from lims.catalogue.standard_api import STANDARD
from lims.catalogue.standards import standard
from lims.catalogue.touched import touched_by
from lims.core.database import db
from lims.core.paging import Key, read_page
from lims.core.web import current_actor, file_store, request_key, unit_of_work
from lims.ui.faces import ID
from lims.ui.shapes import PageQuery

CHECK = f"/standards-checks/{ID.format('check_id')}"


@blueprint.route("/standards-checks")
@blueprint.arguments(PageQuery, location="query", as_kwargs=True)
@blueprint.response(200, CheckPageDump)
@refusals(422)
def list_checks(**wanted: Any) -> object:
    """The newest first."""
    return read_page(
        db.session(), use_cases.check_lines(), [Key(StandardsCheck.id, descending=True)], **wanted
    )


@blueprint.route("/standards-checks", methods=["POST"])
@blueprint.arguments(CheckLoad, as_kwargs=True)
@blueprint.response(201, CheckDump)
@refusals(409, 422)
def post_check(**values: Any) -> StandardsCheck:
    """Compare a list with the library. Codes: `list_faulty`, `list_without_headings`, `list_empty`."""
    file = use_cases.ListFile(values["file_name"], use_cases.decoded(values["content"]))
    return use_cases.start_check(
        unit_of_work(),
        actor=current_actor(),
        store=file_store(),
        file=file,
        source=values["source"],
        leave_out_faulty=values["leave_out_faulty"],
        request_key=request_key(),
    )


@blueprint.route(CHECK)
@blueprint.response(200, CheckWholeDump)
@refusals(404)
def show_check(check_id: int) -> object:
    row = use_cases.check(db.session(), check_id)
    return {"check": row, "findings": use_cases.findings_of(db.session(), check_id)}


@blueprint.route(f"{CHECK}/findings/{ID.format('finding_id')}/decide", methods=["POST"])
@blueprint.arguments(DecisionLoad, as_kwargs=True)
@blueprint.response(200, FindingDump)
@refusals(404, 409, 422)
def decide(check_id: int, finding_id: int, **values: Any) -> StandardFinding:
    """Record a decision and carry it out in the library."""
    return decide_finding(
        unit_of_work(), actor=current_actor(), check_id=check_id, finding_id=finding_id, **values
    )


@blueprint.route(f"{CHECK}/close", methods=["POST"])
@blueprint.arguments(CloseLoad, as_kwargs=True)
@blueprint.response(200, CheckDump)
@refusals(404, 409, 422)
def close(check_id: int, version: int) -> StandardsCheck:
    """Once all is decided; the evidence sheet is set afterwards."""
    return use_cases.close_check(
        unit_of_work(), actor=current_actor(), store=file_store(), check_id=check_id, version=version
    )


@blueprint.route(f"{STANDARD}/touched")
@blueprint.response(200, TouchedListDump)
@refusals(404)
def show_touched(standard_id: int) -> object:
    """Methods, limits, packages, scope, authorisations, open orders and worksheets that hang on it today."""
    standard(db.session(), standard_id)
    return {"rows": touched_by(db.session(), [standard_id], today())[standard_id]}
