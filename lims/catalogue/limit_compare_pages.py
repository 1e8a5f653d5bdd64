"""A firm's own limit beside one of the catalogue: is it stricter."""

from flask import render_template

from lims.catalogue import items, limits
from lims.catalogue.categories import category
from lims.catalogue.face import blueprint
from lims.catalogue.limit_schemas import LimitCompareQuery
from lims.catalogue.limits import LimitText
from lims.catalogue.models import Comparison, Limit, LimitKind
from lims.catalogue.strictness import strictness
from lims.core.database import db
from lims.metrology.limit_comparison import Strictness
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices

COMPARE = f"/catalogue/limits/{ID.format('limit_id')}/compare"


@blueprint.get(COMPARE)
def compare_limit(limit_id: int) -> str:
    row = limits.limit(db.session(), limit_id)
    return _page(row, empty_form(LimitCompareQuery, kind=row.kind, unit=row.unit, comparison=row.comparison))


@blueprint.post(COMPARE)
def compare_limit_with(limit_id: int) -> str | tuple[str, int]:
    """Asked, not kept."""
    row = limits.limit(db.session(), limit_id)
    form = read_form(LimitCompareQuery)
    with form.attempt():
        text = LimitText(
            row.standard_id, row.test_item_id, row.category_id, valid_from=row.valid_from, **form.values
        )
        return _page(row, form, strictness(text, row))
    return _page(row, form), form.status


def _page(row: Limit, form: Form, outcome: Strictness | None = None) -> str:
    return render_template(
        "catalogue/limit_compare.html",
        limit=row,
        item=items.item(db.session(), row.test_item_id),
        category=category(db.session(), row.category_id) if row.category_id else None,
        form=form,
        outcome=outcome,
        kinds=choices(LimitKind),
        comparisons=choices(Comparison),
    )
