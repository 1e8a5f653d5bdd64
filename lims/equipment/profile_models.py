"""Device profiles that the laboratory makes itself: versions that never change, each with its dialogues."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lims.catalogue.models import Released
from lims.core.database import Base, Identified, Versioned


class DeviceProfile(Identified, Versioned, Base):
    """设备配置: how one type of device is read. ``key``: its name in a gateway's configuration, and of its file."""

    __tablename__ = "device_profile"
    key: Mapped[str] = mapped_column(String(60), unique=True)
    created_at: Mapped[datetime]


class DeviceProfileVersion(Identified, Released, Base):
    """One saved state of a profile. Appended only; of a saved one, only release and retirement are filled in, once.

    ``text``: its TOML as a gateway gets it (facts and dialogues with what they must be read as), ``sha256`` of that
    in UTF-8. ``number`` counts the versions of a profile; captures name it as ``key/number``.
    """

    __tablename__ = "device_profile_version"
    profile_id: Mapped[int] = mapped_column(ForeignKey("device_profile.id"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(200))
    protocol: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(String(500), default="")
    made_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    made_at: Mapped[datetime]
    released_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    __table_args__ = (
        UniqueConstraint("profile_id", "number"),
        CheckConstraint("retired_at IS NULL OR released_at IS NOT NULL", name="retired_after_release"),
    )
