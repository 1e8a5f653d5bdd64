"""Shapes of the register's forms and JSON: what comes in and what goes out, apart."""

import binascii
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate
from werkzeug.datastructures import FileStorage

from lims.equipment.calibration import Currency, Sticker
from lims.equipment.listing import Due
from lims.equipment.models import EquipmentState
from lims.equipment.papers import MAX_BYTES
from lims.equipment.records import CalibrationText
from lims.equipment.register import EquipmentText
from lims.equipment.states import EQUIPMENT_STEPS
from lims.ui.shapes import (
    Figure,
    Load,
    PageDump,
    PageQuery,
    choice,
    legal_day,
    number,
    row_version,
    text,
)

# -- devices -------------------------------------------------------------------------


class EquipmentLoad(Load):
    """Makes ``text``, an EquipmentText."""

    code = text(60)
    name_zh = text(120)
    name_en = text(160)
    equipment_class = text(60)
    maker = text(120, required=False, load_default="")
    model = text(120, required=False, load_default="")
    serial = text(120, required=False, load_default="")
    software = text(120, required=False, load_default="")
    identity = text(120, required=False, load_default=None, allow_none=True)
    section_id = number(load_default=None, allow_none=True)
    place = text(120, required=False, load_default="")
    in_service_on = legal_day(load_default=None, allow_none=True)

    @post_load
    def make(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        own = {name: values.pop(name) for name in EquipmentText.__slots__}
        return {**values, "text": EquipmentText(**own)}


class EquipmentEditLoad(EquipmentLoad):
    version = row_version()


class EquipmentStepLoad(Load):
    version = row_version()
    step = fields.String(required=True, validate=validate.OneOf(list(EQUIPMENT_STEPS)))
    reason = text(500)


class EquipmentQuery(PageQuery):
    words = text(60, required=False, load_default="")
    equipment_class = text(60, required=False, load_default=None)
    state = choice(EquipmentState, load_default=None)
    section_id = number(load_default=None)
    due = choice(Due, load_default=None)
    late = fields.Boolean(load_default=False, metadata={"description": "The most urgent first."})


class EquipmentLineDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    equipment_class = fields.String()
    model = fields.String()
    serial = fields.String()
    section_id = fields.Integer(allow_none=True)
    place = fields.String()
    state = choice(EquipmentState)
    due_on = fields.Date(allow_none=True)
    sticker = choice(Sticker, metadata={"description": "The colour on the device today."})
    currency = choice(Currency, metadata={"description": "How its calibration stands today."})


class EquipmentPageDump(PageDump):
    rows = fields.List(fields.Nested(EquipmentLineDump), data_key="items")


class EquipmentDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    equipment_class = fields.String()
    maker = fields.String()
    model = fields.String()
    serial = fields.String()
    software = fields.String()
    identity = fields.String(allow_none=True)
    section_id = fields.Integer(allow_none=True)
    place = fields.String()
    in_service_on = fields.Date(allow_none=True)
    state = choice(EquipmentState)
    state_reason = fields.String()


class FitnessSentenceDump(Schema):
    code = fields.String(metadata={"description": "Stable, for programs."})
    zh = fields.String()
    en = fields.String()


class FitnessQuery(Load):
    """``value`` in ``unit``: also asks whether it lies inside the calibrated range."""

    on = legal_day(load_default=None, metadata={"description": "Today unless given."})
    value = Figure(load_default=None)
    unit = text(40, required=False, load_default=None)


class FitnessDump(Schema):
    ok = fields.Boolean()
    code = fields.String(
        metadata={
            "description": "fit, limited, out_of_service, never_calibrated, not_accepted, "
            "calibration_overdue, outside_calibrated_range, range_unit."
        }
    )
    sentence = fields.Nested(FitnessSentenceDump)
    due_on = fields.Date(allow_none=True)


class EquipmentHistoryDump(Schema):
    at = fields.AwareDateTime()
    verb = fields.String()
    who = fields.String()
    reason = fields.String()
    before = fields.Dict(keys=fields.String(), values=fields.String())
    after = fields.Dict(keys=fields.String(), values=fields.String())


class EquipmentNeedDump(Schema):
    method_id = fields.Integer()
    test_item_id = fields.Integer()
    item_code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    standard = fields.String()
    clause = fields.String()
    inputs = fields.List(fields.String())


# -- calibrations --------------------------------------------------------------------


class Upload(fields.Field[bytes]):
    """The bytes of a file that a page sent."""

    default_error_messages = {"invalid": "Not a valid file."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        if not isinstance(value, FileStorage):
            raise self.make_error("invalid")
        return bytes(value.read(MAX_BYTES + 1))


class Base64(fields.String):
    """Bytes of at most MAX_BYTES in base64."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        typed = super()._deserialize(value, attr, data, **kwargs)
        try:
            return binascii.a2b_base64(typed, strict_mode=True)
        except ValueError as error:  # also what is not ASCII
            raise ValidationError("Not a valid string.") from error


class CalibrationLoad(Load):
    """Makes ``text``, a CalibrationText."""

    certificate_number = text(100)
    laboratory = text(160)
    calibrated_on = legal_day(required=True)
    due_on = legal_day(required=True)
    accepted = fields.Boolean(required=True)
    range_low = Figure(load_default=None, allow_none=True)
    range_high = Figure(load_default=None, allow_none=True)
    unit = text(40, required=False, load_default="")
    note = text(2000, required=False, load_default="")
    replaces_id = number(
        load_default=None,
        allow_none=True,
        metadata={"description": "A record of this device that held a slip: it counts no longer."},
    )

    @post_load
    def make(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        own = {name: values.pop(name) for name in CalibrationText.__slots__}
        return {**values, "text": CalibrationText(**own)}


class CalibrationFormLoad(CalibrationLoad):
    scan = Upload(load_default=None)


class CalibrationJsonLoad(CalibrationLoad):
    scan = Base64(
        load_default=None,
        allow_none=True,
        metadata={
            "format": "byte",
            "description": f"PDF, PNG or JPEG in base64, at most {MAX_BYTES // 1024 // 1024} MB.",
        },
    )


class CalibrationDump(Schema):
    id = fields.Integer()
    equipment_id = fields.Integer()
    certificate_number = fields.String()
    laboratory = fields.String()
    calibrated_on = fields.Date()
    due_on = fields.Date()
    accepted = fields.Boolean()
    range_low = Figure(allow_none=True)
    range_high = Figure(allow_none=True)
    unit = fields.String()
    note = fields.String()
    file_sha256 = fields.String(allow_none=True)
    recorded_by = fields.Integer(allow_none=True)
    recorded_at = fields.AwareDateTime()
    replaces_id = fields.Integer(allow_none=True)


class RecordedDump(Schema):
    record = fields.Nested(CalibrationDump)
    by_zh = fields.String(allow_none=True)
    by_en = fields.String(allow_none=True)
    replaced_by = fields.Integer(allow_none=True)


# -- classes -------------------------------------------------------------------------


class EquipmentClassEditLoad(Load):
    version = row_version()
    name_zh = text(100)
    name_en = text(120)


class EquipmentClassLoad(Load):
    code = text(60)
    name_zh = text(100)
    name_en = text(120)


class EquipmentClassDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
