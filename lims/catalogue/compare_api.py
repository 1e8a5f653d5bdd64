"""JSON face of comparisons and histories."""

from lims.catalogue.compare import Difference
from lims.catalogue.compare_others import (
    budgets_to_compare,
    compare_budgets,
    compare_limits,
    limits_to_compare,
)
from lims.catalogue.history import Happening, history_of_item
from lims.catalogue.json_face import blueprint, refusals
from lims.catalogue.method_schemas import AgainstQuery, HistoryPageDump, VersionDifferenceDump
from lims.core.database import db
from lims.core.paging import Page
from lims.ui.faces import ID
from lims.ui.shapes import PageQuery


@blueprint.route(f"/uncertainty-budgets/{ID.format('budget_id')}/differences")
@blueprint.arguments(AgainstQuery, location="query", as_kwargs=True)
@blueprint.response(200, VersionDifferenceDump(many=True))
@refusals(404, 422)
def budget_differences(budget_id: int, against: int | None) -> list[Difference]:
    """Field by field against another budget, or the one before."""
    return compare_budgets(*budgets_to_compare(db.session(), budget_id, against))


@blueprint.route(f"/limits/{ID.format('limit_id')}/differences")
@blueprint.arguments(AgainstQuery, location="query", as_kwargs=True)
@blueprint.response(200, VersionDifferenceDump(many=True))
@refusals(404, 422)
def limit_differences(limit_id: int, against: int | None) -> list[Difference]:
    """Field by field against another limit of the item, or the one of its class before."""
    return compare_limits(*limits_to_compare(db.session(), limit_id, against))


@blueprint.route(f"/test-items/{ID.format('test_item_id')}/history")
@blueprint.arguments(PageQuery, location="query", as_kwargs=True)
@blueprint.response(200, HistoryPageDump)
@refusals(404, 422)
def item_history(test_item_id: int, cursor: str | None, size: int) -> Page[Happening]:
    """What happened to the item, its methods, versions, budgets and limits; newest first."""
    return history_of_item(db.session(), test_item_id, cursor=cursor, size=size)
