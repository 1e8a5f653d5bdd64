"""JSON face of samples: lists, one sample, receiving, retention and disposal."""

from collections.abc import Sequence
from typing import Any

from flask import Response

from lims.core.clock import local_date
from lims.core.database import db
from lims.core.permissions import Actor
from lims.core.web import clock, current_actor, file_store, unit_of_work
from lims.intake import letters, receiving, retention, sample_list, sample_story
from lims.intake.api_face import blueprint, refusals
from lims.intake.models import Sample
from lims.intake.receiving import Arrival
from lims.intake.sample_dump_schemas import (
    SampleDetailDump,
    SamplePageDump,
    SampleQuery,
    StoryDump,
)
from lims.intake.sample_schemas import (
    ArrivalsLoad,
    DisposalLoad,
    DisposalsLoad,
    IdsLoad,
    KeepLongerLoad,
    ReceiveLoad,
    RefuseLoad,
    RetainLoad,
    ReturnLoad,
    VersionLoad,
)
from lims.intake.samples import get_sample, photo_of
from lims.ui.faces import ID, attachment

SAMPLE = f"/samples/{ID.format('sample_id')}"
# Where a sample lies and who has it is the laboratory's own affair.
OWN_AFFAIR = ("holder_zh", "holder_en", "place")


@blueprint.route("/samples")
@blueprint.arguments(SampleQuery, location="query", as_kwargs=True)
@blueprint.response(200, SamplePageDump)
@refusals(422)
def list_samples(cursor: str | None, size: int, **wanted: Any) -> dict[str, object]:
    """Samples by any filter, a page at a time; a customer's account sees its own."""
    actor = current_actor()
    page, total = sample_list.list_samples(
        db.session(),
        actor=actor,
        wanted=sample_list.read_wanted(wanted),
        today=local_date(clock()()),
        cursor=cursor,
        size=size,
    )
    return {
        "items": [_row(row, actor) for row in page.rows],
        "after": page.after,
        "before": page.before,
        "total": total.count,
        "more": total.capped,
    }


def _row(row: Any, actor: Actor) -> dict[str, object]:
    shown = dict(row._mapping)
    return shown if actor.customer_id is None else shown | dict.fromkeys(OWN_AFFAIR)


@blueprint.route(SAMPLE)
@blueprint.response(200, StoryDump)
@refusals(404)
def show_sample(sample_id: int) -> sample_story.Story:
    """The sample with its tests, its timeline and what can be done with it now."""
    today = local_date(clock()())
    return sample_story.story_of(db.session(), actor=current_actor(), sample_id=sample_id, today=today)


@blueprint.route(f"{SAMPLE}/photo")
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="image/jpeg")
@refusals(404)
def show_photo(sample_id: int) -> Response:
    found = photo_of(db.session(), file_store(), actor=current_actor(), sample_id=sample_id)
    return attachment(found.content, found.media_type, f"sample-{sample_id}.{found.ending}")


@blueprint.route(f"{SAMPLE}/refusal-letter")
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
@refusals(404)
def show_letter(sample_id: int) -> Response:
    row = get_sample(db.session(), current_actor(), sample_id)
    return attachment(letters.letter_of(file_store(), row), "application/pdf", f"refusal-{sample_id}.pdf")


@blueprint.route(f"{SAMPLE}/refusal-letter", methods=["POST"])
@blueprint.response(202)
@refusals(404, 409)
def post_letter(sample_id: int) -> None:
    """Ask again for a letter whose job had failed."""
    letters.ask_letter(unit_of_work(), actor=current_actor(), sample_id=sample_id)


# -- receiving -----------------------------------------------------------------------


@blueprint.route(f"{SAMPLE}/receive", methods=["POST"])
@blueprint.arguments(ReceiveLoad, as_kwargs=True)
@blueprint.response(200, SampleDetailDump)
@refusals(404, 409, 422)
def receive_sample(sample_id: int, **values: Any) -> Sample:
    return receiving.receive_sample(
        unit_of_work(), actor=current_actor(), sample_id=sample_id, store=file_store(), **values
    )


@blueprint.route(f"{SAMPLE}/refuse", methods=["POST"])
@blueprint.arguments(RefuseLoad, as_kwargs=True)
@blueprint.response(200, SampleDetailDump)
@refusals(404, 409, 422)
def refuse_sample(sample_id: int, **values: Any) -> Sample:
    """Its tests are cancelled, and a job writes the letter."""
    return receiving.refuse_sample(
        unit_of_work(), actor=current_actor(), sample_id=sample_id, store=file_store(), **values
    )


@blueprint.route(f"/orders/{ID.format('order_id')}/receive", methods=["POST"])
@blueprint.arguments(ArrivalsLoad, as_kwargs=True)
@blueprint.response(200, SampleDetailDump(many=True))
@refusals(404, 409, 422)
def receive_order(order_id: int, arrivals: list[Arrival]) -> Sequence[Sample]:
    """Several samples of one order, all or none."""
    return receiving.receive_many(
        unit_of_work(), actor=current_actor(), order_id=order_id, arrivals=arrivals, store=file_store()
    )


# -- retention and disposal ----------------------------------------------------------


@blueprint.route(f"{SAMPLE}/retain", methods=["POST"])
@blueprint.arguments(RetainLoad, as_kwargs=True)
@blueprint.response(200, SampleDetailDump)
@refusals(404, 409, 422)
def retain_sample(sample_id: int, **values: Any) -> Sample:
    return retention.retain_sample(unit_of_work(), actor=current_actor(), sample_id=sample_id, **values)


@blueprint.route(f"{SAMPLE}/keep-longer", methods=["POST"])
@blueprint.arguments(KeepLongerLoad, as_kwargs=True)
@blueprint.response(200, SampleDetailDump)
@refusals(404, 409, 422)
def keep_longer(sample_id: int, **values: Any) -> Sample:
    return retention.extend_retention(unit_of_work(), actor=current_actor(), sample_id=sample_id, **values)


@blueprint.route(f"{SAMPLE}/return", methods=["POST"])
@blueprint.arguments(ReturnLoad, as_kwargs=True)
@blueprint.response(200, SampleDetailDump)
@refusals(404, 409, 422)
def return_sample(sample_id: int, **values: Any) -> Sample:
    return retention.return_sample(unit_of_work(), actor=current_actor(), sample_id=sample_id, **values)


@blueprint.route(f"{SAMPLE}/ask-disposal", methods=["POST"])
@blueprint.arguments(DisposalLoad, as_kwargs=True)
@blueprint.response(200, SampleDetailDump)
@refusals(404, 409, 422)
def ask_disposal(sample_id: int, **values: Any) -> Sample:
    return retention.ask_disposal(unit_of_work(), actor=current_actor(), sample_id=sample_id, **values)


@blueprint.route(f"{SAMPLE}/approve-disposal", methods=["POST"])
@blueprint.arguments(VersionLoad, as_kwargs=True)
@blueprint.response(200, SampleDetailDump)
@refusals(404, 409, 422)
def approve_disposal(sample_id: int, **values: Any) -> Sample:
    """Another person than who asked."""
    return retention.approve_disposal(unit_of_work(), actor=current_actor(), sample_id=sample_id, **values)


@blueprint.route(f"{SAMPLE}/refuse-disposal", methods=["POST"])
@blueprint.arguments(DisposalLoad, as_kwargs=True)
@blueprint.response(200, SampleDetailDump)
@refusals(404, 409, 422)
def refuse_disposal(sample_id: int, **values: Any) -> Sample:
    return retention.refuse_disposal(unit_of_work(), actor=current_actor(), sample_id=sample_id, **values)


@blueprint.route("/disposals", methods=["POST"])
@blueprint.arguments(DisposalsLoad, as_kwargs=True)
@blueprint.response(200, SampleDetailDump(many=True))
@refusals(404, 409, 422)
def ask_disposals(**values: Any) -> Sequence[Sample]:
    """Ask for the disposal of several samples, all or none."""
    return retention.ask_disposals(unit_of_work(), actor=current_actor(), **values)


@blueprint.route("/disposals/approve", methods=["POST"])
@blueprint.arguments(IdsLoad, as_kwargs=True)
@blueprint.response(200, SampleDetailDump(many=True))
@refusals(404, 409, 422)
def approve_disposals(sample_ids: list[int]) -> Sequence[Sample]:
    return retention.approve_disposals(unit_of_work(), actor=current_actor(), sample_ids=sample_ids)
