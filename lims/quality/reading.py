"""One nonconformity as its page shows it: names, covered rows, what this reader can do; and typed numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.audit import AuditEvent
from lims.core.errors import InvalidInput
from lims.core.permissions import Actor, Permission
from lims.people.directory import accounts_by_id
from lims.people.models import Account
from lims.quality.covers import Cover, CoverLine, described, find_cover
from lims.quality.models import Nonconformity
from lims.quality.nonconformities import may_close_at_once, may_report, nonconformity
from lims.quality.states import CustomerTold, NonconformityState

N = NonconformityState


@dataclass(frozen=True, slots=True)
class View:
    """``people``: accounts that the record names, by number. ``steps``: open to this reader now.

    ``other_person``: the reader could close it, had he no hand in it.
    """

    row: Nonconformity
    covers: Sequence[CoverLine]
    people: Mapping[int, Account]
    steps: frozenset[str]
    other_person: bool
    events: Sequence[AuditEvent]


def look_at(session: Session, actor: Actor, nonconformity_id: int) -> View:
    """Five queries, and one a kind of covered rows."""
    row = nonconformity(session, nonconformity_id)
    covers = described(session, [Cover(one.kind, one.object_id) for one in row.covers])
    named = {row.opened_by, row.evaluated_by, row.decided_by, row.responsible_id, row.closed_by}
    people = accounts_by_id(session, named)
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.object_type == "nonconformity", AuditEvent.object_id == str(row.id))
        .order_by(AuditEvent.seq)
    ).all()
    steps, other = _steps(actor, row)
    return View(row, covers, people, steps, other, events)


def _steps(actor: Actor, row: Nonconformity) -> tuple[frozenset[str], bool]:
    handles = actor.can(Permission.NONCONFORMITY_HANDLE)
    decides = actor.can(Permission.NONCONFORMITY_DECIDE)
    open_: set[str] = set()
    if handles and row.state is not N.CLOSED:
        open_.add("cover")
        if row.customer_told is CustomerTold.TO_TELL:
            open_.add("tell")
    if handles and row.state in (N.OPENED, N.EVALUATED):
        open_.add("evaluate")
    if decides and row.state is N.EVALUATED:
        open_.add("decide")
    if handles and row.state is N.DECIDED:
        open_.add("plan")
    if row.state is N.CORRECTING and may_report(actor, row):
        open_.add("done")
    if decides and row.state is N.CHECKING:
        open_.add("further")
    own = False
    if decides and (row.state is N.CHECKING or (row.state is N.DECIDED and may_close_at_once(row))):
        own = actor.id == (row.responsible_id if row.state is N.CHECKING else row.opened_by)
        if not own:
            open_.add("close")
    return frozenset(open_), own


def read_typed_covers(session: Session, typed: Iterable[Mapping[str, Any]]) -> list[Cover]:
    """The rows with these numbers on them. Raises InvalidInput at the number that belongs to nothing."""
    found: list[Cover] = []
    faults: dict[str, list[str]] = {}
    for place, one in enumerate(typed):
        if not one["number"] or one["kind"] is None:
            continue
        row_id = find_cover(session, one["kind"], one["number"])
        if row_id is None:
            faults[f"covers.{place}.number"] = [
                _("There is no such record: %(number)s.", number=one["number"])
            ]
        else:
            found.append(Cover(one["kind"], row_id))
    if faults:
        raise InvalidInput(_("Some numbers belong to nothing here."), code="unknown_cover", fields=faults)
    return found
