"""Test items: what can be measured, in which section and field, at which price."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.models import TestItem
from lims.catalogue.references import holds_words, named, refuse_taken
from lims.core.errors import InvalidInput, NotFound
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.people.models import Section

# Formulas name items (``@moisture``), so a code is a name the formula language can read.
CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")
FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}")
DEAREST = Decimal("1000000")


@dataclass(frozen=True, slots=True)
class ItemText:
    """``field``: who may sign it; ``price`` in yuan, two decimals; ``retest_allowed`` False: microbiology."""

    code: str
    name_zh: str
    name_en: str
    field: str
    section_id: int
    price: Decimal
    retest_allowed: bool = True
    active: bool = True


@dataclass(frozen=True, slots=True)
class NewPrice:
    """What an item costs from now on, in yuan; ``version`` of the row that was shown."""

    test_item_id: int
    version: int
    price: Decimal


def item(session: Session, test_item_id: int) -> TestItem:
    row = session.get(TestItem, test_item_id)
    if row is None:
        raise NotFound(_("This test item does not exist."))
    return row


def fields_in_use(session: Session) -> list[str]:
    """Signing fields of the test items, for select boxes."""
    return list(session.scalars(select(TestItem.field).distinct().order_by(TestItem.field)))


def all_items(session: Session) -> list[TestItem]:
    """By code, for select boxes; those no longer offered too."""
    return list(session.scalars(select(TestItem).order_by(TestItem.code)))


def list_items(
    session: Session,
    *,
    words: str = "",
    section_id: int | None = None,
    also_retired: bool = False,
    cursor: str | None = None,
    size: int = 50,
) -> Page[TestItem]:
    """By code."""
    wanted = select(TestItem)
    if words.strip():
        wanted = wanted.where(holds_words(words, TestItem.code, TestItem.name_zh, TestItem.name_en))
    if section_id is not None:
        wanted = wanted.where(TestItem.section_id == section_id)
    if not also_retired:
        wanted = wanted.where(TestItem.active)
    page = read_page(session, wanted, [Key(TestItem.code)], cursor=cursor, size=size)
    return Page([row[0] for row in page.rows], page.after, page.before)


def create_item(
    uow: UnitOfWork, *, actor: Actor, text: ItemText, request_key: RequestKey | None = None
) -> TestItem:
    actor.require(Permission.CATALOGUE_EDIT)
    check_item(text)
    with uow:
        if (made := uow.replayed(TestItem, actor=actor, request_key=request_key)) is not None:
            return made
        named(uow, Section, text.section_id, "section_id")
        refuse_taken(uow, TestItem, text.code)
        row = uow.add(TestItem(**_values(text)))
        uow.audit("test_item.add", actor, row)
        uow.remember(row)
        uow.commit()
    return row


def edit_item(uow: UnitOfWork, *, actor: Actor, test_item_id: int, version: int, text: ItemText) -> TestItem:
    """Orders keep the price they were given. The code stays: formulas and imports name it."""
    actor.require(Permission.CATALOGUE_EDIT)
    check_item(text)
    with uow:
        row = uow.get(TestItem, test_item_id, version=version)
        if text.code != row.code:
            raise InvalidInput(
                _("The code of a test item never changes: formulas name it."),
                code="code_fixed",
                fields={"code": [_("Keep %(code)s.", code=row.code)]},
            )
        named(uow, Section, text.section_id, "section_id")
        for name, value in _values(text).items():
            setattr(row, name, value)
        uow.audit("test_item.edit", actor, row)
        uow.commit()
    return row


def change_prices(uow: UnitOfWork, *, actor: Actor, prices: Sequence[NewPrice]) -> int:
    """Set list prices together; how many differ from before. Orders keep the price they were given.

    Raises InvalidInput (``bad_price``; ``fields`` count the prices from 0) and then changes none.
    """
    actor.require(Permission.CATALOGUE_EDIT)
    faults = {
        f"prices.{n}.price": fault for n, one in enumerate(prices) if (fault := _price_faults(one.price))
    }
    if faults:
        raise InvalidInput(_("Some prices cannot be saved."), code="bad_price", fields=faults)
    changed = 0
    with uow:
        # By number, so that two clerks never wait for each other in a circle.
        for one in sorted(prices, key=lambda one: one.test_item_id):
            row = uow.get(TestItem, one.test_item_id, version=one.version)
            if row.price != one.price:
                row.price = one.price
                uow.audit("test_item.price", actor, row)
                changed += 1
        uow.commit()
    return changed


def _values(text: ItemText) -> dict[str, object]:
    return {name: getattr(text, name) for name in ItemText.__slots__}


def check_item(text: ItemText) -> None:
    faults: dict[str, list[str]] = {}
    if not CODE.fullmatch(text.code):
        faults["code"] = [_("Small letters, digits and underscores, beginning with a letter.")]
    if not FIELD.fullmatch(text.field):
        faults["field"] = [_("Small letters, digits and underscores, beginning with a letter.")]
    if fault := _price_faults(text.price):
        faults["price"] = fault
    if faults:
        raise InvalidInput(_("This test item cannot be saved."), code="bad_item", fields=faults)


def _price_faults(price: Decimal) -> list[str]:
    if not Decimal(0) <= price <= DEAREST:
        return [_("A price is 0 to 1,000,000 yuan.")]
    return [] if price == price.quantize(Decimal("0.01")) else [_("A price has two decimals.")]
