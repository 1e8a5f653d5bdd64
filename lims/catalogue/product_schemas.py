"""Shapes of product classes, packages and business types: what comes in and what goes out, apart."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.catalogue.business import BusinessTypeText
from lims.catalogue.item_schemas import FoundItemDump, TextLoad, WordsQuery
from lims.catalogue.models import Payer
from lims.catalogue.packages import PackageText
from lims.ui.shapes import Figure, Load, PageDump, choice, number, row_version, text

# -- product classes -----------------------------------------------------------------


class CategoryNamesLoad(Load):
    code = text(60)
    name_zh = text(100)
    name_en = text(150)


class CategoryLoad(CategoryNamesLoad):
    parent_id = number(load_default=None, allow_none=True)


class CategoryEditLoad(CategoryNamesLoad):
    version = row_version()


class CategoryQuery(WordsQuery):
    parent_id = number(load_default=None, allow_none=True)


class CategoryDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    parent_id = fields.Integer(allow_none=True)
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    level = fields.Integer()
    path = fields.String(metadata={"description": "Ids from the root down: `/1/5/9/`."})


class FoundCategoryDump(CategoryDump):
    """``above_zh``, ``above_en``: names of the classes above, root first."""

    above_zh = fields.List(fields.String())
    above_en = fields.List(fields.String())


class CategoryPageDump(PageDump):
    rows = fields.List(fields.Nested(CategoryDump), data_key="items")


# -- packages ------------------------------------------------------------------------


class PackageLoad(TextLoad):
    kind = PackageText
    code = text(60)
    name_zh = text(120)
    name_en = text(160)
    item_ids = fields.List(
        number(), required=True, validate=validate.Length(1, 200), metadata={"description": "In order."}
    )
    category_id = number(load_default=None, allow_none=True)
    active = fields.Boolean(load_default=True)


class PackageEditLoad(PackageLoad):
    version = row_version()


class PackageRowLoad(Load):
    """One row of the page: a test item by code or name, and the place it is to take."""

    item = text(200)
    place = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(0, 9999))


class PackageFormLoad(Load):
    code = text(60)
    name_zh = text(120)
    name_en = text(160)
    category_id = number(load_default=None, allow_none=True)
    active = fields.Boolean(load_default=True)
    rows = fields.List(fields.Nested(PackageRowLoad), required=True, validate=validate.Length(1, 200))

    @post_load
    def _ordered(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """Rows by their place; those without one follow in the order of the page."""
        rows = values.pop("rows")
        ordered = sorted(rows, key=lambda row: (row["place"] is None, row["place"] or 0))
        return {**values, "names": [row["item"] for row in ordered]}


class PackageEditFormLoad(PackageFormLoad):
    version = row_version()


class PackageDump(Schema):
    id = fields.Integer(attribute="package.id")
    version = fields.Integer(attribute="package.version")
    code = fields.String(attribute="package.code")
    name_zh = fields.String(attribute="package.name_zh")
    name_en = fields.String(attribute="package.name_en")
    category_id = fields.Integer(attribute="package.category_id", allow_none=True)
    active = fields.Boolean(attribute="package.active")
    price = Figure(metadata={"description": "Sum of the offered items' list prices, yuan."})
    rows = fields.List(fields.Nested(FoundItemDump), attribute="offered", data_key="items")


class PackagePageDump(PageDump):
    rows = fields.List(fields.Nested(PackageDump), data_key="items")


# -- business types ------------------------------------------------------------------


class BusinessTypeLoad(TextLoad):
    kind = BusinessTypeText
    code = text(40)
    name_zh = text(60)
    name_en = text(80)
    payer = choice(Payer, required=True)
    working_days = fields.Integer(required=True, validate=validate.Range(1, 365))
    sampling_form = fields.Boolean(load_default=False)
    backup_sample = fields.Boolean(load_default=False)
    judged = fields.Boolean(load_default=True)
    statement_zh = text(2000, required=False, load_default="")
    statement_en = text(2000, required=False, load_default="")
    retention_days = fields.Integer(load_default=90, validate=validate.Range(0, 3650))
    active = fields.Boolean(load_default=True)


class BusinessTypeEditLoad(BusinessTypeLoad):
    version = row_version()


class BusinessTypeDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    payer = choice(Payer)
    working_days = fields.Integer()
    sampling_form = fields.Boolean()
    backup_sample = fields.Boolean()
    judged = fields.Boolean()
    statement_zh = fields.String()
    statement_en = fields.String()
    retention_days = fields.Integer()
    active = fields.Boolean()


class BusinessTypeQuery(Load):
    also_retired = fields.Boolean(load_default=False)
