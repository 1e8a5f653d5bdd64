"""Values from a file or a paste into a worksheet: look first, then import."""

import base64
import binascii

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as Answer

from lims.bench import result_imports, sheet_view
from lims.bench.face import blueprint
from lims.bench.result_imports import ImportFile, Preview
from lims.bench.schemas import ImportLoad, PreviewForm
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.web import clock, current_actor, file_store, unit_of_work
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form

IMPORT = f"/worksheets/{ID.format('worksheet_id')}/import"


@blueprint.get(IMPORT)
def import_page(worksheet_id: int) -> str:
    return _page(worksheet_id, empty_form(PreviewForm))


def _page(worksheet_id: int, form: Form, preview: Preview | None = None) -> str:
    view = sheet_view.load_sheet(
        db.session(), actor=current_actor(), worksheet_id=worksheet_id, now=clock()()
    )
    content = base64.b64encode(preview.file.content).decode() if preview else ""
    return render_template(
        "bench/import.html", view=view, sheet=view.worksheet, form=form, preview=preview, content=content
    )


@blueprint.post(f"{IMPORT}/preview")
def preview_import(worksheet_id: int) -> str | tuple[str, int]:
    form = read_form(PreviewForm)
    with form.attempt():
        return _page(worksheet_id, form, _preview(worksheet_id, _given(form)))
    return _page(worksheet_id, form), form.status


def _preview(worksheet_id: int, file: ImportFile) -> Preview:
    return result_imports.preview_import(
        unit_of_work(), actor=current_actor(), worksheet_id=worksheet_id, file=file
    )


def _given(form: Form) -> ImportFile:
    """The uploaded file, or the pasted text. Raises InvalidInput when there is neither."""
    file: FileStorage | None = form.values["file"]
    if file is not None:
        name = "".join(c for c in file.filename or "" if c.isprintable())[:100]
        return ImportFile(name or "file", file.stream.read(result_imports.MOST_BYTES + 1))
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
            worksheet_id=worksheet_id,
            file=file,
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
