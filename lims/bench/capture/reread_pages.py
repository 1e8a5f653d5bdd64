"""Reading captures again with another profile: both readings side by side, then kept by whoever confirms."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from lims.bench.capture import inbox, rereading
from lims.bench.capture.reread_schemas import KeepLoad, RereadLoad
from lims.bench.face import blueprint
from lims.core.database import db
from lims.core.permissions import Actor, Permission
from lims.core.web import current_actor, unit_of_work
from lims.equipment.profile_models import DeviceProfile, DeviceProfileVersion
from lims.ui import panels
from lims.ui.faces import asked
from lims.ui.forms import Form, empty_form, read_form


@blueprint.get("/captures/reread", endpoint="reread")
def reread_page() -> str | tuple[str, int]:
    wanted = asked(RereadLoad)
    return _reread(empty_form(KeepLoad, **wanted), wanted)


def _reread(form: Form, wanted: dict[str, object]) -> str | tuple[str, int]:
    session, look = db.session(), None
    device, profile = wanted.get("device"), wanted.get("profile")
    if isinstance(device, int) and isinstance(profile, str) and profile:
        with form.attempt():
            look = rereading.look_again(
                session,
                actor=current_actor(),
                device_id=device,
                profile=profile,
                unparsed_only=wanted.get("kind") != "all",
            )
    page = render_template(
        "bench/reread.html",
        form=form,
        look=look,
        wanted=wanted,
        devices=[(n, f"{gateway} / {name}") for n, gateway, name in inbox.devices_listed(session)],
        profiles=rereading.choices(session),
    )
    return (page, form.status) if form.status != 200 else page


@blueprint.post("/captures/reread")
def keep_rereading() -> Answer | str | tuple[str, int]:
    """Append what was shown; captures that were claimed meanwhile stay."""
    form = read_form(KeepLoad)
    with form.attempt():
        values = form.values
        changed = rereading.reread_captures(
            unit_of_work(),
            actor=current_actor(),
            device_id=values["device"],
            profile=values["profile"],
            capture_ids=values["capture_ids"],
            reason=values["reason"],
        )
        flash(_("%(n)s captures are read again; what the gateway read stays beside it.", n=changed))
        return redirect(url_for("bench.captures", device=values["device"]))
    wanted = {name: form.typed(name) for name in ("profile", "kind")}
    device = form.typed("device")
    number = int(device) if device.isascii() and device.isdecimal() and len(device) < 16 else None
    return _reread(form, {**wanted, "device": number})


def _panel(session: Session, actor: Actor, version_id: int) -> panels.Panel | None:
    """On the page of a profile version: read captures again with it."""
    if not actor.can(Permission.CAPTURE_REREAD):
        return None
    version = session.get_one(DeviceProfileVersion, version_id)
    profile = session.get_one(DeviceProfile, version.profile_id)
    return panels.Panel(
        "bench/reread_panel.html",
        {
            "profile": f"{profile.key}/{version.number}",
            "devices": [(n, f"{gateway} / {name}") for n, gateway, name in inbox.devices_listed(session)],
            "chosen": request.args.get("device", ""),
        },
    )


panels.register("equipment.device_profile", "reread", _panel, 30)
