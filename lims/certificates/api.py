"""JSON face of this room. Signing asks for password and authenticator code in the same request."""

from typing import Any

from flask import Response
from flask_smorest import Blueprint

from lims.certificates import road, search
from lims.certificates.drafting import offer_of
from lims.certificates.file_face import pdf_answer
from lims.certificates.issuing import issue_again, set_in_type
from lims.certificates.laboratory import laboratory_details, save_laboratory
from lims.certificates.models import Certificate, LaboratoryDetails
from lims.certificates.reading import View, checks_of, document_of, get_certificate, issued_file, look_at
from lims.certificates.schemas import (
    ApiSignSelectedLoad,
    CertificateApproveLoad,
    CertificateDump,
    CertificateEditLoad,
    CertificatePageDump,
    CertificateQuery,
    CertificateReturnLoad,
    CertificateVersionLoad,
    CertificateViewDump,
    ContentCheckDump,
    LaboratoryDump,
    LaboratoryLoad,
    ReadyOrderPageDump,
    ReadyQuery,
    ReportableDump,
    ReportLoad,
    SigningOutcomeDump,
)
from lims.certificates.signing import Outcome, sign_certificate, sign_certificates
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.errors import NotFound
from lims.core.web import clock, current_actor, file_store, request_key, settings, unit_of_work
from lims.ui.faces import ID, refusals_of
from lims.ui.shapes import VersionedReasonLoad
from reports.document import to_json

blueprint = Blueprint(
    "certificates_api", __name__, url_prefix="/api", description="Reports: draft, review, sign, issue"
)
refusals = refusals_of(blueprint)
ONE = f"/certificates/{ID.format('certificate_id')}"
PDF = {"type": "string", "format": "binary"}


# -- lists ---------------------------------------------------------------------------


@blueprint.route("/certificates")
@blueprint.arguments(CertificateQuery, location="query", as_kwargs=True)
@blueprint.response(200, CertificatePageDump)
@refusals(422)
def list_certificates(**wanted: Any) -> object:
    """Newest first. ``waiting``: those that wait for whoever asks."""
    return search.list_certificates(db.session(), actor=current_actor(), on=local_date(clock()()), **wanted)


@blueprint.route("/certificates/ready")
@blueprint.arguments(ReadyQuery, location="query", as_kwargs=True)
@blueprint.response(200, ReadyOrderPageDump)
@refusals(422)
def list_ready(**wanted: Any) -> object:
    """Orders with verified results that no report holds yet."""
    return search.list_ready(db.session(), actor=current_actor(), **wanted)


@blueprint.route(f"/orders/{ID.format('order_id')}/reportable")
@blueprint.response(200, ReportableDump(many=True))
@refusals(404)
def list_reportable(order_id: int) -> list[dict[str, object]]:
    """The verified values of an order that a report may hold."""
    offer = offer_of(db.session(), actor=current_actor(), order_id=order_id)
    return [
        {
            "test_id": test.id,
            "sample_id": test.sample_id,
            "item": test.test_item.code,
            "result_version_id": version.id,
            "reported": version.reported,
            "verdict": version.verdict.value,
        }
        for test, version in offer.values
    ]


# -- one -----------------------------------------------------------------------------


@blueprint.route("/certificates", methods=["POST"])
@blueprint.arguments(ReportLoad, as_kwargs=True)
@blueprint.response(201, CertificateDump)
@refusals(404, 409, 422)
def post_certificate(**values: Any) -> Certificate:
    """Draft a report. Send an Idempotency-Key: the same request made twice drafts once."""
    return road.draft_certificate(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route(ONE)
@blueprint.response(200, CertificateViewDump)
@refusals(404)
def show_certificate(certificate_id: int) -> View:
    """The certificate with its checks, signatures, and the steps that are open to whoever asks."""
    return look_at(db.session(), actor=current_actor(), certificate_id=certificate_id, now=clock()())


@blueprint.route(ONE, methods=["PUT"])
@blueprint.arguments(CertificateEditLoad, as_kwargs=True)
@blueprint.response(200, CertificateDump)
@refusals(404, 409, 422)
def put_certificate(certificate_id: int, **values: Any) -> Certificate:
    return road.edit_draft(unit_of_work(), actor=current_actor(), certificate_id=certificate_id, **values)


@blueprint.route(f"{ONE}/checks")
@blueprint.response(200, ContentCheckDump(many=True))
@refusals(404, 409)
def show_checks(certificate_id: int) -> object:
    """ISO/IEC 17025 clause by clause; a blocking rule that does not hold stops review and approval."""
    return checks_of(db.session(), actor=current_actor(), certificate_id=certificate_id, now=clock()())


@blueprint.route(f"{ONE}/document")
@blueprint.response(200, {"type": "object"})
@refusals(404, 409)
def show_document(certificate_id: int) -> Response:
    """Canonical JSON: what was signed, byte for byte, or the draft as it stands."""
    row = get_certificate(db.session(), actor=current_actor(), certificate_id=certificate_id)
    if row.document is not None:
        return Response(row.document.encode(), mimetype="application/json")
    document = document_of(db.session(), actor=current_actor(), certificate_id=certificate_id)
    return Response(to_json(document), mimetype="application/json")


@blueprint.route(f"{ONE}/preview.pdf")
@blueprint.response(200, PDF, content_type="application/pdf")
@refusals(404, 409)
def show_preview(certificate_id: int) -> Response:
    document = document_of(db.session(), actor=current_actor(), certificate_id=certificate_id)
    return pdf_answer(set_in_type(document, file_store()), name="preview.pdf", inline=True)


@blueprint.route(f"{ONE}/file")
@blueprint.response(200, PDF, content_type="application/pdf")
@refusals(404, 409)
def show_file(certificate_id: int) -> Response:
    """The issued bytes; their SHA-256 is the ETag."""
    row, content = issued_file(
        db.session(), file_store(), actor=current_actor(), certificate_id=certificate_id
    )
    return pdf_answer(content, name=f"{row.number}.pdf", inline=False, sha256=row.pdf_sha256)


# -- steps ---------------------------------------------------------------------------


@blueprint.route(f"{ONE}/review", methods=["POST"])
@blueprint.arguments(CertificateVersionLoad, as_kwargs=True)
@blueprint.response(200, CertificateDump)
@refusals(404, 409, 422)
def review_certificate(certificate_id: int, version: int) -> Certificate:
    return road.review_certificate(
        unit_of_work(), actor=current_actor(), certificate_id=certificate_id, version=version
    )


@blueprint.route(f"{ONE}/return", methods=["POST"])
@blueprint.arguments(CertificateReturnLoad, as_kwargs=True)
@blueprint.response(200, CertificateDump)
@refusals(404, 409, 422)
def return_certificate(certificate_id: int, **values: Any) -> Certificate:
    return road.return_certificate(
        unit_of_work(), actor=current_actor(), certificate_id=certificate_id, **values
    )


@blueprint.route(f"{ONE}/approve", methods=["POST"])
@blueprint.arguments(CertificateApproveLoad, as_kwargs=True)
@blueprint.response(200, CertificateDump)
@refusals(404, 409, 422)
def approve_certificate(certificate_id: int, **values: Any) -> Certificate:
    """Sign: the number is given, the content frozen; the worker makes the file."""
    return sign_certificate(
        unit_of_work(),
        actor=current_actor(),
        certificate_id=certificate_id,
        base_url=settings().base_url,
        **values,
    )


@blueprint.route("/certificates/approve", methods=["POST"])
@blueprint.arguments(ApiSignSelectedLoad, as_kwargs=True)
@blueprint.response(200, SigningOutcomeDump(many=True))
@refusals(409, 422)
def approve_certificates(**values: Any) -> list[Outcome]:
    """Up to fifty with one proof; each has its own outcome."""
    return sign_certificates(unit_of_work(), actor=current_actor(), base_url=settings().base_url, **values)


@blueprint.route(f"{ONE}/drop", methods=["POST"])
@blueprint.arguments(VersionedReasonLoad, as_kwargs=True)
@blueprint.response(200, CertificateDump)
@refusals(404, 409, 422)
def drop_certificate(certificate_id: int, **values: Any) -> Certificate:
    return road.drop_draft(unit_of_work(), actor=current_actor(), certificate_id=certificate_id, **values)


@blueprint.route(f"{ONE}/withdraw", methods=["POST"])
@blueprint.arguments(VersionedReasonLoad, as_kwargs=True)
@blueprint.response(200, CertificateDump)
@refusals(404, 409, 422)
def withdraw_certificate(certificate_id: int, **values: Any) -> Certificate:
    return road.withdraw_certificate(
        unit_of_work(), actor=current_actor(), certificate_id=certificate_id, **values
    )


@blueprint.route(f"{ONE}/issue", methods=["POST"])
@blueprint.response(200, CertificateDump)
@refusals(404, 409)
def ask_for_file_again(certificate_id: int) -> Certificate:
    """After the file could not be made: try once more."""
    return issue_again(unit_of_work(), actor=current_actor(), certificate_id=certificate_id)


# -- laboratory ----------------------------------------------------------------------


@blueprint.route("/laboratory")
@blueprint.response(200, LaboratoryDump)
@refusals(404)
def show_laboratory() -> LaboratoryDetails:
    """Who we are on paper; 404 until it is entered."""
    row = laboratory_details(db.session())
    if row is None:
        raise NotFound("the laboratory's details are not entered yet")
    return row


@blueprint.route("/laboratory", methods=["PUT"])
@blueprint.arguments(LaboratoryLoad, as_kwargs=True)
@blueprint.response(200, LaboratoryDump)
@refusals(409, 422)
def put_laboratory(**values: Any) -> LaboratoryDetails:
    return save_laboratory(unit_of_work(), actor=current_actor(), **values)
