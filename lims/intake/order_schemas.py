"""Shapes of orders as programs send them and as they go out."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.intake.customer_schemas import NewContactLoad, NewCustomerLoad
from lims.intake.drafts import LANGUAGES, LENGTHS, MAX_SAMPLES, OrderDraft, SampleDraft, SamplingFormDraft
from lims.intake.entry import COLUMNS, OrderEntry
from lims.intake.order_reading import Wanted
from lims.intake.paste import MAX_TEXT
from lims.intake.review import ACCEPT, DROP
from lims.intake.states import FindingLevel, OrderState, SampleState, TestState
from lims.metrology.decision_rules import AGREED_RULES, SIMPLE_ACCEPTANCE
from lims.ui.shapes import (
    MAX_ID,
    Figure,
    Load,
    PageDump,
    PageQuery,
    choice,
    legal_day,
    number,
    row_version,
    text,
)

_A_NUMBER = validate.Range(1, MAX_ID)


def numbers(longest: int = 200) -> fields.List[Any]:
    return fields.List(
        fields.Integer(validate=_A_NUMBER), load_default=list, validate=validate.Length(max=longest)
    )


def optional(longest: int) -> fields.String:
    return text(longest, required=False, load_default="")


class SampleLoad(Load):
    """``items``, ``packages``: for this sample besides what all get."""

    name = text(LENGTHS["name"])
    category_id = number(load_default=None, allow_none=True)
    specification = optional(LENGTHS["specification"])
    brand = optional(LENGTHS["brand"])
    batch = optional(LENGTHS["batch"])
    produced_on = legal_day(load_default=None, allow_none=True)
    expires_on = legal_day(load_default=None, allow_none=True)
    producer = optional(LENGTHS["producer"])
    producer_address = optional(LENGTHS["producer_address"])
    quantity = optional(LENGTHS["quantity"])
    items = numbers()
    packages = numbers()

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> SampleDraft:
        values["items"], values["packages"] = tuple(values["items"]), tuple(values["packages"])
        return SampleDraft(**values)


class SamplingFormLoad(Load):
    sampled_firm = text(160)
    sampled_on = legal_day(required=True)
    sampler_one = text(100)
    sampler_two = text(100)
    number = optional(60)
    sampled_firm_address = optional(300)
    licence_number = optional(80)
    place = optional(160)
    stage = optional(40)
    seal_numbers = optional(200)
    base_quantity = optional(80)
    note = optional(2000)

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> SamplingFormDraft:
        return SamplingFormDraft(**values)


class MethodWishLoad(Load):
    test_item_id = number(required=True)
    method_id = number(required=True)


class QuoteLoad(Load):
    """What is asked for, without saying by whom: for price and due date."""

    business_type_id = number(required=True)
    samples = fields.List(
        fields.Nested(SampleLoad), required=True, validate=validate.Length(min=1, max=MAX_SAMPLES)
    )
    items = numbers()
    packages = numbers()
    methods = fields.List(
        fields.Nested(MethodWishLoad), load_default=list, validate=validate.Length(max=1000)
    )
    backup = fields.Boolean(load_default=None, allow_none=True)

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        for name in ("samples", "items", "packages"):
            values[name] = tuple(values[name])
        values["methods"] = tuple((m["test_item_id"], m["method_id"]) for m in values["methods"])
        return {"draft": OrderDraft(**values)}


class OrderLoad(QuoteLoad):
    customer_id = number(load_default=None, allow_none=True)
    new_customer = fields.Nested(NewCustomerLoad, load_default=None, allow_none=True)
    same_name = fields.Boolean(load_default=False)
    contact_id = number(load_default=None, allow_none=True)
    new_contact = fields.Nested(NewContactLoad, load_default=None, allow_none=True)
    report_language = fields.String(load_default="zh", validate=validate.OneOf(LANGUAGES))
    judge = fields.Boolean(load_default=True)
    decision_rule = fields.String(
        load_default=SIMPLE_ACCEPTANCE.rule_id, validate=validate.OneOf(AGREED_RULES)
    )
    report_uncertainty = fields.Boolean(load_default=False)
    return_samples = fields.Boolean(load_default=False)
    purpose = optional(300)
    note = optional(2000)
    sampling_form = fields.Nested(SamplingFormLoad, load_default=None, allow_none=True)
    again = fields.Boolean(load_default=False)


class SamplingLoad(Load):
    """A sampling form for samples of a registered order; none named: all that have no form."""

    draft = fields.Nested(SamplingFormLoad, required=True, data_key="form")
    sample_ids = fields.List(
        fields.Integer(validate=_A_NUMBER), load_default=list, validate=validate.Length(max=1000)
    )

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {"draft": values["draft"], "sample_ids": tuple(values["sample_ids"])}


class LineLoad(Load):
    """One line of a sheet, every cell as it was written."""

    class Meta(Load.Meta):
        include = {name: text(500, required=False, load_default="") for name in COLUMNS}


class SheetCheckLoad(Load):
    """Lines of a sheet to look at: faults by line, price and due date. Nothing is saved."""

    samples = fields.List(fields.Nested(LineLoad), load_default=list, validate=validate.Length(max=2000))
    asks = fields.List(
        text(20),
        load_default=list,
        validate=validate.Length(max=400),
        metadata={"description": "For all samples: p12 is a package, i34 a test item."},
    )
    business_type_id = number(load_default=None, allow_none=True)

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {
            "entry": OrderEntry(
                business_type_id=values["business_type_id"], lines=values["samples"], asks=values["asks"]
            )
        }


class PasteLoad(Load):
    """Text copied from a spreadsheet, with or without headings."""

    text = fields.String(required=True, validate=validate.Length(min=1, max=MAX_TEXT))
    items_for_all = fields.Boolean(load_default=False)


class OrderChangeLoad(Load):
    version = row_version()
    purpose = text(300, required=False)
    note = text(2000, required=False)
    report_language = fields.String(validate=validate.OneOf(LANGUAGES))
    judge = fields.Boolean()
    decision_rule = fields.String(validate=validate.OneOf(AGREED_RULES))
    report_uncertainty = fields.Boolean()
    return_samples = fields.Boolean()
    contact_id = number(allow_none=True)


class OrderVersionLoad(Load):
    version = row_version()


class DecisionLoad(Load):
    finding_ids = fields.List(
        fields.Integer(validate=_A_NUMBER), required=True, validate=validate.Length(min=1, max=20_000)
    )
    decision = fields.String(required=True, validate=validate.OneOf([DROP, ACCEPT]))
    reason = optional(500)


class OneDecisionLoad(Load):
    decision = fields.String(required=True, validate=validate.OneOf([DROP, ACCEPT]))
    reason = optional(500)


class OrderQuery(PageQuery):
    words = optional(100)
    state = choice(OrderState, load_default=None, allow_none=True)
    business_type_id = number(load_default=None, allow_none=True)
    customer_id = number(load_default=None, allow_none=True)
    registered_from = legal_day(load_default=None, allow_none=True)
    registered_to = legal_day(load_default=None, allow_none=True)
    due_to = legal_day(load_default=None, allow_none=True)
    late = fields.Boolean(load_default=False)

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        page = {name: values.pop(name) for name in ("cursor", "size")}
        return {"wanted": Wanted(**values), **page}


# -- what goes out -------------------------------------------------------------------


class QuoteDump(Schema):
    price = Figure(metadata={"description": "CNY, what the customer pays."})
    listed = Figure(metadata={"description": "CNY, by the price list."})
    tests = fields.Integer()
    due_on = fields.Date()
    working_days = fields.Integer()
    state_pays = fields.Boolean()


class KindDump(Schema):
    id = fields.Integer()
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    payer = fields.String()
    sampling_form = fields.Boolean()
    backup_sample = fields.Boolean()
    judged = fields.Boolean()
    working_days = fields.Integer()


class LookDump(Schema):
    lines = fields.Integer()
    faults = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(keys=fields.String(), values=fields.List(fields.String())),
        metadata={"description": "Line (from 0) -> column -> sentences."},
    )
    quote = fields.Nested(QuoteDump, allow_none=True)
    kind = fields.Nested(KindDump, allow_none=True)


class FaultDump(Schema):
    row = fields.Integer(metadata={"description": "From 1, the heading apart."})
    field = fields.String()
    code = fields.String()
    sentence = fields.String()


class PastedSampleDump(Schema):
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
    items = fields.List(fields.Integer())
    packages = fields.List(fields.Integer())


class PastedRowDump(Schema):
    row = fields.Integer()
    cells = fields.List(fields.String())
    sample = fields.Nested(PastedSampleDump)
    faults = fields.List(fields.Nested(FaultDump))


class PasteDump(Schema):
    columns = fields.List(fields.String())
    heading = fields.List(fields.String())
    ignored = fields.List(fields.String())
    rows = fields.List(fields.Nested(PastedRowDump))


class OfferRowDump(Schema):
    id = fields.Integer()
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    price = Figure(allow_none=True)


class OfferCategoryDump(Schema):
    id = fields.Integer()
    parent_id = fields.Integer(allow_none=True)
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()


class OfferDump(Schema):
    types = fields.List(fields.Nested(KindDump))
    packages = fields.List(fields.Nested(OfferRowDump))
    items = fields.List(fields.Nested(OfferRowDump))
    categories = fields.List(fields.Nested(OfferCategoryDump))


class OrderDump(Schema):
    id = fields.Integer()
    number = fields.String()
    version = fields.Integer()
    state = choice(OrderState)
    customer_id = fields.Integer()
    contact_id = fields.Integer(allow_none=True)
    business_type_id = fields.Integer()
    purpose = fields.String()
    report_language = fields.String()
    judge = fields.Boolean()
    decision_rule = fields.String()
    report_uncertainty = fields.Boolean()
    return_samples = fields.Boolean()
    registered_on = fields.Date()
    registered_at = fields.AwareDateTime()
    due_on = fields.Date()
    price = Figure()
    note = fields.String()
    accepted_at = fields.AwareDateTime(allow_none=True)
    cancelled_why = fields.String(allow_none=True)


class OrderRowDump(Schema):
    id = fields.Integer()
    number = fields.String()
    version = fields.Integer()
    state = choice(OrderState)
    customer_id = fields.Integer()
    customer = fields.String()
    business_type_id = fields.Integer()
    registered_on = fields.Date()
    due_on = fields.Date()
    price = Figure()
    samples = fields.Integer()
    tests = fields.Integer()
    tests_done = fields.Integer()


class OrderPageDump(PageDump):
    rows = fields.List(fields.Nested(OrderRowDump), data_key="items")


class TestDump(Schema):
    __test__ = False
    id = fields.Integer()
    version = fields.Integer()
    test_item_id = fields.Integer()
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    state = choice(TestState)
    price = Figure()
    due_on = fields.Date()
    cancelled_why = fields.String(allow_none=True)


class OrderedSampleDump(Schema):
    id = fields.Integer()
    number = fields.String()
    position = fields.Integer()
    backup_of_id = fields.Integer(allow_none=True)
    name = fields.String()
    specification = fields.String()
    brand = fields.String()
    batch = fields.String()
    produced_on = fields.Date(allow_none=True)
    expires_on = fields.Date(allow_none=True)
    producer = fields.String()
    quantity = fields.String()
    category_id = fields.Integer(allow_none=True)
    state = choice(SampleState)
    due_on = fields.Date()
    tests = fields.List(fields.Nested(TestDump))


class OrderedSamplePageDump(PageDump):
    rows = fields.List(fields.Nested(OrderedSampleDump), data_key="items")


class FindingDump(Schema):
    id = fields.Integer()
    requested_test_id = fields.Integer(allow_none=True)
    level = choice(FindingLevel)
    code = fields.String()
    text_zh = fields.String()
    text_en = fields.String()
    decision = fields.String(allow_none=True)
    decided_at = fields.AwareDateTime(allow_none=True)


class SamplingFormDump(Schema):
    id = fields.Integer()
    order_id = fields.Integer()
    number = fields.String()
    sampled_firm = fields.String()
    sampled_on = fields.Date()
    sampler_one = fields.String()
    sampler_two = fields.String()


def with_tests(row: Any, tests: Mapping[int, Any]) -> dict[str, Any]:
    """One sample of an order with its tests, for ``OrderedSampleDump``."""
    return {**row._mapping, "tests": tests.get(row.id, [])}
