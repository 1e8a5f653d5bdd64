"""Who holds a sample and where it lies: handed over, stored, taken, and taken back.

A sample has a holder or a place, not both: what lies in store is in nobody's hands. Every step appends a
custody event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from lims.core.errors import InvalidInput, LimsError, NotFound, TransitionRefused
from lims.core.permissions import ROLE_PERMISSIONS, Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.intake.models import CustodyEvent, Sample, StoragePlace
from lims.intake.samples import sample_by_number
from lims.intake.states import CustodyKind, SampleState
from lims.people.models import Account, AccountRole

HERE = frozenset(
    {
        SampleState.TO_TEST,
        SampleState.IN_TEST,
        SampleState.TESTED,
        SampleState.RETAINED,
        SampleState.DISPOSAL_ASKED,
        SampleState.REFUSED,
    }
)
UNDONE_BY_HAND = frozenset({CustodyKind.HANDED_OVER, CustodyKind.STORED, CustodyKind.TAKEN})
MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Target:
    """Where samples go: into a person's hands or to a storage place, exactly one of them."""

    holder_id: int | None = None
    place_id: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A step of custody, with the person or the place it went to."""

    sample: Sample
    event: CustodyEvent
    holder: Account | None = None
    place: StoragePlace | None = None


def is_here(sample: Sample) -> bool:
    """Whether the thing itself is in the house."""
    cancelled_here = sample.state is SampleState.CANCELLED and sample.received_at is not None
    return sample.state in HERE or cancelled_here


def move_samples(
    uow: UnitOfWork,
    *,
    actor: Actor,
    sample_ids: Sequence[int],
    target: Target,
    note: str = "",
    request_key: RequestKey | None = None,
) -> list[Moved]:
    """Hand over, store or take these samples, all or none.

    A sample in somebody's hands is moved by its holder, by who takes it, or by reception.
    Raises TransitionRefused (``not_here``, ``not_in_your_hands``, ``has_it_already``, ``lies_there_already``).
    """
    actor.require(Permission.SAMPLE_MOVE)
    wanted = sorted(set(sample_ids))
    if not 0 < len(wanted) <= MOST_AT_ONCE:
        text = _("Choose 1 to %(n)s samples.", n=MOST_AT_ONCE)
        raise InvalidInput(text, code="no_samples", fields={"sample_ids": [text]})
    with uow:
        earlier = uow.replayed(CustodyEvent, actor=actor, request_key=request_key)
        if earlier is not None:
            return _moved_with(uow.session, earlier, wanted)
        check_target(uow.session, target)
        moved = [move(uow, actor, _sample(uow, actor, number), target, note) for number in wanted]
        uow.remember(moved[0].event)
        uow.commit()
    return moved


def move_scanned(
    uow: UnitOfWork, *, actor: Actor, code: str, target: Target, request_key: RequestKey | None = None
) -> Moved:
    """The step for one scanned number. Raises as ``move_samples``, and NotFound (``unknown_code``)."""
    actor.require(Permission.SAMPLE_MOVE)
    uow.session.rollback()
    sample = sample_by_number(uow.session, actor, code)
    if sample is None:
        raise NotFound(_("No sample is called %(code)s.", code=code), code="unknown_code")
    return move_samples(uow, actor=actor, sample_ids=[sample.id], target=target, request_key=request_key)[0]


def undo_move(uow: UnitOfWork, *, actor: Actor, event_id: int) -> Moved:
    """Take one's own last step back, until somebody else acts; both stay in the chain.

    Raises TransitionRefused (``not_yours``, ``somebody_acted``).
    """
    actor.require(Permission.SAMPLE_MOVE)
    with uow:
        event = uow.session.get(CustodyEvent, event_id)
        if event is None:
            raise NotFound(_("There is no such step."))
        sample = _sample(uow, actor, event.sample_id)
        if event.actor_id != actor.id:
            raise TransitionRefused(_("Only who did it takes it back."), code="not_yours")
        if event.kind not in UNDONE_BY_HAND or last_event_id(uow.session, sample.id) != event.id:
            text = _("This cannot be taken back: something was done with the sample since.")
            raise TransitionRefused(text, code="somebody_acted")
        done = CustodyEvent(
            sample_id=sample.id,
            at=uow.now,
            kind=CustodyKind.UNDONE,
            actor_id=actor.id,
            from_holder_id=sample.holder_id,
            from_place_id=sample.place_id,
            to_holder_id=event.from_holder_id,
            place_id=event.from_place_id,
            undoes_id=event.id,
        )
        sample.holder_id, sample.place_id = event.from_holder_id, event.from_place_id
        uow.audit("sample.undo_move", actor, sample)
        uow.add(done)
        uow.commit()
    return _moved(uow.session, sample, done)


def move(uow: UnitOfWork, actor: Actor, sample: Sample, target: Target, note: str = "") -> Moved:
    """One step, inside the caller's unit of work, on a locked sample and a checked target."""
    _check_hands(uow.session, actor, sample, target)
    event = CustodyEvent(
        sample_id=sample.id,
        at=uow.now,
        kind=_kind(actor, sample, target),
        actor_id=actor.id,
        from_holder_id=sample.holder_id,
        from_place_id=sample.place_id,
        to_holder_id=target.holder_id,
        place_id=target.place_id,
        note=note.strip(),
    )
    sample.holder_id, sample.place_id = target.holder_id, target.place_id
    uow.audit(f"sample.{event.kind}", actor, sample)
    uow.add(event)
    return _moved(uow.session, sample, event)


def _moved(session: Session, sample: Sample, event: CustodyEvent) -> Moved:
    holder = session.get(Account, event.to_holder_id) if event.to_holder_id is not None else None
    place = session.get(StoragePlace, event.place_id) if event.place_id is not None else None
    return Moved(sample, event, holder, place)


def _kind(actor: Actor, sample: Sample, target: Target) -> CustodyKind:
    if target.place_id is not None:
        return CustodyKind.STORED
    from_store = sample.place_id is not None and sample.holder_id is None
    return CustodyKind.TAKEN if from_store and target.holder_id == actor.id else CustodyKind.HANDED_OVER


def _check_hands(session: Session, actor: Actor, sample: Sample, target: Target) -> None:
    if not is_here(sample):
        raise _not_here(sample)
    if target.holder_id is not None and target.holder_id == sample.holder_id:
        text = _(
            "%(who)s has %(number)s already.", who=_name(session, sample.holder_id), number=sample.number
        )
        raise TransitionRefused(text, code="has_it_already")
    if target.place_id is not None and target.place_id == sample.place_id:
        text = _("%(number)s lies there already.", number=sample.number)
        raise TransitionRefused(text, code="lies_there_already")
    taken_by_actor = target.holder_id is not None and target.holder_id == actor.id
    free = sample.holder_id is None or sample.holder_id == actor.id
    if not (free or taken_by_actor or actor.can(Permission.SAMPLE_RECEIVE)):
        text = _(
            "%(who)s holds %(number)s: take it over first, or let the holder do it.",
            who=_name(session, sample.holder_id),
            number=sample.number,
        )
        raise TransitionRefused(text, code="not_in_your_hands")


def _not_here(sample: Sample) -> LimsError:
    if sample.state is SampleState.EXPECTED:
        text = _("%(number)s has not been received yet: receive it first.", number=sample.number)
        return TransitionRefused(text, code="not_received")
    text = _("%(number)s is not in the house any more.", number=sample.number)
    return TransitionRefused(text, code="not_here")


def check_target(session: Session, target: Target) -> None:
    """Raises InvalidInput unless the target is one person who may hold samples, or one place in use."""
    if (target.holder_id is None) == (target.place_id is None):
        text = _("Choose a person or a place.")
        raise InvalidInput(text, code="target_missing", fields={"to": [text]})
    if target.place_id is not None:
        check_place(session, target.place_id)
    elif (
        session.scalar(_holders().where(Account.id == target.holder_id).with_only_columns(Account.id)) is None
    ):
        text = _("This person holds no samples here.")
        raise InvalidInput(text, code="unknown_holder", fields={"holder_id": [text]})


def check_place(session: Session, place_id: int) -> None:
    active = session.scalar(select(StoragePlace.active).where(StoragePlace.id == place_id))
    if not active:
        text = _("There is no such storage place, or it is not in use.")
        raise InvalidInput(text, code="unknown_place", fields={"place_id": [text]})


def people_who_hold(session: Session) -> Sequence[Any]:
    """Everybody a sample can be handed to, by name: rows with id, name_zh, name_en."""
    found = _holders().with_only_columns(Account.id, Account.name_zh, Account.name_en)
    return session.execute(found.order_by(Account.name_zh, Account.id)).all()


def _holders() -> Select[Account]:
    roles = [role for role, granted in ROLE_PERMISSIONS.items() if Permission.SAMPLE_MOVE in granted]
    having = select(AccountRole.account_id).where(AccountRole.role.in_(roles))
    return select(Account).where(Account.retired_at.is_(None), Account.id.in_(having))


def last_event_id(session: Session, sample_id: int) -> int | None:
    newest = select(CustodyEvent.id).where(CustodyEvent.sample_id == sample_id)
    return session.scalar(newest.order_by(CustodyEvent.id.desc()).limit(1))


def recent_moves(session: Session, *, actor: Actor, most: int = 20) -> list[Moved]:
    """The actor's own last steps, newest first."""
    actor.require(Permission.SAMPLE_MOVE)
    found = _events().where(CustodyEvent.actor_id == actor.id).order_by(CustodyEvent.id.desc()).limit(most)
    return [Moved(*row) for row in session.execute(found).unique()]


def _events() -> Select[Sample, CustodyEvent, Account, StoragePlace]:
    return (
        select(Sample, CustodyEvent, Account, StoragePlace)
        .select_from(CustodyEvent)
        .join(Sample, Sample.id == CustodyEvent.sample_id)
        .outerjoin(Account, Account.id == CustodyEvent.to_holder_id)
        .outerjoin(StoragePlace, StoragePlace.id == CustodyEvent.place_id)
    )


def _sample(uow: UnitOfWork, actor: Actor, sample_id: int) -> Sample:
    sample = uow.get(Sample, sample_id)
    if actor.customer_id not in (None, sample.customer_id):
        raise NotFound(_("There is no such sample."))
    return sample


def _moved_with(session: Session, first: CustodyEvent, sample_ids: Sequence[int]) -> list[Moved]:
    """What the same request did the first time: the events from ``first`` on, one a sample."""
    found = (
        _events()
        .where(CustodyEvent.id >= first.id, CustodyEvent.sample_id.in_(sample_ids))
        .where(CustodyEvent.actor_id == first.actor_id, CustodyEvent.at == first.at)
        .order_by(CustodyEvent.id)
    )
    return [Moved(*row) for row in session.execute(found).unique()]


def _name(session: Session, account_id: int | None) -> str:
    account = session.get(Account, account_id) if account_id is not None else None
    return account.name_zh if account else _("nobody")
