"""A job is done at least once, and its effect once."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from lims.core import jobs
from lims.core.jobs import Job, JobState, claim, enqueue, finish, run_one
from lims.core.uow import UnitOfWork


@pytest.fixture
def note():
    done = []

    @jobs.job("note")
    def _note(context):
        done.append(context.job.payload["n"])
        return "noted"

    @jobs.job("broken")
    def _broken(context):
        raise ValueError("no paper")

    yield done
    jobs.REGISTRY.pop("note")
    jobs.REGISTRY.pop("broken")


def ask(uow, kind="note", key="k", n=1):
    with uow:
        enqueue(uow, kind, {"n": n}, key=key)
        uow.commit()


def test_a_job_asked_for_twice_is_one_row(uow, note):
    ask(uow)
    ask(uow)
    assert uow.session.scalar(select(func.count()).select_from(Job)) == 1


def test_a_job_of_a_rolled_back_transaction_never_was(uow, note, new_session):
    with uow:
        enqueue(uow, "note", {"n": 1}, key="k")
    assert not run_one(new_session, "w", uow._clock)


def test_a_job_is_done_and_its_result_kept(uow, note, new_session):
    ask(uow)
    assert run_one(new_session, "w", uow._clock)
    assert note == [1]
    row = uow.session.scalars(select(Job)).one()
    assert (row.state, row.result) == (JobState.DONE, "noted")


def test_a_job_of_a_dead_worker_comes_back_when_its_lease_is_over(uow, note, clock):
    ask(uow)
    assert claim(uow, "dies") is not None
    assert claim(uow, "other") is None
    clock.now += jobs.LEASE + timedelta(seconds=1)
    again = claim(uow, "other")
    assert again is not None
    assert again.attempts == 2


def test_a_failing_job_is_tried_again_later_and_given_up_visibly(uow, note, clock, new_session):
    ask(uow, kind="broken")
    for _ in range(jobs.MAX_ATTEMPTS):
        assert run_one(new_session, "w", uow._clock)
        assert not run_one(new_session, "w", uow._clock)
        clock.now += timedelta(hours=1)
    uow.session.rollback()
    row = uow.session.scalars(select(Job)).one()
    assert row.state is JobState.FAILED
    assert "no paper" in row.error


def test_two_workers_never_hold_the_same_job(uow, note, new_session):
    for n in range(6):
        ask(uow, key=f"k{n}", n=n)
    held = []
    for n in range(6):
        with new_session() as session:
            held.append(claim(UnitOfWork(session, uow._clock), f"w{n}").id)
    assert len(set(held)) == 6
    finish(uow, held[0], result="x")
