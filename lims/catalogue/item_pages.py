"""Pages of test items: the list, one item with all that belongs to it, prices, what we can measure."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.wrappers import Response as Answer

from lims.catalogue import items as use_cases
from lims.catalogue.face import blueprint, field_options, may_edit, saved, section_options, today
from lims.catalogue.item_schemas import (
    ItemPricesLoad,
    ItemQuery,
    MeasurableQuery,
    TestItemEditLoad,
    TestItemLoad,
)
from lims.catalogue.models import TestItem
from lims.catalogue.overview import item_overview, measurable_items
from lims.catalogue.references import holds_words
from lims.catalogue.watch import Offer
from lims.core.database import db
from lims.core.paging import Key
from lims.core.web import current_actor, request_key, unit_of_work
from lims.people.models import Section
from lims.ui import lists, panels
from lims.ui.faces import ID, asked
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices
from lims.ui.lists import Column, Filter, Listing

ITEMS = Listing(
    caption=_l("Test items"),
    empty=_l("Test items appear here when somebody adds the first one."),
    statement=lambda _actor: select(
        TestItem.id,
        TestItem.code,
        TestItem.name_zh,
        TestItem.name_en,
        TestItem.field,
        TestItem.price,
        TestItem.active,
        Section.name_zh.label("section_zh"),
        Section.name_en.label("section_en"),
    ).join(Section, Section.id == TestItem.section_id),
    keys=(Key(TestItem.code),),
    columns=(
        Column("code", _l("Item code"), href=lambda row: url_for("catalogue.item", test_item_id=row.id)),
        Column("name", _l("Test item"), kind="bilingual"),
        Column("section", _l("Section"), kind="bilingual"),
        Column("field", _l("Signing field")),
        Column("price", _l("List price"), kind="money"),
        Column(
            "active",
            _l("State"),
            kind="state",
            value=lambda row: Offer.OFFERED if row.active else Offer.RETIRED,
        ),
    ),
    filters=(
        Filter(
            "q",
            _l("Code or name"),
            lambda s, v: s.where(holds_words(v, TestItem.code, TestItem.name_zh, TestItem.name_en)),
        ),
        Filter(
            "section",
            _l("Section"),
            lambda s, v: s.where(TestItem.section_id == int(v)),
            options=section_options,
        ),
        Filter(
            "field", _l("Signing field"), lambda s, v: s.where(TestItem.field == v), options=field_options
        ),
        Filter(
            "state",
            _l("State"),
            lambda s, v: s.where(TestItem.active if v == Offer.OFFERED else ~TestItem.active),
            options=lambda: choices(Offer),
        ),
    ),
)


@blueprint.get("/catalogue")
def measurable() -> str:
    """What we can measure: for everybody who takes orders or answers the telephone."""
    wanted = asked(MeasurableQuery)
    page = measurable_items(db.session(), on=today(), **wanted)
    return render_template(
        "catalogue/measurable.html", page=page, wanted=wanted, section_options=section_options(), day=today()
    )


@blueprint.get("/catalogue/items")
def items() -> Answer | str:
    shown = lists.show(ITEMS, db.session(), current_actor())
    return shown.download() or render_template("catalogue/items.html", list=shown, may_edit=may_edit())


@blueprint.get("/catalogue/items/new")
def new_item() -> str:
    return _item_form(empty_form(TestItemLoad, retest_allowed=True, active=True))


@blueprint.post("/catalogue/items/new")
def create_item() -> Answer | tuple[str, int]:
    form = read_form(TestItemLoad)
    with form.attempt():
        made = use_cases.create_item(
            unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values
        )
        flash(_("The test item is kept. Say next how it is measured."))
        return redirect(url_for("catalogue.item", test_item_id=made.id))
    return _item_form(form), form.status


@blueprint.get(f"/catalogue/items/{ID.format('test_item_id')}")
def item(test_item_id: int) -> str:
    shown = item_overview(db.session(), test_item_id, today())
    return render_template(
        "catalogue/item.html",
        shown=shown,
        item=shown.item,
        may_edit=may_edit(),
        day=today(),
        panels=panels.panels_of("catalogue.item", db.session(), current_actor(), test_item_id),
    )


@blueprint.get(f"/catalogue/items/{ID.format('test_item_id')}/edit")
def edit_item_page(test_item_id: int) -> str:
    row = use_cases.item(db.session(), test_item_id)
    return _item_form(empty_form(TestItemEditLoad, row), row)


@blueprint.post(f"/catalogue/items/{ID.format('test_item_id')}/edit")
def edit_item(test_item_id: int) -> Answer | tuple[str, int]:
    form = read_form(TestItemEditLoad)
    with form.attempt():
        use_cases.edit_item(unit_of_work(), actor=current_actor(), test_item_id=test_item_id, **form.values)
        flash(saved())
        return redirect(url_for("catalogue.item", test_item_id=test_item_id))
    return _item_form(form, use_cases.item(db.session(), test_item_id)), form.status


def _item_form(form: Form, row: TestItem | None = None) -> str:
    return render_template(
        "catalogue/item_form.html",
        form=form,
        item=row,
        section_options=section_options(),
        field_options=field_options(),
    )


@blueprint.get("/catalogue/prices")
def prices() -> str:
    return _prices(None)


@blueprint.post("/catalogue/prices")
def change_prices() -> Answer | tuple[str, int]:
    form = read_form(ItemPricesLoad)
    with form.attempt():
        changed = use_cases.change_prices(unit_of_work(), actor=current_actor(), **form.values)
        flash(_("%(n)s prices changed. Orders that stand keep theirs.", n=changed))
        return redirect(url_for("catalogue.prices", **_asked_prices()))
    return _prices(form), form.status


def _asked_prices() -> dict[str, Any]:
    """The filters of the address in its own words, for the way back after saving."""
    wanted = asked(ItemQuery)
    given = {"q": wanted["words"], "section_id": wanted["section_id"], "cursor": wanted["cursor"]}
    return {name: value for name, value in given.items() if value}


def _prices(form: Form | None) -> str:
    wanted = asked(ItemQuery)
    page = use_cases.list_items(db.session(), **wanted)
    shown = form or empty_form(
        ItemPricesLoad,
        prices=[{"test_item_id": r.id, "version": r.version, "price": r.price} for r in page.rows],
    )
    return render_template(
        "catalogue/prices.html",
        page=page,
        wanted=wanted,
        form=shown,
        asked_prices=_asked_prices(),
        section_options=section_options(),
        may_edit=may_edit(),
    )
