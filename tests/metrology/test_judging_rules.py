"""How a result is held against its limit."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lims.metrology.errors import MetrologyError
from lims.metrology.judgements import Comparison, Reason, Side, Verdict
from lims.metrology.judging import judge
from lims.metrology.limits import (
    Maximum,
    Minimum,
    MustNotBeDetected,
    NotPermitted,
    Plan,
    Range,
    restore_limit,
    store_limit,
    write_limit,
)
from lims.metrology.rounding import Mark
from lims.metrology.typed_values import parse_counts
from lims.metrology.values import (
    BelowQuantification,
    Detected,
    DetectionLimits,
    GreaterThan,
    NotDetected,
    Number,
    Text,
)

TOLERANCE = (Decimal("9.9"), Decimal("10.1"))
YES, NO = Verdict.PASS, Verdict.FAIL


# GB/T 8170-2008 4.3.2 and 4.3.3, tables of both ways of comparing: reading, full value, rounded value.
@pytest.mark.parametrize(
    ("limit", "reading", "full", "rounded"),
    [
        (Minimum(Decimal("14E+2")), "1349", NO, NO),
        (Minimum(Decimal("14E+2")), "1351", NO, YES),
        (Minimum(Decimal("14E+2")), "1400", YES, YES),
        (Minimum(Decimal("97.0")), "96.96", NO, YES),
        (Minimum(Decimal("97.0")), "96.94", NO, NO),
        (Maximum(Decimal("0.5")), "0.549", NO, YES),
        (Maximum(Decimal("0.5")), "0.551", NO, NO),
        (Range(Decimal("1.2"), Decimal("1.6")), "1.151", NO, YES),
        (Range(Decimal("1.2"), Decimal("1.6")), "1.651", NO, NO),
        (Range(*TOLERANCE), "9.89", NO, YES),
        (Range(*TOLERANCE), "9.85", NO, NO),
        (Range(*TOLERANCE), "10.16", NO, NO),
        (Range(*TOLERANCE, low_inclusive=False, high_inclusive=False), "9.94", YES, NO),
        (Range(*TOLERANCE, low_inclusive=False, high_inclusive=False), "10.06", YES, NO),
        (Range(*TOLERANCE, low_inclusive=False, high_inclusive=False), "10.05", YES, YES),
        (Range(*TOLERANCE, high_inclusive=False), "9.86", NO, YES),
        (Range(*TOLERANCE, high_inclusive=False), "10.06", YES, NO),
        (Range(*TOLERANCE, low_inclusive=False), "9.94", YES, NO),
        (Range(*TOLERANCE, low_inclusive=False), "10.06", YES, YES),
        # the project's own demonstration data
        (Maximum(Decimal(100)), "100.4", NO, YES),
        (Maximum(Decimal("0.05")), "0.0504", NO, YES),
    ],
)
def test_both_comparisons_of_the_standard_give_what_its_tables_say(limit, reading, full, rounded):
    value = Number(Decimal(reading))
    judgement = judge(value, limit)
    assert (judgement.full.verdict, judgement.rounded.verdict) == (full, rounded)
    assert judgement.verdict is full  # the full value decides where the standard names no rule
    assert judge(value, limit, Comparison.ROUNDED_VALUE).verdict is rounded
    assert judgement.rules_disagree == (full is not rounded)


def test_a_page_can_show_what_each_comparison_held_against_the_bound():
    judgement = judge(Number(Decimal("100.4989"), "mg/kg"), Maximum(Decimal(100), "mg/kg"))
    (full,), (rounded,) = judgement.full.checks, judgement.rounded.checks
    assert (full.sign, full.bound, full.compared, full.met) == ("≤", Decimal(100), Decimal("100.4989"), False)
    assert (rounded.compared, rounded.met) == (Decimal(100), True)
    assert judgement.broken == (Side.HIGH,)
    assert judge(Number(Decimal(9)), Range(*TOLERANCE)).broken == (Side.LOW,)


@pytest.mark.parametrize(
    ("limit", "mark", "verdict"),
    [
        (Maximum(Decimal("16.5")), Mark.PLUS, NO),
        (Maximum(Decimal("16.5")), Mark.MINUS, YES),
        (Minimum(Decimal("16.5")), Mark.MINUS, NO),
        (Minimum(Decimal("16.5")), Mark.PLUS, YES),
        (Maximum(Decimal("16.5"), inclusive=False), Mark.MINUS, YES),
        (Maximum(Decimal("16.5"), inclusive=False), Mark.NONE, NO),
    ],
)
def test_a_marked_figure_counts_as_above_or_below_what_is_written(limit, mark, verdict):
    assert judge(Number(Decimal("16.5"), mark=mark), limit).verdict is verdict


def test_the_mark_of_a_negative_figure_speaks_of_its_magnitude():
    # -16.5(+) was measured as, for example, -16.52: below -16.5.
    assert judge(Number(Decimal("-16.5"), mark=Mark.PLUS), Minimum(Decimal("-16.5"))).verdict is NO
    assert judge(Number(Decimal("-16.5"), mark=Mark.MINUS), Minimum(Decimal("-16.5"))).verdict is YES


def test_a_marked_figure_rounds_by_its_mark_before_the_rounded_comparison():
    judgement = judge(Number(Decimal("16.5"), mark=Mark.PLUS), Maximum(Decimal(16)))
    assert judgement.rounded.checks[0].compared == 17


# --- near the limit ---


@pytest.mark.parametrize(
    ("limit", "reading", "share", "near"),
    [
        (Maximum(Decimal(100)), "79.999", "0.8000", False),
        (Maximum(Decimal(100)), "80", "0.8000", True),
        (Maximum(Decimal(100)), "100", "1.0000", True),
        (Maximum(Decimal(100)), "101", "1.0100", False),
        (Minimum(Decimal(400)), "450", "0.8889", True),
        (Minimum(Decimal(400)), "800", "0.5000", False),
        (Range(Decimal("6.5"), Decimal("8.5")), "8.4", "0.9000", True),
        (Range(Decimal("6.5"), Decimal("8.5")), "7.5", "0.0000", False),
    ],
)
def test_a_passing_value_near_the_limit_is_flagged_with_its_share(limit, reading, share, near):
    judgement = judge(Number(Decimal(reading)), limit)
    assert (str(judgement.share), judgement.near_limit) == (share, near)


def test_how_near_is_near_is_the_callers_to_say():
    value, limit = Number(Decimal(85)), Maximum(Decimal(100))
    assert not judge(value, limit, near_from=Decimal("0.9")).near_limit


def test_a_limit_of_zero_has_no_share():
    assert judge(Number(Decimal(0)), Maximum(Decimal(0))).share is None


# --- values that are no plain figure ---

LEAD = Maximum(Decimal("0.2"), "mg/kg")


@pytest.mark.parametrize(
    ("value", "limit", "verdict", "reason"),
    [
        (NotDetected(Decimal("0.02"), "mg/kg"), LEAD, YES, None),
        (NotDetected(Decimal("0.5"), "mg/kg"), LEAD, Verdict.NOT_JUDGED, Reason.DETECTION_LIMIT_TOO_HIGH),
        (NotDetected(None, "mg/kg"), LEAD, Verdict.NOT_JUDGED, Reason.DETECTION_LIMIT_UNKNOWN),
        (NotDetected(Decimal("2"), ""), Minimum(Decimal("2.9")), NO, None),
        (BelowQuantification(Decimal("0.2"), "mg/kg"), LEAD, YES, None),
        (
            BelowQuantification(Decimal("0.3"), "mg/kg"),
            LEAD,
            Verdict.NOT_JUDGED,
            Reason.QUANTIFICATION_LIMIT_TOO_HIGH,
        ),
        (GreaterThan(Decimal("0.2"), "mg/kg"), LEAD, NO, None),
        (GreaterThan(Decimal("0.1"), "mg/kg"), LEAD, Verdict.NOT_JUDGED, Reason.GREATER_THAN_TOO_LOW),
        (GreaterThan(Decimal(3)), Minimum(Decimal("2.9")), YES, None),
        (Detected("mg/kg"), LEAD, Verdict.NOT_JUDGED, Reason.NO_FIGURE),
        (Text("正常"), LEAD, Verdict.NOT_JUDGED, Reason.NO_FIGURE),
        (None, LEAD, Verdict.NOT_JUDGED, Reason.NO_VALUE),
        (Number(Decimal(1)), None, Verdict.NOT_JUDGED, Reason.NO_LIMIT),
    ],
)
def test_what_is_only_known_to_lie_below_or_above_is_judged_only_if_that_settles_it(
    value, limit, verdict, reason
):
    judgement = judge(value, limit)
    assert (judgement.verdict, judgement.reason) == (verdict, reason)


def test_what_is_not_judged_is_not_near_its_limit_either():
    missing = judge(None, Maximum(Decimal(1)))
    assert (missing.near_limit, missing.broken, missing.rules_disagree) == (False, (), False)


def test_monitoring_gives_no_verdict_but_keeps_what_was_found():
    limit = Maximum(Decimal("2.5"), "mg/kg")
    judgement = judge(Number(Decimal("2.6"), "mg/kg"), limit, withheld=Reason.MONITORING)
    assert (judgement.verdict, judgement.reason) == (Verdict.NOT_JUDGED, Reason.MONITORING)
    assert judgement.full.verdict is NO
    assert judgement.broken == ()


def test_value_and_limit_meet_in_the_unit_of_the_limit():
    assert judge(Number(Decimal(250), "mg/kg"), Maximum(Decimal("0.25"), "g/kg")).verdict is YES
    assert judge(Number(Decimal("250.1"), "mg/kg"), Maximum(Decimal("0.25"), "g/kg")).verdict is NO
    with pytest.raises(MetrologyError) as refusal:
        judge(Number(Decimal(250), "CFU/g"), Maximum(Decimal("0.25"), "g/kg"))
    assert refusal.value.code == "unit_incompatible"


# --- not permitted, must not be detected ---

SULFUR_DIOXIDE = DetectionLimits(lod=Decimal("0.003"), loq=Decimal("0.01"))


@pytest.mark.parametrize(
    ("value", "verdict", "reported"),
    [
        (Number(Decimal("0.01"), "g/kg"), NO, Number(Decimal("0.01"), "g/kg")),
        (Number(Decimal("0.0099"), "g/kg"), YES, NotDetected(Decimal("0.01"), "g/kg", True)),
        (Number(Decimal("0.001"), "g/kg"), YES, NotDetected(Decimal("0.003"), "g/kg")),
        (NotDetected(Decimal("0.003"), "g/kg"), YES, NotDetected(Decimal("0.003"), "g/kg")),
        (NotDetected(None, "g/kg"), YES, NotDetected(Decimal("0.003"), "g/kg")),
        (BelowQuantification(Decimal("0.01"), "g/kg"), YES, NotDetected(Decimal("0.01"), "g/kg", True)),
        (GreaterThan(Decimal(1), "g/kg"), NO, GreaterThan(Decimal(1), "g/kg")),
        (Detected("g/kg"), NO, Detected("g/kg")),
    ],
)
def test_a_forbidden_substance_fails_from_the_quantification_limit_on(value, verdict, reported):
    judgement = judge(value, NotPermitted("g/kg"), detection=SULFUR_DIOXIDE)
    assert (judgement.verdict, judgement.reported) == (verdict, reported)


def test_without_a_quantification_limit_a_found_figure_of_a_forbidden_substance_is_not_judged():
    judgement = judge(Number(Decimal("0.02"), "g/kg"), NotPermitted("g/kg"))
    assert judgement.reason is Reason.QUANTIFICATION_LIMIT_UNKNOWN


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (NotDetected(), YES),
        (Detected(), NO),
        (Number(Decimal(0)), YES),
        (Number(Decimal(1)), NO),
        (GreaterThan(Decimal(300)), NO),
        (BelowQuantification(Decimal(1)), Verdict.NOT_JUDGED),
    ],
)
def test_what_must_not_be_detected_fails_when_present(value, verdict):
    assert judge(value, MustNotBeDetected()).verdict is verdict


def test_less_than_one_colony_is_none_where_one_is_all_that_can_be_detected():
    value, limits = BelowQuantification(Decimal(1)), DetectionLimits(lod=Decimal(1))
    assert judge(value, MustNotBeDetected(), detection=limits).verdict is YES


# --- sampling plans ---

PLATE_COUNT = Plan(5, 2, Decimal("1E+4"), Decimal("1E+5"), "CFU/g")


@pytest.mark.parametrize(
    ("typed", "verdict", "broken"),
    [
        ("9.0e3, 1.2e4, 8.5e3, 3.1e4, 7.0e3", YES, ()),
        ("9.0e3, 1.2e4, 1.1e4, 3.1e4, 7.0e3", NO, (Side.MARGINAL,)),
        ("9.0e3, 1.2e5, 8.5e3, 1.0e3, 7.0e3", NO, (Side.MOST,)),
        ("1.0e4, 1.0e4, 1.0e4, 1.0e5, 1.0e5", YES, ()),
        ("<10, <10, <10, <10, <10", YES, ()),
        (">3.0e5, <10, <10, <10, <10", NO, (Side.MOST,)),
    ],
)
def test_a_plan_fails_above_M_or_with_more_than_c_above_m(typed, verdict, broken):
    judgement = judge(parse_counts(typed, unit="CFU/g"), PLATE_COUNT)
    assert (judgement.verdict, judgement.broken) == (verdict, broken)


def test_the_mean_of_a_plan_never_decides():
    # Mean 9.4e3 is below m, yet three of five lie above it.
    counts = parse_counts("1.1e4, 1.2e4, 1.3e4, 1.0e3, 1.0e4", unit="CFU/g")
    judgement = judge(counts, PLATE_COUNT)
    assert judgement.verdict is NO
    assert (judgement.full.tally.marginal, judgement.full.tally.above) == (3, 0)


def test_the_last_unit_a_plan_allows_is_flagged_as_near():
    judgement = judge(parse_counts("9.0e3, 1.2e4, 8.5e3, 3.1e4, 7.0e3", unit="CFU/g"), PLATE_COUNT)
    assert (judgement.near_limit, judgement.share) == (True, 1)


@pytest.mark.parametrize("typed", ["1, 2, 3, 4", "1, 2, 3, 4, 5, 6", "<5e4, 1, 1.1e4, 1.1e4, 2"])
def test_a_plan_that_cannot_be_decided_is_not_judged(typed):
    assert judge(parse_counts(typed, unit="CFU/g"), PLATE_COUNT).verdict is Verdict.NOT_JUDGED


def test_an_open_count_does_not_hide_a_failure():
    counts = parse_counts("<5e4, 2e5, 1, 1, 1", unit="CFU/g")
    assert judge(counts, PLATE_COUNT).verdict is NO


def test_salmonella_in_one_of_five_samples_fails():
    plan = Plan(5, 0, Decimal(0), None, "/25g")
    clean = parse_counts("未检出 未检出 未检出 未检出 未检出", unit="/25g")
    found = parse_counts("未检出 未检出 检出 未检出 未检出", unit="/25g")
    assert judge(clean, plan).verdict is YES
    assert judge(found, plan).verdict is NO


# --- limits on paper and in storage ---

LIMITS = [
    (Maximum(Decimal(100)), "≤100", "≤100"),
    (Maximum(Decimal("0.250"), inclusive=False), "<0.250", "<0.250"),
    (Minimum(Decimal("14E+2")), "≥1.4×10^3", "≥1.4×10^3"),
    (Range(Decimal("6.5"), Decimal("8.5")), "6.5~8.5", "6.5 to 8.5"),
    (Range(Decimal("9.9"), Decimal("10.1"), low_inclusive=False), ">9.9, ≤10.1", ">9.9, ≤10.1"),
    (NotPermitted(), "不得使用", "Not permitted"),
    (MustNotBeDetected(zh="不应检出"), "不应检出", "Must not be detected"),
    (PLATE_COUNT, "n=5, c=2, m=10^4, M=10^5", "n=5, c=2, m=10^4, M=10^5"),
    (Plan(5, 2, Decimal(10), Decimal("1E+2")), "n=5, c=2, m=10, M=100", "n=5, c=2, m=10, M=100"),
    (Plan(5, 0, Decimal(0), None), "n=5, c=0, m=0", "n=5, c=0, m=0"),
]


@pytest.mark.parametrize(("limit", "zh", "en"), LIMITS)
def test_a_limit_is_printed_as_reports_print_it(limit, zh, en):
    assert (write_limit(limit, "zh"), write_limit(limit, "en")) == (zh, en)


@pytest.mark.parametrize("limit", [limit for limit, _, _ in LIMITS])
def test_a_stored_limit_comes_back_with_the_place_it_rounds_to(limit):
    restored = restore_limit(json.loads(json.dumps(store_limit(limit))))
    assert restored == limit
    assert store_limit(restored) == store_limit(limit)


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        ({}, "stored_limit_broken"),
        ({"kind": "max", "unit": ""}, "stored_limit_broken"),
        ({"kind": "max", "unit": "", "high": "ten"}, "number_unreadable"),
        ({"kind": "wish", "unit": ""}, "limit_kind"),
        ({"kind": "range", "unit": "", "low": "2", "high": "1"}, "limit_range"),
        ({"kind": "sampling_plan", "unit": "", "n": 5, "c": 6, "m": "1"}, "limit_plan"),
        ({"kind": "sampling_plan", "unit": "", "n": 5, "c": 1, "m": "10", "M": "1"}, "limit_plan"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(stored, code):
    with pytest.raises(MetrologyError) as refusal:
        restore_limit(stored)
    assert refusal.value.code == code


# --- properties ---

readings = st.decimals(min_value=-1000, max_value=1000, places=4)
bounds = st.decimals(min_value=-1000, max_value=1000, places=2)
rules = st.sampled_from(Comparison)


@given(readings, readings, bounds, rules, st.booleans())
def test_what_lies_below_a_passing_value_passes_a_maximum_too(one, other, bound, rule, inclusive):
    low, high = sorted((one, other))
    limit = Maximum(bound, inclusive=inclusive)
    if judge(Number(high), limit, rule).verdict is YES:
        assert judge(Number(low), limit, rule).verdict is YES


@given(readings, bounds, rules, st.booleans())
def test_minimum_is_the_mirror_of_maximum(reading, bound, rule, inclusive):
    here = judge(Number(reading), Maximum(bound, inclusive=inclusive), rule)
    mirrored = judge(Number(-reading), Minimum(-bound, inclusive=inclusive), rule)
    assert here.verdict is mirrored.verdict


@given(readings, bounds, bounds)
def test_the_full_value_is_never_looser_where_the_ends_are_included(reading, one, other):
    limit = Range(*sorted((one, other)))
    judgement = judge(Number(reading), limit)
    assert not (judgement.full.verdict is YES and judgement.rounded.verdict is NO)


@given(readings, bounds, bounds, rules)
def test_a_range_is_a_minimum_and_a_maximum(reading, one, other, rule):
    low, high = sorted((one, other))
    both = [judge(Number(reading), limit, rule).verdict for limit in (Minimum(low), Maximum(high))]
    assert (judge(Number(reading), Range(low, high), rule).verdict is YES) == (both == [YES, YES])


@given(st.decimals(min_value="0.0001", max_value=1000, places=4), bounds, readings, rules)
def test_a_verdict_on_not_detected_holds_for_every_figure_it_may_stand_for(lod, bound, figure, rule):
    verdict = judge(NotDetected(lod), Maximum(bound), rule).verdict
    if 0 <= figure < lod and verdict is not Verdict.NOT_JUDGED:
        assert judge(Number(figure), Maximum(bound), rule).verdict is verdict


def test_every_case_of_the_shared_demonstration_data_is_reached():
    """Also run on the source the facts were copied from, where it is at hand."""
    source = Path(__file__).parents[3] / "shared" / "data" / "domain_data.json"
    if not source.exists():
        pytest.skip("the shared demonstration data are not beside this project; the copies above were tested")
    places = {"rounded_to_1": "1", "rounded_to_0.01": "0.01"}
    words = {"合格": YES, "不合格": NO}
    cases = json.loads(source.read_text(encoding="utf-8"))["rounding_tests"]["judgement"]
    assert cases
    for case in cases:
        limit = Maximum(Decimal(case["limit"].removeprefix("<=")))
        judgement = judge(Number(Decimal(case["value"])), limit)
        assert judgement.full.verdict is words[case["whole_value"]]
        assert judgement.rounded.verdict is next(words[case[name]] for name in places if name in case)
