"""JSON face of custody, storage places, labels and label printers."""

from collections.abc import Sequence
from typing import Any

from flask import Response, jsonify, url_for

from lims.core.database import db
from lims.core.jobs import Job
from lims.core.web import current_actor, request_key, unit_of_work
from lims.intake import custody, label_printing, printers, storage
from lims.intake.api_face import blueprint, refusals
from lims.intake.custody import Moved, Target
from lims.intake.custody_words import line_of
from lims.intake.label_printing import LabelForm
from lims.intake.label_schemas import (
    AskedPrintDump,
    JobDump,
    LabelsLoad,
    PrinterDump,
    PrinterEditLoad,
    PrinterLoad,
)
from lims.intake.models import LabelPrinter, StoragePlace
from lims.intake.paper import TYPESETTERS
from lims.intake.sample_schemas import (
    HolderDump,
    MovedDump,
    MoveManyLoad,
    NotedTargetLoad,
    PlaceDump,
    PlaceEditLoad,
    PlaceLineDump,
    PlaceLoad,
    ScanLoad,
    ScannedDump,
)
from lims.ui.faces import ID, attachment
from lims.ui.scanning import clean

# -- custody -------------------------------------------------------------------------


@blueprint.route("/custody/holders")
@blueprint.response(200, HolderDump(many=True))
@refusals()
def list_holders() -> Sequence[Any]:
    """Everybody a sample can be handed to."""
    return custody.people_who_hold(db.session())


@blueprint.route("/custody", methods=["POST"])
@blueprint.arguments(MoveManyLoad, as_kwargs=True)
@blueprint.response(200, MovedDump(many=True))
@refusals(404, 409, 422)
def move_samples(**values: Any) -> list[Moved]:
    """Hand over, store or take several samples, all or none."""
    return custody.move_samples(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route(f"/samples/{ID.format('sample_id')}/move", methods=["POST"])
@blueprint.arguments(NotedTargetLoad, as_kwargs=True)
@blueprint.response(200, MovedDump)
@refusals(404, 409, 422)
def move_sample(sample_id: int, **values: Any) -> Moved:
    return custody.move_samples(
        unit_of_work(), actor=current_actor(), sample_ids=[sample_id], request_key=request_key(), **values
    )[0]


@blueprint.route("/custody/scan", methods=["POST"])
@blueprint.arguments(ScanLoad, as_kwargs=True)
@blueprint.response(200, ScannedDump)
@refusals(404, 409, 422)
def scan_move(code: str, target: Target) -> dict[str, object]:
    """The step for one scanned number. The code of a storage place answers with where to store there."""
    wanted = clean(code)
    place = storage.place_by_code(db.session(), wanted)
    if place is not None:
        return {"open": url_for("intake.custody", way="store", place_id=place.id)}
    done = custody.move_scanned(
        unit_of_work(), actor=current_actor(), code=wanted, target=target, request_key=request_key()
    )
    line = line_of(done)
    undo = url_for("intake.undo_move", event_id=done.event.id)
    return {"sample": done.sample, "event": done.event, "echo": line, "line": line, "undo": undo}


@blueprint.route(f"/custody/{ID.format('event_id')}/undo", methods=["POST"])
@blueprint.response(200, MovedDump)
@refusals(404, 409)
def undo_move(event_id: int) -> Moved:
    """Take one's own last step back."""
    return custody.undo_move(unit_of_work(), actor=current_actor(), event_id=event_id)


# -- storage places ------------------------------------------------------------------


@blueprint.route("/storage-places")
@blueprint.response(200, PlaceLineDump(many=True))
@refusals()
def list_places() -> Sequence[storage.PlaceLine]:
    return storage.list_places(db.session())


@blueprint.route("/storage-places", methods=["POST"])
@blueprint.arguments(PlaceLoad, as_kwargs=True)
@blueprint.response(201, PlaceDump)
@refusals(409, 422)
def post_place(**values: Any) -> StoragePlace:
    return storage.create_place(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route(f"/storage-places/{ID.format('place_id')}", methods=["PUT"])
@blueprint.arguments(PlaceEditLoad, as_kwargs=True)
@blueprint.response(200, PlaceDump)
@refusals(404, 409, 422)
def put_place(place_id: int, **values: Any) -> StoragePlace:
    return storage.change_place(unit_of_work(), actor=current_actor(), place_id=place_id, **values)


# -- labels --------------------------------------------------------------------------


_FILE = {"schema": {"type": "string", "format": "binary"}}
_PRINTED = {
    "200": {"description": "The labels.", "content": {"application/pdf": _FILE, "application/zpl": _FILE}}
}


@blueprint.route("/labels", methods=["POST"])
@blueprint.arguments(LabelsLoad, as_kwargs=True)
@blueprint.response(200)
@blueprint.doc(responses=_PRINTED)
@blueprint.alt_response(202, schema=AskedPrintDump)
@refusals(404, 409, 422)
def post_labels(form: LabelForm, printer_id: int | None, **values: Any) -> Response:
    """Labels as PDF or ZPL; to a printer: 202 with the number of the job that sends them."""
    common = {"actor": current_actor(), "request_key": request_key(), **values}
    if form is LabelForm.PRINTER:
        assert printer_id is not None  # the schema asks for it
        job_id = label_printing.send_to_printer(unit_of_work(), printer_id=printer_id, **common)
        answer = jsonify({"job_id": job_id})
        answer.status_code = 202
        return answer
    content = label_printing.print_labels(unit_of_work(), form=form, typeset=TYPESETTERS[form], **common)
    kind = "application/pdf" if form is LabelForm.PDF else "application/zpl"
    return attachment(content, kind, f"labels.{form.value}")


@blueprint.route(f"/labels/jobs/{ID.format('job_id')}")
@blueprint.response(200, JobDump)
@refusals(404)
def show_print_job(job_id: int) -> Job:
    return printers.print_job(db.session(), actor=current_actor(), job_id=job_id)


@blueprint.route("/label-printers")
@blueprint.response(200, PrinterDump(many=True))
@refusals()
def list_printers() -> Sequence[LabelPrinter]:
    return printers.list_printers(db.session())


@blueprint.route("/label-printers", methods=["POST"])
@blueprint.arguments(PrinterLoad, as_kwargs=True)
@blueprint.response(201, PrinterDump)
@refusals(409, 422)
def post_printer(**values: Any) -> LabelPrinter:
    return printers.create_printer(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route(f"/label-printers/{ID.format('printer_id')}", methods=["PUT"])
@blueprint.arguments(PrinterEditLoad, as_kwargs=True)
@blueprint.response(200, PrinterDump)
@refusals(404, 409, 422)
def put_printer(printer_id: int, **values: Any) -> LabelPrinter:
    return printers.change_printer(unit_of_work(), actor=current_actor(), printer_id=printer_id, **values)
