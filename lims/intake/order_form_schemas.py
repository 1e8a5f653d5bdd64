"""Shapes of the pages' forms about orders: text as it was typed, so that nothing is lost at a refusal."""

from typing import Any

from marshmallow import fields, post_load, validate

from lims.intake.drafts import LANGUAGES, NewContact, NewCustomer
from lims.intake.entry import OrderEntry, SamplingEntry
from lims.intake.order_schemas import LineLoad, optional
from lims.intake.paste import MAX_TEXT
from lims.metrology.decision_rules import AGREED_RULES, SIMPLE_ACCEPTANCE
from lims.ui.shapes import Load, legal_day, number, row_version, storable, text


def typed(longest: int) -> fields.String:
    """Text of a group that may be left empty as a whole."""
    return text(longest, required=False, load_default=None, allow_none=True)


class CustomerPartLoad(Load):
    name = typed(160)
    name_en = typed(200)
    address = typed(300)
    credit_code = typed(40)


class ContactPartLoad(Load):
    name = typed(100)
    phone = typed(40)
    email = typed(200)


class SamplingPartLoad(Load):
    sampled_firm = typed(160)
    sampled_on = legal_day(load_default=None, allow_none=True)
    sampler_one = typed(100)
    sampler_two = typed(100)
    number = typed(60)
    sampled_firm_address = typed(300)
    licence_number = typed(80)
    place = typed(160)
    stage = typed(40)
    seal_numbers = typed(200)
    base_quantity = typed(80)
    note = typed(2000)


def filled(part: dict[str, Any] | None) -> dict[str, Any]:
    """What somebody typed of a group."""
    return {name: value for name, value in (part or {}).items() if value not in (None, "")}


class OrderFormLoad(Load):
    """The whole page. ``pasted`` and ``file`` are read by "Read", never saved."""

    customer_id = number(load_default=None, allow_none=True)
    customer = optional(200)
    new_customer = fields.Nested(CustomerPartLoad, load_default=None)
    same_name = fields.Boolean(load_default=False)
    contact_id = number(load_default=None, allow_none=True)
    new_contact = fields.Nested(ContactPartLoad, load_default=None)
    business_type_id = number(load_default=None, allow_none=True)
    category_id = number(load_default=None, allow_none=True)
    asks = fields.List(text(20), load_default=list, validate=validate.Length(max=400))
    methods = fields.List(
        fields.String(validate=[storable, validate.Regexp(r"[0-9]{1,9}-[0-9]{1,9}\Z")]),
        load_default=list,
        validate=validate.Length(max=400),
    )
    samples = fields.List(fields.Nested(LineLoad), load_default=list)
    report_language = fields.String(load_default="zh", validate=validate.OneOf(LANGUAGES))
    judge = fields.Boolean(load_default=True)
    decision_rule = fields.String(
        load_default=SIMPLE_ACCEPTANCE.rule_id, validate=validate.OneOf(AGREED_RULES)
    )
    report_uncertainty = fields.Boolean(load_default=False)
    return_samples = fields.Boolean(load_default=False)
    backup = fields.Boolean(load_default=None, allow_none=True)
    purpose = optional(300)
    note = optional(2000)
    sampling_form = fields.Nested(SamplingPartLoad, load_default=None)
    again = fields.Boolean(load_default=False)
    pasted = fields.String(
        load_default="", validate=validate.Length(max=MAX_TEXT), metadata={"keep_space": True}
    )
    file = fields.Raw(load_default=None)

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        pasted, file = values.pop("pasted"), values.pop("file")
        customer, contact = filled(values.pop("new_customer")), filled(values.pop("new_contact"))
        sampling = filled(values.pop("sampling_form"))
        lines = values.pop("samples")
        pairs = (wish.split("-") for wish in values.pop("methods"))
        entry = OrderEntry(
            **values,
            lines=lines,
            methods=[(int(item), int(method)) for item, method in pairs],
            new_customer=NewCustomer(**{"name": "", **customer}) if customer else None,
            new_contact=NewContact(**{"name": "", **contact}) if contact else None,
            sampling_form=SamplingEntry(**sampling) if sampling else None,
        )
        return {"entry": entry, "pasted": pasted, "file": file}


class OrderEditLoad(Load):
    version = row_version()
    purpose = optional(300)
    note = optional(2000)
    report_language = fields.String(required=True, validate=validate.OneOf(LANGUAGES))
    judge = fields.Boolean(load_default=False)
    decision_rule = fields.String(required=True, validate=validate.OneOf(AGREED_RULES))
    report_uncertainty = fields.Boolean(load_default=False)
    return_samples = fields.Boolean(load_default=False)
    contact_id = number(load_default=None, allow_none=True)


class AddSamplingFormLoad(Load):
    """A sampling form added to a registered order; the same names as on the page of a new order."""

    sampling_form = fields.Nested(SamplingPartLoad, load_default=None)

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {"entry": SamplingEntry(**filled(values["sampling_form"]))}
