"""What comes in and goes out of re-reading captures; types and bounds only."""

from marshmallow import Schema, fields, validate

from lims.bench.capture.rereading import MOST_FRAMES
from lims.bench.states import CaptureKind
from lims.ui.shapes import Figure, Load, choice, number, text

KINDS = ("unparsed", "all")


class RereadLoad(Load):
    """``profile``: as captures name it, ``our-ph/3`` or the key of a built-in one."""

    device = number(load_default=None, allow_none=True)
    profile = text(80, required=False, load_default="", allow_none=True)
    kind = fields.String(load_default="unparsed", validate=validate.OneOf(KINDS))


class LookLoad(Load):
    device = number(required=True)
    profile = text(80)
    kind = fields.String(load_default="unparsed", validate=validate.OneOf(KINDS))


class KeepLoad(LookLoad):
    """``capture_ids``: of the first value of each frame."""

    capture_ids = fields.List(number(), required=True, validate=validate.Length(min=1, max=MOST_FRAMES))
    reason = text(500)


# -- what goes out -------------------------------------------------------------------


class SaidDump(Schema):
    kind = choice(CaptureKind)
    text = fields.String(allow_none=True)
    value = Figure(allow_none=True)
    unit = fields.String(allow_none=True)
    stable = fields.Boolean(allow_none=True)
    code = fields.String(allow_none=True)
    name = fields.String()
    specimen = fields.String()


class FrameAgainDump(Schema):
    capture_id = fields.Integer(attribute="capture.id")
    seq = fields.Integer(attribute="capture.seq")
    raw = fields.Function(lambda frame: frame.capture.raw.hex())
    old = fields.List(fields.Nested(SaidDump))
    new = fields.List(fields.Nested(SaidDump))
    differs = fields.Boolean()
    claimed = fields.Boolean(metadata={"description": "A value of it stands in a cell: it stays."})


class LookDump(Schema):
    profile = fields.String(attribute="chosen.name")
    sha256 = fields.String(attribute="chosen.sha256")
    frames = fields.List(fields.Nested(FrameAgainDump))


class KeptDump(Schema):
    changed = fields.Integer(metadata={"description": "Frames that read otherwise now."})
