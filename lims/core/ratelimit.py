"""Fixed-window counters in the database: shared by all workers, whatever runs them."""

import hashlib
from datetime import UTC, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import Integer, String, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from lims.core.database import Base
from lims.core.errors import TooManyRequests
from lims.core.uow import UnitOfWork


class RateWindow(Base):
    __tablename__ = "rate_window"
    technical = True
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(index=True)
    hits: Mapped[int] = mapped_column(Integer, default=0)


def hit(uow: UnitOfWork, name: str, who: str, *, limit: int, window: timedelta) -> None:
    """Count one use of ``name`` by ``who``. Raises TooManyRequests past ``limit`` in ``window``.

    A transaction of its own: a refused or failed request counts too.
    """
    with uow:
        now = uow.now
        length = int(window.total_seconds())
        start = int(now.timestamp()) // length * length
        ends = datetime.fromtimestamp(start + length, UTC)
        key = hashlib.sha256(f"{name}\0{who}\0{start}".encode()).hexdigest()
        row = _locked_window(uow, key, ends)
        row.hits += 1
        over = row.hits > limit
        uow.commit()
    if over:
        left = max(1, int((ends - now).total_seconds()))
        raise TooManyRequests(_("Too many tries; wait %(n)s seconds.", n=left), retry_after_s=left)


def _locked_window(uow: UnitOfWork, key: str, ends: datetime) -> RateWindow:
    wanted = select(RateWindow).where(RateWindow.key == key).with_for_update()
    fresh = {"populate_existing": True}
    found = uow.session.execute(wanted, execution_options=fresh).scalar_one_or_none()
    if found is None:
        uow.session.execute(delete(RateWindow).where(RateWindow.ends_at < uow.now - timedelta(hours=1)))
        try:
            with uow.session.begin_nested():
                found = RateWindow(key=key, ends_at=ends, hits=0)
                uow.session.add(found)
        except IntegrityError:  # two workers open the window at the same moment
            found = uow.session.execute(wanted, execution_options=fresh).scalar_one()
    return found
