"""What an analyser is told to measure: its names of tests, worklists, and what became of each order."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from lims.bench.analyser.states import AnalyserOrderState
from lims.core.database import Base, BigId, Identified, Versioned, enum_column


class AnalyserTest(Identified, Versioned, Base):
    """What this analyser calls a test item. ``name`` empty: it does not do it (any more)."""

    __tablename__ = "analyser_test"
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"))
    test_item_id: Mapped[int] = mapped_column(ForeignKey("test_item.id"))
    name: Mapped[str] = mapped_column(String(60))
    __table_args__ = (UniqueConstraint("equipment_id", "test_item_id"),)


class AnalyserWorklist(Identified, Base):
    """上机清单: tests of a worksheet, given to one analyser at one time. Appended only."""

    __tablename__ = "analyser_worklist"
    worksheet_id: Mapped[int] = mapped_column(ForeignKey("worksheet.id"), index=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"))
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    sent_at: Mapped[datetime]


class AnalyserOrder(Identified, Base):
    """One test on one sample. ``specimen`` and ``test_name``: as the analyser is told. Appended only."""

    __tablename__ = "analyser_order"
    worklist_id: Mapped[int] = mapped_column(ForeignKey("analyser_worklist.id"), index=True)
    requested_test_id: Mapped[int] = mapped_column(ForeignKey("requested_test.id"), index=True)
    specimen: Mapped[str] = mapped_column(String(60))
    test_name: Mapped[str] = mapped_column(String(60))
    sample_name: Mapped[str] = mapped_column(String(200))


class AnalyserOrderEvent(Identified, Base):
    """A state that an order came to; each once at most. Appended only.

    ``reason``: a stable code where it was refused; ``capture_id``: the bytes that prove it.
    """

    __tablename__ = "analyser_order_event"
    order_id: Mapped[int] = mapped_column(ForeignKey("analyser_order.id"))
    state: Mapped[AnalyserOrderState] = mapped_column(enum_column(AnalyserOrderState))
    at: Mapped[datetime]
    by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reason: Mapped[str] = mapped_column(String(40), default="")
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("capture.id"))
    __table_args__ = (UniqueConstraint("order_id", "state"),)


class AnalyserOrderNow(Base):
    """Where an order stands; follows from its events. ``entry``: what the gateway must still be told (its own
    number, so that a late receipt cannot mean another), with ``withdraws``; ``is_live``: somebody waits for it.
    """

    __tablename__ = "analyser_order_now"
    technical = True
    order_id: Mapped[int] = mapped_column(BigId, ForeignKey("analyser_order.id"), primary_key=True)
    requested_test_id: Mapped[int] = mapped_column(ForeignKey("requested_test.id"), index=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    state: Mapped[AnalyserOrderState] = mapped_column(enum_column(AnalyserOrderState))
    reason: Mapped[str] = mapped_column(String(40), default="")
    entry: Mapped[str | None] = mapped_column(String(32))
    withdraws: Mapped[bool] = mapped_column(default=False)
    is_live: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime]
    __table_args__ = (
        Index(
            "ix_analyser_order_now_live",
            "device_id",
            sqlite_where=sql("is_live"),
            postgresql_where=sql("is_live"),
        ),
    )
