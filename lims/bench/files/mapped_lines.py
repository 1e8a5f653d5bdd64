"""Lines of an instrument's file through a mapping: which sample, which item, which figure in which unit."""

import re
from collections.abc import Iterable, Iterator, Sequence

from flask_babel import gettext as _

from lims.bench.files.import_shapes import Fault, Figure, FileLine, FileReading, joined, refused
from lims.bench.files.layout import (
    Analyte,
    DecimalMark,
    FileLayout,
    Meaning,
    TableShape,
)
from lims.bench.files.table import Line, is_workbook, read_lines
from lims.core.search import normalised

MOST_ROWS = 5000
LONGEST = 200  # of a cell that is looked at
_NUMBERED = re.compile(r"#([1-9]\d{0,2})", re.ASCII)
_UNIT = re.compile(r"[\(\[]([^()\[\]]{1,40})[\)\]]\s*$")
_FIGURE_LIKE = re.compile(r"[<>]?\s*[+-]?[\d.,\s]+(?:[eE][+-]?\d+)?", re.ASCII)
_COMMA_FIGURE = re.compile(r"([<>]?\s*[+-]?\d+)(?:,(\d+))?((?:[eE][+-]?\d+)?)", re.ASCII)
# What Desk.put reads as these kinds of a result.
_TEXT = {Meaning.NOT_DETECTED: "ND", Meaning.BELOW_LOQ: "<LOQ", Meaning.EMPTY: ""}


def read_mapped(content: bytes, layout: FileLayout) -> FileReading:
    """Raises InvalidInput (field ``file``): ``header_not_found``, ``column_missing``, ``no_rows``,
    ``file_too_long``, and those of ``file_table.read_lines``."""
    lines = read_lines(content, layout.encoding, layout.delimiter)
    at = _heading_at(lines, layout)
    heading = lines[at].cells if at is not None else ()
    body = lines[0 if at is None else at + 1 :][layout.skip :]
    reader = _Reader(layout, heading, DecimalMark.POINT if is_workbook(content) else layout.decimal)
    found = [reader.line(line) for line in _table(body, layout) if not reader.is_left_out(line)]
    if not found:
        raise refused("no_rows", _("There is no row of a sample below the headings."))
    if len(found) > MOST_ROWS:
        raise refused("file_too_long", _("A file has at most %(n)s rows of samples.", n=MOST_ROWS))
    return FileReading(heading, reader.taken_for(), found)


def _heading_at(lines: Sequence[Line], layout: FileLayout) -> int | None:
    """Index of the line of headings."""
    if layout.header_text:
        wanted = normalised(layout.header_text)
        for place, line in enumerate(lines):
            if any(wanted in normalised(cell[:LONGEST]) for cell in line.cells):
                return place
        raise refused(
            "header_not_found",
            _("No line holds “%(text)s”, by which the headings are found.", text=layout.header_text),
        )
    if not layout.header_row:
        return None
    for place, line in enumerate(lines):
        if line.number >= layout.header_row:
            return place
    raise refused("header_not_found", _("The file has no line %(n)s.", n=layout.header_row))


def _table(lines: Iterable[Line], layout: FileLayout) -> Iterator[Line]:
    """The lines of the table, to its end."""
    end = normalised(layout.end_text)
    for line in lines:
        if line.is_blank:
            if layout.end_at_blank:
                return
            continue
        if end and any(end in normalised(cell[:LONGEST]) for cell in line.cells):
            return
        yield line


class _Reader:
    """Columns are found once; each line is then read by them."""

    def __init__(self, layout: FileLayout, heading: Sequence[str], decimal: DecimalMark) -> None:
        self.layout, self.heading, self.decimal = layout, heading, decimal
        self._places = {normalised(cell[:LONGEST]): n for n, cell in reversed(list(enumerate(heading)))}
        self.sample = self._needed(layout.sample_column)
        self.flag, self.time = self._optional(layout.flag_column), self._optional(layout.time_column)
        self.unit = self._optional(layout.unit_column)
        self.replicate = self._optional(layout.replicate_column)
        self.words = {normalised(one.word): one.meaning for one in layout.words}
        self.left_out = tuple(normalised(word) for word in layout.leave_out)
        self.by_name = {normalised(one.name): one for one in reversed(layout.analytes)}
        self.name = self.value = None
        self.columns: Sequence[tuple[int, Analyte]] = ()
        if layout.shape is TableShape.LONG:
            self.name, self.value = self._needed(layout.name_column), self._needed(layout.value_column)
        else:
            self.columns = self._analyte_columns()

    def _find(self, column: str) -> int | None:
        if numbered := _NUMBERED.fullmatch(column.strip()):
            return int(numbered[1]) - 1
        return self._places.get(normalised(column))

    def _needed(self, column: str) -> int:
        found = self._find(column)
        if found is None:
            raise self._missing([column])
        return found

    def _optional(self, column: str) -> int | None:
        """Named in the mapping: then it must be there, or a flag would silently count as none."""
        return self._needed(column) if column else None

    def _missing(self, names: Iterable[str]) -> Exception:
        return refused(
            "column_missing",
            _(
                "The file has no column “%(names)s”; its headings are: %(heading)s.",
                names=joined(names),
                heading=joined(cell.strip()[:40] for cell in self.heading if cell.strip()) or "–",
            ),
        )

    def _analyte_columns(self) -> list[tuple[int, Analyte]]:
        """An export of fewer analytes is read as far as it goes; one of none is another file."""
        found = [(place, one) for one in self.layout.analytes if (place := self._find(one.name)) is not None]
        if not found:
            raise self._missing(one.name for one in self.layout.analytes)
        return found

    def taken_for(self) -> list[str]:
        """What each column is taken for, in words of the mapping."""
        known = {place: one.item for place, one in self.columns}
        for name in ("sample", "name", "value", "unit", "flag", "replicate", "time"):
            place = getattr(self, name)
            if place is not None:
                known[place] = name
        return [known.get(place, "") for place in range(len(self.heading))]

    # -- lines -----------------------------------------------------------------------

    def is_left_out(self, line: Line) -> bool:
        return bool(self.left_out) and normalised(_cell(line, self.sample)).startswith(self.left_out)

    def line(self, line: Line) -> FileLine:
        sample = _cell(line, self.sample)
        faults = [] if sample else [Fault("sample_missing", _("The sample number is missing."))]
        unused: Sequence[str] = ()
        if self.layout.shape is TableShape.LONG:
            name = _cell(line, self.name)
            known = self.by_name.get(normalised(name))
            figures = [] if known is None else list(self._figures(line, [(self.value, known)]))
            unused = (name,) if known is None and name else ()
        else:
            figures = list(self._figures(line, self.columns))
        return FileLine(line.number, line.cells, sample, figures, faults, _cell(line, self.time), unused)

    def _figures(self, line: Line, columns: Sequence[tuple[int | None, Analyte]]) -> Iterator[Figure]:
        flag = self.words.get(normalised(_cell(line, self.flag)))
        for place, analyte in columns:
            raw = _cell(line, place)
            meaning = self.words.get(normalised(raw))
            if Meaning.FAILED in (flag, meaning):
                said = raw if meaning is Meaning.FAILED else _cell(line, self.flag)
                yield self._figure(line, analyte, place, raw, _failed(said))
            elif flag is not None and flag is not Meaning.EMPTY:
                yield self._figure(line, analyte, place, _TEXT[flag], None)
            elif meaning is not None:
                if meaning is not Meaning.EMPTY:
                    yield self._figure(line, analyte, place, _TEXT[meaning], None)
            elif raw:
                text, fault = plain_figure(raw, self.decimal)
                yield self._figure(line, analyte, place, text, fault)

    def _figure(
        self, line: Line, analyte: Analyte, place: int | None, text: str, fault: Fault | None
    ) -> Figure:
        replicate, wrong = self._replicate(line, analyte)
        return Figure(
            label=analyte.name,
            text=text,
            item=analyte.item,
            input=analyte.input,
            replicate=replicate,
            unit=self._unit(line, analyte, place),
            fault=fault or wrong,
        )

    def _unit(self, line: Line, analyte: Analyte, place: int | None) -> str:
        """Stated by the line, else by the mapping, else by the heading: ``Al (mg/kg)``."""
        stated = _cell(line, self.unit)
        if stated or analyte.unit:
            return stated or analyte.unit
        heading = self.heading[place] if place is not None and place < len(self.heading) else ""
        found = _UNIT.search(heading[:LONGEST])
        return found[1].strip() if found else ""

    def _replicate(self, line: Line, analyte: Analyte) -> tuple[int | None, Fault | None]:
        if self.replicate is None:
            return (None if self.layout.repeats == "count" else analyte.replicate), None
        text = _cell(line, self.replicate)
        if text.isascii() and text.isdecimal() and 0 < int(text[:4]) <= 1000:
            return int(text[:4]), None
        return 1, Fault("replicate_unreadable", _("“%(text)s” is no number of a replicate.", text=text[:40]))


def _cell(line: Line, place: int | None) -> str:
    return line.cells[place].strip() if place is not None and place < len(line.cells) else ""


def _failed(said: str) -> Fault:
    return Fault(
        "instrument_failed", _("The instrument says “%(word)s”: there is no figure.", word=said[:40])
    )


def plain_figure(raw: str, decimal: DecimalMark) -> tuple[str, Fault | None]:
    """The figure with a decimal point; words stay as they are. A figure with the other mark is refused: ``1,234``
    may be one and a bit, or a thousand."""
    text = raw.strip()
    if not _FIGURE_LIKE.fullmatch(text):
        return text, None
    if decimal is DecimalMark.COMMA:
        if (match := _COMMA_FIGURE.fullmatch(text)) is not None:
            return match[1] + (f".{match[2]}" if match[2] else "") + match[3], None
    elif "," not in text:
        return text, None
    return text, Fault(
        "decimal_mark", _("%(text)s is not written with the decimal mark of this mapping.", text=text[:40])
    )
