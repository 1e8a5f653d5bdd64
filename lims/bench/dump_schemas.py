"""What the JSON face of the bench's work gives out."""

import base64

from marshmallow import Schema, fields

from lims.bench.states import InputSource, Verdict, WorksheetState
from lims.intake.states import TestState
from lims.ui.shapes import Figure, PageDump, choice


class AssignmentDump(Schema):
    id = fields.Integer()
    requested_test_id = fields.Integer()
    assignee_id = fields.Integer()
    assigned_by = fields.Integer(allow_none=True)
    assigned_at = fields.AwareDateTime()
    due_on = fields.Date()


class TestStateDump(Schema):
    id = fields.Integer()
    state = choice(TestState)
    assignee_id = fields.Integer(allow_none=True)
    due_on = fields.Date()


class TestRowDump(TestStateDump):
    sample_id = fields.Integer()
    sample_number = fields.String()
    sample_name = fields.String()
    order_id = fields.Integer()
    order_number = fields.String()
    item_zh = fields.String()
    item_en = fields.String()
    standard = fields.String()
    clause = fields.String()
    method_id = fields.Integer()
    method_version_id = fields.Integer()
    section_id = fields.Integer()


class TestPageDump(PageDump):
    items = fields.List(fields.Nested(TestRowDump), attribute="rows")


class SubmittedRowDump(TestRowDump):
    attempt = fields.Integer()
    submitted_at = fields.AwareDateTime()
    version_id = fields.Integer()
    reported = fields.String()
    unit = fields.String()
    verdict = choice(Verdict)
    near_limit = fields.Boolean()
    sheet_id = fields.Integer(allow_none=True)


class SubmittedPageDump(PageDump):
    items = fields.List(fields.Nested(SubmittedRowDump), attribute="rows")


class LoadDump(Schema):
    """Open and late tests of one person, and the methods it may do; by name, never ranked."""

    account_id = fields.Integer()
    name_zh = fields.String()
    name_en = fields.String()
    open = fields.Integer()
    late = fields.Integer()
    methods = fields.List(fields.Integer())


class SheetRowDump(Schema):
    id = fields.Integer()
    number = fields.String()
    state = choice(WorksheetState)
    opened_at = fields.AwareDateTime()
    analyst_id = fields.Integer()
    held = fields.Integer(metadata={"description": "How many tests stand on it."})
    item_zh = fields.String()
    item_en = fields.String()
    standard = fields.String()
    clause = fields.String()


class SheetPageDump(PageDump):
    items = fields.List(fields.Nested(SheetRowDump), attribute="rows")


class ResultVersionDump(Schema):
    id = fields.Integer()
    result_id = fields.Integer()
    number = fields.Integer()
    reported = fields.String()
    unit = fields.String()
    verdict = choice(Verdict)
    verdict_reason = fields.String()
    expanded_uncertainty = Figure(
        allow_none=True, metadata={"description": "As stated, in `unit`, with `coverage_factor`."}
    )
    coverage_factor = Figure(allow_none=True)
    budget_id = fields.Integer(allow_none=True)
    near_limit = fields.Boolean()
    comparison = fields.String(allow_none=True)
    limit_id = fields.Integer(allow_none=True)
    computed_at = fields.AwareDateTime()
    computed_by = fields.Integer(allow_none=True)


class ResultDump(Schema):
    id = fields.Integer()
    requested_test_id = fields.Integer()
    attempt = fields.Integer()
    current = fields.Boolean()
    current_version = fields.Integer()
    submitted_by = fields.Integer(allow_none=True)
    submitted_at = fields.AwareDateTime(allow_none=True)
    verified_by = fields.Integer(allow_none=True)
    verified_at = fields.AwareDateTime(allow_none=True)
    returned_by = fields.Integer(allow_none=True)
    return_reason = fields.String(allow_none=True)
    retest_reason = fields.String(allow_none=True)
    version = fields.Integer()


class EntryDump(Schema):
    """One value that was entered; values are appended, never changed."""

    id = fields.Integer()
    requested_test_id = fields.Integer()
    attempt = fields.Integer()
    name = fields.String()
    replicate = fields.Integer()
    text = fields.String()
    value = Figure(allow_none=True)
    unit = fields.String()
    source = choice(InputSource)
    capture_id = fields.Integer(allow_none=True)
    equipment_id = fields.Integer(allow_none=True)
    origin = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    entered_by = fields.Integer(allow_none=True)
    entered_at = fields.AwareDateTime()


class CellDump(Schema):
    text = fields.String()
    source = choice(InputSource, allow_none=True)
    locked = fields.String(metadata={"description": "Why hands may not write here; empty: they may."})
    entry = fields.Nested(EntryDump, allow_none=True)


class ColumnDump(Schema):
    key = fields.String()
    replicate = fields.Integer()
    name = fields.String(attribute="input.name")
    label_zh = fields.String(attribute="input.label_zh")
    label_en = fields.String(attribute="input.label_en")
    unit = fields.String(attribute="input.unit")
    typed = fields.Boolean(attribute="input.typed")
    equipment_class = fields.String(attribute="input.equipment_class", allow_none=True)


class NeededDump(Schema):
    code = fields.String()
    version = fields.Nested(ResultVersionDump, allow_none=True)


class RowDump(Schema):
    test = fields.Nested(TestStateDump)
    sample_id = fields.Integer(attribute="sample.id")
    sample_number = fields.String(attribute="sample.number")
    sample_name = fields.String(attribute="sample.name")
    cells = fields.Dict(keys=fields.String(), values=fields.Nested(CellDump))
    needed = fields.List(fields.Nested(NeededDump))
    result = fields.Nested(ResultDump, allow_none=True)
    version = fields.Nested(ResultVersionDump, allow_none=True)
    newest = fields.Integer(metadata={"description": "Send it as version when a cell of this row is saved."})
    remark = fields.String()
    editable = fields.Boolean()
    ready = fields.Boolean()


class UsedEquipmentDump(Schema):
    equipment_id = fields.Integer(attribute="equipment.id")
    code = fields.String(attribute="equipment.code")
    name_zh = fields.String(attribute="equipment.name_zh")
    name_en = fields.String(attribute="equipment.name_en")
    noted_at = fields.AwareDateTime(attribute="row.noted_at")
    fit = fields.Boolean(attribute="fitness.ok")


class WorksheetDump(Schema):
    id = fields.Integer()
    number = fields.String()
    state = choice(WorksheetState)
    method_version_id = fields.Integer()
    analyst_id = fields.Integer()
    opened_at = fields.AwareDateTime()
    temperature = Figure(allow_none=True)
    humidity = Figure(allow_none=True)
    note = fields.String()
    version = fields.Integer()


class SheetDump(Schema):
    worksheet = fields.Nested(WorksheetDump)
    formula = fields.String(attribute="version.formula")
    unit = fields.String(attribute="version.unit")
    columns = fields.List(fields.Nested(ColumnDump))
    needed = fields.List(fields.String())
    rows = fields.List(fields.Nested(RowDump))
    equipment = fields.List(fields.Nested(UsedEquipmentDump))
    open = fields.Boolean(metadata={"description": "Whether you may write on it now."})


class RowAnswerDump(Schema):
    """What a saved cell answers: the row's new ``version``, its cells, and what is shown beside them."""

    version = fields.Integer()
    cells = fields.Dict(keys=fields.String(), values=fields.String())
    show = fields.Dict(keys=fields.String(), values=fields.String())
    tones = fields.Dict(keys=fields.String(), values=fields.String())
    sentence = fields.String()


class ChangedDump(Schema):
    changed = fields.List(fields.Integer(), metadata={"description": "Tests computed again."})


class StandingDump(Schema):
    states = fields.Dict(keys=choice(TestState), values=fields.Integer())
    late = fields.Integer()
    stuck = fields.Integer()


class FlagDump(Schema):
    words = fields.String()
    tone = fields.String()


class ReviewRowDump(Schema):
    row = fields.Nested(RowDump)
    agrees = fields.Boolean(attribute="row.agrees", metadata={"description": "Computed again, the same."})
    flags = fields.List(fields.Nested(FlagDump))
    limit = fields.String()
    unrounded = fields.String()
    own_hand = fields.Boolean(metadata={"description": "You had a hand in it and cannot judge it."})


class ReviewDump(Schema):
    worksheet = fields.Nested(WorksheetDump, allow_none=True)
    rows = fields.List(fields.Nested(ReviewRowDump))


class ImportRowDump(Schema):
    number = fields.Integer()
    cells = fields.List(fields.String())
    test_id = fields.Integer(allow_none=True)
    faults = fields.List(fields.String())
    replaces = fields.List(fields.String())


class PreviewDump(Schema):
    sha256 = fields.String(attribute="file.sha256")
    heading = fields.List(fields.String())
    columns = fields.List(fields.String(), metadata={"description": "What each column fills."})
    ignored = fields.List(fields.String())
    rows = fields.List(fields.Nested(ImportRowDump))


class Base64(fields.Field[bytes]):
    """Bytes as they came."""

    def _serialize(self, value: bytes | None, attr: str | None, obj: object, **kwargs: object) -> str | None:
        return None if value is None else base64.b64encode(value).decode()


class CaptureEvidenceDump(Schema):
    id = fields.Integer()
    seq = fields.Integer()
    epoch = fields.String()
    raw = Base64()
    text = fields.String(allow_none=True)
    unit = fields.String(allow_none=True)
    captured_at = fields.AwareDateTime()
    hash = fields.String()
    prev_hash = fields.String()
    flags = fields.String()


class CalibrationEvidenceDump(Schema):
    certificate_number = fields.String()
    laboratory = fields.String()
    calibrated_on = fields.Date()
    due_on = fields.Date()


class OriginDump(Schema):
    value = fields.Nested(EntryDump)
    capture = fields.Nested(CaptureEvidenceDump, allow_none=True)
    gateway = fields.String(attribute="source.gateway.name", allow_none=True)
    signature_holds = fields.Boolean(attribute="source.proof.signature", allow_none=True)
    bytes_in_delivery = fields.Boolean(attribute="source.proof.bytes_in_delivery", allow_none=True)
    equipment_code = fields.String(attribute="source.equipment.code", allow_none=True)
    calibration = fields.Nested(CalibrationEvidenceDump, allow_none=True)
    superseded = fields.List(fields.Nested(EntryDump))


class NeededResultDump(Schema):
    item = fields.String(attribute="item.code")
    version = fields.Nested(ResultVersionDump)
    figure = fields.String(metadata={"description": "Unrounded, as it was computed with."})


class WalkDump(Schema):
    """``notes``: formula, steps, limit, both comparisons, as they were stored with the result."""

    version = fields.Nested(ResultVersionDump)
    result = fields.Nested(ResultDump)
    test = fields.Nested(TestStateDump)
    sample_id = fields.Integer(attribute="sample.id")
    sample_number = fields.String(attribute="sample.number")
    method_version_id = fields.Integer(attribute="method.id")
    notes = fields.Dict()
    origins = fields.List(fields.Nested(OriginDump))
    items = fields.List(fields.Nested(NeededResultDump))
    history = fields.List(fields.Nested(ResultVersionDump))
    agrees = fields.Boolean(metadata={"description": "Computed again now, it is the same to the last digit."})
    recomputed = fields.String()
