"""JSON face of product classes, packages and business types."""

from typing import Any

from lims.catalogue import business, categories, packages
from lims.catalogue.item_schemas import FindQuery, RetiredQuery
from lims.catalogue.json_face import blueprint, refusals
from lims.catalogue.models import BusinessType, Category
from lims.catalogue.packages import Contents, contents_of
from lims.catalogue.product_schemas import (
    BusinessTypeDump,
    BusinessTypeEditLoad,
    BusinessTypeLoad,
    BusinessTypeQuery,
    CategoryDump,
    CategoryEditLoad,
    CategoryLoad,
    CategoryPageDump,
    CategoryQuery,
    FoundCategoryDump,
    PackageDump,
    PackageEditLoad,
    PackageLoad,
    PackagePageDump,
)
from lims.catalogue.search import search_categories
from lims.core.database import db
from lims.core.paging import Page
from lims.core.web import current_actor, request_key, unit_of_work
from lims.ui.faces import ID

CATEGORY = f"/categories/{ID.format('category_id')}"
PACKAGE = f"/packages/{ID.format('package_id')}"
TYPE = f"/business-types/{ID.format('business_type_id')}"

# -- product classes -----------------------------------------------------------------


@blueprint.route("/categories")
@blueprint.arguments(CategoryQuery, location="query", as_kwargs=True)
@blueprint.response(200, CategoryPageDump)
@refusals(422)
def list_categories(**wanted: Any) -> object:
    """Product classes by code; `parent_id` walks down the tree."""
    return categories.list_categories(db.session(), **wanted)


@blueprint.route("/categories", methods=["POST"])
@blueprint.arguments(CategoryLoad, as_kwargs=True)
@blueprint.response(201, CategoryDump)
@refusals(409, 422)
def post_category(**values: Any) -> Category:
    return categories.add_category(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route("/categories/find")
@blueprint.arguments(FindQuery, location="query", as_kwargs=True)
@blueprint.response(200, FoundCategoryDump(many=True))
@refusals(422)
def find_categories(q: str, limit: int) -> list[dict[str, object]]:
    """Classes that the typed words may mean, best match first, with the classes above each."""
    rows = search_categories(db.session(), q, limit=limit)
    above = categories.ancestors_of(db.session(), rows)
    return [
        {
            **CategoryDump().dump(row),
            "above_zh": [one.name_zh for one in above[row.id]],
            "above_en": [one.name_en for one in above[row.id]],
        }
        for row in rows
    ]


@blueprint.route(CATEGORY)
@blueprint.response(200, CategoryDump)
@refusals(404)
def show_category(category_id: int) -> Category:
    return categories.category(db.session(), category_id)


@blueprint.route(CATEGORY, methods=["PUT"])
@blueprint.arguments(CategoryEditLoad, as_kwargs=True)
@blueprint.response(200, CategoryDump)
@refusals(404, 409, 422)
def put_category(category_id: int, **values: Any) -> Category:
    """Other code or names; its place in the tree stays."""
    return categories.rename_category(
        unit_of_work(), actor=current_actor(), category_id=category_id, **values
    )


# -- packages ------------------------------------------------------------------------


@blueprint.route("/packages")
@blueprint.arguments(RetiredQuery, location="query", as_kwargs=True)
@blueprint.response(200, PackagePageDump)
@refusals(422)
def list_packages(**wanted: Any) -> Page[Contents]:
    """By code, each with its offered test items in order and their price together."""
    page = packages.list_packages(db.session(), **wanted)
    return Page(contents_of(db.session(), page.rows), page.after, page.before)


@blueprint.route("/packages", methods=["POST"])
@blueprint.arguments(PackageLoad, as_kwargs=True)
@blueprint.response(201, PackageDump)
@refusals(409, 422)
def post_package(**values: Any) -> Contents:
    row = packages.create_package(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)
    return contents_of(db.session(), [row])[0]


@blueprint.route(PACKAGE)
@blueprint.response(200, PackageDump)
@refusals(404)
def show_package(package_id: int) -> Contents:
    return contents_of(db.session(), [packages.package(db.session(), package_id)])[0]


@blueprint.route(PACKAGE, methods=["PUT"])
@blueprint.arguments(PackageEditLoad, as_kwargs=True)
@blueprint.response(200, PackageDump)
@refusals(404, 409, 422)
def put_package(package_id: int, **values: Any) -> Contents:
    row = packages.edit_package(unit_of_work(), actor=current_actor(), package_id=package_id, **values)
    return contents_of(db.session(), [row])[0]


# -- business types ------------------------------------------------------------------


@blueprint.route("/business-types")
@blueprint.arguments(BusinessTypeQuery, location="query", as_kwargs=True)
@blueprint.response(200, BusinessTypeDump(many=True))
@refusals(422)
def list_business_types(also_retired: bool) -> list[BusinessType]:
    return business.business_types(db.session(), also_retired=also_retired)


@blueprint.route("/business-types", methods=["POST"])
@blueprint.arguments(BusinessTypeLoad, as_kwargs=True)
@blueprint.response(201, BusinessTypeDump)
@refusals(409, 422)
def post_business_type(**values: Any) -> BusinessType:
    return business.create_business_type(
        unit_of_work(), actor=current_actor(), request_key=request_key(), **values
    )


@blueprint.route(TYPE)
@blueprint.response(200, BusinessTypeDump)
@refusals(404)
def show_business_type(business_type_id: int) -> BusinessType:
    return business.business_type(db.session(), business_type_id)


@blueprint.route(TYPE, methods=["PUT"])
@blueprint.arguments(BusinessTypeEditLoad, as_kwargs=True)
@blueprint.response(200, BusinessTypeDump)
@refusals(404, 409, 422)
def put_business_type(business_type_id: int, **values: Any) -> BusinessType:
    return business.edit_business_type(
        unit_of_work(), actor=current_actor(), business_type_id=business_type_id, **values
    )
