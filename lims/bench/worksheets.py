"""Worksheets: tests of one method version done together by one analyst."""

from collections.abc import Sequence
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select

from lims.bench.inputs import note_equipment, open_sheet
from lims.bench.models import Worksheet, WorksheetRow
from lims.bench.states import WORKSHEET_STEPS, WorksheetState
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.core.workflow import take_step
from lims.equipment.calibration import fitness
from lims.equipment.models import Equipment
from lims.intake.models import RequestedTest
from lims.intake.states import TestState

MOST_ROWS = 200


def open_worksheet(
    uow: UnitOfWork, *, actor: Actor, test_ids: Sequence[int], request_key: RequestKey | None = None
) -> Worksheet:
    """Put own tests of one method version on a new worksheet, in the order given."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        if (prior := uow.replayed(Worksheet, actor=actor, request_key=request_key)) is not None:
            return prior
        tests = _own_tests(uow, actor, test_ids)
        versions = {t.method_version_id for t in tests}
        if len(versions) != 1:
            raise InvalidInput(
                _("One worksheet holds tests of one method; choose them apart."), code="several_methods"
            )
        sheet = uow.add(
            Worksheet(
                number=take_numbers(uow, "worksheet", local_date(uow.now))[0],
                method_version_id=versions.pop(),
                analyst_id=actor.id,
                opened_at=uow.now,
            )
        )
        _append(uow, sheet, tests, 0)
        uow.audit("worksheet.open", actor, sheet)
        uow.remember(sheet)
        uow.commit()
    return sheet


def add_rows(uow: UnitOfWork, *, actor: Actor, worksheet_id: int, test_ids: Sequence[int]) -> Worksheet:
    """Add own tests of the same method version."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        sheet = open_sheet(uow, worksheet_id, actor)
        tests = _own_tests(uow, actor, test_ids)
        if any(t.method_version_id != sheet.method_version_id for t in tests):
            raise InvalidInput(
                _("One worksheet holds tests of one method; choose them apart."), code="several_methods"
            )
        if len(sheet.rows) + len(tests) > MOST_ROWS:
            raise InvalidInput(_("A worksheet holds at most %(n)s tests.", n=MOST_ROWS))
        _append(uow, sheet, tests, max((r.position for r in sheet.rows), default=0))
        uow.audit("worksheet.add", actor, ("worksheet", sheet.id), after={"tests": [t.id for t in tests]})
        uow.commit()
    return sheet


def remove_row(uow: UnitOfWork, *, actor: Actor, worksheet_id: int, test_id: int) -> Worksheet:
    """Take a test off the sheet; it stays assigned, and what was entered stays with the test."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        sheet = open_sheet(uow, worksheet_id, actor)
        row = next((r for r in sheet.rows if r.requested_test_id == test_id and r.removed_at is None), None)
        if row is None:
            raise NotFound(_("This test is not on this worksheet."))
        row.removed_at = uow.now
        uow.audit("worksheet.remove", actor, row)
        uow.flush()
        follow_rows(uow, actor, sheet)
        uow.commit()
    return sheet


def set_conditions(
    uow: UnitOfWork,
    *,
    actor: Actor,
    worksheet_id: int,
    temperature: Decimal | None,
    humidity: Decimal | None,
    note: str = "",
    version: int | None = None,
) -> Worksheet:
    """Surroundings of the work: temperature in °C (-40 to 80), relative humidity in % (0 to 100)."""
    actor.require(Permission.RESULT_ENTER)
    _check_between(temperature, -40, 80, "temperature")
    _check_between(humidity, 0, 100, "humidity")
    with uow:
        sheet = open_sheet(uow, worksheet_id, actor, version=version)
        sheet.temperature, sheet.humidity, sheet.note = temperature, humidity, note
        uow.audit("worksheet.conditions", actor, sheet)
        uow.commit()
    return sheet


def use_equipment(uow: UnitOfWork, *, actor: Actor, worksheet_id: int, equipment_id: int) -> Worksheet:
    """Name equipment by hand (a drying oven has no wire). Refused when it may not be used today."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        sheet = open_sheet(uow, worksheet_id, actor)
        equipment = uow.get(Equipment, equipment_id, lock=False)
        fit = fitness(uow.session, equipment, local_date(uow.now))
        if not fit.ok:
            raise Conflict(str(fit.sentence), code=fit.code)
        note_equipment(uow, actor, sheet.id, equipment.id)
        uow.commit()
    return sheet


def _check_between(value: Decimal | None, low: int, high: int, field: str) -> None:
    if value is not None and not low <= value <= high:
        sentence = _("From %(low)s to %(high)s.", low=low, high=high)
        raise InvalidInput(sentence, code="value_out_of_range", fields={field: [sentence]})


def _own_tests(uow: UnitOfWork, actor: Actor, test_ids: Sequence[int]) -> list[RequestedTest]:
    wanted = list(dict.fromkeys(test_ids))
    if not wanted or len(wanted) > MOST_ROWS:
        raise InvalidInput(
            _("Choose between 1 and %(n)s tests.", n=MOST_ROWS), fields={"test_ids": [_("Choose tests.")]}
        )
    statement = select(RequestedTest).where(RequestedTest.id.in_(wanted)).order_by(RequestedTest.id)
    found = {t.id: t for t in uow.session.scalars(statement.with_for_update(of=RequestedTest)).unique()}
    if len(found) != len(wanted):
        raise NotFound(_("A test does not exist (any more)."))
    for test in found.values():
        if test.assignee_id != actor.id:
            raise PermissionDenied(_("Only your own tests can go on your worksheet."))
        if test.state not in (TestState.ASSIGNED, TestState.IN_PROGRESS, TestState.RETURNED):
            raise Conflict(_("A test is not open for work."), code="not_editable")
    _refuse_elsewhere(uow, wanted)
    return [found[n] for n in wanted]


def _refuse_elsewhere(uow: UnitOfWork, test_ids: Sequence[int]) -> None:
    elsewhere = (
        select(Worksheet.number)
        .join(WorksheetRow, WorksheetRow.worksheet_id == Worksheet.id)
        .where(
            WorksheetRow.requested_test_id.in_(test_ids),
            WorksheetRow.removed_at.is_(None),
            Worksheet.state == WorksheetState.OPEN,
        )
    )
    number = uow.session.scalars(elsewhere).first()
    if number is not None:
        raise Conflict(
            _("A test is on the open worksheet %(number)s already.", number=number), code="on_other_worksheet"
        )


def _append(uow: UnitOfWork, sheet: Worksheet, tests: Sequence[RequestedTest], last: int) -> None:
    kept = {r.requested_test_id: r for r in sheet.rows} if last else {}
    for position, test in enumerate(tests, last + 1):
        if test.id in kept:
            kept[test.id].removed_at, kept[test.id].position = None, position
            continue
        uow.session.add(WorksheetRow(worksheet_id=sheet.id, requested_test_id=test.id, position=position))
    uow.flush()
    uow.session.refresh(sheet, ["rows"])


def follow_rows(uow: UnitOfWork, actor: Actor, sheet: Worksheet) -> None:
    """A sheet is handed over when all its rows are, open again when one comes back (caller's unit of work)."""
    here = [r.requested_test_id for r in sheet.rows if r.removed_at is None]
    states = set(uow.session.scalars(select(RequestedTest.state).where(RequestedTest.id.in_(here))))
    busy = states & {TestState.ASSIGNED, TestState.IN_PROGRESS, TestState.RETURNED}
    if states and not busy and sheet.state is WorksheetState.OPEN:
        sheet.state = take_step(WORKSHEET_STEPS, "submit", sheet.state)
        uow.audit("worksheet.submit", actor, sheet)
    elif busy and sheet.state is WorksheetState.SUBMITTED:
        sheet.state = take_step(WORKSHEET_STEPS, "reopen", sheet.state)
        uow.audit("worksheet.reopen", actor, sheet)
