"""Monte Carlo runs that somebody kept with an uncertainty budget; appended, never changed."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lims.core.database import Base, Identified, enum_column
from lims.metrology.monte_carlo_draws import FiniteDof


class BudgetSimulation(Identified, Base):
    """What was asked, what came out, and all that repeats it digit by digit.

    ``content``: SHA-256 of the budget's text and the formula it was run for, for a draft may change afterwards.
    ``figures``: JSON object as typed. ``generator`` names numpy and its version. ``low_difference``,
    ``high_difference`` and ``delta`` (JCGM 101 8.1) are None where the GUM gives no factor at ``probability``.
    """

    __tablename__ = "budget_simulation"
    budget_id: Mapped[int] = mapped_column(ForeignKey("uncertainty_budget.id"), index=True)
    method_version_id: Mapped[int] = mapped_column(ForeignKey("method_version.id"))
    content: Mapped[str] = mapped_column(String(64))
    figures: Mapped[str] = mapped_column(Text)
    probability: Mapped[Decimal]
    digits: Mapped[int] = mapped_column(Integer)
    finer: Mapped[int] = mapped_column(Integer)
    most: Mapped[int] = mapped_column(Integer)
    finite_dof: Mapped[FiniteDof] = mapped_column(enum_column(FiniteDof))
    seed: Mapped[int] = mapped_column(BigInteger)
    generator: Mapped[str] = mapped_column(String(80))
    draws: Mapped[int] = mapped_column(Integer)
    settled: Mapped[bool]
    value: Mapped[Decimal]
    standard_uncertainty: Mapped[Decimal]
    symmetric_low: Mapped[Decimal]
    symmetric_high: Mapped[Decimal]
    shortest_low: Mapped[Decimal]
    shortest_high: Mapped[Decimal]
    stated_uncertainty: Mapped[Decimal]
    stated_share: Mapped[Decimal]
    low_difference: Mapped[Decimal | None]
    high_difference: Mapped[Decimal | None]
    delta: Mapped[Decimal | None]
    decisive: Mapped[bool]
    made_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    made_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("draws > 0 AND seed >= 0", name="counts"),
        CheckConstraint("(delta IS NULL) = (low_difference IS NULL)", name="compared_low"),
        CheckConstraint("(delta IS NULL) = (high_difference IS NULL)", name="compared_high"),
    )

    @property
    def validated(self) -> bool | None:
        """Whether both ends lie within ``delta``; None where they were not compared, or the draws scatter too much."""
        if self.low_difference is None or self.high_difference is None or self.delta is None:
            return None
        if not self.decisive:
            return None
        return self.low_difference <= self.delta and self.high_difference <= self.delta
