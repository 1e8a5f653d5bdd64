"""Values from a file or a paste into a worksheet: look first, then import."""

import base64
import binascii

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as Answer

from lims.bench import sheet_view
from lims.bench.face import blueprint
from lims.bench.files import instrument_files, mappings, result_imports
from lims.bench.files.import_shapes import ImportFile, Preview
from lims.bench.files.result_imports import ImportPlan
from lims.bench.files.table import MOST_BYTES
from lims.bench.schemas import ImportLoad, PreviewForm
from lims.bench.upload_face import uploaded
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.web import clock, current_actor, file_store, request_key, unit_of_work
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form

IMPORT = f"/worksheets/{ID.format('worksheet_id')}/import"


@blueprint.get(IMPORT)
def import_page(worksheet_id: int) -> str:
    return _page(worksheet_id, empty_form(PreviewForm))


def _page(
    worksheet_id: int, form: Form, preview: Preview | None = None, file: ImportFile | None = None
) -> str:
    """``file``: what was refused; if it is here already, the page leads to it."""
    view = sheet_view.load_sheet(
        db.session(), actor=current_actor(), worksheet_id=worksheet_id, now=clock()()
    )
    content = base64.b64encode(preview.file.content).decode() if preview else ""
    known = instrument_files.find_file(db.session(), file.sha256) if file else None
    return render_template(
        "bench/import.html",
        view=view,
        sheet=view.worksheet,
        form=form,
        preview=preview,
        content=content,
        known=known,
        mappings=mappings.mappings_in_use(db.session()),
        instruments=instrument_files.instruments_listed(db.session()),
    )


@blueprint.post(f"{IMPORT}/preview")
def preview_import(worksheet_id: int) -> Answer | str | tuple[str, int]:
    """A sheet of results is shown here; a file that a mapping reads is kept, and shown on its own page."""
    form, file = read_form(PreviewForm), None
    with form.attempt():
        file = _given(form)
        if form.values["mapping_id"] is None:
            return _page(worksheet_id, form, _preview(worksheet_id, file))
        row = instrument_files.bring_file(
            unit_of_work(),
            actor=current_actor(),
            file=file,
            store=file_store(),
            equipment_id=form.values["equipment_id"],
            request_key=request_key(),
        )
        chosen = {name: form.values[name] for name in ("mapping_id", "equipment_id")}
        return redirect(url_for("bench.instrument_file", file_id=row.id, worksheet_id=worksheet_id, **chosen))
    return _page(worksheet_id, form, file=file), form.status


def _preview(worksheet_id: int, file: ImportFile) -> Preview:
    return result_imports.preview_import(
        unit_of_work(), actor=current_actor(), file=file, plan=ImportPlan(worksheet_id)
    )


def _given(form: Form) -> ImportFile:
    """The uploaded file, or the pasted text. Raises InvalidInput when there is neither."""
    if form.values["file"] is not None:
        return uploaded(form.values["file"], MOST_BYTES)
    text = form.values["text_"]
    if not text.strip():
        sentence = _("Choose a file, or paste rows.")
        raise InvalidInput(sentence, code="nothing_given", fields={"file": [sentence]})
    return ImportFile("", text.encode())


@blueprint.post(IMPORT)
def import_values(worksheet_id: int) -> Answer | str | tuple[str, int]:
    form = read_form(ImportLoad)
    with form.attempt():
        file = ImportFile(form.values["file_name"], _bytes(form.values["content"]))
        changed = result_imports.import_values(
            unit_of_work(),
            actor=current_actor(),
            file=file,
            plan=ImportPlan(worksheet_id),
            store=file_store(),
            leave_out_faulty=form.values["leave_out_faulty"],
        )
        flash(
            ngettext(
                "Imported: %(num)s result was computed.",
                "Imported: %(num)s results were computed.",
                len(changed),
            )
        )
        return redirect(url_for("bench.worksheet", worksheet_id=worksheet_id))
    return _again(worksheet_id, form), form.status


def _again(worksheet_id: int, form: Form) -> str:
    """Refused: the page as it was, with the file still in it."""
    preview = None
    shown = empty_form(PreviewForm)
    shown.message, shown.code, shown.errors = form.message, form.code, {}
    if form.is_valid and form.code == "import_faulty":
        file = ImportFile(form.values["file_name"], _bytes(form.values["content"]))
        preview = _preview(worksheet_id, file)
    return _page(worksheet_id, shown, preview)


def _bytes(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(
            _("The file did not arrive whole; choose it again."), code="bad_content"
        ) from error
