"""Captures and devices: the inbox, one capture with its proof, claiming by hand, all devices on one page."""

from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.bench.capture import inbox, live
from lims.bench.capture.claims import claim_capture
from lims.bench.capture.labels import FLAGS, TRIGGERS
from lims.bench.capture.readings import said
from lims.bench.capture.schemas import ClaimLoad
from lims.bench.face import blueprint
from lims.bench.files.instrument_files import find_file
from lims.bench.inputs import Cell
from lims.bench.models import Capture
from lims.bench.states import CaptureKind
from lims.core.database import db
from lims.core.paging import Key
from lims.core.permissions import Permission
from lims.core.web import clock, current_actor, unit_of_work
from lims.equipment.signed import key_fingerprint
from lims.ui import lists, panels
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import Text, bilingual, choices
from lims.ui.lists import Column, Filter, Listing, Row

CAPTURE = f"/captures/{ID.format('capture_id')}"


def flag_words(row: Row) -> str:
    words = [str(FLAGS[flag][0]) for flag in row.flags.split() if flag in FLAGS]
    return ", ".join(
        [*words, *([str(_("read again: %(profile)s", profile=row.reread))] if row.reread else [])]
    )


def _device(row: Row) -> str:
    equipment = f"{row.equipment_code} {bilingual(row, 'equipment')}" if row.equipment_code else ""
    return equipment or f"{row.gateway} / {row.device_name}"


def _figure(row: Row) -> object:
    """Of a file it is no figure: which of its chunks this is."""
    return row.code if row.kind is CaptureKind.FILE else row.text or row.code


def _devices() -> Sequence[tuple[object, Text]]:
    return [(n, f"{gateway} / {name}") for n, gateway, name in inbox.devices_listed(db.session())]


INBOX = Listing(
    caption=_l("Captures that nobody has claimed"),
    empty=_l(
        "What devices send and nobody has claimed waits here: readings of the print key, faults, bytes not understood."
    ),
    statement=lambda _actor: inbox.inbox_listed(),
    keys=(Key(Capture.id, descending=True),),
    columns=(
        Column(
            "received_at",
            _l("Received at"),
            kind="instant",
            href=lambda row: url_for("bench.capture", capture_id=row.id),
        ),
        Column("device", _l("Device"), value=_device),
        Column("text", _l("Figure"), kind="figure", value=_figure),
        Column("unit", _l("Unit")),
        Column("name", _l("Of what"), value=lambda row: " · ".join(filter(None, (row.specimen, row.name)))),
        Column("kind", _l("Kind of capture"), kind="state"),
        Column("trigger", _l("Why it came"), value=lambda row: str(TRIGGERS.get(row.trigger, row.trigger))),
        Column("flags", _l("Remarks"), value=flag_words),
        Column("seq", _l("No."), kind="figure"),
    ),
    filters=(
        Filter(
            "kind",
            _l("Kind of capture"),
            lambda s, v: s.where(said("kind") == CaptureKind(v)),
            options=lambda: choices(CaptureKind),
        ),
        Filter("device", _l("Device"), lambda s, v: s.where(Capture.device_id == int(v)), options=_devices),
        Filter(
            "bound",
            _l("Equipment"),
            lambda s, v: s.where(
                Capture.equipment_id.is_(None) if v == "no" else Capture.equipment_id.is_not(None)
            ),
            options=lambda: [("yes", _l("bound")), ("no", _l("not bound"))],
        ),
        Filter("from", _l("Received from"), inbox.since, kind="day"),
        Filter("to", _l("to"), inbox.until, kind="day"),
    ),
)


@blueprint.get("/captures", endpoint="captures")
def capture_list() -> str | Answer:
    shown = lists.show(INBOX, db.session(), current_actor())
    return shown.download() or render_template("bench/captures.html", list=shown)


@blueprint.get(CAPTURE)
def capture(capture_id: int) -> str:
    form = empty_form(ClaimLoad, cell=request.args.get("cell", "")[:120])
    return _capture(capture_id, form)


def _capture(capture_id: int, form: Form) -> str:
    session, actor = db.session(), current_actor()
    page = inbox.capture_page(session, actor=actor, capture_id=capture_id)
    cells = (
        []
        if page.claim
        else inbox.open_cells(
            session,
            actor=actor,
            equipment=page.equipment,
            specimen=page.reading.specimen,
            test_name=page.reading.name,
        )
    )
    chosen = next((cell for cell in cells if cell.key == form.typed("cell")), None)
    preview = None
    if chosen is not None:
        preview = inbox.preview_claim(unit_of_work(), actor=actor, capture_id=capture_id, chosen=chosen)
        page = inbox.capture_page(session, actor=actor, capture_id=capture_id)
    return render_template(
        "bench/capture.html",
        page=page,
        capture=page.capture,
        reading=page.reading,
        may_reread=actor.can(Permission.CAPTURE_REREAD),
        may_edit_profiles=actor.can(Permission.PROFILE_EDIT),
        cells=cells,
        preview=preview,
        form=form,
        file=find_file(session, page.capture.text or "") if page.capture.kind is CaptureKind.FILE else None,
        flags=FLAGS,
        triggers=TRIGGERS,
        fingerprint=key_fingerprint(page.batch.public_key),
    )


@blueprint.post(f"{CAPTURE}/claim")
def claim(capture_id: int) -> Answer | tuple[str, int]:
    """The reading becomes the value of the chosen cell."""
    form = read_form(ClaimLoad)
    with form.attempt():
        worksheet_id, cell = inbox.read_target(form.values["cell"])
        wanted = Cell(cell.test_id, cell.name, cell.replicate, "", form.values["reason"])
        claim_capture(
            unit_of_work(),
            actor=current_actor(),
            worksheet_id=worksheet_id,
            capture_id=capture_id,
            cell=wanted,
        )
        flash(_("The reading stands in its cell."))
        return redirect(url_for("bench.worksheet", worksheet_id=worksheet_id, _anchor=f"test-{cell.test_id}"))
    return _capture(capture_id, form), form.status


@blueprint.get("/devices", endpoint="devices")
def device_list() -> str:
    """Every device of every gateway; ``devices.js`` asks for the board alone, again and again."""
    now = clock()()
    rows = live.device_board(db.session(), actor=current_actor(), now=now)
    page = "device_board" if request.args.get("part") == "board" else "devices"
    return render_template(f"bench/{page}.html", rows=rows, now=now)


panels.register("equipment.gateway", "streams", inbox.streams_panel, 20)
