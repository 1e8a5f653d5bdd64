"""Nonconforming work (ISO/IEC 17025 7.10 and 8.7): opened, evaluated, decided, corrected, checked, closed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.clock import local_date
from lims.core.errors import InvalidInput, NotFound, PermissionDenied, TransitionRefused
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.core.workflow import take_step
from lims.people.models import Account
from lims.quality.covers import Cover, require_covers
from lims.quality.models import Nonconformity, NonconformityCover
from lims.quality.states import (
    NONCONFORMITY_STEPS,
    CustomerTold,
    Decision,
    NonconformityState,
    Significance,
    Source,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What somebody saw. ``reference``: text that leads back to it, such as a worksheet and a rule."""

    source: Source
    title: str
    what: str
    reference: str = ""
    covers: Sequence[Cover] = ()


def nonconformity(session: Session, nonconformity_id: int) -> Nonconformity:
    row = session.get(Nonconformity, nonconformity_id)
    if row is None:
        raise NotFound(_("This nonconformity does not exist."))
    return row


def of_origins(session: Session, keys: Collection[str]) -> dict[str, Nonconformity]:
    """What was opened for these keys (``key`` of the job). One query; keys that opened nothing are left out."""
    if not keys:
        return {}
    found = session.scalars(select(Nonconformity).where(Nonconformity.origin_key.in_(keys)))
    return {str(row.origin_key): row for row in found}


def add_nonconformity(
    uow: UnitOfWork,
    actor: Actor,
    finding: Finding,
    *,
    origin_key: str | None = None,
    opened_by: int | None = None,
) -> Nonconformity:
    """Write the record in the caller's transaction; a known ``origin_key`` gives the record it opened.

    ``opened_by``: who found it, where the actor is a job.
    """
    if origin_key is not None and (known := of_origins(uow.session, [origin_key])):
        return known[origin_key]
    require_covers(uow.session, finding.covers)
    row = uow.add(
        Nonconformity(
            number=take_numbers(uow, "nonconformity", local_date(uow.now))[0],
            source=finding.source,
            origin_key=origin_key,
            reference=finding.reference,
            title=finding.title,
            what=finding.what,
            opened_by=actor.id or opened_by,
            opened_at=uow.now,
        )
    )
    _cover(uow, row, finding.covers)
    uow.audit("nonconformity.open", actor, row)
    return row


def open_nonconformity(
    uow: UnitOfWork,
    *,
    actor: Actor,
    finding: Finding,
    origin_key: str | None = None,
    opened_by: int | None = None,
    request_key: RequestKey | None = None,
) -> Nonconformity:
    """Anybody who works here may say that something is wrong."""
    actor.require(Permission.NONCONFORMITY_OPEN)
    with uow:
        if (made := uow.replayed(Nonconformity, actor=actor, request_key=request_key)) is not None:
            return made
        row = add_nonconformity(uow, actor, finding, origin_key=origin_key, opened_by=opened_by)
        uow.remember(row)
        uow.commit()
    return row


def cover_more(
    uow: UnitOfWork, *, actor: Actor, nonconformity_id: int, version: int, covers: Sequence[Cover]
) -> Nonconformity:
    """More turns out to be concerned. What is covered already is left as it is."""
    actor.require(Permission.NONCONFORMITY_HANDLE)
    with uow:
        row = uow.get(Nonconformity, nonconformity_id, version=version)
        if row.state is NonconformityState.CLOSED:
            raise TransitionRefused(_("This nonconformity is closed."), code="nonconformity_closed")
        require_covers(uow.session, covers)
        known = {(one.kind, one.object_id) for one in row.covers}
        fresh = [one for one in dict.fromkeys(covers) if (one.kind, one.id) not in known]
        _cover(uow, row, fresh)
        after = {"covers": [f"{one.kind.value}:{one.id}" for one in fresh]}
        uow.audit("nonconformity.cover", actor, row, after=after)
        uow.commit()
    return row


def _cover(uow: UnitOfWork, row: Nonconformity, covers: Sequence[Cover]) -> None:
    for one in dict.fromkeys(covers):
        row.covers.append(NonconformityCover(kind=one.kind, object_id=one.id))
    uow.flush()


def evaluate_nonconformity(
    uow: UnitOfWork,
    *,
    actor: Actor,
    nonconformity_id: int,
    version: int,
    significance: Significance,
    evaluation: str,
    immediate_action: str,
) -> Nonconformity:
    """How grave it is, also for earlier results (7.10.1 c), and what was done at once (7.10.1 b)."""
    actor.require(Permission.NONCONFORMITY_HANDLE)
    with uow:
        row = _step(uow, actor, "evaluate", nonconformity_id, version)
        row.significance, row.evaluation, row.immediate_action = significance, evaluation, immediate_action
        row.evaluated_by, row.evaluated_at = actor.id, uow.now
        return _told(uow, actor, "evaluate", row)


def decide_nonconformity(
    uow: UnitOfWork,
    *,
    actor: Actor,
    nonconformity_id: int,
    version: int,
    decision: Decision,
    reason: str,
    customer_told: CustomerTold,
    customer_note: str = "",
) -> Nonconformity:
    """What happens to the work, and why; by a person with a name (7.10.1 d to f)."""
    actor.require(Permission.NONCONFORMITY_DECIDE)
    if decision is Decision.RECALL and customer_told is CustomerTold.NOT_CONCERNED:
        fault = _("Whoever holds a report that is recalled must be told.")
        raise InvalidInput(fault, fields={"customer_told": [fault]})
    with uow:
        row = _step(uow, actor, "decide", nonconformity_id, version)
        row.decision, row.decision_reason = decision, reason
        row.customer_told, row.customer_note = customer_told, customer_note
        row.decided_by, row.decided_at = _person(actor), uow.now
        return _told(uow, actor, "decide", row, reason)


def tell_customer(
    uow: UnitOfWork, *, actor: Actor, nonconformity_id: int, version: int, note: str
) -> Nonconformity:
    """The customer who was still to be told knows now: who was told, when, how."""
    actor.require(Permission.NONCONFORMITY_HANDLE)
    with uow:
        row = uow.get(Nonconformity, nonconformity_id, version=version)
        if row.customer_told is not CustomerTold.TO_TELL:
            raise TransitionRefused(_("No customer is waiting to be told."), code="nobody_to_tell")
        row.customer_told, row.customer_note = CustomerTold.TOLD, note
        return _told(uow, actor, "tell", row)


def plan_correction(
    uow: UnitOfWork,
    *,
    actor: Actor,
    nonconformity_id: int,
    version: int,
    cause: str,
    corrective_action: str,
    responsible_id: int,
    due_on: date,
) -> Nonconformity:
    """Why it happened, and what keeps it from happening again (8.7.1 b, c)."""
    actor.require(Permission.NONCONFORMITY_HANDLE)
    with uow:
        person = uow.session.get(Account, responsible_id)
        row = _step(uow, actor, "plan", nonconformity_id, version)
        if person is None or person.retired_at is not None:
            fault = _("This person does not work here.")
            raise InvalidInput(fault, fields={"responsible_id": [fault]})
        if due_on < local_date(uow.now):
            fault = _("This day has passed.")
            raise InvalidInput(fault, fields={"due_on": [fault]})
        row.cause, row.corrective_action = cause, corrective_action
        row.responsible_id, row.due_on = responsible_id, due_on
        return _told(uow, actor, "plan", row)


def report_correction(
    uow: UnitOfWork, *, actor: Actor, nonconformity_id: int, version: int, done: str
) -> Nonconformity:
    """The action is done: said by whoever is responsible for it, or who handles nonconformities."""
    with uow:
        row = uow.get(Nonconformity, nonconformity_id, version=version)
        if not may_report(actor, row):
            raise PermissionDenied(_("Only the responsible person says that the action is done."))
        row.state = take_step(NONCONFORMITY_STEPS, "done", row.state, actor_id=actor.id)
        row.done, row.done_at = done, uow.now
        return _told(uow, actor, "done", row)


def may_report(actor: Actor, row: Nonconformity) -> bool:
    mine = actor.id is not None and actor.id == row.responsible_id
    return mine or actor.can(Permission.NONCONFORMITY_HANDLE)


def correct_further(
    uow: UnitOfWork, *, actor: Actor, nonconformity_id: int, version: int, reason: str, due_on: date
) -> Nonconformity:
    """The action did not help: it goes on until ``due_on``."""
    actor.require(Permission.NONCONFORMITY_DECIDE)
    with uow:
        row = _step(uow, actor, "not_effective", nonconformity_id, version)
        if due_on < local_date(uow.now):
            fault = _("This day has passed.")
            raise InvalidInput(fault, fields={"due_on": [fault]})
        row.effect, row.due_on = reason, due_on
        return _told(uow, actor, "not_effective", row, reason)


def close_nonconformity(
    uow: UnitOfWork, *, actor: Actor, nonconformity_id: int, version: int, effect: str
) -> Nonconformity:
    """``effect``: how the effect was checked, or why no corrective action is needed (8.7.1 d).

    Without an action only what is minor or not confirmed is closed. Raises TransitionRefused
    (``action_needed``, ``customer_not_told``, ``same_person``).
    """
    actor.require(Permission.NONCONFORMITY_DECIDE)
    with uow:
        row = uow.get(Nonconformity, nonconformity_id, version=version)
        at_once = row.state is NonconformityState.DECIDED
        if at_once and not may_close_at_once(row):
            raise TransitionRefused(
                _("A major nonconformity is not closed without a corrective action."), code="action_needed"
            )
        row.state = take_step(
            NONCONFORMITY_STEPS,
            "close_at_once" if at_once else "close",
            row.state,
            actor_id=_person(actor),
            others=[row.opened_by if at_once else row.responsible_id],
        )
        if row.customer_told is CustomerTold.TO_TELL:
            raise TransitionRefused(_("The customer is still to be told."), code="customer_not_told")
        row.effect, row.closed_by, row.closed_at = effect, actor.id, uow.now
        return _told(uow, actor, "close", row)


def may_close_at_once(row: Nonconformity) -> bool:
    return row.significance is Significance.MINOR or row.decision is Decision.NOT_CONFIRMED


# -- inside --------------------------------------------------------------------------


def _step(uow: UnitOfWork, actor: Actor, name: str, nonconformity_id: int, version: int) -> Nonconformity:
    row = uow.get(Nonconformity, nonconformity_id, version=version)
    row.state = take_step(NONCONFORMITY_STEPS, name, row.state, actor_id=actor.id)
    return row


def _told(
    uow: UnitOfWork, actor: Actor, verb: str, row: Nonconformity, reason: str | None = None
) -> Nonconformity:
    uow.audit(f"nonconformity.{verb}", actor, row, reason=reason)
    uow.commit()
    return row


def _person(actor: Actor) -> int:
    """Raises PermissionDenied for jobs and the command line: a person with a name decides."""
    if actor.id is None:
        raise PermissionDenied(_("Only a person decides this."))
    return actor.id
