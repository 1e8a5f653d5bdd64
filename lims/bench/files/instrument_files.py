"""Files of instruments: dropped on a page, or carried by the captures of a gateway that watches a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, aliased, outerjoin

from lims.bench.files.import_shapes import ImportFile, refused
from lims.bench.files.models import FileImport, FileMapping, InstrumentFile
from lims.bench.files.table import MOST_BYTES
from lims.bench.models import Capture, Worksheet
from lims.bench.states import CaptureKind, WorksheetState
from lims.bench.wording import named
from lims.core.clock import LAB_ZONE
from lims.core.errors import Conflict, InvalidInput, NotFound
from lims.core.files import FileStore, keep_file
from lims.core.paging import CappedCount, capped_count
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.equipment.models import Equipment, Gateway
from lims.people.models import Account

MEDIA = "application/octet-stream"
MOST_CHUNKS = 64


def files_listed() -> Select[*tuple[Any, ...]]:
    """Files with what a list shows of them; newest first by ``id``."""
    one = aliased(FileImport)
    last = select(func.max(one.id)).where(one.file_id == InstrumentFile.id).scalar_subquery()
    beside = outerjoin(InstrumentFile, Equipment, Equipment.id == InstrumentFile.equipment_id)
    beside = outerjoin(beside, FileImport, FileImport.id == last)
    beside = outerjoin(beside, Account, Account.id == FileImport.imported_by)
    return select(
        InstrumentFile.id,
        InstrumentFile.name,
        InstrumentFile.size,
        InstrumentFile.came_at,
        InstrumentFile.capture_id,
        InstrumentFile.equipment_id,
        Equipment.code.label("equipment_code"),
        Equipment.name_zh.label("equipment_zh"),
        Equipment.name_en.label("equipment_en"),
        Account.name_zh.label("by_zh"),
        Account.name_en.label("by_en"),
        FileImport.imported_at,
        FileImport.refused,
    ).select_from(beside)


def waiting(statement: Select[*tuple[Any, ...]], *, imported: bool) -> Select[*tuple[Any, ...]]:
    one = aliased(FileImport)
    here = exists().where(one.file_id == InstrumentFile.id)
    return statement.where(here if imported else ~here)


def count_waiting_files(session: Session, cap: int) -> CappedCount:
    """Files of which nothing was imported yet."""
    here = exists().where(FileImport.file_id == InstrumentFile.id)
    return capped_count(session, select(InstrumentFile.id).where(~here), cap)


def bring_file(
    uow: UnitOfWork,
    *,
    actor: Actor,
    file: ImportFile,
    store: FileStore,
    equipment_id: int | None = None,
    request_key: RequestKey | None = None,
) -> InstrumentFile:
    """Keep a dropped file, once: the same content again is the file that is here already.

    Raises Conflict (``file_imported``, with who and when) where rows of it were imported.
    """
    actor.require(Permission.RESULT_ENTER)
    if not file.content:
        raise refused("sheet_empty", _("The file is empty."))
    if len(file.content) > MOST_BYTES:
        raise refused("sheet_too_big", _("A file of an instrument has at most 5 MB."))
    with uow:
        if (made := uow.replayed(InstrumentFile, actor=actor, request_key=request_key)) is not None:
            return made
        known = find_file(uow.session, file.sha256)
        if known is not None:
            refuse_imported(uow.session, known)
            return known
        if equipment_id is not None:
            uow.get(Equipment, equipment_id, lock=False)
        keep_file(uow, store, file.content, MEDIA)
        row = note_file(uow, actor, file, equipment_id)
        uow.remember(row)
        uow.commit()
    return row


def note_file(
    uow: UnitOfWork, actor: Actor, file: ImportFile, equipment_id: int | None = None
) -> InstrumentFile:
    """The row of a file that a person brought (inside the caller's unit of work)."""
    row = uow.add(
        InstrumentFile(
            sha256=file.sha256,
            name=file.name[:100],
            size=len(file.content),
            came_at=uow.now,
            brought_by=actor.id,
            equipment_id=equipment_id,
        )
    )
    uow.audit("instrument_file.bring", actor, row)
    return row


def find_file(session: Session, sha256: str) -> InstrumentFile | None:
    return session.scalar(select(InstrumentFile).where(InstrumentFile.sha256 == sha256))


def refuse_imported(session: Session, row: InstrumentFile, worksheet_id: int | None = None) -> None:
    """Raises Conflict (``file_imported``) if rows of it were imported (into this worksheet, where one is given)."""
    earlier = (
        select(FileImport.imported_at, Account)
        .outerjoin(Account, Account.id == FileImport.imported_by)
        .where(FileImport.file_id == row.id)
        .order_by(FileImport.id)
    )
    if worksheet_id is not None:
        earlier = earlier.where(FileImport.worksheet_id == worksheet_id)
    first = session.execute(earlier.limit(1)).first()
    if first is not None:
        raise Conflict(
            _(
                "This file was imported already as “%(name)s”, on %(at)s by %(who)s. What was refused then can still be imported on its page.",
                name=row.name or "–",
                at=first[0].astimezone(LAB_ZONE).strftime("%Y-%m-%d %H:%M"),
                who=named(first[1]) if first[1] is not None else "–",
            ),
            code="file_imported",
        )


# -- files that gateways find --------------------------------------------------------


def note_arrivals(
    uow: UnitOfWork, actor: Actor, gateway: Gateway, epoch: str, arrived: Mapping[int, tuple[str, str]]
) -> None:
    """Files whose last missing chunk came with this delivery (inside its unit of work).

    ``arrived``: number of a capture -> (SHA-256 of its file, its place: ``2/3``).
    """
    seen: set[tuple[str, int]] = set()
    for seq, (sha256, place) in arrived.items():
        part = read_place(place)
        if part is None or (sha256, seq - part[0]) in seen:
            continue
        seen.add((sha256, seq - part[0]))
        first = seq - part[0] + 1
        rows = _chunks(uow.session, gateway.id, epoch, first, part[1])
        if rows is None or find_file(uow.session, sha256) is not None:
            continue
        file = ImportFile(rows[0].name, b"".join(row.raw for row in rows))
        if file.sha256 != sha256:
            continue  # the captures stay in the inbox, as bytes that nobody can vouch for
        row = uow.add(
            InstrumentFile(
                sha256=sha256,
                name=file.name[:100],
                size=len(file.content),
                came_at=uow.now,
                capture_id=rows[0].id,
                chunks=len(rows),
                equipment_id=rows[0].equipment_id,
            )
        )
        uow.audit("instrument_file.arrive", actor, row)


def read_place(place: str) -> tuple[int, int] | None:
    """``2/3`` is (2, 3): the second of three chunks. None for anything else."""
    number, _slash, all_ = place.partition("/")
    if not all(n.isascii() and n.isdecimal() and len(n) < 4 for n in (number, all_)):
        return None
    found = int(number), int(all_)
    return found if 1 <= found[0] <= found[1] <= MOST_CHUNKS else None


def _chunks(
    session: Session, gateway_id: int, epoch: str, first: int, chunks: int
) -> Sequence[Capture] | None:
    """The captures of one file in order, None while one of them is missing."""
    wanted = select(Capture).where(
        Capture.gateway_id == gateway_id,
        Capture.epoch == epoch,
        Capture.seq.between(first, first + chunks - 1),
        Capture.part == 0,
        Capture.kind == CaptureKind.FILE,
    )
    rows = session.scalars(wanted.order_by(Capture.seq)).all()
    places = [f"{n}/{chunks}" for n in range(1, chunks + 1)]
    whole = [row.code for row in rows] == places and len({row.text for row in rows}) == 1
    return rows if whole else None


def content_of(session: Session, store: FileStore, row: InstrumentFile) -> bytes:
    """The bytes, checked against their hash: from the captures that carried them, or from the store."""
    if row.capture_id is None:
        return store.read(row.sha256)
    first = session.get_one(Capture, row.capture_id)
    rows = _chunks(session, first.gateway_id, first.epoch, first.seq, row.chunks) or ()
    file = ImportFile(row.name, b"".join(part.raw for part in rows))
    if file.sha256 != row.sha256:
        raise OSError(f"the captures of instrument file {row.id} do not match its hash")
    return file.content


# -- one file ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Imported:
    """One import of a file, as its page tells it."""

    row: FileImport
    who: Account | None
    mapping: FileMapping | None


@dataclass(frozen=True, slots=True)
class FilePage:
    """``device``: where a gateway found it, in words."""

    file: InstrumentFile
    brought_by: Account | None
    device: str
    equipment: Equipment | None
    imports: Sequence[Imported]


def file_page(session: Session, *, actor: Actor, file_id: int) -> FilePage:
    """Raises NotFound."""
    actor.require(Permission.CAPTURE_READ)
    row = session.get(InstrumentFile, file_id)
    if row is None:
        raise NotFound(_("This file does not exist."))
    rows = session.execute(
        select(FileImport, Account, FileMapping)
        .outerjoin(Account, Account.id == FileImport.imported_by)
        .outerjoin(FileMapping, FileMapping.id == FileImport.mapping_id)
        .where(FileImport.file_id == row.id)
        .order_by(FileImport.id)
    )
    return FilePage(
        row,
        session.get(Account, row.brought_by) if row.brought_by is not None else None,
        _found_at(session, row),
        session.get(Equipment, row.equipment_id) if row.equipment_id is not None else None,
        [Imported(*one) for one in rows],
    )


def _found_at(session: Session, row: InstrumentFile) -> str:
    if row.capture_id is None:
        return ""
    capture = session.get_one(Capture, row.capture_id)
    return f"{session.get_one(Gateway, capture.gateway_id).name} / {capture.device_name}"


def my_open_sheets(session: Session, actor: Actor) -> Sequence[Worksheet]:
    """Newest first."""
    mine = select(Worksheet).where(Worksheet.analyst_id == actor.id, Worksheet.state == WorksheetState.OPEN)
    return session.scalars(mine.order_by(Worksheet.id.desc()).limit(50)).all()


def instruments_listed(session: Session) -> Sequence[Equipment]:
    """Equipment that a mapping in use is for, by code."""
    of = select(FileMapping.equipment_class).where(
        FileMapping.released_at.is_not(None), FileMapping.retired_at.is_(None)
    )
    wanted = select(Equipment).where(Equipment.equipment_class.in_(of)).order_by(Equipment.code)
    return session.scalars(wanted).all()


def usable_equipment(uow: UnitOfWork, mapping: FileMapping, equipment_id: int | None) -> Equipment:
    """The device that measured: the mapping's own, or the one that is named. Raises InvalidInput
    (``equipment_missing``), Conflict (``wrong_class``)."""
    wanted = mapping.equipment_id or equipment_id
    if wanted is None:
        sentence = _("Choose the instrument that measured.")
        raise InvalidInput(sentence, code="equipment_missing", fields={"equipment_id": [sentence]})
    equipment = uow.get(Equipment, wanted, lock=False)
    if equipment.equipment_class != mapping.equipment_class or equipment_id not in (None, wanted):
        raise Conflict(_("This mapping is for other equipment."), code="wrong_class")
    return equipment
