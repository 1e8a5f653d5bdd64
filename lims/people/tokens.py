"""Tokens for programs: ``lims_<id>_<secret>``, shown once, with scopes and an end."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import Row, select, update

from lims.core.errors import InvalidInput, NotFound, PermissionDenied
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.people.models import ApiToken, ApiTokenUse
from lims.people.sessions import token_hash

LONGEST_DAYS = 365
MOST_TOKENS = 50


@dataclass(frozen=True, slots=True)
class NewToken:
    """``text`` is shown once; the table keeps its hash."""

    row: ApiToken
    text: str


def create_token(
    uow: UnitOfWork,
    *,
    actor: Actor,
    name: str,
    scopes: Collection[Permission],
    days: int,
    request_key: RequestKey | None = None,
) -> NewToken:
    """A token acts for its owner, never beyond the owner's permissions of the day it is used.

    Only a person who is signed in makes one: a token that made tokens would never end
    (PermissionDenied, ``session_needed``). The same request again gives the same token a new text.
    """
    actor.require(Permission.SELF)
    if actor.session_id is None:
        raise PermissionDenied(_("Sign in on a page to make a token."), code="session_needed")
    _check(actor, scopes, days)
    with uow:
        if (made := uow.replayed(ApiToken, actor=actor, request_key=request_key)) is not None:
            return _new_text(uow, actor, made)
        if len(_mine(uow, actor)) >= MOST_TOKENS:
            raise InvalidInput(
                _("Revoke a token first: %(n)s are enough.", n=MOST_TOKENS), code="too_many_tokens"
            )
        secret = secrets.token_urlsafe(32)
        row = uow.add(
            ApiToken(
                account_id=actor.id,
                name=name,
                secret_hash=token_hash(secret),
                scopes=" ".join(sorted(scopes)),
                created_at=uow.now,
                expires_at=uow.now + timedelta(days=days),
            )
        )
        uow.add(ApiTokenUse(token_id=row.id, last_used_at=uow.now, uses=0))
        uow.audit("token.create", actor, row)
        uow.remember(row)
        uow.commit()
    return NewToken(row, f"lims_{row.id}_{secret}")


def _new_text(uow: UnitOfWork, actor: Actor, row: ApiToken) -> NewToken:
    """The first answer was lost on its way: nobody knows that text, so it is replaced."""
    secret = secrets.token_urlsafe(32)
    row.secret_hash = token_hash(secret)
    uow.audit("token.create", actor, ("api_token", row.id), reason="asked again")
    uow.commit()
    return NewToken(row, f"lims_{row.id}_{secret}")


def _check(actor: Actor, scopes: Collection[Permission], days: int) -> None:
    if not scopes:
        fault = _("Choose what the token may do.")
        raise InvalidInput(fault, fields={"scopes": [fault]})
    if not set(scopes) <= actor.permissions:
        fault = _("A token cannot do more than you.")
        raise InvalidInput(fault, code="scope_too_wide", fields={"scopes": [fault]})
    if not 1 <= days <= LONGEST_DAYS:
        fault = _("A token lives 1 to %(n)s days.", n=LONGEST_DAYS)
        raise InvalidInput(fault, fields={"days": [fault]})


def _mine(uow: UnitOfWork, actor: Actor) -> Sequence[Row[ApiToken, ApiTokenUse]]:
    found = (
        select(ApiToken, ApiTokenUse)
        .join(ApiTokenUse, ApiTokenUse.token_id == ApiToken.id)
        .where(ApiToken.account_id == actor.id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > uow.now)
        .order_by(ApiToken.id.desc())
    )
    return uow.session.execute(found).all()


def list_tokens(uow: UnitOfWork, *, actor: Actor) -> Sequence[Row[ApiToken, ApiTokenUse]]:
    """One's own tokens that still work, newest first, each with its last use."""
    actor.require(Permission.SELF)
    return _mine(uow, actor)


def revoke_token(uow: UnitOfWork, *, actor: Actor, token_id: int) -> None:
    actor.require(Permission.SELF)
    with uow:
        row = uow.session.get(ApiToken, token_id, with_for_update=True)
        if row is None or row.account_id != actor.id:
            raise NotFound(_("This does not exist (any more)."))
        if row.revoked_at is None:
            row.revoked_at = uow.now
            uow.audit("token.revoke", actor, row)
            uow.commit()


def note_use(uow: UnitOfWork, token_id: int) -> None:
    """The token was used (written at most once a minute)."""
    with uow:
        uow.session.execute(
            update(ApiTokenUse)
            .where(ApiTokenUse.token_id == token_id)
            .values(last_used_at=uow.now, uses=ApiTokenUse.uses + 1)
            .execution_options(synchronize_session=False)
        )
        uow.commit()
