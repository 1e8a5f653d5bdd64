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

    @classmethod
    def read(cls, session: Session) -> "Wordbook":
        book = cls()
        for target, model in ((book.items, TestItem), (book.packages, Package)):
            rows = session.execute(
                select(model.id, model.code, model.name_zh, model.name_en).where(model.active.is_(True))
            )
            _fill(target, rows, book.shown)
        _fill(
            book.categories,
            session.execute(select(Category.id, Category.code, Category.name_zh, Category.name_en)),
            book.shown,
        )
        return book

    def wish(self, cell: str) -> Wish:
        """Items and packages of one cell: the whole cell is tried first, then its parts."""
        whole = self._one(cell)
        if whole is not None:
            return whole
        items: list[int] = []
        packages: list[int] = []
        faults: list[tuple[str, str]] = []
        for part in filter(None, (p.strip() for p in BETWEEN.split(cell))):
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
        return None

    def _unknown(self, text: str) -> tuple[str, str]:
        near = difflib.get_close_matches(key(text)[:60], [*self.items, *self.packages], n=1, cutoff=0.5)
        if near:
            return "unknown_item", _(
                "Unknown test item “%(word)s”; do you mean “%(near)s”?",
                word=text[:60],
                near=self.shown.get(near[0], near[0]),
            )
        return "unknown_item", _("Unknown test item “%(word)s”.", word=text[:60])


def _fill(target: dict[str, set[int]], rows: object, shown: dict[str, str]) -> None:
    for number, *names in _rows(rows):
        for name in filter(None, names):
            target.setdefault(key(name), set()).add(number)
            shown.setdefault(key(name), name)


def _rows(rows: object) -> Iterator[tuple[int, str, str, str]]:
    yield from rows  # type: ignore[misc]
