"""Sign-ins on browsers: rows that can be revoked; the cookie holds a random token only."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select, update

from lims.core.errors import NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.people.models import UserSession

IDLE = timedelta(minutes=60)
ABSOLUTE = timedelta(hours=12)
# Between password and second factor.
HALF_WAY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class NewSession:
    """``token`` is known to the browser only; the table keeps its hash."""

    token: str
    session_id: int
    expires_at: datetime


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def open_session(
    uow: UnitOfWork,
    *,
    account_id: int,
    ip: str | None,
    agent: str | None,
    complete: bool,
    second_factor: bool = False,
) -> NewSession:
    """A new sign-in, or one that waits for its second factor. Inside the caller's unit of work."""
    token = secrets.token_urlsafe(32)
    row = uow.add(
        UserSession(
            token_hash=token_hash(token),
            account_id=account_id,
            created_at=uow.now,
            last_seen_at=uow.now,
            expires_at=uow.now + (ABSOLUTE if complete else HALF_WAY),
            password_at=uow.now,
            second_factor_at=uow.now if second_factor else None,
            complete=complete,
            ip=ip,
            agent=(agent or "")[:200],
        )
    )
    return NewSession(token, row.id, row.expires_at)


def end_session(uow: UnitOfWork, session_id: int, why: str) -> None:
    """Inside the caller's unit of work. Ending an ended one changes nothing."""
    row = uow.get(UserSession, session_id)
    if row.revoked_at is None:
        row.revoked_at, row.revoked_why = uow.now, why


def end_sessions_of(uow: UnitOfWork, account_id: int, why: str, *, but: int | None = None) -> None:
    """End every sign-in of an account. Inside the caller's unit of work."""
    uow.session.execute(
        update(UserSession)
        .where(
            UserSession.account_id == account_id,
            UserSession.revoked_at.is_(None),
            UserSession.id != (but or 0),
        )
        .values(revoked_at=uow.now, revoked_why=why)
        .execution_options(synchronize_session=False)
    )


def touch(uow: UnitOfWork, session_id: int) -> None:
    """The browser was seen."""
    with uow:
        uow.get(UserSession, session_id).last_seen_at = uow.now
        uow.commit()


def list_sessions(uow: UnitOfWork, *, actor: Actor) -> Sequence[UserSession]:
    """One's own sign-ins that are still open, newest first."""
    actor.require(Permission.SELF)
    now = uow.now
    found = (
        select(UserSession)
        .where(
            UserSession.account_id == actor.id,
            UserSession.revoked_at.is_(None),
            UserSession.complete.is_(True),
            UserSession.expires_at > now,
            UserSession.last_seen_at > now - IDLE,
        )
        .order_by(UserSession.id.desc())
        .limit(100)
    )
    return uow.session.execute(found).scalars().all()


def revoke_session(uow: UnitOfWork, *, actor: Actor, session_id: int) -> None:
    """End one of one's own sign-ins, also the present one."""
    actor.require(Permission.SELF)
    with uow:
        row = uow.session.get(UserSession, session_id)
        if row is None or row.account_id != actor.id:
            raise NotFound(_("This does not exist (any more)."))
        end_session(uow, session_id, "revoked")
        uow.audit("session.revoke", actor, ("user_session", session_id))
        uow.commit()


def revoke_other_sessions(uow: UnitOfWork, *, actor: Actor) -> None:
    actor.require(Permission.SELF)
    with uow:
        end_sessions_of(uow, actor.id or 0, "revoked", but=actor.session_id)
        uow.audit("session.revoke_others", actor, ("account", actor.id))
        uow.commit()


def abandon(uow: UnitOfWork, session_id: int) -> None:
    """Give up a sign-in that waits for its second factor."""
    with uow:
        end_session(uow, session_id, "abandoned")
        uow.commit()


def sign_out(uow: UnitOfWork, *, actor: Actor) -> None:
    if actor.session_id is None:
        return
    with uow:
        end_session(uow, actor.session_id, "signed out")
        uow.audit("session.sign_out", actor, ("account", actor.id))
        uow.commit()
