"""Shapes of samples as they are asked for and as they go out."""

from marshmallow import Schema, fields

from lims.intake.sample_list import Due
from lims.intake.states import SampleState, TestState
from lims.ui.shapes import Figure, PageDump, PageQuery, choice, legal_day, number, text


class SampleQuery(PageQuery):
    """``since``, ``until``: day of registration. ``due``: of open work; ``retention`` of kept samples."""

    q = text(100, required=False, load_default="")
    state = choice(SampleState, load_default=None)
    due = choice(Due, load_default=None)
    category_id = number(load_default=None)
    holder_id = number(load_default=None)
    place_id = number(load_default=None)
    business_type_id = number(load_default=None)
    customer_id = number(load_default=None)
    order_id = number(load_default=None)
    since = legal_day(load_default=None)
    until = legal_day(load_default=None)


class SampleRowDump(Schema):
    id = fields.Integer()
    number = fields.String()
    name = fields.String()
    batch = fields.String()
    state = fields.Enum(SampleState, by_value=True)
    registered_on = fields.Date()
    due_on = fields.Date()
    retain_until = fields.Date(allow_none=True)
    order_id = fields.Integer()
    order_number = fields.String()
    customer_id = fields.Integer()
    customer = fields.String()
    business_type_zh = fields.String(attribute="type_zh")
    business_type_en = fields.String(attribute="type_en")
    holder_zh = fields.String(allow_none=True)
    holder_en = fields.String(allow_none=True)
    place = fields.String(allow_none=True)


class SamplePageDump(PageDump):
    """``total`` counts to 10,000 at most; ``more`` says that there are more."""

    items = fields.List(fields.Nested(SampleRowDump))
    total = fields.Integer()
    more = fields.Boolean()


class SampleTestDump(Schema):
    id = fields.Integer()
    test_item_id = fields.Integer()
    code = fields.String(attribute="test_item.code")
    name_zh = fields.String(attribute="test_item.name_zh")
    name_en = fields.String(attribute="test_item.name_en")
    standard = fields.String(attribute="method.standard.code")
    state = fields.Enum(TestState, by_value=True)
    due_on = fields.Date()
    section_id = fields.Integer()
    assignee_id = fields.Integer(allow_none=True)


class SampleDetailDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    number = fields.String()
    order_id = fields.Integer()
    customer_id = fields.Integer()
    backup_of_id = fields.Integer(allow_none=True)
    position = fields.Integer()
    name = fields.String()
    category_id = fields.Integer(allow_none=True)
    specification = fields.String()
    brand = fields.String()
    batch = fields.String()
    produced_on = fields.Date(allow_none=True)
    expires_on = fields.Date(allow_none=True)
    producer = fields.String()
    producer_address = fields.String()
    quantity = fields.String()
    state = fields.Enum(SampleState, by_value=True)
    registered_on = fields.Date()
    due_on = fields.Date()
    received_at = fields.AwareDateTime(allow_none=True)
    received_by = fields.Integer(allow_none=True)
    seal = fields.String(allow_none=True)
    temperature = Figure(allow_none=True)
    amount = fields.String(allow_none=True)
    condition = fields.String(allow_none=True)
    photo_sha256 = fields.String(allow_none=True)
    refused_why = fields.String(allow_none=True)
    refused_on = fields.Date(allow_none=True)
    refusal_letter_number = fields.String(allow_none=True)
    refusal_letter_sha256 = fields.String(allow_none=True)
    holder_id = fields.Integer(allow_none=True)
    place_id = fields.Integer(allow_none=True)
    retain_until = fields.Date(allow_none=True)
    disposal_why = fields.String(allow_none=True)
    disposal_asked_by = fields.Integer(allow_none=True)
    disposal_approved_by = fields.Integer(allow_none=True)


class HappeningDump(Schema):
    at = fields.AwareDateTime()
    what = fields.String()
    who_zh = fields.Function(lambda line: line.who[0])
    who_en = fields.Function(lambda line: line.who[1])
    to_zh = fields.Function(lambda line: line.to[0])
    to_en = fields.Function(lambda line: line.to[1])
    place = fields.String()
    note = fields.String()


class StoryDump(Schema):
    """``actions``: what this account can do with the sample now."""

    sample = fields.Nested(SampleDetailDump)
    order_number = fields.String(attribute="order.number")
    tests = fields.List(fields.Nested(SampleTestDump))
    happenings = fields.List(fields.Nested(HappeningDump))
    labels = fields.Integer()
    next_step = fields.String()
    actions = fields.Function(lambda story: sorted(action.value for action in story.actions))
