"""JSON face of nonconformities."""

from typing import Any

from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.quality import nonconformities, search
from lims.quality.json_face import blueprint, refusals, today
from lims.quality.models import Nonconformity
from lims.quality.schemas import (
    CloseLoad,
    CorrectionLoad,
    CoversLoad,
    DecisionLoad,
    DoneLoad,
    EvaluationLoad,
    FindingLoad,
    FurtherLoad,
    NonconformityDump,
    NonconformityPageDump,
    NonconformityQuery,
    TellLoad,
)
from lims.ui.faces import ID

ALL = "/nonconformities"
ONE = f"{ALL}/{ID.format('nonconformity_id')}"


@blueprint.route(ALL)
@blueprint.arguments(NonconformityQuery, location="query", as_kwargs=True)
@blueprint.response(200, NonconformityPageDump)
@refusals(422)
def list_nonconformities(**wanted: Any) -> object:
    """Newest first. ``attention``: those that wait, ``mine`` for whoever asks."""
    return search.list_nonconformities(db.session(), actor=current_actor(), today=today(), **wanted)


@blueprint.route(ALL, methods=["POST"])
@blueprint.arguments(FindingLoad, as_kwargs=True)
@blueprint.response(201, NonconformityDump)
@refusals(409, 422)
def post_nonconformity(**values: Any) -> Nonconformity:
    """Say that something is wrong. Send an Idempotency-Key: the same request made twice opens one."""
    return nonconformities.open_nonconformity(
        unit_of_work(), actor=current_actor(), request_key=request_key(), **values
    )


@blueprint.route(ONE)
@blueprint.response(200, NonconformityDump)
@refusals(404)
def show_nonconformity(nonconformity_id: int) -> Nonconformity:
    return nonconformities.nonconformity(db.session(), nonconformity_id)


@blueprint.route(f"{ONE}/covers", methods=["POST"])
@blueprint.arguments(CoversLoad, as_kwargs=True)
@blueprint.response(200, NonconformityDump)
@refusals(404, 409, 422)
def cover_more(nonconformity_id: int, **values: Any) -> Nonconformity:
    """More is concerned than was known."""
    return nonconformities.cover_more(
        unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **values
    )


@blueprint.route(f"{ONE}/evaluate", methods=["POST"])
@blueprint.arguments(EvaluationLoad, as_kwargs=True)
@blueprint.response(200, NonconformityDump)
@refusals(404, 409, 422)
def evaluate_nonconformity(nonconformity_id: int, **values: Any) -> Nonconformity:
    """How grave it is, and what was done at once."""
    return nonconformities.evaluate_nonconformity(
        unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **values
    )


@blueprint.route(f"{ONE}/decide", methods=["POST"])
@blueprint.arguments(DecisionLoad, as_kwargs=True)
@blueprint.response(200, NonconformityDump)
@refusals(404, 409, 422)
def decide_nonconformity(nonconformity_id: int, **values: Any) -> Nonconformity:
    """What happens to the work, and why."""
    return nonconformities.decide_nonconformity(
        unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **values
    )


@blueprint.route(f"{ONE}/tell", methods=["POST"])
@blueprint.arguments(TellLoad, as_kwargs=True)
@blueprint.response(200, NonconformityDump)
@refusals(404, 409, 422)
def tell_customer(nonconformity_id: int, **values: Any) -> Nonconformity:
    """The customer who was still to be told knows now."""
    return nonconformities.tell_customer(
        unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **values
    )


@blueprint.route(f"{ONE}/plan", methods=["POST"])
@blueprint.arguments(CorrectionLoad, as_kwargs=True)
@blueprint.response(200, NonconformityDump)
@refusals(404, 409, 422)
def plan_correction(nonconformity_id: int, **values: Any) -> Nonconformity:
    """Cause, corrective action, who, until when."""
    return nonconformities.plan_correction(
        unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **values
    )


@blueprint.route(f"{ONE}/done", methods=["POST"])
@blueprint.arguments(DoneLoad, as_kwargs=True)
@blueprint.response(200, NonconformityDump)
@refusals(404, 409, 422)
def report_correction(nonconformity_id: int, **values: Any) -> Nonconformity:
    """The action is done: said by whoever is responsible for it."""
    return nonconformities.report_correction(
        unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **values
    )


@blueprint.route(f"{ONE}/not-effective", methods=["POST"])
@blueprint.arguments(FurtherLoad, as_kwargs=True)
@blueprint.response(200, NonconformityDump)
@refusals(404, 409, 422)
def correct_further(nonconformity_id: int, **values: Any) -> Nonconformity:
    """The action did not help: it goes on."""
    return nonconformities.correct_further(
        unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **values
    )


@blueprint.route(f"{ONE}/close", methods=["POST"])
@blueprint.arguments(CloseLoad, as_kwargs=True)
@blueprint.response(200, NonconformityDump)
@refusals(404, 409, 422)
def close_nonconformity(nonconformity_id: int, **values: Any) -> Nonconformity:
    """After the effect was checked; or at once, where no corrective action is needed."""
    return nonconformities.close_nonconformity(
        unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **values
    )
