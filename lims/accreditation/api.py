"""JSON face of this room: scope, authorisations, signing fields, the gate."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_smorest import Blueprint

from lims.accreditation import grants, inquiry, matrix, scope
from lims.accreditation.models import Authorisation, ScopeRow, SigningGrant
from lims.accreditation.schemas import (
    AuthorisationDump,
    AuthorisationLoad,
    AuthorisationPageDump,
    AuthorisationQuery,
    DayQuery,
    GateQuery,
    InquiryDump,
    RightsDump,
    ScopeEditLoad,
    ScopeEndLoad,
    ScopeLineDump,
    ScopeLoad,
    ScopePageDump,
    ScopeQuery,
    ScopeRowDump,
    SigningGrantDump,
    SigningLoad,
    SigningQuery,
    SuspendLoad,
    UnavailableDump,
)
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.web import clock, current_actor, request_key, unit_of_work
from lims.ui.faces import ID, refusals_of

blueprint = Blueprint(
    "accreditation_api", __name__, url_prefix="/api", description="Scope, authorisations, signing, the gate"
)
refusals = refusals_of(blueprint)
LINE = f"/scope/{ID.format('scope_row_id')}"


def today() -> date:
    return local_date(clock()())


# -- scope ---------------------------------------------------------------------------


@blueprint.route("/scope")
@blueprint.arguments(ScopeQuery, location="query", as_kwargs=True)
@blueprint.response(200, ScopePageDump)
@refusals(422)
def list_scope(on: date | None, **wanted: Any) -> object:
    """Granted lines, by test item, as they stand on a day."""
    return scope.list_scope(db.session(), on=on or today(), **wanted)


@blueprint.route("/scope", methods=["POST"])
@blueprint.arguments(ScopeLoad, as_kwargs=True)
@blueprint.response(201, ScopeRowDump)
@refusals(409, 422)
def post_scope(**values: Any) -> ScopeRow:
    """A granted line: this method under this scheme, from, to."""
    return scope.add_scope(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route(LINE)
@blueprint.response(200, ScopeLineDump)
@refusals(404)
def show_scope(scope_row_id: int) -> scope.ScopeLine:
    return scope.one_line(db.session(), scope_row_id, today())


@blueprint.route(LINE, methods=["PUT"])
@blueprint.arguments(ScopeEditLoad, as_kwargs=True)
@blueprint.response(200, ScopeRowDump)
@refusals(404, 409, 422)
def put_scope(scope_row_id: int, **values: Any) -> ScopeRow:
    """Dates, class and restriction; scheme and method stay."""
    return scope.edit_scope(unit_of_work(), actor=current_actor(), scope_row_id=scope_row_id, **values)


@blueprint.route(f"{LINE}/end", methods=["POST"])
@blueprint.arguments(ScopeEndLoad, as_kwargs=True)
@blueprint.response(200, ScopeRowDump)
@refusals(404, 409, 422)
def end_scope(scope_row_id: int, **values: Any) -> ScopeRow:
    """The grant ends with ``valid_to``; marks of certificates issued before stay."""
    return scope.expire_scope(unit_of_work(), actor=current_actor(), scope_row_id=scope_row_id, **values)


# -- authorisations ------------------------------------------------------------------


@blueprint.route("/authorisations")
@blueprint.arguments(AuthorisationQuery, location="query", as_kwargs=True)
@blueprint.response(200, AuthorisationPageDump)
@refusals(422)
def list_authorisations(**wanted: Any) -> object:
    """Newest first."""
    return matrix.list_authorisations(db.session(), **wanted)


@blueprint.route("/authorisations", methods=["POST"])
@blueprint.arguments(AuthorisationLoad, as_kwargs=True)
@blueprint.response(201, AuthorisationDump(many=True))
@refusals(409, 422)
def post_authorisations(**values: Any) -> Sequence[Authorisation]:
    """One person for one or more methods, all or none. Nobody authorises himself."""
    return grants.grant_authorisations(
        unit_of_work(), actor=current_actor(), request_key=request_key(), **values
    )


@blueprint.route(f"/authorisations/{ID.format('authorisation_id')}/suspend", methods=["POST"])
@blueprint.arguments(SuspendLoad, as_kwargs=True)
@blueprint.response(200, AuthorisationDump)
@refusals(404, 409, 422)
def suspend_authorisation(authorisation_id: int, **values: Any) -> Authorisation:
    """From this moment on the person may not do the method."""
    return grants.suspend_authorisation(
        unit_of_work(), actor=current_actor(), authorisation_id=authorisation_id, **values
    )


@blueprint.route("/signing-grants")
@blueprint.arguments(SigningQuery, location="query", as_kwargs=True)
@blueprint.response(200, SigningGrantDump(many=True))
@refusals(422)
def list_signing_grants(account_id: int | None) -> Sequence[SigningGrant]:
    """Newest first, at most 500."""
    return matrix.list_signing_grants(db.session(), account_id=account_id)


@blueprint.route("/signing-grants", methods=["POST"])
@blueprint.arguments(SigningLoad, as_kwargs=True)
@blueprint.response(201, SigningGrantDump)
@refusals(409, 422)
def post_signing_grant(**values: Any) -> SigningGrant:
    """One person for one field of test items. Nobody grants it to himself."""
    return grants.grant_signing(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route(f"/signing-grants/{ID.format('grant_id')}/suspend", methods=["POST"])
@blueprint.arguments(SuspendLoad, as_kwargs=True)
@blueprint.response(200, SigningGrantDump)
@refusals(404, 409, 422)
def suspend_signing_grant(grant_id: int, **values: Any) -> SigningGrant:
    """From this moment on the person may not sign for the field."""
    return grants.suspend_signing(unit_of_work(), actor=current_actor(), grant_id=grant_id, **values)


@blueprint.route(f"/people/{ID.format('account_id')}/rights")
@blueprint.arguments(DayQuery, location="query", as_kwargs=True)
@blueprint.response(200, RightsDump)
@refusals(404, 422)
def show_rights(account_id: int, on: date | None) -> matrix.Rights:
    """What a person may do and sign on a day; ended and suspended grants too, marked so."""
    return matrix.rights_of(db.session(), account_id, on or today())


# -- the gate ------------------------------------------------------------------------


@blueprint.route("/gate")
@blueprint.arguments(GateQuery, location="query", as_kwargs=True)
@blueprint.response(200, InquiryDump)
@refusals(404, 422)
def show_gate(on: date | None, **wanted: Any) -> inquiry.Inquiry:
    """May we do this method for this product class on a day, and this person; or what is missing."""
    return inquiry.inquire(db.session(), on=on or today(), **wanted)


@blueprint.route("/gate/unavailable")
@blueprint.arguments(DayQuery, location="query", as_kwargs=True)
@blueprint.response(200, UnavailableDump(many=True))
@refusals(422)
def list_unavailable(on: date | None) -> Sequence[inquiry.Unavailable]:
    """Offered items that cannot be done on a day, with every reason."""
    return inquiry.unavailable(db.session(), on or today())
