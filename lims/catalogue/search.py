"""Find test items and classes by what people type: code, Chinese or English name."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.models import Category, TestItem
from lims.core.search import normalised

# What differs between two people writing the same item: brackets' content, blanks, dashes, dots.
_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_NOISE = re.compile(r"[\s\-_·.,;:/]+")


@dataclass(frozen=True, slots=True)
class Named:
    """One thing with the ways to write it, folded."""

    id: int
    exact: frozenset[str]
    loose: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """``id`` when exactly one fits; otherwise None and ``candidates`` (ids, best first, at most ten)."""

    id: int | None
    candidates: tuple[int, ...] = ()


def search_items(session: Session, text: str, *, limit: int = 20) -> list[TestItem]:
    """Offered test items that ``text`` may mean, best first; all of them, by code, for an empty text."""
    rows = list(session.scalars(select(TestItem).where(TestItem.active).order_by(TestItem.code)))
    if not text.strip():
        return rows[:limit]
    by_id = {row.id: row for row in rows}
    return [by_id[ident] for ident in _ranked([_item_names(row) for row in rows], text)[:limit]]


def search_categories(session: Session, text: str, *, limit: int = 20) -> list[Category]:
    """Product classes that ``text`` may mean, best first; all of them, by code, for an empty text."""
    rows = list(session.scalars(select(Category).order_by(Category.code)))
    if not text.strip():
        return rows[:limit]
    by_id = {row.id: row for row in rows}
    exact = [(row.id, _written(row.code, row.name_zh, row.name_en)) for row in rows]
    named = [Named(ident, names, frozenset(map(_loosened, names))) for ident, names in exact]
    return [by_id[ident] for ident in _ranked(named, text)[:limit]]


def find_items(session: Session, texts: Iterable[str]) -> dict[str, Found]:
    """What each pasted text means among the offered items; one query for all."""
    rows = session.scalars(select(TestItem).where(TestItem.active).order_by(TestItem.code))
    return _find_all([_item_names(row) for row in rows], texts)


def find_categories(session: Session, texts: Iterable[str]) -> dict[str, Found]:
    """What each pasted text means among the product classes; the deepest class of a name wins."""
    rows = list(session.scalars(select(Category).order_by(Category.level.desc(), Category.code)))
    seen: set[str] = set()
    named = []
    for row in rows:
        exact = _written(row.code, row.name_zh, row.name_en) - seen
        seen |= exact
        named.append(Named(row.id, exact, frozenset(map(_loosened, exact))))
    return _find_all(named, texts)


def _item_names(row: TestItem) -> Named:
    exact = _written(row.code, row.name_zh, row.name_en)
    return Named(row.id, exact, frozenset(map(_loosened, exact)))


def _written(*names: str) -> frozenset[str]:
    return frozenset(normalised(name) for name in names)


def _loosened(folded: str) -> str:
    return _NOISE.sub("", _BRACKETS.sub("", folded)) or folded


def _find_all(named: Sequence[Named], texts: Iterable[str]) -> dict[str, Found]:
    return {text: _find(named, text) for text in set(texts)}


def _find(named: Sequence[Named], text: str) -> Found:
    folded = normalised(text)
    if not folded:
        return Found(None)
    for fits in (
        [n.id for n in named if folded in n.exact],
        [n.id for n in named if _loosened(folded) in n.loose],
    ):
        if len(fits) == 1:
            return Found(fits[0], (fits[0],))
        if fits:
            return Found(None, tuple(fits[:10]))
    # A part of a name is a suggestion, never a decision: "lead" must not order "lead migration".
    return Found(None, tuple(_ranked(named, text)[:10]))


def _ranked(named: Sequence[Named], text: str) -> list[int]:
    """Ids whose names hold the text: the same, begins with it, contains it; shorter names first."""
    folded, loose = normalised(text), _loosened(normalised(text))
    scored: list[tuple[int, int, int]] = []
    for order, one in enumerate(named):
        ranks = [_rank(name, folded) for name in one.exact] + [_rank(name, loose) for name in one.loose]
        best = min(ranks)
        if best < 3:
            scored.append((best, order, one.id))
    return [ident for _best, _order, ident in sorted(scored)]


def _rank(name: str, wanted: str) -> int:
    return 0 if name == wanted else 1 if name.startswith(wanted) else 2 if wanted in name else 3
