"""Lines of a sheet of results that names its columns itself: for a file or a paste without a mapping."""

import re
from collections.abc import Iterator, Mapping, Sequence

from flask_babel import gettext as _

from lims.bench.files.import_shapes import Fault, Figure, FileLine, FileReading, refused
from lims.bench.inputs import read_cell_key
from lims.bench.sheet_view import Column, columns_of
from lims.catalogue.models import MethodVersion
from lims.core.search import normalised
from lims.core.sheets import read_sheet
from lims.metrology.errors import MetrologyError
from lims.metrology.units import same_unit

SAMPLE_WORDS = {
    *("样品编号", "样品号", "编号", "样品", "样品名", "样号"),
    *("sample", "sample number", "sample no", "sample no.", "sample id", "sample name", "number", "label"),
}
VALUE_WORDS = {"结果", "测定值", "含量", "浓度", "result", "value", "found", "concentration", "conc", "conc."}
_UNIT = re.compile(r"^(?P<words>.*?)[\s]*[\(\[](?P<unit>[^()\[\]]*)[\)\]]$")


def read_results_sheet(content: bytes, version: MethodVersion, numbers: Mapping[str, int]) -> FileReading:
    """``numbers``: normalised sample numbers of the worksheet, by which a sheet without headings is known.

    Raises InvalidInput (field ``file``): ``sheet_empty``, ``import_columns``, ``import_unit``, and those of
    reading a sheet.
    """
    table = read_sheet(content)
    if not table:
        raise refused("sheet_empty", _("The file is empty."))
    heading, columns = _columns(table[0], version, numbers)
    body = list(enumerate(table, 1))[1 if heading else 0 :]
    if not body:
        raise refused("sheet_empty", _("There are headings but no row below them."))
    return FileReading(heading, columns, [_line(number, cells, columns) for number, cells in body])


def _line(number: int, cells: Sequence[str], columns: Sequence[str]) -> FileLine:
    texts = dict(_used(cells, columns))
    sample = texts.pop("sample", "")
    figures = []
    for key, text in texts.items():
        name, replicate = read_cell_key(key)
        figures.append(Figure(key, text, input=name, replicate=replicate))
    faults = []
    if not sample:
        faults.append(Fault("sample_missing", _("The sample number is missing.")))
    elif not figures:
        faults.append(Fault("no_value", _("There is no value in this row.")))
    return FileLine(number, cells, sample, figures, faults)


def _used(cells: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    for key, cell in zip(columns, cells, strict=False):
        if key and cell.strip():
            yield key, cell.strip()


def _columns(
    first: Sequence[str], version: MethodVersion, numbers: Mapping[str, int]
) -> tuple[Sequence[str], list[str]]:
    """(heading, key of each column). Without a heading: sample number, then the inputs in order."""
    columns = columns_of(version)
    if normalised(first[0]) in numbers:
        return (), ["sample", *(c.key for c in columns)]
    known = _known_words(version, columns)
    keys: list[str] = []
    for cell in first:
        found = _key_of(cell, known)
        keys.append("" if found in keys else found)
    if "sample" not in keys or len({*keys} - {"", "sample"}) == 0:
        wanted = ", ".join(c.label for c in columns)
        raise refused(
            "import_columns",
            _("A column “sample number” and one for each value are needed: %(wanted)s.", wanted=wanted),
        )
    return first, keys


def _known_words(version: MethodVersion, columns: Sequence[Column]) -> dict[str, Column | None]:
    """Heading -> column; None: the sample number."""
    known: dict[str, Column | None] = dict.fromkeys(SAMPLE_WORDS)
    for column in columns:
        for word in (column.input.name, column.input.label_zh, column.input.label_en):
            if column.replicate == 1:
                known[normalised(word)] = column
            for join in ("", " ", "-", ".", "_"):
                known[normalised(f"{word}{join}{column.replicate}")] = column
    if len(columns) == 1:
        item = version.method.test_item
        for word in (item.code, item.name_zh, item.name_en, *VALUE_WORDS):
            known.setdefault(normalised(word), columns[0])
    return known


def _key_of(heading: str, known: Mapping[str, Column | None]) -> str:
    words, unit = normalised(heading).rstrip(":*"), ""
    if words not in known and (parts := _UNIT.match(heading.strip())):
        words, unit = normalised(parts["words"]), parts["unit"]  # mL is not ml: the unit stays as written
    if words not in known:
        return ""
    column = known[words]
    if column is None:
        return "sample"
    if unit and not _same(unit, column.input.unit):
        raise refused(
            "import_unit",
            _(
                "The column “%(heading)s” is not in %(unit)s, which the method wants: convert it first.",
                heading=heading.strip(),
                unit=column.input.unit,
            ),
        )
    return column.key


def _same(unit: str, wanted: str) -> bool:
    try:
        return same_unit(unit, wanted)
    except MetrologyError:
        return normalised(unit) == normalised(wanted)
