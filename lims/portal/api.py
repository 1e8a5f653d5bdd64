"""JSON face of this room: verification for anyone, own orders for customers, links for the laboratory."""

from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_smorest import Blueprint
from werkzeug.wrappers import Response

from lims.certificates.file_face import pdf_answer
from lims.core.database import db
from lims.core.errors import NotFound
from lims.core.paging import Key, read_page
from lims.core.web import current_actor, file_store, request_key, settings, unit_of_work
from lims.portal import links, own
from lims.portal.models import CustomerLink
from lims.portal.public_face import limit_guesses
from lims.portal.schemas import (
    ApiLinkLoad,
    LinkDump,
    LinkLineDump,
    NewLinkDump,
    OwnCertificatePageDump,
    OwnOrderDump,
    OwnOrderPageDump,
    OwnOrderQuery,
    VerifiedDump,
    VerifyQuery,
)
from lims.portal.verifying import Verified, verify_file, verify_number
from lims.ui.faces import ID, refusals_of
from lims.ui.shapes import PageQuery

blueprint = Blueprint("portal_api", __name__, url_prefix="/api", description="Verification and customers")
refusals = refusals_of(blueprint)
PDF = {"type": "string", "format": "binary"}


@blueprint.route("/verify")
@blueprint.arguments(VerifyQuery, location="query", as_kwargs=True)
@blueprint.response(200, VerifiedDump)
@refusals(404, 422)
def verify(number: str, code: str) -> Verified:
    """Is this report ours, and in force? A wrong code and an unknown number are answered alike."""
    limit_guesses("verify")
    found = verify_number(db.session(), number, code)
    if found is None:
        raise NotFound(_("We issued no report with this number and check code."), code="unknown_report")
    return found


@blueprint.route("/verify/files/<string:sha256>")
@blueprint.response(200, VerifiedDump)
@refusals(404)
def verify_by_file(sha256: str) -> Verified:
    """The report whose issued file has this SHA-256 (64 hex digits, lower case)."""
    limit_guesses("verify")
    found = verify_file(db.session(), sha256)
    if found is None:
        raise NotFound(_("We issued no file with these bytes."), code="unknown_file")
    return found


@blueprint.route("/my/orders")
@blueprint.arguments(OwnOrderQuery, location="query", as_kwargs=True)
@blueprint.response(200, OwnOrderPageDump)
@refusals(422)
def list_own_orders(**wanted: Any) -> object:
    return own.list_orders(db.session(), actor=current_actor(), **wanted)


@blueprint.route(f"/my/orders/{ID.format('order_id')}")
@blueprint.response(200, OwnOrderDump)
@refusals(404)
def show_own_order(order_id: int) -> own.OwnOrder:
    return own.get_order(db.session(), actor=current_actor(), order_id=order_id)


@blueprint.route("/my/certificates")
@blueprint.arguments(PageQuery, location="query", as_kwargs=True)
@blueprint.response(200, OwnCertificatePageDump)
@refusals(422)
def list_own_certificates(**wanted: Any) -> object:
    return own.list_certificates(db.session(), actor=current_actor(), **wanted)


@blueprint.route(f"/my/certificates/{ID.format('certificate_id')}/file")
@blueprint.response(200, PDF, content_type="application/pdf")
@refusals(404)
def show_own_file(certificate_id: int) -> Response:
    """The issued bytes; their SHA-256 is the ETag."""
    row, content = own.download_own(
        unit_of_work(), file_store(), actor=current_actor(), certificate_id=certificate_id
    )
    return pdf_answer(content, name=f"{row.number}.pdf", inline=False, sha256=row.pdf_sha256)


@blueprint.route("/links")
@blueprint.arguments(PageQuery, location="query", as_kwargs=True)
@blueprint.response(200, LinkLineDump(many=True))
@refusals(422)
def list_links(cursor: str | None, size: int) -> object:
    keys = (Key(CustomerLink.id, descending=True),)
    return read_page(db.session(), links.link_lines(), keys, cursor=cursor, size=size).rows


@blueprint.route("/links", methods=["POST"])
@blueprint.arguments(ApiLinkLoad, as_kwargs=True)
@blueprint.response(201, NewLinkDump)
@refusals(404, 409, 422)
def post_link(**values: Any) -> dict[str, object]:
    """A download link for a customer without an account; its address is shown now and never again."""
    made = links.create_link(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)
    address = f"{settings().base_url}{url_for('portal.link', token=made.token)}" if made.token else None
    return {"row": made.row, "address": address}


@blueprint.route(f"/links/{ID.format('link_id')}/revoke", methods=["POST"])
@blueprint.response(200, LinkDump)
@refusals(404)
def revoke_link(link_id: int) -> CustomerLink:
    return links.revoke_link(unit_of_work(), actor=current_actor(), link_id=link_id)
