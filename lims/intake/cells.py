"""Single cells of a pasted or uploaded sheet: shelf lives, quantities."""

import calendar
import re
from datetime import date, timedelta

from lims.core.cells import plain

SAME = frozenset(
    {"同上", "〃", "″", "〞", '"', "''", "”", "“", "same", "ditto", "same as above", "-〃-", "do."}
)
_LIFE = re.compile(r"(?P<n>\d{1,4})\s*(?P<unit>天|日|days?|d|个?月|months?|m|年|years?|y)", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def is_same(cell: str) -> bool:
    """Says the cell “same as above”?"""
    return plain(cell).casefold() in SAME or cell.strip() in SAME


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
