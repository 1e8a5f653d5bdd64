"""Uploaded spreadsheets (XLSX, CSV) as rows of text. Workbooks are read by a limited child process."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from flask_babel import gettext as _

from lims.core.errors import InvalidInput

MAX_BYTES = 5 * 1024 * 1024
TIMEOUT_S = 10
CHILD = Path(__file__).with_name("sheet_child.py")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_sheet(content: bytes) -> list[list[str]]:
    """Rows of the first sheet, values only. Raises InvalidInput (field ``file``) for what we do not read."""
    if not content:
        raise refused("sheet_empty")
    if len(content) > MAX_BYTES:
        raise refused("sheet_too_big")
    if content.startswith(OLE):  # an encrypted workbook is an OLE file, and so is the old .xls
        raise refused("sheet_encrypted")
    if content.startswith(b"PK"):
        return [[str(cell) for cell in row] for row in _child(content)["rows"]]
    return _text(content)


def read_book(content: bytes) -> dict[str, list[list[str]]]:
    """Every sheet of a workbook by its name, empty rows too, values only. Raises InvalidInput as ``read_sheet``."""
    if len(content) > MAX_BYTES:
        raise refused("sheet_too_big")
    if content.startswith(OLE):
        raise refused("sheet_encrypted")
    if not content.startswith(b"PK"):
        raise refused("sheet_unknown")
    sheets = _child(content, "book")["sheets"]
    return {str(name): [[str(cell) for cell in row] for row in rows] for name, rows in sheets.items()}


def refused(code: str) -> InvalidInput:
    sentences = {
        "sheet_empty": _("The file is empty."),
        "sheet_too_big": _("The file is too big, or becomes too big when it is unpacked."),
        "sheet_too_long": _("The sheet has too many rows."),
        "sheet_encrypted": _("Files with a password and the old .xls are not read; save as .xlsx or CSV."),
        "sheet_macros": _("Files with macros are not read; save as .xlsx."),
        "sheet_unknown": _("This is not an Excel workbook (.xlsx) or a CSV file."),
        "sheet_unreadable": _("This file cannot be read; it may be damaged."),
        "sheet_too_slow": _("Reading this file took too long."),
    }
    return InvalidInput(sentences[code], code=code, fields={"file": [sentences[code]]})


def _child(content: bytes, *mode: str) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603 - our own script; the file goes in by a pipe
            [sys.executable, "-I", str(CHILD), *mode],
            input=content,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as exc:
        raise refused("sheet_too_slow") from exc
    try:
        answer = json.loads(done.stdout)
    except ValueError as exc:  # killed by a limit: the memory or the time it asked for
        raise refused("sheet_too_big") from exc
    if "code" in answer:
        raise refused(str(answer["code"]))
    return dict(answer)


def _text(content: bytes) -> list[list[str]]:
    """CSV: UTF-8, or GB 18030 as Excel writes it in China."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return split_text(text)
    raise refused("sheet_unknown")


def as_text(rows: list[list[str]]) -> str:
    """Rows as the tab-separated text that the paste box holds."""
    out = io.StringIO()
    csv.writer(out, delimiter="\t", lineterminator="\n").writerows(rows)
    return out.getvalue()


def split_text(text: str) -> list[list[str]]:
    """Lines and cells: by tab where there is one, else by comma (also 逗号) or semicolon; quotes as in CSV.

    Raises InvalidInput (field ``text``) for what is no table.
    """
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    first = next((line for line in text.split("\n") if line.strip()), "")
    between = "\t" if "\t" in text else next((c for c in ",，;；" if c in first), "\t")
    try:
        return [
            row for row in csv.reader(io.StringIO(text), delimiter=between) if any(c.strip() for c in row)
        ]
    except csv.Error as exc:
        sentence = _("This text cannot be read as a table.")
        raise InvalidInput(sentence, code="unreadable_text", fields={"text": [sentence]}) from exc
