"""The product tree: classes, subclasses, varieties, fine classes."""

from collections.abc import Collection
from dataclasses import dataclass, field

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.models import Category
from lims.core.errors import InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork

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


def add_category(
    uow: UnitOfWork, *, actor: Actor, parent_id: int | None, code: str, name_zh: str, name_en: str
) -> Category:
    """Raises InvalidInput when the tree would grow deeper than 8 levels, Conflict for a code in use."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        parent = uow.get(Category, parent_id) if parent_id is not None else None
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
        uow.commit()
    return row


def rename_category(
    uow: UnitOfWork, *, actor: Actor, category_id: int, code: str, name_zh: str, name_en: str
) -> Category:
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(Category, category_id)
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
