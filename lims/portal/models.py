"""Links for customers without an account."""

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from lims.core.database import Base, BigId, Identified


class CustomerLink(Identified, Base):
    """One customer, one certificate, until it expires or is revoked. Only the token's hash is kept."""

    __tablename__ = "customer_link"
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    max_downloads: Mapped[int] = mapped_column(Integer)
    revoked_at: Mapped[datetime | None]


class LinkDownload(Identified, Base):
    """Appended for each download through a link."""

    __tablename__ = "link_download"
    link_id: Mapped[int] = mapped_column(BigId, ForeignKey("customer_link.id"), index=True)
    at: Mapped[datetime]
    ip: Mapped[str | None] = mapped_column(String(64))
