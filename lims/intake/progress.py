"""How the states of test, sample and order hang together.

Everything here runs inside the caller's unit of work and neither opens nor commits one: the rooms
above (bench, certificates) change results or certificates and these states in one transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import lazyload

from lims.core.errors import InvalidInput, TransitionRefused
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.core.workflow import take_step
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.states import ORDER_STEPS, SAMPLE_STEPS, TEST_STEPS, OrderState, SampleState, TestState


class Kept(Enum):
    """No new value given: the old one stays."""

    KEPT = "kept"


KEPT = Kept.KEPT

CLOSED = frozenset({TestState.VERIFIED, TestState.REJECTED, TestState.CANCELLED})
# Steps after which the sample's own state may follow.
TELLING = frozenset({"begin", "verify", "reject", "cancel", "retest"})
NEEDS_SAMPLE = frozenset({"begin", "submit", "retest"})
WITH_REASON = frozenset({"return", "reject", "cancel", "retest"})
AT_HAND = frozenset({SampleState.TO_TEST, SampleState.IN_TEST, SampleState.TESTED, SampleState.RETAINED})


def advance_test(
    uow: UnitOfWork,
    test: RequestedTest,
    step: str,
    *,
    actor: Actor,
    others: Iterable[int | None] = (),
    assignee_id: int | Kept | None = KEPT,
    reason: str | None = None,
) -> RequestedTest:
    """Take ``step`` of TEST_STEPS, with audit, and let sample and order follow.

    Inside the caller's unit of work; ``test`` was loaded there with ``uow.get`` (locked). The caller
    has asked for permissions. ``others``: who had a hand in the result before. Several tests in one
    transaction: in ascending order of their numbers, or two such transactions may deadlock.
    Raises TransitionRefused (also ``sample_not_here``, ``order_not_accepted``), InvalidInput.
    """
    if step in WITH_REASON and not (reason or "").strip():
        raise InvalidInput(
            _("Say why."), code="reason_missing", fields={"reason": [str(_("A reason is needed."))]}
        )
    before = (test.state, test.assignee_id)
    sample = _sample_at_hand(uow, test, step, actor)
    test.state = take_step(TEST_STEPS, step, test.state, actor_id=actor.id, others=others)
    if step == "unassign":
        test.assignee_id = None
    elif not isinstance(assignee_id, Kept):
        test.assignee_id = assignee_id
    if step in {"assign", "retest"} and test.assignee_id is None:
        raise InvalidInput(_("Say who does it."), code="assignee_missing", fields={"assignee_id": []})
    if step == "cancel":
        test.cancelled_why = reason
    if (test.state, test.assignee_id) != before:
        uow.audit(f"test.{step}", actor, test, reason=reason)
        uow.flush()
    if sample is not None and step in TELLING:
        follow_tests(uow, sample, actor=actor)
    return test


def _sample_at_hand(uow: UnitOfWork, test: RequestedTest, step: str, actor: Actor) -> Sample | None:
    """The locked sample, where the step touches it, after asking whether work on it may go on."""
    if step not in TELLING | NEEDS_SAMPLE | {"assign"}:
        return None
    sample = uow.get(Sample, test.sample_id)
    if step in NEEDS_SAMPLE and sample.state not in AT_HAND:
        raise _not_here(sample)
    if step in {"assign", "begin", "retest"}:
        order = uow.session.get_one(Order, sample.order_id)
        if order.state is OrderState.COMPLETED and step == "retest":
            reopen_order(uow, sample.order_id, actor=actor)
        elif order.state is not OrderState.ACCEPTED:
            raise _not_accepted(order)
    return sample


def _not_here(sample: Sample) -> TransitionRefused:
    return TransitionRefused(
        _("The sample %(number)s is not at hand for testing.", number=sample.number), code="sample_not_here"
    )


def _not_accepted(order: Order) -> TransitionRefused:
    return TransitionRefused(
        _("The order %(number)s is not accepted.", number=order.number), code="order_not_accepted"
    )


def follow_tests(uow: UnitOfWork, sample: Sample, *, actor: Actor) -> None:
    """Bring the state of a (locked) sample in line with its tests."""
    states = uow.session.scalars(
        select(RequestedTest.state).where(RequestedTest.sample_id == sample.id)
    ).all()
    step = sample_step(sample.state, states)
    while step is not None:
        sample.state = take_step(SAMPLE_STEPS, step, sample.state, actor_id=actor.id)
        uow.audit(f"sample.{step}", actor, sample)
        uow.flush()
        step = sample_step(sample.state, states)


def sample_step(state: SampleState, tests: Sequence[TestState]) -> str | None:
    """The step that a sample takes because of its tests; None when it stays."""
    wanted = [t for t in tests if t is not TestState.CANCELLED]
    begun = any(t not in {TestState.TO_DO, TestState.ASSIGNED} for t in wanted)
    is_open = any(t not in CLOSED for t in wanted)
    if state is SampleState.TO_TEST and begun:
        return "start"
    if state is SampleState.IN_TEST and not is_open:
        return "finish"
    if state in {SampleState.TESTED, SampleState.RETAINED} and is_open and wanted:
        return "resume"
    return None


def complete_order(uow: UnitOfWork, order_id: int, *, actor: Actor) -> Order:
    """Everything asked for is certified. Inside the caller's unit of work; a completed order stays so."""
    return _step_order(uow, order_id, "complete", OrderState.COMPLETED, actor)


def reopen_order(uow: UnitOfWork, order_id: int, *, actor: Actor) -> Order:
    """A certificate was withdrawn or a test is done again. Inside the caller's unit of work."""
    return _step_order(uow, order_id, "reopen", OrderState.ACCEPTED, actor)


def _step_order(uow: UnitOfWork, order_id: int, step: str, target: OrderState, actor: Actor) -> Order:
    order = uow.get(Order, order_id)
    if order.state is not target:
        order.state = take_step(ORDER_STEPS, step, order.state, actor_id=actor.id)
        uow.audit(f"order.{step}", actor, order)
        uow.flush()
    return order


def begin_tests(uow: UnitOfWork, tests: Iterable[RequestedTest], *, actor: Actor) -> None:
    """``advance_test(..., "begin")`` for many tests with a fixed number of queries; begun ones stay.

    Inside the caller's unit of work; the tests are locked there.
    """
    waiting = sorted((t for t in tests if t.state is not TestState.IN_PROGRESS), key=lambda t: t.id)
    if not waiting:
        return
    wanted = sorted({t.sample_id for t in waiting})
    locked = select(Sample).where(Sample.id.in_(wanted)).order_by(Sample.id).with_for_update(of=Sample)
    samples = {
        s.id: s for s in uow.session.scalars(locked, execution_options={"populate_existing": True}).unique()
    }
    orders = select(Order).where(Order.id.in_({s.order_id for s in samples.values()}))
    orders = orders.options(lazyload(Order.customer))
    accepted = {o.id: o for o in uow.session.scalars(orders).unique()}
    for test in waiting:
        sample = samples[test.sample_id]
        if sample.state not in AT_HAND:
            raise _not_here(sample)
        if accepted[sample.order_id].state is not OrderState.ACCEPTED:
            raise _not_accepted(accepted[sample.order_id])
        test.state = take_step(TEST_STEPS, "begin", test.state, actor_id=actor.id)
        uow.audit("test.begin", actor, test)
    uow.flush()
    _follow_many(uow, samples, actor)


def _follow_many(uow: UnitOfWork, samples: Mapping[int, Sample], actor: Actor) -> None:
    asked = select(RequestedTest.sample_id, RequestedTest.state).where(RequestedTest.sample_id.in_(samples))
    states: dict[int, list[TestState]] = {}
    for sample_id, state in uow.session.execute(asked):
        states.setdefault(sample_id, []).append(state)
    for sample in samples.values():
        step = sample_step(sample.state, states[sample.id])
        while step is not None:
            sample.state = take_step(SAMPLE_STEPS, step, sample.state, actor_id=actor.id)
            uow.audit(f"sample.{step}", actor, sample)
            step = sample_step(sample.state, states[sample.id])
    uow.flush()
