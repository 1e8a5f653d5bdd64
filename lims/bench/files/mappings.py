"""Mappings of instrument files: drafted with a real file, tried on it, released; what is released never changes."""

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from lims.bench.files.import_shapes import FileReading, ImportFile
from lims.bench.files.layout import FileLayout, missing_fields, read_layout, write_layout
from lims.bench.files.mapped_lines import read_mapped
from lims.bench.files.models import FileMapping
from lims.catalogue.models import TestItem
from lims.core.errors import Conflict, InvalidInput, NotFound, TransitionRefused
from lims.core.files import FileStore, keep_file
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.equipment.models import Equipment, EquipmentClass

MEDIA = "application/octet-stream"


def mapping(session: Session, mapping_id: int) -> FileMapping:
    row = session.get(FileMapping, mapping_id)
    if row is None:
        raise NotFound(_("This mapping does not exist."))
    return row


def layout_of(row: FileMapping) -> FileLayout:
    return read_layout(row.layout)


def all_mappings(session: Session) -> Sequence[FileMapping]:
    """By name, the newest version first."""
    wanted = select(FileMapping).order_by(FileMapping.name, FileMapping.number.desc())
    return session.scalars(wanted).unique().all()


def versions_of(session: Session, name: str) -> Sequence[FileMapping]:
    """Newest first."""
    wanted = select(FileMapping).where(FileMapping.name == name).order_by(FileMapping.number.desc())
    return session.scalars(wanted).unique().all()


def _in_use() -> ColumnElement[bool]:
    return FileMapping.released_at.is_not(None) & FileMapping.retired_at.is_(None)


def mappings_in_use(session: Session, equipment: Equipment | None = None) -> Sequence[FileMapping]:
    """By name; for one device its own mappings first, then those of its class."""
    wanted = select(FileMapping).where(_in_use()).order_by(FileMapping.name, FileMapping.number)
    if equipment is not None:
        wanted = wanted.where(
            FileMapping.equipment_class == equipment.equipment_class,
            or_(FileMapping.equipment_id.is_(None), FileMapping.equipment_id == equipment.id),
        )
    found = session.scalars(wanted).unique().all()
    return sorted(found, key=lambda row: row.equipment_id is None) if equipment is not None else found


def released_mapping(uow: UnitOfWork, mapping_id: int) -> FileMapping:
    """One in use. Raises NotFound, Conflict (``mapping_not_in_use``)."""
    row = uow.get(FileMapping, mapping_id, lock=False)
    if row.released_at is None or row.retired_at is not None:
        raise Conflict(_("This mapping is not in use."), code="mapping_not_in_use")
    return row


def draft_mapping(
    uow: UnitOfWork,
    *,
    actor: Actor,
    name: str,
    equipment_class: str,
    store: FileStore,
    equipment_id: int | None = None,
    layout: FileLayout | None = None,
    example: ImportFile | None = None,
    request_key: RequestKey | None = None,
) -> FileMapping:
    """The first version of a new name; ``example``: the file it is tried on, kept."""
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        if (made := uow.replayed(FileMapping, actor=actor, request_key=request_key)) is not None:
            return made
        if versions_of(uow.session, name.strip()):
            sentence = _("There is a mapping of this name already; draft a new version of it.")
            raise Conflict(sentence, code="mapping_exists", fields={"name": [sentence]})
        row = FileMapping(
            name=name.strip(),
            number=1,
            equipment_class=_class_of(uow, equipment_class, equipment_id),
            equipment_id=equipment_id,
            layout=write_layout(layout or FileLayout()),
            created_at=uow.now,
            created_by=actor.id,
        )
        _show(uow, row, store, example)
        uow.add(row)
        uow.audit("file_mapping.draft", actor, row)
        uow.remember(row)
        uow.commit()
    return row


def draft_again(
    uow: UnitOfWork, *, actor: Actor, mapping_id: int, request_key: RequestKey | None = None
) -> FileMapping:
    """A new version, begun as a copy of ``mapping_id``."""
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        if (made := uow.replayed(FileMapping, actor=actor, request_key=request_key)) is not None:
            return made
        old = uow.get(FileMapping, mapping_id)
        highest = select(func.max(FileMapping.number)).where(FileMapping.name == old.name)
        row = FileMapping(
            name=old.name,
            number=(uow.session.scalar(highest) or 0) + 1,
            equipment_class=old.equipment_class,
            equipment_id=old.equipment_id,
            layout=old.layout,
            example_name=old.example_name,
            example_sha256=old.example_sha256,
            created_at=uow.now,
            created_by=actor.id,
        )
        uow.add(row)
        uow.audit("file_mapping.draft", actor, row)
        uow.remember(row)
        uow.commit()
    return row


def edit_mapping(
    uow: UnitOfWork,
    *,
    actor: Actor,
    mapping_id: int,
    version: int,
    layout: FileLayout,
    store: FileStore,
    example: ImportFile | None = None,
) -> FileMapping:
    """A draft may be incomplete. Raises TransitionRefused (``mapping_released``) for any other."""
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        row = uow.get(FileMapping, mapping_id, version=version)
        _refuse_released(row)
        row.layout = write_layout(layout)
        _show(uow, row, store, example)
        uow.audit("file_mapping.edit", actor, row)
        uow.commit()
    return row


def release_mapping(
    uow: UnitOfWork, *, actor: Actor, mapping_id: int, store: FileStore, version: int | None = None
) -> FileMapping:
    """From now on it reads files; the version in use before retires. Raises InvalidInput (``bad_mapping``)."""
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        row = uow.get(FileMapping, mapping_id, version=version)
        _refuse_released(row)
        faults = faults_of(uow.session, row, store)
        if faults:
            raise InvalidInput(next(iter(faults.values()))[0], code="bad_mapping", fields=faults)
        for old in versions_of(uow.session, row.name):
            if old.released_at is not None and old.retired_at is None:
                old.retired_at = uow.now
                uow.audit("file_mapping.retire", actor, old)
        row.released_at = uow.now
        uow.audit("file_mapping.release", actor, row)
        uow.commit()
    return row


def retire_mapping(uow: UnitOfWork, *, actor: Actor, mapping_id: int, why: str) -> FileMapping:
    """It reads no file any more."""
    actor.require(Permission.EQUIPMENT_EDIT)
    with uow:
        row = released_mapping(uow, mapping_id)
        row.retired_at = uow.now
        uow.audit("file_mapping.retire", actor, row, reason=why)
        uow.commit()
    return row


# -- checking and trying -------------------------------------------------------------


def faults_of(session: Session, row: FileMapping, store: FileStore) -> dict[str, list[str]]:
    """What stands between this mapping and its release, field by field."""
    layout = layout_of(row)
    faults = {name: [_("Please fill this in.")] for name in missing_fields(layout)}
    unknown = unknown_items(session, layout)
    if unknown:
        faults["analytes"] = [_("There is no test item %(codes)s.", codes=", ".join(unknown))]
    if not faults and row.example_sha256 is not None:
        try:
            read_mapped(store.read(row.example_sha256), layout)
        except InvalidInput as fault:
            faults["file"] = [fault.message]
    return faults


def unknown_items(session: Session, layout: FileLayout) -> list[str]:
    codes = {one.item for one in layout.analytes}
    known = set(session.scalars(select(TestItem.code).where(TestItem.code.in_(codes))))
    return sorted(codes - known)


def try_mapping(content: bytes, layout: FileLayout) -> FileReading:
    """What each row of a file would say. Raises as ``mapped_lines.read_mapped``."""
    missing = [name for name in missing_fields(layout) if name != "analytes"]
    if missing:
        raise InvalidInput(
            _("Choose the columns first."),
            code="mapping_incomplete",
            fields={name: [_("Please fill this in.")] for name in missing},
        )
    return read_mapped(content, layout)


def _refuse_released(row: FileMapping) -> None:
    if row.released_at is not None:
        raise TransitionRefused(
            _("A released mapping never changes: draft a new version."), code="mapping_released"
        )


def _class_of(uow: UnitOfWork, equipment_class: str, equipment_id: int | None) -> str:
    if equipment_id is not None:
        return uow.get(Equipment, equipment_id, lock=False).equipment_class
    if not equipment_class:
        sentence = _("Choose a class of equipment, or one device.")
        raise InvalidInput(sentence, code="equipment_missing", fields={"equipment_class": [sentence]})
    known = select(EquipmentClass.code).where(EquipmentClass.code == equipment_class)
    if uow.session.scalar(known) is None:
        raise NotFound(_("This class of equipment does not exist."))
    return equipment_class


def _show(uow: UnitOfWork, row: FileMapping, store: FileStore, example: ImportFile | None) -> None:
    if example is not None:
        row.example_name = example.name[:100]
        row.example_sha256 = keep_file(uow, store, example.content, MEDIA)
