"""Worksheets: the grid, its conditions and equipment, handing over, the original record on paper."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response as Answer

from lims.bench import list_face, record, review, sheet_view, worklist, worksheets
from lims.bench.analyser.view import analyser_views
from lims.bench.capture.live import usable_devices
from lims.bench.face import blueprint
from lims.bench.inputs import enter_cells
from lims.bench.models import Worksheet
from lims.bench.schemas import CodeLoad, ConditionsLoad, EquipmentLoad, SheetForm, StepsForm
from lims.bench.states import WorksheetState
from lims.bench.wording import named
from lims.core.database import db
from lims.core.paging import Key
from lims.core.web import clock, current_actor, unit_of_work
from lims.ui import lists
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices
from lims.ui.lists import Column, Filter, Listing
from lims.ui.shapes import Load

SHEET = f"/worksheets/{ID.format('worksheet_id')}"
WORKSHEETS = Listing(
    caption=_l("Worksheets"),
    empty=_l("A worksheet is opened from “My tests”."),
    statement=lambda _actor: worklist.worksheets_listed(),
    keys=(Key(Worksheet.id, descending=True),),
    columns=(
        Column("number", _l("Number"), href=lambda row: url_for("bench.worksheet", worksheet_id=row.id)),
        list_face.ITEM,
        list_face.METHOD,
        Column("analyst", _l("Analyst"), value=lambda row: named(row, "analyst")),
        Column("held", _l("Tests on it"), kind="figure"),
        Column("state", _l("State"), kind="state"),
        Column("opened_at", _l("Opened"), kind="instant"),
    ),
    filters=(
        Filter("q", _l("Number"), lambda s, v: s.where(Worksheet.number.icontains(v, autoescape=True))),
        list_face.BY_ITEM,
        list_face.BY_METHOD,
        Filter(
            "state",
            _l("State"),
            lambda s, v: s.where(Worksheet.state == WorksheetState(v)),
            options=lambda: choices(WorksheetState),
        ),
        Filter(
            "mine",
            _l("Mine only"),
            lambda s, _v: s.where(Worksheet.analyst_id == current_actor().id),
            options=lambda: list_face.YES,
        ),
    ),
)


@blueprint.get("/worksheets", endpoint="worksheets")
def worksheet_list() -> str | Answer:
    shown = lists.show(WORKSHEETS, db.session(), current_actor())
    return shown.download() or render_template("bench/worksheets.html", list=shown)


@blueprint.get(SHEET)
def worksheet(worksheet_id: int) -> str:
    return sheet_page(worksheet_id)


def sheet_page(worksheet_id: int, **forms: Form) -> str:
    """``forms``: a refused form, shown again with what was typed."""
    session, actor, now = db.session(), current_actor(), clock()()
    view = sheet_view.load_sheet(session, actor=actor, worksheet_id=worksheet_id, now=now)
    shown: dict[str, Form] = {
        "cells": empty_form(StepsForm),
        "scan": empty_form(CodeLoad),
        "conditions": empty_form(ConditionsLoad, view.worksheet),
        "equipment": empty_form(EquipmentLoad),
        "analyser": empty_form(Load),
    }
    devices = usable_devices(session, actor, view.worksheet, now=now) if view.open else []
    return render_template(
        "bench/worksheet.html",
        view=view,
        sheet=view.worksheet,
        forms={**shown, **forms},
        devices=devices,
        analysers=analyser_views(session, actor=actor, sheet=view.worksheet, devices=devices),
    )


def _back(worksheet_id: int) -> Answer:
    return redirect(url_for("bench.worksheet", worksheet_id=worksheet_id))


@blueprint.post(f"{SHEET}/cells")
def save_cells(worksheet_id: int) -> Answer | tuple[str, int]:
    """The whole grid as one form, for browsers without script: all cells or none."""
    form = read_form(SheetForm)
    with form.attempt():
        values = form.values
        view = sheet_view.load_sheet(
            db.session(), actor=current_actor(), worksheet_id=worksheet_id, now=clock()()
        )
        cells = sheet_view.changed_cells(view, _typed_cells(), values["reason"])
        seen = {n: values["newest"].get(str(n), 0) for n in {c.test_id for c in cells}}
        if cells:
            enter_cells(
                unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, cells=cells, seen=seen
            )
        flash(ngettext("%(num)s cell saved.", "%(num)s cells saved.", len(cells)))
        return _back(worksheet_id)
    return sheet_page(worksheet_id, cells=form), form.status


def _typed_cells() -> dict[str, str]:
    """Also the emptied ones, which a form leaves out of its values."""
    return {n.removeprefix("cells-"): text for n, text in request.form.items() if n.startswith("cells-")}


@blueprint.post(f"{SHEET}/conditions")
def set_conditions(worksheet_id: int) -> Answer | tuple[str, int]:
    form = read_form(ConditionsLoad)
    with form.attempt():
        worksheets.set_conditions(
            unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, **form.values
        )
        flash(_("The conditions are noted."))
        return _back(worksheet_id)
    return sheet_page(worksheet_id, conditions=form), form.status


@blueprint.post(f"{SHEET}/equipment")
def use_equipment(worksheet_id: int) -> Answer | tuple[str, int]:
    form = read_form(EquipmentLoad)
    with form.attempt():
        worksheets.use_equipment(
            unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, **form.values
        )
        return _back(worksheet_id)
    return sheet_page(worksheet_id, equipment=form), form.status


@blueprint.post(f"{SHEET}/equipment/{ID.format('equipment_id')}/leave")
def leave_equipment(worksheet_id: int, equipment_id: int) -> Answer | tuple[str, int]:
    form = read_form(Load)
    with form.attempt():
        worksheets.leave_equipment(
            unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, equipment_id=equipment_id
        )
        return _back(worksheet_id)
    return sheet_page(worksheet_id, equipment=form), form.status


@blueprint.post(f"{SHEET}/add")
def add_sample(worksheet_id: int) -> Answer | tuple[str, int]:
    form = read_form(CodeLoad)
    with form.attempt():
        worksheets.add_sample(unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, **form.values)
        return _back(worksheet_id)
    return sheet_page(worksheet_id, scan=form), form.status


@blueprint.post(f"{SHEET}/submit")
def submit_results(worksheet_id: int) -> Answer | tuple[str, int]:
    form = read_form(StepsForm)
    with form.attempt():
        view = _all_saved(form, worksheet_id)
        ids = view.ready if form.values["every"] else form.values["ids"]
        done = review.submit_results(unit_of_work(), actor=current_actor(), test_ids=ids)
        flash(ngettext("%(num)s result is handed over.", "%(num)s results are handed over.", len(done)))
        return _back(worksheet_id)
    return sheet_page(worksheet_id, cells=form), form.status


def _all_saved(form: Form, worksheet_id: int) -> sheet_view.SheetView:
    """The sheet, once it is sure that no typed cell gets lost. Raises Conflict, InvalidInput."""
    assert form.values is not None
    view = sheet_view.load_sheet(
        db.session(), actor=current_actor(), worksheet_id=worksheet_id, now=clock()()
    )
    sheet_view.refuse_unsaved(view, _typed_cells())
    return view


@blueprint.post(f"{SHEET}/take-back")
def retract_results(worksheet_id: int) -> Answer | tuple[str, int]:
    form = read_form(StepsForm)
    with form.attempt():
        _all_saved(form, worksheet_id)
        done = review.retract_results(
            unit_of_work(),
            actor=current_actor(),
            test_ids=form.values["ids"],
            reason=form.values["reason"] or "",
        )
        flash(ngettext("%(num)s result taken back.", "%(num)s results taken back.", len(done)))
        return _back(worksheet_id)
    return sheet_page(worksheet_id, cells=form), form.status


@blueprint.post(f"{SHEET}/remove")
def remove_rows(worksheet_id: int) -> Answer | tuple[str, int]:
    form = read_form(StepsForm)
    with form.attempt():
        _all_saved(form, worksheet_id)
        worksheets.remove_rows(
            unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, test_ids=form.values["ids"]
        )
        flash(_("Off this worksheet; the tests and what was entered stay with you."))
        return _back(worksheet_id)
    return sheet_page(worksheet_id, cells=form), form.status


@blueprint.get(f"{SHEET}/record")
def original_record(worksheet_id: int) -> str:
    """The original record (原始记录) as a page that prints well."""
    found = record.load_record(db.session(), actor=current_actor(), worksheet_id=worksheet_id, now=clock()())
    return render_template("bench/record.html", record=found, view=found.view, sheet=found.view.worksheet)


@blueprint.get(f"/tests/{ID.format('test_id')}/cells/<key>")
def cell(test_id: int, key: str) -> str:
    """Everything that ever stood in one cell, down to the bytes."""
    found: Any = record.load_cell(db.session(), actor=current_actor(), test_id=test_id, key=key)
    return render_template("bench/cell.html", cell=found)
