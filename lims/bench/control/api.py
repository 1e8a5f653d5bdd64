"""JSON face of quality control."""

from typing import Any

from lims.bench.control import decisions as control_decisions
from lims.bench.control import lines as control_lines
from lims.bench.control import reading as control_reading
from lims.bench.control.models import ControlEvaluation, ControlHold, ControlLine, WorksheetControl
from lims.bench.control.schemas import (
    ControlLineDump,
    ControlLineLoad,
    ControlPointDump,
    DecideLoad,
    HiddenControlDump,
    HideLoad,
    HoldDump,
    HoldPageDump,
    HoldQuery,
    RetireLineLoad,
)
from lims.bench.face import api_blueprint, refusals
from lims.bench.states import HoldState
from lims.catalogue.methods import method as method_named
from lims.core.database import db
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Permission
from lims.core.web import current_actor, request_key, unit_of_work
from lims.metrology.control_samples import ControlKind
from lims.ui.faces import ID

OF_METHOD = f"/methods/{ID.format('method_id')}/controls"
LINE = f"/controls/{ID.format('line_id')}"
HOLD = f"/control-holds/{ID.format('hold_id')}"
NEWEST = (Key(ControlHold.id, descending=True),)


@api_blueprint.route(OF_METHOD)
@api_blueprint.response(200, ControlLineDump(many=True))
@refusals(404)
def list_controls(method_id: int) -> list[ControlLine]:
    """The control template of a method, what is in use of it."""
    found = control_lines.lines_of(db.session(), {method_named(db.session(), method_id).id})
    may_see = current_actor().can(Permission.CONTROL_DECIDE)
    return [one for one in found if may_see or one.kind is not ControlKind.BLIND]


@api_blueprint.route(OF_METHOD, methods=["POST"])
@api_blueprint.arguments(ControlLineLoad, as_kwargs=True)
@api_blueprint.response(201, ControlLineDump)
@refusals(404, 409, 422)
def post_control(method_id: int, **values: Any) -> ControlLine:
    """Worksheets opened or added to from now on get this control."""
    return control_lines.add_line(
        unit_of_work(), actor=current_actor(), method_id=method_id, request_key=request_key(), **values
    )


@api_blueprint.route(f"{LINE}/retire", methods=["POST"])
@api_blueprint.arguments(RetireLineLoad, as_kwargs=True)
@api_blueprint.response(200, ControlLineDump)
@refusals(404, 409, 422)
def retire_control(line_id: int, **values: Any) -> ControlLine:
    return control_lines.retire_line(unit_of_work(), actor=current_actor(), line_id=line_id, **values)


@api_blueprint.route(f"{LINE}/hide", methods=["POST"])
@api_blueprint.arguments(HideLoad, as_kwargs=True)
@api_blueprint.response(200, HiddenControlDump)
@refusals(404, 409, 422)
def hide_control(line_id: int, **values: Any) -> WorksheetControl:
    """Make the test of this method on an ordinary sample a blind control."""
    return control_lines.hide_control(unit_of_work(), actor=current_actor(), line_id=line_id, **values)


@api_blueprint.route(f"{LINE}/points")
@api_blueprint.response(200, ControlPointDump(many=True))
@refusals(404)
def list_points(line_id: int) -> list[ControlEvaluation]:
    """The chart of a control, in order of time."""
    chart = control_reading.load_chart(db.session(), actor=current_actor(), line_id=line_id)
    return [point.evaluation for point in chart.points]


@api_blueprint.route("/control-holds")
@api_blueprint.arguments(HoldQuery, location="query", as_kwargs=True)
@api_blueprint.response(200, HoldPageDump)
@refusals(422)
def list_holds(cursor: str | None, size: int, state: HoldState | None) -> Page[Any]:
    """Results that a failing control holds, newest first."""
    rows = control_reading.holds_listed(current_actor())
    if state is not None:
        rows = rows.where(ControlHold.state == state)
    return read_page(db.session(), rows, NEWEST, cursor=cursor, size=size)


@api_blueprint.route(f"{HOLD}/decide", methods=["POST"])
@api_blueprint.arguments(DecideLoad, as_kwargs=True)
@api_blueprint.response(200, HoldDump)
@refusals(404, 409, 422)
def decide_hold(hold_id: int, **values: Any) -> ControlHold:
    """Let the held results stand, or have them and the control measured again."""
    return control_decisions.decide_hold(unit_of_work(), actor=current_actor(), hold_id=hold_id, **values)
