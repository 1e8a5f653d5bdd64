"""The audit trail: append-only, hash-chained, written in the same transaction as the change."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import orjson
from sqlalchemy import BigInteger, Index, String, Text, bindparam, insert, inspect, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from lims.core.database import Base, BigId

GENESIS = "0" * 64
# Never in the trail: secrets, and columns that say nothing to a reader.
HIDDEN = frozenset({"password_hash", "totp_secret", "secret_hash", "code_hash", "token_hash", "version"})

Change = Mapping[str, tuple[object, object]]


class AuditEvent(Base):
    """One thing somebody did. ``before`` and ``after`` are canonical JSON objects of what changed."""

    __tablename__ = "audit_event"
    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(BigId, index=True)
    actor_name: Mapped[str] = mapped_column(String(200))
    session_id: Mapped[int | None] = mapped_column(BigId)
    ip: Mapped[str | None] = mapped_column(String(64))
    verb: Mapped[str] = mapped_column(String(80), index=True)
    object_type: Mapped[str] = mapped_column(String(80))
    object_id: Mapped[str] = mapped_column(String(80))
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    # The history of one thing, shown on its own page.
    __table_args__ = (Index("ix_audit_event_object", "object_type", "object_id"),)


class AuditHead(Base):
    """The chain's end; its row lock puts the events of all writers in one order."""

    __tablename__ = "audit_head"
    technical = True
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))


_HEADS = AuditHead.__table__
_HEAD = select(_HEADS.c.seq, _HEADS.c.hash).where(_HEADS.c.id == 1).with_for_update()
_APPEND = insert(AuditEvent.__table__)  # type: ignore[arg-type]
_FIRST_HEAD = insert(_HEADS).values(id=1, seq=bindparam("at_seq"), hash=bindparam("at_hash"))  # type: ignore[arg-type]
_NEXT_HEAD = (
    update(_HEADS)  # type: ignore[arg-type]
    .where(_HEADS.c.id == 1)
    .values(seq=bindparam("at_seq"), hash=bindparam("at_hash"))
)


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it has its place in the chain."""

    at: datetime
    actor_id: int | None
    actor_name: str
    session_id: int | None
    ip: str | None
    verb: str
    object_type: str
    object_id: str
    before: str
    after: str
    reason: str | None


def plain(value: object) -> object:
    """``value`` as JSON knows it; decimals and instants as text."""
    if value is None or isinstance(value, str | int | bool):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    return str(value)


def canonical(value: object) -> str:
    return orjson.dumps(plain(value), option=orjson.OPT_SORT_KEYS).decode()


def changes_of(row: Base) -> tuple[dict[str, object], dict[str, object]]:
    """What this row's columns were and are since it was loaded (a new row: nothing, and all)."""
    state = inspect(row)
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    for attribute in state.mapper.column_attrs:
        if attribute.key in HIDDEN:
            continue
        history = state.attrs[attribute.key].history
        if history.added and (history.deleted or not state.persistent or history.added[0] is not None):
            after[attribute.key] = history.added[0]
            if history.deleted:
                before[attribute.key] = history.deleted[0]
    return before, after


def event_hash(seq: int, draft: Draft, prev_hash: str) -> str:
    """SHA-256 over the length-framed canonical JSON of every field and the previous hash."""
    body = orjson.dumps(
        {
            "seq": seq,
            "at": draft.at.astimezone(UTC).isoformat(),
            "actor_id": draft.actor_id,
            "actor_name": draft.actor_name,
            "session_id": draft.session_id,
            "ip": draft.ip,
            "verb": draft.verb,
            "object_type": draft.object_type,
            "object_id": draft.object_id,
            "before": draft.before,
            "after": draft.after,
            "reason": draft.reason,
            "prev": prev_hash,
        },
        option=orjson.OPT_SORT_KEYS,
    )
    return hashlib.sha256(str(len(body)).encode() + b":" + body).hexdigest()


def append(session: Session, drafts: list[Draft]) -> None:
    """Chain ``drafts`` at the head. Call last before the commit: it locks the head row."""
    if not drafts:
        return
    connection = session.connection()
    head = connection.execute(_HEAD).one_or_none()
    seq, previous = (0, GENESIS) if head is None else (head.seq, head.hash)
    rows: list[dict[str, Any]] = []
    for draft in drafts:
        seq += 1
        digest = event_hash(seq, draft, previous)
        rows.append({"seq": seq, "prev_hash": previous, "hash": digest, **_columns(draft)})
        previous = digest
    connection.execute(_APPEND, rows)
    connection.execute(_FIRST_HEAD if head is None else _NEXT_HEAD, {"at_seq": seq, "at_hash": previous})


def _columns(draft: Draft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in Draft.__slots__}


@dataclass(frozen=True, slots=True)
class Break:
    """The first row at which the chain does not hold. ``code``: ``why`` for programs and other languages."""

    seq: int
    why: str
    code: str


def verify_chain(session: Session) -> tuple[int, Break | None]:
    """Walk the whole chain. Returns how many events hold, and the first break if there is one."""
    expected, previous, count = 1, GENESIS, 0
    statement = select(AuditEvent.__table__).order_by(AuditEvent.__table__.c.seq)
    with session.connection().execution_options(yield_per=2000).execute(statement) as events:
        for event in events:
            broken = _broken(event, expected, previous)
            if broken is not None:
                return count, broken
            expected, previous, count = expected + 1, event.hash, count + 1
    head = session.execute(select(_HEADS.c.seq, _HEADS.c.hash).where(_HEADS.c.id == 1)).one_or_none()
    if head is not None and (head.seq != count or head.hash != previous):
        return count, Break(head.seq, "the chain ends before its head: events were cut off", "cut_off")
    if head is None and count:
        return count, Break(count, "the head of the chain is missing", "no_head")
    return count, None


def _broken(event: Any, expected: int, previous: str) -> Break | None:
    if event.seq != expected:
        return Break(expected, f"event {expected} is missing (next is {event.seq})", "missing")
    if event.prev_hash != previous:
        return Break(event.seq, "does not link to the event before it", "link")
    draft = Draft(**{name: getattr(event, name) for name in Draft.__slots__})
    if event_hash(event.seq, draft, previous) != event.hash:
        return Break(event.seq, "content does not match its hash", "content")
    return None
