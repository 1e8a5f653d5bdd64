"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

# 10:00 in Shanghai, a Monday of the demo year.
START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


class FakeClock:
    """Call it for the instant. ``set`` and ``advance`` move it, also backwards."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def set(self, now: datetime) -> None:
        if now.tzinfo is None:
            raise ValueError("instants must be aware")
        self.now = now.astimezone(UTC)

    def advance(self, by: timedelta | None = None, **parts: float) -> datetime:
        """``advance(timedelta(...))`` or ``advance(minutes=5)``; returns the new instant."""
        self.now += by if by is not None else timedelta(**parts)
        return self.now
