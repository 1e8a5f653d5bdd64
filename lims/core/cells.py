"""Single cells of a sheet or a paste that every room reads alike."""

import re
import unicodedata
from datetime import date

_DATE = re.compile(
    r"(?P<y>\d{4})\s*(?:[-/.]\s*(?P<m1>\d{1,2})\s*[-/.]\s*(?P<d1>\d{1,2})|年\s*(?P<m2>\d{1,2})\s*月\s*(?P<d2>\d{1,2})\s*[日号]?"
    r"|(?P<m3>\d{2})(?P<d3>\d{2}))(?:[ T]+00:00(?::00(?:\.0+)?)?)?"
)


def plain(cell: str) -> str:
    """Width folded, blanks folded to one, outer blanks gone."""
    return " ".join(unicodedata.normalize("NFKC", cell).split())


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
