"""A sample follows its tests, an order its certificates."""

import pytest
from sqlalchemy import select

from lims.core.audit import AuditEvent
from lims.core.errors import InvalidInput, TransitionRefused
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.progress import advance_test, complete_order
from lims.intake.states import OrderState, SampleState, TestState
from tests.intake.makers import ANALYST, HEAD, REVIEWER, make_house, make_order


@pytest.fixture
def accepted(uow):
    house = make_house(uow)
    order = make_order(uow, house, state=OrderState.ACCEPTED, sample_state=SampleState.TO_TEST, tests=2)
    return order


def step(uow, test_id, name, actor, **more):
    with uow:
        test = advance_test(uow, uow.get(RequestedTest, test_id), name, actor=actor, **more)
        uow.commit()
    return test


def sample_state(uow):
    return uow.session.scalars(select(Sample.state)).one()


def test_the_first_test_begun_puts_the_sample_in_test_and_the_last_verified_ends_it(uow, accepted):
    first, second = uow.session.scalars(select(RequestedTest.id).order_by(RequestedTest.id)).all()
    for test in (first, second):
        step(uow, test, "assign", HEAD, assignee_id=ANALYST.id)
    assert sample_state(uow) is SampleState.TO_TEST
    step(uow, first, "begin", ANALYST)
    assert sample_state(uow) is SampleState.IN_TEST
    step(uow, second, "begin", ANALYST)
    for test in (first, second):
        step(uow, test, "submit", ANALYST)
    step(uow, first, "verify", REVIEWER, others=[ANALYST.id])
    assert sample_state(uow) is SampleState.IN_TEST
    step(uow, second, "reject", REVIEWER, others=[ANALYST.id], reason="blank out of control")
    assert sample_state(uow) is SampleState.TESTED
    verbs = uow.session.scalars(select(AuditEvent.verb).order_by(AuditEvent.seq)).all()
    assert [v for v in verbs if v.startswith("sample.")] == ["sample.start", "sample.finish"]


def test_a_retest_brings_sample_and_completed_order_back(uow, accepted):
    with uow:
        for row in uow.session.scalars(select(RequestedTest)).all():
            row.state, row.assignee_id = TestState.VERIFIED, ANALYST.id
        sample = uow.session.scalars(select(Sample)).one()
        sample.state = SampleState.TESTED
        complete_order(uow, sample.order_id, actor=REVIEWER)
        uow.commit()
    test_id = uow.session.scalars(select(RequestedTest.id).limit(1)).one()
    step(uow, test_id, "retest", REVIEWER, reason="customer doubts it")
    assert sample_state(uow) is SampleState.IN_TEST
    assert uow.session.scalars(select(Order.state)).one() is OrderState.ACCEPTED


def test_nobody_verifies_with_a_hand_in_it_and_refusals_need_a_reason(uow, accepted):
    test_id = uow.session.scalars(select(RequestedTest.id).limit(1)).one()
    step(uow, test_id, "assign", HEAD, assignee_id=ANALYST.id)
    step(uow, test_id, "begin", ANALYST)
    step(uow, test_id, "submit", ANALYST)
    with pytest.raises(TransitionRefused) as refused:
        step(uow, test_id, "verify", ANALYST, others=[ANALYST.id])
    assert refused.value.code == "same_person"
    with pytest.raises(InvalidInput) as missing:
        step(uow, test_id, "return", REVIEWER, others=[ANALYST.id])
    assert missing.value.code == "reason_missing"


def test_no_work_on_a_sample_that_is_not_here_or_an_order_not_accepted(uow):
    house = make_house(uow)
    make_order(uow, house, state=OrderState.REGISTERED)
    test_id = uow.session.scalars(select(RequestedTest.id).limit(1)).one()
    with pytest.raises(TransitionRefused) as refused:
        step(uow, test_id, "assign", HEAD, assignee_id=ANALYST.id)
    assert refused.value.code == "order_not_accepted"
    with uow:
        order = uow.session.scalars(select(Order)).one()
        order.state, order.accepted_at, order.accepted_by = OrderState.ACCEPTED, uow.now, HEAD.id
        uow.audit("order.accept", HEAD, order)
        uow.commit()
    step(uow, test_id, "assign", HEAD, assignee_id=ANALYST.id)
    with pytest.raises(TransitionRefused) as away:
        step(uow, test_id, "begin", ANALYST)
    assert away.value.code == "sample_not_here"
