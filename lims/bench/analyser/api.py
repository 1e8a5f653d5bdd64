"""Worklists of analysers: JSON face."""

from lims.bench.analyser import names as analyser_names
from lims.bench.analyser import orders as analyser_orders
from lims.bench.analyser import results as analyser_results
from lims.bench.analyser.models import AnalyserWorklist
from lims.bench.analyser.schemas import (
    AnalyserDump,
    ChangedNamesDump,
    NameDump,
    NamesLoad,
    OrdersLoad,
    TakenDump,
    WithdrawnDump,
    WorklistDump,
)
from lims.bench.analyser.view import AnalyserView
from lims.bench.face import api_blueprint, refusals
from lims.core.database import db
from lims.core.web import clock, current_actor, request_key, unit_of_work
from lims.ui.faces import ID

ANALYSER = f"/worksheets/{ID.format('worksheet_id')}/analysers/{ID.format('device_id')}"
NAMES = f"/equipment/{ID.format('equipment_id')}/analyser-tests"


@api_blueprint.route(ANALYSER)
@api_blueprint.response(200, AnalyserDump)
@refusals(404)
def list_analyser_orders(worksheet_id: int, device_id: int) -> AnalyserView:
    """What the analyser was told for this worksheet, and how far each order has come."""
    return analyser_results.show_orders(
        db.session(), actor=current_actor(), worksheet_id=worksheet_id, device_id=device_id, now=clock()()
    )


@api_blueprint.route(f"{ANALYSER}/worklist", methods=["POST"])
@api_blueprint.response(201, WorklistDump)
@refusals(404, 409, 422)
def send_worklist(worksheet_id: int, device_id: int) -> AnalyserWorklist:
    """Order what the analyser has not been told yet and has not measured."""
    return analyser_orders.send_worklist(
        unit_of_work(),
        actor=current_actor(),
        worksheet_id=worksheet_id,
        device_id=device_id,
        request_key=request_key(),
    )


@api_blueprint.route(f"{ANALYSER}/withdraw", methods=["POST"])
@api_blueprint.arguments(OrdersLoad, as_kwargs=True)
@api_blueprint.response(200, WithdrawnDump)
@refusals(404, 409, 422)
def withdraw_orders(worksheet_id: int, device_id: int, order_ids: list[int]) -> dict[str, list[int]]:
    """Take orders back; which of them that changed."""
    done = analyser_orders.withdraw_orders(
        unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, order_ids=order_ids
    )
    return {"orders": done}


@api_blueprint.route(f"{ANALYSER}/results", methods=["POST"])
@api_blueprint.response(200, TakenDump)
@refusals(404, 409, 422)
def take_results(worksheet_id: int, device_id: int) -> analyser_results.Taken:
    """Results that came back go into their cells, all that are clear."""
    return analyser_results.take_results(
        unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, device_id=device_id
    )


@api_blueprint.route(NAMES)
@api_blueprint.response(200, NameDump(many=True))
@refusals(404)
def list_analyser_names(equipment_id: int) -> object:
    """What the analyser calls the test items that methods measure with its class."""
    page = analyser_names.names_page(db.session(), actor=current_actor(), equipment_id=equipment_id)
    return page.tests


@api_blueprint.route(NAMES, methods=["PUT"])
@api_blueprint.arguments(NamesLoad, as_kwargs=True)
@api_blueprint.response(200, ChangedNamesDump)
@refusals(404, 409, 422)
def put_analyser_names(equipment_id: int, names: dict[int, str]) -> dict[str, int]:
    """Items that are left out keep their name."""
    changed = analyser_names.save_names(
        unit_of_work(), actor=current_actor(), equipment_id=equipment_id, names=names
    )
    return {"changed": changed}
