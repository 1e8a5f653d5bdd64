"""Shapes of this room's forms and JSON: what comes in and what goes out, apart."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.accreditation.grants import MOST_METHODS
from lims.accreditation.models import Scheme
from lims.accreditation.people import Standing
from lims.accreditation.scope import ScopeStanding, ScopeText
from lims.ui.shapes import Load, PageDump, PageQuery, choice, legal_day, number, row_version, text

# -- scope ---------------------------------------------------------------------------


class ScopeEditLoad(Load):
    version = row_version()
    valid_from = legal_day(required=True)
    valid_to = legal_day(required=True)
    category_id = number(
        load_default=None, allow_none=True, metadata={"description": "Product class; null: every product."}
    )
    restriction = text(1000, required=False, load_default="")


class MethodQuery(Load):
    method_id = number(load_default=None, allow_none=True)


class ScopeLoad(Load):
    """Makes ``text``, a ScopeText."""

    scheme = choice(Scheme, required=True)
    method_id = number(required=True)
    valid_from = legal_day(required=True)
    valid_to = legal_day(required=True)
    category_id = number(
        load_default=None, allow_none=True, metadata={"description": "Product class; null: every product."}
    )
    restriction = text(1000, required=False, load_default="")

    @post_load
    def make(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {"text": ScopeText(**values)}


class ScopeEndLoad(Load):
    version = row_version()
    valid_to = legal_day(required=True)
    why = text(500)


class ScopeQuery(PageQuery):
    words = text(60, required=False, load_default="")
    scheme = choice(Scheme, load_default=None)
    method_id = number(load_default=None)
    standing = choice(ScopeStanding, load_default=None)
    on = legal_day(load_default=None, metadata={"description": "Today unless given."})


class ScopeLineDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    scheme = choice(Scheme)
    method_id = fields.Integer()
    test_item_id = fields.Integer()
    item_code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    standard = fields.String()
    clause = fields.String()
    category_id = fields.Integer(allow_none=True)
    valid_from = fields.Date()
    valid_to = fields.Date()
    restriction = fields.String()
    standing = choice(ScopeStanding)


class ScopePageDump(PageDump):
    rows = fields.List(fields.Nested(ScopeLineDump), data_key="items")


class ScopeRowDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    scheme = choice(Scheme)
    method_id = fields.Integer()
    category_id = fields.Integer(allow_none=True)
    valid_from = fields.Date()
    valid_to = fields.Date()
    restriction = fields.String()


# -- authorisations ------------------------------------------------------------------


class AuthorisationLoad(Load):
    account_id = number(required=True)
    method_ids = fields.List(number(), required=True, validate=validate.Length(1, MOST_METHODS))
    valid_from = legal_day(required=True)
    valid_to = legal_day(required=True)


class SigningLoad(Load):
    account_id = number(required=True)
    field = text(40)
    valid_from = legal_day(required=True)
    valid_to = legal_day(required=True)


class SuspendLoad(Load):
    version = row_version()
    why = text(500)


class AuthorisationQuery(PageQuery):
    account_id = number(load_default=None)
    method_id = number(load_default=None)
    valid_on = legal_day(load_default=None, metadata={"description": "Only those that count on that day."})


class SigningQuery(Load):
    account_id = number(load_default=None)


class DayQuery(Load):
    on = legal_day(load_default=None, metadata={"description": "Today unless given."})


class SectionDayQuery(DayQuery):
    section_id = number(load_default=None)


class GrantPageQuery(SectionDayQuery):
    account_id = number(load_default=None)
    method_id = number(load_default=None)


class AuthorisationDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    account_id = fields.Integer()
    method_id = fields.Integer()
    valid_from = fields.Date()
    valid_to = fields.Date()
    granted_by = fields.Integer(allow_none=True)
    suspended_at = fields.AwareDateTime(allow_none=True)
    suspended_why = fields.String()


class AuthorisationPageDump(PageDump):
    rows = fields.List(fields.Nested(AuthorisationDump), data_key="items")


class SigningGrantDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    account_id = fields.Integer()
    field = fields.String()
    valid_from = fields.Date()
    valid_to = fields.Date()
    granted_by = fields.Integer(allow_none=True)
    suspended_at = fields.AwareDateTime(allow_none=True)
    suspended_why = fields.String()


class StaffDump(Schema):
    id = fields.Integer()
    name_zh = fields.String()
    name_en = fields.String()


class MethodLineDump(Schema):
    method_id = fields.Integer()
    item_code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    standard = fields.String()
    clause = fields.String()


class HeldDump(Schema):
    row = fields.Nested(AuthorisationDump, data_key="authorisation")
    method = fields.Nested(MethodLineDump)
    standing = choice(Standing)


class HeldSigningDump(Schema):
    row = fields.Nested(SigningGrantDump, data_key="grant")
    standing = choice(Standing)


class RightsDump(Schema):
    person = fields.Nested(StaffDump)
    methods = fields.List(fields.Nested(HeldDump))
    signing = fields.List(fields.Nested(HeldSigningDump))


# -- the gate ------------------------------------------------------------------------


class GateQuery(DayQuery):
    method_id = number(required=True)
    category_id = number(load_default=None)
    person_id = number(load_default=None)


class GatePageQuery(DayQuery):
    method_id = number(load_default=None)
    category_id = number(load_default=None)
    person_id = number(load_default=None)


class GateSentenceDump(Schema):
    code = fields.String(metadata={"description": "Stable, for programs."})
    zh = fields.String()
    en = fields.String()


class MissingLinkDump(Schema):
    code = fields.String(
        metadata={
            "description": "method_withdrawn, method_not_in_force, method_not_released, "
            "method_without_version, outside_scope, scope_expired, scope_not_yet, scope_other_class, "
            "nobody_authorised, person_not_authorised, no_usable_equipment."
        }
    )
    blocking = fields.Boolean(metadata={"description": "False: it costs a mark only."})
    scheme = choice(Scheme, allow_none=True)
    sentence = fields.Nested(GateSentenceDump)


class UsableDump(Schema):
    id = fields.Integer()
    code = fields.String()


class InquiryDump(Schema):
    ok = fields.Boolean()
    schemes = fields.List(choice(Scheme), metadata={"description": "Whose mark the item may carry."})
    missing = fields.List(fields.Nested(MissingLinkDump))
    method_version_id = fields.Integer(allow_none=True, attribute="version.id", dump_default=None)
    people = fields.List(fields.Nested(StaffDump))
    usable = fields.Dict(
        keys=fields.String(metadata={"description": "Equipment class."}),
        values=fields.List(fields.Nested(UsableDump)),
    )


class UnavailableItemDump(Schema):
    id = fields.Integer()
    code = fields.String()
    name_zh = fields.String()
    name_en = fields.String()


class UnavailableDump(Schema):
    item = fields.Nested(UnavailableItemDump)
    reasons = fields.List(fields.Nested(GateSentenceDump))
