"""Reading the audit trail: filter, difference, export, state of the chain."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from lims.core.audit import AuditEvent, AuditHead, Break, Draft, event_hash, verify_chain
from lims.core.errors import NotFound
from lims.core.paging import CappedCount, Key, Page, capped_count, read_page
from lims.core.permissions import Actor, Permission

MOST_EXPORTED = 100_000
BATCH = 1000
COLUMNS = (
    "seq",
    "at",
    "actor_id",
    "actor_name",
    "session_id",
    "ip",
    "verb",
    "object_type",
    "object_id",
    "before",
    "after",
    "reason",
    "prev_hash",
    "hash",
)
_TABLE = AuditEvent.__table__.c


@dataclass(frozen=True, slots=True)
class Filter:
    """``person``: part of the name, or the number of the account. ``verb``: its beginning."""

    person: str = ""
    verb: str = ""
    object_type: str = ""
    object_id: str = ""
    start: datetime | None = None
    end: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.person.isascii() and self.person.isdigit() and len(self.person) < 16:
            found.append(_TABLE.actor_id == int(self.person))
        elif self.person:
            found.append(_TABLE.actor_name.contains(self.person, autoescape=True))
        if self.verb:
            found.append(_TABLE.verb.startswith(self.verb, autoescape=True))
        if self.object_type:
            found.append(_TABLE.object_type == self.object_type)
        if self.object_id:
            found.append(_TABLE.object_id == self.object_id)
        if self.start is not None:
            found.append(_TABLE.at >= self.start)
        if self.end is not None:
            found.append(_TABLE.at < self.end)
        return found


@dataclass(frozen=True, slots=True)
class Difference:
    """One column: what it was and is, as text; None: not recorded."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ChainState:
    """``checked`` events hold; ``broken`` is the first that does not."""

    checked: int
    broken: Break | None


def list_events(
    session: Session, *, actor: Actor, wanted: Filter, cursor: str | None = None, size: int = 50
) -> Page[Any]:
    """Newest first."""
    actor.require(Permission.AUDIT_READ)
    statement = select(*(_TABLE[name] for name in COLUMNS)).where(*wanted.conditions())
    return read_page(session, statement, [Key(_TABLE.seq, descending=True)], cursor=cursor, size=size)


def count_events(session: Session, *, actor: Actor, wanted: Filter) -> CappedCount:
    """Up to 999, for the start page."""
    actor.require(Permission.AUDIT_READ)
    return capped_count(session, select(_TABLE.seq).where(*wanted.conditions()), 999)


def get_event(session: Session, *, actor: Actor, seq: int) -> AuditEvent:
    actor.require(Permission.AUDIT_READ)
    found = session.get(AuditEvent, seq)
    if found is None:
        raise NotFound(_("This does not exist (any more)."))
    return found


def differences(event: AuditEvent) -> list[Difference]:
    """Column by column, in the order of their names."""
    before, after = orjson.loads(event.before), orjson.loads(event.after)
    names = sorted(set(before) | set(after))
    return [Difference(name, _text(before, name), _text(after, name)) for name in names]


def _text(values: dict[str, object], name: str) -> str | None:
    if name not in values:
        return None
    value = values[name]
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def holds(event: AuditEvent) -> bool:
    """Whether the event's content fits its own hash (``check_chain`` says whether its place fits too)."""
    draft = Draft(**{name: getattr(event, name) for name in Draft.__slots__})
    return event_hash(event.seq, draft, event.prev_hash) == event.hash


def head(session: Session) -> tuple[int, str]:
    """Number and hash of the newest event."""
    row = session.execute(select(AuditHead.seq, AuditHead.hash)).first()
    return (row.seq, row.hash) if row else (0, "")


def check_chain(session: Session, *, actor: Actor) -> ChainState:
    """Walk the whole chain; about ten seconds for a million events."""
    actor.require(Permission.AUDIT_READ)
    return ChainState(*verify_chain(session))


# -- export --------------------------------------------------------------------------


def export_csv(session: Session, *, actor: Actor, wanted: Filter) -> Iterator[str]:
    """What the filter shows, newest first, at most MOST_EXPORTED rows; safe to open in a spreadsheet."""
    actor.require(Permission.AUDIT_READ)
    return _csv(session, wanted)


def _csv(session: Session, wanted: Filter) -> Iterator[str]:
    yield "\ufeff" + _line(COLUMNS)  # the mark tells spreadsheets that this is UTF-8
    for row in _rows(session, wanted):
        yield _line([_plain(value) for value in row])


def export_json(session: Session, *, actor: Actor, wanted: Filter) -> Iterator[str]:
    """The same rows as a JSON array; before and after as objects."""
    actor.require(Permission.AUDIT_READ)
    return _json(session, wanted)


def _json(session: Session, wanted: Filter) -> Iterator[str]:
    between = "[\n"
    for row in _rows(session, wanted):
        values = dict(zip(COLUMNS, row, strict=True))
        values["before"], values["after"] = orjson.loads(row.before), orjson.loads(row.after)
        yield between + orjson.dumps(values).decode()
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"


def _rows(session: Session, wanted: Filter) -> Iterator[Any]:
    """By batches: a long download holds neither memory nor one long transaction's snapshot."""
    below: int | None = None
    left = MOST_EXPORTED
    while left > 0:
        statement = select(*(_TABLE[name] for name in COLUMNS)).where(*wanted.conditions())
        if below is not None:
            statement = statement.where(_TABLE.seq < below)
        rows = session.execute(statement.order_by(_TABLE.seq.desc()).limit(min(BATCH, left))).all()
        yield from rows
        if len(rows) < BATCH:
            return
        below, left = rows[-1].seq, left - len(rows)


def _plain(value: object) -> str:
    text = value.isoformat() if isinstance(value, datetime) else "" if value is None else str(value)
    return without_formula(text) if isinstance(value, str) else text


def without_formula(text: str) -> str:
    """A spreadsheet must take it for text, whatever somebody typed (OWASP ASVS 5.0 V1.2.10)."""
    return "'" + text if text[:1] in {"=", "+", "-", "@", "\t", "\r", "\n", "\0"} else text


def _line(values: Any) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(values)
    return buffer.getvalue()
