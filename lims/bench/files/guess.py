"""A first mapping for a file that nobody has described yet: a proposal, to be looked at."""

from collections import Counter
from collections.abc import Sequence

from lims.bench.files.layout import FileLayout
from lims.bench.files.table import Line
from lims.bench.sheet_lines import SAMPLE_WORDS
from lims.core.search import normalised


def guess_layout(lines: Sequence[Line]) -> FileLayout:
    """Headings are the first line as wide as most; the sample stands where a heading says so, else first."""
    widths = Counter(width for line in lines if (width := _filled(line)) > 1)
    if not widths:
        return FileLayout()
    usual = max(widths, key=lambda width: (widths[width], width))
    heading = next(line for line in lines if _filled(line) >= usual)
    named = (cell.strip() for cell in heading.cells if normalised(cell).rstrip(":*") in SAMPLE_WORDS)
    first = next((cell.strip() for cell in heading.cells if cell.strip()), "")
    return FileLayout(header_row=heading.number, sample_column=next(named, first)[:120])


def _filled(line: Line) -> int:
    return sum(1 for cell in line.cells if cell.strip())
