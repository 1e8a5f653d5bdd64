"""Numbers of standards as people write them: ``GB/T 5009.3—2016``, ``gb5009.3-2016``."""

import re
from dataclasses import dataclass

from lims.core.cells import plain

LONGEST = 70  # the column holds 80, and a year of two digits grows
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−－", "-"))
# Letters with their parts (GB/T, DB53/T, ISO/IEC), the number with its parts (5009.3, 60335-1), the year.
_CODE = re.compile(
    r"(?P<body>(?:DBS?\d{2,4}|[A-Z]{1,6})(?:/[A-Z]{1,6})*) ?(?P<number>[A-Z]?\d[\dA-Z.]*(?:-\d{1,3})*?)"
    r"(?:[-:](?P<year>(?:19|20)\d{2}|[5-9]\d))?"
)


@dataclass(frozen=True, slots=True)
class Code:
    """``family``: the number without its year; ``year`` None: undated. ``text``: as the catalogue writes it."""

    family: str
    year: int | None

    @property
    def text(self) -> str:
        return self.family if self.year is None else f"{self.family}-{self.year}"

    @property
    def lacks_year(self) -> bool:
        """National standards are numbered with their year (GB/T 1.1)."""
        return self.year is None and self.family.split(" ")[0].split("/")[0] == "GB"


def read_code(text: str) -> Code | None:
    """None where it is no number of a standard. Years of two digits are those of the last century.

    What follows no pattern (农业部1025号公告-23-2008, BJS 201710) is its own family without a year.
    """
    written = plain(text).upper().translate(_DASHES).replace(" -", "-").replace("- ", "-")
    # Capitals may be longer than what was typed (ß): measured after.
    if len(written) > LONGEST or not any(c.isdigit() for c in written):
        return None
    found = _CODE.fullmatch(written)
    if found is None:
        return Code(written, None)
    year = int(found["year"]) if found["year"] else None
    if year is not None and year < 100:
        year += 1900
    return Code(f"{found['body']} {found['number']}", year)
