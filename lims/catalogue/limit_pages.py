"""Pages of limits: the list, which one holds, adding, superseding, ending."""

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.catalogue import items, limits
from lims.catalogue.categories import category
from lims.catalogue.compare_others import limit_before
from lims.catalogue.face import (
    blueprint,
    category_options,
    item_options,
    may_edit,
    saved,
    standard_options,
    today,
)
from lims.catalogue.labels import REASONS, requirement
from lims.catalogue.limit_schemas import (
    LimitEndLoad,
    LimitOfItemLoad,
    LimitSupersedeLoad,
    WhichLimitQuery,
)
from lims.catalogue.limits import LimitChoice, LimitText, holds_on, limit_for
from lims.catalogue.models import Comparison, Limit, LimitKind, StandardEdition, TestItem
from lims.catalogue.references import holds_words
from lims.catalogue.revising import successor_of
from lims.catalogue.watch import limit_lines
from lims.core.database import db
from lims.core.paging import Key
from lims.core.web import current_actor, request_key, unit_of_work
from lims.metrology.ratio_sums import NotDetectedAs
from lims.ui import lists
from lims.ui.faces import ID, asked
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices
from lims.ui.lists import Column, Filter, Listing

LIMIT = f"/catalogue/limits/{ID.format('limit_id')}"
LIMITS = Listing(
    caption=_l("Limits"),
    empty=_l("Limits appear here when somebody adds one on the page of a test item."),
    statement=lambda _actor: limit_lines(),
    keys=(Key(TestItem.code), Key(Limit.valid_from, descending=True), Key(Limit.id)),
    columns=(
        Column("name", _l("Test item"), kind="bilingual", href=lambda row: _limit_address(row.id)),
        Column("category", _l("Product class"), kind="bilingual"),
        Column("requirement", _l("Requirement"), value=requirement),
        Column("unit", _l("Unit")),
        Column("standard", _l("Standard")),
        Column("valid_from", _l("From"), kind="day"),
        Column("valid_to", _l("Until"), kind="day"),
    ),
    filters=(
        Filter(
            "q",
            _l("Item or standard"),
            lambda s, v: s.where(
                holds_words(v, TestItem.code, TestItem.name_zh, TestItem.name_en, StandardEdition.code)
            ),
        ),
        Filter(
            "kind",
            _l("Kind of limit"),
            lambda s, v: s.where(Limit.kind == LimitKind(v)),
            options=lambda: choices(LimitKind),
        ),
        Filter("on", _l("In force on"), lambda s, v: s.where(holds_on(v)), kind="day"),
    ),
)


def _limit_address(limit_id: int) -> str:
    return url_for("catalogue.limit", limit_id=limit_id)


@blueprint.get("/catalogue/limits", endpoint="limits")
def limits_list() -> Answer | str:
    shown = lists.show(LIMITS, db.session(), current_actor())
    return shown.download() or render_template("catalogue/limits.html", list=shown)


@blueprint.get("/catalogue/limits/which")
def which_limit() -> str:
    """Which limit holds for a product of this class, made on this day; the answer says why."""
    wanted = asked(WhichLimitQuery)
    choice = _choice(**wanted) if wanted["test_item_id"] else None
    found = choice.limit if choice else None
    return render_template(
        "catalogue/which_limit.html",
        form=empty_form(WhichLimitQuery, **wanted),
        choice=choice,
        category=category(db.session(), found.category_id) if found and found.category_id else None,
        item_options=item_options(),
        category_options=category_options(),
        reasons=REASONS,
    )


def _choice(
    test_item_id: int, category_id: int | None, produced_on: date | None, on: date | None
) -> LimitChoice:
    return limit_for(db.session(), test_item_id, category_id, produced_on, on or today())


@blueprint.get(f"/catalogue/items/{ID.format('test_item_id')}/limits/new")
def new_limit(test_item_id: int) -> str:
    form = empty_form(LimitOfItemLoad, kind=LimitKind.MAX, comparison=Comparison.FULL_VALUE)
    return _new_limit(form, test_item_id)


@blueprint.post(f"/catalogue/items/{ID.format('test_item_id')}/limits/new")
def add_limit(test_item_id: int) -> Answer | tuple[str, int]:
    form = read_form(LimitOfItemLoad)
    with form.attempt():
        text = LimitText(test_item_id=test_item_id, **form.values)
        limits.add_limit(unit_of_work(), actor=current_actor(), text=text, request_key=request_key())
        flash(saved())
        return _to_item(test_item_id)
    return _new_limit(form, test_item_id), form.status


def _new_limit(form: Form, test_item_id: int) -> str:
    item = items.item(db.session(), test_item_id)
    return _limit_form(form, item, category_options=category_options())


def _limit_form(form: Form, item: TestItem, **more: Any) -> str:
    return render_template(
        "catalogue/limit_form.html",
        form=form,
        item=item,
        kinds=choices(LimitKind),
        comparisons=choices(Comparison),
        item_options=[option for option in item_options() if option[0] != item.id],
        not_detected=choices(NotDetectedAs),
        standard_options=standard_options(),
        **more,
    )


def _to_item(test_item_id: int) -> Answer:
    return redirect(url_for("catalogue.item", test_item_id=test_item_id, _anchor="limits"))


@blueprint.get(LIMIT)
def limit(limit_id: int) -> str:
    return _limit(limits.limit(db.session(), limit_id))


def _limit(row: Limit, form: Form | None = None) -> str:
    return render_template(
        "catalogue/limit.html",
        limit=row,
        item=items.item(db.session(), row.test_item_id),
        category=category(db.session(), row.category_id) if row.category_id else None,
        older=limit_before(db.session(), row),
        form=form or empty_form(LimitEndLoad, version=row.version),
        may_edit=may_edit(),
        day=today(),
    )


@blueprint.get(f"{LIMIT}/supersede")
def supersede_page(limit_id: int) -> str:
    """A limit of an edition that was replaced goes on under the new one, from its first day."""
    row = limits.limit(db.session(), limit_id)
    successor = successor_of(db.session(), row.standard)
    named = {"standard_id": successor.id, "valid_from": successor.in_force_from} if successor else {}
    text = {"valid_from": None, "valid_to": None, "note": "", **named}
    return _supersede(empty_form(LimitSupersedeLoad, row, **text), row)


@blueprint.post(f"{LIMIT}/supersede")
def supersede_limit(limit_id: int) -> Answer | tuple[str, int]:
    form = read_form(LimitSupersedeLoad)
    with form.attempt():
        made = limits.supersede_limit(
            unit_of_work(),
            actor=current_actor(),
            limit_id=limit_id,
            request_key=request_key(),
            **form.values,
        )
        flash(_("The new limit holds from %(day)s; the old one ends the day before.", day=made.valid_from))
        return _to_item(made.test_item_id)
    return _supersede(form, limits.limit(db.session(), limit_id)), form.status


def _supersede(form: Form, row: Limit) -> str:
    return _limit_form(
        form,
        items.item(db.session(), row.test_item_id),
        old=row,
        category=category(db.session(), row.category_id) if row.category_id else None,
    )


@blueprint.post(f"{LIMIT}/end")
def end_limit(limit_id: int) -> Answer | tuple[str, int]:
    form = read_form(LimitEndLoad)
    with form.attempt():
        row = limits.end_limit(unit_of_work(), actor=current_actor(), limit_id=limit_id, **form.values)
        flash(_("The limit ends on %(day)s.", day=row.valid_to))
        return redirect(_limit_address(limit_id))
    return _limit(limits.limit(db.session(), limit_id), form), form.status
