"""The receive check: seal, temperature, amount, condition, photo; then accepted or refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.clock import local_date
from lims.core.errors import InvalidInput, LimsError, NotFound, TransitionRefused
from lims.core.files import FileStore, keep_file
from lims.core.jobs import enqueue
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.core.workflow import take_step
from lims.intake.custody import Target, check_place, move
from lims.intake.images import media_type_of
from lims.intake.models import CustodyEvent, Order, RequestedTest, Sample
from lims.intake.progress import advance_test
from lims.intake.states import SAMPLE_STEPS, CustodyKind, OrderState, SampleState, TestState

COLDEST, HOTTEST = Decimal(-200), Decimal(200)
MOST_AT_ONCE = 200


class SealState(StrEnum):
    INTACT = "intact"
    BROKEN = "broken"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ReceiveCheck:
    """What was seen. ``temperature`` in degrees Celsius as measured; None where none is asked for.

    ``place_id``: where it was put at once; without it, it stays with the receiver.
    """

    seal: SealState
    amount: str
    condition: str
    temperature: Decimal | None = None
    photo: bytes | None = None
    place_id: int | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One sample of an order that comes with others. ``refused_why``: refused for this reason."""

    sample_id: int
    version: int
    check: ReceiveCheck
    refused_why: str | None = None


def receive_sample(
    uow: UnitOfWork, *, actor: Actor, sample_id: int, version: int, check: ReceiveCheck, store: FileStore
) -> Sample:
    """Accept the sample: it waits for its tests, and its custody begins with the receiver.

    A sample whose seal is broken cannot be accepted where the business asks for sealed samples.
    """
    actor.require(Permission.SAMPLE_RECEIVE)
    media_type = _checked(check)
    with uow:
        sample = _accept(uow, actor, Arrival(sample_id, version, check), media_type, store)
        uow.commit()
    return sample


def refuse_sample(
    uow: UnitOfWork,
    *,
    actor: Actor,
    sample_id: int,
    version: int,
    check: ReceiveCheck,
    reason: str,
    store: FileStore,
) -> Sample:
    """Refuse the sample; its tests are cancelled, and a letter to the customer is written by a job."""
    actor.require(Permission.SAMPLE_RECEIVE)
    arrival = Arrival(sample_id, version, check, _reason(reason))
    media_type = _checked(check)
    with uow:
        sample = _refuse(uow, actor, arrival, media_type, store)
        uow.commit()
    return sample


def receive_many(
    uow: UnitOfWork, *, actor: Actor, order_id: int, arrivals: Sequence[Arrival], store: FileStore
) -> list[Sample]:
    """Receive (or refuse) several samples of one order, all or none.

    Faults come by place: ``samples.3.seal``.
    """
    actor.require(Permission.SAMPLE_RECEIVE)
    if not 0 < len(arrivals) <= MOST_AT_ONCE:
        text = _("Choose 1 to %(n)s samples.", n=MOST_AT_ONCE)
        raise InvalidInput(text, code="no_samples", fields={"samples": [text]})
    if len({a.sample_id for a in arrivals}) < len(arrivals):
        text = _("A sample is named twice.")
        raise InvalidInput(text, code="sample_twice", fields={"samples": [text]})
    kinds = _all_checked(arrivals)
    with uow:
        _check_of_order(uow.session, order_id, arrivals)
        done = []
        for place, (arrival, kind) in enumerate(zip(arrivals, kinds, strict=True)):
            take_in = _accept if arrival.refused_why is None else _refuse
            try:
                done.append(take_in(uow, actor, arrival, kind, store))
            except LimsError as error:
                raise _at(error, place) from error
        uow.commit()
    return done


def _check_of_order(session: Session, order_id: int, arrivals: Sequence[Arrival]) -> None:
    known = set(session.scalars(select(Sample.id).where(Sample.order_id == order_id)))
    if not {a.sample_id for a in arrivals} <= known:
        raise NotFound(_("There is no such sample in this order."))


def _all_checked(arrivals: Sequence[Arrival]) -> list[str | None]:
    """Media types of the photos. Raises InvalidInput with the faults of every sample."""
    kinds: list[str | None] = []
    fields: dict[str, list[str]] = {}
    sentence = ""
    for place, arrival in enumerate(arrivals):
        try:
            if arrival.refused_why is not None:
                _reason(arrival.refused_why)
            kinds.append(_checked(arrival.check))
        except InvalidInput as error:
            sentence = sentence or error.message
            fields |= _at(error, place).fields
    if fields:
        raise InvalidInput(sentence, fields=fields)
    return kinds


def _at(error: LimsError, place: int) -> LimsError:
    """``error`` with its fields under the sample at ``place``."""
    fields = {f"samples.{place}.{name}": sentences for name, sentences in error.fields.items()}
    return type(error)(error.message, code=error.code, fields=fields)


def _reason(reason: str) -> str:
    why = reason.strip()
    if not why:
        text = _("Say why the sample is refused; the letter quotes it.")
        raise InvalidInput(text, code="reason_missing", fields={"reason": [text]})
    return why


def _checked(check: ReceiveCheck) -> str | None:
    """The photo's media type. Raises InvalidInput."""
    fields: dict[str, list[str]] = {}
    if not check.amount.strip():
        fields["amount"] = [_("Say how much came.")]
    if not check.condition.strip():
        fields["condition"] = [_("Say in which condition it came.")]
    if check.temperature is not None and not (
        check.temperature.is_finite() and COLDEST <= check.temperature <= HOTTEST
    ):
        fields["temperature"] = [_("A temperature lies between -200 and 200 °C.")]
    if fields:
        raise InvalidInput(next(iter(fields.values()))[0], fields=fields)
    return media_type_of(check.photo) if check.photo is not None else None


def _accept(
    uow: UnitOfWork, actor: Actor, arrival: Arrival, media_type: str | None, store: FileStore
) -> Sample:
    check = arrival.check
    sample = uow.get(Sample, arrival.sample_id, version=arrival.version)
    order = _open_order(uow.session, sample)
    state = take_step(SAMPLE_STEPS, "accept", sample.state, actor_id=actor.id)
    if check.seal is not SealState.INTACT and order.business_type.backup_sample:
        text = _("Samples of this kind of business come sealed: refuse it, or correct the seal.")
        raise InvalidInput(text, code="seal_not_intact", fields={"seal": [text]})
    photo = _before(uow, check, media_type, store)
    sample.state = state
    sample.retain_until = local_date(uow.now) + timedelta(days=order.business_type.retention_days)
    _fill(uow, actor, sample, check, photo)
    uow.audit("sample.receive", actor, sample)
    _begin_custody(uow, actor, sample, check.place_id)
    return sample


def _refuse(
    uow: UnitOfWork, actor: Actor, arrival: Arrival, media_type: str | None, store: FileStore
) -> Sample:
    why, today = arrival.refused_why or "", local_date(uow.now)
    sample = uow.get(Sample, arrival.sample_id, version=arrival.version)
    _open_order(uow.session, sample)
    state = take_step(SAMPLE_STEPS, "refuse", sample.state, actor_id=actor.id)
    photo = _before(uow, arrival.check, media_type, store)
    letter = take_numbers(uow, "letter", today)[0]
    sample.state, sample.refused_why, sample.refused_on = state, why, today
    sample.refusal_letter_number = letter
    _fill(uow, actor, sample, arrival.check, photo)
    uow.audit("sample.refuse", actor, sample, reason=why)
    _begin_custody(uow, actor, sample, arrival.check.place_id)
    _cancel_tests(uow, actor, sample, why)
    enqueue(uow, "intake.refusal_letter", {"sample_id": sample.id}, key=f"refusal:{sample.id}", actor=actor)
    return sample


def _open_order(session: Session, sample: Sample) -> Order:
    order = session.get_one(Order, sample.order_id)
    if order.state is OrderState.CANCELLED:
        raise TransitionRefused(_("The order %(number)s is cancelled.", number=order.number))
    return order


def _before(uow: UnitOfWork, check: ReceiveCheck, media_type: str | None, store: FileStore) -> str | None:
    """What reads and flushes comes before the sample changes: a flush would hide that from the audit trail.

    Returns the SHA-256 of the photo.
    """
    if check.place_id is not None:
        check_place(uow.session, check.place_id)
    if check.photo is None or media_type is None:
        return None
    return keep_file(uow, store, check.photo, media_type)


def _fill(uow: UnitOfWork, actor: Actor, sample: Sample, check: ReceiveCheck, photo: str | None) -> None:
    sample.received_at, sample.received_by = uow.now, actor.id
    sample.seal, sample.temperature = check.seal.value, check.temperature
    sample.amount, sample.condition = check.amount.strip(), check.condition.strip()
    sample.photo_sha256, sample.holder_id = photo, actor.id


def _begin_custody(uow: UnitOfWork, actor: Actor, sample: Sample, place_id: int | None) -> None:
    uow.add(
        CustodyEvent(
            sample_id=sample.id,
            at=uow.now,
            kind=CustodyKind.RECEIVED,
            actor_id=actor.id,
            to_holder_id=actor.id,
        )
    )
    if place_id is not None:
        move(uow, actor, sample, Target(place_id=place_id))


def _cancel_tests(uow: UnitOfWork, actor: Actor, sample: Sample, why: str) -> None:
    tests = uow.session.scalars(
        select(RequestedTest)
        .where(RequestedTest.sample_id == sample.id, RequestedTest.state != TestState.CANCELLED)
        .order_by(RequestedTest.id)
        .with_for_update(of=RequestedTest)
    ).all()
    for test in tests:
        advance_test(uow, test, "cancel", actor=actor, reason=why)


def expected_of(session: Session, order_id: int, most: int = MOST_AT_ONCE) -> Sequence[Sample]:
    """Samples of the order that have not come yet, by position."""
    waiting = select(Sample).where(Sample.order_id == order_id, Sample.state == SampleState.EXPECTED)
    return session.scalars(waiting.order_by(Sample.position, Sample.id).limit(most)).all()
