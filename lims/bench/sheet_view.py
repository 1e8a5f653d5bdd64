"""A worksheet as its page shows it: rows are samples, columns inputs; read with a fixed number of queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.people import methods_of
from lims.bench.calculation import Incomplete
from lims.bench.control.holds import open_holds_of
from lims.bench.control.view import ControlMark, SheetHold, holds_of_sheet, marks_of
from lims.bench.inputs import EDITABLE, Cell, cell_key, read_cell_key
from lims.bench.models import InputValue, Result, ResultVersion, Worksheet, WorksheetEquipment
from lims.bench.outcomes import Outcome, find_outcome
from lims.bench.sample_bench import Benches, SampleBench
from lims.bench.states import InputSource, Verdict, WorksheetState
from lims.bench.wording import named, reported_text, said
from lims.catalogue.models import MethodInput, MethodVersion
from lims.core.clock import local_date
from lims.core.errors import Conflict, NotFound
from lims.core.permissions import Actor, Permission
from lims.equipment.calibration import Fitness, fitness_of_all, usable_by_class
from lims.equipment.models import Equipment
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.states import TestState
from lims.metrology.formula_check import compile_formula
from lims.people.models import Account
from lims.ui.labels import label, number, shortened, tone


@dataclass(frozen=True, slots=True)
class Column:
    """One input, or one replicate of it."""

    input: MethodInput
    replicate: int

    @property
    def key(self) -> str:
        return cell_key(self.input.name, self.replicate)

    @property
    def label(self) -> str:
        words = named(self.input, "label")
        return f"{words} {self.replicate}" if self.input.replicates > 1 else words


@dataclass(frozen=True, slots=True)
class CellView:
    """``entry``: the value that counts, None for an empty cell; ``locked``: why hands may not write here."""

    column: Column
    entry: InputValue | None
    locked: str = ""

    @property
    def text(self) -> str:
        return self.entry.text if self.entry is not None else ""

    @property
    def source(self) -> InputSource | None:
        return self.entry.source if self.entry is not None and self.entry.text else None


@dataclass(frozen=True, slots=True)
class NeededItem:
    """Another item of the sample from whose result this one is computed; ``version`` None: not there yet."""

    code: str
    test: RequestedTest | None
    version: ResultVersion | None

    @property
    def label(self) -> str:
        return named(self.test.test_item) if self.test is not None else self.code

    @property
    def has_value(self) -> bool:
        return self.version is not None and bool(self.version.reported)


@dataclass(frozen=True, slots=True)
class RowView:
    """``newest``: number of the newest entry, sent back when a cell is saved (see ``inputs.Desk.newest``).
    ``agrees``: computing it again now gives the stored result, to the last digit; None: not asked.
    ``mark``: what control it is, None for a sample; ``held``: a failing control covers it.
    """

    test: RequestedTest
    sample: Sample
    order: Order
    cells: Mapping[str, CellView]
    needed: Sequence[NeededItem]
    result: Result | None
    version: ResultVersion | None
    newest: int
    missing: str
    editable: bool
    agrees: bool | None = None
    mark: ControlMark | None = None
    held: bool = False

    @property
    def has_value(self) -> bool:
        return self.version is not None and bool(self.version.reported)

    @property
    def ready(self) -> bool:
        """May be handed over by whom the sheet belongs to."""
        return self.editable and self.has_value and self.test.state is not TestState.ASSIGNED

    @property
    def reported(self) -> str:
        return reported_text(self.version) if self.version is not None else ""

    @property
    def uncertainty(self) -> str:
        """The stated U with its k; empty where the result carries none."""
        version = self.version
        if version is None or version.expanded_uncertainty is None or version.coverage_factor is None:
            return ""
        return f"U = {number(version.expanded_uncertainty)} (k = {shortened(version.coverage_factor, 3)})"

    @property
    def remark(self) -> str:
        """What the analyst must know of this row."""
        words = [self.mark.remark] if self.mark is not None and self.mark.remark else []
        if self.held:
            words.append(_("on hold"))
        if self.result is not None and self.result.return_reason and self.editable:
            words.append(_("Returned: %(why)s", why=self.result.return_reason))
        if self.version is not None and self.has_value and self.version.near_limit:
            words.append(_("near the limit"))
        if self.result is not None and self.result.attempt > 1:
            words.append(_("retest %(n)s", n=self.result.attempt - 1))
        if not self.has_value and self.missing and self.newest:
            words.append(self.missing)
        return "; ".join(words)


@dataclass(frozen=True, slots=True)
class UsedEquipment:
    """``gave_values``: a value of the worksheet came from it, so its name stays."""

    row: WorksheetEquipment
    equipment: Equipment
    fitness: Fitness
    gave_values: bool


@dataclass(frozen=True, slots=True)
class SheetView:
    worksheet: Worksheet
    version: MethodVersion
    analyst: Account
    columns: Sequence[Column]
    needed: Sequence[str]
    rows: Sequence[RowView]
    equipment: Sequence[UsedEquipment]
    usable: Sequence[Equipment]
    mine: bool
    refusal: str
    counts: Mapping[TestState, int] = field(default_factory=dict)
    holds: Sequence[SheetHold] = ()

    @property
    def open(self) -> bool:
        """The reader may write on it."""
        return self.mine and self.worksheet.state is WorksheetState.OPEN and not self.refusal

    @property
    def ready(self) -> list[int]:
        return [row.test.id for row in self.rows if row.ready] if self.mine else []

    @property
    def retractable(self) -> list[int]:
        return [row.test.id for row in self.rows if row.test.state is TestState.SUBMITTED and self.mine]


def load_sheet(session: Session, *, actor: Actor, worksheet_id: int, now: datetime) -> SheetView:
    """Raises NotFound, PermissionDenied. ``now``: instant, for authorisation and calibration of today."""
    actor.require(Permission.RESULT_READ)
    sheet = session.get(Worksheet, worksheet_id)
    if sheet is None:
        raise NotFound(_("This does not exist (any more)."))
    version = session.get_one(MethodVersion, sheet.method_version_id)
    ids = [r.requested_test_id for r in sheet.rows if r.removed_at is None]
    mine = sheet.analyst_id == actor.id and actor.can(Permission.RESULT_ENTER)
    today = local_date(now)
    refusal = ""
    if mine and version.method_id not in methods_of(session, actor.id or 0, today):
        refusal = _("You are not authorised for this method today: nothing can be entered.")
    writable = mine and not refusal and sheet.state is WorksheetState.OPEN
    rows = controlled(session, actor, sheet, read_rows(session, ids, actor if writable else None))
    formula = compile_formula(version.formula) if version.formula.strip() else None
    used, usable = _equipment(session, sheet, version, ids, today)
    return SheetView(
        worksheet=sheet,
        version=version,
        analyst=session.get_one(Account, sheet.analyst_id),
        columns=columns_of(version),
        needed=formula.items if formula else (),
        rows=rows,
        equipment=used,
        usable=usable if writable else [],
        mine=mine,
        refusal=refusal,
        counts={s: sum(r.test.state is s for r in rows) for s in TestState},
        holds=holds_of_sheet(session, actor, sheet.id) if any(row.held for row in rows) else (),
    )


def controlled(session: Session, actor: Actor, sheet: Worksheet, rows: Sequence[RowView]) -> list[RowView]:
    """Rows with what control they are, and whether a failing control holds them."""
    marks = marks_of(session, actor, sheet, {row.test.id: row.version for row in rows})
    held = open_holds_of(session, [row.test.id for row in rows])
    return [replace(row, mark=marks.get(row.test.id), held=row.test.id in held) for row in rows]


def load_row(session: Session, *, actor: Actor, worksheet_id: int, test_id: int) -> RowView:
    """One row as it stands after something was saved in it."""
    actor.require(Permission.RESULT_READ)
    sheet = session.get(Worksheet, worksheet_id, populate_existing=True)
    if sheet is None or test_id not in {r.requested_test_id for r in sheet.rows if r.removed_at is None}:
        raise NotFound(_("This test is not on this worksheet."))
    return read_rows(session, [test_id], actor)[0]


def columns_of(version: MethodVersion) -> list[Column]:
    return [Column(i, n) for i in version.inputs for n in range(1, i.replicates + 1)]


def read_rows(
    session: Session, ids: Sequence[int], actor: Actor | None, *, again: bool = False
) -> list[RowView]:
    """Rows of these tests, in this order. ``actor``: who may write now (None: nobody); ``again``: recompute."""
    wanted = select(RequestedTest.sample_id).where(RequestedTest.id.in_(ids))
    benches = Benches(session, set(session.scalars(wanted)))
    tests = {t.id: t for t in benches.tests}
    by_sample = {sample_id: benches.of(sample_id) for sample_id in benches.samples}
    return [row_of(by_sample[tests[n].sample_id], tests[n], actor, again=again) for n in ids if n in tests]


def row_of(bench: SampleBench, test: RequestedTest, actor: Actor | None, *, again: bool = False) -> RowView:
    """One of ``read_rows``, from a bench that was read already."""
    cells = bench.benches.cells.get(test.id, {})
    entries = {cell_key(name, replicate): row for (name, replicate), row in cells.items()}
    result = bench.result(test)
    version = bench.benches.newest.get(result.id) if result is not None else None
    editable = actor is not None and test.assignee_id == actor.id and test.state in EDITABLE
    formula = bench.formula(test)
    outcome = None
    if again or (entries and (version is None or not version.reported)):
        outcome = find_outcome(bench, test)
    found = outcome if isinstance(outcome, Outcome) else None
    return RowView(
        test=test,
        sample=bench.sample,
        order=bench.order,
        cells={
            c.key: CellView(c, entries.get(c.key), _locked(c, editable))
            for c in columns_of(bench.version(test))
        },
        needed=[
            NeededItem(code, bench.test_of(code), bench.version_of(code))
            for code in (formula.items if formula else ())
        ],
        result=result,
        version=version,
        newest=max((row.id for row in entries.values()), default=0),
        missing=outcome.sentence if isinstance(outcome, Incomplete) else "",
        editable=editable,
        agrees=found is not None and found.explanation == version.explanation
        if again and version is not None
        else None,
    )


def _locked(column: Column, editable: bool) -> str:
    if not editable:
        return str(_("This row is not open for entering."))
    if not column.input.typed:
        return str(_("The method takes this value from the device; it cannot be typed."))
    return ""


def _equipment(
    session: Session, sheet: Worksheet, version: MethodVersion, ids: Sequence[int], today: date
) -> tuple[list[UsedEquipment], list[Equipment]]:
    """(what the record names, what could be named by hand)."""
    there = select(WorksheetEquipment, Equipment).join(
        Equipment, Equipment.id == WorksheetEquipment.equipment_id
    )
    found = session.execute(
        there.where(WorksheetEquipment.worksheet_id == sheet.id).order_by(WorksheetEquipment.id)
    ).all()
    gave = set(
        session.scalars(
            select(InputValue.equipment_id)
            .where(InputValue.requested_test_id.in_(ids), InputValue.equipment_id.is_not(None))
            .distinct()
        )
    )
    fit = fitness_of_all(session, [equipment for _row, equipment in found], today)
    used = [UsedEquipment(row, one, fit[one.id], one.id in gave) for row, one in found]
    classes = {e.equipment_class for e in version.equipment}
    classes |= {i.equipment_class for i in version.inputs if i.equipment_class}
    usable = usable_by_class(session, sorted(classes), today)
    named_already = {one.equipment.id for one in used}
    return used, [e for rows in usable.values() for e in rows if e.id not in named_already]


def changed_cells(view: SheetView, texts: Mapping[str, str], reason: str | None) -> list[Cell]:
    """What a whole sheet sent by hand changes. ``texts``: ``123-m1-1`` (test, cell) -> as typed."""
    changed = []
    for row in view.rows:
        for key, cell in row.cells.items():
            text = texts.get(f"{row.test.id}-{key}")
            if text is not None and text.strip() != cell.text:
                changed.append(Cell(row.test.id, cell.column.input.name, cell.column.replicate, text, reason))
    return changed


def refuse_unsaved(view: SheetView, texts: Mapping[str, str]) -> None:
    """Nothing typed is lost by another button of the page. Raises Conflict (``unsaved_cells``)."""
    unsaved = len(changed_cells(view, texts, None))
    if unsaved:
        raise Conflict(
            ngettext(
                "%(num)s cell is not saved yet: save it or restore it first.",
                "%(num)s cells are not saved yet: save or restore them first.",
                unsaved,
            ),
            code="unsaved_cells",
        )


def entries_of_cell(
    session: Session, *, actor: Actor, test_id: int, key: str
) -> tuple[RequestedTest, MethodInput, list[InputValue]]:
    """Everything that ever stood in one cell, newest first, of all attempts. Raises NotFound."""
    actor.require(Permission.RESULT_READ)
    name, replicate = read_cell_key(key)
    test = session.get(RequestedTest, test_id)
    version = session.get(MethodVersion, test.method_version_id) if test is not None else None
    wanted = next((i for i in version.inputs if i.name == name), None) if version is not None else None
    if test is None or wanted is None:
        raise NotFound(_("This does not exist (any more)."))
    rows = select(InputValue).where(
        InputValue.requested_test_id == test_id, InputValue.name == name, InputValue.replicate == replicate
    )
    return test, wanted, list(session.scalars(rows.order_by(InputValue.id.desc())))


# -- what a saved cell answers -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """What a page shows of a row after a cell was saved (contract in ``sheet.js``)."""

    version: int
    cells: Mapping[str, str]
    show: Mapping[str, str]
    tones: Mapping[str, str]
    sentence: str


def answer_of(row: RowView) -> RowAnswer:
    show = {"result": row.reported, "uncertainty": row.uncertainty, "verdict": "", "remark": row.remark}
    show |= {f"source-{key}": said(cell.source) if cell.source else "" for key, cell in row.cells.items()}
    show["state"] = str(label(row.test.state))
    tones = {"state": str(tone(row.test.state))}
    sentence = row.missing if not row.has_value else ""
    if row.version is not None and row.has_value:
        show["verdict"] = said(row.version.verdict)
        tones["verdict"] = TONES[row.version.verdict]
        if row.version.verdict is Verdict.FAIL:
            sentence = _("out of limit")
        elif row.version.near_limit:
            sentence = _("near the limit")
    if row.mark is not None and row.mark.outcome is not None:
        show["verdict"], tones["verdict"] = str(label(row.mark.outcome)), str(tone(row.mark.outcome))
        sentence = row.mark.remark
    cells = {key: cell.text for key, cell in row.cells.items()}
    return RowAnswer(row.newest, cells, show, tones, sentence)


TONES = {Verdict.PASS: "done", Verdict.FAIL: "fault", Verdict.NOT_JUDGED: "plain"}
