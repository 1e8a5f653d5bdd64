"""Accounts, roles and sign-in."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lims.core.database import Base, BigId, Identified, Versioned, enum_column
from lims.core.permissions import Role


class Section(Identified, Base):
    """A department of the laboratory."""

    __tablename__ = "section"
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name_zh: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))


class Account(Identified, Versioned, Base):
    """A person who may sign in. Accounts are retired, never deleted or reused."""

    __tablename__ = "account"
    username: Mapped[str] = mapped_column(String(60), unique=True)
    name_zh: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(100))
    email: Mapped[str | None] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(40))
    section_id: Mapped[int | None] = mapped_column(ForeignKey("section.id"))
    language: Mapped[str | None] = mapped_column(String(10))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    password_changed_at: Mapped[datetime | None]
    # Sealed with a key derived from the installation's secret.
    totp_secret: Mapped[str | None] = mapped_column(Text)
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    totp_confirmed_at: Mapped[datetime | None]
    roles_changed_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    section: Mapped[Section | None] = relationship(lazy="selectin")  # joined cannot be locked on PostgreSQL
    roles: Mapped[list["AccountRole"]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", foreign_keys="AccountRole.account_id"
    )

    def __str__(self) -> str:
        return self.name_zh


class AccountRole(Identified, Base):
    __tablename__ = "account_role"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    role: Mapped[Role] = mapped_column(enum_column(Role))
    granted_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    granted_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("account_id", "role"),)


class UserSession(Identified, Base):
    """A sign-in on one browser, kept here so that it can be revoked. The cookie holds a random token."""

    __tablename__ = "user_session"
    technical = True
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    # Password given; second factor given.
    password_at: Mapped[datetime | None]
    second_factor_at: Mapped[datetime | None]
    # Signed in; False while the second factor is still to come.
    complete: Mapped[bool] = mapped_column(default=False)
    ip: Mapped[str | None] = mapped_column(String(64))
    agent: Mapped[str | None] = mapped_column(String(200))
    revoked_at: Mapped[datetime | None]
    revoked_why: Mapped[str | None] = mapped_column(String(100))


class LoginAttempt(Identified, Base):
    """Every try to sign in or sign, good or bad; the delay before the next one comes from here."""

    __tablename__ = "login_attempt"
    technical = True
    username: Mapped[str] = mapped_column(String(60), index=True)
    ip: Mapped[str | None] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
    step: Mapped[str] = mapped_column(String(20))
    succeeded: Mapped[bool]


class RecoveryCode(Identified, Base):
    __tablename__ = "recovery_code"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class OneTimeCode(Identified, Base):
    """A code that lets one person set a password once: the first administrator, a new account, a lost one."""

    __tablename__ = "one_time_code"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiToken(Identified, Base):
    """``lims_<id>_<secret>``: acts for its account, within ``scopes`` (permissions, blank separated)."""

    __tablename__ = "api_token"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    secret_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ApiTokenUse(Base):
    """When a token was last used (kept apart: it is technical)."""

    __tablename__ = "api_token_use"
    technical = True
    token_id: Mapped[int] = mapped_column(BigId, ForeignKey("api_token.id"), primary_key=True)
    last_used_at: Mapped[datetime]
    uses: Mapped[int] = mapped_column(Integer, default=0)
