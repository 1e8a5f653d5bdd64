"""Currency checks (标准查新): a list of standards against the library, and what was decided about each."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lims.catalogue.models import StandardEdition
from lims.core.database import Base, Identified, Versioned, enum_column


class ListStatus(StrEnum):
    """What a list says of a standard."""

    IN_FORCE = "in_force"
    UPCOMING = "upcoming"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"


class CheckOutcome(StrEnum):
    """What the comparison found about one standard."""

    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    NEW_EDITION = "new_edition"
    DIFFERENT = "different"
    NOT_MENTIONED = "not_mentioned"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"


# What somebody has to decide about.
TO_DECIDE = (CheckOutcome.REPLACED, CheckOutcome.WITHDRAWN, CheckOutcome.NEW_EDITION, CheckOutcome.DIFFERENT)


class StandardDecision(StrEnum):
    ADOPT = "adopt"
    KEEP_UNTIL = "keep_until"
    WITHDRAW = "withdraw"
    TAKE_DATES = "take_dates"
    NOT_RELEVANT = "not_relevant"


class StandardsCheck(Identified, Versioned, Base):
    """One list compared with the library on one day. ``file_sha256``: the list itself, as it was uploaded.

    ``document_sha256``: the frozen text of the evidence sheet, written on closing; ``evidence_sha256``: its PDF.
    """

    __tablename__ = "standards_check"
    number: Mapped[str] = mapped_column(String(60), unique=True)
    source: Mapped[str] = mapped_column(String(300))
    file_name: Mapped[str] = mapped_column(String(200), default="")
    file_sha256: Mapped[str] = mapped_column(ForeignKey("stored_file.sha256"))
    list_rows: Mapped[int] = mapped_column(Integer)
    left_out: Mapped[int] = mapped_column(Integer, default=0)
    made_on: Mapped[date]
    made_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    made_at: Mapped[datetime]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    closed_at: Mapped[datetime | None]
    document_sha256: Mapped[str | None] = mapped_column(ForeignKey("stored_file.sha256"))
    evidence_sha256: Mapped[str | None] = mapped_column(ForeignKey("stored_file.sha256"))
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed_named"),
        CheckConstraint("(closed_at IS NULL) = (document_sha256 IS NULL)", name="closed_written"),
        CheckConstraint("evidence_sha256 IS NULL OR closed_at IS NOT NULL", name="evidence_of_closed"),
    )


class StandardFinding(Identified, Versioned, Base):
    """One standard in a check: ours (``standard_id``), or one of the list that we do not have.

    Texts and dates are those of the list; ``successor_*``: the edition that replaces it there. ``effective_on``:
    the day of the decision taken (adopted from, kept until, withdrawn from). ``touched``: what hung on it on the
    day of the check, see ``lims.catalogue.evidence.remembered``.
    """

    __tablename__ = "standard_finding"
    check_id: Mapped[int] = mapped_column(ForeignKey("standards_check.id"), index=True)
    row: Mapped[int | None] = mapped_column(Integer)
    outcome: Mapped[CheckOutcome] = mapped_column(enum_column(CheckOutcome))
    standard_id: Mapped[int | None] = mapped_column(ForeignKey("standard_edition.id"), index=True)
    code: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(200), default="")
    listed_as: Mapped[ListStatus | None] = mapped_column(enum_column(ListStatus))
    published_on: Mapped[date | None]
    in_force_from: Mapped[date | None]
    withdrawn_from: Mapped[date | None]
    successor_code: Mapped[str] = mapped_column(String(80), default="")
    successor_title: Mapped[str] = mapped_column(String(200), default="")
    successor_from: Mapped[date | None]
    touched: Mapped[str] = mapped_column(Text, default="{}")
    decision: Mapped[StandardDecision | None] = mapped_column(enum_column(StandardDecision))
    effective_on: Mapped[date | None]
    reason: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]

    standard: Mapped[StandardEdition | None] = relationship(lazy="joined")
    __table_args__ = (
        UniqueConstraint("check_id", "code"),
        CheckConstraint(
            "(decision IS NULL AND decided_by IS NULL AND decided_at IS NULL)"
            " OR (decision IS NOT NULL AND decided_by IS NOT NULL AND decided_at IS NOT NULL"
            " AND reason IS NOT NULL AND reason <> '')",
            name="decided_by_a_person",
        ),
    )
