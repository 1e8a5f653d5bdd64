"""The product tree: classes, subclasses, varieties, fine classes."""

from collections.abc import Collection
from dataclasses import dataclass, field

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.models import Category, Limit, Package, TestItem
from lims.catalogue.references import holds_words, named, refuse_taken
from lims.core.errors import InvalidInput, NotFound
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork

MAX_LEVEL = 8


@dataclass(slots=True)
class Node:
    category: Category
    children: list["Node"] = field(default_factory=list)


def lineage(path: str) -> list[int]:
    """Ids from the category itself up to its root: ``/1/5/9/`` is 9, 5, 1."""
    return [int(part) for part in reversed(path.split("/")) if part]


def lineages(session: Session, category_ids: Collection[int]) -> dict[int, list[int]]:
    """``lineage`` of each category, in one query."""
    if not category_ids:
        return {}
    rows = session.execute(select(Category.id, Category.path).where(Category.id.in_(category_ids)))
    return {ident: lineage(path) for ident, path in rows}


def category_tree(session: Session) -> list[Node]:
    """The whole tree, roots first, by code; one query."""
    nodes = {row.id: Node(row) for row in session.scalars(select(Category).order_by(Category.code))}
    roots: list[Node] = []
    for node in nodes.values():
        parent = node.category.parent_id
        (roots if parent is None else nodes[parent].children).append(node)
    return roots


def flattened(nodes: list[Node]) -> list[Category]:
    """Depth first: the order of a select box."""
    found: list[Category] = []
    for node in nodes:
        found.append(node.category)
        found.extend(flattened(node.children))
    return found


def categories_by_id(session: Session, ids: Collection[int | None]) -> dict[int, Category]:
    """One query; None is every product, and has no row."""
    wanted = select(Category).where(Category.id.in_({ident for ident in ids if ident is not None}))
    return {row.id: row for row in session.scalars(wanted)}


def category(session: Session, category_id: int) -> Category:
    row = session.get(Category, category_id)
    if row is None:
        raise NotFound(_("This product class does not exist."))
    return row


def list_categories(
    session: Session,
    *,
    words: str = "",
    parent_id: int | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Category]:
    """By code. ``parent_id``: the classes directly below that one."""
    wanted = select(Category)
    if words.strip():
        wanted = wanted.where(holds_words(words, Category.code, Category.name_zh, Category.name_en))
    if parent_id is not None:
        wanted = wanted.where(Category.parent_id == parent_id)
    page = read_page(session, wanted, [Key(Category.code)], cursor=cursor, size=size)
    return Page([row[0] for row in page.rows], page.after, page.before)


def ancestors_of(session: Session, rows: Collection[Category]) -> dict[int, list[Category]]:
    """The classes above each of ``rows``, root first; one query."""
    wanted = {row.id: list(reversed(lineage(row.path)))[:-1] for row in rows}
    ids = {ident for above in wanted.values() for ident in above}
    found = (
        {row.id: row for row in session.scalars(select(Category).where(Category.id.in_(ids)))} if ids else {}
    )
    return {ident: [found[one] for one in above] for ident, above in wanted.items()}


@dataclass(frozen=True, slots=True)
class Belonging:
    """What a product class page shows: its place in the tree, its own limits (with their items) and packages."""

    category: Category
    above: list[Category]
    below: list[Category]
    limits: list[tuple[Limit, TestItem]]
    packages: list[Package]


def belonging_to(session: Session, category_id: int) -> Belonging:
    row = category(session, category_id)
    limits = session.execute(
        select(Limit, TestItem)
        .join(TestItem, TestItem.id == Limit.test_item_id)
        .where(Limit.category_id == category_id)
        .order_by(TestItem.code, Limit.valid_from.desc())
    )
    packages = session.scalars(
        select(Package).where(Package.category_id == category_id).order_by(Package.code)
    )
    below = session.scalars(select(Category).where(Category.parent_id == category_id).order_by(Category.code))
    above = ancestors_of(session, [row])[row.id]
    return Belonging(row, above, list(below), [(one, item) for one, item in limits], list(packages))


def add_category(
    uow: UnitOfWork,
    *,
    actor: Actor,
    parent_id: int | None,
    code: str,
    name_zh: str,
    name_en: str,
    request_key: RequestKey | None = None,
) -> Category:
    """Raises InvalidInput when the tree would grow deeper than 8 levels, Conflict for a code in use."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        if (made := uow.replayed(Category, actor=actor, request_key=request_key)) is not None:
            return made
        parent = None if parent_id is None else named(uow, Category, parent_id, "parent_id", lock=True)
        refuse_taken(uow, Category, code)
        level = 1 if parent is None else parent.level + 1
        if level > MAX_LEVEL:
            raise InvalidInput(
                _("The tree has at most %(n)s levels.", n=MAX_LEVEL),
                code="category_too_deep",
                fields={"parent_id": [_("Choose a class higher up.")]},
            )
        row = Category(parent_id=parent_id, code=code, name_zh=name_zh, name_en=name_en, level=level, path="")
        uow.add(row)
        row.path = f"{parent.path if parent else '/'}{row.id}/"
        uow.audit("category.add", actor, row, after=described(row))
        uow.remember(row)
        uow.commit()
    return row


def rename_category(
    uow: UnitOfWork, *, actor: Actor, category_id: int, version: int, code: str, name_zh: str, name_en: str
) -> Category:
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(Category, category_id, version=version)
        refuse_taken(uow, Category, code, own_id=category_id)
        row.code, row.name_zh, row.name_en = code, name_zh, name_en
        uow.audit("category.rename", actor, row)
        uow.commit()
    return row


def described(row: Category) -> dict[str, object]:
    return {
        "code": row.code,
        "name_zh": row.name_zh,
        "name_en": row.name_en,
        "parent_id": row.parent_id,
        "path": row.path,
    }
