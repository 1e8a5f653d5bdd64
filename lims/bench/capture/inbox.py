"""The inbox of captures: what came from devices and nobody has claimed; and one capture with its proof."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from lims.bench.analyser.names import names_of
from lims.bench.capture.claims import claim_here
from lims.bench.capture.models import CaptureReading
from lims.bench.capture.readings import SAID, Reading, history_of, reading_of, readings_of, said, with_newest
from lims.bench.files.models import FileImport, InstrumentFile
from lims.bench.inputs import EDITABLE, Cell, cell_key, read_cell_key
from lims.bench.models import (
    Capture,
    CaptureBatch,
    CaptureClaim,
    CaptureStream,
    InputValue,
    Worksheet,
    WorksheetRow,
)
from lims.bench.sample_bench import latest_cells
from lims.bench.sheet_view import RowView, columns_of, load_row
from lims.bench.states import CaptureKind, WorksheetState
from lims.catalogue.models import MethodVersion
from lims.core.clock import LAB_ZONE
from lims.core.errors import InvalidInput, LimsError, NotFound
from lims.core.paging import CappedCount, Key, Page, capped_count, read_page
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.equipment.models import Device, Equipment, Gateway
from lims.equipment.signed import signature_holds
from lims.intake.models import RequestedTest, Sample
from lims.people.directory import accounts_by_id
from lims.people.models import Account
from lims.ui.panels import Panel

MOST_SHEETS = 20
NEWEST = 20_000
HEX_ROW = 16


def captures_listed() -> Select[*tuple[Any, ...]]:
    """Captures with what a list shows of them, by their newest reading; newest first by ``id``. ``reread``: the
    profile they were read again with; None for what the gateway read."""
    claimed = exists().where(CaptureClaim.capture_id == Capture.id)
    return with_newest(
        select(
            Capture.id,
            Capture.gateway_id,
            Capture.epoch,
            Capture.seq,
            Capture.device_id,
            Capture.device_name,
            Capture.equipment_id,
            *(said(name) for name in SAID),
            CaptureReading.profile.label("reread"),
            Capture.trigger,
            Capture.captured_at,
            Capture.received_at,
            Capture.flags,
            Gateway.name.label("gateway"),
            Equipment.code.label("equipment_code"),
            Equipment.name_zh.label("equipment_zh"),
            Equipment.name_en.label("equipment_en"),
            claimed.label("claimed"),
        )
        .join(Gateway, Gateway.id == Capture.gateway_id)
        .outerjoin(Equipment, Equipment.id == Capture.equipment_id)
    )


def inbox_listed() -> Select[*tuple[Any, ...]]:
    """What nobody has claimed, of the newest captures: a list of a million claimed ones stays out of the way."""
    return _unclaimed(captures_listed(), NEWEST)


def _unclaimed(statement: Select[*tuple[Any, ...]], newest: int) -> Select[*tuple[Any, ...]]:
    last = select(func.max(Capture.id)).scalar_subquery()
    here = exists().where(CaptureClaim.capture_id == Capture.id)
    # A file is claimed by taking figures of it.
    taken = exists().where(InstrumentFile.sha256 == Capture.text, FileImport.file_id == InstrumentFile.id)
    open_ = or_(Capture.kind != CaptureKind.FILE, ~taken)
    return statement.where(Capture.id > last - newest, ~here, open_)


def since(statement: Select[*tuple[Any, ...]], day: date) -> Select[*tuple[Any, ...]]:
    return statement.where(Capture.received_at >= datetime.combine(day, time(), LAB_ZONE))


def until(statement: Select[*tuple[Any, ...]], day: date) -> Select[*tuple[Any, ...]]:
    return statement.where(Capture.received_at < datetime.combine(day, time(), LAB_ZONE) + timedelta(days=1))


def list_captures(
    session: Session,
    *,
    actor: Actor,
    claimed: bool | None = None,
    kind: CaptureKind | None = None,
    device_id: int | None = None,
    unbound: bool = False,
    received_from: date | None = None,
    received_to: date | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Any]:
    """Newest first."""
    actor.require(Permission.CAPTURE_READ)
    wanted = captures_listed()
    if claimed is not None:
        here = exists().where(CaptureClaim.capture_id == Capture.id)
        wanted = wanted.where(here if claimed else ~here)
    if kind is not None:
        wanted = wanted.where(said("kind") == kind)
    if device_id is not None:
        wanted = wanted.where(Capture.device_id == device_id)
    if unbound:
        wanted = wanted.where(Capture.equipment_id.is_(None))
    if received_from is not None:
        wanted = since(wanted, received_from)
    if received_to is not None:
        wanted = until(wanted, received_to)
    return read_page(session, wanted, [Key(Capture.id, descending=True)], cursor=cursor, size=size)


def count_waiting(session: Session, cap: int) -> CappedCount:
    """Readings among the last thousand captures that wait for a cell."""
    waiting = with_newest(_unclaimed(select(Capture.id), 1000)).where(said("kind") == CaptureKind.READING)
    return capped_count(session, waiting, cap)


def devices_listed(session: Session) -> list[tuple[int, str, str]]:
    """(id, gateway, device) for a filter."""
    wanted = select(Device.id, Gateway.name, Device.name).join(Gateway, Gateway.id == Device.gateway_id)
    return [
        (n, gateway, name) for n, gateway, name in session.execute(wanted.order_by(Gateway.name, Device.name))
    ]


# -- one capture ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BytesRow:
    """Sixteen bytes, as people read them."""

    offset: int
    hex: str
    text: str


@dataclass(frozen=True, slots=True)
class CapturePage:
    """``reading``: what counts, ``again``: every re-reading, newest first, with who did it; ``value``: the input it
    is the value of, None while nobody claimed it; ``signed``: whether the signature of the delivery holds, checked
    now; ``beside``: what else the same frame states, each with its reading."""

    capture: Capture
    reading: Reading
    again: Sequence[tuple[CaptureReading, Account | None]]
    batch: CaptureBatch
    gateway: Gateway
    equipment: Equipment | None
    claim: CaptureClaim | None
    value: InputValue | None
    sample: Sample | None
    signed: bool
    beside: Sequence[tuple[Capture, Reading]]

    @property
    def bytes_rows(self) -> list[BytesRow]:
        return readable(self.capture.raw)

    @property
    def raw_base64(self) -> str:
        return base64.b64encode(self.capture.raw).decode()


def readable(raw: bytes) -> list[BytesRow]:
    """Hex and text side by side; what is no printable ASCII shows as a dot."""
    rows = []
    for offset in range(0, len(raw), HEX_ROW):
        part = raw[offset : offset + HEX_ROW]
        text = "".join(chr(b) if 32 <= b < 127 else "·" for b in part)
        rows.append(BytesRow(offset, part.hex(" "), text))
    return rows


def capture_page(session: Session, *, actor: Actor, capture_id: int) -> CapturePage:
    """Raises NotFound. A fixed number of queries."""
    actor.require(Permission.CAPTURE_READ)
    row = session.get(Capture, capture_id)
    if row is None:
        raise NotFound(_("This capture does not exist."))
    batch = session.get_one(CaptureBatch, row.batch_id)
    claim = session.scalar(select(CaptureClaim).where(CaptureClaim.capture_id == row.id))
    sample = None
    if claim is not None:
        sample = session.scalar(
            select(Sample)
            .join(RequestedTest, RequestedTest.sample_id == Sample.id)
            .where(RequestedTest.id == claim.requested_test_id)
        )
    again = history_of(session, row.id)
    people = accounts_by_id(session, {a.read_by for a in again})
    beside = _same_frame(session, row)
    readings = readings_of(session, beside)
    return CapturePage(
        capture=row,
        reading=reading_of(row, again[0] if again else None),
        again=[(one, people.get(one.read_by or 0)) for one in again],
        batch=batch,
        gateway=session.get_one(Gateway, row.gateway_id),
        equipment=session.get(Equipment, row.equipment_id) if row.equipment_id is not None else None,
        claim=claim,
        value=session.scalar(select(InputValue).where(InputValue.capture_id == row.id)),
        sample=sample,
        beside=[(one, readings[one.id]) for one in beside],
        signed=signature_holds(batch.public_key, "captures", batch.body, batch.signature),
    )


def _same_frame(session: Session, row: Capture) -> Sequence[Capture]:
    frame = select(Capture).where(
        Capture.gateway_id == row.gateway_id, Capture.epoch == row.epoch, Capture.seq == row.seq
    )
    return session.scalars(frame.where(Capture.part != row.part).order_by(Capture.part)).all()


# -- claiming by hand ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenCell:
    """A cell of one of my open worksheets. ``key``: ``worksheet:test:name-replicate``; ``text``: its value."""

    key: str
    worksheet: str
    sample: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What claiming would do. ``refusal`` None: it may be done; ``reason_needed``: with a reason only."""

    cell: OpenCell
    before: str
    after: str | None
    unit: str
    result: str | None
    refusal: str | None
    reason_needed: bool


def open_cells(
    session: Session, *, actor: Actor, equipment: Equipment | None, specimen: str = "", test_name: str = ""
) -> list[OpenCell]:
    """Cells of my open worksheets that this equipment may fill. First those of the sample and the test that the
    device names (the test by the analyser's name of it), empty ones before filled ones; then by worksheet."""
    if equipment is None or not actor.can(Permission.CAPTURE_CLAIM):
        return []
    sheets = session.scalars(
        select(Worksheet)
        .where(Worksheet.analyst_id == actor.id, Worksheet.state == WorksheetState.OPEN)
        .order_by(Worksheet.id.desc())
        .limit(MOST_SHEETS)
    ).all()
    versions = {
        v.id: v
        for v in session.scalars(
            select(MethodVersion).where(MethodVersion.id.in_({s.method_version_id for s in sheets}))
        ).unique()
    }
    ids = {s.id: s for s in sheets}
    rows = session.execute(
        select(
            WorksheetRow.worksheet_id,
            RequestedTest.id,
            RequestedTest.test_item_id,
            Sample.number,
            Sample.name,
        )
        .join(RequestedTest, RequestedTest.id == WorksheetRow.requested_test_id)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .where(
            WorksheetRow.worksheet_id.in_(ids),
            WorksheetRow.removed_at.is_(None),
            RequestedTest.state.in_(EDITABLE),
            RequestedTest.assignee_id == actor.id,
        )
        .order_by(WorksheetRow.worksheet_id.desc(), WorksheetRow.position)
    ).all()
    latest = latest_cells(session, [test_id for _sheet, test_id, *_sample in rows])
    names = names_of(session, equipment.id) if test_name else {}
    cells: list[tuple[tuple[bool, ...], OpenCell]] = []
    for sheet_id, test_id, item_id, number, name in rows:
        sheet = ids[sheet_id]
        for column in columns_of(versions[sheet.method_version_id]):
            if column.input.equipment_class not in (None, equipment.equipment_class):
                continue
            entry = latest.get(test_id, {}).get((column.input.name, column.replicate))
            key = f"{sheet.id}:{test_id}:{cell_key(column.input.name, column.replicate)}"
            words = f"{column.label} ({column.input.unit})" if column.input.unit else column.label
            text = entry.text if entry else ""
            here = bool(specimen) and number == specimen
            rank = (not here, not (here and names.get(item_id) == test_name), not here or bool(text))
            cells.append((rank, OpenCell(key, sheet.number, f"{number} {name}", words, text)))
    return [cell for _rank, cell in sorted(cells, key=lambda ranked: ranked[0])]


def read_target(key: str) -> tuple[int, Cell]:
    """(worksheet, cell) of an OpenCell's key. Raises InvalidInput (``unknown_input``)."""
    parts = key.split(":")
    if len(parts) != 3 or not all(p.isascii() and p.isdecimal() and len(p) < 16 for p in parts[:2]):
        sentence = _("Choose a cell.")
        raise InvalidInput(sentence, code="unknown_input", fields={"cell": [sentence]})
    name, replicate = read_cell_key(parts[2])
    return int(parts[0]), Cell(int(parts[1]), name, replicate, "")


def preview_claim(
    uow: UnitOfWork, *, actor: Actor, capture_id: int, chosen: OpenCell, reason: str | None = None
) -> Preview:
    """Claim it, look, and undo: what is shown is what will be."""
    try:
        return _try_claim(uow, actor, capture_id, chosen, reason)
    except LimsError as refused:
        if refused.code != "reason_needed":
            return _refused(chosen, refused)
    try:
        return replace(_try_claim(uow, actor, capture_id, chosen, "?"), reason_needed=True)
    except LimsError as refused:
        return _refused(chosen, refused)


def _try_claim(
    uow: UnitOfWork, actor: Actor, capture_id: int, chosen: OpenCell, reason: str | None
) -> Preview:
    worksheet_id, cell = read_target(chosen.key)
    wanted = Cell(cell.test_id, cell.name, cell.replicate, "", reason)
    with uow:  # left without commit: nothing of it stays
        value = claim_here(uow, actor, worksheet_id, capture_id, wanted)
        row = load_row(uow.session, actor=actor, worksheet_id=worksheet_id, test_id=cell.test_id)
        return Preview(chosen, chosen.text, value.text, value.unit, _result(row), None, False)


def _refused(chosen: OpenCell, refused: LimsError) -> Preview:
    return Preview(chosen, chosen.text, None, "", None, refused.message, False)


def _result(row: RowView) -> str | None:
    return f"{row.reported} {row.version.unit}".strip() if row.version and row.has_value else None


# -- how far a gateway's spools have come --------------------------------------------


def streams_panel(session: Session, _actor: Actor, gateway_id: int) -> Panel | None:
    """For the gateway's page: each life of its spool, newest first, with gaps and losses."""
    wanted = (
        select(CaptureStream)
        .where(CaptureStream.gateway_id == gateway_id)
        .order_by(CaptureStream.begun_at.desc(), CaptureStream.epoch)
        .limit(20)
    )
    return Panel("bench/streams.html", {"streams": session.scalars(wanted).all()})
