"""Everything that belongs to one test item; and what the laboratory can measure today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.choose import MethodChoice, methods_for
from lims.catalogue.items import item, list_items
from lims.catalogue.limits import judges, limits_of_items
from lims.catalogue.methods import methods_of_item, versions_of
from lims.catalogue.models import (
    Category,
    Limit,
    Method,
    MethodVersion,
    Package,
    ResultKind,
    StandardEdition,
    TestItem,
)
from lims.catalogue.packages import packages_with
from lims.catalogue.standards import affected_by
from lims.core.paging import Page
from lims.metrology.errors import MetrologyError
from lims.metrology.formula_check import compile_formula
from lims.people.models import Section


@dataclass(frozen=True, slots=True)
class ClassLimits:
    """The limits of one product class (None: every product), newest first; ``now``: the one in force today."""

    category: Category | None
    now: Limit | None
    upcoming: list[Limit]
    over: list[Limit]


@dataclass(frozen=True, slots=True)
class ItemOverview:
    """``versions``: by method, newest first; ``used``: today's method, or why there is none.

    ``needed_by``: items whose formula in use names this one; ``needs``: items its own formulas name.
    """

    item: TestItem
    section: Section
    methods: list[Method]
    versions: dict[int, list[MethodVersion]]
    used: MethodChoice
    limits: list[ClassLimits]
    packages: list[Package]
    needed_by: list[TestItem]
    needs: list[TestItem]


def item_overview(session: Session, test_item_id: int, on: date) -> ItemOverview:
    """A fixed number of queries, however many methods, versions and limits there are."""
    row = item(session, test_item_id)
    methods = methods_of_item(session, test_item_id)
    needed_by, needs = formula_neighbours(session, row)
    return ItemOverview(
        item=row,
        section=session.get_one(Section, row.section_id),
        methods=methods,
        versions=versions_of(session, [one.id for one in methods]),
        used=methods_for(session, [test_item_id], on)[test_item_id],
        limits=class_limits(session, limits_of_items(session, [test_item_id]), on),
        packages=packages_with(session, test_item_id),
        needed_by=needed_by,
        needs=needs,
    )


def class_limits(session: Session, limits: Sequence[Limit], on: date) -> list[ClassLimits]:
    """``limits`` of one item by product class, every product first, then by the class's code."""
    ids = {one.category_id for one in limits if one.category_id is not None}
    found = (
        {row.id: row for row in session.scalars(select(Category).where(Category.id.in_(ids)))} if ids else {}
    )
    grouped: dict[int | None, list[Limit]] = {}
    for one in limits:
        grouped.setdefault(one.category_id, []).append(one)
    made = [_class(found.get(ident or 0), rows, on) for ident, rows in grouped.items()]
    return sorted(made, key=lambda one: one.category.code if one.category else "")


def _class(category: Category | None, rows: list[Limit], on: date) -> ClassLimits:
    now = next((row for row in rows if judges(row, on)), None)
    return ClassLimits(
        category,
        now,
        [row for row in rows if row.valid_from > on],
        [row for row in rows if row is not now and row.valid_from <= on],
    )


def formula_neighbours(session: Session, own: TestItem) -> tuple[list[TestItem], list[TestItem]]:
    """Items whose formula in use names ``own``, and items its own formulas in use name; one query."""
    rows = session.execute(
        select(TestItem, MethodVersion.formula)
        .join(Method, Method.test_item_id == TestItem.id)
        .join(MethodVersion, MethodVersion.method_id == Method.id)
        .where(
            MethodVersion.released_at.is_not(None),
            MethodVersion.retired_at.is_(None),
            MethodVersion.result_kind == ResultKind.NUMBER,
        )
        .order_by(TestItem.code)
    ).all()
    by_code = {row.code: row for row, _formula in rows}
    named = {(row.code, key) for row, formula in rows for key in _items_named(formula)}
    needed_by = [by_code[code] for code in by_code if (code, own.code) in named]
    needs = [by_code[key] for key in by_code if (own.code, key) in named]
    return needed_by, needs


def _items_named(formula: str) -> tuple[str, ...]:
    try:
        return compile_formula(formula).items
    except MetrologyError:
        return ()  # released before the language grew stricter: it still names nothing we can read


@dataclass(frozen=True, slots=True)
class Measurable:
    """One line of what we can measure: the method of today, or the reason why there is none."""

    item: TestItem
    choice: MethodChoice


def measurable_items(
    session: Session,
    *,
    on: date,
    words: str = "",
    section_id: int | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Measurable]:
    """Offered items by code with the method that measures them ``on`` that day; a fixed number of queries."""
    page = list_items(session, words=words, section_id=section_id, cursor=cursor, size=size)
    chosen = methods_for(session, [row.id for row in page.rows], on)
    return Page([Measurable(row, chosen[row.id]) for row in page.rows], page.after, page.before)


@dataclass(frozen=True, slots=True)
class Resting:
    """What rests on a standard: methods, limits with their items, and the items whose only way it is."""

    methods: list[Method]
    limits: list[tuple[Limit, TestItem]]
    left_without: list[TestItem]


def resting_on(session: Session, standard: StandardEdition, on: date) -> Resting:
    """``left_without``: offered items that have no method in force ``on`` that day besides this standard's."""
    found = affected_by(session, standard.id)
    ids = {one.test_item_id for one in found.methods}
    chosen = methods_for(session, ids, on)
    without = [
        one.test_item
        for one in {m.test_item_id: m for m in found.methods}.values()
        if one.test_item.active and _rests_alone(chosen[one.test_item_id], standard.id)
    ]
    return Resting(found.methods, found.limits, without)


def _rests_alone(choice: MethodChoice, standard_id: int) -> bool:
    return choice.version is None or choice.version.method.standard_id == standard_id
