"""Controls come onto a worksheet by the template of its method, and follow its samples."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select

from lims.bench.control.lines import lines_of, may_control
from lims.bench.control.models import ControlLine, WorksheetControl
from lims.bench.models import Assignment, Worksheet, WorksheetRow
from lims.catalogue.models import MethodVersion
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.intake.internal import ControlWork, add_control_samples
from lims.intake.models import RequestedTest
from lims.intake.progress import advance_test
from lims.metrology.control_samples import END, FROM_SAMPLE, START, ControlKind, slots_of


@dataclass(frozen=True, slots=True)
class _Place:
    """A control to be added: ``source``: the row it is made from."""

    line: ControlLine
    slot: int
    source: WorksheetRow | None


def place_controls(uow: UnitOfWork, actor: Actor, sheet: Worksheet) -> None:
    """Add what the template asks for and the sheet lacks, and put every control where it belongs.

    Inside the caller's unit of work; the sheet's rows are read.
    """
    version = uow.session.get_one(MethodVersion, sheet.method_version_id)
    lines = [
        one
        for one in lines_of(uow.session, {version.method_id})
        if one.kind is not ControlKind.BLIND and may_control(version, one.kind)
    ]
    here = [row for row in sheet.rows if row.removed_at is None]
    controls = controls_on(uow, here)
    if not controls and not lines:
        return
    samples = [row for row in here if row.requested_test_id not in controls]
    taken = {(one.line_id, one.slot) for one in controls.values()}
    wanted = [
        _Place(line, slot.number, samples[slot.after - 1] if line.kind in FROM_SAMPLE else None)
        for line in lines
        for slot in slots_of(
            line.kind, len(samples), at_start=line.at_start, at_end=line.at_end, every=line.every
        )
        if (line.id, slot.number) not in taken
    ]
    if wanted:
        _add(uow, actor, sheet, version, wanted)
        controls = controls_on(uow, [row for row in sheet.rows if row.removed_at is None])
    _set_in_order(sheet, controls)
    uow.flush()
    uow.session.refresh(sheet, ["rows"])


def controls_on(uow: UnitOfWork, rows: Sequence[WorksheetRow]) -> dict[int, WorksheetControl]:
    """Test -> what it is, of those placed by a template; a blind control passes for a sample."""
    wanted = select(WorksheetControl).where(
        WorksheetControl.requested_test_id.in_([row.requested_test_id for row in rows]),
        WorksheetControl.slot.is_not(None),
    )
    return {one.requested_test_id: one for one in uow.session.scalars(wanted).unique()}


def _add(
    uow: UnitOfWork, actor: Actor, sheet: Worksheet, version: MethodVersion, wanted: Sequence[_Place]
) -> None:
    tests = {row.requested_test_id for row in sheet.rows}
    due = select(RequestedTest.due_on).where(RequestedTest.id.in_(tests)).order_by(RequestedTest.due_on)
    work = ControlWork(
        f"ZK-{sheet.number}", version, sheet.analyst_id, uow.session.scalars(due.limit(1)).one()
    )
    made = add_control_samples(uow, actor, work, [place.line.material for place in wanted])
    for place, test in zip(wanted, made, strict=True):
        uow.session.add(WorksheetRow(worksheet_id=sheet.id, requested_test_id=test.id, position=0))
        uow.session.add(
            Assignment(
                requested_test_id=test.id,
                assignee_id=sheet.analyst_id,
                assigned_by=actor.id,
                assigned_at=uow.now,
                due_on=test.due_on,
            )
        )
        row = uow.add(
            WorksheetControl(
                requested_test_id=test.id,
                line_id=place.line.id,
                source_test_id=place.source.requested_test_id if place.source is not None else None,
                slot=place.slot,
                placed_at=uow.now,
                placed_by=actor.id,
            )
        )
        uow.audit("control.place", actor, row)
    uow.flush()
    uow.session.refresh(sheet, ["rows"])


def _set_in_order(sheet: Worksheet, controls: dict[int, WorksheetControl]) -> None:
    """Start, then each sample with what is made from it, each group with its control, then the end."""
    here = [row for row in sheet.rows if row.removed_at is None]
    samples = [row.requested_test_id for row in here if row.requested_test_id not in controls]
    places = {test: n for n, test in enumerate(samples, 1)}

    def place(row: WorksheetRow) -> tuple[int, int, int]:
        control = controls.get(row.requested_test_id)
        if control is None:
            return places[row.requested_test_id], 0, 0
        if control.source_test_id is not None:
            return places.get(control.source_test_id, len(samples) + 1), 1, control.line_id
        if control.slot == START:
            return 0, 0, control.line_id
        if control.slot == END or control.slot is None:
            return len(samples) + 1, 2, control.line_id
        return (control.line.every or 0) * control.slot, 2, control.line_id

    for position, row in enumerate(sorted(here, key=place), 1):
        row.position = position


def take_controls_off(uow: UnitOfWork, actor: Actor, sheet: Worksheet) -> None:
    """Controls that speak for no sample any more leave the sheet and are cancelled."""
    here = [row for row in sheet.rows if row.removed_at is None]
    controls = controls_on(uow, here)
    samples = {row.requested_test_id for row in here} - controls.keys()
    for row in here:
        control = controls.get(row.requested_test_id)
        if control is None or (samples and control.source_test_id in (None, *samples)):
            continue
        row.removed_at = uow.now
        uow.audit("worksheet.remove", actor, row)
        test = uow.get(RequestedTest, row.requested_test_id)
        advance_test(uow, test, "cancel", actor=actor, reason=_("It speaks for no sample of the worksheet."))
    uow.flush()
