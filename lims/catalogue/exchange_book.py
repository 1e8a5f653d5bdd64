"""A catalogue as a workbook: one sheet a noun, every cell text, nothing that a spreadsheet program would run."""

import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from flask_babel import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font

from lims.catalogue.budget_text import PLAIN, CorrelationLine, SourceLine
from lims.catalogue.exchange_rows import BudgetRow, Document, Fault, MethodRow, Noun, Place
from lims.ui.spreadsheet import FORMULA_STARTS, harmless

Cells = Mapping[str, str]
Path = tuple[str, ...]
METHOD = ("item", "standard", "clause")
BUDGET = (*METHOD, "range_low", "range_high")
_VERSION = (
    *("result_kind", "unit", "formula", "round_to", "significant", "lod", "loq", "range_low", "range_high"),
    *("conditions_required", "equipment_classes"),
)
_INPUT = ("name", "label_zh", "label_en", "unit", "replicates", "typed", "equipment_class", "low", "high")
_CASE = (
    *("name", "figures", "expected", "source", "tolerance", "limit_kind", "low", "high", "comparison"),
    "verdict",
)
_BUDGET = tuple(name for name in PLAIN if name not in BUDGET)
_SOURCE = SourceLine.__slots__
_CORRELATION = CorrelationLine.__slots__
COLUMNS: Mapping[str, Sequence[str]] = {
    "categories": ("code", "name_zh", "name_en", "parent"),
    "standards": (
        *("code", "title_zh", "title_en", "in_force_from", "withdrawn_from", "replaced_by"),
        "transition_until",
    ),
    "items": ("code", "name_zh", "name_en", "field", "section", "price", "retest_allowed", "active"),
    "methods": (*METHOD, "preferred", *_VERSION),
    "inputs": (*METHOD, *_INPUT),
    "cases": (*METHOD, *_CASE),
    "budgets": (*BUDGET, *_BUDGET),
    "sources": (*BUDGET, *_SOURCE),
    "correlations": (*BUDGET, *_CORRELATION),
    "limits": (
        *("item", "category", "standard", "kind", "unit", "low", "high", "n", "c", "m_small", "m_large"),
        *("comparison", "valid_from", "valid_to", "note", "not_detected", "members"),
    ),
    "packages": ("code", "name_zh", "name_en", "category", "items", "active"),
}
# Rows of these sheets belong to a method, or to a budget, which they name.
PARTS: Mapping[str, Sequence[str]] = {
    **{"inputs": _INPUT, "cases": _CASE},
    **{"sources": _SOURCE, "correlations": _CORRELATION},
}
OWNERS: Mapping[str, tuple[str, Sequence[str]]] = {
    **dict.fromkeys(("inputs", "cases"), ("methods", METHOD)),
    **dict.fromkeys(("sources", "correlations"), ("budgets", BUDGET)),
}
_LISTS = {"equipment_classes", "items", "members"}
_LIST = re.compile(r"[,，、;；\n]+")
_WIDE = {"formula": 40, "figures": 30, "items": 40, "note": 40, "title_zh": 34, "title_en": 40}


_Read = tuple[Place, dict[str, object], list[Fault]]
Owner = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Raw:
    """One row as it came, not yet checked. ``parts``: places of what belongs to it: ("inputs", "0")."""

    place: Place
    values: object
    parts: Mapping[Path, Place]
    faults: Sequence[Fault] = field(default=())

    def place_of(self, path: Path) -> tuple[Place, str]:
        """Where a person finds what ``path`` names, and in which column."""
        if self.place.sheet not in COLUMNS or not self.parts:
            return self.place, ".".join(path)
        inner = path[1:] if path[:1] == ("version",) else path
        part = self.parts.get(inner[:2])
        return (part, path[-1]) if part is not None and len(inner) > 2 else (self.place, (inner or path)[0])


# -- writing -------------------------------------------------------------------------


def as_workbook(document: Document) -> bytes:
    book = Workbook(write_only=True)
    for name, columns in COLUMNS.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        for n, column in enumerate(columns):
            sheet.column_dimensions["ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n]].width = _WIDE.get(column, 16)
        sheet.append([_head(sheet, column) for column in columns])
        for cells in _rows(document, name):
            sheet.append([_text(sheet, cells.get(column, "")) for column in columns])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _head(sheet: object, text: str) -> object:
    cell = WriteOnlyCell(sheet, text)
    cell.font = Font(bold=True)
    return cell


def _text(sheet: object, text: str) -> object:
    """Text even where it is a figure: 10.0 stays 10.0, and no program takes a code for a date."""
    if not text:
        return None
    cell = WriteOnlyCell(sheet, escaped(text))
    cell.number_format = "@"
    if "\n" in text:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell


def escaped(text: str) -> str:
    """As ``harmless``, and so that ``unescaped`` gives it back: a quote that stood there gets one more."""
    return f"'{harmless(text)}" if text.startswith("'") else harmless(text)


def unescaped(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(("'", *FORMULA_STARTS)) else text


def _rows(document: Document, sheet: str) -> Iterator[Cells]:
    if sheet not in PARTS:
        for placed in document.of(Noun(sheet)):
            yield _own(placed.row, sheet)
        return
    owners, named = OWNERS[sheet]
    for placed in document.of(Noun(owners)):
        row = placed.row
        text = row.version if isinstance(row, MethodRow) else row.text if isinstance(row, BudgetRow) else None
        for part in getattr(text, sheet, None) or ():
            yield {name: cell for name, cell in _own(row, owners).items() if name in named} | _cells(
                part, PARTS[sheet]
            )


def _own(row: object, sheet: str) -> dict[str, str]:
    if isinstance(row, BudgetRow):
        return _cells(row, METHOD) | _cells(row.text, PLAIN)
    if isinstance(row, MethodRow):
        own = _cells(row, (*METHOD, "preferred"))
        return own if row.version is None else own | _cells(row.version, _VERSION)
    return _cells(row, COLUMNS[sheet])


def _cells(row: object, names: Sequence[str]) -> dict[str, str]:
    return {name: _written(getattr(row, name)) for name in names}


def _written(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case Decimal():
            return str(value)
        case Mapping():
            return "\n".join(f"{name} = {figure}" for name, figure in value.items())
        case str():
            return value
        case Sequence():
            return ", ".join(value)
        case _:
            return str(value)


# -- reading -------------------------------------------------------------------------


def raw_rows(sheets: Mapping[str, Sequence[Sequence[str]]]) -> tuple[dict[Noun, list[Raw]], list[str]]:
    """Rows by noun, with what belongs to them; and the sheets and columns that mean nothing here."""
    ignored = [name for name in sheets if name.strip().lower() not in COLUMNS]
    read: dict[str, list[_Read]] = {name: [] for name in COLUMNS}
    for name, rows in sheets.items():
        known = name.strip().lower()
        if known in COLUMNS and rows:
            heads = [head.strip().lower() for head in rows[0]]
            ignored += [f"{known}: {head}" for head in heads if head and head not in COLUMNS[known]]
            read[known] += list(_body(known, heads, rows[1:]))
    found: dict[Noun, list[Raw]] = {}
    for noun in Noun:
        if noun in (Noun.METHODS, Noun.BUDGETS):
            found[noun] = _owners(noun.value, read, {name.strip().lower() for name in sheets})
        else:
            found[noun] = [Raw(place, values, {}, faults) for place, values, faults in read[noun.value]]
    return found, ignored


def _body(sheet: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[_Read]:
    for number, row in enumerate(rows, start=2):
        place, faults = Place(sheet, number), list[Fault]()
        values: dict[str, object] = {}
        for head, cell in zip(heads, row, strict=False):
            text = unescaped(cell.replace("\r\n", "\n").strip())
            if text and head in COLUMNS[sheet]:
                values[head], why = _read(head, text)
                faults += [Fault(place, head, "bad_cell", why)] if why else []
        if values:
            yield place, values, faults


def _read(column: str, text: str) -> tuple[object, str]:
    """What a cell says, and what is wrong with it."""
    if column in _LISTS:
        return [part.strip() for part in _LIST.split(text) if part.strip()], ""
    if column != "figures":
        return text, ""
    figures: dict[str, str] = {}
    for line in filter(str.strip, text.split("\n")):
        name, equals, figure = line.partition("=")
        if not equals:
            return figures, _("Write one figure a line: m0 = 28.4517")
        figures[name.strip()] = figure.strip()
    return figures, ""


def _owners(sheet: str, read: Mapping[str, Sequence[_Read]], present: Collection[str]) -> list[Raw]:
    """Each method (or budget) with the parts that name it; parts of none are faults at their own place."""
    mine = [name for name, (owners, _named) in OWNERS.items() if owners == sheet]
    named = OWNERS[mine[0]][1]
    parts: dict[Owner, dict[str, list[_Read]]] = {}
    for name in mine:
        for place, values, faults in read[name]:
            owner = tuple(values.pop(column, "") for column in named)
            parts.setdefault(owner, {}).setdefault(name, []).append((place, values, faults))
    made = []
    for row in read[sheet]:
        own = parts.pop(tuple(row[1].get(column, "") for column in named), {})
        made.append(_owner(row, own, [name for name in mine if name in own or name in present]))
    for owner, lost in parts.items():
        for place, _values, _faults in (one for rows in lost.values() for one in rows):
            whom = " ".join(str(one) for one in owner if one)
            why = _("The sheet “%(sheet)s” has no row for %(owner)s.", sheet=sheet, owner=whom)
            made.append(Raw(place, {}, {}, [Fault(place, "item", f"unknown_{sheet[:-1]}", why)]))
    return made


def _owner(row: _Read, own: Mapping[str, Sequence[_Read]], said: Sequence[str]) -> Raw:
    """``said``: its parts of which the workbook speaks; without a sheet of cases those of a draft stay."""
    place, values, faults = row
    lists = {name: [part for _place, part, _faults in own.get(name, ())] for name in said}
    places: dict[Path, Place] = {
        (name, str(n)): at for name, rows in own.items() for n, (at, _part, _told) in enumerate(rows)
    }
    told = [fault for rows in own.values() for _at, _part, found in rows for fault in found]
    body: dict[str, object] = {**values, **lists}
    if place.sheet == "methods":
        version = {name: values[name] for name in _VERSION if name in values}
        version |= {name: parts for name, parts in lists.items() if version or name in own}
        body = {name: value for name, value in values.items() if name not in _VERSION}
        body |= {"version": version} if version else {}
    return Raw(place, body, {(): place, **places}, [*faults, *told])
