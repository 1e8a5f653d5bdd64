"""Mappings of instrument files: all of them, and one with its file, what it says, and what each row would be."""

from collections.abc import Sequence
from dataclasses import asdict

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.bench.face import blueprint
from lims.bench.files import mappings
from lims.bench.files.guess import guess_layout
from lims.bench.files.import_shapes import FileReading, ImportFile
from lims.bench.files.layout import DecimalMark, Delimiter, Encoding, FileLayout, Meaning, Repeats, TableShape
from lims.bench.files.mappings import layout_of
from lims.bench.files.models import FileMapping
from lims.bench.files.schemas import MappingForm, MappingVersionLoad, NewMappingForm
from lims.bench.files.table import MOST_BYTES, Line, read_lines
from lims.bench.upload_face import uploaded
from lims.catalogue.items import all_items
from lims.catalogue.models import VersionState
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.permissions import Permission
from lims.core.web import current_actor, file_store, request_key, unit_of_work
from lims.equipment.register import all_equipment, equipment_classes
from lims.metrology.units import known_units
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices
from lims.ui.shapes import ReasonLoad

MAPPING = f"/file-mappings/{ID.format('mapping_id')}"
SHOWN_LINES = 40
SHOWN_ROWS = 60
SPARE_ROWS = 3


@blueprint.get("/file-mappings", endpoint="mappings")
def mapping_list() -> str | Answer:
    rows = mappings.all_mappings(db.session())
    return render_template("bench/mappings.html", rows=rows, may_edit=_may_edit())


def _may_edit() -> bool:
    return current_actor().can(Permission.EQUIPMENT_EDIT)


# -- a new one -----------------------------------------------------------------------


@blueprint.get("/file-mappings/new")
def new_mapping() -> str:
    return _new(empty_form(NewMappingForm))


def _new(form: Form) -> str:
    session = db.session()
    return render_template(
        "bench/mapping_new.html",
        form=form,
        classes=equipment_classes(session),
        devices=all_equipment(session),
    )


@blueprint.post("/file-mappings/new")
def draft_mapping() -> Answer | tuple[str, int]:
    form = read_form(NewMappingForm)
    with form.attempt():
        values = form.values
        file = uploaded(values.pop("file"), MOST_BYTES)
        lines = read_lines(file.content, Encoding.AUTO, Delimiter.AUTO)
        made = mappings.draft_mapping(
            unit_of_work(),
            actor=current_actor(),
            store=file_store(),
            example=file,
            layout=guess_layout(lines),
            request_key=request_key(),
            **values,
        )
        return redirect(url_for("bench.mapping", mapping_id=made.id))
    return _new(form), form.status


# -- one -----------------------------------------------------------------------------


@blueprint.get(MAPPING, endpoint="mapping")
def mapping_page(mapping_id: int) -> str:
    row = mappings.mapping(db.session(), mapping_id)
    return _page(row, _filled(row))


def _filled(row: FileMapping) -> Form:
    layout = layout_of(row)
    initial = {
        **asdict(layout),
        "leave_out": ", ".join(layout.leave_out),
        "analytes": [asdict(one) for one in layout.analytes],
        "words": [asdict(one) for one in layout.words],
    }
    return empty_form(MappingForm, version=row.version, **initial)


def _page(row: FileMapping, form: Form, **forms: Form) -> str:
    """The file as it is, the mapping, and what each row says by the mapping as it is kept."""
    layout = layout_of(row)
    lines, reading, trouble = _tried(row, layout)
    faults = mappings.faults_of(db.session(), row, file_store()) if row.released_at is None else {}
    items = [item for item in all_items(db.session()) if item.active]
    return render_template(
        "bench/mapping.html",
        mapping=row,
        layout=layout,
        form=form,
        lines=lines[:SHOWN_LINES],
        more=max(0, len(lines) - SHOWN_LINES),
        width=max((len(line.cells) for line in lines[:SHOWN_LINES]), default=0),
        reading=reading,
        shown_rows=SHOWN_ROWS,
        trouble=trouble,
        faults=[sentence for sentences in faults.values() for sentence in sentences],
        headings=list(reading.heading) if reading else _headings(lines, layout),
        names=_names(reading, layout),
        items=items,
        units=known_units(),
        rows=form.count("analytes") + SPARE_ROWS,
        words=form.count("words") + 1,
        kinds={kind.__name__: choices(kind) for kind in _KINDS},
        versions=mappings.versions_of(db.session(), row.name),
        may_edit=_may_edit(),
        draft=row.state is VersionState.DRAFT,
        forms={"retire": empty_form(ReasonLoad), **forms},
    )


_KINDS = (Encoding, Delimiter, DecimalMark, TableShape, Repeats, Meaning)


def _tried(row: FileMapping, layout: FileLayout) -> tuple[Sequence[Line], FileReading | None, str]:
    """(lines of the example, what they say, why not)."""
    if row.example_sha256 is None:
        return (), None, _("Choose a file that the instrument wrote.")
    content = file_store().read(row.example_sha256)
    lines: Sequence[Line] = ()
    try:
        lines = read_lines(content, layout.encoding, layout.delimiter)
        return lines, mappings.try_mapping(content, layout), ""
    except InvalidInput as fault:
        return lines, None, fault.message


def _headings(lines: Sequence[Line], layout: FileLayout) -> Sequence[str]:
    return next((list(line.cells) for line in lines if line.number >= layout.header_row), [])


def _names(reading: FileReading | None, layout: FileLayout) -> list[str]:
    """What an analyte may be called: the headings, or the names in the column of names."""
    if reading is None:
        return []
    if layout.shape is TableShape.LONG:
        labels = (f.label for line in reading.lines for f in line.figures)
        return list(dict.fromkeys([*labels, *reading.unused]))[:200]
    return [cell.strip() for cell in reading.heading if cell.strip()]


@blueprint.post(f"{MAPPING}/edit")
def edit_mapping(mapping_id: int) -> Answer | tuple[str, int]:
    """Keep the draft, however incomplete, and look at what it makes of the file."""
    form = read_form(MappingForm)
    with form.attempt():
        values = form.values
        file = values.pop("file")
        example: ImportFile | None = uploaded(file, MOST_BYTES) if file is not None else None
        mappings.edit_mapping(
            unit_of_work(),
            actor=current_actor(),
            mapping_id=mapping_id,
            store=file_store(),
            example=example,
            **values,
        )
        return redirect(url_for("bench.mapping", mapping_id=mapping_id, _anchor="preview"))
    return _page(mappings.mapping(db.session(), mapping_id), form), form.status


@blueprint.post(f"{MAPPING}/again")
def draft_mapping_again(mapping_id: int) -> Answer:
    made = mappings.draft_again(
        unit_of_work(), actor=current_actor(), mapping_id=mapping_id, request_key=request_key()
    )
    return redirect(url_for("bench.mapping", mapping_id=made.id))


@blueprint.post(f"{MAPPING}/release")
def release_mapping(mapping_id: int) -> Answer | tuple[str, int]:
    form = read_form(MappingVersionLoad)
    row = mappings.mapping(db.session(), mapping_id)
    shown = _filled(row)
    with shown.attempt():
        made = mappings.release_mapping(
            unit_of_work(),
            actor=current_actor(),
            mapping_id=mapping_id,
            store=file_store(),
            **form.values,
        )
        flash(_("Version %(n)s is released: files are read by it from now on.", n=made.number))
        return redirect(url_for("bench.mapping", mapping_id=mapping_id))
    return _page(row, shown), shown.status


@blueprint.post(f"{MAPPING}/retire")
def retire_mapping(mapping_id: int) -> Answer | tuple[str, int]:
    form = read_form(ReasonLoad)
    with form.attempt():
        mappings.retire_mapping(
            unit_of_work(), actor=current_actor(), mapping_id=mapping_id, why=form.values["reason"]
        )
        flash(_("The mapping is retired; it reads no file any more."))
        return redirect(url_for("bench.mapping", mapping_id=mapping_id))
    row = mappings.mapping(db.session(), mapping_id)
    return _page(row, _filled(row), retire=form), form.status
