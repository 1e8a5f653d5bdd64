"""What happened to a device: every change of its state, place and identity, from the audit trail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.audit import AuditEvent
from lims.equipment.models import Equipment

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Happening:
    """``verb``: ``equipment.stop``, for example. ``before``, ``after``: columns that changed, as text."""

    at: datetime
    verb: str
    who: str
    reason: str
    before: Mapping[str, str]
    after: Mapping[str, str]


def history_of(session: Session, equipment_id: int) -> Sequence[Happening]:
    """The newest, oldest of them first; one query."""
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.object_type == Equipment.__tablename__, AuditEvent.object_id == str(equipment_id))
        .order_by(AuditEvent.seq.desc())
        .limit(MOST_SHOWN)
    )
    found = [
        Happening(e.at, e.verb, e.actor_name, e.reason or "", _texts(e.before), _texts(e.after))
        for e in events
    ]
    return found[::-1]


def _texts(changed: str) -> dict[str, str]:
    values = orjson.loads(changed)
    return {name: str(value) for name, value in values.items() if value is not None}
