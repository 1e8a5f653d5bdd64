"""Packages: test items ordered together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from lims.catalogue.models import Category, Package, PackageItem, TestItem
from lims.catalogue.references import holds_words, named, refuse_taken
from lims.catalogue.search import find_items
from lims.core.errors import InvalidInput, NotFound
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork


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


def package(session: Session, package_id: int) -> Package:
    row = session.get(Package, package_id)
    if row is None:
        raise NotFound(_("This package does not exist."))
    return row


def list_packages(
    session: Session,
    *,
    words: str = "",
    also_retired: bool = False,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Package]:
    """By code."""
    wanted = select(Package)
    if words.strip():
        wanted = wanted.where(holds_words(words, Package.code, Package.name_zh, Package.name_en))
    if not also_retired:
        wanted = wanted.where(Package.active)
    page = read_page(session, wanted, [Key(Package.code)], cursor=cursor, size=size)
    return Page([row[0] for row in page.rows], page.after, page.before)


@dataclass(frozen=True, slots=True)
class Contents:
    """A package with every test item in order, retired ones too."""

    package: Package
    items: list[TestItem]

    @property
    def offered(self) -> list[TestItem]:
        return [item for item in self.items if item.active]

    @property
    def price(self) -> Decimal:
        """The offered items' list prices together, in yuan."""
        return sum((item.price for item in self.offered), Decimal(0))


def contents_of(session: Session, packages: Sequence[Package]) -> list[Contents]:
    """One query for all."""
    rows = session.execute(
        select(PackageItem.package_id, TestItem)
        .join(TestItem, TestItem.id == PackageItem.test_item_id)
        .where(PackageItem.package_id.in_([one.id for one in packages]))
        .order_by(PackageItem.package_id, PackageItem.position, PackageItem.id)
    )
    found: dict[int, list[TestItem]] = {}
    for package_id, item in rows:
        found.setdefault(package_id, []).append(item)
    return [Contents(one, found.get(one.id, [])) for one in packages]


def items_named(session: Session, names: Sequence[str]) -> list[int]:
    """The test items that ``names`` (codes or names, as typed) mean, in their order.

    Raises InvalidInput (``unknown_item``; ``fields`` count from 0: ``rows.0.item``).
    """
    codes = {row.code: row.id for row in session.execute(select(TestItem.code, TestItem.id))}
    found = find_items(session, [name for name in names if name.strip() not in codes])
    meant = [codes.get(name.strip()) or found[name].id for name in names]
    faults = {
        f"rows.{n}.item": [_("No test item is called this.")]
        for n, ident in enumerate(meant)
        if ident is None
    }
    if faults:
        raise InvalidInput(_("Some test items are not known."), code="unknown_item", fields=faults)
    return [ident for ident in meant if ident is not None]


def packages_with(session: Session, test_item_id: int) -> list[Package]:
    """The packages that hold the item, by code; retired ones too."""
    holds = select(PackageItem.package_id).where(PackageItem.test_item_id == test_item_id)
    return list(session.scalars(select(Package).where(Package.id.in_(holds)).order_by(Package.code)))


def create_package(
    uow: UnitOfWork, *, actor: Actor, text: PackageText, request_key: RequestKey | None = None
) -> Package:
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        if (made := uow.replayed(Package, actor=actor, request_key=request_key)) is not None:
            return made
        refuse_taken(uow, Package, text.code)
        _check(uow, text)
        row = Package(code=text.code, name_zh=text.name_zh, name_en=text.name_en)
        row.category_id, row.active = text.category_id, text.active
        row.items = _items(text.item_ids)
        uow.add(row)
        uow.audit("package.add", actor, row, after=_described(text))
        uow.remember(row)
        uow.commit()
    return row


def edit_package(
    uow: UnitOfWork, *, actor: Actor, package_id: int, version: int, text: PackageText
) -> Package:
    """Orders that took the package before keep the items they have."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(Package, package_id, version=version)
        refuse_taken(uow, Package, text.code, own_id=package_id)
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
        named(uow, Category, text.category_id, "category_id")
    known = set(uow.session.scalars(select(TestItem.id).where(TestItem.id.in_(text.item_ids))))
    if not text.item_ids or len(set(text.item_ids)) != len(text.item_ids) or known != set(text.item_ids):
        raise InvalidInput(
            _("A package holds one test item or more, each once."),
            code="package_items",
            fields={"item_ids": [_("Choose each test item once.")]},
        )


def _described(text: PackageText) -> dict[str, object]:
    return {name: getattr(text, name) for name in PackageText.__slots__}
