"""Single cells of a pasted or uploaded sheet: dates, shelf lives, quantities."""

import calendar
import re
import unicodedata
from datetime import date, timedelta

SAME = frozenset(
    {"同上", "〃", "″", "〞", '"', "''", "”", "“", "same", "ditto", "same as above", "-〃-", "do."}
)
_DATE = re.compile(
    r"(?P<y>\d{4})\s*(?:[-/.]\s*(?P<m1>\d{1,2})\s*[-/.]\s*(?P<d1>\d{1,2})|年\s*(?P<m2>\d{1,2})\s*月\s*(?P<d2>\d{1,2})\s*[日号]?"
    r"|(?P<m3>\d{2})(?P<d3>\d{2}))(?:[ T]+00:00(?::00(?:\.0+)?)?)?"
)
_LIFE = re.compile(r"(?P<n>\d{1,4})\s*(?P<unit>天|日|days?|d|个?月|months?|m|年|years?|y)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def plain(cell: str) -> str:
    """Width folded, blanks folded to one, outer blanks gone."""
    return " ".join(unicodedata.normalize("NFKC", cell).split())


def is_same(cell: str) -> bool:
    """Says the cell “same as above”?"""
    return plain(cell).casefold() in SAME or cell.strip() in SAME


def read_date(cell: str) -> date | None:
    """2026-11-22, 2026/11/22, 2026.11.22, 2026年11月22日, 20261122; None where it is no such date."""
    found = _DATE.fullmatch(plain(cell))
    if found is None:
        return None
    month = found["m1"] or found["m2"] or found["m3"]
    day = found["d1"] or found["d2"] or found["d3"]
    try:
        return date(int(found["y"]), int(month), int(day))
    except ValueError:
        return None


def read_shelf_life(cell: str, produced_on: date) -> date | None:
    """``180天``, ``6个月``, ``1 year`` after production; None where it is no shelf life."""
    found = _LIFE.fullmatch(plain(cell))
    if found is None:
        return None
    count, unit = int(found["n"]), found["unit"].casefold()
    try:
        if unit in {"天", "日", "d", "day", "days"}:
            return produced_on + timedelta(days=count)
        months = count * 12 if unit[0] in "年y" else count
        place = produced_on.month - 1 + months
        year, month = produced_on.year + place // 12, place % 12 + 1
        return date(year, month, min(produced_on.day, calendar.monthrange(year, month)[1]))
    except (ValueError, OverflowError):
        return None


def quantity_is_possible(cell: str) -> bool:
    """A quantity is free text, but what starts with a number must be more than nothing."""
    found = _NUMBER.match(plain(cell))
    return found is None or float(found[0]) > 0
