"""Lists of nonconformities: one statement that pages and API read."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor
from lims.people.models import Account
from lims.quality.covers import Cover, is_about
from lims.quality.models import Nonconformity, NonconformityCover
from lims.quality.states import NonconformityState, Source

Lines = Select[Any]
NEWEST_FIRST = (Key(Nonconformity.id, descending=True),)
N = NonconformityState


class Attention(StrEnum):
    """For what nonconformities wait, seen by one person."""

    OPEN = "open"
    DECIDE = "decide"  # nobody decided about the work yet
    MINE = "mine"  # I am responsible for the corrective action
    OVERDUE = "overdue"  # the action is not done and its day has passed


def nonconformity_lines() -> Lines:
    responsible = aliased(Account)
    opener = aliased(Account)
    covered = (
        select(func.count())
        .where(NonconformityCover.nonconformity_id == Nonconformity.id)
        .correlate(Nonconformity)
        .scalar_subquery()
    )
    lines: Lines = (
        select(  # type: ignore[assignment]  # more columns than the overloads of select know
            Nonconformity.id,
            Nonconformity.version,
            Nonconformity.number,
            Nonconformity.state,
            Nonconformity.source,
            Nonconformity.title,
            Nonconformity.reference,
            Nonconformity.significance,
            Nonconformity.decision,
            Nonconformity.customer_told,
            Nonconformity.opened_at,
            Nonconformity.opened_by,
            Nonconformity.responsible_id,
            Nonconformity.due_on,
            Nonconformity.closed_at,
            opener.name_zh.label("opener_zh"),
            opener.name_en.label("opener_en"),
            responsible.name_zh.label("responsible_zh"),
            responsible.name_en.label("responsible_en"),
            covered.label("covered"),
        )
        .join(opener, opener.id == Nonconformity.opened_by, isouter=True)
        .join(responsible, responsible.id == Nonconformity.responsible_id, isouter=True)
    )
    return lines


def having_words(lines: Lines, words: str) -> Lines:
    """Beginning of the number; words of title or reference."""
    return lines.where(
        or_(
            Nonconformity.number.startswith(words, autoescape=True),
            Nonconformity.title.icontains(words, autoescape=True),
            Nonconformity.reference.icontains(words, autoescape=True),
        )
    )


def needing(lines: Lines, attention: Attention, actor: Actor, today: date) -> Lines:
    if attention is Attention.OPEN:
        return lines.where(Nonconformity.state != N.CLOSED)
    if attention is Attention.DECIDE:
        return lines.where(Nonconformity.state.in_((N.OPENED, N.EVALUATED)))
    if attention is Attention.MINE:
        return lines.where(Nonconformity.responsible_id == actor.id, Nonconformity.state == N.CORRECTING)
    return lines.where(Nonconformity.state == N.CORRECTING, Nonconformity.due_on < today)


def is_overdue(row: Any, today: date) -> bool:
    return bool(row.state is N.CORRECTING and row.due_on is not None and row.due_on < today)


def list_nonconformities(
    session: Session,
    *,
    actor: Actor,
    today: date,
    words: str = "",
    state: NonconformityState | None = None,
    source: Source | None = None,
    attention: Attention | None = None,
    about: Cover | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Any]:
    lines = nonconformity_lines()
    if words:
        lines = having_words(lines, words)
    if state is not None:
        lines = lines.where(Nonconformity.state == state)
    if source is not None:
        lines = lines.where(Nonconformity.source == source)
    if attention is not None:
        lines = needing(lines, attention, actor, today)
    if about is not None:
        inside = select(NonconformityCover.nonconformity_id).where(is_about(about.kind, about.id))
        lines = lines.where(Nonconformity.id.in_(inside))
    return read_page(session, lines, NEWEST_FIRST, cursor=cursor, size=size)
