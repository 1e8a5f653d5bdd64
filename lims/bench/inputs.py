"""Readings and inputs of a test: appended, the newest of a cell counts, the older ones stay readable."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench import compute
from lims.bench.assignments import check_person
from lims.bench.models import InputValue, Result, Worksheet, WorksheetEquipment, WorksheetRow
from lims.bench.sample_bench import Benches
from lims.bench.states import InputSource, WorksheetState
from lims.bench.wording import named
from lims.catalogue.models import MethodInput, MethodVersion, ResultKind
from lims.core.clock import local_date
from lims.core.errors import InvalidInput, NotFound, PermissionDenied, TransitionRefused
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork, stale
from lims.intake.models import RequestedTest
from lims.intake.progress import begin_tests
from lims.intake.states import TestState
from lims.metrology.errors import MetrologyError
from lims.metrology.typed_values import parse_value
from lims.metrology.values import DetectionLimits, Number

MOST_CELLS = 2000
EDITABLE = (TestState.ASSIGNED, TestState.IN_PROGRESS, TestState.RETURNED)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the sheet: input ``name``, ``replicate`` from 1, as typed. Empty text clears it."""

    test_id: int
    name: str
    replicate: int
    text: str
    reason: str | None = None


def cell_key(name: str, replicate: int) -> str:
    """A cell's name within its row, on pages and in the API: ``m1-1``."""
    return f"{name}-{replicate}"


def read_cell_key(key: str) -> tuple[str, int]:
    """``m1-2`` is (m1, 2); ``m1`` alone the first. Raises InvalidInput (``unknown_input``)."""
    name, _dash, number = key.rpartition("-")
    if not name:
        return key, 1
    if not number.isascii() or not number.isdecimal() or len(number) > 4:
        raise InvalidInput(_("The method has no such input."), code="unknown_input")
    return name, int(number)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from when nobody typed it. ``from_device``: no hand was between device and value."""

    source: InputSource
    capture_id: int | None = None
    equipment_id: int | None = None
    origin: str | None = None
    from_device: bool = False


TYPED = Origin(InputSource.TYPED)


def enter_cells(
    uow: UnitOfWork,
    *,
    actor: Actor,
    worksheet_id: int,
    cells: Sequence[Cell],
    origin: Origin = TYPED,
    seen: Mapping[int, int] | None = None,
) -> list[int]:
    """Keep typed cells and compute what follows from them, all or none.

    ``seen``: test -> number of the newest entry (``Desk.newest``) that was on the screen; a newer one is
    never overwritten unseen (StaleVersion). Returns the tests whose result was computed again. Raises
    InvalidInput with ``fields`` keyed ``test:name:replicate``; codes ``typed_not_allowed``,
    ``reason_needed``, ``unknown_input``, ``value_...``.
    """
    actor.require(Permission.RESULT_ENTER)
    if not cells or len(cells) > MOST_CELLS:
        raise InvalidInput(_("Give between 1 and %(n)s values.", n=MOST_CELLS), code="too_many_values")
    with uow:
        _desk, changed = enter_here(uow, actor, worksheet_id, [(cell, origin) for cell in cells], seen)
        uow.commit()
    return changed


def enter_here(
    uow: UnitOfWork,
    actor: Actor,
    worksheet_id: int,
    cells: Sequence[tuple[Cell, Origin]],
    seen: Mapping[int, int] | None = None,
) -> tuple["Desk", list[int]]:
    """``enter_cells`` inside the caller's unit of work; the desk shows what stands there now."""
    sheet = open_sheet(uow, worksheet_id, actor)
    tests = rows_of(uow, sheet, {cell.test_id for cell, _origin in cells})
    desk = Desk(uow, actor, uow.session.get_one(MethodVersion, sheet.method_version_id), tests)
    if any(desk.newest(test_id) != number for test_id, number in (seen or {}).items()):
        raise stale()
    faults: dict[str, list[str]] = {}
    codes: list[str] = []
    for cell, origin in cells:
        try:
            desk.put(cell, origin)
        except InvalidInput as fault:
            faults[f"{cell.test_id}:{cell.name}:{cell.replicate}"] = [fault.message]
            codes.append(fault.code)
    if faults:
        raise InvalidInput(next(iter(faults.values()))[0], code=codes[0], fields=faults)
    desk.store()
    return desk, compute.recompute(uow, actor, list(tests.values()), desk.benches)


def open_sheet(uow: UnitOfWork, worksheet_id: int, actor: Actor, *, version: int | None = None) -> Worksheet:
    """The worksheet, if it is this analyst's and open; and the analyst still authorised."""
    sheet = uow.get(Worksheet, worksheet_id, version=version)
    if sheet.analyst_id != actor.id:
        raise PermissionDenied(_("This worksheet belongs to another analyst."))
    if sheet.state is not WorksheetState.OPEN:
        raise TransitionRefused(_("This worksheet is no longer open."))
    method = uow.session.get_one(MethodVersion, sheet.method_version_id)
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


class Desk:
    """Cells of one worksheet being filled: read once, written once, however many there are.

    Lives inside the caller's unit of work; the tests are locked.
    """

    def __init__(
        self, uow: UnitOfWork, actor: Actor, version: MethodVersion, tests: Mapping[int, RequestedTest]
    ) -> None:
        self.uow = uow
        self.actor = actor
        self.version = version
        self.tests = tests
        self.wanted = {i.name: i for i in version.inputs}
        self.benches = Benches(uow.session, sorted({test.sample_id for test in tests.values()}))
        self.rows: list[InputValue] = []

    def newest(self, test_id: int) -> int:
        """Number of the newest entry of the test's running attempt; 0 before the first."""
        return max((row.id for row in self.benches.cells.get(test_id, {}).values()), default=0)

    def entry(self, cell: Cell) -> InputValue | None:
        """What stands in this cell, also where it was cleared."""
        return self.benches.cells.get(cell.test_id, {}).get((cell.name, cell.replicate))

    def put(self, cell: Cell, origin: Origin) -> InputValue | None:
        """A new value of ``cell``; None where it says what stands there already. Stored by ``store``."""
        wanted = self.wanted.get(cell.name)
        if wanted is None or not 1 <= cell.replicate <= wanted.replicates:
            raise InvalidInput(_("The method has no such input."), code="unknown_input")
        test, text = self.tests[cell.test_id], cell.text.strip()
        if test.state not in EDITABLE or test.assignee_id != self.actor.id:
            raise TransitionRefused(_("The result is handed over; take it back first."), code="not_editable")
        by_hand = origin.source is not InputSource.CAPTURE and not origin.from_device
        if by_hand and text and not wanted.typed:
            raise InvalidInput(
                _("%(input)s must come from the device; it cannot be typed.", input=named(wanted, "label")),
                code="typed_not_allowed",
            )
        value = self._number(text, wanted)
        before = self.entry(cell)
        if _says_the_same(before, text, origin):
            return None
        row = self._row(test, cell, origin, wanted.unit, text, value, before)
        self.benches.cells.setdefault(test.id, {})[cell.name, cell.replicate] = row
        self.rows.append(row)
        return row

    def _row(
        self,
        test: RequestedTest,
        cell: Cell,
        origin: Origin,
        unit: str,
        text: str,
        value: Decimal | None,
        before: InputValue | None,
    ) -> InputValue:
        result = self.benches.results.get(test.id)
        return InputValue(
            requested_test_id=test.id,
            attempt=result.attempt if result else 1,
            name=cell.name,
            replicate=cell.replicate,
            text=text,
            value=value,
            unit=unit,
            source=origin.source,
            capture_id=origin.capture_id,
            equipment_id=origin.equipment_id,
            origin=origin.origin,
            reason=_reason(before, cell.reason, result),
            entered_by=self.actor.id,
            entered_at=self.uow.now,
        )

    def _number(self, text: str, wanted: MethodInput) -> Decimal | None:
        """The figure in a text, None for "not detected" and its kin. Raises InvalidInput."""
        if not text:
            return None
        words = self.version.result_kind is ResultKind.TEXT
        detection = DetectionLimits(self.version.lod, self.version.loq)
        try:
            value = parse_value(text, unit=wanted.unit, detection=detection, allow_text=words)
        except MetrologyError as fault:
            raise InvalidInput(_(fault.template, **fault.facts), code=fault.code) from fault
        if not isinstance(value, Number):
            return None
        low, high = wanted.low, wanted.high
        if (low is not None and value.value < low) or (high is not None and value.value > high):
            raise InvalidInput(
                _(
                    "Outside what is possible here (%(low)s to %(high)s).",
                    low="…" if low is None else low,
                    high="…" if high is None else high,
                ),
                code="value_out_of_range",
            )
        return value.value

    def store(self) -> None:
        """Open the first attempts, append the values, begin the tests."""
        if not self.rows:
            return
        touched = {row.requested_test_id for row in self.rows}
        opened = [
            Result(requested_test_id=n, attempt=1, current=True)
            for n in sorted(touched - set(self.benches.results))
        ]
        self.uow.session.add_all(opened)
        self.uow.session.add_all(self.rows)
        self.uow.flush()
        for result in opened:
            self.benches.results[result.requested_test_id] = result
            self.uow.audit("result.open", self.actor, result)
        for row in self.rows:
            self.uow.audit("input.enter", self.actor, row, reason=row.reason)
        begin_tests(self.uow, [self.tests[n] for n in sorted(touched)], actor=self.actor)


def _says_the_same(before: InputValue | None, text: str, origin: Origin) -> bool:
    if before is None:
        return not text
    if origin.capture_id is not None:
        return False  # a capture is always a new value
    return before.text == text and (before.source is origin.source or not text)


def _reason(before: InputValue | None, given: str | None, result: Result | None) -> str | None:
    """A device's reading is replaced only with a reason; after a return, the return is the reason."""
    said = (given or "").strip() or None
    if said is None and before is not None and result is not None and result.return_reason:
        return result.return_reason
    if said is None and before is not None and before.source is InputSource.CAPTURE:
        sentence = _("This replaces a device's reading: say why.")
        raise InvalidInput(sentence, code="reason_needed", fields={"reason": [sentence]})
    return said


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


def sheet_of_test(session: Session, test_id: int, *, also_left: bool = False) -> Worksheet | None:
    """The newest worksheet on which this test stands (``also_left``: or stood)."""
    statement = (
        select(Worksheet)
        .join(WorksheetRow, WorksheetRow.worksheet_id == Worksheet.id)
        .where(WorksheetRow.requested_test_id == test_id)
        .order_by(WorksheetRow.removed_at.is_(None).desc(), Worksheet.id.desc())
        .limit(1)
    )
    if not also_left:
        statement = statement.where(WorksheetRow.removed_at.is_(None))
    return session.scalars(statement).first()


def sheets_of_tests(session: Session, test_ids: Collection[int]) -> dict[int, Worksheet]:
    """``sheet_of_test`` of many, with one query; a test on no worksheet is left out."""
    statement = (
        select(WorksheetRow.requested_test_id, Worksheet)
        .join(Worksheet, WorksheetRow.worksheet_id == Worksheet.id)
        .where(WorksheetRow.requested_test_id.in_(test_ids), WorksheetRow.removed_at.is_(None))
        .order_by(Worksheet.id)
    )
    return {row.requested_test_id: row.Worksheet for row in session.execute(statement)}
