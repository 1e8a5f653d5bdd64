"""Control charts: limits from readings, rule sets, charts that remember."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lims.metrology.control_limits import (
    RANGE_FACTORS,
    Baseline,
    ChartLimits,
    baseline_from,
    beyond,
    group_means,
    group_ranges,
    individuals_limits,
    mean_range_limits,
    moving_ranges,
    shewhart_limits,
)
from lims.metrology.control_rules import (
    NELSON,
    RULE_SETS,
    WESTERN_ELECTRIC,
    WESTGARD,
    Action,
    ControlPoint,
    check_rules,
    control_points,
)
from lims.metrology.control_sums import CusumRule, EwmaRule, cusum, ewma
from lims.metrology.errors import MetrologyError
from lims.metrology.rounding import round_to

D, F = Decimal, Fraction


def figures(text):
    return tuple(map(D, text.split()))


def printed(value, place):
    return str(round_to(value, D(place)))


def code_of(act):
    with pytest.raises(MetrologyError) as refusal:
        act()
    return refusal.value.code


def points(text, run=""):
    return [ControlPoint(F(z), run) for z in text.split()]


def broken(series, rule_set, rule):
    """Positions named by each finding of one rule."""
    return [found.points for found in check_rules(series, rule_set) if found.rule == rule]


# --- limits ---

# NIST/SEMATECH e-Handbook 6.3.2.2, flow rates.
FLOW = figures("49.6 47.6 49.9 51.3 47.8 51.2 52.6 52.4 53.6 52.1")


def test_nist_individuals_and_moving_range():
    charts = individuals_limits(FLOW)
    lines = (charts.values.centre, charts.values.upper, charts.values.lower)
    assert [printed(line, "0.0001") for line in lines] == ["50.8100", "55.8041", "45.8159"]
    assert printed(charts.ranges.centre, "0.0001") == "1.8778"
    assert printed(charts.ranges.upper / charts.ranges.centre, "0.001") == "3.267"  # D4 for n = 2
    assert charts.ranges.lower == 0
    assert beyond(FLOW, charts.values) == ()
    assert charts.baseline.line(3) == charts.values.upper


def test_the_limits_of_individuals_are_2_66_mean_ranges_away():
    charts = individuals_limits(FLOW)
    away = (charts.values.upper - charts.values.centre) / charts.ranges.centre
    assert printed(away, "0.01") == "2.66"


# ISO 7870-2, ASTM E2587: A2, D3, D4.
@pytest.mark.parametrize(
    ("n", "a2", "d3", "d4"),
    [
        (2, "1.880", "0.000", "3.267"),
        (3, "1.023", "0.000", "2.574"),
        (4, "0.729", "0.000", "2.282"),
        (5, "0.577", "0.000", "2.114"),
        (6, "0.483", "0.000", "2.004"),
        (7, "0.419", "0.076", "1.924"),
        (8, "0.373", "0.136", "1.864"),
        (9, "0.337", "0.184", "1.816"),
        (10, "0.308", "0.223", "1.777"),
    ],
)
def test_factors_of_mean_and_range_charts(n, a2, d3, d4):
    groups = [tuple(D(value) for value in range(n)), tuple(D(value) for value in range(1, n + 1))]
    charts = mean_range_limits(groups)
    mean_range = charts.ranges.centre
    assert mean_range == n - 1
    assert charts.values.centre == F(n, 2)
    found = (
        (charts.values.upper - charts.values.centre) / mean_range,
        charts.ranges.lower / mean_range,
        charts.ranges.upper / mean_range,
    )
    for value, expected in zip(found, (a2, d3, d4), strict=True):
        assert abs(value - F(expected)) <= F("0.0011")


@pytest.mark.parametrize("n", [2, 3, 5, 10, 25])
def test_range_factors_are_the_mean_and_deviation_of_normal_ranges(n):
    special = pytest.importorskip("scipy.special", reason="scipy is a cross-check only")
    x = np.linspace(-9, 9, 1801)
    step, below = x[1] - x[0], special.ndtr(x)
    d2 = np.sum(1 - below**n - (1 - below) ** n) * step
    low, high = np.meshgrid(below, below)
    inside = 1 - high**n - (1 - low) ** n + np.maximum(high - low, 0) ** n
    second = 2 * np.sum(np.where(high >= low, inside, 0)) * step**2
    second -= np.sum(np.diag(inside)) * step**2
    assert abs(d2 - float(RANGE_FACTORS[n].d2)) < 0.0006
    assert abs((second - d2**2) ** 0.5 - float(RANGE_FACTORS[n].d3)) < 0.001


def test_a_baseline_may_come_from_the_values_of_a_new_material():
    baseline = baseline_from(figures("9 10 11"))
    assert (baseline.centre, baseline.deviation) == (10, 1)
    limits = shewhart_limits(baseline)
    assert limits == ChartLimits(F(10), F(7), F(13))
    assert shewhart_limits(baseline, 2) == ChartLimits(F(10), F(8), F(12))
    assert beyond(figures("7 13 6.99 13.01"), limits) == (2, 3)


def test_ranges_and_means_of_groups():
    groups = [figures("1 4 2"), figures("5 5 8")]
    assert group_means(groups) == (F(7, 3), 6)
    assert group_ranges(groups) == (3, 3)
    assert moving_ranges(figures("1 4 2")) == (3, 2)


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda: Baseline(D(1), D(0)), "control_deviation"),
        (lambda: baseline_from(figures("1")), "control_points"),
        (lambda: individuals_limits(figures("1")), "control_points"),
        (lambda: individuals_limits(figures("1 1")), "control_deviation"),
        (lambda: mean_range_limits([figures("1 2")]), "control_groups"),
        (lambda: mean_range_limits([figures("1 2"), figures("1 2 3")]), "control_groups"),
        (lambda: mean_range_limits([figures("1"), figures("2")]), "control_groups"),
        (lambda: mean_range_limits([(D(1),) * 26, (D(2),) * 26]), "control_groups"),
        (lambda: mean_range_limits([figures("1 1"), figures("2 2")]), "control_deviation"),
        (lambda: CusumRule(k=D("-0.1")), "cusum_rule"),
        (lambda: CusumRule(h=D(0)), "cusum_rule"),
        (lambda: CusumRule(head_start=D(5)), "cusum_rule"),
        (lambda: CusumRule(head_start=D(-1)), "cusum_rule"),
        (lambda: EwmaRule(weight=D(0)), "ewma_rule"),
        (lambda: EwmaRule(weight=D("1.01")), "ewma_rule"),
        (lambda: EwmaRule(width=D(0)), "ewma_rule"),
    ],
)
def test_a_chart_that_cannot_be_drawn_is_refused(act, code):
    assert code_of(act) == code


def test_two_values_and_groups_of_25_are_enough():
    assert individuals_limits(figures("1 2")).ranges.centre == 1
    assert mean_range_limits([tuple(map(D, range(25)))] * 2).ranges.centre == 24


# --- rules, each at its edges ---


@pytest.mark.parametrize(
    ("rule_set", "rule", "series", "found"),
    [
        (WESTGARD, "1-2s", "2 2.01 -2.01", [(1,), (2,)]),
        (WESTGARD, "1-3s", "3 3.01 0 -3.01", [(1,), (3,)]),
        (WESTGARD, "2-2s", "2.1 2.1 -2.1 2.1 2 2.1", [(0, 1)]),
        (WESTGARD, "2-2s", "-2.1 -2.2 -2.3", [(0, 1), (1, 2)]),
        (WESTGARD, "4-1s", "1.1 1.1 1.1 1.1 1.1", [(0, 1, 2, 3), (1, 2, 3, 4)]),
        (WESTGARD, "4-1s", "1.1 1.1 1 1.1 1.1", []),
        (WESTGARD, "4-1s", "1.1 1.1 -1.1 1.1 1.1", []),
        (WESTGARD, "10x", " ".join(["0.1"] * 10), [tuple(range(10))]),
        (WESTGARD, "10x", " ".join(["0.1"] * 9 + ["0"]), []),
        (WESTGARD, "10x", " ".join(["-0.1"] * 5 + ["0.1"] * 5), []),
        (NELSON, "Nelson 1", "3 -3.01", [(1,)]),
        (NELSON, "Nelson 2", " ".join(["-0.1"] * 9), [tuple(range(9))]),
        (NELSON, "Nelson 2", " ".join(["-0.1"] * 8), []),
        (NELSON, "Nelson 3", "0 0.1 0.2 0.3 0.4 0.5", [tuple(range(6))]),
        (NELSON, "Nelson 3", "5 4 3 2 1 0", [tuple(range(6))]),
        (NELSON, "Nelson 3", "0 0.1 0.2 0.3 0.4", []),
        (NELSON, "Nelson 3", "0 0.1 0.2 0.2 0.3 0.4", []),
        (NELSON, "Nelson 3", "5 4 3 3 2 1", []),
        (NELSON, "Nelson 4", " ".join(["0.1", "-0.1"] * 7), [tuple(range(14))]),
        (NELSON, "Nelson 4", " ".join(["0.1", "-0.1"] * 6 + ["0.1"]), []),
        (NELSON, "Nelson 4", " ".join(["0.1", "-0.1"] * 5 + ["0.1", "0.1", "-0.1", "0.1"]), []),
        (NELSON, "Nelson 5", "2.1 0 2.1", [(0, 2)]),
        (NELSON, "Nelson 5", "2.1 2.1", [(0, 1)]),
        (NELSON, "Nelson 5", "2.1 0 0 2.1", []),
        (NELSON, "Nelson 5", "2.1 0 -2.1", []),
        (NELSON, "Nelson 5", "2.1 2.1 0", [(0, 1)]),
        (NELSON, "Nelson 6", "1.1 1.1 0 1.1 1.1", [(0, 1, 3, 4)]),
        (NELSON, "Nelson 6", "1.1 1.1 0 0 1.1 1.1", []),
        (NELSON, "Nelson 7", " ".join(["0.99", "-0.5", "0"] * 5), [tuple(range(15))]),
        (NELSON, "Nelson 7", " ".join(["0.9"] * 14 + ["1"]), []),
        (NELSON, "Nelson 7", " ".join(["0.9"] * 14), []),
        (NELSON, "Nelson 8", " ".join(["1.1", "-1.1"] * 4), [tuple(range(8))]),
        (NELSON, "Nelson 8", " ".join(["1.1", "-1.1"] * 3 + ["1", "1.1"]), []),
        (WESTERN_ELECTRIC, "WE 1", "3.01", [(0,)]),
        (WESTERN_ELECTRIC, "WE 2", "-2.1 0 -2.1", [(0, 2)]),
        (WESTERN_ELECTRIC, "WE 3", "-1.1 -1.1 -1.1 -1.1", [(0, 1, 2, 3)]),
        (WESTERN_ELECTRIC, "WE 4", " ".join(["0.1"] * 8), [tuple(range(8))]),
        (WESTERN_ELECTRIC, "WE 4", " ".join(["0.1"] * 7), []),
    ],
)
def test_each_rule_names_the_points_that_break_it(rule_set, rule, series, found):
    assert broken(points(series), rule_set, rule) == found


def test_r_4s_holds_within_one_run_only():
    same = [*points("2.1 0 -2.1", "run 1"), *points("2.1", "run 2")]
    assert broken(same, WESTGARD, "R-4s") == [(0, 2)]
    across = [*points("2.1", "run 1"), *points("-2.1", "run 2")]
    assert broken(across, WESTGARD, "R-4s") == []
    nameless = points("2.1 -2.1")
    assert broken(nameless, WESTGARD, "R-4s") == []
    not_far = [*points("2 -2.1 2.1", "run 1")]
    assert broken(not_far, WESTGARD, "R-4s") == [(1, 2)]
    same_side = points("2.1 2.1 -2.1", "run 1")
    assert broken(same_side, WESTGARD, "R-4s") == [(0, 1, 2)]


def test_2_2s_holds_within_and_across_runs():
    series = [*points("2.1", "run 1"), *points("2.1", "run 2")]
    assert broken(series, WESTGARD, "2-2s") == [(0, 1)]


def test_findings_name_set_rule_and_action_and_come_in_order_of_time():
    found = check_rules(points("2.5 3.5"), WESTGARD)
    assert [(one.rule_set, one.rule, one.action, one.points) for one in found] == [
        ("Westgard", "1-2s", Action.WARNING, (0,)),
        ("Westgard", "1-2s", Action.WARNING, (1,)),
        ("Westgard", "1-3s", Action.OUT_OF_CONTROL, (1,)),
        ("Westgard", "2-2s", Action.OUT_OF_CONTROL, (0, 1)),
    ]


def test_only_the_warning_rule_warns():
    warnings = {
        rule.name for rules in RULE_SETS.values() for rule in rules.rules if rule.action is Action.WARNING
    }
    assert warnings == {"1-2s"}
    assert set(RULE_SETS) == {"Westgard", "Nelson", "Western Electric"}
    assert [len(rules.rules) for rules in RULE_SETS.values()] == [6, 8, 4]


def test_values_become_points_by_their_baseline():
    series = control_points(figures("9 10 12"), Baseline(D(10), D("0.5")), ["a", "a", "b"])
    assert series == (ControlPoint(F(-2), "a"), ControlPoint(F(0), "a"), ControlPoint(F(4), "b"))
    assert control_points(figures("9"), Baseline(D(10), D(1)))[0].run == ""
    with pytest.raises(ValueError, match="zip"):
        control_points(figures("9"), Baseline(D(10), D(1)), [])


@given(st.lists(st.integers(-40, 40), max_size=25), st.sampled_from(list(RULE_SETS.values())))
@settings(max_examples=60)
def test_a_chart_and_its_mirror_image_break_the_same_rules(tenths, rule_set):
    series = [ControlPoint(F(z, 10), "run") for z in tenths]
    mirror = [ControlPoint(-point.z, "run") for point in series]
    assert check_rules(series, rule_set) == check_rules(mirror, rule_set)


@given(st.lists(st.integers(-40, 40), max_size=25), st.sampled_from(list(RULE_SETS.values())))
@settings(max_examples=60)
def test_what_comes_later_changes_no_earlier_finding(tenths, rule_set):
    series = [ControlPoint(F(z, 10), "run") for z in tenths]
    whole = check_rules(series, rule_set)
    for cut in (0, len(series) // 2, len(series)):
        assert check_rules(series[:cut], rule_set) == tuple(one for one in whole if one.points[-1] < cut)
    assert all(before < after for one in whole for before, after in pairwise(one.points))


# --- CUSUM: NIST/SEMATECH e-Handbook 6.3.2.3, mean 325, k = 0.3175, h = 4.1959 ---

CUSUM_MEANS = figures(
    "324.925 324.675 324.725 324.350 325.350 325.225 324.125 324.525 325.225 324.600 324.625 325.150 328.325 "
    "327.250 327.825 328.500 326.675 327.775 326.875 328.350"
)


def test_nist_cusum_finds_the_shift_at_group_14():
    series = control_points(CUSUM_MEANS, Baseline(D(325), D(1)))
    chart = cusum(series, CusumRule(D("0.3175"), D("4.1959")))
    assert [printed(total, "0.01") for total in chart.above[12:]] == [
        "3.01", "4.94", "7.45", "10.63", "11.99", "14.44", "16.00", "19.04"
    ]  # fmt: skip
    assert [printed(total, "0.01") for total in chart.below[:4]] == ["0.00", "0.01", "0.00", "0.33"]
    assert chart.findings[0].points == (12, 13)
    assert {found.rule for found in chart.findings} == {"CUSUM above"}
    assert [found.points[-1] for found in chart.findings] == [13, 14, 15, 16, 17, 18, 19]


def test_a_sum_that_only_reaches_the_interval_is_no_finding():
    assert cusum(points("1.5 1.5"), CusumRule(D("0.5"), D(2))).findings == ()
    (found,) = cusum(points("1.5 1.51"), CusumRule(D("0.5"), D(2))).findings
    assert (found.rule_set, found.rule, found.action) == ("CUSUM", "CUSUM above", Action.OUT_OF_CONTROL)
    assert found.points == (0, 1)
    (below,) = cusum(points("0 -1.5 -1.51"), CusumRule(D("0.5"), D(2))).findings
    assert (below.rule, below.points) == ("CUSUM below", (1, 2))


def test_a_head_start_finds_a_bad_beginning_sooner():
    slow, fast = (cusum(points("2 2 2 2"), CusumRule(head_start=D(start))) for start in ("0", "2.5"))
    assert [found.points[-1] for found in slow.findings] == [3]
    assert [found.points[-1] for found in fast.findings] == [1, 2, 3]
    assert fast.above[0] == 4


def test_long_series_keep_sums_short():
    third = F(1, 3)
    chart = cusum([ControlPoint(third + F(1, 7**n)) for n in range(1, 80)], CusumRule(D("0.1"), D(5)))
    assert all(total.denominator <= 10**40 for total in chart.above)
    # 79 (1/3 - 1/10) + 1/6
    assert abs(chart.above[-1] - (79 * F(7, 30) + F(1, 6))) < F(1, 10**30)


# --- EWMA: NIST/SEMATECH e-Handbook 6.3.2.4, mean 50, s 2.0539, weight 0.3 ---

EWMA_DATA = figures(
    "52 47 53 49.3 50.1 47 51 50.1 51.2 50.5 49.6 47.6 49.9 51.3 47.8 51.2 52.6 52.4 53.6 52.1"
)


def test_nist_ewma():
    chart = ewma(EWMA_DATA, Baseline(D(50), D("2.0539")), EwmaRule(D("0.3"), settled_limits=True))
    assert [printed(mean, "0.01") for mean in chart.means] == [
        "50.60",
        "49.52",
        "50.56",
        "50.18",
        "50.16",
        "49.21",
        "49.75",
        "49.85",
        "50.26",
        "50.33",
        "50.11",
        "49.36",
        "49.52",
        "50.05",
        "49.38",
        "49.92",
        "50.73",
        "51.23",
        "51.94",
        "51.99",
    ]
    assert printed(chart.upper[0], "0.01") == printed(chart.upper[-1], "0.01") == "52.59"
    assert printed(chart.lower[0], "0.01") == "47.41"
    assert chart.findings == ()


def test_limits_widen_from_the_first_point_unless_settled():
    chart = ewma(figures("50 50 50"), Baseline(D(50), D(1)), EwmaRule(D("0.5"), D(2)))
    # weight^2 sigma^2 at the first point; times 1 + (1 - weight)^2 at the second.
    assert chart.upper[0] == 51
    assert printed(F(chart.upper[1] - 50) ** 2, "1E-20") == printed(F(5, 4), "1E-20")
    assert chart.lower[0] == 49
    # A weight of 1 is a Shewhart chart.
    plain = ewma(figures("52"), Baseline(D(50), D(1)), EwmaRule(D(1)))
    assert (plain.means, plain.upper, plain.lower) == ((52,), (53,), (47,))


def test_an_ewma_finding_names_its_side_and_point():
    baseline, rule = Baseline(D(50), D(1)), EwmaRule(D(1))
    found = ewma(figures("53 53.01 47 46.99"), baseline, rule).findings
    assert [(one.rule_set, one.rule, one.points) for one in found] == [
        ("EWMA", "EWMA above", (1,)),
        ("EWMA", "EWMA below", (3,)),
    ]
    assert all(one.action is Action.OUT_OF_CONTROL for one in found)
