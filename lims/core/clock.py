"""Time is passed in, never read inside use cases: the unit of work carries a clock."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]

# Local time exists only on paper and screen; legal dates are days of this zone.
LAB_ZONE = ZoneInfo("Asia/Shanghai")


def utc_now() -> datetime:
    return datetime.now(UTC)


def local_date(instant: datetime) -> date:
    """The laboratory's calendar day at ``instant`` (aware)."""
    return instant.astimezone(LAB_ZONE).date()
