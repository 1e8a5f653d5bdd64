"""Reads one uploaded spreadsheet in a process of its own: bytes on standard input, JSON on standard output.

Started by ``lims.core.sheets`` as a script, never imported: a hostile file (a 127 kB bomb held four
million cells) costs at most the limits set here before its first byte is read.
"""

import contextlib
import io
import json
import resource
import sys
import zipfile

MEMORY = 300 * 1024 * 1024
SECONDS = 10
MAX_MEMBERS = 2_000
MAX_UNPACKED = 60 * 1024 * 1024
MAX_ROWS, MAX_CELLS = 2_000, 60
# Of a whole workbook (``book``): for the exchange of catalogues, where rows are short.
BOOK_SHEETS, BOOK_ROWS = 20, 20_000


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def refusal(content: bytes) -> str | None:
    """A code why this is no workbook that we read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS or sum(m.file_size for m in members) > MAX_UNPACKED:
                return "sheet_too_big"
            if any(m.flag_bits & 1 for m in members):
                return "sheet_encrypted"
            names = {m.filename.lower() for m in members}
            if any(n.endswith("vbaproject.bin") or "macrosheets/" in n for n in names):
                return "sheet_macros"
            if "[content_types].xml" not in names or not any(n.startswith("xl/workbook") for n in names):
                return "sheet_unknown"
            kinds = archive.read(next(m for m in members if m.filename.lower() == "[content_types].xml"))
            return "sheet_macros" if b"macroEnabled" in kinds else None
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError):
        return "sheet_unreadable"


def text_of(value: object) -> str:
    """A cell as a person reads it: no ``.0`` behind whole numbers, dates as 2026-11-22."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    spell = getattr(value, "isoformat", None)
    if spell is not None:
        return str(spell()).replace("T00:00:00", "")
    return str(value)


def read(content: bytes) -> dict[str, object]:
    code = refusal(content)
    if code is not None:
        return {"code": code}
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheet = book.get_sheet_by_index(0)
        if sheet.height > MAX_ROWS:
            return {"code": "sheet_too_long"}
        rows = [[text_of(cell) for cell in row] for row in sheet.to_python(skip_empty_area=True)]
    except (CalamineError, IndexError, ValueError, OSError):
        return {"code": "sheet_unreadable"}
    filled = [row[: MAX_CELLS + 1] for row in rows if any(cell.strip() for cell in row)]
    return {"rows": [_trimmed(row) for row in filled]}


def read_book(content: bytes) -> dict[str, object]:
    """Every sheet by name, empty rows too: the place of a row is its number."""
    code = refusal(content)
    if code is not None:
        return {"code": code}
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        if len(book.sheet_names) > BOOK_SHEETS:
            return {"code": "sheet_too_big"}
        sheets: dict[str, list[list[str]]] = {}
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if sheet.height > BOOK_ROWS or sheet.width > MAX_CELLS:
                return {"code": "sheet_too_long"}
            rows = sheet.to_python(skip_empty_area=False)
            sheets[name] = [_trimmed([text_of(cell) for cell in row]) for row in rows]
    except (CalamineError, IndexError, ValueError, OSError):
        return {"code": "sheet_unreadable"}
    return {"sheets": sheets}


def _trimmed(row: list[str]) -> list[str]:
    while row and not row[-1].strip():
        row.pop()
    return row


def main() -> None:
    limit()
    try:
        content = sys.stdin.buffer.read()
        answer = read_book(content) if sys.argv[1:] == ["book"] else read(content)
    except MemoryError:
        answer = {"code": "sheet_too_big"}
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
