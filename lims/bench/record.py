"""The original record (原始记录) of a worksheet: readings, inputs, conditions, equipment, times and people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.inputs import read_cell_key
from lims.bench.models import InputValue
from lims.bench.provenance import Source, sources_of
from lims.bench.sheet_view import SheetView, entries_of_cell, load_sheet
from lims.catalogue.models import MethodInput
from lims.core.clock import local_date
from lims.core.permissions import Actor
from lims.equipment.calibration import latest_records
from lims.equipment.models import CalibrationRecord
from lims.intake.models import RequestedTest, Sample
from lims.people.directory import accounts_by_id
from lims.people.models import Account


@dataclass(frozen=True, slots=True)
class Change:
    """A value that was replaced, and the one that took its place."""

    test: RequestedTest
    sample: Sample
    input: MethodInput
    old: InputValue
    new: InputValue


@dataclass(frozen=True, slots=True)
class Record:
    """``begun``, ``ended``: first and last entry; ``sources``: by number of the entry."""

    view: SheetView
    sources: Mapping[int, Source]
    changes: Sequence[Change]
    people: Mapping[int, Account]
    calibrations: Mapping[int, CalibrationRecord]
    begun: datetime | None
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class CellStory:
    """Everything that ever stood in one cell, newest first."""

    test: RequestedTest
    sample: Sample
    input: MethodInput
    replicate: int
    entries: Sequence[Source]


def load_record(session: Session, *, actor: Actor, worksheet_id: int, now: datetime) -> Record:
    """Raises NotFound, PermissionDenied."""
    view = load_sheet(session, actor=actor, worksheet_id=worksheet_id, now=now)
    attempts = {row.test.id: row.result.attempt if row.result else 1 for row in view.rows}
    wanted = select(InputValue).where(InputValue.requested_test_id.in_(attempts)).order_by(InputValue.id)
    entries = [e for e in session.scalars(wanted) if e.attempt == attempts[e.requested_test_id]]
    used = [one.equipment.id for one in view.equipment]
    day = min((e.entered_at for e in entries), default=now)
    return Record(
        view=view,
        sources=sources_of(session, entries),
        changes=_changes(view, entries),
        people=_people(session, view),
        calibrations=latest_records(session, used, local_date(day)),
        begun=entries[0].entered_at if entries else None,
        ended=entries[-1].entered_at if entries else None,
    )


def _changes(view: SheetView, entries: Sequence[InputValue]) -> list[Change]:
    rows = {row.test.id: row for row in view.rows}
    inputs = {i.name: i for i in view.version.inputs}
    latest: dict[tuple[int, str, int], InputValue] = {}
    found = []
    for entry in entries:
        cell = (entry.requested_test_id, entry.name, entry.replicate)
        if cell in latest and entry.name in inputs:
            row = rows[entry.requested_test_id]
            found.append(Change(row.test, row.sample, inputs[entry.name], latest[cell], entry))
        latest[cell] = entry
    return found


def _people(session: Session, view: SheetView) -> dict[int, Account]:
    """Who handed over and who verified."""
    results = [row.result for row in view.rows if row.result is not None]
    hands = {one for result in results for one in (result.submitted_by, result.verified_by)}
    return accounts_by_id(session, {view.worksheet.analyst_id, *hands})


def load_cell(session: Session, *, actor: Actor, test_id: int, key: str) -> CellStory:
    """Raises NotFound, PermissionDenied, InvalidInput."""
    test, wanted, entries = entries_of_cell(session, actor=actor, test_id=test_id, key=key)
    sources = sources_of(session, entries)
    sample = session.get_one(Sample, test.sample_id)
    return CellStory(test, sample, wanted, read_cell_key(key)[1], [sources[e.id] for e in entries])
