"""JSON face of worked examples."""

from typing import Any

from lims.catalogue import cases
from lims.catalogue.case_schemas import CaseKeepLoad, CaseOutcomeDump, StoredCaseDump
from lims.catalogue.conformance import CaseOutcome
from lims.catalogue.json_face import blueprint, refusals
from lims.catalogue.method_api import VERSION
from lims.catalogue.models import MethodCase
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui.faces import ID


@blueprint.route(f"{VERSION}/cases")
@blueprint.response(200, CaseOutcomeDump(many=True))
@refusals(404, 422)
def list_cases(version_id: int) -> list[CaseOutcome]:
    """Each worked example, computed anew: what was expected, what came out."""
    return cases.stored_outcomes(db.session(), version_id)


@blueprint.route(f"{VERSION}/cases", methods=["POST"])
@blueprint.arguments(CaseKeepLoad, as_kwargs=True)
@blueprint.response(201, StoredCaseDump)
@refusals(404, 409, 422)
def post_case(version_id: int, **values: Any) -> MethodCase:
    """Keep a worked example with a draft. One that does not come out holds the release."""
    return cases.keep_case(
        unit_of_work(), actor=current_actor(), version_id=version_id, request_key=request_key(), **values
    )


@blueprint.route(f"/method-cases/{ID.format('case_id')}", methods=["DELETE"])
@blueprint.response(204)
@refusals(404, 409)
def delete_case(case_id: int) -> None:
    """Take a worked example out of a draft."""
    cases.drop_case(unit_of_work(), actor=current_actor(), case_id=case_id)
