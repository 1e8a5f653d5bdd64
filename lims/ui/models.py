"""Views of lists that people keep."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lims.core.database import Base, BigId, Identified


class SavedView(Identified, Base):
    """A person's filters of one list under a name: how somebody likes to look, no fact of the laboratory."""

    __tablename__ = "saved_view"
    technical = True
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("account.id"))
    endpoint: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("account_id", "endpoint", "name"),)
