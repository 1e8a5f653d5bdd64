"""A list of standards against our editions: what is unchanged, replaced, withdrawn, new, unknown, not mentioned.

Nothing is asked of the database here: rows in, findings out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lims.catalogue.check_models import CheckOutcome, ListStatus
from lims.catalogue.currency_list import ListRow
from lims.catalogue.standard_codes import Code, read_code

GONE = frozenset({ListStatus.WITHDRAWN, ListStatus.REPLACED})


@dataclass(frozen=True, slots=True)
class Ours:
    """An edition of the library. ``successor``: code of what replaces it in the library."""

    id: int
    code: str
    in_force_from: date | None = None
    withdrawn_from: date | None = None
    successor: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """``ours`` None: the list's own. ``said`` None: the list does not mention it. ``successor``: of the list."""

    outcome: CheckOutcome
    ours: Ours | None
    said: ListRow | None
    successor_code: str = ""
    successor: ListRow | None = None


def compare(rows: Sequence[ListRow], library: Iterable[Ours], on: date) -> list[Found]:
    """What the list says about each edition of ours, ours first by code, then what we do not have.

    An edition that is withdrawn in the library ``on`` that day and not in the list is left out.
    """
    comparison = _Comparison(rows, on)
    ours = sorted(library, key=lambda one: one.code)
    found = [one for one in map(comparison.about, ours) if one is not None]
    known = {_key(one.code) for one in ours}
    taken = {one.successor.row for one in found if one.successor is not None}
    unknown = [
        Found(CheckOutcome.UNKNOWN, None, row)
        for row in rows
        if row.code.text not in known and row.row not in taken
    ]
    return [*found, *unknown]


class _Comparison:
    def __init__(self, rows: Sequence[ListRow], on: date) -> None:
        self.on = on
        self.by_code = {row.code.text: row for row in rows}
        self.replacing: dict[str, ListRow] = {row.replaces.text: row for row in rows if row.replaces}
        self.newest: Mapping[str, ListRow] = _newest(rows)

    def about(self, ours: Ours) -> Found | None:
        said = self.by_code.get(_key(ours.code))
        gone = ours.withdrawn_from is not None and ours.withdrawn_from <= self.on
        if gone and said is None:
            return None
        successor, code = self._successor(ours, said)
        return Found(self._outcome(ours, said, code), ours, said, code, successor)

    def _outcome(self, ours: Ours, said: ListRow | None, successor: str) -> CheckOutcome:
        ends = ours.withdrawn_from is not None
        if successor and not ends:
            return (
                CheckOutcome.REPLACED
                if said is not None and said.status in GONE
                else CheckOutcome.NEW_EDITION
            )
        if said is None:
            return CheckOutcome.NOT_MENTIONED
        if said.status in GONE and not ends:
            return CheckOutcome.WITHDRAWN
        return CheckOutcome.DIFFERENT if _differs(ours, said, self.on) else CheckOutcome.UNCHANGED

    def _successor(self, ours: Ours, said: ListRow | None) -> tuple[ListRow | None, str]:
        """What replaces ours in the list: as it names it, as the successor says, or a later year of the family."""
        if said is not None and said.replaced_by is not None:
            code = said.replaced_by.text
            return self.by_code.get(code), code
        own = read_code(ours.code)
        row = self.replacing.get(_key(ours.code))
        if row is None and own is not None:
            newest = self.newest.get(own.family)
            row = newest if newest is not None and _later(newest.code, own) else None
        return row, row.code.text if row is not None else ""


def _differs(ours: Ours, said: ListRow, on: date) -> bool:
    """The list contradicts the library in what both state."""
    in_force = said.status not in GONE
    ended = ours.withdrawn_from is not None and ours.withdrawn_from <= on
    if in_force and ended:
        return True
    first = said.in_force_from is not None and ours.in_force_from not in (None, said.in_force_from)
    last = said.withdrawn_from is not None and said.withdrawn_from != ours.withdrawn_from
    return first or last


def _newest(rows: Iterable[ListRow]) -> dict[str, ListRow]:
    """By family, the latest edition that is not gone."""
    found: dict[str, ListRow] = {}
    for row in rows:
        known = found.get(row.code.family)
        if row.status not in GONE and (known is None or _later(row.code, known.code)):
            found[row.code.family] = row
    return found


def _later(one: Code, other: Code) -> bool:
    return (one.year or 0) > (other.year or 0)


def _key(text: str) -> str:
    code = read_code(text)
    return code.text if code is not None else text
