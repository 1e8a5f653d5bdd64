"""What we are accredited for, who may do it, and who may sign it."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lims.core.database import Base, Identified, Versioned, enum_column


class Scheme(StrEnum):
    CMA = "CMA"
    CNAS = "CNAS"


class ScopeRow(Identified, Versioned, Base):
    """One granted line: this method (item by a standard edition) under this scheme, from, to."""

    __tablename__ = "scope_row"
    scheme: Mapped[Scheme] = mapped_column(enum_column(Scheme))
    method_id: Mapped[int] = mapped_column(ForeignKey("method.id"), index=True)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    restriction: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (CheckConstraint("valid_to >= valid_from", name="dates"),)


class Authorisation(Identified, Versioned, Base):
    """This person may do this method, from, to."""

    __tablename__ = "authorisation"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    method_id: Mapped[int] = mapped_column(ForeignKey("method.id"), index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    granted_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    suspended_at: Mapped[datetime | None]
    suspended_why: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (
        CheckConstraint("valid_to >= valid_from", name="dates"),
        CheckConstraint("granted_by IS NULL OR granted_by <> account_id", name="not_by_self"),
    )


class SigningGrant(Identified, Versioned, Base):
    """This authorised signatory may approve certificates of ``field`` (of test items), from, to."""

    __tablename__ = "signing_grant"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    field: Mapped[str] = mapped_column(String(40))
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    granted_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    suspended_at: Mapped[datetime | None]
    suspended_why: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (
        CheckConstraint("valid_to >= valid_from", name="dates"),
        CheckConstraint("granted_by IS NULL OR granted_by <> account_id", name="not_by_self"),
    )
