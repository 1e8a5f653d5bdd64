"""Values from a file or a paste into a worksheet: every fault by row first, then all or none.

A value keeps where it came from: the SHA-256 of the file, its row and its name. The file itself is kept.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select

from lims.bench import compute
from lims.bench.inputs import Cell, Desk, Origin, open_sheet, read_cell_key, rows_of
from lims.bench.models import InputValue, Worksheet
from lims.bench.sheet_view import Column, columns_of
from lims.bench.states import InputSource
from lims.bench.wording import named
from lims.catalogue.models import MethodVersion
from lims.core.clock import LAB_ZONE
from lims.core.errors import Conflict, InvalidInput, LimsError
from lims.core.files import FileStore, keep_file
from lims.core.permissions import Actor, Permission
from lims.core.search import normalised
from lims.core.sheets import read_sheet
from lims.core.uow import UnitOfWork
from lims.intake.models import RequestedTest, Sample
from lims.metrology.errors import MetrologyError
from lims.metrology.units import same_unit
from lims.people.models import Account

MOST_BYTES = 2 * 1024 * 1024
SAMPLE_WORDS = {
    *("样品编号", "样品号", "编号", "样品", "样品名", "样号"),
    *("sample", "sample number", "sample no", "sample no.", "sample id", "sample name", "number", "label"),
}
VALUE_WORDS = {"结果", "测定值", "含量", "浓度", "result", "value", "found", "concentration", "conc", "conc."}
_UNIT = re.compile(r"^(?P<words>.*?)[\s]*[\(\[](?P<unit>[^()\[\]]*)[\)\]]$")


@dataclass(frozen=True, slots=True)
class ImportFile:
    """``name`` empty: pasted text, as UTF-8."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class ImportRow:
    """``number``: of the line in the file, from 1. ``replaces``: texts that stood there before."""

    number: int
    cells: Sequence[str]
    test_id: int | None
    values: Sequence[Cell]
    faults: Sequence[str]
    replaces: Sequence[str]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do. ``columns``: key of the cell each column fills, ``sample``, or empty."""

    file: ImportFile
    heading: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[ImportRow]

    @property
    def faulty(self) -> list[ImportRow]:
        return [row for row in self.rows if row.faults]

    @property
    def good(self) -> list[ImportRow]:
        return [row for row in self.rows if not row.faults]

    @property
    def ignored(self) -> list[str]:
        return [h for h, c in zip(self.heading, self.columns, strict=False) if not c and h.strip()]


def preview_import(uow: UnitOfWork, *, actor: Actor, worksheet_id: int, file: ImportFile) -> Preview:
    """What ``import_values`` would do; nothing is kept. Raises as it does, but for faults of rows."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        return _Reader(uow, actor, worksheet_id).read(file)


def import_values(
    uow: UnitOfWork,
    *,
    actor: Actor,
    worksheet_id: int,
    file: ImportFile,
    store: FileStore,
    leave_out_faulty: bool = False,
) -> list[int]:
    """Keep the file and its values, all or none (``leave_out_faulty``: all rows without fault).

    Returns the tests computed again. Raises Conflict (``file_imported`` for the same file a second time,
    ``nothing_new``), InvalidInput (``import_faulty`` with ``fields`` keyed ``row-7``, ``import_columns``,
    ``import_unit`` and those of reading a sheet).
    """
    actor.require(Permission.RESULT_ENTER)
    with uow:
        reader = _Reader(uow, actor, worksheet_id)
        found = reader.read(file)
        _refuse_faults(found, leave_out_faulty)
        tests = reader.keep(found)
        media = "text/plain; charset=utf-8" if not file.name else "application/octet-stream"
        keep_file(uow, store, file.content, media)
        uow.audit(
            "worksheet.import",
            actor,
            ("worksheet", worksheet_id),
            after={"file": file.name, "sha256": file.sha256, "rows": [r.number for r in found.good]},
        )
        changed = compute.recompute(uow, actor, tests)
        uow.commit()
    return changed


def _refuse_faults(found: Preview, leave_out_faulty: bool) -> None:
    if not found.good or (found.faulty and not leave_out_faulty):
        raise InvalidInput(
            _(
                "%(n)s of %(all)s rows are not right; nothing was imported.",
                n=len(found.faulty),
                all=len(found.rows),
            ),
            code="import_faulty",
            fields={f"row-{row.number}": list(row.faults) for row in found.faulty},
        )


class _Reader:
    """Reads one file for one worksheet. Lives inside the caller's unit of work."""

    def __init__(self, uow: UnitOfWork, actor: Actor, worksheet_id: int) -> None:
        self.uow = uow
        self.sheet: Worksheet = open_sheet(uow, worksheet_id, actor)
        self.version = uow.get(MethodVersion, self.sheet.method_version_id, lock=False)
        here = [r.requested_test_id for r in self.sheet.rows if r.removed_at is None]
        self.tests: Mapping[int, RequestedTest] = rows_of(uow, self.sheet, here)
        numbers = select(RequestedTest.id, Sample.number).join(Sample, Sample.id == RequestedTest.sample_id)
        rows = uow.session.execute(numbers.where(RequestedTest.id.in_(here)))
        self.by_number = {normalised(number): test_id for test_id, number in rows}
        self.desk = Desk(uow, actor, self.version, self.tests)

    def read(self, file: ImportFile) -> Preview:
        if len(file.content) > MOST_BYTES:
            raise _refused("sheet_too_big", _("A file of results has at most 2 MB."))
        self._refuse_twice(file)
        table = read_sheet(file.content)
        if not table:
            raise _refused("sheet_empty", _("The file is empty."))
        heading, columns = self._columns(table[0])
        body = list(enumerate(table, 1))[1 if heading else 0 :]
        if not body:
            raise _refused("sheet_empty", _("There are headings but no row below them."))
        seen: dict[int, int] = {}
        rows = [self._row(file, number, cells, columns, seen) for number, cells in body]
        return Preview(file, heading, columns, rows)

    def keep(self, found: Preview) -> list[RequestedTest]:
        """Store the good rows; the desk holds what ``read`` put on it, faulty rows left it empty-handed."""
        good = {row.test_id for row in found.good}
        self.desk.rows = [row for row in self.desk.rows if row.requested_test_id in good]
        if not self.desk.rows:
            raise Conflict(_("Every value of this file stands in the worksheet already."), code="nothing_new")
        self.desk.store()
        return [self.tests[n] for n in sorted({row.requested_test_id for row in self.desk.rows})]

    def _refuse_twice(self, file: ImportFile) -> None:
        earlier = (
            select(InputValue.entered_at, Account)
            .outerjoin(Account, Account.id == InputValue.entered_by)
            .where(
                InputValue.requested_test_id.in_(self.tests),
                InputValue.origin.startswith(f"sha256:{file.sha256} "),
            )
            .limit(1)
        )
        row = self.uow.session.execute(earlier).first()
        if row is not None:
            raise Conflict(
                _(
                    "This file was imported already, on %(at)s by %(who)s; its values stand in the worksheet.",
                    at=row[0].astimezone(LAB_ZONE).strftime("%Y-%m-%d %H:%M"),
                    who=named(row[1]) if row[1] is not None else "–",
                ),
                code="file_imported",
            )

    # -- columns ---------------------------------------------------------------------

    def _columns(self, first: Sequence[str]) -> tuple[Sequence[str], list[str]]:
        """(heading, key of each column). Without a heading: sample number, then the inputs in order."""
        columns = columns_of(self.version)
        if normalised(first[0]) in self.by_number:
            return (), ["sample", *(c.key for c in columns)]
        known = self._known_words(columns)
        keys: list[str] = []
        for cell in first:
            found = self._key_of(cell, known)
            keys.append("" if found in keys else found)
        if "sample" not in keys or len({*keys} - {"", "sample"}) == 0:
            wanted = ", ".join(c.label for c in columns)
            raise _refused(
                "import_columns",
                _("A column “sample number” and one for each value are needed: %(wanted)s.", wanted=wanted),
            )
        return first, keys

    def _known_words(self, columns: Sequence[Column]) -> dict[str, Column | None]:
        """Heading -> column; None: the sample number."""
        known: dict[str, Column | None] = dict.fromkeys(SAMPLE_WORDS)
        for column in columns:
            for word in (column.input.name, column.input.label_zh, column.input.label_en):
                if column.replicate == 1:
                    known[normalised(word)] = column
                for join in ("", " ", "-", ".", "_"):
                    known[normalised(f"{word}{join}{column.replicate}")] = column
        if len(columns) == 1:
            item = self.version.method.test_item
            for word in (item.code, item.name_zh, item.name_en, *VALUE_WORDS):
                known.setdefault(normalised(word), columns[0])
        return known

    def _key_of(self, heading: str, known: Mapping[str, Column | None]) -> str:
        words, unit = normalised(heading).rstrip(":*"), ""
        if words not in known and (parts := _UNIT.match(heading.strip())):
            words, unit = normalised(parts["words"]), parts["unit"]  # mL is not ml: the unit stays as written
        if words not in known:
            return ""
        column = known[words]
        if column is None:
            return "sample"
        if unit and not _same(unit, column.input.unit):
            raise _refused(
                "import_unit",
                _(
                    "The column “%(heading)s” is not in %(unit)s, which the method wants: convert it first.",
                    heading=heading.strip(),
                    unit=column.input.unit,
                ),
            )
        return column.key

    # -- rows ------------------------------------------------------------------------

    def _row(
        self,
        file: ImportFile,
        number: int,
        cells: Sequence[str],
        columns: Sequence[str],
        seen: dict[int, int],
    ) -> ImportRow:
        texts = dict(_used(cells, columns))
        code = texts.pop("sample", "")
        test_id = self.by_number.get(normalised(code)) if code else None
        faults = list(self._row_faults(code, test_id, texts, seen))
        if test_id is not None:
            seen.setdefault(test_id, number)
        if faults or test_id is None:
            return ImportRow(number, cells, test_id, (), faults, ())
        values = [Cell(test_id, *read_cell_key(key), text) for key, text in texts.items()]
        replaces = [self._standing(cell) for cell in values]
        faults = list(self._put(values, file, number))
        return ImportRow(number, cells, test_id, values, faults, [r for r in replaces if r])

    def _row_faults(
        self, code: str, test_id: int | None, texts: Mapping[str, str], seen: Mapping[int, int]
    ) -> Iterator[str]:
        if not code:
            yield _("The sample number is missing.")
        elif test_id is None:
            yield _("Sample %(code)s is not on this worksheet.", code=code[:60])
        elif test_id in seen:
            yield _("Sample %(code)s stands in row %(n)s already.", code=code[:60], n=seen[test_id])
        elif not texts:
            yield _("There is no value in this row.")

    def _put(self, values: Sequence[Cell], file: ImportFile, number: int) -> Iterator[str]:
        origin = Origin(
            InputSource.IMPORT, origin=f"sha256:{file.sha256} row {number} {file.name[:100]}".rstrip()
        )
        for cell in values:
            try:
                self.desk.put(cell, origin)
            except LimsError as fault:
                yield f"{cell.text[:40]}: {fault.message}"

    def _standing(self, cell: Cell) -> str:
        """What the value would replace; empty where nothing or the same stands there."""
        before = self.desk.entry(cell)
        return before.text if before is not None and before.text != cell.text.strip() else ""


def _used(cells: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    for key, cell in zip(columns, cells, strict=False):
        if key and cell.strip():
            yield key, cell.strip()


def _same(unit: str, wanted: str) -> bool:
    try:
        return same_unit(unit, wanted)
    except MetrologyError:
        return normalised(unit) == normalised(wanted)


def _refused(code: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, code=code, fields={"file": [sentence]})
