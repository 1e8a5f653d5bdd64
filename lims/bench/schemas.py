"""What comes in at the bench's work pages and their JSON face; types and bounds only."""

from marshmallow import ValidationError, fields, validate
from werkzeug.datastructures import FileStorage

from lims.bench.states import WorksheetState
from lims.ui.shapes import (
    Figure,
    Load,
    PageQuery,
    ReasonLoad,
    choice,
    legal_day,
    number,
    row_version,
    storable,
    text,
)

MOST_TESTS = 500
MOST_CELLS = 2000


def test_ids() -> fields.List[int]:
    return fields.List(number(), required=True, validate=validate.Length(1, MOST_TESTS))


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


class ReviewForm(Load):
    """Ticked results with the versions that were looked at; ``one``: only this row's own button.

    ``worksheet_id`` or ``sample_id``: the page it was sent from, shown again when it is refused.
    """

    worksheet_id = number(load_default=None, allow_none=True)
    sample_id = number(load_default=None, allow_none=True)

    ids = fields.List(number(), load_default=list, validate=validate.Length(max=MOST_TESTS))
    one = number(load_default=None, allow_none=True)
    seen = fields.Dict(
        keys=text(20), values=fields.Integer(validate=validate.Range(0, 2**31 - 1)), load_default=dict
    )
    onward = fields.Boolean(load_default=False)
    reason = text(500, required=False, load_default="")


class RetestLoad(ReasonLoad):
    assignee_id = number(load_default=None, allow_none=True)


class ImportLoad(Load):
    """A file of results (.xlsx or CSV) in base64; pasted rows likewise, as UTF-8 without a name.

    ``mapping_id``, ``equipment_id``: of an instrument's file, which a mapping reads.
    """

    file_name = text(100, required=False, load_default="")
    content = fields.String(
        required=True,
        validate=[validate.Length(1, 3_000_000), storable],
        metadata={"description": "Base64 of at most 2 MB."},
    )
    leave_out_faulty = fields.Boolean(load_default=False)
    mapping_id = number(load_default=None, allow_none=True)
    equipment_id = number(load_default=None, allow_none=True)


def a_file(value: object) -> None:
    """A text may come under the file's name from a program, never from a page."""
    if not isinstance(value, FileStorage):
        raise ValidationError("Not a valid file.")


class PreviewForm(Load):
    file = fields.Raw(load_default=None, allow_none=True, validate=a_file)
    text_ = fields.String(
        load_default="", validate=[validate.Length(max=1_000_000), storable], data_key="text"
    )
    mapping_id = number(load_default=None, allow_none=True)
    equipment_id = number(load_default=None, allow_none=True)


class SectionQuery(Load):
    section_id = number(load_default=None)


class TestQuery(PageQuery):
    section_id = number(load_default=None)
    assignee_id = number(load_default=None)
    unassigned = fields.Boolean(load_default=False)
    late = fields.Boolean(load_default=False)
    stuck = fields.Boolean(load_default=False)


class PoolQuery(PageQuery):
    which = fields.String(load_default="all", validate=validate.OneOf(("all", "today", "late", "returned")))


class TakeBackLoad(TestsLoad):
    reason = text(500, required=False, load_default="")


class SheetQuery(PageQuery):
    analyst_id = number(load_default=None)
    state = choice(WorksheetState, load_default=None)
