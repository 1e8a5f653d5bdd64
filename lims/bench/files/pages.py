"""Files of instruments: all of them, and one with what each of its rows would become."""

from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from marshmallow import ValidationError
from werkzeug.wrappers import Response as Answer

from lims.bench.face import blueprint
from lims.bench.files import instrument_files, mappings, result_imports
from lims.bench.files.import_shapes import ImportFile, Preview
from lims.bench.files.instrument_files import FilePage
from lims.bench.files.models import FileMapping, InstrumentFile
from lims.bench.files.result_imports import ImportPlan
from lims.bench.files.schemas import DropForm, FilePlanLoad, FileTakeLoad
from lims.bench.files.table import MOST_BYTES
from lims.bench.upload_face import uploaded
from lims.core.database import db
from lims.core.errors import LimsError, NotFound
from lims.core.paging import Key
from lims.core.permissions import Permission
from lims.core.web import current_actor, file_store, request_key, unit_of_work
from lims.ui import lists
from lims.ui.faces import ID, attachment
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import bilingual
from lims.ui.lists import Column, Filter, Listing, Row

FILE = f"/instrument-files/{ID.format('file_id')}"


def _instrument(row: Row) -> str:
    return f"{row.equipment_code} {bilingual(row, 'equipment')}" if row.equipment_code else ""


FILES = Listing(
    caption=_l("Files of instruments"),
    empty=_l("Files that are dropped here, or lie in a folder that a gateway watches, are listed here."),
    statement=lambda _actor: instrument_files.files_listed(),
    keys=(Key(InstrumentFile.id, descending=True),),
    columns=(
        Column("name", _l("File"), href=lambda row: url_for("bench.instrument_file", file_id=row.id)),
        Column("came_at", _l("Came at"), kind="instant"),
        Column("equipment", _l("Instrument"), value=_instrument),
        Column(
            "from", _l("Brought by"), value=lambda row: _("page") if row.capture_id is None else _("gateway")
        ),
        Column("imported_at", _l("Imported at"), kind="instant"),
        Column("by", _l("By"), value=lambda row: bilingual(row, "by") if row.by_zh else ""),
        Column("refused", _l("Rows refused"), kind="figure"),
    ),
    filters=(
        Filter(
            "imported",
            _l("Imported"),
            lambda s, v: instrument_files.waiting(s, imported=v == "yes"),
            options=lambda: [("no", _l("not yet")), ("yes", _l("yes"))],
        ),
    ),
)


@blueprint.get("/instrument-files", endpoint="instrument_files")
def file_list() -> str | Answer:
    return _files(empty_form(DropForm))


def _files(form: Form, file: ImportFile | None = None) -> str | Answer:
    """``file``: what was refused; if it is here already, the page leads to it."""
    known = instrument_files.find_file(db.session(), file.sha256) if file else None
    shown = lists.show(FILES, db.session(), current_actor())
    instruments = instrument_files.instruments_listed(db.session())
    return shown.download() or render_template(
        "bench/instrument_files.html",
        list=shown,
        form=form,
        instruments=instruments,
        known=known,
        may_enter=current_actor().can(Permission.RESULT_ENTER),
    )


@blueprint.post("/instrument-files")
def bring_file() -> str | Answer | tuple[str | Answer, int]:
    """Keep it; what becomes of its rows is shown before anything is filled."""
    form, file = read_form(DropForm), None
    with form.attempt():
        file = uploaded(form.values["file"], MOST_BYTES)
        row = instrument_files.bring_file(
            unit_of_work(),
            actor=current_actor(),
            file=file,
            store=file_store(),
            equipment_id=form.values["equipment_id"],
            request_key=request_key(),
        )
        equipment = form.values["equipment_id"]
        return redirect(url_for("bench.instrument_file", file_id=row.id, equipment_id=equipment))
    return _files(form, file), form.status


@blueprint.get(FILE)
def instrument_file(file_id: int) -> str:
    try:
        plan = FilePlanLoad().load(
            {k: v for k, v in request.args.items() if v and k in FilePlanLoad().fields}
        )
    except ValidationError:
        plan = FilePlanLoad().load({})
    return _file(file_id, empty_form(FileTakeLoad, **plan))


def _file(file_id: int, form: Form) -> str:
    """The page; what is not chosen is proposed: the file's instrument, and the mapping of that."""
    session, actor = db.session(), current_actor()
    page = instrument_files.file_page(session, actor=actor, file_id=file_id)
    known = _mappings(page, _number(form, "equipment_id"))
    chosen = _chosen(page, form, known)
    preview, refusal = None, None
    if actor.can(Permission.RESULT_ENTER):
        preview, refusal = _look(page, chosen)
        page = instrument_files.file_page(session, actor=actor, file_id=file_id)
    return render_template(
        "bench/instrument_file.html",
        page=page,
        file=page.file,
        may_enter=actor.can(Permission.RESULT_ENTER),
        form=form,
        look=empty_form(
            FilePlanLoad,
            mapping_id=chosen.mapping_id,
            equipment_id=chosen.equipment_id,
            worksheet_id=chosen.worksheet_id,
        ),
        plan=chosen,
        preview=preview,
        refusal=refusal,
        mappings=known,
        instruments=instrument_files.instruments_listed(session),
        sheets=instrument_files.my_open_sheets(session, actor),
    )


def _mappings(page: FilePage, equipment_id: int | None) -> Sequence[FileMapping]:
    """Those of the instrument, where one is known; else all in use."""
    session = db.session()
    wanted = equipment_id or page.file.equipment_id
    equipment = next((e for e in instrument_files.instruments_listed(session) if e.id == wanted), None)
    return mappings.mappings_in_use(session, equipment) or mappings.mappings_in_use(session)


def _number(form: Form, name: str) -> int | None:
    text = form.typed(name)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _chosen(page: FilePage, form: Form, known: Sequence[FileMapping]) -> ImportPlan:
    last = page.imports[-1].row if page.imports else None
    equipment_id = _number(form, "equipment_id") or page.file.equipment_id
    mapping_id = _number(form, "mapping_id")
    worksheet_id = _number(form, "worksheet_id")
    if last is not None and mapping_id is None and worksheet_id is None:
        equipment_id = equipment_id or last.equipment_id
        mapping_id, worksheet_id = last.mapping_id, last.worksheet_id if last.mapping_id is None else None
    if mapping_id is None and worksheet_id is None and known and (equipment_id or len(known) == 1):
        mapping_id = known[0].id
    mapping = next((one for one in known if one.id == mapping_id), None)
    if equipment_id is None and mapping is not None:
        equipment_id = mapping.equipment_id
    return ImportPlan(worksheet_id, mapping_id, equipment_id, form.typed("reason") or None, again=True)


def _look(page: FilePage, plan: ImportPlan) -> tuple[Preview | None, LimsError | None]:
    if plan.mapping_id is None and plan.worksheet_id is None:
        return None, None
    content = instrument_files.content_of(db.session(), file_store(), page.file)
    file = ImportFile(page.file.name, content)
    try:
        return result_imports.preview_import(
            unit_of_work(), actor=current_actor(), file=file, plan=plan
        ), None
    except LimsError as refusal:
        return None, refusal


@blueprint.post(f"{FILE}/import")
def take_file(file_id: int) -> Answer | tuple[str, int]:
    """Fill what can be filled; what is refused stays on the page."""
    form = read_form(FileTakeLoad)
    with form.attempt():
        values = form.values
        plan = ImportPlan(
            values["worksheet_id"],
            values["mapping_id"],
            values["equipment_id"],
            values["reason"] or None,
            again=True,
        )
        changed = result_imports.import_values(
            unit_of_work(),
            actor=current_actor(),
            file=_stored(file_id),
            plan=plan,
            store=file_store(),
            leave_out_faulty=True,
        )
        flash(
            ngettext(
                "Imported: %(num)s result was computed.",
                "Imported: %(num)s results were computed.",
                len(changed),
            )
        )
        return redirect(url_for("bench.instrument_file", file_id=file_id))
    return _file(file_id, form), form.status


def _stored(file_id: int) -> ImportFile:
    page = instrument_files.file_page(db.session(), actor=current_actor(), file_id=file_id)
    return ImportFile(page.file.name, instrument_files.content_of(db.session(), file_store(), page.file))


@blueprint.get("/instrument-files/sha256/<digest>")
def file_by_hash(digest: str) -> Answer:
    """Where a value says that it came from."""
    row = instrument_files.find_file(db.session(), digest[:64])
    if row is None:
        raise NotFound(_("This file does not exist."))
    return redirect(url_for("bench.instrument_file", file_id=row.id))


@blueprint.get(f"{FILE}/content")
def file_content(file_id: int) -> Answer:
    """The bytes as they came."""
    file = _stored(file_id)
    return attachment(file.content, instrument_files.MEDIA, f"{file.sha256[:16]}.bin")
