"""Shapes of this room's forms and JSON: what comes in and what goes out, apart."""

from marshmallow import Schema, fields, validate

from lims.certificates.states import CertificateState
from lims.intake.states import OrderState, SampleState
from lims.portal.links import LONGEST_DAYS, MOST_DOWNLOADS
from lims.portal.own import Progress
from lims.ui.shapes import Figure, Load, PageDump, PageQuery, choice, number, text


class VerifyQuery(Load):
    number = text(60)
    code = text(40)


class VerifyPageQuery(Load):
    number = text(60, required=False, load_default="")
    code = text(40, required=False, load_default="")


class LinkLoad(Load):
    days = fields.Integer(load_default=30, validate=validate.Range(1, LONGEST_DAYS))
    max_downloads = fields.Integer(load_default=20, validate=validate.Range(1, MOST_DOWNLOADS))


class ApiLinkLoad(LinkLoad):
    certificate_id = number(required=True)


class OwnOrderQuery(PageQuery):
    words = text(100, required=False, load_default="")


class TwoLanguages(Schema):
    zh = fields.String()
    en = fields.String()


class VerifiedItemDump(Schema):
    name = fields.Nested(TwoLanguages)
    number = fields.String()
    batch = fields.String()
    conclusion = fields.Nested(TwoLanguages)


class VerifiedDump(Schema):
    number = fields.String()
    state = choice(CertificateState)
    genuine = fields.Boolean(metadata={"description": "Issued by this laboratory and in force."})
    title = fields.Nested(TwoLanguages)
    laboratory = fields.Nested(TwoLanguages)
    issued_on = fields.Date(allow_none=True)
    withdrawn_at = fields.AwareDateTime(allow_none=True)
    sha256 = fields.String(allow_none=True, metadata={"description": "Of the issued file, hex."})
    items = fields.List(fields.Nested(VerifiedItemDump))
    conclusion = fields.Nested(TwoLanguages)


class LinkDump(Schema):
    id = fields.Integer()
    certificate_id = fields.Integer()
    created_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime()
    max_downloads = fields.Integer()
    revoked_at = fields.AwareDateTime(allow_none=True)


class LinkLineDump(LinkDump):
    used = fields.Integer()
    number = fields.String()
    customer = fields.String()


class NewLinkDump(Schema):
    link = fields.Nested(LinkDump, attribute="row")
    address = fields.String(allow_none=True, metadata={"description": "Shown now and never again."})


class OwnOrderLineDump(Schema):
    id = fields.Integer()
    number = fields.String()
    state = choice(OrderState)
    registered_on = fields.Date()
    due_on = fields.Date()
    price = Figure()
    tests = fields.Integer()
    done = fields.Integer()
    reports = fields.Integer()


class OwnOrderPageDump(PageDump):
    rows = fields.List(fields.Nested(OwnOrderLineDump), data_key="items")


class OwnSampleDump(Schema):
    number = fields.String()
    name = fields.String()
    batch = fields.String()
    state = choice(SampleState)
    tests = fields.Integer()
    done = fields.Integer()
    refused_why = fields.String(allow_none=True)


class OwnCertificateDump(Schema):
    id = fields.Integer()
    number = fields.String()
    state = choice(CertificateState)
    issued_on = fields.Date(allow_none=True)
    pdf_sha256 = fields.String(data_key="sha256", allow_none=True)


class OwnCertificatePageDump(PageDump):
    rows = fields.List(fields.Nested(OwnCertificateDump), data_key="items")


class OwnOrderFactsDump(Schema):
    id = fields.Integer()
    number = fields.String()
    registered_on = fields.Date()
    due_on = fields.Date()
    price = Figure()


class OwnOrderDump(Schema):
    order = fields.Nested(OwnOrderFactsDump)
    progress = choice(Progress)
    tests = fields.Integer()
    done = fields.Integer()
    samples = fields.List(fields.Nested(OwnSampleDump))
    certificates = fields.List(fields.Nested(OwnCertificateDump))
