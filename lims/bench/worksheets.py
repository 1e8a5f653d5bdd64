"""Worksheets: tests of one method version done together by one analyst."""

from collections.abc import Sequence
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench import compute
from lims.bench.assignments import check_person
from lims.bench.control.placing import controls_on, place_controls, take_controls_off
from lims.bench.editions import refuse_withdrawn
from lims.bench.inputs import EDITABLE, note_equipment, open_sheet, sheet_of_test
from lims.bench.models import InputValue, Worksheet, WorksheetEquipment, WorksheetRow
from lims.bench.states import WORKSHEET_STEPS, WorksheetState
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.core.workflow import take_step
from lims.equipment.calibration import fitness
from lims.equipment.models import Equipment
from lims.intake.models import RequestedTest, Sample

MOST_ROWS = 200


def open_worksheet(
    uow: UnitOfWork, *, actor: Actor, test_ids: Sequence[int], request_key: RequestKey | None = None
) -> Worksheet:
    """Put own tests of one method version on a new worksheet, in the order given."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        if (prior := uow.replayed(Worksheet, actor=actor, request_key=request_key)) is not None:
            return prior
        sheet = _open(uow, actor, _own_tests(uow, actor, test_ids))
        uow.remember(sheet)
        uow.commit()
    return sheet


def _open(uow: UnitOfWork, actor: Actor, tests: Sequence[RequestedTest]) -> Worksheet:
    versions = {t.method_version_id for t in tests}
    if len(versions) != 1:
        raise _several_methods()
    check_person(uow.session, actor.id or 0, tests[0].method_id, local_date(uow.now))
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
    compute.open_without_inputs(uow, actor, tests)
    place_controls(uow, actor, sheet)
    return sheet


def _several_methods() -> InvalidInput:
    sentence = _("One worksheet holds tests of one method; choose them apart.")
    return InvalidInput(sentence, code="several_methods", fields={"test_ids": [sentence]})


def add_rows(uow: UnitOfWork, *, actor: Actor, worksheet_id: int, test_ids: Sequence[int]) -> Worksheet:
    """Add own tests of the same method version."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        sheet = open_sheet(uow, worksheet_id, actor)
        _add(uow, actor, sheet, _own_tests(uow, actor, test_ids))
        uow.commit()
    return sheet


def _add(uow: UnitOfWork, actor: Actor, sheet: Worksheet, tests: Sequence[RequestedTest]) -> None:
    if any(t.method_version_id != sheet.method_version_id for t in tests):
        raise _several_methods()
    if len(sheet.rows) + len(tests) > MOST_ROWS:
        raise InvalidInput(_("A worksheet holds at most %(n)s tests.", n=MOST_ROWS), code="sheet_full")
    _append(uow, sheet, tests, max((r.position for r in sheet.rows), default=0))
    uow.audit("worksheet.add", actor, ("worksheet", sheet.id), after={"tests": [t.id for t in tests]})
    compute.open_without_inputs(uow, actor, tests)
    place_controls(uow, actor, sheet)


def add_sample(uow: UnitOfWork, *, actor: Actor, worksheet_id: int, code: str) -> Worksheet:
    """Add the own open test of the sample with this number (scanned); one that is on it stays as it is."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        sheet = open_sheet(uow, worksheet_id, actor)
        tests = _tests_of_sample(uow, actor, code)
        wanted = [t for t in tests if t.method_version_id == sheet.method_version_id]
        if not wanted:
            raise _nothing_open(
                code, _("Sample %(code)s has no open test of this method for you.", code=code)
            )
        here = {r.requested_test_id for r in sheet.rows if r.removed_at is None}
        missing = [t.id for t in wanted if t.id not in here]
        if missing:
            _add(uow, actor, sheet, _own_tests(uow, actor, missing))
            uow.commit()
    return sheet


def begin_sample(uow: UnitOfWork, *, actor: Actor, code: str) -> list[Worksheet]:
    """Put every own open test of the sample with this number on a worksheet of its method.

    The newest open worksheet of the method takes it, else a new one. Returns the worksheets on which they
    stand now.
    """
    actor.require(Permission.RESULT_ENTER)
    with uow:
        tests = _tests_of_sample(uow, actor, code)
        if not tests:
            raise _nothing_open(code, _("Sample %(code)s has no open test for you.", code=code))
        sheets = [_place(uow, actor, test) for test in tests]
        uow.commit()
    return list({sheet.id: sheet for sheet in sheets}.values())


def _place(uow: UnitOfWork, actor: Actor, test: RequestedTest) -> Worksheet:
    standing = sheet_of_test(uow.session, test.id)
    if standing is not None and standing.state is WorksheetState.OPEN:
        return standing
    open_ones = select(Worksheet.id).where(
        Worksheet.analyst_id == actor.id,
        Worksheet.state == WorksheetState.OPEN,
        Worksheet.method_version_id == test.method_version_id,
    )
    newest = uow.session.scalars(open_ones.order_by(Worksheet.id.desc()).limit(1)).first()
    tests = _own_tests(uow, actor, [test.id])
    if newest is None:
        return _open(uow, actor, tests)
    sheet = open_sheet(uow, newest, actor)
    _add(uow, actor, sheet, tests)
    return sheet


def _tests_of_sample(uow: UnitOfWork, actor: Actor, code: str) -> list[RequestedTest]:
    """The actor's open tests of the sample. Raises NotFound (``sample_unknown``)."""
    sample_id = uow.session.scalar(select(Sample.id).where(Sample.number == code.strip()))
    if sample_id is None:
        raise NotFound(_("No sample has the number %(code)s.", code=code), code="sample_unknown")
    mine = select(RequestedTest).where(
        RequestedTest.sample_id == sample_id,
        RequestedTest.assignee_id == actor.id,
        RequestedTest.state.in_(EDITABLE),
    )
    return list(uow.session.scalars(mine.order_by(RequestedTest.id)).unique())


def _nothing_open(code: str, sentence: str) -> Conflict:
    return Conflict(sentence, code="no_open_test", fields={"code": [sentence]})


def remove_row(uow: UnitOfWork, *, actor: Actor, worksheet_id: int, test_id: int) -> Worksheet:
    """Take a test off the sheet; it stays assigned, and what was entered stays with the test."""
    return remove_rows(uow, actor=actor, worksheet_id=worksheet_id, test_ids=[test_id])


def remove_rows(uow: UnitOfWork, *, actor: Actor, worksheet_id: int, test_ids: Sequence[int]) -> Worksheet:
    """``remove_row`` for several tests, all or none."""
    actor.require(Permission.RESULT_ENTER)
    if not test_ids:
        sentence = _("Choose tests.")
        raise InvalidInput(sentence, code="nothing_chosen", fields={"test_ids": [sentence]})
    with uow:
        sheet = open_sheet(uow, worksheet_id, actor)
        here = {r.requested_test_id: r for r in sheet.rows if r.removed_at is None}
        controls = controls_on(uow, list(here.values()))
        for test_id in dict.fromkeys(test_ids):
            if test_id not in here:
                raise NotFound(_("This test is not on this worksheet."))
            if test_id in controls:
                raise Conflict(
                    _("A control leaves the worksheet with the samples it speaks for."), code="control_stays"
                )
            here[test_id].removed_at = uow.now
            uow.audit("worksheet.remove", actor, here[test_id])
        uow.flush()
        if controls:
            take_controls_off(uow, actor, sheet)
            place_controls(uow, actor, sheet)
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


def leave_equipment(uow: UnitOfWork, *, actor: Actor, worksheet_id: int, equipment_id: int) -> Worksheet:
    """Take equipment named by mistake off the record again; refused (``equipment_used``) once it gave a value."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        sheet = open_sheet(uow, worksheet_id, actor)
        named_here = select(WorksheetEquipment).where(
            WorksheetEquipment.worksheet_id == sheet.id, WorksheetEquipment.equipment_id == equipment_id
        )
        row = uow.session.scalars(named_here).first()
        if row is None:
            raise NotFound(_("This equipment is not named on this worksheet."))
        used = select(InputValue.id).where(
            InputValue.equipment_id == equipment_id,
            InputValue.requested_test_id.in_([r.requested_test_id for r in sheet.rows]),
        )
        if uow.session.scalars(used.limit(1)).first() is not None:
            raise Conflict(_("A value of this worksheet came from it; it stays."), code="equipment_used")
        uow.audit("worksheet.equipment_left", actor, row, before={"equipment_id": equipment_id}, after={})
        uow.session.delete(row)
        uow.commit()
    return sheet


def find_by_number(session: Session, number: str) -> Worksheet | None:
    return session.scalars(select(Worksheet).where(Worksheet.number == number)).first()


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
        if test.state not in EDITABLE:
            raise Conflict(_("A test is not open for work."), code="not_editable")
    refuse_withdrawn(uow.session, list(found.values()), local_date(uow.now))
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
    busy = states & set(EDITABLE)
    if states and not busy and sheet.state is WorksheetState.OPEN:
        sheet.state = take_step(WORKSHEET_STEPS, "submit", sheet.state)
        uow.audit("worksheet.submit", actor, sheet)
    elif busy and sheet.state is WorksheetState.SUBMITTED:
        sheet.state = take_step(WORKSHEET_STEPS, "reopen", sheet.state)
        uow.audit("worksheet.reopen", actor, sheet)
