"""Worklists of analysers on a worksheet's page; what an analyser calls our test items, on a page of its own."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from lims.bench.analyser import names as analyser_names
from lims.bench.analyser import orders as analyser_orders
from lims.bench.analyser import results as analyser_results
from lims.bench.analyser.schemas import NamesLoad, OrdersLoad
from lims.bench.analyser.states import AnalyserOrderState
from lims.bench.face import blueprint
from lims.bench.worksheet_pages import SHEET, sheet_page
from lims.core.database import db
from lims.core.permissions import Actor
from lims.core.web import clock, current_actor, request_key, unit_of_work
from lims.equipment.live import device_of_equipment
from lims.ui import panels
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import Tone, register
from lims.ui.shapes import Load

ANALYSER = f"{SHEET}/analysers/{ID.format('device_id')}"
NAMES = f"/equipment/{ID.format('equipment_id')}/analyser-tests"

register(
    AnalyserOrderState,
    {
        AnalyserOrderState.WAITING: _l("waits for the gateway"),
        AnalyserOrderState.SENT: _l("at the gateway"),
        AnalyserOrderState.ACCEPTED: _l("accepted by the analyser"),
        AnalyserOrderState.REFUSED: _l("refused by the analyser"),
        AnalyserOrderState.WITHDRAWING: _l("being withdrawn"),
        AnalyserOrderState.WITHDRAWN: _l("taken off the list"),
    },
    {
        AnalyserOrderState.WAITING: Tone.WAITING,
        AnalyserOrderState.SENT: Tone.WORKING,
        AnalyserOrderState.ACCEPTED: Tone.DONE,
        AnalyserOrderState.REFUSED: Tone.FAULT,
        AnalyserOrderState.WITHDRAWING: Tone.RETURNED,
    },
)


def _back(worksheet_id: int, device_id: int) -> Answer:
    return redirect(url_for("bench.worksheet", worksheet_id=worksheet_id, device=device_id))


@blueprint.post(f"{ANALYSER}/worklist")
def send_worklist(worksheet_id: int, device_id: int) -> Answer | tuple[str, int]:
    form = read_form(Load)
    with form.attempt():
        analyser_orders.send_worklist(
            unit_of_work(),
            actor=current_actor(),
            worksheet_id=worksheet_id,
            device_id=device_id,
            request_key=request_key(),
        )
        flash(_("The worklist is on its way; each sample says below how far it has come."))
        return _back(worksheet_id, device_id)
    return sheet_page(worksheet_id, analyser=form), form.status


@blueprint.post(f"{ANALYSER}/withdraw")
def withdraw_orders(worksheet_id: int, device_id: int) -> Answer | tuple[str, int]:
    form = read_form(OrdersLoad)
    with form.attempt():
        done = analyser_orders.withdraw_orders(
            unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, **form.values
        )
        flash(ngettext("%(num)s order is taken back.", "%(num)s orders are taken back.", len(done)))
        return _back(worksheet_id, device_id)
    return sheet_page(worksheet_id, analyser=form), form.status


@blueprint.post(f"{ANALYSER}/results")
def take_results(worksheet_id: int, device_id: int) -> Answer | tuple[str, int]:
    form = read_form(Load)
    with form.attempt():
        done = analyser_results.take_results(
            unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, device_id=device_id
        )
        flash(ngettext("%(num)s result is taken.", "%(num)s results are taken.", done.taken))
        if done.left:
            flash(
                ngettext(
                    "%(num)s result stays in the inbox. %(why)s",
                    "%(num)s results stay in the inbox. %(why)s",
                    done.left,
                    why=done.refused,
                ),
                "fault",
            )
        return _back(worksheet_id, device_id)
    return sheet_page(worksheet_id, analyser=form), form.status


# -- what the analyser calls our test items ------------------------------------------


@blueprint.get(NAMES, endpoint="analyser_names")
def names(equipment_id: int) -> str:
    return _names(equipment_id, empty_form(NamesLoad))


def _names(equipment_id: int, form: Form) -> str:
    page = analyser_names.names_page(db.session(), actor=current_actor(), equipment_id=equipment_id)
    return render_template("bench/analyser_names.html", page=page, form=form)


@blueprint.post(NAMES)
def save_analyser_names(equipment_id: int) -> Answer | tuple[str, int]:
    form = read_form(NamesLoad)
    with form.attempt():
        changed = analyser_names.save_names(
            unit_of_work(), actor=current_actor(), equipment_id=equipment_id, **form.values
        )
        flash(ngettext("%(num)s name changed.", "%(num)s names changed.", changed))
        return redirect(url_for("bench.analyser_names", equipment_id=equipment_id))
    return _names(equipment_id, form), form.status


def _names_panel(session: Session, actor: Actor, equipment_id: int) -> panels.Panel | None:
    """On the page of equipment that takes worklists, or has names already."""
    now = device_of_equipment(session, equipment_id, clock()())
    count = len(analyser_names.names_of(session, equipment_id))
    if not count and (now is None or not now.can(analyser_orders.ORDERS)):
        return None
    return panels.Panel("bench/analyser_names_panel.html", {"count": count, "equipment_id": equipment_id})


panels.register("equipment.device", "analyser_names", _names_panel, 15)
