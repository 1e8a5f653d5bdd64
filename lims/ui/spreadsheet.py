"""Tables as files: CSV and XLSX that no spreadsheet program takes for formulas."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from urllib.parse import quote

from flask import stream_with_context
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from werkzeug.wrappers import Response

from lims.core.clock import LAB_ZONE
from lims.ui.labels import label

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# A cell that starts so is run as a formula by Excel, WPS and LibreOffice (CWE-1236).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def download(kind: str, title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """``kind`` csv or xlsx. Cells: str, Decimal, int, bool, date, aware datetime, Enum, None."""
    if kind == "csv":
        # Rows are read and put into words while the file is sent: the request must live so long.
        response = Response(stream_with_context(_csv(heads, rows)), content_type="text/csv; charset=utf-8")
    else:
        response = Response(_xlsx(title, heads, rows), content_type=XLSX)
    name = quote(f"{title}.{kind}", safe="")
    response.headers["Content-Disposition"] = f"attachment; filename=list.{kind}; filename*=UTF-8''{name}"
    return response


def harmless(text: str) -> str:
    """``text`` so that it is shown, never run; control characters that XML forbids are left out."""
    text = "".join(c for c in text if c in "\t\n\r" or ord(c) >= 32)
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def _csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield "\ufeff"  # without it Excel takes Chinese for Latin
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([harmless(head) for head in heads])
    for row in rows:
        writer.writerow([_as_text(cell) for cell in row])
        if buffer.tell() > 60_000:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _as_text(cell: object) -> str:
    if isinstance(cell, Decimal):
        return format(cell, "f")
    if isinstance(cell, datetime):
        return cell.astimezone(LAB_ZONE).strftime("%Y-%m-%d %H:%M:%S")
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, int | date):
        return str(cell)
    return harmless(str(label(cell)) if isinstance(cell, Enum) else str(cell))


def _xlsx(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(
        "".join(c for c in title if c.isprintable() and c not in "[]:*?/\\")[:31] or "list"
    )
    sheet.freeze_panes = "A2"
    cells = []
    for head in heads:
        cell = WriteOnlyCell(sheet, harmless(head))
        cell.font = Font(bold=True)
        cells.append(cell)
    sheet.append(cells)
    for row in rows:
        sheet.append([_typed(sheet, cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _typed(sheet: object, value: object) -> object:
    if value is None:
        return None
    if isinstance(value, Decimal) and value.is_finite():
        cell = WriteOnlyCell(sheet, value)
        places = -int(value.as_tuple().exponent)
        cell.number_format = f"0.{'0' * places}" if places > 0 else "0"  # trailing zeros are a statement
        return cell
    if isinstance(value, datetime):
        cell = WriteOnlyCell(sheet, value.astimezone(LAB_ZONE).replace(tzinfo=None))
        cell.number_format = "yyyy-mm-dd hh:mm"
        return cell
    if isinstance(value, date):
        cell = WriteOnlyCell(sheet, value)
        cell.number_format = "yyyy-mm-dd"
        return cell
    if isinstance(value, bool | int) and not isinstance(value, Enum):
        return WriteOnlyCell(sheet, value)
    return WriteOnlyCell(sheet, harmless(str(label(value)) if isinstance(value, Enum) else str(value)))
