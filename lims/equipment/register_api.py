"""JSON face of the equipment register."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Response

from lims.core.clock import local_date
from lims.core.database import db
from lims.core.printing import labels_pdf
from lims.core.web import clock, current_actor, file_store, request_key, unit_of_work
from lims.equipment import listing, records, register
from lims.equipment.calibration import Fitness, fitness
from lims.equipment.demand import Need, methods_needing
from lims.equipment.history import Happening, history_of
from lims.equipment.json_face import blueprint, refusals
from lims.equipment.models import CalibrationRecord, Equipment, EquipmentClass
from lims.equipment.register_schemas import (
    CalibrationDump,
    CalibrationJsonLoad,
    EquipmentClassDump,
    EquipmentClassEditLoad,
    EquipmentClassLoad,
    EquipmentDump,
    EquipmentEditLoad,
    EquipmentHistoryDump,
    EquipmentLoad,
    EquipmentNeedDump,
    EquipmentPageDump,
    EquipmentQuery,
    EquipmentStepLoad,
    FitnessDump,
    FitnessQuery,
    RecordedDump,
)
from lims.equipment.stickers import sticker_sheet
from lims.ui.faces import ID, attachment

DEVICE = f"/equipment/{ID.format('equipment_id')}"


def today() -> date:
    return local_date(clock()())


@blueprint.route("/equipment")
@blueprint.arguments(EquipmentQuery, location="query", as_kwargs=True)
@blueprint.response(200, EquipmentPageDump)
@refusals(422)
def list_equipment(**wanted: Any) -> object:
    """The register as it stands today."""
    return listing.list_equipment(db.session(), on=today(), **wanted)


@blueprint.route("/equipment", methods=["POST"])
@blueprint.arguments(EquipmentLoad, as_kwargs=True)
@blueprint.response(201, EquipmentDump)
@refusals(409, 422)
def post_equipment(**values: Any) -> Equipment:
    """A new device; it may measure once a calibration is recorded and accepted."""
    return register.add_equipment(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route(DEVICE)
@blueprint.response(200, EquipmentDump)
@refusals(404)
def show_equipment(equipment_id: int) -> Equipment:
    return register.equipment(db.session(), equipment_id)


@blueprint.route(DEVICE, methods=["PUT"])
@blueprint.arguments(EquipmentEditLoad, as_kwargs=True)
@blueprint.response(200, EquipmentDump)
@refusals(404, 409, 422)
def put_equipment(equipment_id: int, **values: Any) -> Equipment:
    return register.edit_equipment(unit_of_work(), actor=current_actor(), equipment_id=equipment_id, **values)


@blueprint.route(f"{DEVICE}/state", methods=["POST"])
@blueprint.arguments(EquipmentStepLoad, as_kwargs=True)
@blueprint.response(200, EquipmentDump)
@refusals(404, 409, 422)
def post_state(equipment_id: int, **values: Any) -> Equipment:
    """Release it, limit its use, or take it out of service; every change names its reason."""
    return register.change_state(unit_of_work(), actor=current_actor(), equipment_id=equipment_id, **values)


@blueprint.route(f"{DEVICE}/fitness")
@blueprint.arguments(FitnessQuery, location="query", as_kwargs=True)
@blueprint.response(200, FitnessDump)
@refusals(404, 422)
def show_fitness(equipment_id: int, on: date | None, value: Decimal | None, unit: str | None) -> Fitness:
    """Whether the device may measure on a day, and a value with it; the reason where not."""
    row = register.equipment(db.session(), equipment_id)
    return fitness(db.session(), row, on or today(), value, unit)


@blueprint.route(f"{DEVICE}/history")
@blueprint.response(200, EquipmentHistoryDump(many=True))
@refusals(404)
def list_history(equipment_id: int) -> Sequence[Happening]:
    """Changes of state, place and identity with who and why, oldest first; the newest 200."""
    row = register.equipment(db.session(), equipment_id)
    return history_of(db.session(), row.id)


@blueprint.route(f"{DEVICE}/methods")
@blueprint.response(200, EquipmentNeedDump(many=True))
@refusals(404)
def list_methods(equipment_id: int) -> Sequence[Need]:
    """The methods in use that name the device's class."""
    row = register.equipment(db.session(), equipment_id)
    return methods_needing(db.session(), row.equipment_class)


@blueprint.route(f"{DEVICE}/label.pdf")
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="application/pdf")
@refusals(404, 409)
def show_label(equipment_id: int) -> Response:
    """The label to stick on the device, 60 by 40 mm."""
    row = register.equipment(db.session(), equipment_id)
    pdf = labels_pdf(sticker_sheet(db.session(), row, today()))
    return attachment(pdf, "application/pdf", f"equipment-{row.id}.pdf")


# -- calibrations --------------------------------------------------------------------


@blueprint.route(f"{DEVICE}/calibrations")
@blueprint.response(200, RecordedDump(many=True))
@refusals(404)
def list_calibrations(equipment_id: int) -> Sequence[records.Recorded]:
    """Newest first; corrected ones name the record that replaced them."""
    row = register.equipment(db.session(), equipment_id)
    return records.calibrations_of(db.session(), row.id)


@blueprint.route(f"{DEVICE}/calibrations", methods=["POST"])
@blueprint.arguments(CalibrationJsonLoad, as_kwargs=True)
@blueprint.response(201, CalibrationDump)
@refusals(404, 409, 422)
def post_calibration(equipment_id: int, **values: Any) -> CalibrationRecord:
    """Append a calibration record; records are never edited."""
    return records.record_calibration(
        unit_of_work(),
        actor=current_actor(),
        equipment_id=equipment_id,
        store=file_store(),
        request_key=request_key(),
        **values,
    )


@blueprint.route(f"/calibrations/{ID.format('record_id')}/scan")
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
@refusals(404)
def show_scan(record_id: int) -> Response:
    """The scanned certificate: PDF, PNG or JPEG, byte for byte."""
    paper = records.paper_of(db.session(), file_store(), record_id)
    return attachment(paper.content, paper.media_type, paper.name)


# -- classes -------------------------------------------------------------------------


@blueprint.route("/equipment-classes")
@blueprint.response(200, EquipmentClassDump(many=True))
@refusals()
def list_classes() -> list[EquipmentClass]:
    return register.equipment_classes(db.session())


@blueprint.route("/equipment-classes", methods=["POST"])
@blueprint.arguments(EquipmentClassLoad, as_kwargs=True)
@blueprint.response(201, EquipmentClassDump)
@refusals(409, 422)
def post_class(**values: Any) -> EquipmentClass:
    return register.add_class(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route(f"/equipment-classes/{ID.format('class_id')}", methods=["PUT"])
@blueprint.arguments(EquipmentClassEditLoad, as_kwargs=True)
@blueprint.response(200, EquipmentClassDump)
@refusals(404, 409, 422)
def put_class(class_id: int, **values: Any) -> EquipmentClass:
    """Other names; the code stays, because methods keep it."""
    return register.rename_class(unit_of_work(), actor=current_actor(), class_id=class_id, **values)
