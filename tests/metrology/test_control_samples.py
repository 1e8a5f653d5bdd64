"""What a control is held against, and where controls stand: pure."""

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lims.metrology.control_limits import Baseline
from lims.metrology.control_samples import (
    END,
    START,
    ControlBounds,
    ControlKind,
    ControlOutcome,
    EarlierPoint,
    Memory,
    Slot,
    covered,
    figure_of,
    judge_control,
    recovery,
    relative_difference,
    slots_of,
    statistic_of,
)
from lims.metrology.errors import MetrologyError
from lims.metrology.values import BelowQuantification, GreaterThan, NotDetected, Number

K = ControlKind
ASSIGNED = ControlBounds(target=D(100), deviation=D(2), rule_set="Westgard")


def test_difference_and_recovery_are_of_the_mean_and_of_what_was_added():
    # GB 5009.3: two results may differ by 10 % of their mean
    assert relative_difference(D("9.5"), D("10.5")) == 10
    assert relative_difference(D(0), D(0)) == 0
    assert recovery(D("0.27"), D("0.07"), D("0.20")) == 100
    with pytest.raises(MetrologyError):
        recovery(D(1), D(1), D(0))
    with pytest.raises(MetrologyError):
        relative_difference(D(1), D(-1))


def test_what_was_not_found_is_good_in_a_blank_and_fails_where_something_is():
    none = figure_of(NotDetected(D("0.1"), "mg/kg"))
    assert (none, figure_of(BelowQuantification(D(1), "mg/kg"))) == (None, None)
    assert statistic_of(K.BLANK, none) is None
    assert statistic_of(K.DUPLICATE, None, None) is None
    assert statistic_of(K.SPIKE, D("0.9"), None, D(1)) == 90
    assert statistic_of(K.SPIKE, None, None, D(1)) == 0
    for found, source, kind in (
        (None, D(1), K.DUPLICATE),
        (D(1), None, K.DUPLICATE),
        (None, None, K.CONTROL),
    ):
        with pytest.raises(MetrologyError):
            statistic_of(kind, found, source)
    with pytest.raises(MetrologyError):
        figure_of(GreaterThan(D(300), "CFU"))
    assert figure_of(Number(D("1.0"), "g"), D("1.04")) == D("1.04")  # never the rounded one


def outcome(bounds: ControlBounds, value: str, *earlier: str) -> ControlOutcome:
    before = [EarlierPoint(D(one), "A") for one in earlier]
    return judge_control(bounds, D(value), "B", before).outcome


def test_the_statistic_of_each_kind():
    assert statistic_of(K.DUPLICATE, D("9.5"), D("10.5")) == 10
    assert statistic_of(K.SPIKE, D("0.27"), D("0.07"), D("0.20")) == 100
    for kind in (K.BLANK, K.CONTROL, K.REFERENCE, K.BLIND):
        assert statistic_of(kind, D("0.25")) == D("0.25")
    for kind in (K.CONTROL, K.REFERENCE, K.BLIND):
        with pytest.raises(MetrologyError) as refused:
            statistic_of(kind, None)
        assert refused.value.code == "control_not_found"
    assert figure_of(Number(D("0.3"), "g"), D(1) / 3) == D(1) / 3  # the unrounded one where it is known
    assert figure_of(Number(D("0.3"), "g")) == D("0.3")


def test_bounds_belong_to_what_is_allowed_and_count_beside_the_rules():
    both = ControlBounds(low=D(80), high=D(120))
    assert outcome(both, "80") == outcome(both, "120") == ControlOutcome.IN_CONTROL
    assert outcome(both, "79.99") == outcome(both, "120.01") == ControlOutcome.OUT_OF_CONTROL
    narrow = ControlBounds(high=D(101), target=D(100), deviation=D(2), rule_set="Westgard")
    assert outcome(narrow, "102") is ControlOutcome.OUT_OF_CONTROL


def test_a_warning_rule_warns_and_only_the_newest_point_is_judged():
    assert outcome(ASSIGNED, "104.5") is ControlOutcome.WARNING  # 1-2s
    assert outcome(ASSIGNED, "104.5", "104.5") is ControlOutcome.OUT_OF_CONTROL  # 2-2s
    assert outcome(ASSIGNED, "100", "110") is ControlOutcome.IN_CONTROL
    assert outcome(ASSIGNED, "106") is ControlOutcome.WARNING  # on the 3 s line is not beyond it


def test_opposite_points_count_within_one_run_only():
    same = [EarlierPoint(D("104.1"), "A")]
    assert judge_control(ASSIGNED, D("95.9"), "A", same).outcome is ControlOutcome.OUT_OF_CONTROL  # R-4s
    assert judge_control(ASSIGNED, D("95.9"), "B", same).outcome is ControlOutcome.WARNING


def test_own_points_make_limits_once_and_settled_ones_stay():
    own = ControlBounds(rule_set="Westgard", own_points=5)
    few = ("100", "102", "98", "101")
    assert outcome(own, "200", *few) is ControlOutcome.BUILDING
    assert outcome(own, "110", *few, "99") is ControlOutcome.OUT_OF_CONTROL
    # all alike give no standard deviation
    assert outcome(own, "110", *["100"] * 5) is ControlOutcome.BUILDING
    bad = [EarlierPoint(D(500), "A", out=True), *(EarlierPoint(D(one), "A") for one in few)]
    assert judge_control(own, D("99"), "B", bad).baseline is None
    settled = Baseline(D(100), D(50))
    assert judge_control(own, D(110), "B", [], settled).outcome is ControlOutcome.IN_CONTROL


def test_a_chart_with_a_memory_finds_what_no_single_point_shows():
    drifting = ["102.4"] * 12
    plain = ControlBounds(target=D(100), deviation=D(2))
    for memory in (Memory.CUSUM, Memory.EWMA):
        bounds = ControlBounds(target=D(100), deviation=D(2), memory=memory)
        assert outcome(bounds, "100") is ControlOutcome.IN_CONTROL
        assert outcome(bounds, "102.4", *drifting) is ControlOutcome.OUT_OF_CONTROL
    assert outcome(plain, "102.4", *drifting) is ControlOutcome.IN_CONTROL


def test_controls_stand_where_the_template_says():
    place = {"at_start": False, "at_end": False, "every": None}
    assert slots_of(K.CONTROL, 5, **{**place, "at_start": True, "at_end": True, "every": 2}) == (
        Slot(START, 0),
        Slot(1, 2),
        Slot(2, 4),
        Slot(END, 5),
    )
    # behind the last full group stands one, not two
    assert slots_of(K.CONTROL, 4, **{**place, "at_end": True, "every": 2}) == (Slot(1, 2), Slot(2, 4))
    # a duplicate is made from the first of each group
    assert slots_of(K.DUPLICATE, 5, **{**place, "every": 2}) == (Slot(1, 1), Slot(2, 3), Slot(3, 5))
    assert slots_of(K.SPIKE, 5, **place) == (Slot(1, 1),)
    assert slots_of(K.BLANK, 1, **{**place, "at_start": True}) == (Slot(START, 0),)
    assert slots_of(K.BLANK, 0, **{**place, "at_start": True}) == ()


def test_a_control_speaks_for_the_samples_between_its_neighbours():
    assert list(covered(6, 2, [0, 4])) == [0, 1, 2, 3]
    assert list(covered(6, 0, [3])) == [0, 1, 2]
    assert list(covered(6, 6, [3])) == [3, 4, 5]
    assert list(covered(6, 0, [])) == [0, 1, 2, 3, 4, 5]


@given(st.integers(1, 60), st.integers(1, 20), st.booleans(), st.booleans())
def test_no_sample_is_without_a_control_that_speaks_for_it(samples, every, at_start, at_end):
    slots = slots_of(K.CONTROL, samples, at_start=at_start, at_end=at_end, every=every)
    stands = [slot.after for slot in slots]
    spoken = {n for own in stands for n in covered(samples, own, [s for s in stands if s != own])}
    assert spoken == (set(range(samples)) if slots else set())
