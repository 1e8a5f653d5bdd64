"""Pages that show what changed: two budgets, two limits side by side, the history of a test item."""

from flask import render_template, url_for
from flask_babel import gettext as _

from lims.catalogue import items
from lims.catalogue.compare_others import (
    budgets_to_compare,
    compare_budgets,
    compare_limits,
    limits_to_compare,
)
from lims.catalogue.face import blueprint
from lims.catalogue.history import history_of_item
from lims.catalogue.limits import limits_of_items
from lims.catalogue.method_schemas import AgainstQuery
from lims.core.database import db
from lims.people.trail import differences
from lims.ui.faces import ID, asked
from lims.ui.labels import bilingual, day
from lims.ui.shapes import PageQuery


@blueprint.get(f"/catalogue/budgets/{ID.format('budget_id')}/compare")
def compare_budget(budget_id: int) -> str:
    old, new = budgets_to_compare(db.session(), budget_id, **asked(AgainstQuery))
    return render_template(
        "catalogue/compare_others.html",
        heading=_("Uncertainty budget %(n)s", n=new.number),
        sub=f"{bilingual(new.method.test_item)} · {new.method.standard.code}",
        back=url_for("catalogue.budget", budget_id=new.id),
        names=[_("budget %(n)s", n=one.number) for one in (old, new)],
        others=[],
        lines=compare_budgets(old, new),
    )


@blueprint.get(f"/catalogue/limits/{ID.format('limit_id')}/differences")
def limit_differences(limit_id: int) -> str:
    session = db.session()
    old, new = limits_to_compare(session, limit_id, **asked(AgainstQuery))
    item = items.item(session, new.test_item_id)
    same_class = [one for one in limits_of_items(session, [item.id]) if one.category_id == new.category_id]
    return render_template(
        "catalogue/compare_others.html",
        heading=_("Limit for %(item)s", item=bilingual(item)),
        sub=new.standard.code,
        back=url_for("catalogue.limit", limit_id=new.id),
        names=[_("from %(day)s", day=day(one.valid_from)) for one in (old, new)],
        others=[
            (_("with the limit from %(day)s", day=day(one.valid_from)), _differences_address(new.id, one.id))
            for one in same_class
            if one.id not in (old.id, new.id)
        ],
        lines=compare_limits(old, new),
    )


def _differences_address(limit_id: int, against: int) -> str:
    return url_for("catalogue.limit_differences", limit_id=limit_id, against=against)


PLACES = {
    "test_item": ("catalogue.item", "test_item_id"),
    "method": ("catalogue.method", "method_id"),
    "method_version": ("catalogue.version", "version_id"),
    "uncertainty_budget": ("catalogue.budget", "budget_id"),
    "spec_limit": ("catalogue.limit", "limit_id"),
}


@blueprint.get(f"/catalogue/items/{ID.format('test_item_id')}/history")
def item_history(test_item_id: int) -> str:
    session = db.session()
    page = history_of_item(session, test_item_id, **asked(PageQuery))
    return render_template(
        "catalogue/history.html",
        item=items.item(session, test_item_id),
        page=page,
        changes={one.event.seq: differences(one.event) for one in page.rows},
        places=PLACES,
    )
