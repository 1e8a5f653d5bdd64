"""What comes in and goes out of captures, takes and devices; types and bounds only."""

from marshmallow import Schema, fields, validate

from lims.bench.capture.takes import VERBS
from lims.bench.dump_schemas import RowAnswerDump
from lims.bench.states import CaptureKind
from lims.ui.shapes import Figure, Load, PageDump, PageQuery, choice, legal_day, number, text


class TakeLoad(Load):
    """``device``: take a reading now; ``capture_id``: claim one that is here. ``row``: number of the test."""

    device = number(load_default=None, allow_none=True)
    capture_id = number(load_default=None, allow_none=True)
    row = number(required=True)
    cell = text(60)
    reason = text(500, required=False, load_default=None, allow_none=True)


class CommandLoad(Load):
    """``argument``: key of the set-up, for the verb setup."""

    verb = fields.String(required=True, validate=validate.OneOf(VERBS))
    argument = text(40, required=False, load_default="")


class CaptureQuery(PageQuery):
    claimed = fields.Boolean(load_default=None, allow_none=True)
    kind = choice(CaptureKind, load_default=None)
    device_id = number(load_default=None)
    unbound = fields.Boolean(load_default=False)
    received_from = legal_day(load_default=None)
    received_to = legal_day(load_default=None)


class ClaimLoad(Load):
    """``cell``: ``worksheet:test:name-replicate``, as the page offers it."""

    cell = text(120)
    reason = text(500, required=False, load_default=None, allow_none=True)


# -- what goes out -------------------------------------------------------------------


class AskedDump(Schema):
    """A request to a device that is under way."""

    id = fields.String()
    href = fields.String(metadata={"description": "Where to ask how it stands."})
    state = fields.String()


class TakeDump(Schema):
    id = fields.String()
    state = fields.String(metadata={"description": "waiting, done or refused"})
    code = fields.String(allow_none=True)
    sentence = fields.String(allow_none=True)
    value = fields.String(allow_none=True)
    unit = fields.String(allow_none=True)
    row = fields.Nested(RowAnswerDump, allow_none=True)


class PrintedDump(Schema):
    value = fields.String(attribute="text", allow_none=True)
    unit = fields.String(allow_none=True)


class LiveDump(Schema):
    value = fields.String(allow_none=True)
    unit = fields.String(allow_none=True)
    stable = fields.Boolean(allow_none=True)
    age_s = fields.Float(allow_none=True)
    link = fields.String()
    refusal = fields.String(allow_none=True)
    setup = fields.String(
        metadata={"description": "What the device says it is set up to; empty: it has not said."}
    )
    capture_id = fields.Integer(allow_none=True)
    printed = fields.Nested(PrintedDump, allow_none=True)


class FigureDump(Schema):
    name = fields.String()
    value = fields.String(attribute="text", allow_none=True)
    unit = fields.String(allow_none=True)


class DeviceNowDump(Schema):
    """A device as it is now. ``link``: connected, connecting, silent, suspect_line_settings, unplugged,
    wrong_device, away, revoked or unseen."""

    id = fields.Integer(attribute="device.id")
    name = fields.String(attribute="device.name")
    gateway_id = fields.Integer(attribute="device.gateway_id")
    gateway = fields.String(attribute="gateway.gateway.name")
    equipment_id = fields.Integer(attribute="device.equipment_id", allow_none=True)
    link = fields.String()
    is_other = fields.Boolean()
    value = fields.String(attribute="live.text", allow_none=True)
    unit = fields.String(attribute="live.unit", allow_none=True)
    stable = fields.Boolean(attribute="live.stable", allow_none=True)
    figures = fields.List(fields.Nested(FigureDump))
    abilities = fields.List(
        fields.String(),
        allow_none=True,
        metadata={
            "description": "take, tare, zero, orders: what it can be told; null: its gateway does not say."
        },
    )
    figure_at = fields.AwareDateTime(attribute="live.figure_at", allow_none=True)
    serial = fields.String(attribute="live.identity", allow_none=True)
    expected_serial = fields.String(attribute="live.expected_identity", allow_none=True)


class UsableDump(Schema):
    id = fields.Integer()
    name = fields.String()
    link = fields.String()
    equipment_id = fields.Integer(attribute="equipment.id")
    equipment_code = fields.String(attribute="equipment.code")
    refusal = fields.String(allow_none=True)


class CaptureDump(Schema):
    id = fields.Integer()
    gateway_id = fields.Integer()
    epoch = fields.String()
    seq = fields.Integer()
    device_id = fields.Integer(allow_none=True)
    device_name = fields.String()
    equipment_id = fields.Integer(allow_none=True)
    kind = choice(CaptureKind)
    text = fields.String(allow_none=True)
    value = Figure(allow_none=True)
    unit = fields.String(allow_none=True)
    stable = fields.Boolean(allow_none=True)
    code = fields.String(allow_none=True)
    name = fields.String(metadata={"description": "What the device calls the value: register, test code."})
    specimen = fields.String(metadata={"description": "The sample the device was told."})
    trigger = fields.String()
    captured_at = fields.AwareDateTime()
    received_at = fields.AwareDateTime()
    flags = fields.Function(lambda row: row.flags.split())
    claimed = fields.Boolean()


class CapturePageDump(PageDump):
    items = fields.List(fields.Nested(CaptureDump), attribute="rows")


class ProofDump(Schema):
    """Enough to check a capture without this server: the signed body that brought it."""

    body = fields.Function(lambda batch: batch.body.decode("utf-8", "replace"))
    signature = fields.String()
    public_key = fields.String(metadata={"description": "Ed25519, hex."})
    received_at = fields.AwareDateTime()


class StoredCaptureDump(CaptureDump):
    part = fields.Integer(metadata={"description": "Counts the values of one frame from 0."})
    serial = fields.String(attribute="identity", allow_none=True)
    profile = fields.String()
    request_id = fields.String(allow_none=True)
    boot_id = fields.String()
    prev_hash = fields.String()
    hash = fields.String()


class CaptureDetailDump(Schema):
    capture = fields.Nested(StoredCaptureDump(exclude=("claimed",)))
    claimed = fields.Function(lambda page: page.claim is not None)
    raw = fields.String(attribute="raw_base64", metadata={"description": "Base64 of the bytes as they came."})
    signed = fields.Boolean(metadata={"description": "Whether the delivery's signature holds, checked now."})
    proof = fields.Nested(ProofDump, attribute="batch")


class ReceiptDump(Schema):
    acknowledged = fields.Integer()
    stored = fields.Integer()
    already = fields.Integer()


class CommandDump(Schema):
    id = fields.String()
    device = fields.String()
    verb = fields.String()
    expires_in_ms = fields.Integer()
    timeout_ms = fields.Integer()
    argument = fields.String(metadata={"description": "Which set-up."})


class OfferDump(Schema):
    key = fields.String()
    version = fields.Integer()
    sha256 = fields.String()
    text = fields.String()


class ToldDump(Schema):
    """One message about an order for an analyser."""

    entry = fields.String()
    do = fields.String(metadata={"description": "add or withdraw"})
    order = fields.String()
    device = fields.String()
    specimen = fields.String()
    test = fields.String()
    name = fields.String(metadata={"description": "Of the sample, for people."})


class LiveAnswerDump(Schema):
    next_ms = fields.Integer()
    commands = fields.List(fields.Nested(CommandDump))
    profiles = fields.List(fields.Nested(OfferDump))
    worklist = fields.List(fields.Nested(ToldDump))
