"""What becomes of a sample after its tests: retained, returned, or disposed of by two persons."""

from collections.abc import Sequence
from datetime import date, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from lims.core.clock import local_date
from lims.core.errors import InvalidInput, NotFound, TransitionRefused
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.core.workflow import take_step
from lims.intake.custody import MOST_AT_ONCE, Target, check_place, is_here, move
from lims.intake.models import CustodyEvent, Order, RequestedTest, Sample
from lims.intake.states import SAMPLE_STEPS, CustodyKind, OrderState, SampleState, TestState

LONGEST_DAYS = 3660


def retain_sample(
    uow: UnitOfWork,
    *,
    actor: Actor,
    sample_id: int,
    version: int,
    place_id: int,
    retain_until: date | None = None,
) -> Sample:
    """Put a tested sample, or a sealed backup, into the retention store.

    ``retain_until``: last day it must be kept; without it the retention days of the business type from today,
    and never less than was promised at receipt. Raises TransitionRefused (``not_tested``).
    """
    actor.require(Permission.SAMPLE_MOVE)
    with uow:
        sample = _get(uow, actor, sample_id, version)
        order = uow.session.get_one(Order, sample.order_id)
        if sample.state is SampleState.TO_TEST and (sample.backup_of_id is None or _has_tests(uow, sample)):
            text = _("Only a tested sample or a sealed backup is retained.")
            raise TransitionRefused(text, code="not_tested")
        check_place(uow.session, place_id)
        state = take_step(SAMPLE_STEPS, "retain", sample.state, actor_id=actor.id)
        today = local_date(uow.now)
        usual = today + timedelta(days=order.business_type.retention_days)
        sample.state = state
        sample.retain_until = _last_day(today, retain_until) or max(usual, sample.retain_until or usual)
        uow.audit("sample.retain", actor, sample)
        uow.flush()
        if sample.place_id != place_id:
            move(uow, actor, sample, Target(place_id=place_id))
        uow.commit()
    return sample


def extend_retention(
    uow: UnitOfWork, *, actor: Actor, sample_id: int, version: int, retain_until: date, reason: str
) -> Sample:
    """Keep a retained sample longer: a re-test or a dispute is announced."""
    actor.require(Permission.SAMPLE_MOVE)
    why = _why(reason)
    with uow:
        sample = _get(uow, actor, sample_id, version)
        if sample.state is not SampleState.RETAINED:
            raise TransitionRefused(_("Only a retained sample is kept longer."))
        last_day = _last_day(local_date(uow.now), retain_until)
        if sample.retain_until is not None and retain_until < sample.retain_until:
            text = _("It is to be kept until %(day)s already.", day=sample.retain_until.isoformat())
            raise InvalidInput(text, code="earlier_day", fields={"retain_until": [text]})
        sample.retain_until = last_day
        uow.audit("sample.extend_retention", actor, sample, reason=why)
        uow.commit()
    return sample


def return_sample(
    uow: UnitOfWork, *, actor: Actor, sample_id: int, version: int, received_by: str, note: str = ""
) -> Sample:
    """Give the sample back to the customer. ``received_by``: who took it, or the parcel's number."""
    actor.require(Permission.SAMPLE_DISPOSE)
    taker = received_by.strip()
    if not taker:
        text = _("Say who took it, or by which parcel it went.")
        raise InvalidInput(text, code="receiver_missing", fields={"received_by": [text]})
    with uow:
        sample = _get(uow, actor, sample_id, version)
        _check_kept(uow, sample)
        sample.state = take_step(SAMPLE_STEPS, "return", sample.state, actor_id=actor.id)
        _leaves(uow, actor, sample, CustodyKind.SENT_BACK, "sample.return", f"{taker} {note.strip()}".strip())
        uow.commit()
    return sample


def ask_disposal(uow: UnitOfWork, *, actor: Actor, sample_id: int, version: int, reason: str) -> Sample:
    """Ask that the sample be destroyed; another person decides.

    Raises TransitionRefused (``kept_until``) before its retention ends.
    """
    actor.require(Permission.SAMPLE_DISPOSE)
    why = _why(reason)
    with uow:
        sample = _get(uow, actor, sample_id, version)
        _ask(uow, actor, sample, why)
        uow.commit()
    return sample


def ask_disposals(uow: UnitOfWork, *, actor: Actor, sample_ids: Sequence[int], reason: str) -> list[Sample]:
    """``ask_disposal`` for several samples, all or none."""
    actor.require(Permission.SAMPLE_DISPOSE)
    why = _why(reason)
    with uow:
        samples = _get_many(uow, actor, sample_ids)
        for sample in samples:
            _ask(uow, actor, sample, why)
        uow.commit()
    return samples


def _ask(uow: UnitOfWork, actor: Actor, sample: Sample, why: str) -> None:
    _check_kept(uow, sample)
    sample.state = take_step(SAMPLE_STEPS, "ask_disposal", sample.state, actor_id=actor.id)
    sample.disposal_why, sample.disposal_asked_by = why, actor.id
    uow.audit("sample.ask_disposal", actor, sample, reason=why)


def approve_disposal(uow: UnitOfWork, *, actor: Actor, sample_id: int, version: int) -> Sample:
    """Agree that the sample is destroyed, and say that it was. Never by who asked."""
    actor.require(Permission.DISPOSAL_APPROVE)
    with uow:
        sample = _get(uow, actor, sample_id, version)
        _approve(uow, actor, sample)
        uow.commit()
    return sample


def approve_disposals(uow: UnitOfWork, *, actor: Actor, sample_ids: Sequence[int]) -> list[Sample]:
    """``approve_disposal`` for several samples, all or none."""
    actor.require(Permission.DISPOSAL_APPROVE)
    with uow:
        samples = _get_many(uow, actor, sample_ids)
        for sample in samples:
            _approve(uow, actor, sample)
        uow.commit()
    return samples


def _approve(uow: UnitOfWork, actor: Actor, sample: Sample) -> None:
    sample.state = take_step(
        SAMPLE_STEPS, "dispose", sample.state, actor_id=actor.id, others=[sample.disposal_asked_by]
    )
    sample.disposal_approved_by = actor.id
    _leaves(uow, actor, sample, CustodyKind.DISPOSED, "sample.dispose", sample.disposal_why or "")


def refuse_disposal(uow: UnitOfWork, *, actor: Actor, sample_id: int, version: int, reason: str) -> Sample:
    """The sample stays; it goes back to what it was before somebody asked."""
    actor.require(Permission.DISPOSAL_APPROVE)
    why = _why(reason)
    with uow:
        sample = _get(uow, actor, sample_id, version)
        sample.state = take_step(
            SAMPLE_STEPS,
            _stays_as(uow, sample),
            sample.state,
            actor_id=actor.id,
            others=[sample.disposal_asked_by],
        )
        sample.disposal_why = sample.disposal_asked_by = None
        uow.audit("sample.refuse_disposal", actor, sample, reason=why)
        uow.commit()
    return sample


def _stays_as(uow: UnitOfWork, sample: Sample) -> str:
    if sample.refused_why is not None:
        return "refuse_disposal_of_refused"
    if uow.session.get_one(Order, sample.order_id).state is OrderState.CANCELLED:
        return "refuse_disposal_of_cancelled"
    return "refuse_disposal"


def _check_kept(uow: UnitOfWork, sample: Sample) -> None:
    """Raises TransitionRefused while the sample is to be retained, or when it never came."""
    if sample.state is SampleState.CANCELLED and not is_here(sample):
        raise TransitionRefused(_("This sample never came."), code="not_here")
    today = local_date(uow.now)
    wanted = sample.state is SampleState.RETAINED and sample.retain_until is not None
    if wanted and sample.retain_until is not None and today < sample.retain_until:
        text = _(
            "%(number)s is to be kept until %(day)s.",
            number=sample.number,
            day=sample.retain_until.isoformat(),
        )
        raise TransitionRefused(text, code="kept_until")


def _leaves(uow: UnitOfWork, actor: Actor, sample: Sample, kind: CustodyKind, verb: str, note: str) -> None:
    event = CustodyEvent(
        sample_id=sample.id,
        at=uow.now,
        kind=kind,
        actor_id=actor.id,
        from_holder_id=sample.holder_id,
        from_place_id=sample.place_id,
        note=note,
    )
    sample.holder_id = sample.place_id = None
    uow.audit(verb, actor, sample, reason=note or None)
    uow.add(event)


def _has_tests(uow: UnitOfWork, sample: Sample) -> bool:
    wanted = select(RequestedTest.id).where(
        RequestedTest.sample_id == sample.id, RequestedTest.state != TestState.CANCELLED
    )
    return uow.session.scalar(wanted.limit(1)) is not None


def _last_day(today: date, day: date | None) -> date | None:
    if day is not None and not today <= day <= today + timedelta(days=LONGEST_DAYS):
        text = _("The last day lies between today and ten years from now.")
        raise InvalidInput(text, code="bad_day", fields={"retain_until": [text]})
    return day


def _why(reason: str) -> str:
    why = reason.strip()
    if not why:
        raise InvalidInput(
            _("Say why."), code="reason_missing", fields={"reason": [str(_("A reason is needed."))]}
        )
    return why


def _get_many(uow: UnitOfWork, actor: Actor, sample_ids: Sequence[int]) -> list[Sample]:
    wanted = sorted(set(sample_ids))
    if not 0 < len(wanted) <= MOST_AT_ONCE:
        text = _("Choose 1 to %(n)s samples.", n=MOST_AT_ONCE)
        raise InvalidInput(text, code="no_samples", fields={"sample_ids": [text]})
    return [_get(uow, actor, number) for number in wanted]


def _get(uow: UnitOfWork, actor: Actor, sample_id: int, version: int | None = None) -> Sample:
    sample = uow.get(Sample, sample_id, version=version)
    if actor.customer_id not in (None, sample.customer_id):
        raise NotFound(_("There is no such sample."))
    return sample
