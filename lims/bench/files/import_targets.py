"""Where figures of a file go: open cells of the analyst's worksheets, by sample number and test item."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select

from lims.bench.capture.claims import check_class
from lims.bench.files.import_shapes import Fault, Figure, joined
from lims.bench.inputs import Cell, Desk, cell_key, open_sheet, rows_of
from lims.bench.models import Worksheet, WorksheetRow
from lims.bench.states import WorksheetState
from lims.bench.wording import named
from lims.catalogue.models import MethodInput, MethodVersion
from lims.core.clock import local_date
from lims.core.errors import Conflict, LimsError
from lims.core.permissions import Actor
from lims.core.search import normalised
from lims.core.uow import UnitOfWork
from lims.equipment.calibration import judge_fitness, latest_records
from lims.equipment.models import CalibrationRecord, Equipment
from lims.intake.models import RequestedTest, Sample
from lims.metrology.errors import MetrologyError
from lims.metrology.numerals import plain_text, read_numeral, write_numeral
from lims.metrology.units import convert_decimal, same_unit

MOST_SHEETS = 50


class Refused(Exception):
    """A figure has no cell; the rest of the file goes on."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = Fault(code, sentence)


@dataclass(slots=True)
class Target:
    """One open worksheet with the desk on which its cells are filled; the tests are locked."""

    sheet: Worksheet
    version: MethodVersion
    desk: Desk

    @property
    def item_code(self) -> str:
        return self.version.method.test_item.code


@dataclass(frozen=True, slots=True)
class Aim:
    """``text``: as it will stand in the cell, in the unit of the input."""

    target: Target
    test_id: int
    wanted: MethodInput
    replicate: int
    text: str

    @property
    def cell(self) -> Cell:
        return Cell(self.test_id, self.wanted.name, self.replicate, self.text)

    @property
    def key(self) -> str:
        return cell_key(self.wanted.name, self.replicate)

    @property
    def place(self) -> str:
        label = named(self.wanted, "label")
        if self.wanted.replicates > 1:
            label = f"{label} {self.replicate}"
        return " · ".join((self.target.sheet.number, named(self.target.version.method.test_item), label))


@dataclass(slots=True)
class _Gate:
    """Whether the instrument may be used: its calibration read once for all figures of a file."""

    equipment: Equipment
    record: CalibrationRecord | None

    def check(self, uow: UnitOfWork, wanted: MethodInput, value: Decimal | None, unit: str | None) -> None:
        """Raises Conflict, with the codes of ``claims.check_class`` and ``check_fit``."""
        check_class(self.equipment, wanted)
        fit = judge_fitness(self.equipment, self.record, local_date(uow.now), value, unit)
        if not fit.ok:
            raise Conflict(str(fit.sentence), code=fit.code)


@dataclass(slots=True)
class Targets:
    """Of one worksheet, or of all that the actor has open. Lives inside the caller's unit of work."""

    uow: UnitOfWork
    actor: Actor
    worksheet_id: int | None
    equipment: Equipment | None
    sheets: list[Target] = field(default_factory=list)
    _by_number: dict[str, list[tuple[Target, int]]] = field(default_factory=dict)
    _filled: dict[tuple[int, str, int], int] = field(default_factory=dict)
    _gate: _Gate | None = None

    def __post_init__(self) -> None:
        for sheet in self._open_sheets():
            self._add(sheet)
        if self.equipment is not None:
            records = latest_records(self.uow.session, [self.equipment.id], local_date(self.uow.now))
            self._gate = _Gate(self.equipment, records.get(self.equipment.id))

    def _open_sheets(self) -> Sequence[Worksheet]:
        if self.worksheet_id is not None:
            return [open_sheet(self.uow, self.worksheet_id, self.actor)]
        mine = (
            select(Worksheet.id)
            .where(Worksheet.analyst_id == self.actor.id, Worksheet.state == WorksheetState.OPEN)
            .order_by(Worksheet.id.desc())
            .limit(MOST_SHEETS)
        )
        found = []
        for sheet_id in self.uow.session.scalars(mine).all():
            try:
                found.append(open_sheet(self.uow, sheet_id, self.actor))
            except LimsError:
                continue  # no longer authorised for its method: its cells are not open
        return found

    def _add(self, sheet: Worksheet) -> None:
        here = [r.requested_test_id for r in sheet.rows if r.removed_at is None]
        tests = rows_of(self.uow, sheet, here)
        version = self.uow.get(MethodVersion, sheet.method_version_id, lock=False)
        target = Target(sheet, version, Desk(self.uow, self.actor, version, tests))
        self.sheets.append(target)
        numbers = (
            select(RequestedTest.id, Sample.number)
            .join(Sample, Sample.id == RequestedTest.sample_id)
            .join(WorksheetRow, WorksheetRow.requested_test_id == RequestedTest.id)
            .where(WorksheetRow.worksheet_id == sheet.id, WorksheetRow.removed_at.is_(None))
        )
        for test_id, number in self.uow.session.execute(numbers):
            self._by_number.setdefault(normalised(number), []).append((target, test_id))

    @property
    def numbers(self) -> dict[str, int]:
        """Normalised sample numbers here, each with one of its tests."""
        return {number: places[0][1] for number, places in self._by_number.items()}

    # -- one figure ------------------------------------------------------------------

    def aim(self, sample: str, figure: Figure, row: int) -> Aim:
        """The cell of a figure, and the text it will hold. Raises Refused, and Conflict of the gate.

        Where repeats are counted, a figure that failed keeps its place: the next is the next replicate. Otherwise
        the sample measured again, diluted perhaps, fills the cell.
        """
        target, test_id = self._place(sample, figure.item)
        wanted = self._input(target, figure.input)
        replicate = figure.replicate or self._next(test_id, wanted)
        before = self._filled.get((test_id, wanted.name, replicate))
        if figure.fault is None or figure.replicate is None:
            self._filled.setdefault((test_id, wanted.name, replicate), row)
        if figure.fault is not None:
            raise Refused(figure.fault.code, figure.fault.sentence)
        if before is not None:
            raise self._twice(sample, before)
        value, text = in_unit_of(figure, wanted)
        if self._gate is not None:
            unit = wanted.unit if figure.unit is None else figure.unit
            self._gate.check(self.uow, wanted, value, unit)
        return Aim(target, test_id, wanted, replicate, text)

    def _place(self, sample: str, item: str | None) -> tuple[Target, int]:
        here = self._by_number.get(normalised(sample))
        if not here:
            if self.worksheet_id is not None:
                raise Refused(
                    "sample_unknown", _("Sample %(code)s is not on this worksheet.", code=sample[:60])
                )
            raise Refused(
                "sample_unknown", _("Sample %(code)s is on none of your open worksheets.", code=sample[:60])
            )
        fitting = [place for place in here if item in (None, place[0].item_code)]
        if not fitting:
            raise Refused(
                "item_not_here",
                _("Sample %(code)s has no open test of %(item)s.", code=sample[:60], item=item),
            )
        if len(fitting) > 1:
            raise Refused(
                "two_cells",
                _(
                    "Sample %(code)s stands on several worksheets: %(numbers)s.",
                    code=sample[:60],
                    numbers=joined(t.sheet.number for t, _n in fitting),
                ),
            )
        return fitting[0]

    def _input(self, target: Target, name: str) -> MethodInput:
        inputs = target.version.inputs
        if name:
            found = next((i for i in inputs if normalised(i.name) == normalised(name)), None)
            if found is None:
                raise Refused("unknown_input", _("The method has no such input."))
            return found
        kind = self.equipment.equipment_class if self.equipment is not None else None
        fitting = [i for i in inputs if i.equipment_class == kind] or [i for i in inputs if i.typed]
        if len(fitting) != 1:
            raise Refused(
                "input_unclear",
                _(
                    "The method has several inputs; the mapping must name one of: %(names)s.",
                    names=joined(i.name for i in inputs),
                ),
            )
        return fitting[0]

    def _next(self, test_id: int, wanted: MethodInput) -> int:
        """The first replicate that this file has not filled."""
        taken = {n for (test, name, n) in self._filled if (test, name) == (test_id, wanted.name)}
        return next(n for n in range(1, len(taken) + 2) if n not in taken)

    def _twice(self, sample: str, before: int) -> Refused:
        return Refused(
            "cell_twice", _("Sample %(code)s stands in row %(n)s already.", code=sample[:60], n=before)
        )


def in_unit_of(figure: Figure, wanted: MethodInput) -> tuple[Decimal | None, str]:
    """(number in the unit of the figure, text in the unit of the input); words have no number.

    A unit that nothing states is missing, never assumed. Raises Refused (``unit_missing``, and those of
    ``units.convert``).
    """
    folded = plain_text(figure.text)
    operator, digits = (folded[0], folded[1:].strip()) if folded[:1] in ("<", ">") else ("", folded)
    same = figure.unit is None or not wanted.unit or same_unit(figure.unit, wanted.unit)
    try:
        value = read_numeral(digits)
    except MetrologyError as fault:
        if same or not any(c.isdigit() for c in folded):
            return None, figure.text  # a word, or refused by the desk
        raise Refused(fault.code, _(fault.template, **fault.facts)) from fault
    number = None if operator else value
    if figure.unit is None or not wanted.unit:
        return number, figure.text
    if not figure.unit:
        raise Refused("unit_missing", _("Neither the file nor the mapping states the unit of this figure."))
    if same:
        return number, figure.text
    try:
        return number, operator + write_numeral(convert_decimal(value, figure.unit, wanted.unit))
    except MetrologyError as fault:
        raise Refused(fault.code, _(fault.template, **fault.facts)) from fault
