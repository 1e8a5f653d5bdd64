"""Proficiency rounds, our results and scores in them, and how often an item must be in one."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lims.catalogue.models import TestItem
from lims.core.database import Base, Identified, Versioned, enum_column
from lims.metrology.proficiency import Performance, ScoreKind
from lims.people.models import Account
from lims.quality.states import EntryState


class ProficiencyRound(Identified, Versioned, Base):
    """能力验证: one round of a scheme. ``organised_here``: we are the provider of this comparison."""

    __tablename__ = "proficiency_round"
    number: Mapped[str] = mapped_column(String(60), unique=True)
    provider: Mapped[str] = mapped_column(String(160))
    scheme: Mapped[str] = mapped_column(String(160))
    round: Mapped[str] = mapped_column(String(80))
    organised_here: Mapped[bool] = mapped_column(default=False)
    starts_on: Mapped[date]
    report_by: Mapped[date]
    note: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    entries: Mapped[list["ProficiencyEntry"]] = relationship(
        lazy="selectin", order_by="ProficiencyEntry.id", back_populates="round"
    )
    __table_args__ = (CheckConstraint("report_by >= starts_on", name="dates"),)


class ProficiencyEntry(Identified, Versioned, Base):
    """One test item in a round: who measured it, what came out, what it was held against, how far it lies.

    ``expanded_uncertainty`` with ``coverage_factor`` of our result; ``assigned_uncertainty`` with
    ``assigned_factor`` of the assigned value; all in ``unit``. Scores are unrounded; ``judged_by`` names the
    one that ``performance`` follows from. ``participants``, ``robust_mean``, ``robust_deviation``: where the
    assigned value is the robust mean of the participants.
    """

    __tablename__ = "proficiency_entry"
    round_id: Mapped[int] = mapped_column(ForeignKey("proficiency_round.id"), index=True)
    test_item_id: Mapped[int] = mapped_column(ForeignKey("test_item.id"), index=True)
    method_id: Mapped[int | None] = mapped_column(ForeignKey("method.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    state: Mapped[EntryState] = mapped_column(enum_column(EntryState), default=EntryState.ASSIGNED)
    unit: Mapped[str] = mapped_column(String(40))
    requested_test_id: Mapped[int | None] = mapped_column(ForeignKey("requested_test.id"))
    result: Mapped[Decimal | None]
    expanded_uncertainty: Mapped[Decimal | None]
    coverage_factor: Mapped[Decimal | None]
    reported_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reported_at: Mapped[datetime | None]
    assigned_value: Mapped[Decimal | None]
    assigned_uncertainty: Mapped[Decimal | None]
    assigned_factor: Mapped[Decimal | None]
    sigma: Mapped[Decimal | None]
    participants: Mapped[int | None] = mapped_column(Integer)
    robust_mean: Mapped[Decimal | None]
    robust_deviation: Mapped[Decimal | None]
    z: Mapped[Decimal | None]
    z_prime: Mapped[Decimal | None]
    zeta: Mapped[Decimal | None]
    en: Mapped[Decimal | None]
    judged_by: Mapped[ScoreKind | None] = mapped_column(enum_column(ScoreKind))
    performance: Mapped[Performance | None] = mapped_column(enum_column(Performance))
    scored_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    scored_at: Mapped[datetime | None]
    withdrawn_why: Mapped[str | None] = mapped_column(Text)
    nonconformity_id: Mapped[int | None] = mapped_column(ForeignKey("nonconformity.id"))
    round: Mapped[ProficiencyRound] = relationship(lazy="select", back_populates="entries")
    test_item: Mapped[TestItem] = relationship(lazy="selectin")
    person: Mapped[Account] = relationship(lazy="selectin", foreign_keys=[person_id])
    __table_args__ = (
        UniqueConstraint("round_id", "test_item_id", "person_id"),
        CheckConstraint("state NOT IN ('reported','scored') OR result IS NOT NULL", name="reported_result"),
        CheckConstraint(
            "(state = 'scored') = (performance IS NOT NULL AND judged_by IS NOT NULL "
            "AND assigned_value IS NOT NULL AND scored_at IS NOT NULL)",
            name="scored_complete",
        ),
        CheckConstraint("(state = 'withdrawn') = (withdrawn_why IS NOT NULL)", name="withdrawn_why"),
        CheckConstraint(
            "expanded_uncertainty IS NULL OR coverage_factor IS NOT NULL", name="uncertainty_factor"
        ),
        CheckConstraint(
            "assigned_uncertainty IS NULL OR assigned_factor IS NOT NULL", name="assigned_factor"
        ),
    )

    @property
    def score(self) -> Decimal | None:
        """The score that the performance follows from."""
        return None if self.judged_by is None else getattr(self, self.judged_by.value)


class ProficiencyParticipant(Identified, Base):
    """A laboratory's result in a comparison that we organise; codes, no names."""

    __tablename__ = "proficiency_participant"
    entry_id: Mapped[int] = mapped_column(ForeignKey("proficiency_entry.id"))
    position: Mapped[int] = mapped_column(Integer)
    laboratory: Mapped[str] = mapped_column(String(60))
    value: Mapped[Decimal]
    __table_args__ = (
        UniqueConstraint("entry_id", "position"),
        UniqueConstraint("entry_id", "laboratory"),
    )


class ParticipationPlan(Identified, Versioned, Base):
    """How often one test item must be in a round."""

    __tablename__ = "participation_plan"
    test_item_id: Mapped[int] = mapped_column(ForeignKey("test_item.id"), unique=True)
    every_months: Mapped[int] = mapped_column(Integer)
    note: Mapped[str] = mapped_column(String(300), default="")
    __table_args__ = (CheckConstraint("every_months BETWEEN 1 AND 120", name="months"),)
