"""What can be ordered today: test items with the method that serves, packages, prices and clocks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Numeric, bindparam, cast, func, or_, select
from sqlalchemy.orm import Session

from lims.catalogue.models import (
    BusinessType,
    Category,
    Method,
    MethodVersion,
    Package,
    PackageItem,
    Payer,
    StandardEdition,
    TestItem,
)
from lims.core.calendar import work_calendar
from lims.core.errors import InvalidInput
from lims.intake.drafts import MAX_TESTS_OF_SAMPLE, Fault, OrderDraft, SampleDraft, refuse_faults


@dataclass(frozen=True, slots=True)
class Chosen:
    """A test item with the method version that would serve it. ``price`` in CNY."""

    test_item_id: int
    code: str
    name_zh: str
    name_en: str
    section_id: int
    price: Decimal
    method_id: int
    method_version_id: int


@dataclass(frozen=True, slots=True)
class Quote:
    """``price``: what the customer pays, in CNY. ``listed``: by the price list, whoever pays."""

    price: Decimal
    listed: Decimal
    tests: int
    due_on: date
    working_days: int
    state_pays: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be asked for today, for choosing; rows have id, code, name_zh, name_en and what lists show."""

    types: Sequence[BusinessType]
    packages: Sequence[Any]
    items: Sequence[Any]
    categories: Sequence[Any]


def offer_of_today(session: Session) -> Offer:
    """Four queries, whatever the catalogue's size."""
    prices = (
        select(func.sum(TestItem.price))
        .join(PackageItem, PackageItem.test_item_id == TestItem.id)
        .where(PackageItem.package_id == Package.id, TestItem.active.is_(True))
        .scalar_subquery()
    )
    packages = select(
        *(Package.id, Package.code, Package.name_zh, Package.name_en, Package.category_id),
        cast(prices, Numeric(12, 2)).label("price"),
    )
    items = select(
        TestItem.id, TestItem.code, TestItem.name_zh, TestItem.name_en, TestItem.price, TestItem.section_id
    )
    categories = select(
        Category.id, Category.code, Category.name_zh, Category.name_en, Category.level, Category.parent_id
    )
    return Offer(
        session.scalars(select(BusinessType).where(BusinessType.active).order_by(BusinessType.id)).all(),
        session.execute(packages.where(Package.active).order_by(Package.code)).all(),
        session.execute(items.where(TestItem.active).order_by(TestItem.code)).all(),
        session.execute(categories.order_by(Category.code)).all(),
    )


_OPEN_TYPE = select(BusinessType).where(BusinessType.id == bindparam("number"), BusinessType.active.is_(True))


def open_type(session: Session, business_type_id: int) -> BusinessType:
    """Raises InvalidInput unless this business type is offered."""
    found = session.scalars(_OPEN_TYPE, {"number": business_type_id}).one_or_none()
    if found is None:
        text = _("This kind of business is not offered.")
        raise InvalidInput(text, code="unknown_business_type", fields={"business_type_id": [text]})
    return found


# Built once: every order asks it. Items with their methods and released, not retired versions.
_SERVING = (
    select(
        *(
            TestItem.id,
            TestItem.code,
            TestItem.name_zh,
            TestItem.name_en,
            TestItem.section_id,
            TestItem.price,
        ),
        *(Method.id.label("method_id"), Method.preferred, Method.clause),
        *(MethodVersion.id.label("version_id"), MethodVersion.number),
        *(StandardEdition.in_force_from, StandardEdition.withdrawn_from, StandardEdition.transition_until),
        StandardEdition.code.label("standard"),
    )
    .join(Method, Method.test_item_id == TestItem.id)
    .join(StandardEdition, StandardEdition.id == Method.standard_id)
    .join(MethodVersion, MethodVersion.method_id == Method.id)
    .where(TestItem.active.is_(True))
    .where(MethodVersion.released_at.is_not(None), MethodVersion.released_at <= bindparam("now"))
    .where(or_(MethodVersion.retired_at.is_(None), MethodVersion.retired_at > bindparam("now")))
)
_SERVING_WANTED = _SERVING.where(TestItem.id.in_(bindparam("wanted", expanding=True)))
_SEVERAL = select(Method.test_item_id).group_by(Method.test_item_id).having(func.count() > 1)
_SERVING_SEVERAL = _SERVING.where(TestItem.id.in_(_SEVERAL))


def choose_methods(
    session: Session, item_ids: Iterable[int], now: datetime, today: date, wanted: Mapping[int, int]
) -> dict[int, Chosen]:
    """Test item -> what serves it: the wanted method, else the preferred one in force; newest release.

    A standard in transition is chosen where none in force is there. A withdrawn standard is chosen only where nothing else is there: the contract review says so.
    Items that are not offered, or have no released method, are left out.
    """
    best: dict[int, tuple[tuple[Any, ...], Chosen]] = {}
    asked = {"wanted": sorted(set(item_ids)), "now": now}
    for r in session.execute(_SERVING_WANTED, asked):
        if r.id in wanted and wanted[r.id] != r.method_id:
            continue
        rank = _rank(r, today)
        if r.id not in best or rank > best[r.id][0]:
            chosen = Chosen(
                r.id, r.code, r.name_zh, r.name_en, r.section_id, r.price, r.method_id, r.version_id
            )
            best[r.id] = (rank, chosen)
    return {number: chosen for number, (_rank, chosen) in best.items()}


def other_methods(session: Session, now: datetime, today: date) -> list[Any]:
    """What may serve in place of the usual method of its item: in force, or in transition. One query.

    Rows as ``choose_methods`` reads them, with ``method_id``, ``standard``, ``clause`` and ``transition_until``; the
    newest release of each method, by the code of the item.
    """
    ranked: dict[int, dict[int, tuple[tuple[Any, ...], Any]]] = {}
    for r in session.execute(_SERVING_SEVERAL, {"now": now}):
        rank, of_item = _rank(r, today), ranked.setdefault(r.id, {})
        if r.method_id not in of_item or rank > of_item[r.method_id][0]:
            of_item[r.method_id] = (rank, r)
    others = []
    for of_item in ranked.values():
        _usual, *rest = sorted(of_item.values(), key=lambda one: one[0], reverse=True)
        others += [r for (in_force, lives_on, *_more), r in rest if in_force or lives_on]
    return sorted(others, key=lambda r: (r.code, r.standard, r.clause))


def _rank(r: Any, today: date) -> tuple[Any, ...]:
    """The method with the highest serves where nobody wants another."""
    begun = r.in_force_from is None or r.in_force_from <= today
    in_force = begun and (r.withdrawn_from is None or r.withdrawn_from > today)
    lives_on = begun and r.transition_until is not None and r.transition_until >= today
    return in_force, lives_on, r.preferred, r.in_force_from or date.min, r.number, r.version_id


def package_items(session: Session, package_ids: Iterable[int]) -> dict[int, list[int]]:
    """Offered package -> its test items in order."""
    wanted = sorted(set(package_ids))
    if not wanted:
        return {}
    rows = session.execute(
        select(Package.id, PackageItem.test_item_id)
        .join(PackageItem, PackageItem.package_id == Package.id)
        .join(TestItem, TestItem.id == PackageItem.test_item_id)
        .where(Package.id.in_(wanted), Package.active.is_(True), TestItem.active.is_(True))
        .order_by(Package.id, PackageItem.position, PackageItem.id)
    )
    found: dict[int, list[int]] = {}
    for package_id, item_id in rows:
        found.setdefault(package_id, []).append(item_id)
    return found


def tests_of_samples(session: Session, draft: OrderDraft, now: datetime, today: date) -> list[list[Chosen]]:
    """For each sample of the draft the tests asked for. Raises InvalidInput naming row and cause."""
    packages = package_items(session, [*draft.packages, *(p for s in draft.samples for p in s.packages)])
    wishes = [_wishes(draft, s, packages) for s in draft.samples]
    asked = {i for w in wishes for i in w}
    _refuse_idle_methods(draft.methods, asked)
    offered = choose_methods(session, asked, now, today, dict(draft.methods))
    faults: list[Fault] = []
    for row, (sample, wish) in enumerate(zip(draft.samples, wishes, strict=True), 1):
        faults.extend(_wish_faults(row, draft, sample, wish, packages, offered))
    refuse_faults(faults)
    return [[offered[i] for i in wish] for wish in wishes]


def _refuse_idle_methods(methods: Sequence[tuple[int, int]], asked: set[int]) -> None:
    """What was agreed and would serve nothing is told, never left out."""
    items = [item for item, _method in methods]
    if len(set(items)) < len(items):
        code, sentence = "method_twice", _("Agree one method for each test item.")
    elif not asked.issuperset(items):
        code, sentence = "method_idle", _("A method is agreed for a test item that nobody asks for.")
    else:
        return
    raise InvalidInput(sentence, code=code, fields={"methods": [sentence]})


def _wishes(draft: OrderDraft, sample: SampleDraft, packages: Mapping[int, Sequence[int]]) -> list[int]:
    """Test items of one sample, each once, packages opened."""
    bundled = [i for p in (*draft.packages, *sample.packages) for i in packages.get(p, ())]
    return list(dict.fromkeys([*bundled, *draft.items, *sample.items]))


def _wish_faults(
    row: int,
    draft: OrderDraft,
    sample: SampleDraft,
    wish: Sequence[int],
    packages: Mapping[int, Sequence[int]],
    offered: Mapping[int, Chosen],
) -> list[Fault]:
    faults = []
    if any(p not in packages for p in (*draft.packages, *sample.packages)):
        faults.append(Fault(row, "packages", "unknown_package", _("This package is not offered.")))
    if any(i not in offered for i in wish):
        text = _("A test item is not offered, or none of its methods is released.")
        faults.append(Fault(row, "items", "unknown_item", text))
    if not wish and not faults:
        faults.append(Fault(row, "items", "no_tests", _("No test item is asked for on this sample.")))
    if len(wish) > MAX_TESTS_OF_SAMPLE:
        text = _("At most %(n)s test items a sample.", n=MAX_TESTS_OF_SAMPLE)
        faults.append(Fault(row, "items", "too_many_tests", text))
    return faults


def quote_of(session: Session, kind: BusinessType, tests: Iterable[Sequence[Chosen]], day: date) -> Quote:
    """Price and due date: the state's work is free for the customer; the type's clock counts working days."""
    prices = [chosen.price for sample in tests for chosen in sample]
    listed = sum(prices, Decimal("0.00"))
    state = kind.payer is Payer.STATE
    due = work_calendar(session).add(day, kind.working_days)
    return Quote(
        Decimal("0.00") if state else listed, listed, len(prices), due, kind.working_days, state_pays=state
    )


def quote(session: Session, draft: OrderDraft, now: datetime, day: date) -> Quote:
    """What this draft costs and when it is due, without saving. Raises InvalidInput like registering."""
    kind = open_type(session, draft.business_type_id)
    return quote_of(session, kind, tests_of_samples(session, draft, now, day), day)
