"""Shapes of this room's forms and JSON: what comes in and what goes out, apart."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.certificates.search import Waiting
from lims.certificates.signing import MOST_AT_ONCE, Chosen
from lims.certificates.states import CertificateKind, CertificateState, SigningReason
from lims.core.jobs import JobState
from lims.ui.shapes import (
    Load,
    PageDump,
    PageQuery,
    VersionedReasonLoad,
    choice,
    legal_day,
    number,
    row_version,
    secret,
    text,
)
from reports.document import Language

MOST_TESTS = 5_000
LONGEST_REMARK = 2_000


# -- in ------------------------------------------------------------------------------


class CertificateVersionLoad(Load):
    version = row_version()


class ReportDraftLoad(Load):
    """``test_ids`` left out: every verified result that no report holds yet."""

    test_ids = fields.List(number(), load_default=None, validate=validate.Length(1, MOST_TESTS))
    language = choice(Language, load_default=None)

    @post_load
    def plain(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {**values, "language": values["language"].value if values["language"] else None}


class ReportLoad(ReportDraftLoad):
    order_id = number(required=True)


class CertificateEditLoad(CertificateVersionLoad):
    language = choice(Language, required=True)
    remarks_zh = text(LONGEST_REMARK, required=False, load_default="")
    remarks_en = text(LONGEST_REMARK, required=False, load_default="")
    photos = fields.Boolean(load_default=False)

    @post_load
    def plain(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {**values, "language": values["language"].value}


class CertificateReturnLoad(VersionedReasonLoad):
    pass


class SigningProofLoad(Load):
    """``reason``: of the list; ``code``: six digits of the authenticator, each used once."""

    password = secret()
    code = text(40)
    reason = choice(SigningReason, load_default=SigningReason.AGREED)

    @post_load
    def plain(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {**values, "reason": values["reason"].value}


class CertificateApproveLoad(SigningProofLoad):
    version = row_version()


class SignSelectedLoad(SigningProofLoad):
    """``chosen`` of the page: ``id:version``."""

    chosen = fields.List(
        fields.String(validate=validate.Regexp(r"\A[1-9]\d{0,15}:[1-9]\d{0,8}\Z")),
        required=True,
        validate=validate.Length(1, MOST_AT_ONCE),
    )

    @post_load
    def pairs(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        found = [Chosen(*(int(part) for part in one.split(":"))) for one in values["chosen"]]
        return {**values, "chosen": found}


class ChosenReportLoad(Load):
    id = number(required=True)
    version = row_version()


class ApiSignSelectedLoad(SigningProofLoad):
    chosen = fields.List(
        fields.Nested(ChosenReportLoad), required=True, validate=validate.Length(1, MOST_AT_ONCE)
    )

    @post_load
    def pairs(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {**values, "chosen": [Chosen(one["id"], one["version"]) for one in values["chosen"]]}


class ReportOrdersLoad(Load):
    """Ticked rows of the list of orders; ``next``: where the list stands."""

    ids = fields.List(number(), required=True, validate=validate.Length(1, MOST_AT_ONCE))
    next = text(2000, required=False, load_default="")


class CertificateQuery(PageQuery):
    q = text(200, required=False, load_default="")
    state = choice(CertificateState, load_default=None)
    waiting = choice(Waiting, load_default=None)
    customer_id = number(load_default=None)
    order_id = number(load_default=None)
    first_day = legal_day(load_default=None)
    last_day = legal_day(load_default=None)


class ReadyQuery(PageQuery):
    finished = fields.Boolean(load_default=False)


class LaboratoryLoad(Load):
    version = row_version(allow_none=True)
    name_zh = text(200)
    name_en = text(300)
    address_zh = text(300)
    address_en = text(400)
    registration_no = text(60, required=False, load_default="")
    postcode = text(20, required=False, load_default="")
    phone = text(60, required=False, load_default="")
    email = text(200, required=False, load_default="")
    website = text(200, required=False, load_default="")
    cma_number = text(60, required=False, load_default="")
    cnas_number = text(60, required=False, load_default="")

    @post_load
    def apart(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {"version": values.pop("version", None), "values": values}


# -- out -----------------------------------------------------------------------------


class CertificateLineDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    number = fields.String(allow_none=True)
    state = choice(CertificateState)
    language = fields.String()
    order_id = fields.Integer()
    order_number = fields.String()
    customer_id = fields.Integer()
    customer = fields.String()
    reported = fields.Integer(metadata={"description": "How many values it reports."})
    failed = fields.Integer(metadata={"description": "How many of them fail."})
    due_on = fields.Date()
    drafted_at = fields.AwareDateTime()
    issued_on = fields.Date(allow_none=True)


class CertificatePageDump(PageDump):
    rows = fields.List(fields.Nested(CertificateLineDump), data_key="items")


class ReadyOrderDump(Schema):
    id = fields.Integer()
    number = fields.String()
    customer = fields.String()
    due_on = fields.Date()
    waiting = fields.Integer(metadata={"description": "Verified results that no report holds yet."})
    at_bench = fields.Integer(metadata={"description": "Tests still open."})


class ReadyOrderPageDump(PageDump):
    rows = fields.List(fields.Nested(ReadyOrderDump), data_key="items")


class ReportableDump(Schema):
    test_id = fields.Integer()
    sample_id = fields.Integer()
    item = fields.String()
    result_version_id = fields.Integer()
    reported = fields.String()
    verdict = fields.String()


class CertificateDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    kind = choice(CertificateKind)
    state = choice(CertificateState)
    number = fields.String(allow_none=True)
    check_code = fields.String(allow_none=True)
    order_id = fields.Integer()
    customer_id = fields.Integer()
    language = fields.String()
    remarks_zh = fields.String()
    remarks_en = fields.String()
    photos = fields.Boolean()
    drafted_by = fields.Integer(allow_none=True)
    drafted_at = fields.AwareDateTime()
    reviewed_by = fields.Integer(allow_none=True)
    reviewed_at = fields.AwareDateTime(allow_none=True)
    approved_by = fields.Integer(allow_none=True)
    approved_at = fields.AwareDateTime(allow_none=True)
    return_reason = fields.String(allow_none=True)
    document_sha256 = fields.String(allow_none=True)
    pdf_sha256 = fields.String(allow_none=True)
    issued_on = fields.Date(allow_none=True)
    issued_at = fields.AwareDateTime(allow_none=True)
    withdrawn_at = fields.AwareDateTime(allow_none=True)
    withdrawn_why = fields.String(allow_none=True)
    result_version_ids = fields.Pluck("ReportedValueDump", "result_version_id", many=True, attribute="items")


class ReportedValueDump(Schema):
    result_version_id = fields.Integer()


class ContentCheckDump(Schema):
    rule = fields.String()
    clause = fields.String()
    title = fields.String()
    ok = fields.Boolean()
    blocking = fields.Boolean()
    faults = fields.List(fields.String())


class ReportSignatureDump(Schema):
    account_id = fields.Integer()
    name = fields.String()
    meaning = fields.String()
    reason = fields.String()
    method = fields.String()
    record_sha256 = fields.String()
    signed_at = fields.AwareDateTime()


class CertificateStepDump(Schema):
    name = fields.String()
    open = fields.Boolean()
    why_not = fields.String()


class IssuingJobDump(Schema):
    state = choice(JobState)
    attempts = fields.Integer()
    error = fields.String(allow_none=True)


class CertificateViewDump(Schema):
    certificate = fields.Nested(CertificateDump)
    problem = fields.String()
    checks = fields.List(fields.Nested(ContentCheckDump))
    signatures = fields.List(fields.Nested(ReportSignatureDump))
    steps = fields.Function(
        lambda view: CertificateStepDump(many=True).dump(list(view.steps.values())),
        metadata={"type": "array", "items": {"type": "object"}},
    )
    job = fields.Nested(IssuingJobDump, allow_none=True)


class SigningOutcomeDump(Schema):
    certificate_id = fields.Integer()
    ok = fields.Boolean()
    number = fields.String()
    code = fields.String()
    sentence = fields.String()


class LaboratoryDump(Schema):
    version = fields.Integer()
    name_zh = fields.String()
    name_en = fields.String()
    address_zh = fields.String()
    address_en = fields.String()
    registration_no = fields.String()
    postcode = fields.String()
    phone = fields.String()
    email = fields.String()
    website = fields.String()
    cma_number = fields.String()
    cnas_number = fields.String()
