"""Shapes of customers and contacts: what comes in and what goes out, apart."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.intake.drafts import NewContact, NewCustomer
from lims.ui.shapes import Load, PageDump, PageQuery, number, row_version, storable, text

_MAIL = validate.Regexp(r"^$|^[^@\s]{1,64}@[^@\s]{1,130}$", error="Not a valid email address.")


class NewContactLoad(Load):
    name = text(100)
    phone = text(40, required=False, load_default="")
    email = fields.String(load_default="", validate=[validate.Length(max=200), storable, _MAIL])

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> NewContact:
        return NewContact(**values)


class NewCustomerLoad(Load):
    name = text(160)
    name_en = text(200, required=False, load_default="")
    address = text(300, required=False, load_default="")
    credit_code = text(40, required=False, load_default=None, allow_none=True)
    code = text(40, required=False, load_default=None, allow_none=True)

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> NewCustomer:
        return NewCustomer(**values)


class CustomerLoad(Load):
    """A new customer, with the person who speaks for it where there is one."""

    new = fields.Nested(NewCustomerLoad, required=True, data_key="customer")
    contact = fields.Nested(NewContactLoad, load_default=None, allow_none=True)
    same_name = fields.Boolean(
        load_default=False, metadata={"description": "A customer of this name exists and another is meant."}
    )


class CustomerFormLoad(Load):
    """The page's form: one contact, and none where none was typed."""

    name = text(160)
    name_en = text(200, required=False, load_default="")
    address = text(300, required=False, load_default="")
    credit_code = text(40, required=False, load_default=None, allow_none=True)
    contact = text(100, required=False, load_default="")
    phone = text(40, required=False, load_default="")
    email = fields.String(load_default="", validate=[validate.Length(max=200), storable, _MAIL])
    same_name = fields.Boolean(load_default=False)

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        contact = {name: values.pop(name) for name in ("phone", "email")}
        person = values.pop("contact")
        same_name = values.pop("same_name")
        return {
            "new": NewCustomer(**values),
            "contact": NewContact(person, **contact) if person or any(contact.values()) else None,
            "same_name": same_name,
        }


class CustomerEditLoad(Load):
    name = text(160)
    name_en = text(200, required=False, load_default="")
    address = text(300, required=False, load_default="")
    credit_code = text(40, required=False, load_default=None, allow_none=True)
    active = fields.Boolean(load_default=True)
    version = row_version()


class ContactFormLoad(Load):
    name = text(100)
    phone = text(40, required=False, load_default="")
    email = fields.String(load_default="", validate=[validate.Length(max=200), storable, _MAIL])

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {"new": NewContact(**values)}


class ContactEditLoad(Load):
    name = text(100)
    phone = text(40, required=False, load_default="")
    email = fields.String(load_default="", validate=[validate.Length(max=200), storable, _MAIL])
    version = row_version()

    @post_load
    def made(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        version = values.pop("version")
        return {"new": NewContact(**values), "version": version}


class AccountLinkLoad(Load):
    account_id = number(required=True)


class CustomerQuery(PageQuery):
    words = text(100, required=False, load_default="")
    active = fields.Boolean(load_default=None, allow_none=True)


class MatchQuery(Load):
    words = text(100, required=False, load_default="")


class ContactDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    name = fields.String()
    phone = fields.String()
    email = fields.String()


class CustomerDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    code = fields.String()
    name = fields.String()
    name_en = fields.String()
    address = fields.String()
    credit_code = fields.String(allow_none=True)
    active = fields.Boolean()
    contacts = fields.List(fields.Nested(ContactDump))


class CustomerRowDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    code = fields.String()
    name = fields.String()
    name_en = fields.String()
    address = fields.String()
    credit_code = fields.String(allow_none=True)
    active = fields.Boolean()
    open_orders = fields.Integer()


class CustomerPageDump(PageDump):
    rows = fields.List(fields.Nested(CustomerRowDump), data_key="items")


class LinkedAccountDump(Schema):
    id = fields.Integer()
    username = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
