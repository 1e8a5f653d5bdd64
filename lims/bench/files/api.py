"""Instrument files and their mappings: JSON face."""

import base64
import binascii
from typing import Any

import orjson
from flask_babel import gettext as _

from lims.bench.dump_schemas import ChangedDump
from lims.bench.face import api_blueprint, refusals
from lims.bench.files import instrument_files, mappings, result_imports
from lims.bench.files.import_shapes import ImportFile, Preview
from lims.bench.files.layout import FileLayout
from lims.bench.files.models import FileMapping, InstrumentFile
from lims.bench.files.result_imports import ImportPlan
from lims.bench.files.schemas import (
    FileDump,
    FileLoad,
    FilePlanLoad,
    FilePreviewDump,
    FileTakeLoad,
    MappingDump,
    MappingLoad,
    MappingVersionLoad,
)
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.web import current_actor, file_store, request_key, unit_of_work
from lims.ui.faces import ID

FILE = f"/instrument-files/{ID.format('file_id')}"
MAPPING = f"/file-mappings/{ID.format('mapping_id')}"


@api_blueprint.route("/instrument-files", methods=["POST"])
@api_blueprint.arguments(FileLoad, as_kwargs=True)
@api_blueprint.response(201, FileDump)
@refusals(409, 422)
def post_file(file_name: str, content: str, equipment_id: int | None) -> InstrumentFile:
    """Keep a file that an instrument wrote. One of which rows were imported: ``file_imported``."""
    try:
        read = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        sentence = _("The content is not base64.")
        raise InvalidInput(sentence, code="bad_content", fields={"content": [sentence]}) from error
    return instrument_files.bring_file(
        unit_of_work(),
        actor=current_actor(),
        file=ImportFile(file_name, read),
        store=file_store(),
        equipment_id=equipment_id,
        request_key=request_key(),
    )


@api_blueprint.route(FILE)
@api_blueprint.response(200, FileDump)
@refusals(404)
def show_file(file_id: int) -> InstrumentFile:
    """One file, by whom or what it came."""
    return instrument_files.file_page(db.session(), actor=current_actor(), file_id=file_id).file


@api_blueprint.route(f"{FILE}/preview", methods=["POST"])
@api_blueprint.arguments(FilePlanLoad, as_kwargs=True)
@api_blueprint.response(200, FilePreviewDump)
@refusals(404, 409, 422)
def preview_file(file_id: int, **plan: int | None) -> Preview:
    """What becomes of every figure; nothing is filled."""
    return result_imports.preview_import(
        unit_of_work(), actor=current_actor(), file=_stored(file_id), plan=_plan(plan)
    )


@api_blueprint.route(f"{FILE}/import", methods=["POST"])
@api_blueprint.arguments(FileTakeLoad, as_kwargs=True)
@api_blueprint.response(200, ChangedDump)
@refusals(404, 409, 422)
def import_file(file_id: int, reason: str | None, **plan: int | None) -> dict[str, list[int]]:
    """Fill every figure that can be taken and is not taken yet; what is refused may be tried again later."""
    changed = result_imports.import_values(
        unit_of_work(),
        actor=current_actor(),
        file=_stored(file_id),
        plan=_plan(plan, reason),
        store=file_store(),
        leave_out_faulty=True,
    )
    return {"changed": changed}


def _plan(chosen: dict[str, int | None], reason: str | None = None) -> ImportPlan:
    return ImportPlan(
        chosen["worksheet_id"], chosen["mapping_id"], chosen["equipment_id"], reason or None, again=True
    )


def _stored(file_id: int) -> ImportFile:
    page = instrument_files.file_page(db.session(), actor=current_actor(), file_id=file_id)
    return ImportFile(page.file.name, instrument_files.content_of(db.session(), file_store(), page.file))


# -- mappings ------------------------------------------------------------------------


@api_blueprint.route("/file-mappings")
@api_blueprint.response(200, MappingDump(many=True))
def list_mappings() -> list[dict[str, Any]]:
    """Those in use, by name."""
    return [_shown(row) for row in mappings.mappings_in_use(db.session())]


@api_blueprint.route("/file-mappings", methods=["POST"])
@api_blueprint.arguments(MappingLoad, as_kwargs=True)
@api_blueprint.response(201, MappingDump)
@refusals(404, 409, 422)
def post_mapping(
    name: str, equipment_class: str, equipment_id: int | None, layout: FileLayout
) -> dict[str, Any]:
    """Draft the first version of a mapping."""
    made = mappings.draft_mapping(
        unit_of_work(),
        actor=current_actor(),
        name=name,
        equipment_class=equipment_class,
        equipment_id=equipment_id,
        layout=layout,
        store=file_store(),
        request_key=request_key(),
    )
    return _shown(made)


@api_blueprint.route(f"{MAPPING}/release", methods=["POST"])
@api_blueprint.arguments(MappingVersionLoad, as_kwargs=True)
@api_blueprint.response(200, MappingDump)
@refusals(404, 409, 422)
def release_mapping(mapping_id: int, version: int) -> dict[str, Any]:
    """From now on it reads files; the version in use before retires."""
    row = mappings.release_mapping(
        unit_of_work(), actor=current_actor(), mapping_id=mapping_id, version=version, store=file_store()
    )
    return _shown(row)


def _shown(row: FileMapping) -> dict[str, Any]:
    said = {name: getattr(row, name) for name in MappingDump().fields if name != "layout"}
    return {**said, "layout": orjson.loads(row.layout)}
