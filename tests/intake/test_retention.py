"""Retained, returned, disposed of: every step, every refusal, and never one person alone."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from lims.core.clock import local_date
from lims.core.errors import InvalidInput, PermissionDenied, StaleVersion, TransitionRefused
from lims.core.files import FileStore
from lims.intake.models import Sample
from lims.intake.retention import (
    approve_disposal,
    approve_disposals,
    ask_disposal,
    ask_disposals,
    extend_retention,
    refuse_disposal,
    retain_sample,
    return_sample,
)
from lims.intake.states import SAMPLE_STEPS, OrderState, SampleState
from tests.intake.makers import ANALYST, CLERK, HEAD, REVIEWER, SECOND_CLERK, make_house
from tests.intake.sample_makers import CLERK_AND_HEAD, chain, make_samples, put_in, received

S = SampleState


@pytest.fixture
def house(uow):
    return make_house(uow)


@pytest.fixture
def store(database):
    return FileStore(database.data / "files")


@pytest.fixture
def tested(uow, house, store):
    return put_in(uow, received(uow, house, store)[0], S.TESTED)


def fresh(uow, sample):
    return uow.session.get(Sample, sample.id, populate_existing=True)


def steps(uow, house, sample):
    """Every step of this module as (name in the step table, call)."""
    at = {"sample_id": sample.id, "version": sample.version}
    return {
        "retain": lambda: retain_sample(uow, actor=CLERK, place_id=house.shelf, **at),
        "return": lambda: return_sample(uow, actor=CLERK, received_by="王芳", **at),
        "ask_disposal": lambda: ask_disposal(uow, actor=CLERK, reason="到期", **at),
        "dispose": lambda: approve_disposal(uow, actor=HEAD, **at),
        "refuse_disposal": lambda: refuse_disposal(uow, actor=HEAD, reason="留着", **at),
    }


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("name", ["retain", "return", "ask_disposal", "dispose", "refuse_disposal"])
def test_each_step_is_open_in_the_states_of_the_table_and_in_no_other(uow, house, name, state):
    (sample,) = make_samples(uow, house)
    columns = {"received_at": uow.now, "received_by": CLERK.id, "disposal_asked_by": CLERK.id}
    if state is S.REFUSED:
        columns["refused_why"] = "x"
    if state is S.DISPOSED:
        columns["disposal_approved_by"] = HEAD.id
    row = put_in(uow, sample, state, **columns)
    step = steps(uow, house, row)[name]
    untested = name == "retain" and state is S.TO_TEST
    if state in SAMPLE_STEPS[name].sources and not untested:
        assert step().state is SAMPLE_STEPS[name].target
    else:
        with pytest.raises(TransitionRefused):
            step()
        assert fresh(uow, row).state is state


def test_a_tested_sample_is_kept_for_the_days_of_its_business(uow, house, tested, clock):
    clock.advance(days=30)
    done = retained(uow, house, tested)
    assert done.state is S.RETAINED
    assert done.retain_until == local_date(clock.now) + timedelta(days=90)
    assert (done.holder_id, done.place_id) == (None, house.shelf)
    assert chain(uow, done.id) == ["received", "stored"]


@pytest.mark.parametrize("day", [date(2026, 11, 22), date(2100, 1, 1)])
def test_a_last_day_in_the_past_or_beyond_ten_years_is_none(uow, house, tested, day):
    with pytest.raises(InvalidInput) as refused:
        retain_sample(
            uow,
            actor=CLERK,
            sample_id=tested.id,
            version=tested.version,
            place_id=house.shelf,
            retain_until=day,
        )
    assert "retain_until" in refused.value.fields


def test_a_sealed_backup_is_retained_as_it_came_and_an_untested_sample_is_not(uow, house, store):
    main, spare = received(uow, house, store, 2)
    with pytest.raises(TransitionRefused) as refused:
        retain_sample(uow, actor=CLERK, sample_id=main.id, version=main.version, place_id=house.shelf)
    assert refused.value.code == "not_tested"
    row = put_in(uow, spare, S.TO_TEST, backup_of_id=main.id)
    with pytest.raises(TransitionRefused):  # it has tests of its own: then it is no sealed backup
        retain_sample(uow, actor=CLERK, sample_id=row.id, version=row.version, place_id=house.shelf)


def test_a_backup_without_tests_goes_into_store(uow, house, store):
    (main, *_rest) = received(uow, house, store, 1)
    (spare,) = received(uow, house, store, 1, number="WT2026-90002", tests=0)
    row = put_in(uow, spare, S.TO_TEST, backup_of_id=main.id)
    done = retain_sample(uow, actor=CLERK, sample_id=row.id, version=row.version, place_id=house.shelf)
    assert done.state is S.RETAINED


def retained(uow, house, tested, **more):
    return retain_sample(
        uow, actor=CLERK, sample_id=tested.id, version=tested.version, place_id=house.shelf, **more
    )


def test_before_its_last_day_a_retained_sample_neither_leaves_nor_is_destroyed(uow, house, tested, clock):
    row = retained(uow, house, tested)
    for name in ("return", "ask_disposal"):
        with pytest.raises(TransitionRefused) as refused:
            steps(uow, house, row)[name]()
        assert refused.value.code == "kept_until"
        assert row.retain_until.isoformat() in refused.value.message
    clock.advance(days=90)  # on the last day itself it may go
    assert steps(uow, house, row)["ask_disposal"]().state is S.DISPOSAL_ASKED


def test_kept_longer_never_shorter_and_with_a_reason(uow, house, tested):
    row = retained(uow, house, tested)
    later = row.retain_until + timedelta(days=30)
    at = {"actor": CLERK, "sample_id": row.id}
    with pytest.raises(InvalidInput) as refused:
        extend_retention(
            uow, version=row.version, retain_until=row.retain_until - timedelta(days=1), reason="x", **at
        )
    assert refused.value.code == "earlier_day"
    with pytest.raises(InvalidInput):
        extend_retention(uow, version=row.version, retain_until=later, reason=" ", **at)
    done = extend_retention(uow, version=row.version, retain_until=later, reason="复检申请", **at)
    assert done.retain_until == later


def test_returned_it_is_in_nobodys_hands_here(uow, house, tested):
    done = steps(uow, house, tested)["return"]()
    assert (done.state, done.holder_id, done.place_id) == (S.RETURNED, None, None)
    assert chain(uow, done.id) == ["received", "sent_back"]


def test_who_took_it_must_be_said(uow, house, tested):
    with pytest.raises(InvalidInput) as refused:
        return_sample(uow, actor=CLERK, sample_id=tested.id, version=tested.version, received_by=" ")
    assert refused.value.code == "receiver_missing"


def test_disposal_needs_two_persons_whatever_roles_one_has(uow, house, tested):
    asked = ask_disposal(
        uow, actor=CLERK_AND_HEAD, sample_id=tested.id, version=tested.version, reason="已检毕"
    )
    at = {"sample_id": asked.id, "version": asked.version}
    with pytest.raises(TransitionRefused) as refused:
        approve_disposal(uow, actor=CLERK_AND_HEAD, **at)
    assert refused.value.code == "same_person"
    with pytest.raises(TransitionRefused):
        refuse_disposal(uow, actor=CLERK_AND_HEAD, reason="留着", **at)
    done = approve_disposal(uow, actor=HEAD, **at)
    assert (done.state, done.disposal_asked_by, done.disposal_approved_by) == (S.DISPOSED, CLERK.id, HEAD.id)
    assert (done.holder_id, done.place_id) == (None, None)
    assert chain(uow, done.id) == ["received", "disposed"]


def test_the_table_promises_two_persons_as_well(uow, house, tested, database):
    statement = text(
        "UPDATE sample SET state='disposed', disposal_asked_by=1, disposal_approved_by=1 WHERE id=:id"
    )
    with pytest.raises(IntegrityError), database.engine.begin() as connection:
        connection.execute(statement, {"id": tested.id})


def test_refused_disposal_brings_each_sample_back_to_what_it_was(uow, house, store):
    for number, (state, columns) in enumerate(
        [(S.TESTED, {}), (S.REFUSED, {"refused_why": "x"}), (S.CANCELLED, {})], start=1
    ):
        (sample,) = received(uow, house, store, number=f"WT2026-9010{number}")
        if state is S.CANCELLED:
            with uow:
                order = sample.order
                order.state, order.cancelled_why = OrderState.CANCELLED, "x"
                uow.audit("test.cancel", CLERK, order)
                uow.commit()
        row = put_in(uow, sample, state, **columns)
        asked = steps(uow, house, row)["ask_disposal"]()
        back = steps(uow, house, asked)["refuse_disposal"]()
        assert back.state is (S.RETAINED if state is S.TESTED else state)
        assert back.disposal_asked_by is None


def test_a_cancelled_sample_that_never_came_cannot_leave(uow, house):
    (sample,) = make_samples(uow, house)
    row = put_in(uow, sample, S.CANCELLED)
    for name in ("return", "ask_disposal"):
        with pytest.raises(TransitionRefused) as refused:
            steps(uow, house, row)[name]()
        assert refused.value.code == "not_here"


def test_many_are_asked_for_and_approved_together_or_not_at_all(uow, house, store):
    samples = [put_in(uow, row, S.TESTED) for row in received(uow, house, store, 3)]
    ids = [row.id for row in samples]
    put_in(uow, samples[2], S.IN_TEST)
    with pytest.raises(TransitionRefused):
        ask_disposals(uow, actor=CLERK, sample_ids=ids, reason="到期")
    assert fresh(uow, samples[0]).state is S.TESTED
    ask_disposals(uow, actor=CLERK, sample_ids=ids[:2], reason="到期")
    with pytest.raises(TransitionRefused):
        approve_disposals(uow, actor=CLERK_AND_HEAD, sample_ids=ids[:2])
    done = approve_disposals(uow, actor=HEAD, sample_ids=ids[:2])
    assert {row.state for row in done} == {S.DISPOSED}
    for call in (
        lambda: ask_disposals(uow, actor=CLERK, sample_ids=[], reason="x"),
        lambda: ask_disposals(uow, actor=CLERK, sample_ids=ids, reason=" "),
        lambda: approve_disposals(uow, actor=HEAD, sample_ids=[]),
    ):
        with pytest.raises(InvalidInput):
            call()


def test_each_step_asks_for_its_permission_and_for_the_row_that_was_seen(uow, house, tested):
    at = {"sample_id": tested.id, "version": tested.version}
    for call in (
        lambda: retain_sample(uow, actor=REVIEWER, place_id=house.shelf, **at),
        lambda: return_sample(uow, actor=ANALYST, received_by="x", **at),
        lambda: ask_disposal(uow, actor=ANALYST, reason="x", **at),
        lambda: approve_disposal(uow, actor=SECOND_CLERK, **at),
        lambda: refuse_disposal(uow, actor=SECOND_CLERK, reason="x", **at),
        lambda: extend_retention(uow, actor=REVIEWER, retain_until=date(2027, 5, 1), reason="x", **at),
    ):
        with pytest.raises(PermissionDenied):
            call()
    with pytest.raises(StaleVersion):
        ask_disposal(uow, actor=CLERK, reason="x", sample_id=tested.id, version=tested.version + 1)
