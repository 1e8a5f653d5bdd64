"""Values from a file or a paste into worksheets: what becomes of every figure first, then all that can be taken.

A value keeps where it came from: the SHA-256 of the file, its row and its name. The file itself is kept, and a
figure of it is taken once, whatever is imported again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flask_babel import gettext as _
from sqlalchemy import select

from lims.bench import compute
from lims.bench.files.import_shapes import (
    CellOutcome,
    Fate,
    Fault,
    Figure,
    FileLine,
    FileReading,
    ImportFile,
    ImportRow,
    Preview,
    refused,
)
from lims.bench.files.import_targets import Aim, Refused, Targets
from lims.bench.files.instrument_files import MEDIA, note_file, refuse_imported, usable_equipment
from lims.bench.files.mapped_lines import read_mapped
from lims.bench.files.mappings import layout_of, released_mapping
from lims.bench.files.models import FileImport, FileMapping, FileValue, InstrumentFile
from lims.bench.inputs import Origin, note_equipment
from lims.bench.models import InputValue
from lims.bench.sheet_lines import read_results_sheet
from lims.bench.states import InputSource
from lims.core.errors import Conflict, InvalidInput, LimsError
from lims.core.files import FileStore, keep_file
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.equipment.models import Equipment

MOST_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """How a file is read and where it goes.

    ``worksheet_id`` None: to any open worksheet of the analyst. ``mapping_id`` None: a sheet of results that
    names its columns itself (it needs a worksheet). ``reason``: why a device's reading is replaced.
    ``again``: the file may have been imported before; what stands already stays.
    """

    worksheet_id: int | None = None
    mapping_id: int | None = None
    equipment_id: int | None = None
    reason: str | None = None
    again: bool = False


def preview_import(uow: UnitOfWork, *, actor: Actor, file: ImportFile, plan: ImportPlan) -> Preview:
    """What ``import_values`` would do; nothing is kept. Raises as it does, but for faults of rows."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        return _Importer(uow, actor, plan, file).look()


def import_values(
    uow: UnitOfWork,
    *,
    actor: Actor,
    file: ImportFile,
    plan: ImportPlan,
    store: FileStore,
    leave_out_faulty: bool = False,
) -> list[int]:
    """Keep the file and its values, all or none (``leave_out_faulty``: all figures that can be taken).

    Returns the tests computed again. Raises Conflict (``file_imported`` for the same file a second time,
    ``nothing_new``), InvalidInput (``import_faulty`` with ``fields`` keyed ``row-7``, ``import_columns``,
    ``import_unit``, and those of reading a sheet and of ``mapped_lines``).
    """
    actor.require(Permission.RESULT_ENTER)
    with uow:
        importer = _Importer(uow, actor, plan, file)
        found = importer.look()
        _refuse_faults(found, leave_out_faulty)
        keep_file(uow, store, file.content, MEDIA if file.name else "text/plain; charset=utf-8")
        changed = importer.keep(found)
        uow.commit()
    return changed


def _refuse_faults(found: Preview, leave_out_faulty: bool) -> None:
    if not found.faulty or (found.good and leave_out_faulty):
        return
    raise InvalidInput(
        _(
            "%(n)s of %(all)s rows are not right; nothing was imported.",
            n=len(found.faulty),
            all=len(found.rows),
        ),
        code="import_faulty",
        fields={f"row-{row.number}": list(row.faults) for row in found.faulty},
    )


@dataclass(slots=True)
class _Importer:
    """Reads one file for one plan. Lives inside the caller's unit of work."""

    uow: UnitOfWork
    actor: Actor
    plan: ImportPlan
    file: ImportFile
    row: InstrumentFile | None = None
    mapping: FileMapping | None = None
    equipment: Equipment | None = None
    placed: dict[tuple[int, str], tuple[Aim, InputValue | None]] = field(default_factory=dict)

    def look(self) -> Preview:
        self.row = self.uow.session.scalar(
            select(InstrumentFile).where(InstrumentFile.sha256 == self.file.sha256).with_for_update()
        )
        if self.plan.mapping_id is not None:
            self.mapping = released_mapping(self.uow, self.plan.mapping_id)
            self.equipment = usable_equipment(self.uow, self.mapping, self.plan.equipment_id)
        elif len(self.file.content) > MOST_BYTES:
            raise refused("sheet_too_big", _("A file of results has at most 2 MB."))
        targets = Targets(self.uow, self.actor, self.plan.worksheet_id, self.equipment)
        if not self.plan.again:
            self._refuse_twice()
        reading = self._read(targets)
        done = self._done()
        rows = [self._line(line, targets, done) for line in reading.lines]
        return Preview(self.file, reading.heading, reading.columns, rows, reading.unused)

    def _read(self, targets: Targets) -> FileReading:
        if self.mapping is not None:
            return read_mapped(self.file.content, layout_of(self.mapping))
        if self.plan.worksheet_id is None:
            raise refused("mapping_missing", _("Choose how this file is read, or a worksheet it belongs to."))
        return read_results_sheet(self.file.content, targets.sheets[0].version, targets.numbers)

    def _refuse_twice(self) -> None:
        """A file comes once to a worksheet; a mapped one, which finds its worksheets itself, once at all."""
        if self.row is not None:
            refuse_imported(self.uow.session, self.row, None if self.mapping else self.plan.worksheet_id)

    def _done(self) -> Mapping[tuple[int, str], InputValue]:
        """Figures of this file that stand in a cell, by row and name."""
        if self.row is None:
            return {}
        taken = (
            select(FileValue.row_number, FileValue.name, InputValue)
            .join(InputValue, InputValue.id == FileValue.input_value_id)
            .where(FileValue.file_id == self.row.id)
        )
        return {(number, name): value for number, name, value in self.uow.session.execute(taken)}

    # -- rows ------------------------------------------------------------------------

    def _line(
        self, line: FileLine, targets: Targets, done: Mapping[tuple[int, str], InputValue]
    ) -> ImportRow:
        faults = list(line.faults)
        outcomes = [] if faults else list(self._figures(line, targets, done))
        return ImportRow(line.number, line.cells, line.sample, self._by_test(line.number, outcomes), faults)

    def _figures(
        self, line: FileLine, targets: Targets, done: Mapping[tuple[int, str], InputValue]
    ) -> Iterator[CellOutcome]:
        for figure in line.figures:
            standing = done.get((line.number, figure.label[:120]))
            try:
                aim = targets.aim(line.sample, figure, line.number)
                if standing is None:
                    yield self._put(line, figure, aim)
                    continue
            except Refused as fault:
                if standing is None:
                    yield CellOutcome(figure.label, Fate.REFUSED, text=figure.text[:40], fault=fault.fault)
            except LimsError as refusal:
                if standing is None:
                    fault_ = Fault(refusal.code, refusal.message)
                    yield CellOutcome(figure.label, Fate.REFUSED, text=figure.text[:40], fault=fault_)
            if standing is not None:
                yield CellOutcome(
                    figure.label,
                    Fate.STANDS,
                    standing.requested_test_id,
                    text=standing.text,
                    unit=standing.unit,
                )

    def _put(self, line: FileLine, figure: Figure, aim: Aim) -> CellOutcome:
        cell, desk = aim.cell, aim.target.desk
        before = desk.entry(cell)
        origin = Origin(
            InputSource.IMPORT,
            equipment_id=self.equipment.id if self.equipment is not None else None,
            origin=f"sha256:{self.file.sha256} row {line.number} {self.file.name[:100]}".rstrip(),
            # A signed delivery of the gateway brought it; what a person drops may have been edited.
            from_device=self.row is not None and self.row.capture_id is not None,
        )
        replaces = before.text if before is not None and before.text != cell.text.strip() else ""
        outcome = CellOutcome(
            figure.label,
            Fate.FILLS,
            aim.test_id,
            aim.target.sheet.id,
            aim.key,
            aim.place,
            cell.text,
            aim.wanted.unit,
            replaces,
        )
        given = type(cell)(cell.test_id, cell.name, cell.replicate, cell.text, self.plan.reason)
        try:
            value = desk.put(given, origin)
        except LimsError as refusal:
            return _refused_after(outcome, Fault(refusal.code, f"{cell.text[:40]}: {refusal.message}"))
        self.placed[line.number, figure.label[:120]] = (aim, value or before)
        return outcome

    def _by_test(self, number: int, outcomes: Sequence[CellOutcome]) -> list[CellOutcome]:
        """Inputs of one result come together or not at all: where one is refused, those beside it wait."""
        broken = {o.test_id for o in outcomes if o.fate is Fate.REFUSED and o.test_id is not None}
        found = []
        for outcome in outcomes:
            if outcome.fate is Fate.FILLS and outcome.test_id in broken:
                self._take_off(number, outcome)
                sentence = _("Another value of this result in this row is refused.")
                outcome = _refused_after(outcome, Fault("result_incomplete", sentence))
            found.append(outcome)
        return found

    def _take_off(self, number: int, outcome: CellOutcome) -> None:
        aim, value = self.placed.pop((number, outcome.label[:120]))
        aim.target.desk.rows = [row for row in aim.target.desk.rows if row is not value]

    # -- keeping ---------------------------------------------------------------------

    def keep(self, found: Preview) -> list[int]:
        """Store what was placed and say so; the tests computed again."""
        fresh = {id(row) for aim, _value in self.placed.values() for row in aim.target.desk.rows}
        if not self.placed or (self.mapping is None and not fresh):
            raise Conflict(_("Every value of this file stands in the worksheet already."), code="nothing_new")
        row = self.row or note_file(
            self.uow, self.actor, self.file, self.equipment.id if self.equipment is not None else None
        )
        targets = {aim.target.sheet.id: aim.target for aim, _value in self.placed.values()}
        for target in targets.values():
            target.desk.store()
            if self.equipment is not None:
                note_equipment(self.uow, self.actor, target.sheet.id, self.equipment.id)
        self._note(found, row)
        tests = {
            value.requested_test_id: aim.target.desk.tests[value.requested_test_id]
            for aim, value in self.placed.values()
            if value is not None
        }
        return compute.recompute(self.uow, self.actor, [tests[n] for n in sorted(tests)])

    def _note(self, found: Preview, row: InstrumentFile) -> None:
        made = self.uow.add(
            FileImport(
                file_id=row.id,
                mapping_id=self.plan.mapping_id,
                equipment_id=self.equipment.id if self.equipment is not None else None,
                worksheet_id=self.plan.worksheet_id,
                imported_by=self.actor.id,
                imported_at=self.uow.now,
                filled=len(self.placed),
                refused=len(found.faulty),
            )
        )
        self.uow.insert_many(
            FileValue,
            [
                {
                    "file_id": row.id,
                    "row_number": number,
                    "name": label,
                    "import_id": made.id,
                    "input_value_id": value.id,
                }
                for (number, label), (_aim, value) in self.placed.items()
                if value is not None
            ],
        )
        self.uow.audit(
            "worksheet.import",
            self.actor,
            made,
            after={
                "file": self.file.name,
                "sha256": self.file.sha256,
                "worksheet": self.plan.worksheet_id,
                "mapping": self.plan.mapping_id,
                "rows": [line.number for line in found.good],
            },
        )


def _refused_after(outcome: CellOutcome, fault: Fault) -> CellOutcome:
    """A figure that found its cell and is refused by it."""
    return CellOutcome(
        outcome.label, Fate.REFUSED, outcome.test_id, place=outcome.place, text=outcome.text, fault=fault
    )
