"""Proficiency rounds: results, scores by the named policy, what a bad one opens, and who is behind the plan."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from lims.core.errors import InvalidInput, PermissionDenied, TransitionRefused
from lims.intake.models import RequestedTest, Sample
from lims.metrology.proficiency import Performance, ScoreKind
from lims.metrology.rounding import round_to
from lims.quality import plans, rounds
from lims.quality.covers import Cover, described
from lims.quality.models import Nonconformity
from lims.quality.participants import read_participants
from lims.quality.proficiency_models import ProficiencyEntry
from lims.quality.rounds import NewRound, Scoring
from lims.quality.scoring import Participant, Stated, judging_score
from lims.quality.states import CoverKind, EntryState
from tests.support.reports import House as Bench

D = Decimal
# ISO 5725-5 creosote: means of nine laboratories; the standard's robust mean is 20.412.
CREOSOTE = ["24.140", "20.155", "19.500", "20.300", "20.705", "17.570", "20.100", "20.940", "21.185"]
Z, Z_PRIME, ZETA, EN = ScoreKind
BAD = Stated(D("10"))


def entered(house, starts_on=None, item="moisture", unit="g/100 g", person=None):
    begins = starts_on or house.uow.now.date()
    new = NewRound("中检院", "食品理化", "2026-1", begins, begins + timedelta(days=30))
    owner = rounds.open_round(house.uow, actor=house.quality, new=new)
    return rounds.enter_item(
        house.uow,
        actor=house.quality,
        round_id=owner.id,
        test_item_id=house.lab.items[item],
        person_id=(person or house.lab.analyst).id,
        unit=unit,
    )


def reported(house, result, U=None, **more):
    row = entered(house, **more)
    return rounds.report_result(
        house.uow,
        actor=house.lab.analyst,
        entry_id=row.id,
        version=row.version,
        result=D(result),
        expanded_uncertainty=U,
    )


def score(house, row, assigned=BAD, sigma="0.5", **more):
    scoring = Scoring(assigned=assigned, sigma=D(sigma) if sigma else None, **more)
    return rounds.score_entry(
        house.uow, actor=house.quality, entry_id=row.id, version=row.version, scoring=scoring
    )


def scored(house, result, **more):
    return score(house, reported(house, result, **more))


# -- which score judges ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "assigned", "sigma", "judges"),
    [
        (Stated(D(11)), Stated(D(10)), D("0.5"), Z),
        (Stated(D(11)), Stated(D(10), D("0.29")), D("0.5"), Z),  # u 0.145 < 0.3 σpt
        (Stated(D(11)), Stated(D(10), D("0.30")), D("0.5"), Z_PRIME),  # u 0.15: not below
        (Stated(D(11), D(1)), Stated(D(10), D("0.3")), None, EN),
    ],
)
def test_z_judges_unless_the_assigned_value_is_uncertain_or_there_is_no_sigma(mine, assigned, sigma, judges):
    _found, judging = judging_score(mine, assigned, sigma, None)
    assert judging.kind is judges


def test_z_is_refused_where_the_assigned_value_is_uncertain_and_a_score_without_figures_too():
    uncertain = Stated(D(10), D("0.30"))
    for wanted, code in ((Z, "z_uncertain"), (ZETA, "no_score")):
        with pytest.raises(InvalidInput) as refused:
            judging_score(Stated(D(11)), uncertain, D("0.5"), wanted)
        assert refused.value.code == code
    with pytest.raises(InvalidInput):
        judging_score(Stated(D(11)), Stated(D(10)), None, None)


def test_uncertainties_of_different_k_are_brought_to_the_same():
    """En (ISO 13528 9.7) of 103 ± 3 (k = 2) and 100 ± 6 (k = 3, so ± 4 at k = 2): 3 / 5."""
    found, _judging = judging_score(Stated(D(103), D(3), D(2)), Stated(D(100), D(6), D(3)), None, None)
    assert (found[EN].value, found[ZETA].value) == (D("0.6"), D("1.2"))


# -- rounds ----------------------------------------------------------------------------


def test_a_result_is_scored_and_tied_to_item_and_person(house):
    row = scored(house, "11")
    assert (row.z, row.judged_by, row.performance) == (2, Z, Performance.SATISFACTORY)
    assert (row.person_id, row.test_item_id) == (house.lab.analyst.id, house.lab.items["moisture"])
    assert row.nonconformity_id is None


def test_the_participants_of_our_own_comparison_give_the_published_robust_mean(house):
    pasted = "\n".join(f"L{n}\t{value}" for n, value in enumerate(CREOSOTE, 1))
    row = score(house, reported(house, "20.705"), None, None, participants=read_participants(pasted))
    assert (round_to(row.robust_mean, D("0.001")), row.participants) == (D("20.412"), 9)
    assert row.assigned_factor == 1
    # u = 1.25 s*/3 is more than 0.3 s*: z' judges
    assert row.judged_by is Z_PRIME
    expected = (D("20.705") - row.robust_mean) / (row.robust_deviation * (1 + D("1.25") ** 2 / 9).sqrt())
    assert abs(row.z_prime - expected) < D("1e-12")


def test_pasted_lines_that_are_wrong_are_named_and_nothing_is_kept():
    with pytest.raises(InvalidInput) as refused:
        read_participants("L1 20.1\n\nL2 twenty\nL3;20,1\nL1\t19.9")
    faults = refused.value.fields["participants"]
    assert [number in fault for number, fault in zip("345", faults, strict=True)] == [True] * 3
    assert [one.laboratory for one in read_participants("L1 20.1\nlab 7\t19.9\n")] == ["L1", "lab 7"]


def test_a_laboratory_counts_once_in_the_robust_mean(house):
    twice = [Participant("L1", D(n)) for n in (1, 2, 3)]
    with pytest.raises(InvalidInput) as refused:
        score(house, reported(house, "2"), None, None, participants=twice)
    assert refused.value.code == "bad_participants"


def test_an_unsatisfactory_score_opens_one_nonconformity_even_when_it_is_scored_anew(house):
    row = scored(house, "11.5")
    opened = house.uow.session.get_one(Nonconformity, row.nonconformity_id)
    assert row.performance is Performance.UNSATISFACTORY
    assert opened.origin_key == f"proficiency-{row.id}"
    lines = described(house.uow.session, [Cover(one.kind, one.object_id) for one in opened.covers])
    assert [line.kind for line in lines] == [CoverKind.PROFICIENCY, CoverKind.TEST_ITEM]
    back = rounds.correct_score(
        house.uow, actor=house.quality, entry_id=row.id, version=row.version, reason="更正报告"
    )
    assert (back.state, back.z, back.performance) == (EntryState.REPORTED, None, None)
    assert score(house, back, sigma="0.4").nonconformity_id == opened.id
    assert house.uow.session.query(Nonconformity).count() == 1


def test_questionable_opens_one_only_when_the_round_before_was_questionable_too(house):
    first = scored(house, "11.2", starts_on=date(2026, 1, 10))
    other = scored(house, "11.2", starts_on=date(2026, 2, 10), item="melamine")
    good = scored(house, "10.2", starts_on=date(2026, 3, 10))
    again = scored(house, "11.2", starts_on=date(2026, 4, 10))
    twice = scored(house, "8.8", starts_on=date(2026, 5, 10))
    alarms = [row.nonconformity_id is not None for row in (first, other, good, again, twice)]
    assert alarms == [False, False, False, False, True]


def test_only_the_person_or_the_quality_manager_reports_and_scored_results_stay(house):
    row = entered(house)
    given = {"entry_id": row.id, "version": row.version, "result": D(10)}
    with pytest.raises(PermissionDenied):
        rounds.report_result(house.uow, actor=house.lab.second_analyst, **given)
    row = score(house, rounds.report_result(house.uow, actor=house.lab.analyst, **given))
    with pytest.raises(TransitionRefused):
        rounds.report_result(house.uow, actor=house.quality, **given | {"version": row.version})
    for broken in ({"performance": None}, {"state": "reported"}, {"result": None}):
        with house.uow, pytest.raises(IntegrityError):
            house.uow.session.execute(
                update(ProficiencyEntry).where(ProficiencyEntry.id == row.id).values(**broken)
            )


def test_the_verified_result_of_a_test_is_taken_with_its_figures_and_no_other(house):
    bench = Bench(house.uow, house.lab, house.account)
    sample = select(RequestedTest.id).join(Sample)
    of = [
        house.uow.session.execute(
            sample.where(Sample.order_id == bench.order(code, typed={"melamine": {"found": ["3.1"]}}))
        )
        .one()
        .id
        for code in ("melamine", "sulfur_dioxide")
    ]
    row = entered(house, item="melamine", unit="mg/kg")
    given = {"entry_id": row.id, "version": row.version}
    with pytest.raises(InvalidInput):
        rounds.report_result(house.uow, actor=house.quality, requested_test_id=of[1], **given)
    taken = rounds.report_result(house.uow, actor=house.quality, requested_test_id=of[0], **given)
    assert (taken.result, taken.requested_test_id) == (D("3.1"), of[0])


# -- the plan --------------------------------------------------------------------------


def test_items_without_a_round_in_time_are_behind_and_come_first(house):
    today = house.uow.now.date()
    ids = [house.lab.items[code] for code in ("moisture", "melamine", "aluminium", "plate_count")]
    plans.plan_participation(house.uow, actor=house.quality, test_item_ids=ids, every_months=12)
    reported(house, "10", starts_on=today - timedelta(days=400))
    reported(house, "10", starts_on=today - timedelta(days=30), item="melamine")
    entered(house, item="aluminium")
    found = {line.item.code: line.standing.value for line in plans.plan_lines(house.uow.session, today)}
    assert list(found.items()) == [
        ("moisture", "behind"),
        ("plate_count", "never"),
        ("aluminium", "entered"),
        ("melamine", "current"),
    ]
    assert plans.how_many_behind(house.uow.session, today) == 2


def test_months_end_where_the_month_does():
    assert plans.months_after(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert plans.months_after(date(2025, 11, 30), 15) == date(2027, 2, 28)
