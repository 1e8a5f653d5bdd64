"""Quality control in worksheets: what belongs on them, what came out, and what is held because of it."""

from datetime import datetime
from decimal import Decimal

import orjson
from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lims.bench.states import BaselineSource, HoldDecision, HoldState
from lims.catalogue.models import Method
from lims.core.database import Base, BigId, Identified, Versioned, enum_column
from lims.metrology.control_samples import ControlBounds, ControlKind, ControlOutcome, Memory


class ControlLine(Identified, Versioned, Base):
    """One line of a method's control template (质控方案), and with it one control chart.

    ``material``: what is measured, with its lot. Where it stands: see ``metrology.control_samples.slots_of``.
    Bounds, target and rules: see ``ControlBounds``, in the unit of the result, in % for duplicates and spikes.
    ``spike_added``: in the unit of the result. Never edited: retired, and drawn anew.
    """

    __tablename__ = "control_line"
    method_id: Mapped[int] = mapped_column(ForeignKey("method.id"), index=True)
    kind: Mapped[ControlKind] = mapped_column(enum_column(ControlKind))
    material: Mapped[str] = mapped_column(String(120))
    at_start: Mapped[bool] = mapped_column(default=False)
    at_end: Mapped[bool] = mapped_column(default=False)
    every: Mapped[int | None] = mapped_column(Integer)
    low: Mapped[Decimal | None]
    high: Mapped[Decimal | None]
    target: Mapped[Decimal | None]
    deviation: Mapped[Decimal | None]
    spike_added: Mapped[Decimal | None]
    rule_set: Mapped[str] = mapped_column(String(40), default="")
    memory: Mapped[Memory] = mapped_column(enum_column(Memory), default=Memory.NONE)
    own_points: Mapped[int] = mapped_column(Integer, default=20)
    created_at: Mapped[datetime]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    retired_at: Mapped[datetime | None]

    method: Mapped[Method] = relationship(lazy="joined")
    __table_args__ = (
        CheckConstraint("every IS NULL OR every > 0", name="every_some"),
        CheckConstraint("(target IS NULL) = (deviation IS NULL)", name="target_with_deviation"),
        CheckConstraint("kind <> 'spike' OR spike_added IS NOT NULL", name="spike_adds"),
    )

    @property
    def bounds(self) -> ControlBounds:
        return ControlBounds(
            self.low, self.high, self.target, self.deviation, self.rule_set, self.memory, self.own_points
        )


class WorksheetControl(Identified, Base):
    """This test is a control. ``slot``: see ``control_samples.Slot``; ``source_test_id``: the test it doubles.

    A blind control comes as any sample does: it has no slot, and only who may decide sees what it is.
    """

    __tablename__ = "worksheet_control"
    requested_test_id: Mapped[int] = mapped_column(ForeignKey("requested_test.id"), unique=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("control_line.id"), index=True)
    source_test_id: Mapped[int | None] = mapped_column(ForeignKey("requested_test.id"), index=True)
    slot: Mapped[int | None] = mapped_column(Integer)
    placed_at: Mapped[datetime]
    placed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    line: Mapped[ControlLine] = relationship(lazy="joined")


class ControlEvaluation(Identified, Base):
    """A point of a control chart: what one handed-over result of a control came out as. Appended only.

    ``statistic`` None: nothing was found, and nothing need be, or it cannot be compared (``findings`` says so).
    ``findings``: JSON, see ``broken_rules``.
    """

    __tablename__ = "control_evaluation"
    control_id: Mapped[int] = mapped_column(ForeignKey("worksheet_control.id"), index=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("control_line.id"))
    # Of one result (one attempt), the newest evaluation is the point of the chart.
    result_id: Mapped[int] = mapped_column(ForeignKey("result.id"))
    result_version_id: Mapped[int] = mapped_column(ForeignKey("result_version.id"))
    # Of the sample that a duplicate or spike is compared with.
    source_version_id: Mapped[int | None] = mapped_column(ForeignKey("result_version.id"))
    worksheet_id: Mapped[int] = mapped_column(ForeignKey("worksheet.id"), index=True)
    statistic: Mapped[Decimal | None]
    centre: Mapped[Decimal | None]
    deviation: Mapped[Decimal | None]
    baseline: Mapped[BaselineSource] = mapped_column(enum_column(BaselineSource))
    outcome: Mapped[ControlOutcome] = mapped_column(enum_column(ControlOutcome))
    findings: Mapped[str] = mapped_column(Text, default="[]")
    evaluated_at: Mapped[datetime]
    evaluated_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    __table_args__ = (Index("ix_control_evaluation_chart", "line_id", "id"),)

    @property
    def broken_rules(self) -> list[dict[str, str | int]]:
        """``findings``, each with set, rule, action and how many points make the pattern."""
        said: list[dict[str, str | int]] = orjson.loads(self.findings)
        return said


class ControlHold(Identified, Versioned, Base):
    """Results that wait because a control failed, until a named person decides with a reason.

    ``opened_by``: who handed the failing control over; they do not decide.
    """

    __tablename__ = "control_hold"
    evaluation_id: Mapped[int] = mapped_column(ForeignKey("control_evaluation.id"), unique=True)
    worksheet_id: Mapped[int] = mapped_column(ForeignKey("worksheet.id"), index=True)
    state: Mapped[HoldState] = mapped_column(enum_column(HoldState), default=HoldState.OPEN)
    opened_at: Mapped[datetime]
    opened_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decision: Mapped[HoldDecision | None] = mapped_column(enum_column(HoldDecision))
    reason: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(
            "(state = 'decided') = (decided_by IS NOT NULL AND decision IS NOT NULL AND reason IS NOT NULL)",
            name="decided_by_name",
        ),
        CheckConstraint("decided_by IS NULL OR decided_by <> opened_by", name="two_persons"),
        Index("ix_control_hold_state", "state", "id"),
    )


class HeldTest(Base):
    """A test whose results the hold covers. Appended only."""

    __tablename__ = "held_test"
    hold_id: Mapped[int] = mapped_column(BigId, ForeignKey("control_hold.id"), primary_key=True)
    requested_test_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("requested_test.id"), primary_key=True, index=True
    )
