"""Captures and devices: JSON face. Three addresses are the gateways' (docs/capture-protocol.md)."""

from typing import Any

from flask import Response, jsonify, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge

from lims.bench.bodies import LARGEST_BODY
from lims.bench.capture import inbox, live, takes
from lims.bench.capture.claims import claim_capture
from lims.bench.capture.receiving import Receipt, receive_captures
from lims.bench.capture.schemas import (
    AskedDump,
    CaptureDetailDump,
    CapturePageDump,
    CaptureQuery,
    CommandLoad,
    DeviceNowDump,
    LiveAnswerDump,
    LiveDump,
    ReceiptDump,
    TakeDump,
    TakeLoad,
    UsableDump,
)
from lims.bench.dump_schemas import RowAnswerDump
from lims.bench.face import api_blueprint, refusals
from lims.bench.inputs import Cell, read_cell_key
from lims.bench.models import TakeRequest
from lims.bench.sheet_view import answer_of, load_row
from lims.core.database import db
from lims.core.web import clock, current_actor, request_key, unit_of_work
from lims.equipment.signed import Signed, gateway_actor, read_signed
from lims.ui.faces import ID

SIGNED_BODY = {
    "parameters": [
        {"in": "header", "name": "Lims-Gateway", "schema": {"type": "string"}, "required": True},
        {"in": "header", "name": "Lims-Signature", "schema": {"type": "string"}, "required": True},
    ],
    "requestBody": {
        "required": True,
        "description": "Canonical JSON, signed by the gateway: docs/capture-protocol.md",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
}


# -- gateways ------------------------------------------------------------------------


@api_blueprint.route("/captures", methods=["POST"])
@api_blueprint.doc(**SIGNED_BODY)
@api_blueprint.response(200, ReceiptDump)
@refusals(409, 413)
def post_captures() -> Receipt:
    """A signed delivery of a gateway: each capture is stored once; what was asked for goes into its cell."""
    signed = signed_request("captures")
    uow = unit_of_work()
    receipt = receive_captures(uow, actor=gateway_actor(signed.name, request.remote_addr), signed=signed)
    for take_id in receipt.takes:
        takes.settle_take(uow, take_id=take_id)
    return receipt


@api_blueprint.route("/gateways/live", methods=["POST"])
@api_blueprint.doc(**SIGNED_BODY)
@api_blueprint.response(200, LiveAnswerDump)
@refusals(409, 413)
def post_live() -> live.LiveAnswer:
    """Latest figures of a gateway's devices in, pace and commands out."""
    signed = signed_request("live")
    uow = unit_of_work()
    answer = live.exchange_live(uow, actor=gateway_actor(signed.name, request.remote_addr), signed=signed)
    for take_id in answer.ended:
        takes.settle_take(uow, take_id=take_id)
    return answer


def signed_request(purpose: str) -> Signed:
    if (request.content_length or 0) > LARGEST_BODY:
        raise RequestEntityTooLarge
    return read_signed(
        db.session(),
        purpose,
        gateway=request.headers.get("Lims-Gateway"),
        signature=request.headers.get("Lims-Signature"),
        body=request.get_data(),
    )


# -- devices -------------------------------------------------------------------------


@api_blueprint.route("/devices")
@api_blueprint.response(200, DeviceNowDump(many=True))
@refusals()
def list_devices() -> object:
    """Every device of every gateway, as it is now."""
    return live.device_board(db.session(), actor=current_actor(), now=clock()())


@api_blueprint.route(f"/worksheets/{ID.format('worksheet_id')}/devices")
@api_blueprint.response(200, UsableDump(many=True))
@refusals(404)
def list_usable_devices(worksheet_id: int) -> object:
    """Devices that the worksheet's method can use."""
    return live.devices_for(db.session(), actor=current_actor(), worksheet_id=worksheet_id, now=clock()())


@api_blueprint.route(f"/devices/{ID.format('device_id')}/live")
@api_blueprint.response(200, LiveDump)
@refusals(404)
def show_live_figure(device_id: int) -> live.LiveFigure:
    """The device's figure now. Asking makes its gateway hurry for some seconds."""
    return live.live_figure(unit_of_work(), actor=current_actor(), device_id=device_id)


@api_blueprint.route(f"/devices/{ID.format('device_id')}/commands", methods=["POST"])
@api_blueprint.arguments(CommandLoad, as_kwargs=True)
@api_blueprint.response(202, AskedDump)
@refusals(404, 409, 422)
def send_command(device_id: int, verb: str, argument: str) -> dict[str, str]:
    """Tare, zero or set up; ``href`` says when it is done."""
    take = takes.send_command(
        unit_of_work(),
        actor=current_actor(),
        device_id=device_id,
        verb=verb,
        argument=argument,
        key=request_key(),
    )
    return _asked(take)


# -- readings ------------------------------------------------------------------------


@api_blueprint.route(f"/worksheets/{ID.format('worksheet_id')}/captures", methods=["POST"])
@api_blueprint.arguments(TakeLoad, as_kwargs=True)
@api_blueprint.response(202, AskedDump)
@api_blueprint.alt_response(200, schema=RowAnswerDump)
@refusals(404, 409, 422)
def take_reading(worksheet_id: int, device: int | None, capture_id: int | None, **where: Any) -> object:
    """With ``device``: take a stable reading into the cell; ``href`` says when it is there.
    With ``capture_id``: claim a reading that is here; answers as a saved cell does."""
    cell = _cell(**where)
    if device is None:
        return _claimed(worksheet_id, capture_id or 0, cell)
    take = takes.ask_reading(
        unit_of_work(),
        actor=current_actor(),
        worksheet_id=worksheet_id,
        device_id=device,
        cell=cell,
        key=request_key(),
    )
    return _asked(take)


def _claimed(worksheet_id: int, capture_id: int, cell: Cell) -> Response:
    actor = current_actor()
    claim_capture(unit_of_work(), actor=actor, worksheet_id=worksheet_id, capture_id=capture_id, cell=cell)
    row = load_row(db.session(), actor=actor, worksheet_id=worksheet_id, test_id=cell.test_id)
    return jsonify(RowAnswerDump().dump(answer_of(row)))


def _cell(row: int, cell: str, reason: str | None) -> Cell:
    name, replicate = read_cell_key(cell)
    return Cell(row, name, replicate, "", reason)


def _asked(take: TakeRequest) -> dict[str, str]:
    return {"id": take.id, "state": "waiting", "href": url_for("bench_api.show_take", take_id=take.id)}


@api_blueprint.route("/takes/<string(maxlength=64):take_id>")
@api_blueprint.response(200, TakeDump)
@refusals(404)
def show_take(take_id: str) -> takes.TakeAnswer:
    """How a request of one's own stands."""
    return takes.take_answer(unit_of_work(), actor=current_actor(), take_id=take_id)


@api_blueprint.route("/captures")
@api_blueprint.arguments(CaptureQuery, location="query", as_kwargs=True)
@api_blueprint.response(200, CapturePageDump)
@refusals(422)
def list_captures(**wanted: Any) -> object:
    """Newest first; ``claimed=false``: the inbox."""
    return inbox.list_captures(db.session(), actor=current_actor(), **wanted)


@api_blueprint.route(f"/captures/{ID.format('capture_id')}")
@api_blueprint.response(200, CaptureDetailDump)
@refusals(404)
def show_capture(capture_id: int) -> inbox.CapturePage:
    """One capture with its bytes and the signed body that proves it."""
    return inbox.capture_page(db.session(), actor=current_actor(), capture_id=capture_id)
