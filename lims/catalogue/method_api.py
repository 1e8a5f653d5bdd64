"""JSON face of methods and their versions."""

from typing import Any

from lims.catalogue import items, methods, revising
from lims.catalogue.compare import Difference, compare_versions, pair_to_compare
from lims.catalogue.formulas import Trial
from lims.catalogue.json_face import blueprint, refusals
from lims.catalogue.method_schemas import (
    AgainstQuery,
    FormulaFiguresLoad,
    FormulaTrialDump,
    MethodDetailDump,
    MethodDraftLoad,
    MethodDump,
    MethodEditLoad,
    MethodLoad,
    MethodVersionEditLoad,
    MethodVersionLoad,
    MethodVersionWholeDump,
    VersionDifferenceDump,
    VersionReadinessDump,
)
from lims.catalogue.models import Method, MethodVersion
from lims.catalogue.readiness import Readiness, readiness_of, try_stored
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui.faces import ID
from lims.ui.shapes import ReasonLoad

METHOD = f"/methods/{ID.format('method_id')}"
OF_ITEM = f"/test-items/{ID.format('test_item_id')}/methods"
VERSION = f"/method-versions/{ID.format('version_id')}"


@blueprint.route(OF_ITEM)
@blueprint.response(200, MethodDump(many=True))
@refusals(404)
def list_methods(test_item_id: int) -> list[Method]:
    """Preferred ones first."""
    return methods.methods_of_item(db.session(), items.item(db.session(), test_item_id).id)


@blueprint.route(OF_ITEM, methods=["POST"])
@blueprint.arguments(MethodLoad, as_kwargs=True)
@blueprint.response(201, MethodDump)
@refusals(404, 409, 422)
def post_method(test_item_id: int, **values: Any) -> Method:
    return methods.add_method(
        unit_of_work(),
        actor=current_actor(),
        test_item_id=test_item_id,
        request_key=request_key(),
        **values,
    )


@blueprint.route(METHOD)
@blueprint.response(200, MethodDetailDump)
@refusals(404)
def show_method(method_id: int) -> dict[str, object]:
    row = methods.method(db.session(), method_id)
    return {"method": row, "versions": methods.versions_of(db.session(), [row.id]).get(row.id, [])}


@blueprint.route(METHOD, methods=["PUT"])
@blueprint.arguments(MethodEditLoad, as_kwargs=True)
@blueprint.response(200, MethodDump)
@refusals(404, 409, 422)
def put_method(method_id: int, **values: Any) -> Method:
    return methods.edit_method(unit_of_work(), actor=current_actor(), method_id=method_id, **values)


@blueprint.route(f"{METHOD}/versions", methods=["POST"])
@blueprint.arguments(MethodDraftLoad, as_kwargs=True)
@blueprint.response(201, MethodVersionWholeDump)
@refusals(404, 409, 422)
def post_version(method_id: int, **values: Any) -> MethodVersion:
    """A new draft; one at a time for each method."""
    return methods.draft_version(
        unit_of_work(), actor=current_actor(), method_id=method_id, request_key=request_key(), **values
    )


@blueprint.route(VERSION)
@blueprint.response(200, MethodVersionWholeDump)
@refusals(404)
def show_version(version_id: int) -> MethodVersion:
    return methods.method_version(db.session(), version_id)


@blueprint.route(VERSION, methods=["PUT"])
@blueprint.arguments(MethodVersionEditLoad, as_kwargs=True)
@blueprint.response(200, MethodVersionWholeDump)
@refusals(404, 409, 422)
def put_version(version_id: int, **values: Any) -> MethodVersion:
    """Change a draft. It may be incomplete; `readiness` says what it lacks."""
    return methods.edit_version(unit_of_work(), actor=current_actor(), version_id=version_id, **values)


@blueprint.route(f"{VERSION}/readiness")
@blueprint.response(200, VersionReadinessDump)
@refusals(404)
def show_readiness(version_id: int) -> Readiness:
    """What stands between a version and its release, with the place in the formula."""
    return readiness_of(db.session(), methods.method_version(db.session(), version_id))


@blueprint.route(f"{VERSION}/try", methods=["POST"])
@blueprint.arguments(FormulaFiguresLoad, as_kwargs=True)
@blueprint.response(200, FormulaTrialDump)
@refusals(404, 422)
def try_version(version_id: int, figures: dict[str, str]) -> Trial:
    """Evaluate the formula with these figures. Changes nothing."""
    return try_stored(db.session(), version_id, figures)


@blueprint.route(f"{VERSION}/release", methods=["POST"])
@blueprint.arguments(MethodVersionLoad, as_kwargs=True)
@blueprint.response(200, MethodVersionWholeDump)
@refusals(404, 409, 422)
def release_version(version_id: int, version: int) -> MethodVersion:
    return methods.release_version(
        unit_of_work(), actor=current_actor(), version_id=version_id, version=version
    )


@blueprint.route(f"{VERSION}/retire", methods=["POST"])
@blueprint.arguments(ReasonLoad, as_kwargs=True)
@blueprint.response(200, MethodVersionWholeDump)
@refusals(404, 409, 422)
def retire_version(version_id: int, reason: str) -> MethodVersion:
    return methods.retire_version(unit_of_work(), actor=current_actor(), version_id=version_id, why=reason)


@blueprint.route(f"{VERSION}/differences")
@blueprint.arguments(AgainstQuery, location="query", as_kwargs=True)
@blueprint.response(200, VersionDifferenceDump(many=True))
@refusals(404, 422)
def show_differences(version_id: int, against: int | None) -> list[Difference]:
    """Field by field against another version, or the one before."""
    old, new = pair_to_compare(db.session(), version_id, against)
    return compare_versions(old, new)


@blueprint.route(f"{METHOD}/revise", methods=["POST"])
@blueprint.response(201, MethodDump)
@refusals(404, 409, 422)
def revise_method(method_id: int) -> Method:
    """Go on under the edition that replaces its standard, as a draft. Codes: `no_successor`, `method_twice`."""
    return revising.revise_method(
        unit_of_work(), actor=current_actor(), method_id=method_id, request_key=request_key()
    )
