"""Nonconforming work and what it covers."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lims.core.database import Base, BigId, Identified, Versioned, enum_column
from lims.quality.states import (
    CoverKind,
    CustomerTold,
    Decision,
    NonconformityState,
    Significance,
    Source,
)


class Nonconformity(Identified, Versioned, Base):
    """不符合工作 (ISO/IEC 17025 7.10): what happened, what it means, what is done, whether it helped.

    ``origin_key``: of what opened it without a person, for example a failed control; one record a key.
    ``opened_by`` None: the system found it.
    """

    __tablename__ = "nonconformity"
    number: Mapped[str] = mapped_column(String(60), unique=True)
    source: Mapped[Source] = mapped_column(enum_column(Source))
    origin_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    reference: Mapped[str] = mapped_column(String(200), default="")
    title: Mapped[str] = mapped_column(String(200))
    what: Mapped[str] = mapped_column(Text)
    state: Mapped[NonconformityState] = mapped_column(
        enum_column(NonconformityState), default=NonconformityState.OPENED
    )
    opened_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    opened_at: Mapped[datetime]
    # Evaluation
    significance: Mapped[Significance | None] = mapped_column(enum_column(Significance))
    evaluation: Mapped[str] = mapped_column(Text, default="")
    immediate_action: Mapped[str] = mapped_column(Text, default="")
    evaluated_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    evaluated_at: Mapped[datetime | None]
    # Decision on the work
    decision: Mapped[Decision | None] = mapped_column(enum_column(Decision))
    decision_reason: Mapped[str] = mapped_column(Text, default="")
    customer_told: Mapped[CustomerTold | None] = mapped_column(enum_column(CustomerTold))
    customer_note: Mapped[str] = mapped_column(Text, default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    # Correction
    cause: Mapped[str] = mapped_column(Text, default="")
    corrective_action: Mapped[str] = mapped_column(Text, default="")
    responsible_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    due_on: Mapped[date | None]
    done: Mapped[str] = mapped_column(Text, default="")
    done_at: Mapped[datetime | None]
    # Effect, and the end
    effect: Mapped[str] = mapped_column(Text, default="")
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    closed_at: Mapped[datetime | None]
    covers: Mapped[list["NonconformityCover"]] = relationship(
        lazy="selectin", order_by="NonconformityCover.id"
    )
    __table_args__ = (
        CheckConstraint(
            "state = 'opened' OR (evaluated_by IS NOT NULL AND significance IS NOT NULL AND evaluation <> '')",
            name="evaluated_named",
        ),
        CheckConstraint(
            "state IN ('opened','evaluated') OR (decided_by IS NOT NULL AND decision IS NOT NULL "
            "AND decision_reason <> '' AND customer_told IS NOT NULL)",
            name="decided_named",
        ),
        CheckConstraint(
            "state NOT IN ('correcting','checking') OR (responsible_id IS NOT NULL AND due_on IS NOT NULL "
            "AND corrective_action <> '')",
            name="action_named",
        ),
        CheckConstraint("state <> 'checking' OR (done_at IS NOT NULL AND done <> '')", name="done_said"),
        CheckConstraint(
            "state <> 'closed' OR (closed_by IS NOT NULL AND closed_at IS NOT NULL AND effect <> '' "
            "AND customer_told <> 'to_tell')",
            name="closed_named",
        ),
        CheckConstraint(
            "closed_by IS NULL OR closed_by <> COALESCE(responsible_id, opened_by, 0)", name="closed_by_other"
        ),
        Index("ix_nonconformity_state", "state", "id"),
    )


class NonconformityCover(Identified, Base):
    """One row that a nonconformity is about. ``object_id``: its number in the table of its kind."""

    __tablename__ = "nonconformity_cover"
    nonconformity_id: Mapped[int] = mapped_column(ForeignKey("nonconformity.id"))
    kind: Mapped[CoverKind] = mapped_column(enum_column(CoverKind))
    object_id: Mapped[int] = mapped_column(BigId)
    __table_args__ = (
        UniqueConstraint("nonconformity_id", "kind", "object_id"),
        Index("ix_nonconformity_cover_object", "kind", "object_id"),
    )
