"""Certificates: drafted, reviewed, approved, issued once, and then only bytes."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lims.certificates.states import CertificateKind, CertificateState
from lims.core.database import Base, Identified, Versioned, enum_column


class Certificate(Identified, Versioned, Base):
    """``document``: canonical JSON of what was approved; ``pdf_sha256``: the bytes everyone gets."""

    __tablename__ = "certificate"
    kind: Mapped[CertificateKind] = mapped_column(enum_column(CertificateKind))
    order_id: Mapped[int] = mapped_column(ForeignKey("customer_order.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    # Given with the approval, unique, never reused.
    number: Mapped[str | None] = mapped_column(String(60), unique=True)
    check_code: Mapped[str | None] = mapped_column(String(40))
    state: Mapped[CertificateState] = mapped_column(
        enum_column(CertificateState), default=CertificateState.DRAFT
    )
    language: Mapped[str] = mapped_column(String(10))
    remarks_zh: Mapped[str] = mapped_column(Text, default="")
    remarks_en: Mapped[str] = mapped_column(Text, default="")
    # Print the photographs taken at receipt.
    photos: Mapped[bool] = mapped_column(default=False)
    # Who prepared it last; everybody who ever did signed a "draft" row.
    drafted_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    drafted_at: Mapped[datetime]
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reviewed_at: Mapped[datetime | None]
    # Hash of the content that was reviewed: what is approved must be the same.
    reviewed_sha256: Mapped[str | None] = mapped_column(String(64))
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    approved_at: Mapped[datetime | None]
    return_reason: Mapped[str | None] = mapped_column(Text)
    document: Mapped[str | None] = mapped_column(Text)
    document_sha256: Mapped[str | None] = mapped_column(String(64))
    pdf_sha256: Mapped[str | None] = mapped_column(ForeignKey("stored_file.sha256"))
    issued_on: Mapped[date | None]
    issued_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_why: Mapped[str | None] = mapped_column(Text)
    # A corrected report is a new one that names the one it replaces (amendments come later).
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("certificate.id"))
    items: Mapped[list["CertificateItem"]] = relationship(
        lazy="selectin", order_by="CertificateItem.position"
    )
    __table_args__ = (
        CheckConstraint("reviewed_by IS NULL OR reviewed_by <> drafted_by", name="reviewer_other"),
        CheckConstraint(
            "approved_by IS NULL OR (approved_by <> drafted_by AND approved_by <> reviewed_by)",
            name="signatory_other",
        ),
        CheckConstraint(
            "state NOT IN ('approved','issued','withdrawn') OR (number IS NOT NULL AND approved_by IS NOT NULL "
            "AND document IS NOT NULL AND document_sha256 IS NOT NULL)",
            name="approved_is_frozen",
        ),
        CheckConstraint(
            # A number whose file could never be made is withdrawn without one, so that it is accounted for.
            "state <> 'issued' OR (pdf_sha256 IS NOT NULL AND issued_at IS NOT NULL)",
            name="issued_has_file",
        ),
        CheckConstraint("state <> 'withdrawn' OR withdrawn_why IS NOT NULL", name="withdrawn_why"),
        Index("ix_certificate_state", "state", "id"),
        Index("ix_certificate_customer_state", "customer_id", "state", "id"),
    )


class CertificateItem(Identified, Base):
    """The result version this certificate reports: that value and no later one."""

    __tablename__ = "certificate_item"
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), index=True)
    result_version_id: Mapped[int] = mapped_column(ForeignKey("result_version.id"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    __table_args__ = (UniqueConstraint("certificate_id", "result_version_id"),)


class Signature(Identified, Base):
    """A person's mark with its meaning, bound to the record by hash. Appended only.

    ``method``: how the person proved himself (``session``, ``password+totp``).
    """

    __tablename__ = "signature"
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str] = mapped_column(String(200))
    meaning: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(200), default="")
    method: Mapped[str] = mapped_column(String(40))
    record_sha256: Mapped[str] = mapped_column(String(64))
    signed_at: Mapped[datetime]


class LaboratoryDetails(Identified, Versioned, Base):
    """Who we are on paper (one row): printed on every report, changed by the administrator."""

    __tablename__ = "laboratory_details"
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(300))
    address_zh: Mapped[str] = mapped_column(String(300))
    address_en: Mapped[str] = mapped_column(String(400))
    registration_no: Mapped[str] = mapped_column(String(60), default="")
    postcode: Mapped[str] = mapped_column(String(20), default="")
    phone: Mapped[str] = mapped_column(String(60), default="")
    email: Mapped[str] = mapped_column(String(200), default="")
    website: Mapped[str] = mapped_column(String(200), default="")
    cma_number: Mapped[str] = mapped_column(String(60), default="")
    cnas_number: Mapped[str] = mapped_column(String(60), default="")
