"""Readings and inputs of a test: appended, the newest of a cell counts, the older ones stay readable."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench import compute
from lims.bench.assignments import check_person
from lims.bench.models import InputValue, Result, Worksheet, WorksheetEquipment, WorksheetRow
from lims.bench.states import InputSource, WorksheetState
from lims.catalogue.models import MethodInput, MethodVersion
from lims.core.clock import local_date
from lims.core.errors import InvalidInput, NotFound, PermissionDenied, TransitionRefused
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.intake.models import RequestedTest
from lims.intake.progress import advance_test
from lims.intake.states import TestState
from lims.metrology.errors import MetrologyError
from lims.metrology.typed_values import parse_value
from lims.metrology.values import Number

EDITABLE = (TestState.ASSIGNED, TestState.IN_PROGRESS, TestState.RETURNED)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the sheet: input ``name``, ``replicate`` from 1, as typed. Empty text clears it."""

    test_id: int
    name: str
    replicate: int
    text: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from when nobody typed it."""

    source: InputSource
    capture_id: int | None = None
    equipment_id: int | None = None
    origin: str | None = None


TYPED = Origin(InputSource.TYPED)


def enter_cells(
    uow: UnitOfWork, *, actor: Actor, worksheet_id: int, cells: Sequence[Cell], origin: Origin = TYPED
) -> list[int]:
    """Keep typed (or imported) cells and compute what follows from them, all or none.

    Returns the tests whose result was computed again. Raises InvalidInput with ``fields`` keyed
    ``test:name:replicate``; codes ``typed_not_allowed``, ``value_...``.
    """
    actor.require(Permission.RESULT_ENTER)
    if not cells or len(cells) > 2000:
        raise InvalidInput(_("Give between 1 and 2000 values."))
    with uow:
        sheet = open_sheet(uow, worksheet_id, actor)
        tests = rows_of(uow, sheet, {c.test_id for c in cells})
        version = uow.get(MethodVersion, sheet.method_version_id, lock=False)
        wanted = {i.name: i for i in version.inputs}
        faults: dict[str, list[str]] = {}
        codes: list[str] = []
        for cell in cells:
            try:
                put_cell(uow, actor, tests[cell.test_id], wanted.get(cell.name), cell, origin)
            except InvalidInput as fault:
                faults[f"{cell.test_id}:{cell.name}:{cell.replicate}"] = [fault.message]
                codes.append(fault.code)
        if faults:
            raise InvalidInput(next(iter(faults.values()))[0], code=codes[0], fields=faults)
        changed = compute.recompute(uow, actor, list(tests.values()))
        uow.commit()
    return changed


def open_sheet(uow: UnitOfWork, worksheet_id: int, actor: Actor) -> Worksheet:
    """The worksheet, if it is this analyst's and open; and the analyst still authorised."""
    sheet = uow.get(Worksheet, worksheet_id)
    if sheet.analyst_id != actor.id:
        raise PermissionDenied(_("This worksheet belongs to another analyst."))
    if sheet.state is not WorksheetState.OPEN:
        raise TransitionRefused(_("This worksheet is no longer open."))
    method = uow.get(MethodVersion, sheet.method_version_id, lock=False)
    check_person(uow.session, sheet.analyst_id, method.method_id, local_date(uow.now))
    return sheet


def rows_of(uow: UnitOfWork, sheet: Worksheet, test_ids: Iterable[int]) -> dict[int, RequestedTest]:
    """The tests of these rows of the sheet, locked. Raises NotFound for one that is not on it."""
    wanted = set(test_ids)
    here = {r.requested_test_id for r in sheet.rows if r.removed_at is None}
    if not wanted <= here:
        raise NotFound(_("This test is not on this worksheet."))
    statement = select(RequestedTest).where(RequestedTest.id.in_(wanted)).order_by(RequestedTest.id)
    found = uow.session.scalars(statement.with_for_update(of=RequestedTest)).unique()
    return {t.id: t for t in found}


def put_cell(
    uow: UnitOfWork,
    actor: Actor,
    test: RequestedTest,
    wanted: MethodInput | None,
    cell: Cell,
    origin: Origin,
) -> InputValue | None:
    """Append one input value (inside the caller's unit of work). The same value again changes nothing."""
    if wanted is None or not 1 <= cell.replicate <= wanted.replicates:
        raise InvalidInput(_("The method has no such input."), code="unknown_input")
    if test.state not in EDITABLE or test.assignee_id != actor.id:
        raise TransitionRefused(_("The result is handed over; take it back first."), code="not_editable")
    text = cell.text.strip()
    if origin.source is InputSource.TYPED and text and not wanted.typed:
        raise InvalidInput(
            _("%(input)s must come from the device; it cannot be typed.", input=wanted.label_zh),
            code="typed_not_allowed",
        )
    value = _number(text, wanted)
    result = current_result(uow, actor, test)
    before = newest(uow.session, test.id, result.attempt, cell.name, cell.replicate)
    if (before is None and not text) or (
        before is not None
        and before.text == text
        and before.source is origin.source
        and not origin.capture_id
    ):
        return None
    reason = _reason(before, cell.reason, result, origin)
    row = uow.add(
        InputValue(
            requested_test_id=test.id,
            attempt=result.attempt,
            name=cell.name,
            replicate=cell.replicate,
            text=text,
            value=value,
            unit=wanted.unit,
            source=origin.source,
            capture_id=origin.capture_id,
            equipment_id=origin.equipment_id,
            origin=origin.origin,
            reason=reason,
            entered_by=actor.id,
            entered_at=uow.now,
        )
    )
    uow.audit("input.enter", actor, row, reason=reason)
    if test.state is not TestState.IN_PROGRESS:
        advance_test(uow, test, "begin", actor=actor)
    return row


def _reason(before: InputValue | None, given: str | None, result: Result, origin: Origin) -> str | None:
    """A device's value replaced by hand needs a reason; after a return, the return is the reason."""
    given = (given or "").strip() or None
    if (
        before is not None
        and before.source is InputSource.CAPTURE
        and origin.source is not InputSource.CAPTURE
        and given is None
    ):
        raise InvalidInput(_("This replaces a device's reading: say why."), code="reason_needed")
    if given is None and result.return_reason and before is not None:
        return result.return_reason
    return given


def _number(text: str, wanted: MethodInput) -> Decimal | None:
    """The figure in a typed text, None for "not detected" and its kin. Raises InvalidInput."""
    if not text:
        return None
    if len(text) > 200:
        raise InvalidInput(_("At most 200 characters."), code="value_too_long")
    try:
        value = parse_value(text, unit=wanted.unit, allow_text=True)
    except MetrologyError as fault:
        raise InvalidInput(_(fault.template, **fault.facts), code=fault.code) from fault
    if not isinstance(value, Number):
        return None
    low, high = wanted.low, wanted.high
    if (low is not None and value.value < low) or (high is not None and value.value > high):
        raise InvalidInput(
            _("Outside what is possible here (%(low)s to %(high)s).", low=low or "…", high=high or "…"),
            code="value_out_of_range",
        )
    return value.value


def newest(session: Session, test_id: int, attempt: int, name: str, replicate: int) -> InputValue | None:
    statement = (
        select(InputValue)
        .where(
            InputValue.requested_test_id == test_id,
            InputValue.attempt == attempt,
            InputValue.name == name,
            InputValue.replicate == replicate,
        )
        .order_by(InputValue.id.desc())
        .limit(1)
    )
    return session.scalars(statement).first()


def current_result(uow: UnitOfWork, actor: Actor, test: RequestedTest) -> Result:
    """The running attempt of this test, opened if it is the first (inside the caller's unit of work)."""
    statement = select(Result).where(Result.requested_test_id == test.id, Result.current.is_(True))
    found = uow.session.scalars(statement).first()
    if found is None:
        found = uow.add(Result(requested_test_id=test.id, attempt=1, current=True))
        uow.audit("result.open", actor, found)
    return found


def note_equipment(uow: UnitOfWork, actor: Actor, worksheet_id: int, equipment_id: int) -> None:
    """Name equipment in the original record, once (inside the caller's unit of work)."""
    there = select(WorksheetEquipment.id).where(
        WorksheetEquipment.worksheet_id == worksheet_id, WorksheetEquipment.equipment_id == equipment_id
    )
    if uow.session.execute(there).first() is None:
        row = uow.add(
            WorksheetEquipment(worksheet_id=worksheet_id, equipment_id=equipment_id, noted_at=uow.now)
        )
        uow.audit("worksheet.equipment", actor, row)


def sheet_of_test(session: Session, test_id: int) -> Worksheet | None:
    """The newest worksheet on which this test stands."""
    statement = (
        select(Worksheet)
        .join(WorksheetRow, WorksheetRow.worksheet_id == Worksheet.id)
        .where(WorksheetRow.requested_test_id == test_id, WorksheetRow.removed_at.is_(None))
        .order_by(Worksheet.id.desc())
        .limit(1)
    )
    return session.scalars(statement).first()
