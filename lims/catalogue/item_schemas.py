"""Shapes of test items and prices: what comes in and what goes out, apart."""

from typing import Any, ClassVar

from marshmallow import Schema, fields, post_load, validate

from lims.catalogue.items import ItemText, NewPrice
from lims.ui.shapes import Figure, Load, PageDump, PageQuery, number, row_version, text


class TextLoad(Load):
    """A body that becomes ``text``, an object of ``kind``; ``version`` stays beside it."""

    kind: ClassVar[type]

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        beside = {"version": values.pop("version")} if "version" in values else {}
        return {**beside, "text": self.kind(**values)}


class TestItemLoad(TextLoad):
    kind = ItemText
    code = text(60, metadata={"description": "What formulas and imports call it: `moisture`. Never changes."})
    name_zh = text(120)
    name_en = text(160)
    field = text(40, metadata={"description": "Signing field: who may sign it, such as `food_chemistry`."})
    section_id = number(required=True)
    price = Figure(required=True, metadata={"description": "Yuan, two decimals, as text."})
    retest_allowed = fields.Boolean(load_default=True)
    active = fields.Boolean(load_default=True)


class TestItemEditLoad(TestItemLoad):
    version = row_version()


class TestItemDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    field = fields.String()
    section_id = fields.Integer()
    price = Figure()
    retest_allowed = fields.Boolean()
    active = fields.Boolean()


class TestItemPageDump(PageDump):
    rows = fields.List(fields.Nested(TestItemDump), data_key="items")


class WordsQuery(PageQuery):
    """``q``: part of a code or name."""

    q = text(200, required=False, load_default="")

    @post_load
    def _named(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        words = values.pop("q")
        return {**values, "words": words}


class RetiredQuery(WordsQuery):
    also_retired = fields.Boolean(load_default=False)


class ItemQuery(RetiredQuery):
    section_id = number(load_default=None, allow_none=True)


class MeasurableQuery(WordsQuery):
    section_id = number(load_default=None, allow_none=True)


class FindQuery(Load):
    """For boxes in which people type: best match first."""

    q = text(200, required=False, load_default="")
    limit = fields.Integer(load_default=20, validate=validate.Range(1, 100))


class FoundItemDump(Schema):
    id = fields.Integer()
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    price = Figure()
    field = fields.String()
    section_id = fields.Integer()


class NoMethodDump(Schema):
    """Why there is none, in both languages; ``code`` is stable."""

    code = fields.String()
    zh = fields.String()
    en = fields.String()


class MeasuredByDump(Schema):
    version_id = fields.Integer(attribute="id")
    number = fields.Integer()
    unit = fields.String()
    lod = Figure(allow_none=True)
    loq = Figure(allow_none=True)
    standard = fields.String(attribute="method.standard.code")
    clause = fields.String(attribute="method.clause")


class MeasurableDump(Schema):
    item = fields.Nested(TestItemDump)
    method = fields.Nested(MeasuredByDump, attribute="choice.version", allow_none=True)
    reason = fields.Nested(NoMethodDump, attribute="choice.reason", allow_none=True)


class MeasurablePageDump(PageDump):
    rows = fields.List(fields.Nested(MeasurableDump), data_key="items")


class ItemPriceLoad(Load):
    test_item_id = number(required=True)
    version = row_version()
    price = Figure(required=True)

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> NewPrice:
        return NewPrice(**values)


class ItemPricesLoad(Load):
    prices = fields.List(fields.Nested(ItemPriceLoad), required=True, validate=validate.Length(1, 500))


class PricesChangedDump(Schema):
    changed = fields.Integer()
