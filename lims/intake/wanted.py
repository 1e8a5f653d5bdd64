"""Finding test items and packages by what people write: code, Chinese or English name."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.models import Category, Package, TestItem
from lims.core.search import normalised

MOST_PARTS = 200  # of one cell
MOST_SUGGESTIONS = 40  # for one sheet
_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]")
BETWEEN = re.compile(r"[、;；|\n]|[,，+](?!\d)")


def key(text: str) -> str:
    return normalised(text).replace(" ", "")


@dataclass(frozen=True, slots=True)
class Wish:
    """What one cell asks for; ``faults``: (code, sentence)."""

    items: tuple[int, ...] = ()
    packages: tuple[int, ...] = ()
    faults: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Wordbook:
    """Words of what is offered -> numbers. A word with several meanings holds all of them."""

    items: dict[str, set[int]] = field(default_factory=dict)
    packages: dict[str, set[int]] = field(default_factory=dict)
    categories: dict[str, set[int]] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    # Names without what stands in brackets: "铝的残留量(干样品,以Al计)" is also written "铝的残留量".
    _short: dict[str, Wish] = field(default_factory=dict)
    # Words that mean nothing -> what is near; looking for it is dear, and a sheet repeats its mistakes.
    _near: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, session: Session) -> "Wordbook":
        book = cls()
        for target, model in ((book.items, TestItem), (book.packages, Package)):
            rows = session.execute(
                select(model.id, model.code, model.name_zh, model.name_en).where(model.active.is_(True))
            )
            _fill(target, rows, book.shown)
        book._shorten()
        _fill(
            book.categories,
            session.execute(select(Category.id, Category.code, Category.name_zh, Category.name_en)),
            book.shown,
        )
        return book

    def _shorten(self) -> None:
        meanings: dict[str, set[tuple[str, int]]] = {}
        for kind, words in (("i", self.items), ("p", self.packages)):
            for word, numbers in words.items():
                short = _BRACKETS.sub("", word)
                if short and short != word:
                    meanings.setdefault(short, set()).update((kind, number) for number in numbers)
        for short, found in meanings.items():
            if len(found) == 1 and short not in self.items and short not in self.packages:
                kind, number = next(iter(found))
                self._short[short] = Wish(items=(number,)) if kind == "i" else Wish(packages=(number,))

    def wish(self, cell: str) -> Wish:
        """Items and packages of one cell: the whole cell is tried first, then its parts."""
        whole = self._one(cell)
        if whole is not None:
            return whole
        items: list[int] = []
        packages: list[int] = []
        faults: list[tuple[str, str]] = []
        parts = [part for part in (p.strip() for p in BETWEEN.split(cell, MOST_PARTS)) if part]
        if len(parts) > MOST_PARTS:
            return Wish(faults=(("too_many_tests", _("Too many test items in one cell.")),))
        for part in parts:
            found = self._one(part) or Wish(faults=(self._unknown(part),))
            items.extend(found.items)
            packages.extend(found.packages)
            faults.extend(found.faults)
        return Wish(tuple(dict.fromkeys(items)), tuple(dict.fromkeys(packages)), tuple(faults))

    def category(self, cell: str) -> int | None:
        """The category of this code or name; None where there is none or more than one."""
        found = self.categories.get(key(cell), set())
        return next(iter(found)) if len(found) == 1 else None

    def _one(self, text: str) -> Wish | None:
        word = key(text)
        items, packages = self.items.get(word, set()), self.packages.get(word, set())
        if len(items) == 1:
            return Wish(items=tuple(items))
        if len(packages) == 1 and not items:
            return Wish(packages=tuple(packages))
        if items or packages:
            return Wish(
                faults=(
                    (
                        "ambiguous_item",
                        _("“%(word)s” means several test items; write its code.", word=text[:60]),
                    ),
                )
            )
        return self._short.get(word)

    def _unknown(self, text: str) -> tuple[str, str]:
        near = self._nearest(key(text)[:60])
        if near:
            return "unknown_item", _(
                "Unknown test item “%(word)s”; do you mean “%(near)s”?",
                word=text[:60],
                near=self.shown.get(near, near),
            )
        return "unknown_item", _("Unknown test item “%(word)s”.", word=text[:60])

    def _nearest(self, word: str) -> str:
        if word not in self._near:
            if len(self._near) >= MOST_SUGGESTIONS:
                return ""
            near = difflib.get_close_matches(word, [*self.items, *self.packages], n=1, cutoff=0.5)
            self._near[word] = near[0] if near else ""
        return self._near[word]


def _fill(target: dict[str, set[int]], rows: object, shown: dict[str, str]) -> None:
    for number, *names in _rows(rows):
        for name in filter(None, names):
            target.setdefault(key(name), set()).add(number)
            shown.setdefault(key(name), name)


def _rows(rows: object) -> Iterator[tuple[int, str, str, str]]:
    yield from rows  # type: ignore[misc]
