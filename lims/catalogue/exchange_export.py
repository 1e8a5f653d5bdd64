"""The whole catalogue as rows of a file: in an order that does not depend on when a row was added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from lims.catalogue.budget_text import BudgetText
from lims.catalogue.exchange_budgets import standing_budgets
from lims.catalogue.exchange_rows import (
    CategoryRow,
    Document,
    ItemRow,
    LimitRow,
    MethodRow,
    Noun,
    PackageRow,
    Place,
    Placed,
    Row,
    StandardRow,
)
from lims.catalogue.method_text import VersionText, text_of
from lims.catalogue.models import (
    Category,
    Limit,
    LimitMember,
    Method,
    MethodVersion,
    Package,
    StandardEdition,
    TestItem,
)
from lims.people.models import Section

Key = tuple[str, ...]
_LIMITS = select(Limit).options(selectinload(Limit.members).lazyload(LimitMember.item))


@dataclass(frozen=True, slots=True)
class Standing:
    """What the catalogue says now. ``drafts``, ``budget_drafts``: open drafts by method, and by budget.
    ``numbers``: number of each row."""

    rows: Mapping[Noun, Sequence[Row]]
    drafts: Mapping[Key, VersionText]
    budget_drafts: Mapping[Key, BudgetText]
    sections: Mapping[str, int]
    numbers: Mapping[Noun, Mapping[Key, int]]

    def document(self) -> Document:
        placed = {
            noun: [Placed(Place(noun.value, n), row) for n, row in enumerate(rows, start=1)]
            for noun, rows in self.rows.items()
        }
        return Document(placed)


def standing(session: Session) -> Standing:
    """A fixed number of queries, however much there is."""
    sections = {row.code: row.id for row in session.execute(select(Section.code, Section.id))}
    section_of = {ident: code for code, ident in sections.items()}
    categories = list(session.scalars(select(Category).order_by(Category.level, Category.code)))
    standards = list(session.scalars(select(StandardEdition).order_by(StandardEdition.code)))
    items = list(session.scalars(select(TestItem).order_by(TestItem.code)))
    category_of = {row.id: row.code for row in categories}
    standard_of = {row.id: row.code for row in standards}
    item_of = {row.id: row.code for row in items}
    methods, drafts = _methods(session)
    budgets, budget_drafts = standing_budgets(session, {ident: row.key for row, ident in methods})
    found: dict[Noun, list[tuple[Row, int]]] = {
        Noun.CATEGORIES: [
            (CategoryRow(r.code, r.name_zh, r.name_en, category_of.get(r.parent_id or 0)), r.id)
            for r in categories
        ],
        Noun.STANDARDS: [(_standard(r, standard_of), r.id) for r in standards],
        Noun.ITEMS: [(_item(r, section_of), r.id) for r in items],
        Noun.METHODS: methods,
        Noun.BUDGETS: list(budgets),
        Noun.LIMITS: [(_limit(r, item_of, category_of), r.id) for r in session.scalars(_LIMITS).unique()],
        Noun.PACKAGES: [(_package(r, item_of, category_of), r.id) for r in session.scalars(select(Package))],
    }
    for noun in (Noun.METHODS, Noun.BUDGETS, Noun.LIMITS, Noun.PACKAGES):
        found[noun].sort(key=lambda pair: pair[0].key)
    return Standing(
        {noun: [row for row, _ident in pairs] for noun, pairs in found.items()},
        drafts,
        budget_drafts,
        sections,
        {noun: {row.key: ident for row, ident in pairs} for noun, pairs in found.items()},
    )


def _standard(row: StandardEdition, standard_of: Mapping[int, str]) -> StandardRow:
    return StandardRow(
        row.code,
        row.title_zh,
        row.title_en,
        row.in_force_from,
        row.withdrawn_from,
        standard_of.get(row.replaced_by_id or 0),
        row.transition_until,
    )


def _item(row: TestItem, section_of: Mapping[int, str]) -> ItemRow:
    said = {name: getattr(row, name) for name in ItemRow.__slots__ if name != "section"}
    return ItemRow(section=section_of[row.section_id], **said)


def _methods(session: Session) -> tuple[list[tuple[Row, int]], dict[Key, VersionText]]:
    """Each method with its text in use, else its newest; and the open drafts."""
    rows = session.scalars(
        select(MethodVersion).options(selectinload(MethodVersion.cases)).order_by(MethodVersion.number)
    )
    used: dict[int, MethodVersion] = {}
    newest: dict[int, MethodVersion] = {}
    for version in rows.unique():
        newest[version.method_id] = version
        if version.released_at is not None and version.retired_at is None:
            used[version.method_id] = version
    found: list[tuple[Row, int]] = []
    drafts: dict[Key, VersionText] = {}
    for method in session.scalars(select(Method)).unique():
        says = used.get(method.id) or newest.get(method.id)
        text = text_of(says) if says is not None else None
        row = MethodRow(method.test_item.code, method.standard.code, method.clause, method.preferred, text)
        found.append((row, method.id))
        last = newest.get(method.id)
        if last is not None and last.released_at is None:
            drafts[row.key] = text_of(last)
    return found, drafts


def _limit(row: Limit, item_of: Mapping[int, str], category_of: Mapping[int, str]) -> LimitRow:
    named = {"item", "category", "standard", "members"}
    said = {name: getattr(row, name) for name in LimitRow.__slots__ if name not in named}
    said["category"] = category_of[row.category_id] if row.category_id is not None else None
    said["members"] = tuple(item_of[one.test_item_id] for one in row.members)
    return LimitRow(item=item_of[row.test_item_id], standard=row.standard.code, **said)


def _package(row: Package, item_of: Mapping[int, str], category_of: Mapping[int, str]) -> PackageRow:
    category = category_of[row.category_id] if row.category_id is not None else None
    codes = tuple(item_of[one.test_item_id] for one in row.items)
    return PackageRow(row.code, row.name_zh, row.name_en, codes, category, row.active)
