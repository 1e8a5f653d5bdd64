"""JSON face of this room. Programs sign in with a token; browsers with their session and a CSRF header."""

from datetime import date
from typing import Any

from flask import Response
from flask_smorest import Blueprint

from lims.core.calendar import set_day
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.numbering import set_pattern
from lims.core.permissions import ROLE_PERMISSIONS, Actor, Role
from lims.core.web import clock, current_actor, request_key, unit_of_work
from lims.people import accounts, directory, identity, own_account, sections, sessions, tokens, trail
from lims.people.house_rules import CalendarYear, PatternLine, calendar_year, list_patterns, preview_pattern
from lims.people.models import Account, Section, UserSession
from lims.people.schemas import (
    AccessDump,
    AccountDump,
    AccountEditLoad,
    AccountLoad,
    AccountPageDump,
    AccountQuery,
    ChainDump,
    CodesDump,
    DayLoad,
    DaySetDump,
    EventDetailDump,
    EventPageDump,
    EventQuery,
    FilterQuery,
    InvitedDump,
    LanguageLoad,
    ListedTokenDump,
    MeDump,
    NewTokenDump,
    PasswordChangeLoad,
    PatternDump,
    PatternLoad,
    PatternSetDump,
    ProofLoad,
    RoleDump,
    RolesLoad,
    SectionDump,
    SectionLoad,
    SessionDump,
    TokenLoad,
    YearDump,
    YearQuery,
)
from lims.ui.faces import ID, download, refusals_of
from lims.ui.shapes import ReasonLoad

blueprint = Blueprint(
    "people_api", __name__, url_prefix="/api", description="Accounts, audit trail, settings"
)
refusals = refusals_of(blueprint)


# -- oneself -------------------------------------------------------------------------


@blueprint.route("/me")
@blueprint.response(200, MeDump)
@refusals()
def show_me() -> Actor:
    """Who this token or session stands for, and what it may do."""
    return current_actor()


@blueprint.route("/me/language", methods=["PUT"])
@blueprint.arguments(LanguageLoad, as_kwargs=True)
@blueprint.response(204)
@refusals(409, 422)
def put_language(language: str) -> None:
    own_account.set_language(unit_of_work(), actor=current_actor(), language=language)


@blueprint.route("/me/password", methods=["PUT"])
@blueprint.arguments(PasswordChangeLoad, as_kwargs=True)
@blueprint.response(204)
@refusals(409, 422)
def put_password(password: str, new_password: str) -> Response:
    """Every session of the account ends; a browser that asked gets a new one."""
    actor = current_actor()
    made = own_account.change_password(
        unit_of_work(), actor=actor, password=password, new_password=new_password, visitor=identity.visitor()
    )
    response = Response(status=204)
    if actor.session_id is not None:
        identity.set_cookie(response, made)
    return response


@blueprint.route("/me/recovery-codes", methods=["POST"])
@blueprint.arguments(ProofLoad, as_kwargs=True)
@blueprint.response(201, CodesDump)
@refusals(409, 422)
def post_recovery_codes(password: str, code: str) -> dict[str, list[str]]:
    """New recovery codes; the old ones are void."""
    codes = own_account.replace_recovery_codes(
        unit_of_work(), actor=current_actor(), password=password, code=code
    )
    return {"recovery_codes": codes}


@blueprint.route("/me/sessions")
@blueprint.response(200, SessionDump(many=True))
@refusals()
def list_sessions() -> list[UserSession]:
    return list(sessions.list_sessions(unit_of_work(), actor=current_actor()))


@blueprint.route(f"/me/sessions/{ID.format('session_id')}", methods=["DELETE"])
@blueprint.response(204)
@refusals(404, 409)
def delete_session(session_id: int) -> None:
    sessions.revoke_session(unit_of_work(), actor=current_actor(), session_id=session_id)


@blueprint.route("/me/tokens")
@blueprint.response(200, ListedTokenDump(many=True))
@refusals()
def list_tokens() -> list[dict[str, object]]:
    found = tokens.list_tokens(unit_of_work(), actor=current_actor())
    return [_listed(row, use) for row, use in found]


def _listed(row: Any, use: Any) -> dict[str, object]:
    names = ("id", "name", "created_at", "expires_at")
    used = use.last_used_at if use.uses else None
    return {**{n: getattr(row, n) for n in names}, "scopes": row.scopes.split(), "last_used_at": used}


@blueprint.route("/me/tokens", methods=["POST"])
@blueprint.arguments(TokenLoad, as_kwargs=True)
@blueprint.response(201, NewTokenDump)
@refusals(409, 422)
def post_token(**values: Any) -> dict[str, object]:
    """Only a signed-in browser may: a token that made tokens would never end."""
    made = tokens.create_token(unit_of_work(), actor=current_actor(), **values, request_key=request_key())
    row = made.row
    names = ("id", "name", "created_at", "expires_at")
    return {**{n: getattr(row, n) for n in names}, "scopes": row.scopes.split(), "token": made.text}


@blueprint.route(f"/me/tokens/{ID.format('token_id')}", methods=["DELETE"])
@blueprint.response(204)
@refusals(404, 409)
def delete_token(token_id: int) -> None:
    tokens.revoke_token(unit_of_work(), actor=current_actor(), token_id=token_id)


# -- accounts ------------------------------------------------------------------------


@blueprint.route("/accounts")
@blueprint.arguments(AccountQuery, location="query", as_kwargs=True)
@blueprint.response(200, AccountPageDump)
@refusals(422)
def list_accounts(**wanted: Any) -> object:
    return directory.list_accounts(db.session(), actor=current_actor(), **wanted)


@blueprint.route("/accounts", methods=["POST"])
@blueprint.arguments(AccountLoad, as_kwargs=True)
@blueprint.response(201, InvitedDump)
@refusals(409, 422)
def post_account(**values: Any) -> accounts.Invited:
    """A new person, with the one-time code for the first sign-in."""
    return accounts.create_account(unit_of_work(), actor=current_actor(), **values, request_key=request_key())


@blueprint.route(f"/accounts/{ID.format('account_id')}")
@blueprint.response(200, AccountDump)
@refusals(404)
def show_account(account_id: int) -> Account:
    return directory.get_account(db.session(), actor=current_actor(), account_id=account_id)


@blueprint.route(f"/accounts/{ID.format('account_id')}", methods=["PUT"])
@blueprint.arguments(AccountEditLoad, as_kwargs=True)
@blueprint.response(200, AccountDump)
@refusals(404, 409, 422)
def put_account(account_id: int, **values: Any) -> Account:
    return accounts.edit_account(unit_of_work(), actor=current_actor(), account_id=account_id, **values)


@blueprint.route(f"/accounts/{ID.format('account_id')}/roles", methods=["PUT"])
@blueprint.arguments(RolesLoad, as_kwargs=True)
@blueprint.response(200, AccountDump)
@refusals(404, 409, 422)
def put_roles(account_id: int, **values: Any) -> Account:
    return accounts.set_roles(unit_of_work(), actor=current_actor(), account_id=account_id, **values)


@blueprint.route(f"/accounts/{ID.format('account_id')}/reset", methods=["POST"])
@blueprint.arguments(ReasonLoad, as_kwargs=True)
@blueprint.response(200, InvitedDump)
@refusals(404, 409, 422)
def reset_account(account_id: int, reason: str) -> accounts.Invited:
    return accounts.reset_account(unit_of_work(), actor=current_actor(), account_id=account_id, reason=reason)


@blueprint.route(f"/accounts/{ID.format('account_id')}/retire", methods=["POST"])
@blueprint.arguments(ReasonLoad, as_kwargs=True)
@blueprint.response(200, AccountDump)
@refusals(404, 409, 422)
def retire_account(account_id: int, reason: str) -> Account:
    return accounts.retire_account(
        unit_of_work(), actor=current_actor(), account_id=account_id, reason=reason
    )


@blueprint.route(f"/accounts/{ID.format('account_id')}/access")
@blueprint.response(200, AccessDump)
@refusals(404)
def show_access(account_id: int) -> directory.Access:
    """How the account can be entered now: sign-ins, tokens, codes."""
    row = directory.get_account(db.session(), actor=current_actor(), account_id=account_id)
    return directory.access_of(db.session(), actor=current_actor(), account=row, now=clock()())


@blueprint.route(f"/accounts/{ID.format('account_id')}/end-sign-ins", methods=["POST"])
@blueprint.arguments(ReasonLoad, as_kwargs=True)
@blueprint.response(204)
@refusals(404, 409, 422)
def end_sign_ins(account_id: int, reason: str) -> None:
    """Every sign-in and token of the account ends now."""
    accounts.end_sign_ins(unit_of_work(), actor=current_actor(), account_id=account_id, reason=reason)


@blueprint.route("/roles")
@blueprint.response(200, RoleDump(many=True))
@refusals()
def show_roles() -> list[dict[str, object]]:
    """What each role may do: the table of permissions."""
    people = directory.count_roles(db.session(), actor=current_actor())
    return [
        {"role": role, "permissions": sorted(ROLE_PERMISSIONS[role]), "people": people.get(role, 0)}
        for role in Role
    ]


@blueprint.route("/sections")
@blueprint.response(200, SectionDump(many=True))
@refusals()
def list_sections() -> list[Section]:
    return list(sections.list_sections(db.session()))


@blueprint.route("/sections", methods=["POST"])
@blueprint.arguments(SectionLoad, as_kwargs=True)
@blueprint.response(201, SectionDump)
@refusals(409, 422)
def post_section(**values: Any) -> Section:
    return sections.save_section(unit_of_work(), actor=current_actor(), **values)


@blueprint.route(f"/sections/{ID.format('section_id')}", methods=["PUT"])
@blueprint.arguments(SectionLoad, as_kwargs=True)
@blueprint.response(200, SectionDump)
@refusals(404, 409, 422)
def put_section(section_id: int, **values: Any) -> Section:
    return sections.save_section(unit_of_work(), actor=current_actor(), section_id=section_id, **values)


# -- audit trail ---------------------------------------------------------------------


@blueprint.route("/audit-events")
@blueprint.arguments(EventQuery, location="query", as_kwargs=True)
@blueprint.response(200, EventPageDump)
@refusals(422)
def list_events(**wanted: Any) -> object:
    return trail.list_events(db.session(), actor=current_actor(), **wanted)


@blueprint.route(f"/audit-events/{ID.format('seq')}")
@blueprint.response(200, EventDetailDump)
@refusals(404)
def show_event(seq: int) -> object:
    return trail.get_event(db.session(), actor=current_actor(), seq=seq)


@blueprint.route("/audit-events.csv")
@blueprint.arguments(FilterQuery, location="query", as_kwargs=True)
@blueprint.response(200, {"type": "string"}, content_type="text/csv")
@refusals(422)
def export_csv(wanted: trail.Filter) -> Response:
    found = trail.export_csv(db.session(), actor=current_actor(), wanted=wanted)
    return download(found, "text/csv; charset=utf-8", "audit-trail.csv")


@blueprint.route("/audit-events.json")
@blueprint.arguments(FilterQuery, location="query", as_kwargs=True)
@blueprint.response(200, {"type": "array"}, content_type="application/json")
@refusals(422)
def export_json(wanted: trail.Filter) -> Response:
    found = trail.export_json(db.session(), actor=current_actor(), wanted=wanted)
    return download(found, "application/json", "audit-trail.json")


@blueprint.route("/audit-chain")
@blueprint.response(200, ChainDump)
@refusals()
def show_chain() -> trail.ChainState:
    """Walk the whole chain: how many events hold, and the first that does not."""
    return trail.check_chain(db.session(), actor=current_actor())


# -- numbering and calendar ----------------------------------------------------------


@blueprint.route("/number-patterns")
@blueprint.response(200, PatternDump(many=True))
@refusals()
def show_patterns() -> list[PatternLine]:
    return list_patterns(db.session(), actor=current_actor(), today=today())


@blueprint.route("/number-patterns", methods=["PUT"])
@blueprint.arguments(PatternLoad, as_kwargs=True)
@blueprint.response(200, PatternSetDump)
@refusals(409, 422)
def put_pattern(kind: str, pattern: str) -> object:
    return set_pattern(unit_of_work(), actor=current_actor(), kind=kind, pattern=pattern)


@blueprint.route("/number-patterns/preview")
@blueprint.arguments(PatternLoad, location="query", as_kwargs=True)
@blueprint.response(200, PatternDump)
@refusals(422)
def show_preview(kind: str, pattern: str) -> PatternLine:
    """What the next number would look like; nothing is saved."""
    return preview_pattern(db.session(), actor=current_actor(), kind=kind, pattern=pattern, today=today())


@blueprint.route("/calendar")
@blueprint.arguments(YearQuery, location="query", as_kwargs=True)
@blueprint.response(200, YearDump)
@refusals(422)
def show_calendar(year: int | None) -> CalendarYear:
    return calendar_year(db.session(), actor=current_actor(), year=year or today().year)


@blueprint.route("/calendar", methods=["PUT"])
@blueprint.arguments(DayLoad, as_kwargs=True)
@blueprint.response(200, DaySetDump)
@refusals(409, 422)
def put_day(**values: Any) -> dict[str, object]:
    """A holiday, a worked weekend day, or (kind null) an ordinary day again."""
    set_day(unit_of_work(), actor=current_actor(), **values)
    return values


def today() -> date:
    return local_date(clock()())
