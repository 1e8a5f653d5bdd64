"""Shapes of standards: what comes in and what goes out, apart."""

from marshmallow import Schema, fields

from lims.catalogue.item_schemas import FoundItemDump, TestItemDump, TextLoad, WordsQuery
from lims.catalogue.limit_schemas import LimitDump
from lims.catalogue.method_schemas import MethodDump
from lims.catalogue.models import StandardStatus
from lims.catalogue.standards import StandardText
from lims.ui.shapes import Load, PageDump, choice, legal_day, number, row_version, text


class StandardLoad(TextLoad):
    kind = StandardText
    code = text(80, metadata={"description": "With its year: `GB 5009.3-2016`."})
    title_zh = text(200)
    title_en = text(300)
    in_force_from = legal_day(load_default=None, allow_none=True)
    withdrawn_from = legal_day(load_default=None, allow_none=True)
    transition_until = legal_day(load_default=None, allow_none=True)
    replaced_by_id = number(load_default=None, allow_none=True)


class StandardEditLoad(StandardLoad):
    version = row_version()


class StandardWithdrawLoad(Load):
    withdrawn_from = legal_day(required=True)
    transition_until = legal_day(load_default=None, allow_none=True)
    replaced_by_id = number(load_default=None, allow_none=True)
    why = text(500, required=False, load_default="")
    version = row_version()


class StandardQuery(WordsQuery):
    status = choice(StandardStatus, load_default=None, allow_none=True)


class StandardDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    code = fields.String()
    title_zh = fields.String()
    title_en = fields.String()
    in_force_from = fields.Date(allow_none=True)
    withdrawn_from = fields.Date(allow_none=True)
    transition_until = fields.Date(
        allow_none=True, metadata={"description": "Last day beside its successor."}
    )
    replaced_by_id = fields.Integer(allow_none=True)


class StandardPageDump(PageDump):
    rows = fields.List(fields.Nested(StandardDump), data_key="items")


class RestingLimitDump(Schema):
    limit = fields.Nested(LimitDump)
    item = fields.Nested(FoundItemDump)


class StandardRestingDump(Schema):
    """What rests on a standard; ``left_without``: offered items with no other method in force."""

    methods = fields.List(fields.Nested(MethodDump))
    limits = fields.List(fields.Nested(RestingLimitDump))
    left_without = fields.List(fields.Nested(TestItemDump))
