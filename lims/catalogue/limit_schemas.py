"""Shapes of limits and of the question which one holds: what comes in and what goes out, apart."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.catalogue.limits import LimitText
from lims.catalogue.models import Comparison, LimitKind
from lims.metrology.ratio_sums import NotDetectedAs
from lims.ui.shapes import Figure, Load, PageDump, PageQuery, choice, legal_day, number, row_version, text


class _LimitFields(Load):
    standard_id = number(required=True)
    kind = choice(LimitKind, required=True)
    unit = text(40, required=False, load_default="")
    valid_from = legal_day(required=True)
    valid_to = legal_day(load_default=None, allow_none=True)
    low = Figure(load_default=None, allow_none=True)
    high = Figure(load_default=None, allow_none=True)
    n = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 60))
    c = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(0, 60))
    m_small = Figure(load_default=None, allow_none=True)
    m_large = Figure(load_default=None, allow_none=True)
    comparison = choice(Comparison, load_default=Comparison.FULL_VALUE)
    note = text(1000, required=False, load_default="")
    members = fields.List(
        number(),
        load_default=list,
        validate=validate.Length(max=60),
        metadata={"description": "Of a sum of ratios: the test items that share it."},
    )
    not_detected = choice(NotDetectedAs, load_default=None, allow_none=True)


class LimitOfItemLoad(_LimitFields):
    """A new limit of the item that the address names; ``category_id`` null: every product."""

    category_id = number(load_default=None, allow_none=True)


class LimitLoad(_LimitFields):
    test_item_id = number(required=True)
    category_id = number(load_default=None, allow_none=True)

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        return {"text": LimitText(**values)}


class LimitSupersedeLoad(_LimitFields):
    """Item and product class stay those of the old limit."""

    version = row_version()

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        version = values.pop("version")
        # The use case puts in item and class of the old limit.
        return {"version": version, "text": LimitText(test_item_id=0, category_id=None, **values)}


class LimitCompareQuery(Load):
    """A firm's own limit, to be compared; figures as its kind needs them."""

    kind = choice(LimitKind, required=True)
    unit = text(40, required=False, load_default="")
    low = Figure(load_default=None, allow_none=True)
    high = Figure(load_default=None, allow_none=True)
    n = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 60))
    c = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(0, 60))
    m_small = Figure(load_default=None, allow_none=True)
    m_large = Figure(load_default=None, allow_none=True)
    comparison = choice(Comparison, load_default=Comparison.FULL_VALUE)


class LimitCompareDump(Schema):
    """``outcome``: stricter, looser, equal, not_comparable."""

    outcome = fields.String()


class LimitEndLoad(Load):
    valid_to = legal_day(required=True)
    version = row_version()


class LimitQuestionLoad(Load):
    """``produced_on`` null: not known, the day of registration ``on`` decides."""

    test_item_id = number(required=True)
    category_id = number(load_default=None, allow_none=True)
    produced_on = legal_day(load_default=None, allow_none=True)
    on = legal_day(load_default=None, allow_none=True)


class WhichLimitQuery(LimitQuestionLoad):
    """The question as a page asks it: nothing chosen yet."""

    test_item_id = number(load_default=None, allow_none=True)


class LimitQuery(PageQuery):
    test_item_id = number(load_default=None, allow_none=True)
    category_id = number(load_default=None, allow_none=True)
    standard_id = number(load_default=None, allow_none=True)
    in_force_on = legal_day(load_default=None, allow_none=True)


class LimitDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    standard_id = fields.Integer()
    standard = fields.String(attribute="standard.code")
    test_item_id = fields.Integer()
    category_id = fields.Integer(allow_none=True)
    kind = choice(LimitKind)
    unit = fields.String()
    low = Figure(allow_none=True)
    high = Figure(allow_none=True)
    n = fields.Integer(allow_none=True)
    c = fields.Integer(allow_none=True)
    m_small = Figure(allow_none=True)
    m_large = Figure(allow_none=True)
    comparison = choice(Comparison)
    valid_from = fields.Date()
    valid_to = fields.Date(allow_none=True)
    note = fields.String()
    not_detected = choice(NotDetectedAs, allow_none=True)
    members = fields.Function(
        lambda row: [one.test_item_id for one in row.members] if row.kind is LimitKind.RATIO_SUM else []
    )


class LimitPageDump(PageDump):
    rows = fields.List(fields.Nested(LimitDump), data_key="items")


class LimitChoiceDump(Schema):
    """``reason``: found, no_limit, category_unknown, no_limit_for_category, no_limit_on_date, limit_withdrawn."""

    limit = fields.Nested(LimitDump, allow_none=True)
    reason = fields.String()
    day = fields.Date()
