"""Bytes of an instrument's file as lines of cells, each with its number in the file."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from lims.bench.files.layout import Delimiter, Encoding
from lims.core import sheets
from lims.core.errors import InvalidInput

MOST_BYTES = sheets.MAX_BYTES
MOST_LINES = 20_000
MOST_COLUMNS = 500
_BETWEEN = {Delimiter.COMMA: ",", Delimiter.SEMICOLON: ";", Delimiter.TAB: "\t", Delimiter.BAR: "|"}
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Line:
    """``number``: where it begins in the file, from 1 (of a workbook: among its filled rows)."""

    number: int
    cells: Sequence[str]

    @property
    def is_blank(self) -> bool:
        return not any(cell.strip() for cell in self.cells)


def is_workbook(content: bytes) -> bool:
    return content.startswith(b"PK\x03\x04")


def read_lines(content: bytes, encoding: Encoding, delimiter: Delimiter) -> list[Line]:
    """Blank lines included. Raises InvalidInput (field ``file``): ``file_encoding``, ``file_too_long``, and
    those of ``core.sheets.read_sheet``."""
    if not content:
        raise sheets.refused("sheet_empty")
    if len(content) > MOST_BYTES:
        raise sheets.refused("sheet_too_big")
    if is_workbook(content) or content.startswith(sheets.OLE):
        return [Line(n, cells) for n, cells in enumerate(sheets.read_sheet(content), 1)]
    text = decode(content, encoding)
    lines: list[Line] = []
    for line in _split(text, delimiter):
        if len(lines) >= MOST_LINES or len(line.cells) > MOST_COLUMNS:
            raise refused(
                "file_too_long",
                _("A file has at most %(n)s lines of %(m)s cells.", n=MOST_LINES, m=MOST_COLUMNS),
            )
        lines.append(line)
    if not any(not line.is_blank for line in lines):
        raise sheets.refused("sheet_empty")
    return lines


def decode(content: bytes, encoding: Encoding) -> str:
    """The text without its mark. Raises InvalidInput (``file_encoding``, ``sheet_unknown``)."""
    for name in _codecs(content, encoding):
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            raise sheets.refused("sheet_unknown")
        return text.lstrip("\ufeff")
    if encoding is Encoding.AUTO:
        raise sheets.refused("sheet_unknown")
    raise refused(
        "file_encoding", _("The file is not text in %(encoding)s.", encoding=encoding.value.upper())
    )


def _codecs(content: bytes, encoding: Encoding) -> tuple[str, ...]:
    marked = content.startswith(_UTF16_MARKS)
    if encoding is Encoding.UTF16:
        return ("utf-16",) if marked else ("utf-16-le",)  # without a mark: as Windows programs write it
    if encoding is Encoding.AUTO:
        return ("utf-16",) if marked else ("utf-8-sig", "gb18030")
    return ("utf-8-sig",) if encoding is Encoding.UTF8 else ("gb18030",)


def guess_delimiter(text: str) -> Delimiter:
    """The one that most lines have, and have most often."""
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    counted = {one: sum(line.count(sign) for line in lines) for one, sign in _BETWEEN.items()}
    # A comma also stands inside figures: where two are equally frequent it is the other one.
    best = max(counted, key=lambda one: (counted[one], one is not Delimiter.COMMA))
    return best if counted[best] else Delimiter.COMMA


def _split(text: str, delimiter: Delimiter) -> Iterator[Line]:
    if delimiter is Delimiter.BLANKS:
        yield from (Line(n, line.split()) for n, line in enumerate(text.splitlines(), 1))
        return
    known = guess_delimiter(text) if delimiter is Delimiter.AUTO else delimiter
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_BETWEEN[known])
    number = 1
    try:
        for cells in reader:
            yield Line(number, cells)
            number = reader.line_num + 1
    except csv.Error as fault:
        raise refused("sheet_unreadable", _("Line %(n)s cannot be read as a table.", n=number)) from fault


def refused(code: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, code=code, fields={"file": [sentence]})
