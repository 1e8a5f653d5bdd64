"""Samples pasted from a spreadsheet: columns found, every fault told by row before anything is saved."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lims.core.cells import plain, read_date
from lims.core.errors import InvalidInput
from lims.core.sheets import split_text
from lims.intake.cells import is_same, quantity_is_possible, read_shelf_life
from lims.intake.drafts import MAX_SAMPLES, Fault, SampleCheck, SampleDraft
from lims.intake.wanted import Wordbook, key
from lims.ui.spreadsheet import harmless

MAX_TEXT = 1_000_000
MAX_COLUMNS = 60
HEADINGS = {
    "name": ("样品名称", "名称", "样品", "品名", "产品名称", "sample", "name", "sample name", "product"),
    "category": ("食品类别", "类别", "产品类别", "分类", "category", "class"),
    "specification": ("规格型号", "规格", "型号", "specification", "spec", "size", "model"),
    "brand": ("商标", "品牌", "brand", "trademark"),
    "batch": (
        "批号",
        "生产批号",
        "批次",
        "样品批号",
        "batch",
        "lot",
        "batch number",
        "lot number",
        "batch no",
        "lot no",
    ),
    "produced_on": (
        *("生产日期", "加工日期", "生产/加工日期", "生产日期/批号", "制造日期"),
        *("produced", "production date", "produced on", "date of production", "mfg date", "manufactured"),
    ),
    "expires_on": (
        *("保质期", "保质期至", "有效期至", "有效期", "到期日期", "到期日"),
        *("expires", "expires on", "expiry", "expiry date", "best before", "use by", "shelf life"),
    ),
    "quantity": ("数量", "样品数量", "样品量", "送样数量", "quantity", "amount", "qty"),
    "producer": (
        "生产企业",
        "生产单位",
        "生产者",
        "标称生产企业",
        "厂家",
        "生产厂家",
        "producer",
        "manufacturer",
        "made by",
    ),
    "producer_address": (
        "生产企业地址",
        "生产单位地址",
        "生产者地址",
        "厂址",
        "producer address",
        "manufacturer address",
    ),
    "items": (
        *("检验项目", "检测项目", "项目", "检验项目/套餐", "检测项目及套餐", "套餐"),
        *("tests", "test items", "items", "test", "package", "parameters"),
    ),
}
# Without headings the columns are read in this order.
ORDER = ("name", "specification", "batch", "produced_on", "expires_on", "quantity", "producer", "items")
# Columns that say by themselves which of the two they are, wherever they stand, are found by heading only.
NUMBERING = {"序号", "编号", "no", "no.", "#", "number"}
_WORDS = {key(word): name for name, words in HEADINGS.items() for word in words}


@dataclass(frozen=True, slots=True)
class PastedRow:
    """``row``: from 1, as counted without the heading. ``sample`` is None only for an unreadable row."""

    row: int
    cells: tuple[str, ...]
    sample: SampleDraft
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Paste:
    """``columns``: what each column was taken for; empty where it is not used (its heading in ``ignored``)."""

    columns: tuple[str, ...]
    heading: tuple[str, ...]
    rows: tuple[PastedRow, ...]
    ignored: tuple[str, ...] = field(default=())

    @property
    def faults(self) -> list[Fault]:
        return [fault for row in self.rows for fault in row.faults]

    @property
    def samples(self) -> tuple[SampleDraft, ...]:
        """The rows without fault."""
        return tuple(row.sample for row in self.rows if not row.faults)


def parse_paste(session: Session, text: str, today: date, *, items_for_all: bool = False) -> Paste:
    """Read pasted text. ``items_for_all``: test items are chosen for all samples elsewhere, a row may have none.

    Raises InvalidInput where there is nothing to read or far too much; faults of rows are in the answer.
    """
    if len(text) > MAX_TEXT:
        raise _refused("too_much_text", _("This is too much text for one order."))
    if "\x00" in text:
        raise _refused("bad_character", _("The text holds a character that cannot be stored."))
    return parse_rows(session, split_text(text), today, items_for_all=items_for_all)


def _refused(code: str, sentence: str, field: str = "text") -> InvalidInput:
    return InvalidInput(sentence, code=code, fields={field: [sentence]})


def parse_rows(
    session: Session, table: Sequence[Sequence[str]], today: date, *, items_for_all: bool = False
) -> Paste:
    """As ``parse_paste``, from rows of cells (of an uploaded sheet)."""
    table = [row for row in table if any(cell.strip() for cell in row)]
    if not table:
        raise _refused("nothing_pasted", _("There is no row in what was pasted."))
    heading, columns = find_columns(table[0])
    body = table[1:] if heading else table
    if not body:
        raise _refused("nothing_pasted", _("There are headings but no row below them."))
    if len(body) > MAX_SAMPLES:
        raise _refused("too_many_samples", _("At most %(n)s samples go into one order.", n=MAX_SAMPLES))
    if max(map(len, body)) > MAX_COLUMNS:
        raise _refused("too_many_columns", _("At most %(n)s columns are read.", n=MAX_COLUMNS))
    reader = _Reader(Wordbook.read(session), columns, SampleCheck(today), items_for_all)
    rows = tuple(reader.row(n, cells) for n, cells in enumerate(body, 1))
    ignored = tuple(
        word
        for word, name in zip(heading, columns, strict=False)
        if not name and key(word) not in NUMBERING and word.strip()
    )
    return Paste(columns, heading, rows, ignored)


def lines_of(table: Sequence[Sequence[str]], *, field: str = "text") -> list[dict[str, str]]:
    """Rows of cells as lines by column, for a page that shows them before they are saved.

    Raises InvalidInput (at ``field``) where there is no row, or far too many.
    """
    rows = [row for row in table if any(cell.strip() for cell in row)]
    heading, columns = find_columns(rows[0]) if rows else ((), ())
    body = rows[1:] if heading else rows
    if not body:
        raise _refused("nothing_pasted", _("There is no row in what was pasted."), field)
    if len(body) > MAX_SAMPLES:
        text = _("At most %(n)s samples go into one order.", n=MAX_SAMPLES)
        raise _refused("too_many_samples", text, field)
    return [{n: c.strip() for n, c in zip(columns, row, strict=False) if n} for row in body]


def find_columns(first: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The heading (empty where the first row is none) and the name of each column."""
    names = [_WORDS.get(key(plain(cell)).rstrip(":*"), "") for cell in first]
    for n, name in enumerate(names):
        if name in names[:n]:
            names[n] = ""  # the second column of a name is not used
    known = [name for name in names if name]
    if "name" in known or len(known) >= 2:
        return tuple(cell.strip() for cell in first), tuple(names)
    return (), ORDER


@dataclass(slots=True)
class _Reader:
    book: Wordbook
    columns: Sequence[str]
    check: SampleCheck
    items_for_all: bool
    above: dict[str, str] = field(default_factory=dict)

    def row(self, number: int, cells: Sequence[str]) -> PastedRow:
        faults: list[Fault] = []
        texts = self._texts(number, cells, faults)
        sample = self._sample(number, texts, faults)
        broken = {f.field for f in faults}
        faults.extend(f for f in self.check.faults(number, sample) if f.field not in broken)
        return PastedRow(number, tuple(cells), sample, tuple(faults))

    def _texts(self, number: int, cells: Sequence[str], faults: list[Fault]) -> dict[str, str]:
        """Column -> text, “same as above” filled in."""
        texts: dict[str, str] = {}
        for place, cell in enumerate(cells):
            name = self.columns[place] if place < len(self.columns) else ""
            if not name:
                if cell.strip() and place >= len(self.columns):
                    faults.append(Fault(number, "name", "too_many_cells", _("More cells than columns.")))
                continue
            if is_same(cell):
                if name not in self.above:
                    faults.append(
                        Fault(number, name, "nothing_above", _("“Same as above”, but nothing stands above."))
                    )
                texts[name] = self.above.get(name, "")
            else:
                texts[name] = cell.strip() if name == "items" else " ".join(cell.split())
        self.above = texts
        return texts

    def _sample(self, number: int, texts: dict[str, str], faults: list[Fault]) -> SampleDraft:
        produced = self._date(number, "produced_on", texts.get("produced_on", ""), faults)
        wish = self.book.wish(texts.get("items", ""))
        faults.extend(Fault(number, "items", code, sentence) for code, sentence in wish.faults)
        if not (wish.items or wish.packages or wish.faults or self.items_for_all):
            faults.append(Fault(number, "items", "no_tests", _("No test item is asked for on this sample.")))
        if not quantity_is_possible(texts.get("quantity", "")):
            faults.append(
                Fault(number, "quantity", "bad_quantity", _("The quantity must be more than zero."))
            )
        return SampleDraft(
            name=texts.get("name", ""),
            category_id=self._category(number, texts.get("category", ""), faults),
            specification=texts.get("specification", ""),
            brand=texts.get("brand", ""),
            batch=texts.get("batch", ""),
            produced_on=produced,
            expires_on=self._expiry(number, texts.get("expires_on", ""), produced, faults),
            producer=texts.get("producer", ""),
            producer_address=texts.get("producer_address", ""),
            quantity=texts.get("quantity", ""),
            items=wish.items,
            packages=wish.packages,
        )

    def _category(self, number: int, cell: str, faults: list[Fault]) -> int | None:
        if not cell:
            return None
        found = self.book.category(cell)
        if found is None:
            faults.append(
                Fault(
                    number,
                    "category_id",
                    "unknown_category",
                    _("Unknown category “%(word)s”.", word=cell[:60]),
                )
            )
        return found

    def _date(self, number: int, name: str, cell: str, faults: list[Fault]) -> date | None:
        if not cell or cell in {"/", "-", "—", "——"}:
            return None
        found = read_date(cell)
        if found is None:
            text = _("“%(word)s” is not a date; write 2026-11-22.", word=cell[:40])
            faults.append(Fault(number, name, "bad_date", text))
        return found

    def _expiry(self, number: int, cell: str, produced: date | None, faults: list[Fault]) -> date | None:
        if produced is not None and (ends := read_shelf_life(cell, produced)) is not None:
            return ends
        return self._date(number, "expires_on", cell, faults)


def faulty_csv(paste: Paste) -> bytes:
    """The faulty rows as they were pasted, with row number and faults, for Excel (UTF-8 with mark)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    width = max([len(paste.heading), *(len(r.cells) for r in paste.rows)])
    heading = paste.heading or tuple(HEADINGS[name][0] for name in paste.columns)
    writer.writerow([*_padded(heading, width), _("Row"), _("What is wrong")])
    for row in paste.rows:
        if row.faults:
            why = " ".join(f.sentence for f in row.faults)
            writer.writerow([*map(harmless, _padded(row.cells, width)), row.row, why])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")


def _padded(cells: Sequence[str], width: int) -> Iterator[str]:
    yield from cells
    yield from [""] * (width - len(cells))
