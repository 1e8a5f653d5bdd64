"""Measuring equipment, its calibration, and the gateways that read it."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lims.core.database import Base, BigId, Identified, Versioned, enum_column


class EquipmentState(StrEnum):
    FIT = "fit"
    LIMITED = "limited"
    OUT_OF_SERVICE = "out_of_service"


class GatewayState(StrEnum):
    WAITING = "waiting"  # a one-time code was given, no key yet
    ENROLLED = "enrolled"
    REVOKED = "revoked"


class EquipmentClass(Identified, Versioned, Base):
    """What methods name when they need a device: ``balance``, for example."""

    __tablename__ = "equipment_class"
    code: Mapped[str] = mapped_column(String(60), unique=True)
    name_zh: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(120))


class Equipment(Identified, Versioned, Base):
    """A measuring device of the laboratory (ISO/IEC 17025 6.4.13).

    ``identity``: what the device answers when asked who it is; ``software``: version of its firmware or
    software; ``in_service_on``: since when it is used here.
    """

    __tablename__ = "equipment"
    code: Mapped[str] = mapped_column(String(60), unique=True)
    name_zh: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(160))
    equipment_class: Mapped[str] = mapped_column(ForeignKey("equipment_class.code"))
    maker: Mapped[str] = mapped_column(String(120), default="")
    model: Mapped[str] = mapped_column(String(120), default="")
    serial: Mapped[str] = mapped_column(String(120), default="")
    software: Mapped[str] = mapped_column(String(120), default="")
    in_service_on: Mapped[date | None]
    identity: Mapped[str | None] = mapped_column(String(120))
    section_id: Mapped[int | None] = mapped_column(ForeignKey("section.id"))
    place: Mapped[str] = mapped_column(String(120), default="")
    state: Mapped[EquipmentState] = mapped_column(enum_column(EquipmentState), default=EquipmentState.FIT)
    state_reason: Mapped[str] = mapped_column(Text, default="")


class CalibrationRecord(Identified, Base):
    """Evidence that a device measured right: appended, never edited. The range is where it holds.

    A slip is corrected by a further record that ``replaces`` the wrong one, which then no longer counts.
    """

    __tablename__ = "calibration_record"
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"), index=True)
    certificate_number: Mapped[str] = mapped_column(String(100))
    laboratory: Mapped[str] = mapped_column(String(160))
    calibrated_on: Mapped[date]
    due_on: Mapped[date]
    accepted: Mapped[bool]
    range_low: Mapped[Decimal | None]
    range_high: Mapped[Decimal | None]
    unit: Mapped[str] = mapped_column(String(40), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    file_sha256: Mapped[str | None] = mapped_column(ForeignKey("stored_file.sha256"))
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    recorded_at: Mapped[datetime]
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("calibration_record.id"), unique=True)
    __table_args__ = (CheckConstraint("due_on >= calibrated_on", name="dates"),)


class Gateway(Identified, Versioned, Base):
    """The PC at the bench. Its public key (Ed25519, hex) is pinned at enrolment."""

    __tablename__ = "gateway"
    name: Mapped[str] = mapped_column(String(80), unique=True)
    place: Mapped[str] = mapped_column(String(120), default="")
    state: Mapped[GatewayState] = mapped_column(enum_column(GatewayState))
    public_key: Mapped[str | None] = mapped_column(String(64))
    code_hash: Mapped[str | None] = mapped_column(String(64))
    code_expires_at: Mapped[datetime | None]
    enrolled_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoke_reason: Mapped[str] = mapped_column(Text, default="")
    # What it said of itself when it enrolled.
    host: Mapped[str] = mapped_column(String(120), default="")
    software: Mapped[str] = mapped_column(String(80), default="")
    devices: Mapped[list["Device"]] = relationship(lazy="selectin", order_by="Device.name")
    __table_args__ = (
        CheckConstraint("state <> 'enrolled' OR public_key IS NOT NULL", name="enrolled_has_key"),
    )


class Device(Identified, Versioned, Base):
    """What hangs on a gateway: ``name`` is the gateway's word for it, ``equipment`` ours."""

    __tablename__ = "device"
    gateway_id: Mapped[int] = mapped_column(ForeignKey("gateway.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    equipment_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    equipment: Mapped[Equipment | None] = relationship(lazy="joined")
    # One thing has one wire: equipment hangs on one gateway at a time.
    __table_args__ = (UniqueConstraint("gateway_id", "name"), UniqueConstraint("equipment_id"))


class DeviceLive(Base):
    """The latest live figure of a device (overwritten, not a record).

    ``at``: when the gateway last spoke of it; ``figure_at``: when the figure was read, by the server's clock.
    """

    __tablename__ = "device_live"
    technical = True
    device_id: Mapped[int] = mapped_column(BigId, ForeignKey("device.id"), primary_key=True)
    at: Mapped[datetime]
    link_state: Mapped[str] = mapped_column(String(40))
    text: Mapped[str | None] = mapped_column(String(40))
    unit: Mapped[str | None] = mapped_column(String(20))
    stable: Mapped[bool | None]
    identity: Mapped[str | None] = mapped_column(String(120))
    identity_at: Mapped[datetime | None]
    figure_at: Mapped[datetime | None]
    kind: Mapped[str | None] = mapped_column(String(20))
    code: Mapped[str | None] = mapped_column(String(60))
    # Of a device that states several values at once: JSON of [name, text, unit] of each, the first included.
    several: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(String(200), default="")
    expected_identity: Mapped[str | None] = mapped_column(String(120))
    profile: Mapped[str] = mapped_column(String(80), default="")
    port: Mapped[str] = mapped_column(String(200), default="")
    unparsed: Mapped[int] = mapped_column(BigInteger, default=0)
    # JSON: what it can be told, and what of its orders it has not taken (``heartbeat``).
    facts: Mapped[str] = mapped_column(Text, default="")
    # A page shows this device until then: its gateway hurries.
    watched_until: Mapped[datetime | None]
