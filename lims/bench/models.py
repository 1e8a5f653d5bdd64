"""Assignments, worksheets, captures, inputs, results: what happened at the bench."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lims.bench.states import CaptureKind, InputSource, Verdict, WorksheetState
from lims.core.database import Base, BigId, Identified, Versioned, enum_column


class Assignment(Identified, Base):
    """任务: a requested test given to a person (or taken from the pool: ``assigned_by`` is the taker).

    Appended; the running one has no ``ended_at``.
    """

    __tablename__ = "assignment"
    requested_test_id: Mapped[int] = mapped_column(ForeignKey("requested_test.id"), index=True)
    assignee_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    assigned_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    assigned_at: Mapped[datetime]
    due_on: Mapped[date]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(200))


class Worksheet(Identified, Versioned, Base):
    """检测批: tests of one method version done together by one analyst."""

    __tablename__ = "worksheet"
    number: Mapped[str] = mapped_column(String(60), unique=True)
    method_version_id: Mapped[int] = mapped_column(ForeignKey("method_version.id"), index=True)
    analyst_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    state: Mapped[WorksheetState] = mapped_column(enum_column(WorksheetState), default=WorksheetState.OPEN)
    opened_at: Mapped[datetime]
    temperature: Mapped[Decimal | None]
    humidity: Mapped[Decimal | None]
    note: Mapped[str] = mapped_column(Text, default="")
    rows: Mapped[list["WorksheetRow"]] = relationship(lazy="selectin", order_by="WorksheetRow.position")


class WorksheetRow(Identified, Base):
    __tablename__ = "worksheet_row"
    worksheet_id: Mapped[int] = mapped_column(ForeignKey("worksheet.id"), index=True)
    requested_test_id: Mapped[int] = mapped_column(ForeignKey("requested_test.id"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    removed_at: Mapped[datetime | None]
    __table_args__ = (UniqueConstraint("worksheet_id", "requested_test_id"),)


class WorksheetEquipment(Identified, Base):
    """Equipment used on a worksheet, noted when its value was taken or by hand."""

    __tablename__ = "worksheet_equipment"
    worksheet_id: Mapped[int] = mapped_column(ForeignKey("worksheet.id"), index=True)
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"))
    noted_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("worksheet_id", "equipment_id"),)


class CaptureBatch(Identified, Base):
    """A signed delivery of a gateway, kept for ever with its signature. Appended only."""

    __tablename__ = "capture_batch"
    gateway_id: Mapped[int] = mapped_column(ForeignKey("gateway.id"), index=True)
    epoch: Mapped[str] = mapped_column(String(36))
    received_at: Mapped[datetime]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[str] = mapped_column(String(128))
    public_key: Mapped[str] = mapped_column(String(64))


class Capture(Identified, Base):
    """采集: bytes that came from a device, kept; with what they say. Appended only.

    (gateway, epoch, seq) is the event: the same one delivered twice is stored once. A frame that states
    several values (the registers of an answer, the results of a message) has a row for each: ``part`` counts
    them from 0, ``name`` is what the device calls the value, ``specimen`` the sample it was told. ``text``
    keeps the printed digits; ``value`` and ``unit`` only where the bytes state them.
    """

    __tablename__ = "capture"
    gateway_id: Mapped[int] = mapped_column(ForeignKey("gateway.id"))
    epoch: Mapped[str] = mapped_column(String(36))
    seq: Mapped[int] = mapped_column(BigInteger)
    part: Mapped[int] = mapped_column(Integer, default=0)
    batch_id: Mapped[int] = mapped_column(ForeignKey("capture_batch.id"), index=True)
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    device_name: Mapped[str] = mapped_column(String(80))
    equipment_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    kind: Mapped[CaptureKind] = mapped_column(enum_column(CaptureKind))
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    text: Mapped[str | None] = mapped_column(String(64))
    value: Mapped[Decimal | None]
    unit: Mapped[str | None] = mapped_column(String(20))
    stable: Mapped[bool | None]
    code: Mapped[str | None] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(80), default="")
    specimen: Mapped[str] = mapped_column(String(80), default="")
    identity: Mapped[str | None] = mapped_column(String(120))
    profile: Mapped[str] = mapped_column(String(80))
    # Why the frame came: take, asked, unsolicited (print key), live, late.
    trigger: Mapped[str] = mapped_column(String(20), default="")
    request_id: Mapped[str | None] = mapped_column(String(64))
    captured_at: Mapped[datetime]
    mono_ns: Mapped[int] = mapped_column(BigInteger)
    boot_id: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime]
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    # Facts a reader must know: clock far off, gap before it, device not who it should be. Blank separated.
    flags: Mapped[str] = mapped_column(String(200), default="")
    __table_args__ = (
        UniqueConstraint("gateway_id", "epoch", "seq", "part"),
        Index("ix_capture_equipment_received", "equipment_id", "id"),
        Index("ix_capture_device_newest", "device_id", "id"),
        Index(
            "ix_capture_request_id",
            "request_id",
            sqlite_where=sql("request_id IS NOT NULL"),
            postgresql_where=sql("request_id IS NOT NULL"),
        ),
    )


class CaptureStream(Base):
    """How far one life of a gateway's spool has come; follows from its captures.

    ``acknowledged``: all up to it is stored or can never come any more; ``lost`` counts the latter;
    ``highest``: the last number stored. A gap is open while ``highest > acknowledged``.
    """

    __tablename__ = "capture_stream"
    technical = True
    gateway_id: Mapped[int] = mapped_column(BigId, ForeignKey("gateway.id"), primary_key=True)
    epoch: Mapped[str] = mapped_column(String(36), primary_key=True)
    begun_at: Mapped[datetime]
    acknowledged: Mapped[int] = mapped_column(BigInteger, default=0)
    highest: Mapped[int] = mapped_column(BigInteger, default=0)
    lost: Mapped[int] = mapped_column(BigInteger, default=0)


class CaptureClaim(Identified, Base):
    """This capture is the value of this input: a capture is claimed once."""

    __tablename__ = "capture_claim"
    capture_id: Mapped[int] = mapped_column(ForeignKey("capture.id"), unique=True)
    requested_test_id: Mapped[int] = mapped_column(ForeignKey("requested_test.id"), index=True)
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    claimed_at: Mapped[datetime]
    # The re-reading that counted then; None: what the gateway read.
    reading_id: Mapped[int | None] = mapped_column(ForeignKey("capture_reading.id"))


class TakeRequest(Base):
    """A person asked a device for something: a stable reading for one cell, tare, or zero.

    ``sent_at``: first given to the gateway; ``seen_at``: the gateway has it; ``answered_at``: the answer is
    here; ``settled_at``: the value stands in the cell, or ``code`` and ``sentence`` say why it does not.
    """

    __tablename__ = "take_request"
    technical = True
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    command: Mapped[str] = mapped_column(String(20))
    # Which set-up, of a meter that is set up.
    argument: Mapped[str] = mapped_column(String(40), default="")
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    worksheet_id: Mapped[int | None] = mapped_column(ForeignKey("worksheet.id"))
    requested_test_id: Mapped[int | None] = mapped_column(ForeignKey("requested_test.id"))
    input_name: Mapped[str | None] = mapped_column(String(40))
    replicate: Mapped[int] = mapped_column(Integer, default=1)
    reason: Mapped[str | None] = mapped_column(Text)
    # Of the person who asked: the sentence is for them.
    language: Mapped[str] = mapped_column(String(10), default="zh_CN")
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("capture.id"))
    code: Mapped[str | None] = mapped_column(String(60))
    sentence: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (Index("ix_take_request_device_asked", "device_id", "asked_at"),)


class InputValue(Identified, Base):
    """One reading or input of one test. Appended only: the newest of (test, attempt, name, replicate) counts.

    ``text`` is what was shown or typed; ``value`` the number in it; None with a ``text`` of ``''`` clears.
    """

    __tablename__ = "input_value"
    requested_test_id: Mapped[int] = mapped_column(ForeignKey("requested_test.id"))
    attempt: Mapped[int] = mapped_column(Integer, default=1)
    name: Mapped[str] = mapped_column(String(40))
    replicate: Mapped[int] = mapped_column(Integer, default=1)
    text: Mapped[str] = mapped_column(String(200))
    value: Mapped[Decimal | None]
    unit: Mapped[str] = mapped_column(String(40))
    source: Mapped[InputSource] = mapped_column(enum_column(InputSource))
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("capture.id"), unique=True)
    equipment_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    # Where an imported value came from: file hash and row.
    origin: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str | None] = mapped_column(Text)
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    entered_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("(source = 'capture') = (capture_id IS NOT NULL)", name="capture_named"),
        Index("ix_input_value_cell", "requested_test_id", "attempt", "name", "replicate", "id"),
    )


class Result(Identified, Versioned, Base):
    """What came out of one attempt at one requested test; its values are the versions.

    A retest opens the next attempt; the earlier ones stay readable.
    """

    __tablename__ = "result"
    requested_test_id: Mapped[int] = mapped_column(ForeignKey("requested_test.id"))
    attempt: Mapped[int] = mapped_column(Integer)
    current_version: Mapped[int] = mapped_column(Integer, default=0)
    # The attempt that is reported; False after a retest took its place.
    current: Mapped[bool] = mapped_column(default=True)
    submitted_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    submitted_at: Mapped[datetime | None]
    verified_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    verified_at: Mapped[datetime | None]
    returned_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    return_reason: Mapped[str | None] = mapped_column(Text)
    retest_reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("requested_test_id", "attempt"),
        CheckConstraint(
            "verified_by IS NULL OR (submitted_by IS NOT NULL AND verified_by <> submitted_by)",
            name="two_persons",
        ),
        CheckConstraint("(verified_at IS NULL) = (verified_by IS NULL)", name="verified_named"),
    )


class ResultVersion(Identified, Base):
    """One value a result had. Appended only.

    ``value``: JSON of a ``lims.metrology.values`` kind, unrounded; ``reported``: as printed;
    ``explanation``: JSON with formula, inputs (ids of input values), steps, limit, both comparisons:
    enough to recompute and to print where the number comes from.
    """

    __tablename__ = "result_version"
    result_id: Mapped[int] = mapped_column(ForeignKey("result.id"))
    number: Mapped[int] = mapped_column(Integer)
    method_version_id: Mapped[int] = mapped_column(ForeignKey("method_version.id"))
    value: Mapped[str] = mapped_column(Text)
    reported: Mapped[str] = mapped_column(String(400))
    unit: Mapped[str] = mapped_column(String(40))
    limit_id: Mapped[int | None] = mapped_column(ForeignKey("spec_limit.id"))
    comparison: Mapped[str | None] = mapped_column(String(40))
    verdict: Mapped[Verdict] = mapped_column(enum_column(Verdict))
    verdict_reason: Mapped[str] = mapped_column(String(80), default="")
    near_limit: Mapped[bool] = mapped_column(default=False)
    # Expanded uncertainty as stated, in ``unit``, with its coverage factor, and the budget it comes from.
    expanded_uncertainty: Mapped[Decimal | None]
    coverage_factor: Mapped[Decimal | None]
    budget_id: Mapped[int | None] = mapped_column(ForeignKey("uncertainty_budget.id"))
    explanation: Mapped[str] = mapped_column(Text)
    computed_at: Mapped[datetime]
    computed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reason: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (UniqueConstraint("result_id", "number"),)
