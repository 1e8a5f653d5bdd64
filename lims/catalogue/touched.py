"""What hangs on a standard, up to orders and tests: rooms above tell what they keep.

``told_by("intake", orders_touched)`` at the start of the application; each teller runs a fixed number of queries.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.models import Category, Limit, Method, Package, PackageItem, TestItem


class TouchedKind(StrEnum):
    METHOD = "method"
    LIMIT = "limit"
    PACKAGE = "package"
    SCOPE = "scope"
    AUTHORISATION = "authorisation"
    ORDER = "order"
    WORKSHEET = "worksheet"


@dataclass(frozen=True, slots=True)
class Touched:
    """One thing that hangs on ``standard_id``; ``endpoint`` and ``values`` lead to its page."""

    standard_id: int
    kind: TouchedKind
    name_zh: str
    name_en: str
    endpoint: str
    values: Mapping[str, int] = field(default_factory=dict)
    detail: str = ""


Teller = Callable[[Session, Collection[int], date], Iterable[Touched]]
_tellers: dict[str, Teller] = {}


def told_by(room: str, teller: Teller) -> None:
    """``teller(session, standard ids, day)``. A later call for the same room replaces the earlier one."""
    _tellers[room] = teller


def touched_by(session: Session, standard_ids: Collection[int], on: date) -> dict[int, list[Touched]]:
    """Everything that hangs on each standard as it is ``on`` that day, by kind."""
    found: dict[int, list[Touched]] = {ident: [] for ident in standard_ids}
    if not found:
        return found
    for teller in (_of_catalogue, *_tellers.values()):
        for one in teller(session, found.keys(), on):
            found[one.standard_id].append(one)
    order = list(TouchedKind)
    return {ident: sorted(rows, key=lambda one: order.index(one.kind)) for ident, rows in found.items()}


def by_kind(rows: Sequence[Touched]) -> dict[TouchedKind, list[Touched]]:
    """In the order of ``TouchedKind``; kinds without any are left out."""
    return {kind: some for kind in TouchedKind if (some := [one for one in rows if one.kind is kind])}


def _of_catalogue(session: Session, standard_ids: Collection[int], on: date) -> Iterable[Touched]:
    """Methods, the limits that still judge, and the packages whose items are measured by these methods."""
    methods = session.scalars(
        select(Method).where(Method.standard_id.in_(standard_ids)).order_by(Method.id)
    ).all()
    for row in methods:
        item = row.test_item
        yield Touched(
            *(row.standard_id, TouchedKind.METHOD, item.name_zh, item.name_en),
            *("catalogue.method", {"method_id": row.id}, row.clause),
        )
    yield from _limits(session, standard_ids, on)
    yield from _packages(session, standard_ids)


def _limits(session: Session, standard_ids: Collection[int], on: date) -> Iterable[Touched]:
    rows = session.execute(
        select(Limit, TestItem, Category)
        .join(TestItem, TestItem.id == Limit.test_item_id)
        .outerjoin(Category, Category.id == Limit.category_id)
        .where(Limit.standard_id.in_(standard_ids), Limit.valid_to.is_(None) | (Limit.valid_to >= on))
        .order_by(TestItem.code, Limit.id)
    )
    for row, item, category in rows:
        of_zh, of_en = (f"（{category.name_zh}）", f" ({category.name_en})") if category else ("", "")
        yield Touched(
            *(row.standard_id, TouchedKind.LIMIT, item.name_zh + of_zh, item.name_en + of_en),
            *("catalogue.limit", {"limit_id": row.id}),
        )


def _packages(session: Session, standard_ids: Collection[int]) -> Iterable[Touched]:
    rows = session.execute(
        select(Method.standard_id, Package.id, Package.name_zh, Package.name_en)
        .join(PackageItem, PackageItem.test_item_id == Method.test_item_id)
        .join(Package, Package.id == PackageItem.package_id)
        .where(Method.standard_id.in_(standard_ids), Package.active)
        .distinct()
        .order_by(Package.id)
    )
    for standard_id, ident, zh, en in rows:
        yield Touched(standard_id, TouchedKind.PACKAGE, zh, en, "catalogue.package", {"package_id": ident})
