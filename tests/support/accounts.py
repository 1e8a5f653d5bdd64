"""People for tests: accounts with roles, and browsers they are signed in with."""

import secrets

import pyotp
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select

from lims.core.permissions import SYSTEM, Actor, Role, permissions_of
from lims.core.uow import UnitOfWork
from lims.core.web import clock
from lims.people.models import Account, AccountRole, Section
from lims.people.passwords import hash_password
from lims.people.sessions import open_session
from lims.people.vault import seal

PASSWORD = "seven quiet balances"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def make_account(
    uow: UnitOfWork,
    *roles: Role,
    username: str = "",
    name_zh: str = "张三",
    name_en: str = "Zhang San",
    section: Section | None = None,
    password: str = PASSWORD,
    second_factor: bool = True,
) -> Account:
    """An account that signed in before: its password is PASSWORD, its second factor's secret SECRET."""
    with uow:
        account = Account(
            username=username or f"user{secrets.token_hex(4)}",
            name_zh=name_zh,
            name_en=name_en,
            section_id=section.id if section else None,
            password_hash=hash_password(password),
            password_changed_at=uow.now,
            created_at=uow.now,
        )
        if second_factor:
            account.totp_secret, account.totp_confirmed_at = seal(SECRET), uow.now
        account.roles = [AccountRole(role=role, granted_at=uow.now) for role in roles]
        uow.add(account)
        uow.audit("account.create", SYSTEM, account)
        uow.commit()
    return account


def actor_of(account: Account, *, customer_id: int | None = None, section: str | None = None) -> Actor:
    """The actor for calling use cases directly."""
    roles = frozenset(row.role for row in account.roles)
    return Actor(
        id=account.id,
        name=account.name_zh,
        permissions=permissions_of(roles),
        roles=roles,
        customer_id=customer_id,
        section=section,
        section_id=account.section_id,
    )


def sign_in(client: FlaskClient, account: Account, *, csrf: bool = True) -> FlaskClient:
    """This browser is signed in as ``account`` from now on, second factor given.

    With ``csrf`` every request carries the header that scripts of our pages send.
    """
    app = client.application
    with app.app_context():
        from lims.core.database import db

        uow = UnitOfWork(db.session(), clock())
        with uow:
            made = open_session(
                uow, account_id=account.id, ip="127.0.0.1", agent="test", complete=True, second_factor=True
            )
            uow.commit()
        db.session.remove()
    client.set_cookie("lims", made.token)
    if csrf:
        allow_posts(client)
    return client


def allow_posts(client: FlaskClient) -> None:
    """Give the browser a page session and its CSRF token."""
    raw = secrets.token_hex(20)
    with client.session_transaction() as page:
        page["csrf_token"] = raw
    key = client.application.config["SECRET_KEY"]
    client.environ_base["HTTP_X_CSRFTOKEN"] = URLSafeTimedSerializer(key, salt="wtf-csrf-token").dumps(raw)


def code_now(uow: UnitOfWork, *, steps_ahead: int = 0) -> str:
    """What the authenticator of a test account shows."""
    step = int(uow.now.timestamp()) // 30 + steps_ahead
    return pyotp.TOTP(SECRET).generate_otp(step)


def section_named(uow: UnitOfWork, code: str) -> Section:
    """The section of this code, made when it is missing."""
    found = uow.session.execute(select(Section).where(Section.code == code)).scalar_one_or_none()
    if found is not None:
        return found
    with uow:
        row = uow.add(Section(code=code, name_zh=f"{code}室", name_en=code))
        uow.audit("section.create", SYSTEM, row)
        uow.commit()
    return row
