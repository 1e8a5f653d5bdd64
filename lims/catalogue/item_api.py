"""JSON face of test items, prices, and the boxes in which people look for an item."""

from typing import Any

from lims.catalogue import items as use_cases
from lims.catalogue.item_schemas import (
    FindQuery,
    FoundItemDump,
    ItemPricesLoad,
    ItemQuery,
    MeasurablePageDump,
    MeasurableQuery,
    PricesChangedDump,
    TestItemDump,
    TestItemEditLoad,
    TestItemLoad,
    TestItemPageDump,
)
from lims.catalogue.json_face import blueprint, refusals, today
from lims.catalogue.models import TestItem
from lims.catalogue.overview import measurable_items
from lims.catalogue.search import search_items
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui.faces import ID

ITEM = f"/test-items/{ID.format('test_item_id')}"


@blueprint.route("/test-items")
@blueprint.arguments(ItemQuery, location="query", as_kwargs=True)
@blueprint.response(200, TestItemPageDump)
@refusals(422)
def list_items(**wanted: Any) -> object:
    """Test items by code."""
    return use_cases.list_items(db.session(), **wanted)


@blueprint.route("/test-items", methods=["POST"])
@blueprint.arguments(TestItemLoad, as_kwargs=True)
@blueprint.response(201, TestItemDump)
@refusals(409, 422)
def post_item(**values: Any) -> TestItem:
    return use_cases.create_item(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route("/test-items/find")
@blueprint.arguments(FindQuery, location="query", as_kwargs=True)
@blueprint.response(200, FoundItemDump(many=True))
@refusals(422)
def find_items(q: str, limit: int) -> list[TestItem]:
    """Offered items that the typed words may mean, best match first; for no words the first by code."""
    return search_items(db.session(), q, limit=limit)


@blueprint.route("/test-items/measurable")
@blueprint.arguments(MeasurableQuery, location="query", as_kwargs=True)
@blueprint.response(200, MeasurablePageDump)
@refusals(422)
def list_measurable(**wanted: Any) -> object:
    """What we can measure today, by which method; or why we cannot."""
    return measurable_items(db.session(), on=today(), **wanted)


@blueprint.route("/test-items/prices", methods=["PUT"])
@blueprint.arguments(ItemPricesLoad, as_kwargs=True)
@blueprint.response(200, PricesChangedDump)
@refusals(404, 409, 422)
def put_prices(**values: Any) -> dict[str, int]:
    """Change list prices together: all or none."""
    return {"changed": use_cases.change_prices(unit_of_work(), actor=current_actor(), **values)}


@blueprint.route(ITEM)
@blueprint.response(200, TestItemDump)
@refusals(404)
def show_item(test_item_id: int) -> TestItem:
    return use_cases.item(db.session(), test_item_id)


@blueprint.route(ITEM, methods=["PUT"])
@blueprint.arguments(TestItemEditLoad, as_kwargs=True)
@blueprint.response(200, TestItemDump)
@refusals(404, 409, 422)
def put_item(test_item_id: int, **values: Any) -> TestItem:
    return use_cases.edit_item(unit_of_work(), actor=current_actor(), test_item_id=test_item_id, **values)
