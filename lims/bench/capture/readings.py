"""What a capture says now: as it was delivered, or as it was read again last."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from lims.bench.capture.models import CaptureReading
from lims.bench.models import Capture
from lims.bench.states import CaptureKind

SAID = ("kind", "text", "value", "unit", "stable", "code", "name", "specimen")
UNREADABLE = "value_unreadable"  # a flag of what the gateway read, not of the bytes
S = TypeVar("S", bound=Select[Any])


@dataclass(frozen=True, slots=True)
class Reading:
    """``reread``: the re-reading it comes from; None: what the gateway read."""

    kind: CaptureKind
    text: str | None
    value: Decimal | None
    unit: str | None
    stable: bool | None
    code: str | None
    name: str
    specimen: str
    flags: tuple[str, ...]
    profile: str
    reread: CaptureReading | None

    @property
    def said(self) -> tuple[object, ...]:
        """All that two readings of the same bytes can differ in."""
        return tuple(getattr(self, name) for name in SAID)


def as_delivered(capture: Capture) -> Reading:
    """What the gateway read."""
    return reading_of(capture, None)


def reading_of(capture: Capture, reread: CaptureReading | None) -> Reading:
    source = capture if reread is None else reread
    flags = [flag for flag in capture.flags.split() if reread is None or flag != UNREADABLE]
    said = {name: getattr(source, name) for name in SAID}
    return Reading(**said, flags=tuple(flags), profile=source.profile, reread=reread)


def readings_of(session: Session, captures: Iterable[Capture]) -> dict[int, Reading]:
    """By number of the capture. One query."""
    rows = list(captures)
    newest = (
        select(func.max(CaptureReading.id))
        .where(CaptureReading.capture_id.in_([row.id for row in rows]))
        .group_by(CaptureReading.capture_id)
    )
    found = session.scalars(select(CaptureReading).where(CaptureReading.id.in_(newest)))
    again = {one.capture_id: one for one in found}
    return {row.id: reading_of(row, again.get(row.id)) for row in rows}


def reading_now(session: Session, capture: Capture) -> Reading:
    return readings_of(session, [capture])[capture.id]


def with_newest(statement: S) -> S:
    """A statement of captures, beside each its newest re-reading; ``said`` names its columns."""
    newest = (
        select(func.max(CaptureReading.id))
        .where(CaptureReading.capture_id == Capture.id)
        .correlate(Capture)
        .scalar_subquery()
    )
    return statement.outerjoin(CaptureReading, CaptureReading.id == newest)


def said(name: str) -> ColumnElement[Any]:
    """What counts now, in a statement ``with_newest``."""
    again = getattr(CaptureReading, name)
    return case((CaptureReading.id.is_not(None), again), else_=getattr(Capture, name)).label(name)


def history_of(session: Session, capture_id: int) -> list[CaptureReading]:
    """Every re-reading, newest first."""
    wanted = select(CaptureReading).where(CaptureReading.capture_id == capture_id)
    return list(session.scalars(wanted.order_by(CaptureReading.id.desc())))
