"""Shapes of labels and label printers."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from lims.intake.label_printing import MOST, LabelForm, LabelLook
from lims.intake.sample_schemas import optional_number, some_ids
from lims.ui.shapes import Load, choice, row_version, text
from reports.labels import CodeKind


def millimetres() -> fields.Integer:
    return fields.Integer(required=True, validate=validate.Range(10, 300))


def dots(**more: Any) -> fields.Integer:
    return fields.Integer(validate=validate.OneOf([6, 8, 12, 24]), **more)


class LabelsLoad(Load):
    """``printer_id`` with form ``printer``: size and dots are the printer's own unless given."""

    sample_ids = some_ids(MOST)
    form = choice(LabelForm, required=True)
    width_mm = millimetres()
    height_mm = millimetres()
    code_kind = choice(CodeKind, load_default=CodeKind.QR)
    dots_per_mm = dots(load_default=8)
    printer_id = optional_number()

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        if values["form"] is LabelForm.PRINTER and values["printer_id"] is None:
            raise ValidationError({"printer_id": ["Missing data for required field."]})
        names = ("width_mm", "height_mm", "code_kind", "dots_per_mm")
        return {"look": LabelLook(**{n: values.pop(n) for n in names}), **values}


class Numbers(fields.Field[list[int]]):
    """``1,2,3``: numbers of rows in an address."""

    default_error_messages = {"invalid": "Not a valid list of numbers."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[int]:
        parts = str(value).split(",") if value else []
        if len(parts) > MOST or not all(p.isascii() and p.isdigit() and len(p) < 16 for p in parts):
            raise self.make_error("invalid")
        return [int(part) for part in parts]


class LabelsQuery(Load):
    ids = Numbers(load_default=list)
    order_id = optional_number()


class PrinterLoad(Load):
    name = text(80)
    host = text(200)
    port = fields.Integer(load_default=9100, validate=validate.Range(1, 65535))
    width_mm = millimetres()
    height_mm = millimetres()
    dots_per_mm = dots(load_default=8)


class PrinterEditLoad(PrinterLoad):
    active = fields.Boolean(load_default=True)
    version = row_version()


class PrinterDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    name = fields.String()
    host = fields.String()
    port = fields.Integer()
    width_mm = fields.Integer()
    height_mm = fields.Integer()
    dots_per_mm = fields.Integer()
    active = fields.Boolean()


class AskedPrintDump(Schema):
    job_id = fields.Integer()


class JobDump(Schema):
    id = fields.Integer()
    state = fields.String()
    error = fields.String(allow_none=True)
    result = fields.String(allow_none=True)
