"""Gateways and their devices: JSON face. Enrolment is the gateways' own (docs/capture-protocol.md)."""

from datetime import timedelta
from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from lims.core.database import db
from lims.core.ratelimit import hit
from lims.core.web import clock, current_actor, unit_of_work
from lims.equipment import devices, gateways
from lims.equipment.gateway_schemas import (
    BindLoad,
    CodeDump,
    DeviceRowDump,
    EnrolledDump,
    GatewayDeviceLoad,
    GatewayDump,
    GatewayLoad,
    GatewayPageDump,
    RevokeLoad,
    UnbindLoad,
)
from lims.equipment.json_face import blueprint, refusals
from lims.equipment.models import Device
from lims.equipment.signed import gateway_actor, read_canonical
from lims.ui.faces import ID

MOST_TRIES, TRIES_WITHIN = 30, timedelta(minutes=10)
LARGEST_OFFER = 16 * 1024


@blueprint.route("/gateways/enrol", methods=["POST"])
@blueprint.doc(
    parameters=[{"in": "header", "name": "Lims-Signature", "schema": {"type": "string"}, "required": True}],
    requestBody={"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
)
@blueprint.response(201, EnrolledDump)
@refusals(413)
def enrol_gateway() -> dict[str, str]:
    """A one-time code and a new public key, signed with the new key (docs/capture-protocol.md, section 2)."""
    hit(unit_of_work(), "enrol", request.remote_addr or "", limit=MOST_TRIES, window=TRIES_WITHIN)
    if (request.content_length or 0) > LARGEST_OFFER:
        raise RequestEntityTooLarge
    body = request.get_data()
    row = gateways.enrol_gateway(
        unit_of_work(),
        actor=gateway_actor("gateway", request.remote_addr),
        offer=gateways.read_offer(read_canonical(body)),
        body=body,
        signature=request.headers.get("Lims-Signature"),
    )
    return {"gateway_id": str(row.id)}


@blueprint.route("/gateways")
@blueprint.response(200, GatewayDump(many=True))
@refusals()
def list_gateways() -> object:
    return gateways.list_gateways(db.session(), actor=current_actor(), now=clock()())


@blueprint.route("/gateways", methods=["POST"])
@blueprint.arguments(GatewayLoad, as_kwargs=True)
@blueprint.response(201, CodeDump)
@refusals(409, 422)
def post_gateway(**values: Any) -> gateways.NewGateway:
    """A new gateway with its one-time code. The name is the key: the same again is refused."""
    return gateways.create_gateway(unit_of_work(), actor=current_actor(), **values)


@blueprint.route(f"/gateways/{ID.format('gateway_id')}")
@blueprint.response(200, GatewayPageDump)
@refusals(404)
def show_gateway(gateway_id: int) -> gateways.GatewayPage:
    return gateways.gateway_page(db.session(), actor=current_actor(), gateway_id=gateway_id, now=clock()())


@blueprint.route(f"/gateways/{ID.format('gateway_id')}/code", methods=["POST"])
@blueprint.response(200, CodeDump)
@refusals(404, 409)
def renew_gateway_code(gateway_id: int) -> gateways.NewGateway:
    """A new one-time code; the earlier one is void."""
    return gateways.renew_code(unit_of_work(), actor=current_actor(), gateway_id=gateway_id)


@blueprint.route(f"/gateways/{ID.format('gateway_id')}/revoke", methods=["POST"])
@blueprint.arguments(RevokeLoad, as_kwargs=True)
@blueprint.response(204)
@refusals(404, 409, 422)
def revoke_gateway(gateway_id: int, **values: Any) -> None:
    gateways.revoke_gateway(unit_of_work(), actor=current_actor(), gateway_id=gateway_id, **values)


@blueprint.route(f"/gateways/{ID.format('gateway_id')}/devices", methods=["POST"])
@blueprint.arguments(GatewayDeviceLoad, as_kwargs=True)
@blueprint.response(201, DeviceRowDump)
@refusals(404, 409, 422)
def post_device(gateway_id: int, name: str) -> Device:
    """Name a device before its gateway speaks of it."""
    return devices.add_device(unit_of_work(), actor=current_actor(), gateway_id=gateway_id, name=name)


@blueprint.route(f"/devices/{ID.format('device_id')}/equipment", methods=["PUT"])
@blueprint.arguments(BindLoad, as_kwargs=True)
@blueprint.response(200, DeviceRowDump)
@refusals(404, 409, 422)
def bind_device(device_id: int, **values: Any) -> Device:
    """From now on the device's captures are those of this equipment."""
    return devices.bind_device(unit_of_work(), actor=current_actor(), device_id=device_id, **values)


@blueprint.route(f"/devices/{ID.format('device_id')}/unbind", methods=["POST"])
@blueprint.arguments(UnbindLoad, as_kwargs=True)
@blueprint.response(200, DeviceRowDump)
@refusals(404, 409, 422)
def unbind_device(device_id: int, **values: Any) -> Device:
    return devices.unbind_device(unit_of_work(), actor=current_actor(), device_id=device_id, **values)
