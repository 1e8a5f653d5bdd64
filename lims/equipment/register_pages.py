"""Pages of the equipment register: list, device, calibrations, classes."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.catalogue.equipment_classes import told_by
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.permissions import Permission
from lims.core.printing import labels_pdf
from lims.core.web import clock, current_actor, file_store, request_key, unit_of_work
from lims.equipment import labels, listing, records, register
from lims.equipment.calibration import Currency, fitness, range_text
from lims.equipment.demand import methods_needing
from lims.equipment.face import blueprint
from lims.equipment.history import Happening, history_of
from lims.equipment.listing import Due
from lims.equipment.models import Equipment, EquipmentState
from lims.equipment.register_schemas import (
    CalibrationFormLoad,
    EquipmentClassEditLoad,
    EquipmentClassLoad,
    EquipmentEditLoad,
    EquipmentLoad,
    EquipmentStepLoad,
)
from lims.equipment.stickers import sticker_sheet
from lims.people.sections import list_sections
from lims.ui import lists, panels
from lims.ui.faces import ID, attachment
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import Text, bilingual, choices

told_by(register.equipment_classes)
DEVICE = f"/equipment/{ID.format('equipment_id')}"


def today() -> date:
    return local_date(clock()())


def class_choices() -> list[tuple[str, Text]]:
    return [(row.code, bilingual(row)) for row in register.equipment_classes(db.session())]


def section_choices() -> list[tuple[str, Text]]:
    return [(str(row.id), bilingual(row)) for row in list_sections(db.session())]


# -- the register --------------------------------------------------------------------

REGISTER = lists.Listing(
    caption=_l("Equipment"),
    empty=_l("Devices appear here when the equipment manager enters them."),
    statement=lambda _actor: listing.statement(today()),
    keys=listing.keys(),
    columns=(
        lists.Column("code", _l("Code"), href=lambda row: url_for("equipment.device", equipment_id=row.id)),
        lists.Column("name", _l("Name"), kind="bilingual"),
        lists.Column("sticker", _l("Status label"), kind="state", value=lambda row: _line(row).sticker),
        lists.Column(
            "currency", _l("Calibration state"), kind="state", value=lambda row: _line(row).currency
        ),
        lists.Column("due_on", _l("Valid until"), kind="day"),
        lists.Column("model", _l("Model")),
        lists.Column("section", _l("Section"), kind="bilingual"),
        lists.Column("place", _l("Place")),
    ),
    filters=(
        lists.Filter("q", _l("Code, name, serial number, place"), listing.having_words),
        lists.Filter("class", _l("Equipment class"), listing.of_class, options=class_choices),
        lists.Filter(
            "section", _l("Section"), lambda s, v: listing.of_section(s, int(v)), options=section_choices
        ),
        lists.Filter(
            "state",
            _l("State"),
            lambda s, v: listing.in_state(s, EquipmentState(v)),
            options=lambda: choices(EquipmentState),
        ),
        lists.Filter(
            "due",
            _l("Calibration state"),
            lambda s, v: listing.being_due(s, Due(v), today()),
            options=lambda: choices(Due),
        ),
    ),
    orders=(lists.Order("late", _l("most urgent first"), listing.late_first()),),
    is_late=lambda row: _line(row).currency is Currency.OVERDUE,
)


def _line(row: lists.Row) -> listing.Line:
    return listing.line_of(row, today())


@blueprint.get("/equipment", endpoint="register")
def register_page() -> str | Answer:
    shown = lists.show(REGISTER, db.session(), current_actor())
    return shown.download() or render_template("equipment/register.html", list=shown)


# -- one device ----------------------------------------------------------------------


@blueprint.get(DEVICE)
def device(equipment_id: int) -> str:
    return _device(equipment_id)


def _device(equipment_id: int, form: Form | None = None) -> str:
    session, actor = db.session(), current_actor()
    row = register.equipment(session, equipment_id)
    return render_template(
        "equipment/device.html",
        device=row,
        line=listing.one_line(session, row.id, today()),
        fit=fitness(session, row, today()),
        calibrations=records.calibrations_of(session, row.id),
        range_text=range_text,
        needs=methods_needing(session, row.equipment_class),
        events=_events(row),
        panels=panels.panels_of("equipment.device", session, actor, row.id),
        form=form or empty_form(EquipmentStepLoad, version=row.version),
        steps=[(name, labels.STEPS[name]) for name in register.steps_from(row.state)],
    )


def _events(row: Equipment) -> Sequence[tuple[Any, ...]]:
    """What happened to it here, and what upper rooms add, oldest first."""
    sections = dict(section_choices())
    own = [_happening(one, sections) for one in history_of(db.session(), row.id)]
    added = panels.events_of("equipment.device", db.session(), current_actor(), row.id)
    return sorted([*own, *((e.at, e.title, e.who, e.detail, e.tone) for e in added)], key=lambda e: e[0])


def _happening(one: Happening, sections: Mapping[str, Text]) -> tuple[Any, ...]:
    title, tone = labels.VERBS.get(one.verb, (one.verb, ""))
    changes = "; ".join(
        f"{words}: {_value(one.before, name, sections)} → {_value(one.after, name, sections)}"
        for name, words in labels.COLUMNS.items()
        if one.before and one.before.get(name) != one.after.get(name)
    )
    return one.at, title, one.who, one.reason or changes, tone


def _value(values: Mapping[str, str], name: str, sections: Mapping[str, Text]) -> Text:
    found = values.get(name) or "–"
    return sections.get(found, found) if name == "section_id" else found


@blueprint.get("/equipment/new")
def new_device() -> str:
    return _device_form(empty_form(EquipmentLoad))


@blueprint.post("/equipment/new")
def create_device() -> Answer | tuple[str, int]:
    form = read_form(EquipmentLoad)
    with form.attempt():
        row = register.add_equipment(
            unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values
        )
        flash(_("Entered. It may measure once a calibration is recorded and accepted."))
        return redirect(url_for("equipment.device", equipment_id=row.id))
    return _device_form(form), form.status


def _device_form(form: Form, row: Equipment | None = None) -> str:
    return render_template(
        "equipment/device_form.html",
        form=form,
        device=row,
        class_choices=class_choices(),
        section_choices=section_choices(),
    )


@blueprint.get(f"{DEVICE}/edit")
def edit_device(equipment_id: int) -> str:
    row = register.equipment(db.session(), equipment_id)
    return _device_form(empty_form(EquipmentEditLoad, row), row)


@blueprint.post(f"{DEVICE}/edit")
def save_device(equipment_id: int) -> Answer | tuple[str, int]:
    form = read_form(EquipmentEditLoad)
    with form.attempt():
        register.edit_equipment(
            unit_of_work(), actor=current_actor(), equipment_id=equipment_id, **form.values
        )
        flash(_("Saved."))
        return redirect(url_for("equipment.device", equipment_id=equipment_id))
    return _device_form(form, register.equipment(db.session(), equipment_id)), form.status


@blueprint.post(f"{DEVICE}/state")
def change_state(equipment_id: int) -> Answer | tuple[str, int]:
    form = read_form(EquipmentStepLoad)
    with form.attempt():
        register.change_state(unit_of_work(), actor=current_actor(), equipment_id=equipment_id, **form.values)
        flash(_("The state is changed; print a new label."))
        return redirect(url_for("equipment.device", equipment_id=equipment_id))
    return _device(equipment_id, form), form.status


@blueprint.get(f"{DEVICE}/label.pdf")
def sticker(equipment_id: int) -> Response:
    row = register.equipment(db.session(), equipment_id)
    pdf = labels_pdf(sticker_sheet(db.session(), row, today()))
    return attachment(pdf, "application/pdf", f"equipment-{row.id}.pdf")


# -- calibrations --------------------------------------------------------------------


@blueprint.get(f"{DEVICE}/calibrations/new")
def new_calibration(equipment_id: int) -> str:
    """``?replaces=``: the record to correct, whose text stands in the form."""
    row = register.equipment(db.session(), equipment_id)
    wrong = request.args.get("replaces", type=int, default=0)
    if not 0 < wrong < 2**53:
        return _calibration_form(empty_form(CalibrationFormLoad), row)
    record = records.calibration(db.session(), wrong)
    return _calibration_form(empty_form(CalibrationFormLoad, record, replaces_id=record.id), row)


@blueprint.post(f"{DEVICE}/calibrations/new")
def save_calibration(equipment_id: int) -> Answer | tuple[str, int]:
    form = read_form(CalibrationFormLoad)
    with form.attempt():
        records.record_calibration(
            unit_of_work(),
            actor=current_actor(),
            equipment_id=equipment_id,
            store=file_store(),
            request_key=request_key(),
            **form.values,
        )
        flash(_("Recorded. Print a new label."))
        return redirect(url_for("equipment.device", equipment_id=equipment_id))
    return _calibration_form(form, register.equipment(db.session(), equipment_id)), form.status


def _calibration_form(form: Form, row: Equipment) -> str:
    return render_template("equipment/calibration_form.html", form=form, device=row)


@blueprint.get(f"/equipment/calibrations/{ID.format('record_id')}/scan")
def scan(record_id: int) -> Response:
    paper = records.paper_of(db.session(), file_store(), record_id)
    return attachment(paper.content, paper.media_type, paper.name)


# -- classes -------------------------------------------------------------------------


@blueprint.get("/equipment/classes")
def classes() -> str:
    return _classes(empty_form(EquipmentClassLoad))


@blueprint.post("/equipment/classes")
def create_class() -> Answer | tuple[str, int]:
    form = read_form(EquipmentClassLoad)
    with form.attempt():
        register.add_class(unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values)
        flash(_("Saved."))
        return redirect(url_for("equipment.classes"))
    return _classes(form), form.status


@blueprint.get(f"/equipment/classes/{ID.format('class_id')}")
def edit_class(class_id: int) -> str:
    row = register.equipment_class(db.session(), class_id)
    return _classes(empty_form(EquipmentClassEditLoad, row), class_id)


@blueprint.post(f"/equipment/classes/{ID.format('class_id')}")
def save_class(class_id: int) -> Answer | tuple[str, int]:
    form = read_form(EquipmentClassEditLoad)
    with form.attempt():
        register.rename_class(unit_of_work(), actor=current_actor(), class_id=class_id, **form.values)
        flash(_("Saved."))
        return redirect(url_for("equipment.classes"))
    return _classes(form, class_id), form.status


def _classes(form: Form, editing: int | None = None) -> str:
    session = db.session()
    return render_template(
        "equipment/classes.html",
        rows=register.equipment_classes(session),
        counts=register.devices_by_class(session),
        form=form,
        editing=editing,
        may_edit=current_actor().can(Permission.EQUIPMENT_EDIT),
    )
