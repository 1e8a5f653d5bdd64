"""Pages of gateways: list, one-time code, devices and what they are bound to, revocation."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from lims.core.database import db
from lims.core.permissions import Actor, Permission
from lims.core.web import clock, current_actor, settings, unit_of_work
from lims.equipment import devices, gateways
from lims.equipment.face import blueprint
from lims.equipment.gateway_schemas import BindLoad, GatewayDeviceLoad, GatewayLoad, RevokeLoad, UnbindLoad
from lims.equipment.live import device_of_equipment
from lims.equipment.signed import key_fingerprint
from lims.ui import panels
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form

GATEWAY = f"/gateways/{ID.format('gateway_id')}"
DEVICE = f"{GATEWAY}/devices/{ID.format('device_id')}"


@blueprint.get("/gateways", endpoint="gateways")
def gateway_list() -> str:
    return _list(empty_form(GatewayLoad))


def _list(form: Form) -> str:
    rows = gateways.list_gateways(db.session(), actor=current_actor(), now=clock()())
    return render_template("equipment/gateways.html", rows=rows, form=form, key_fingerprint=key_fingerprint)


@blueprint.post("/gateways")
def create_gateway() -> str | tuple[str, int]:
    form = read_form(GatewayLoad)
    with form.attempt():
        return _code(gateways.create_gateway(unit_of_work(), actor=current_actor(), **form.values))
    return _list(form), form.status


def _code(made: gateways.NewGateway) -> str:
    """The only time that the code is shown."""
    return render_template("equipment/gateway_code.html", made=made, server=settings().base_url)


@blueprint.get(GATEWAY)
def gateway(gateway_id: int) -> str:
    return _gateway(gateway_id)


def _gateway(gateway_id: int, **forms: Form) -> str:
    session, actor = db.session(), current_actor()
    page = gateways.gateway_page(session, actor=actor, gateway_id=gateway_id, now=clock()())
    row = page.now.gateway
    shown = {"revoke": empty_form(RevokeLoad, row), "device": empty_form(GatewayDeviceLoad)}
    return render_template(
        "equipment/gateway.html",
        page=page,
        gateway=row,
        fingerprint=key_fingerprint(row.public_key),
        forms={**shown, **forms},
        panels=panels.panels_of("equipment.gateway", session, actor, gateway_id),
    )


@blueprint.post(f"{GATEWAY}/code")
def renew_gateway_code(gateway_id: int) -> str:
    return _code(gateways.renew_code(unit_of_work(), actor=current_actor(), gateway_id=gateway_id))


@blueprint.post(f"{GATEWAY}/revoke")
def revoke_gateway(gateway_id: int) -> Answer | tuple[str, int]:
    form = read_form(RevokeLoad)
    with form.attempt():
        gateways.revoke_gateway(unit_of_work(), actor=current_actor(), gateway_id=gateway_id, **form.values)
        flash(_("The gateway is revoked: nothing more is taken from it."))
        return _back(gateway_id)
    return _gateway(gateway_id, revoke=form), form.status


@blueprint.post(f"{GATEWAY}/devices")
def add_gateway_device(gateway_id: int) -> Answer | tuple[str, int]:
    form = read_form(GatewayDeviceLoad)
    with form.attempt():
        devices.add_device(unit_of_work(), actor=current_actor(), gateway_id=gateway_id, **form.values)
        return _back(gateway_id)
    return _gateway(gateway_id, device=form), form.status


@blueprint.get(DEVICE)
def gateway_device(gateway_id: int, device_id: int) -> str:
    return _device(gateway_id, device_id)


def _device(gateway_id: int, device_id: int, **forms: Form) -> str:
    """One device: what it says it is, and which equipment of the register that shall be."""
    session, actor = db.session(), current_actor()
    shown = gateways.gateway_device(
        session, actor=actor, gateway_id=gateway_id, device_id=device_id, now=clock()()
    )
    choices = devices.binding_choices(session, shown)
    suggested = next((c.equipment.id for c in choices if c.suggested), None)
    version = shown.device.version
    return render_template(
        "equipment/gateway_device.html",
        shown=shown,
        choices=choices,
        forms={
            "bind": empty_form(BindLoad, version=version, equipment_id=suggested),
            "unbind": empty_form(UnbindLoad, version=version),
            **forms,
        },
    )


@blueprint.post(f"{DEVICE}/bind")
def bind_device(gateway_id: int, device_id: int) -> Answer | tuple[str, int]:
    form = read_form(BindLoad)
    with form.attempt():
        devices.bind_device(unit_of_work(), actor=current_actor(), device_id=device_id, **form.values)
        flash(_("Bound: its captures are those of this equipment from now on."))
        return _back(gateway_id)
    return _device(gateway_id, device_id, bind=form), form.status


@blueprint.post(f"{DEVICE}/unbind")
def unbind_device(gateway_id: int, device_id: int) -> Answer | tuple[str, int]:
    form = read_form(UnbindLoad)
    with form.attempt():
        devices.unbind_device(unit_of_work(), actor=current_actor(), device_id=device_id, **form.values)
        flash(_("The device is bound to nothing now; its captures go to the inbox."))
        return _back(gateway_id)
    return _device(gateway_id, device_id, unbind=form), form.status


def _back(gateway_id: int) -> Answer:
    return redirect(url_for("equipment.gateway", gateway_id=gateway_id))


def _wire_panel(session: Session, actor: Actor, equipment_id: int) -> panels.Panel | None:
    """On the page of equipment that hangs on a gateway: where, and how it is now."""
    now = device_of_equipment(session, equipment_id, clock()())
    if now is None:
        return None
    return panels.Panel("equipment/wire.html", {"now": now, "may_edit": actor.can(Permission.GATEWAY_EDIT)})


panels.register("equipment.device", "wire", _wire_panel, 10)
