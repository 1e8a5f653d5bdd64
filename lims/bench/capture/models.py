"""What captures say when their bytes are read again with another profile."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from lims.bench.states import CaptureKind
from lims.core.database import Base, Identified, enum_column


class CaptureReading(Identified, Base):
    """重读: one re-reading of one capture. Appended only; the newest counts for whoever claims from then on.

    ``profile``: as captures name it (``our-ph/3``; a built-in one by its key), with the ``profile_sha256`` of its
    TOML and the version of the ``codec``: enough to read the same again. ``text`` to ``specimen``: as of a capture.
    """

    __tablename__ = "capture_reading"
    capture_id: Mapped[int] = mapped_column(ForeignKey("capture.id"))
    profile: Mapped[str] = mapped_column(String(80))
    profile_version_id: Mapped[int | None] = mapped_column(ForeignKey("device_profile_version.id"))
    profile_sha256: Mapped[str] = mapped_column(String(64))
    codec: Mapped[str] = mapped_column(String(60))
    kind: Mapped[CaptureKind] = mapped_column(enum_column(CaptureKind))
    text: Mapped[str | None] = mapped_column(String(64))
    value: Mapped[Decimal | None]
    unit: Mapped[str | None] = mapped_column(String(20))
    stable: Mapped[bool | None]
    code: Mapped[str | None] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(80), default="")
    specimen: Mapped[str] = mapped_column(String(80), default="")
    reason: Mapped[str] = mapped_column(String(500))
    read_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    read_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("kind <> 'reading' OR value IS NOT NULL", name="reading_has_value"),
        Index("ix_capture_reading_newest", "capture_id", "id"),
    )
