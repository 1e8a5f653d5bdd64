"""Assignments, worksheets and verification: JSON face."""

import base64
import binascii
from typing import Any

from flask_babel import gettext as _

from lims.bench import assignments, sheet_view, worklist, worksheets
from lims.bench.dump_schemas import (
    AssignmentDump,
    ChangedDump,
    EntryDump,
    LoadDump,
    PreviewDump,
    RowAnswerDump,
    SheetDump,
    SheetPageDump,
    StandingDump,
    TestPageDump,
    TestStateDump,
    WorksheetDump,
)
from lims.bench.face import api_blueprint, refusals
from lims.bench.files import result_imports
from lims.bench.files.import_shapes import ImportFile, Preview
from lims.bench.files.result_imports import ImportPlan
from lims.bench.inputs import Cell, enter_cells, read_cell_key
from lims.bench.labels import today
from lims.bench.models import Assignment, Worksheet
from lims.bench.saved_cell import save_cell
from lims.bench.schemas import (
    AssignLoad,
    CellLoad,
    CellsLoad,
    CodeLoad,
    ConditionsLoad,
    EquipmentLoad,
    ImportLoad,
    PoolQuery,
    SectionQuery,
    SheetQuery,
    TestQuery,
    TestsLoad,
)
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.paging import Key, Page, read_page
from lims.core.web import clock, current_actor, file_store, request_key, unit_of_work
from lims.intake.models import RequestedTest
from lims.ui.faces import ID
from lims.ui.shapes import PageQuery, ReasonLoad

SHEET = f"/worksheets/{ID.format('worksheet_id')}"
TEST = f"/tests/{ID.format('test_id')}"
BY_DUE = (Key(RequestedTest.due_on), Key(RequestedTest.id))


# -- section head and pool -----------------------------------------------------------


@api_blueprint.route("/open-tests")
@api_blueprint.arguments(TestQuery, location="query", as_kwargs=True)
@api_blueprint.response(200, TestPageDump)
@refusals(422)
def list_open_tests(cursor: str | None, size: int, **wanted: Any) -> Page[Any]:
    """Open tests by due date, late ones first; ``unassigned``, ``late``, ``stuck`` narrow them."""
    statement = worklist.chosen(now=clock()(), on=today(), **wanted)
    return read_page(db.session(), statement, BY_DUE, cursor=cursor, size=size)


@api_blueprint.route("/standing")
@api_blueprint.arguments(SectionQuery, location="query", as_kwargs=True)
@api_blueprint.response(200, StandingDump)
@refusals(422)
def show_standing(section_id: int | None) -> worklist.Standing:
    """How many tests stand in which state, are late, or do not move."""
    return worklist.standing(db.session(), section_id=section_id, now=clock()(), on=today())


@api_blueprint.route("/loads")
@api_blueprint.arguments(SectionQuery, location="query", as_kwargs=True)
@api_blueprint.response(200, LoadDump(many=True))
@refusals(422)
def list_loads(section_id: int | None) -> list[assignments.Load]:
    """Open and late tests of each analyst by name, and the methods each may do."""
    return assignments.loads(db.session(), section_id=section_id, on=today())


@api_blueprint.route("/assignments", methods=["POST"])
@api_blueprint.arguments(AssignLoad, as_kwargs=True)
@api_blueprint.response(201, AssignmentDump(many=True))
@refusals(404, 409, 422)
def post_assignments(**values: Any) -> list[Assignment]:
    """Give tests to a person, all or none; whoever had one before loses it."""
    return assignments.assign_tests(unit_of_work(), actor=current_actor(), **values)


@api_blueprint.route("/pool")
@api_blueprint.arguments(PageQuery, location="query", as_kwargs=True)
@api_blueprint.response(200, TestPageDump)
@refusals(422)
def list_pool(cursor: str | None, size: int) -> Page[Any]:
    """Unassigned tests of received samples that you are authorised for."""
    statement = worklist.pool(db.session(), current_actor(), today())
    return read_page(db.session(), statement, BY_DUE, cursor=cursor, size=size)


@api_blueprint.route("/pool/take", methods=["POST"])
@api_blueprint.arguments(TestsLoad, as_kwargs=True)
@api_blueprint.response(201, AssignmentDump(many=True))
@refusals(404, 409, 422)
def take_tests(test_ids: list[int]) -> list[Assignment]:
    """Take tests nobody has; who comes second is told so (``already_taken``)."""
    return assignments.take_tests(unit_of_work(), actor=current_actor(), test_ids=test_ids)


@api_blueprint.route(f"{TEST}/return-to-pool", methods=["POST"])
@api_blueprint.arguments(ReasonLoad, as_kwargs=True)
@api_blueprint.response(200, TestStateDump)
@refusals(404, 409, 422)
def return_to_pool(test_id: int, reason: str) -> RequestedTest:
    return assignments.return_to_pool(unit_of_work(), actor=current_actor(), test_id=test_id, reason=reason)


@api_blueprint.route("/my-tests")
@api_blueprint.arguments(PoolQuery, location="query", as_kwargs=True)
@api_blueprint.response(200, TestPageDump)
@refusals(422)
def list_my_tests(cursor: str | None, size: int, which: str) -> Page[Any]:
    """Your open tests by due date: all, due by today, late, or returned."""
    statement = worklist.mine(current_actor(), which, today())
    return read_page(db.session(), statement, BY_DUE, cursor=cursor, size=size)


# -- worksheets ----------------------------------------------------------------------


@api_blueprint.route("/worksheets")
@api_blueprint.arguments(SheetQuery, location="query", as_kwargs=True)
@api_blueprint.response(200, SheetPageDump)
@refusals(422)
def list_worksheets(cursor: str | None, size: int, **wanted: Any) -> Page[Any]:
    keys = (Key(Worksheet.id, descending=True),)
    statement = worklist.worksheets_chosen(**wanted)
    return read_page(db.session(), statement, keys, cursor=cursor, size=size)


@api_blueprint.route("/worksheets", methods=["POST"])
@api_blueprint.arguments(TestsLoad, as_kwargs=True)
@api_blueprint.response(201, WorksheetDump)
@refusals(404, 409, 422)
def post_worksheet(test_ids: list[int]) -> Worksheet:
    """Open a worksheet with own tests of one method."""
    return worksheets.open_worksheet(
        unit_of_work(), actor=current_actor(), test_ids=test_ids, request_key=request_key()
    )


@api_blueprint.route("/worksheets/scan", methods=["POST"])
@api_blueprint.arguments(CodeLoad, as_kwargs=True)
@api_blueprint.response(200, WorksheetDump(many=True))
@refusals(404, 409, 422)
def begin_sample(code: str) -> list[Worksheet]:
    """Put your open tests of a scanned sample on the worksheets of their methods."""
    return worksheets.begin_sample(unit_of_work(), actor=current_actor(), code=code)


@api_blueprint.route(SHEET)
@api_blueprint.response(200, SheetDump)
@refusals(404)
def show_worksheet(worksheet_id: int) -> sheet_view.SheetView:
    return _view(worksheet_id)


def _view(worksheet_id: int) -> sheet_view.SheetView:
    return sheet_view.load_sheet(
        db.session(), actor=current_actor(), worksheet_id=worksheet_id, now=clock()()
    )


@api_blueprint.route(f"{SHEET}/rows", methods=["POST"])
@api_blueprint.arguments(TestsLoad, as_kwargs=True)
@api_blueprint.response(200, WorksheetDump)
@refusals(404, 409, 422)
def add_rows(worksheet_id: int, test_ids: list[int]) -> Worksheet:
    return worksheets.add_rows(
        unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, test_ids=test_ids
    )


@api_blueprint.route(f"{SHEET}/samples", methods=["POST"])
@api_blueprint.arguments(CodeLoad, as_kwargs=True)
@api_blueprint.response(200, WorksheetDump)
@refusals(404, 409, 422)
def add_sample(worksheet_id: int, code: str) -> Worksheet:
    """Add your test of this method of the sample with the scanned number."""
    return worksheets.add_sample(unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, code=code)


@api_blueprint.route(f"{SHEET}/rows/{ID.format('test_id')}", methods=["DELETE"])
@api_blueprint.response(200, WorksheetDump)
@refusals(404, 409)
def delete_row(worksheet_id: int, test_id: int) -> Worksheet:
    """Take a test off the sheet; it stays yours, and what was entered stays with it."""
    return worksheets.remove_row(
        unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, test_id=test_id
    )


@api_blueprint.route(f"{SHEET}/conditions", methods=["PUT"])
@api_blueprint.arguments(ConditionsLoad, as_kwargs=True)
@api_blueprint.response(200, WorksheetDump)
@refusals(404, 409, 422)
def put_conditions(worksheet_id: int, **values: Any) -> Worksheet:
    return worksheets.set_conditions(
        unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, **values
    )


@api_blueprint.route(f"{SHEET}/equipment", methods=["POST"])
@api_blueprint.arguments(EquipmentLoad, as_kwargs=True)
@api_blueprint.response(200, WorksheetDump)
@refusals(404, 409, 422)
def post_equipment(worksheet_id: int, equipment_id: int) -> Worksheet:
    """Name equipment by hand; refused when it may not be used today."""
    return worksheets.use_equipment(
        unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, equipment_id=equipment_id
    )


@api_blueprint.route(f"{SHEET}/equipment/{ID.format('equipment_id')}", methods=["DELETE"])
@api_blueprint.response(200, WorksheetDump)
@refusals(404, 409)
def delete_equipment(worksheet_id: int, equipment_id: int) -> Worksheet:
    """Take equipment named by mistake off the record, while no value came from it."""
    return worksheets.leave_equipment(
        unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, equipment_id=equipment_id
    )


@api_blueprint.route(f"{SHEET}/cells", methods=["PUT"])
@api_blueprint.arguments(CellsLoad, as_kwargs=True)
@api_blueprint.response(200, ChangedDump)
@refusals(404, 409, 422)
def put_cells(worksheet_id: int, cells: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Many typed cells, all or none; faults are named ``test:name:replicate``."""
    wanted = [Cell(c["test_id"], c["name"], c["replicate"], c["text_"], c["reason"]) for c in cells]
    changed = enter_cells(unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, cells=wanted)
    return {"changed": changed}


@api_blueprint.route(f"{SHEET}/tests/{ID.format('test_id')}/cells/<key>", methods=["PUT"])
@api_blueprint.arguments(CellLoad, as_kwargs=True)
@api_blueprint.response(200, RowAnswerDump)
@refusals(404, 409, 422)
def put_cell(
    worksheet_id: int, test_id: int, key: str, value: str, version: int | None, reason: str | None
) -> sheet_view.RowAnswer:
    """One typed cell (``key``: m1-2 is the second replicate of m1); an empty value clears it."""
    actor, cell = current_actor(), Cell(test_id, *read_cell_key(key), value, reason)
    seen = None if version is None else {test_id: version}
    row = save_cell(unit_of_work(), actor=actor, worksheet_id=worksheet_id, cell=cell, seen=seen)
    return sheet_view.answer_of(row)


@api_blueprint.route(f"{TEST}/cells/<key>")
@api_blueprint.response(200, EntryDump(many=True))
@refusals(404, 422)
def list_entries(test_id: int, key: str) -> object:
    """Everything that ever stood in one cell, newest first."""
    return sheet_view.entries_of_cell(db.session(), actor=current_actor(), test_id=test_id, key=key)[2]


def _file(file_name: str, content: str) -> ImportFile:
    try:
        return ImportFile(file_name, base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError) as error:
        sentence = _("The content is not base64.")
        raise InvalidInput(sentence, code="bad_content", fields={"content": [sentence]}) from error


@api_blueprint.route(f"{SHEET}/import/preview", methods=["POST"])
@api_blueprint.arguments(ImportLoad, as_kwargs=True)
@api_blueprint.response(200, PreviewDump)
@refusals(404, 409, 422)
def preview_import(
    worksheet_id: int,
    file_name: str,
    content: str,
    leave_out_faulty: bool,
    mapping_id: int | None,
    equipment_id: int | None,
) -> Preview:
    """What an import would do, row by row; nothing is kept."""
    return result_imports.preview_import(
        unit_of_work(),
        actor=current_actor(),
        file=_file(file_name, content),
        plan=ImportPlan(worksheet_id, mapping_id, equipment_id),
    )


@api_blueprint.route(f"{SHEET}/import", methods=["POST"])
@api_blueprint.arguments(ImportLoad, as_kwargs=True)
@api_blueprint.response(200, ChangedDump)
@refusals(404, 409, 422)
def post_import(
    worksheet_id: int,
    file_name: str,
    content: str,
    leave_out_faulty: bool,
    mapping_id: int | None,
    equipment_id: int | None,
) -> dict[str, list[int]]:
    """Values of a file: all or none, or all rows without fault. The same file again: ``file_imported``."""
    changed = result_imports.import_values(
        unit_of_work(),
        actor=current_actor(),
        file=_file(file_name, content),
        plan=ImportPlan(worksheet_id, mapping_id, equipment_id),
        store=file_store(),
        leave_out_faulty=leave_out_faulty,
    )
    return {"changed": changed}
