"""What comes in and goes out at the bench's work pages and their JSON face; types and bounds only."""

from marshmallow import Schema, fields, validate

from lims.bench.states import InputSource, Verdict, WorksheetState
from lims.intake.states import TestState
from lims.ui.shapes import (
    Figure,
    Load,
    PageDump,
    PageQuery,
    ReasonLoad,
    choice,
    legal_day,
    number,
    row_version,
    text,
)

MOST_TESTS = 500
MOST_CELLS = 2000


def test_ids() -> fields.List[int]:
    return fields.List(number(), required=True, validate=validate.Length(1, MOST_TESTS))


# -- what comes in -------------------------------------------------------------------


class TestsLoad(Load):
    test_ids = test_ids()


class AssignLoad(TestsLoad):
    assignee_id = number(required=True)
    due_on = legal_day(load_default=None, allow_none=True)


class TickedForm(Load):
    """A bulk step of a list: the ticked rows, and the page to come back to."""

    ids = test_ids()
    next = text(2000, required=False, load_default="")


class AssignForm(TickedForm):
    assignee_id = number(required=True)
    due_on = legal_day(load_default=None, allow_none=True)


class TickedReasonForm(TickedForm):
    reason = text(500)


class TestsReasonLoad(TestsLoad):
    reason = text(500)


class CodeLoad(Load):
    code = text(200)


class ConditionsLoad(Load):
    """Temperature in °C, relative humidity in %."""

    temperature = Figure(load_default=None, allow_none=True)
    humidity = Figure(load_default=None, allow_none=True)
    note = text(2000, required=False, load_default="")
    version = row_version()


class EquipmentLoad(Load):
    equipment_id = number(required=True)


class CellLoad(Load):
    """``version``: the row's ``newest`` that was on the screen; a newer entry is not overwritten unseen."""

    value = text(200, required=False, load_default="")
    version = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(0, 2**53 - 1))
    reason = text(500, required=False, load_default=None, allow_none=True)


class OneCellLoad(Load):
    test_id = number(required=True)
    name = text(40)
    replicate = fields.Integer(load_default=1, validate=validate.Range(1, 1000))
    text_ = text(200, required=False, load_default="", data_key="text")
    reason = text(500, required=False, load_default=None, allow_none=True)


class CellsLoad(Load):
    cells = fields.List(fields.Nested(OneCellLoad), required=True, validate=validate.Length(1, MOST_CELLS))


class SheetForm(Load):
    """A whole sheet without script: ``cells-123-m1-1``, and each row's ``newest-123`` that was shown."""

    cells = fields.Dict(keys=text(80), values=text(200, required=False), load_default=dict)
    newest = fields.Dict(
        keys=text(20), values=fields.Integer(validate=validate.Range(0, 2**53 - 1)), load_default=dict
    )
    reason = text(500, required=False, load_default=None, allow_none=True)


class StepsForm(SheetForm):
    """Ticked rows of a sheet; ``every``: all that can take the step. Its cells come along, to lose none."""

    ids = fields.List(number(), load_default=list, validate=validate.Length(max=MOST_TESTS))
    every = fields.Boolean(load_default=False)


class SeenLoad(Load):
    test_id = number(required=True)
    version_number = fields.Integer(required=True, validate=validate.Range(1, 2**31 - 1))


class VerifyLoad(Load):
    """Each result with the version that was looked at."""

    results = fields.List(fields.Nested(SeenLoad), required=True, validate=validate.Length(1, MOST_TESTS))


class RetestLoad(ReasonLoad):
    assignee_id = number(load_default=None, allow_none=True)


class ImportLoad(Load):
    """Rows of a spreadsheet as text (CSV or tab-separated), or a file's bytes in base64."""

    file_name = text(120, required=False, load_default="")
    content = fields.String(required=True, validate=validate.Length(1, 3_000_000))
    leave_out_faulty = fields.Boolean(load_default=False)


class TestQuery(PageQuery):
    section_id = number(load_default=None)
    received = fields.Boolean(load_default=True)


class SheetQuery(PageQuery):
    analyst_id = number(load_default=None)
    state = choice(WorksheetState, load_default=None)


# -- what goes out -------------------------------------------------------------------


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
