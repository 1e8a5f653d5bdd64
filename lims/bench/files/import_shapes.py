"""What an import is made of: a file, its lines with the figures they state, and what would become of each."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lims.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class ImportFile:
    """``name`` empty: pasted text, as UTF-8."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a figure or a row is refused. ``code`` is stable, for programs."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of one line. ``label``: what the file calls it, unique in its line.

    ``item``: code of its test item, None: whatever the worksheet measures. ``input``: of the method, empty
    where only one can be meant. ``unit``: of the figure, empty where nothing states it, None: that of the
    method. ``replicate`` None: the next one that the file has not filled.
    """

    label: str
    text: str
    item: str | None = None
    input: str = ""
    replicate: int | None = 1
    unit: str | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class FileLine:
    """``number``: in the file, from 1. ``sample``: its number, as the file has it. ``at``: when it was measured,
    as the instrument says. ``unused``: names of figures that the mapping does not know."""

    number: int
    cells: Sequence[str]
    sample: str
    figures: Sequence[Figure]
    faults: Sequence[Fault] = ()
    at: str = ""
    unused: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class FileReading:
    """``columns``: what each column is taken for, empty where it is not used."""

    heading: Sequence[str]
    columns: Sequence[str]
    lines: Sequence[FileLine]

    @property
    def unused(self) -> list[str]:
        """Names of figures in the lines that the mapping does not know, each once."""
        return list(dict.fromkeys(name for line in self.lines for name in line.unused))


class Fate(StrEnum):
    """What becomes of a figure."""

    FILLS = "fills"
    STANDS = "stands"  # taken from this file before
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """``place``: worksheet, item and input in words; ``text``: as it will stand in the cell, in its unit;
    ``replaces``: what stood there before."""

    label: str
    fate: Fate
    test_id: int | None = None
    worksheet_id: int | None = None
    key: str = ""
    place: str = ""
    text: str = ""
    unit: str = ""
    replaces: str = ""
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class ImportRow:
    """``faults``: of the row and of its figures, as sentences."""

    number: int
    cells: Sequence[str]
    sample: str
    outcomes: Sequence[CellOutcome]
    row_faults: Sequence[Fault] = ()

    @property
    def reasons(self) -> list[Fault]:
        return [*self.row_faults, *(o.fault for o in self.outcomes if o.fault is not None)]

    @property
    def faults(self) -> list[str]:
        return [fault.sentence for fault in self.reasons]

    @property
    def codes(self) -> list[str]:
        return [fault.code for fault in self.reasons]

    @property
    def replaces(self) -> list[str]:
        return [o.replaces for o in self.outcomes if o.replaces]

    @property
    def test_id(self) -> int | None:
        return next((o.test_id for o in self.outcomes if o.test_id is not None), None)

    @property
    def fills(self) -> bool:
        return any(o.fate is Fate.FILLS for o in self.outcomes)

    @property
    def stands(self) -> bool:
        return bool(self.outcomes) and all(o.fate is Fate.STANDS for o in self.outcomes)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do. ``columns``: what each column is taken for (``sample``, key of a cell, item),
    empty where it is not used."""

    file: ImportFile
    heading: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[ImportRow]
    unused: Sequence[str] = ()

    @property
    def faulty(self) -> list[ImportRow]:
        return [row for row in self.rows if row.reasons]

    @property
    def good(self) -> list[ImportRow]:
        """Rows of which something will be filled."""
        return [row for row in self.rows if row.fills]

    @property
    def standing(self) -> list[ImportRow]:
        return [row for row in self.rows if row.stands]

    @property
    def ignored(self) -> list[str]:
        columns = [h for h, c in zip(self.heading, self.columns, strict=False) if not c and h.strip()]
        return [*columns, *self.unused]

    @property
    def count(self) -> int:
        """Figures that will be filled."""
        return sum(o.fate is Fate.FILLS for row in self.rows for o in row.outcomes)


def refused(code: str, sentence: str) -> InvalidInput:
    """The whole file cannot be read."""
    return InvalidInput(sentence, code=code, fields={"file": [sentence]})


def joined(words: Iterable[str], most: int = 12) -> str:
    """A list of names in a sentence, cut where it would fill the page."""
    shown = list(words)
    more = f" … (+{len(shown) - most})" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
