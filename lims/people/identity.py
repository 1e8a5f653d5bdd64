"""Who is behind a request: an API token, or the session of a browser."""

import hmac
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, cast

from flask import Response, g, request
from sqlalchemy import bindparam, select

from lims.core.database import db
from lims.core.permissions import Actor, Permission, Role, permissions_of
from lims.core.web import clock, settings, unit_of_work
from lims.people.models import Account, AccountRole, ApiToken, ApiTokenUse, Section, UserSession
from lims.people.sessions import IDLE, NewSession, token_hash, touch
from lims.people.sign_in import HalfWay, Next, Visitor
from lims.people.tokens import note_use

SEEN_EVERY = timedelta(minutes=1)
# Addresses that everybody gets alike: no reason to ask the database who it is.
ANYBODY = frozenset({"static", "bootstrap.static", "healthz"})


def _nobody_is_a_customer(account_id: int) -> int | None:
    return None


class _Hooks:
    # Customers are kept by a room above; ``lims.app`` says how to find them.
    customer_of: Callable[[int], int | None] = staticmethod(_nobody_is_a_customer)


def find_customers_with(customer_of: Callable[[int], int | None]) -> None:
    """``customer_of(account id)`` gives the customer this account acts for, in the request's session."""
    _Hooks.customer_of = staticmethod(customer_of)  # type: ignore[assignment]


def identify() -> tuple[Actor | None, bool]:
    """The actor of this request, and whether a cookie said so (then CSRF matters)."""
    g.half_way = None
    if request.endpoint in ANYBODY:
        return None, True
    head = request.headers.get("Authorization", "")
    if head[:7].lower() == "bearer ":
        return _by_token(head[7:].strip()), False
    token = request.cookies.get(cookie_name())
    return (_by_cookie(token) if token else None), True


def half_way() -> HalfWay | None:
    """The sign-in of this browser that waits for its second factor."""
    return cast("HalfWay | None", g.get("half_way"))


def visitor() -> Visitor:
    return Visitor(request.remote_addr, request.headers.get("User-Agent"))


def cookie_name() -> str:
    return "__Host-lims" if settings().secure_cookies else "lims"


def set_cookie(response: Response, made: NewSession) -> None:
    """Ends with the browser; how long it lives at most is decided here, not there."""
    response.set_cookie(
        cookie_name(), made.token, httponly=True, secure=settings().secure_cookies, samesite="Lax", path="/"
    )


def drop_cookie(response: Response) -> None:
    response.delete_cookie(
        cookie_name(), httponly=True, secure=settings().secure_cookies, samesite="Lax", path="/"
    )


WHO = (
    Account.id.label("account_id"),
    Account.username,
    Account.name_zh,
    Account.totp_confirmed_at,
    Section.id.label("section_id"),
    Section.code.label("section"),
    AccountRole.role,
)


# Built once: a request asks one of these first.
_OF_COOKIE = (
    select(
        UserSession.id.label("session_id"),
        UserSession.last_seen_at,
        UserSession.second_factor_at,
        UserSession.complete,
        *WHO,
    )
    .join(Account, Account.id == UserSession.account_id)
    .outerjoin(Section, Section.id == Account.section_id)
    .outerjoin(AccountRole, AccountRole.account_id == Account.id)
    .where(
        UserSession.token_hash == bindparam("hashed"),
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > bindparam("now"),
        UserSession.last_seen_at > bindparam("idle_since"),
        Account.retired_at.is_(None),
    )
)
_OF_TOKEN = (
    select(
        ApiToken.id,
        ApiToken.secret_hash,
        ApiToken.scopes,
        ApiTokenUse.last_used_at,
        ApiTokenUse.uses,
        *WHO,
    )
    .join(Account, Account.id == ApiToken.account_id)
    .outerjoin(Section, Section.id == Account.section_id)
    .outerjoin(AccountRole, AccountRole.account_id == Account.id)
    .join(ApiTokenUse, ApiTokenUse.token_id == ApiToken.id)
    .where(
        ApiToken.id == bindparam("number"),
        ApiToken.revoked_at.is_(None),
        ApiToken.expires_at > bindparam("now"),
        Account.retired_at.is_(None),
    )
)


def _by_cookie(token: str) -> Actor | None:
    now = clock()()
    asked = {"hashed": token_hash(token), "now": now, "idle_since": now - IDLE}
    rows = db.session.execute(_OF_COOKIE, asked).all()
    if not rows:
        return None
    row = rows[0]
    if not row.complete:
        needs = Next.CODE if row.totp_confirmed_at else Next.ENROL
        g.half_way = HalfWay(row.session_id, row.account_id, row.username, needs)
        return None
    actor = _actor(rows, None, session_id=row.session_id, two_factors=row.second_factor_at is not None)
    if row.last_seen_at <= now - SEEN_EVERY:
        touch(unit_of_work(), row.session_id)
    return actor


def _by_token(text: str) -> Actor | None:
    """``lims_<id>_<secret>``; what it may do is what its scopes and the person's roles of today share."""
    prefix, _, rest = text.partition("_")
    number, _, secret = rest.partition("_")
    if prefix != "lims" or not (number.isascii() and number.isdigit() and len(number) < 16) or not secret:
        return None
    now = clock()()
    rows = db.session.execute(_OF_TOKEN, {"number": int(number), "now": now}).all()
    if not rows or not hmac.compare_digest(rows[0].secret_hash, token_hash(secret)):
        return None
    actor = _actor(rows, frozenset(rows[0].scopes.split()))
    if rows[0].uses == 0 or rows[0].last_used_at <= now - SEEN_EVERY:
        note_use(unit_of_work(), rows[0].id)
    return actor


def _actor(
    rows: Sequence[Any],
    scopes: frozenset[str] | None,
    *,
    session_id: int | None = None,
    two_factors: bool = False,
) -> Actor:
    row = rows[0]
    roles = frozenset(r.role for r in rows if r.role is not None)
    granted = permissions_of(roles)
    customer_id = _Hooks.customer_of(row.account_id) if Role.CUSTOMER in roles else None
    if Role.CUSTOMER in roles and customer_id is None:
        granted &= {Permission.SELF}  # a customer's account of nobody must not look like staff
    if scopes is not None:
        granted = frozenset(p for p in granted if p.value in scopes)
    return Actor(
        id=row.account_id,
        name=row.name_zh,
        permissions=granted,
        roles=roles,
        customer_id=customer_id,
        section=row.section,
        section_id=row.section_id,
        session_id=session_id,
        ip=request.remote_addr,
        signed_in_two_factors=two_factors,
    )
