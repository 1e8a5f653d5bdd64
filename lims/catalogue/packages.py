"""Packages: test items ordered together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from lims.catalogue.models import Category, Package, PackageItem, TestItem
from lims.core.errors import InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork


@dataclass(frozen=True, slots=True)
class PackageText:
    """``item_ids``: in the order of the report, at least one."""

    code: str
    name_zh: str
    name_en: str
    item_ids: Sequence[int]
    category_id: int | None = None
    active: bool = True


def items_of(session: Session, package_id: int) -> list[TestItem]:
    """The package's offered test items in order; empty for a package that does not exist or was retired."""
    return list(items_of_packages(session, [package_id]).get(package_id, []))


def items_of_packages(session: Session, package_ids: Collection[int]) -> dict[int, list[TestItem]]:
    """As ``items_of`` for many packages, in one query."""
    rows = session.execute(
        select(PackageItem.package_id, TestItem)
        .join(TestItem, TestItem.id == PackageItem.test_item_id)
        .join(Package, Package.id == PackageItem.package_id)
        .where(PackageItem.package_id.in_(package_ids), TestItem.active, Package.active)
        .order_by(PackageItem.package_id, PackageItem.position, PackageItem.id)
    )
    found: dict[int, list[TestItem]] = {}
    for package_id, item in rows:
        found.setdefault(package_id, []).append(item)
    return found


def packages(session: Session, *, also_retired: bool = False) -> list[Package]:
    wanted = select(Package).order_by(Package.code)
    return list(session.scalars(wanted if also_retired else wanted.where(Package.active)))


def create_package(uow: UnitOfWork, *, actor: Actor, text: PackageText) -> Package:
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        _check(uow, text)
        row = Package(code=text.code, name_zh=text.name_zh, name_en=text.name_en)
        row.category_id, row.active = text.category_id, text.active
        row.items = _items(text.item_ids)
        uow.add(row)
        uow.audit("package.add", actor, row, after=_described(text))
        uow.commit()
    return row


def edit_package(
    uow: UnitOfWork, *, actor: Actor, package_id: int, version: int, text: PackageText
) -> Package:
    """Orders that took the package before keep the items they have."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(Package, package_id, version=version)
        _check(uow, text)
        before = [item.test_item_id for item in row.items]
        row.code, row.name_zh, row.name_en = text.code, text.name_zh, text.name_en
        row.category_id, row.active = text.category_id, text.active
        if before != list(text.item_ids):
            row.items.clear()
            uow.flush()
            row.items.extend(_items(text.item_ids))
            flag_modified(row, "code")  # a changed list is a new version of the package
        uow.audit("package.edit", actor, row, before={"item_ids": before}, after=_described(text))
        uow.commit()
    return row


def _items(item_ids: Sequence[int]) -> list[PackageItem]:
    return [PackageItem(test_item_id=ident, position=n) for n, ident in enumerate(item_ids, start=1)]


def _check(uow: UnitOfWork, text: PackageText) -> None:
    if text.category_id is not None:
        uow.get(Category, text.category_id, lock=False)
    known = set(uow.session.scalars(select(TestItem.id).where(TestItem.id.in_(text.item_ids))))
    if not text.item_ids or len(set(text.item_ids)) != len(text.item_ids) or known != set(text.item_ids):
        raise InvalidInput(
            _("A package holds one test item or more, each once."),
            code="package_items",
            fields={"item_ids": [_("Choose each test item once.")]},
        )


def _described(text: PackageText) -> dict[str, object]:
    return {name: getattr(text, name) for name in PackageText.__slots__}
