"""The receive check: seal, temperature, amount, condition, photo; then accepted or refused."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import select

from lims.core.clock import local_date
from lims.core.errors import InvalidInput, TransitionRefused
from lims.core.files import FileStore, keep_file
from lims.core.jobs import enqueue
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.core.workflow import take_step
from lims.intake.images import media_type_of
from lims.intake.models import CustodyEvent, Order, RequestedTest, Sample, StoragePlace
from lims.intake.progress import advance_test
from lims.intake.states import SAMPLE_STEPS, CustodyKind, OrderState, TestState

COLDEST, HOTTEST = Decimal(-200), Decimal(200)


class SealState(StrEnum):
    INTACT = "intact"
    BROKEN = "broken"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ReceiveCheck:
    """What was seen. ``temperature`` in degrees Celsius as measured; None where none is asked for."""

    seal: SealState
    amount: str
    condition: str
    temperature: Decimal | None = None
    photo: bytes | None = None
    place_id: int | None = None


def receive_sample(
    uow: UnitOfWork, *, actor: Actor, sample_id: int, version: int, check: ReceiveCheck, store: FileStore
) -> Sample:
    """Accept the sample: it waits for its tests, and its custody begins with the receiver.

    A sample whose seal is broken cannot be accepted where the business asks for sealed samples.
    """
    actor.require(Permission.SAMPLE_RECEIVE)
    media_type = _checked(check)
    with uow:
        sample = uow.get(Sample, sample_id, version=version)
        order = uow.session.get_one(Order, sample.order_id)
        _check_order(order)
        if check.seal is not SealState.INTACT and order.business_type.backup_sample:
            text = _("Samples of this kind of business come sealed: refuse it, or correct the seal.")
            raise InvalidInput(text, code="seal_not_intact", fields={"seal": [text]})
        sample.state = take_step(SAMPLE_STEPS, "accept", sample.state, actor_id=actor.id)
        _fill(uow, actor, sample, check, media_type, store)
        sample.retain_until = local_date(uow.now) + timedelta(days=order.business_type.retention_days)
        sample.holder_id, sample.place_id = actor.id, check.place_id
        _custody(uow, actor, sample, CustodyKind.RECEIVED, to_holder_id=actor.id, place_id=check.place_id)
        uow.audit("sample.receive", actor, sample)
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
    why = reason.strip()
    if not why:
        text = _("Say why the sample is refused; the letter quotes it.")
        raise InvalidInput(text, code="reason_missing", fields={"reason": [text]})
    media_type = _checked(check)
    with uow:
        sample = uow.get(Sample, sample_id, version=version)
        _check_order(uow.session.get_one(Order, sample.order_id))
        sample.state = take_step(SAMPLE_STEPS, "refuse", sample.state, actor_id=actor.id)
        _fill(uow, actor, sample, check, media_type, store)
        sample.refused_why, sample.refused_on = why, local_date(uow.now)
        sample.refusal_letter_number = take_numbers(uow, "letter", local_date(uow.now))[0]
        sample.holder_id = actor.id
        _custody(uow, actor, sample, CustodyKind.RECEIVED, to_holder_id=actor.id, note=why)
        uow.audit("sample.refuse", actor, sample, reason=why)
        uow.flush()
        _cancel_tests(uow, actor, sample, why)
        enqueue(
            uow, "intake.refusal_letter", {"sample_id": sample.id}, key=f"refusal:{sample.id}", actor=actor
        )
        uow.commit()
    return sample


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


def _check_order(order: Order) -> None:
    if order.state is OrderState.CANCELLED:
        raise TransitionRefused(_("The order %(number)s is cancelled.", number=order.number))


def _fill(
    uow: UnitOfWork,
    actor: Actor,
    sample: Sample,
    check: ReceiveCheck,
    media_type: str | None,
    store: FileStore,
) -> None:
    sample.received_at, sample.received_by = uow.now, actor.id
    sample.seal, sample.temperature = check.seal.value, check.temperature
    sample.amount, sample.condition = check.amount.strip(), check.condition.strip()
    if check.place_id is not None and uow.session.get(StoragePlace, check.place_id) is None:
        text = _("There is no such storage place.")
        raise InvalidInput(text, code="unknown_place", fields={"place_id": [text]})
    if check.photo is not None and media_type is not None:
        with uow.session.no_autoflush:
            sample.photo_sha256 = keep_file(uow, store, check.photo, media_type)


def _custody(uow: UnitOfWork, actor: Actor, sample: Sample, kind: CustodyKind, **more: object) -> None:
    uow.session.add(CustodyEvent(sample_id=sample.id, at=uow.now, kind=kind, actor_id=actor.id, **more))


def _cancel_tests(uow: UnitOfWork, actor: Actor, sample: Sample, why: str) -> None:
    tests = uow.session.scalars(
        select(RequestedTest)
        .where(RequestedTest.sample_id == sample.id, RequestedTest.state != TestState.CANCELLED)
        .order_by(RequestedTest.id)
        .with_for_update(of=RequestedTest)
    ).all()
    for test in tests:
        advance_test(uow, test, "cancel", actor=actor, reason=why)
