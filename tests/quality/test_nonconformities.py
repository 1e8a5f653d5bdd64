"""Nonconforming work is evaluated, decided by a person with a name, corrected, and closed by another one."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from lims.core.errors import InvalidInput, PermissionDenied, TransitionRefused
from lims.core.jobs import Job, JobState, enqueue, run_one
from lims.core.permissions import SYSTEM
from lims.quality import nonconformities as nc
from lims.quality.covers import Cover
from lims.quality.models import Nonconformity
from lims.quality.states import (
    CoverKind,
    CustomerTold,
    Decision,
    NonconformityState,
    Significance,
)
from tests.support.orders import make_tests


def test_the_whole_road_names_who_decided_and_is_closed_by_another_person(house):
    row = house.corrected()
    assert row.state is NonconformityState.CHECKING
    assert row.decided_by == house.quality.id
    closed = house.take(nc.close_nonconformity, row, effect="三个月内空白均合格")
    assert (closed.state, closed.closed_by) == (NonconformityState.CLOSED, house.quality.id)


def test_whoever_is_responsible_for_the_action_does_not_close_it(house):
    row = house.corrected(responsible=house.quality)
    with pytest.raises(TransitionRefused) as refused:
        house.take(nc.close_nonconformity, row, effect="我看好了")
    assert refused.value.code == "same_person"
    assert house.take(nc.close_nonconformity, row, house.director, effect="抽查通过").closed_by


def test_the_table_itself_refuses_what_the_steps_refuse(house):
    row = house.corrected(responsible=house.quality)
    for broken in (
        {"closed_by": house.quality.id},
        {"state": "closed"},
        {"decided_by": None},
        {"responsible_id": None},
    ):
        with house.uow, pytest.raises(IntegrityError):
            house.uow.session.execute(
                update(Nonconformity).where(Nonconformity.id == row.id).values(**broken)
            )


def test_nothing_is_decided_before_it_is_evaluated(house):
    with pytest.raises(TransitionRefused):
        house.take(
            nc.decide_nonconformity,
            house.opened(),
            decision=Decision.ACCEPT,
            reason="没事",
            customer_told=CustomerTold.NOT_CONCERNED,
        )


def test_an_analyst_opens_but_neither_evaluates_nor_decides_nor_closes(house):
    row = house.decided(significance=Significance.MINOR)
    with pytest.raises(PermissionDenied):
        house.take(nc.close_nonconformity, row, house.lab.analyst, effect="x")
    with pytest.raises(PermissionDenied):
        house.evaluated_by = house.take(
            nc.evaluate_nonconformity,
            house.opened(),
            house.lab.analyst,
            significance=Significance.MINOR,
            evaluation="x",
            immediate_action="",
        )


def test_only_the_responsible_person_reports_the_action_done(house):
    row = house.planned()
    with pytest.raises(PermissionDenied):
        house.take(nc.report_correction, row, house.lab.second_analyst, done="x")
    assert house.take(nc.report_correction, row, house.lab.analyst, done="x").done_at == house.uow.now


def test_an_action_that_did_not_help_goes_on(house):
    row = house.corrected()
    later = house.uow.now.date() + timedelta(days=30)
    again = house.take(nc.correct_further, row, reason="空白又高了", due_on=later)
    assert (again.state, again.due_on) == (NonconformityState.CORRECTING, later)


def test_a_major_one_is_not_closed_without_an_action_and_a_minor_one_is(house):
    with pytest.raises(TransitionRefused) as refused:
        house.take(nc.close_nonconformity, house.decided(), effect="算了")
    assert refused.value.code == "action_needed"
    for row in (
        house.decided(significance=Significance.MINOR),
        house.decided(decision=Decision.NOT_CONFIRMED),
    ):
        assert house.take(nc.close_nonconformity, row, effect="偶发").state is NonconformityState.CLOSED


def test_who_opened_it_does_not_close_it_without_an_action(house):
    row = house.decided(significance=Significance.MINOR, actor=house.quality)
    with pytest.raises(TransitionRefused) as refused:
        house.take(nc.close_nonconformity, row, effect="算了")
    assert refused.value.code == "same_person"


def test_a_recall_concerns_customers_and_is_not_closed_until_they_are_told(house):
    with pytest.raises(InvalidInput):
        house.decided(Decision.RECALL)
    row = house.decided(Decision.RECALL, CustomerTold.TO_TELL, Significance.MINOR)
    with pytest.raises(TransitionRefused) as refused:
        house.take(nc.close_nonconformity, row, effect="已换发报告")
    assert refused.value.code == "customer_not_told"
    told = house.take(nc.tell_customer, row, note="11 月 26 日电话告知沈女士")
    assert house.take(nc.close_nonconformity, told, effect="已换发报告").closed_at


def test_a_job_decides_nothing(house):
    with pytest.raises(PermissionDenied):
        house.take(
            nc.decide_nonconformity,
            house.evaluated(),
            SYSTEM,
            decision=Decision.ACCEPT,
            reason="x",
            customer_told=CustomerTold.NOT_CONCERNED,
        )


def test_more_is_covered_once_and_only_what_exists(house):
    row = house.opened(Cover(CoverKind.EQUIPMENT, house.lab.balance))
    both = [Cover(CoverKind.EQUIPMENT, house.lab.balance), Cover(CoverKind.EQUIPMENT, house.lab.oven)]
    house.take(nc.cover_more, row, covers=both)
    assert [one.object_id for one in row.covers] == [house.lab.balance, house.lab.oven]
    with pytest.raises(InvalidInput) as refused:
        house.take(nc.cover_more, row, covers=[Cover(CoverKind.WORKSHEET, 987654)])
    assert refused.value.code == "unknown_cover"


# -- the job of lower rooms ------------------------------------------------------------


def ask(house, key, **more):
    payload = {
        "source": "control_failure",
        "reference": "JC2026-00001 1-3s",
        "title": "质控样超出 3s",
        "what": "质控样 0.151, 中心 0.120, s 0.010。",
        "covers": [],
        "opened_by": house.lab.analyst.id,
    } | more
    with house.uow:
        enqueue(house.uow, "nonconformity.open", payload, key=key)
        house.uow.commit()


def test_a_job_opens_one_nonconformity_for_a_key_however_often_it_runs(house, new_session, clock):
    test_id = make_tests(house.uow, house.lab, "moisture")[0]["moisture"]
    ask(house, "control-failure-7", covers=[{"kind": "requested_test", "id": test_id}])
    assert run_one(new_session, "w", clock)
    with house.uow:  # a lost lease: the same job once more
        house.uow.session.execute(update(Job).values(state="waiting"))
        house.uow.commit()
    assert run_one(new_session, "w", clock)
    house.uow.session.rollback()
    assert house.uow.session.scalar(select(Job.state)) is JobState.DONE
    found = nc.of_origins(house.uow.session, ["control-failure-7", "control-failure-8"])
    assert list(found) == ["control-failure-7"]
    row = found["control-failure-7"]
    assert house.uow.session.query(Nonconformity).count() == 1
    assert (row.opened_by, row.reference) == (house.lab.analyst.id, "JC2026-00001 1-3s")
    assert [(one.kind, one.object_id) for one in row.covers] == [(CoverKind.REQUESTED_TEST, test_id)]
