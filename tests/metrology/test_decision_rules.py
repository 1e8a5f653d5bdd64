"""Judging with uncertainty: guard bands, zones, probabilities and risks."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import acos, isclose, pi

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lims.metrology.conformity_risk import (
    Bounds,
    GammaPrior,
    NormalPrior,
    RectangularPrior,
    conformance_probability,
    global_risk,
    outside_probability,
)
from lims.metrology.decision_rules import (
    FOUR_ZONES,
    GUARDED_083,
    GUARDED_ACCEPTANCE,
    PROVEN_BOTH_WAYS,
    SIMPLE_ACCEPTANCE,
    UNCRITICAL,
    DecisionKind,
    DecisionRule,
    FixedBand,
    MultipleOfU,
    StatedUncertainty,
    Zone,
    moved,
)
from lims.metrology.decisions import Undecided, decide_conformity
from lims.metrology.errors import MetrologyError
from lims.metrology.judgements import Reason, Verdict
from lims.metrology.limits import Maximum, Minimum, NotPermitted, Plan, Range
from lims.metrology.rounding import round_significant
from lims.metrology.values import BelowQuantification, Detected, DetectionLimits, NotDetected, Number

D = Decimal
PASS, FAIL, OPEN = Verdict.PASS, Verdict.FAIL, Verdict.NOT_JUDGED
LIMIT = Maximum(D(10), "mg/kg")
U1 = StatedUncertainty(D(1), D(2), "mg/kg")


def of(figure, unit="mg/kg"):
    return Number(D(figure), unit)


def rule_with(r, kind=DecisionKind.GUARDED):
    return DecisionRule("customer", "3", kind, MultipleOfU(D(r)), agreed_by="contract review 2026-114")


def code_of(act):
    with pytest.raises(MetrologyError) as refusal:
        act()
    return refusal.value.code


# --- verdicts at the edges ---


@pytest.mark.parametrize(
    ("rule", "figure", "verdict", "zone"),
    [
        (SIMPLE_ACCEPTANCE, "10", PASS, Zone.PASS),
        (SIMPLE_ACCEPTANCE, "10.01", FAIL, Zone.FAIL),
        (GUARDED_ACCEPTANCE, "9", PASS, Zone.PASS),
        (GUARDED_ACCEPTANCE, "9.01", FAIL, Zone.FAIL),
        (GUARDED_083, "9.17", PASS, Zone.PASS),
        (GUARDED_083, "9.18", FAIL, Zone.FAIL),
        (rule_with("1.5"), "8.5", PASS, Zone.PASS),
        (rule_with("1.5"), "8.51", FAIL, Zone.FAIL),
        (UNCRITICAL, "11", PASS, Zone.PASS),
        (UNCRITICAL, "11.01", FAIL, Zone.FAIL),
        (FOUR_ZONES, "9", PASS, Zone.PASS),
        (FOUR_ZONES, "9.01", PASS, Zone.CONDITIONAL_PASS),
        (FOUR_ZONES, "10", PASS, Zone.CONDITIONAL_PASS),
        (FOUR_ZONES, "10.01", FAIL, Zone.CONDITIONAL_FAIL),
        (FOUR_ZONES, "11", FAIL, Zone.CONDITIONAL_FAIL),
        (FOUR_ZONES, "11.01", FAIL, Zone.FAIL),
        (PROVEN_BOTH_WAYS, "9", PASS, Zone.PASS),
        (PROVEN_BOTH_WAYS, "9.01", OPEN, None),
        (PROVEN_BOTH_WAYS, "11", OPEN, None),
        (PROVEN_BOTH_WAYS, "11.01", FAIL, Zone.FAIL),
    ],
)
def test_each_rule_decides_at_its_own_edges(rule, figure, verdict, zone):
    decision = decide_conformity(of(figure), LIMIT, U1, rule)
    assert (decision.verdict, decision.zone) == (verdict, zone)
    assert (decision.reason is not None) == (verdict is OPEN)
    assert decision.plain.verdict is (PASS if D(figure) <= 10 else FAIL)


def test_the_words_of_the_zones_are_those_of_the_calibration_certificate():
    assert [zone.value for zone in Zone] == ["pass", "conditionalPass", "conditionalFail", "fail"]


@pytest.mark.parametrize(
    ("limit", "inside", "outside"),
    [
        (Minimum(D(10), "mg/kg"), "11", "10.99"),
        (Range(D(10), D(20), "mg/kg"), "11", "10.99"),
        (Range(D(10), D(20), "mg/kg"), "19", "19.01"),
        (Maximum(D(10), "mg/kg", inclusive=False), "8.99", "9"),
        (Minimum(D(10), "mg/kg", inclusive=False), "11.01", "11"),
        (Range(D(10), D(20), "mg/kg", high_inclusive=False), "18.99", "19"),
    ],
)
def test_bounds_move_inwards_and_keep_their_ends(limit, inside, outside):
    assert decide_conformity(of(inside), limit, U1, GUARDED_ACCEPTANCE).verdict is PASS
    assert decide_conformity(of(outside), limit, U1, GUARDED_ACCEPTANCE).verdict is FAIL


def test_a_range_narrower_than_its_guard_bands_accepts_nothing():
    narrow = Range(D(10), D("11.9"), "mg/kg")
    decision = decide_conformity(of("11"), narrow, U1, GUARDED_ACCEPTANCE)
    assert (decision.verdict, decision.reason) == (OPEN, Undecided.GUARD_BANDS_MEET)
    assert (decision.acceptance, decision.rule_false_accept) == (None, None)
    zones = decide_conformity(of("11"), narrow, U1, FOUR_ZONES)
    assert (zones.verdict, zones.zone) == (PASS, Zone.CONDITIONAL_PASS)
    assert decide_conformity(of("11"), narrow, U1, PROVEN_BOTH_WAYS).reason is Undecided.NEITHER_PROVEN
    just = decide_conformity(of("11"), Range(D(10), D(12), "mg/kg"), U1, GUARDED_ACCEPTANCE)
    assert just.verdict is PASS


def test_a_decision_carries_all_that_a_report_must_name():
    decision = decide_conformity(of("8.2"), LIMIT, U1, rule_with("1.5"))
    assert (decision.rule.rule_id, decision.rule.version) == ("customer", "3")
    assert decision.rule.agreed_by == "contract review 2026-114"
    assert decision.limit == LIMIT
    assert decision.acceptance == Maximum(D("8.5"), "mg/kg")
    assert (decision.U, decision.k, decision.w) == (1, 2, D("1.5"))
    # (10 - 8.2) / 0.5 = 3.6 standard uncertainties
    assert isclose(decision.false_accept, 1.5910859e-4, rel_tol=1e-6)
    assert decision.conformance_probability == 1 - round_significant(decision.false_accept, 9)
    assert decision.false_reject is None
    assert isclose(decision.rule_false_accept, 0.00134990, rel_tol=1e-5)


def test_a_failing_figure_names_the_risk_of_rejecting_what_conforms():
    decision = decide_conformity(of("9.5"), LIMIT, U1, GUARDED_ACCEPTANCE)
    assert decision.verdict is FAIL
    assert isclose(decision.false_reject, 0.8413447, rel_tol=1e-6)
    assert decision.false_accept is None
    open_one = decide_conformity(of("9.5"), LIMIT, U1, PROVEN_BOTH_WAYS)
    assert (open_one.false_accept, open_one.false_reject) == (None, None)
    assert open_one.conformance_probability == decision.false_reject


# ILAC-G8:09/2019 table 1, one-sided, k = 2.
@pytest.mark.parametrize(
    ("r", "risk"),
    [("0", 0.5), ("0.83", 0.0485), ("1", 0.0228), ("1.5", 0.00135), ("3", 9.866e-10), ("-1", 0.977)],
)
def test_the_guard_band_sets_the_risk_at_the_acceptance_limit(r, risk):
    decision = decide_conformity(of("1"), LIMIT, U1, rule_with(r))
    assert isclose(decision.rule_false_accept, risk, rel_tol=3e-3)


def test_rules_that_pass_up_to_the_limit_risk_one_half():
    for rule in (SIMPLE_ACCEPTANCE, FOUR_ZONES):
        assert decide_conformity(of("1"), LIMIT, U1, rule).rule_false_accept == D("0.5")
    proven = decide_conformity(of("1"), LIMIT, U1, PROVEN_BOTH_WAYS)
    assert isclose(proven.rule_false_accept, 0.02275, rel_tol=1e-3)


def test_the_worse_end_of_a_range_counts_both_tails():
    # Acceptance 10.5 to 10.5 in a tolerance of 10 to 11: one standard uncertainty to both sides.
    decision = decide_conformity(of("10.5"), Range(D(10), D(11), "mg/kg"), U1, rule_with("0.5"))
    assert isclose(decision.rule_false_accept, 0.3173105, rel_tol=1e-6)
    assert isclose(decision.false_accept, 0.3173105, rel_tol=1e-6)


def test_a_fixed_guard_band_does_not_follow_the_uncertainty():
    rule = DecisionRule("customer", "1", DecisionKind.GUARDED, FixedBand(D("0.4")))
    decision = decide_conformity(of("9.6"), LIMIT, U1, rule)
    assert (decision.verdict, decision.w) == (PASS, D("0.4"))
    assert decide_conformity(of("9.61"), LIMIT, U1, rule).verdict is FAIL


def test_value_and_uncertainty_come_into_the_unit_of_the_limit():
    limit = Maximum(D("0.01"), "g/kg")
    decision = decide_conformity(of("9"), limit, U1, GUARDED_ACCEPTANCE)
    assert (decision.verdict, decision.U, decision.acceptance.bound) == (PASS, D("0.001"), D("0.009"))
    warm = decide_conformity(
        of("299.15", "K"), Maximum(D(27), "°C"), StatedUncertainty(D(1), D(2), "K"), GUARDED_ACCEPTANCE
    )
    assert (warm.verdict, warm.U, warm.acceptance.bound) == (PASS, 1, 26)
    assert isclose(warm.conformance_probability, 0.97725, rel_tol=1e-4)


# --- third verdict ---


@pytest.mark.parametrize(
    ("value", "limit", "uncertainty", "rule", "reason"),
    [
        (None, LIMIT, U1, GUARDED_ACCEPTANCE, Reason.NO_VALUE),
        (of("1"), None, U1, GUARDED_ACCEPTANCE, Reason.NO_LIMIT),
        (of("1"), LIMIT, None, GUARDED_ACCEPTANCE, Undecided.UNCERTAINTY_MISSING),
        (of("1"), NotPermitted("mg/kg"), U1, GUARDED_ACCEPTANCE, Undecided.LIMIT_TAKES_NO_UNCERTAINTY),
        (of("1"), Plan(5, 2, D(10), D(100), "mg/kg"), U1, FOUR_ZONES, Undecided.LIMIT_TAKES_NO_UNCERTAINTY),
        (Detected("mg/kg"), LIMIT, U1, GUARDED_ACCEPTANCE, Reason.NO_FIGURE),
        (Detected("mg/kg"), LIMIT, U1, FOUR_ZONES, Reason.NO_FIGURE),
        (Detected("mg/kg"), LIMIT, U1, PROVEN_BOTH_WAYS, Reason.NO_FIGURE),
        (Detected("mg/kg"), LIMIT, U1, SIMPLE_ACCEPTANCE, Reason.NO_FIGURE),
        (NotDetected(D("9.5"), "mg/kg"), LIMIT, U1, GUARDED_ACCEPTANCE, Reason.DETECTION_LIMIT_TOO_HIGH),
    ],
)
def test_where_nothing_can_be_said_the_reason_is(value, limit, uncertainty, rule, reason):
    decision = decide_conformity(value, limit, uncertainty, rule)
    assert (decision.verdict, decision.zone, decision.reason) == (OPEN, None, reason)


def test_a_withheld_verdict_stays_withheld_under_every_rule():
    decision = decide_conformity(of("1"), LIMIT, U1, GUARDED_ACCEPTANCE, withheld=Reason.MONITORING)
    assert (decision.verdict, decision.reason) == (OPEN, Reason.MONITORING)


def test_simple_acceptance_needs_an_uncertainty_only_for_its_risk():
    decision = decide_conformity(of("9.9"), LIMIT, None, SIMPLE_ACCEPTANCE)
    assert (decision.verdict, decision.zone, decision.false_accept) == (PASS, Zone.PASS, None)
    assert decide_conformity(of("1"), NotPermitted("mg/kg"), None, SIMPLE_ACCEPTANCE).verdict is OPEN


@pytest.mark.parametrize("rule", [GUARDED_ACCEPTANCE, FOUR_ZONES, PROVEN_BOTH_WAYS])
def test_what_lies_below_the_acceptance_limit_passes_without_being_a_figure(rule):
    decision = decide_conformity(NotDetected(D("0.5"), "mg/kg"), LIMIT, U1, rule)
    assert (decision.verdict, decision.zone) == (PASS, Zone.PASS)
    assert decision.conformance_probability is None
    assert decision.false_accept is None
    bare = decide_conformity(NotDetected(None, "mg/kg"), LIMIT, U1, rule, detection=DetectionLimits(D("0.5")))
    assert bare.verdict is PASS


def test_near_the_limit_is_the_callers_to_say_here_too():
    assert decide_conformity(of("8.5"), LIMIT, U1, GUARDED_ACCEPTANCE).plain.near_limit
    far = decide_conformity(of("8.5"), LIMIT, U1, GUARDED_ACCEPTANCE, near_from=D("0.9"))
    assert not far.plain.near_limit


# --- probability ---

BY_PROBABILITY = DecisionRule("p", "1", DecisionKind.PROBABILITY, least_probability=D("0.95"))


def test_jcgm106_zener_diode():
    """JCGM 106 7.5, example 2: breakdown voltage -5.47 V, u 0.05 V, upper limit -5.40 V."""
    p = conformance_probability(D("-5.47"), D("0.05"), Bounds(high=D("-5.40")))
    assert str(round_significant(p, 2)) == "0.92"


def test_a_rule_by_probability_weighs_the_whole_tolerance():
    # 1.645 standard uncertainties of 0.5
    assert decide_conformity(of("9.17"), LIMIT, U1, BY_PROBABILITY).verdict is PASS
    failing = decide_conformity(of("9.18"), LIMIT, U1, BY_PROBABILITY)
    assert (failing.verdict, failing.zone) == (FAIL, Zone.FAIL)
    assert failing.rule_false_accept == D("0.05")
    unclear = decide_conformity(BelowQuantification(D("0.5"), "mg/kg"), LIMIT, U1, BY_PROBABILITY)
    assert (unclear.verdict, unclear.reason) == (OPEN, Reason.NO_FIGURE)
    too_high = decide_conformity(BelowQuantification(D(50), "mg/kg"), LIMIT, U1, BY_PROBABILITY)
    assert too_high.reason is Reason.QUANTIFICATION_LIMIT_TOO_HIGH


def test_a_probability_far_outside_keeps_its_digits():
    # 6 standard uncertainties beyond, on either side: 9.8658765E-10.
    for bounds, value in ((Bounds(high=D(0)), D(6)), (Bounds(low=D(0)), D(-6))):
        assert isclose(conformance_probability(value, D(1), bounds), 9.8658764504e-10, rel_tol=1e-9)
        assert isclose(outside_probability(-value, D(1), bounds), 9.8658764504e-10, rel_tol=1e-9)
    both = Bounds(D(-1), D(1))
    assert isclose(conformance_probability(D(0), D(1), both), 0.682689492137, rel_tol=1e-11)
    assert isclose(conformance_probability(D(7), D(1), both), 9.86586e-10, rel_tol=1e-5)
    assert isclose(conformance_probability(D(-7), D(1), both), 9.86586e-10, rel_tol=1e-5)


# --- global risk ---


@pytest.mark.parametrize("ratio", ["0.2", "1", "5"])
def test_global_risk_of_a_limit_at_the_mean_has_a_closed_form(ratio):
    """Two correlated normal signs differ with probability acos(rho) / pi; half of it each way."""
    prior, u = NormalPrior(D(3), D(1)), D(ratio)
    risk = global_risk(prior, u, Bounds(high=D(3)), Bounds(high=D(3)))
    expected = acos(1 / (1 + float(u) ** 2) ** 0.5) / (2 * pi)
    assert isclose(risk.consumer, expected, rel_tol=1e-10)
    assert isclose(risk.producer, expected, rel_tol=1e-10)
    assert risk.conforming == D("0.5")


@pytest.mark.parametrize(
    ("prior", "u", "tolerance", "acceptance"),
    [
        (NormalPrior(D("1500"), D("0.12")), D("0.04"), (1499.8, 1500.2), (1499.82, 1500.18)),
        (NormalPrior(D(0), D(1)), D("0.01"), (-1, 2), (-0.98, 1.98)),
        (NormalPrior(D(0), D(1)), D(3), (-1, 2), (-2, 3)),
        (RectangularPrior(D(-2), D(3)), D("0.3"), (-1, 2), (-0.7, 1.7)),
        (NormalPrior(D(0), D(1)), D("0.3"), (None, 1), (None, 0.8)),
        (NormalPrior(D(0), D(1)), D("0.3"), (-1, None), (-1.2, None)),
        (GammaPrior(D(1), D("0.5")), D("0.2"), (None, 2), (None, 1.8)),
    ],
)
def test_global_risk_agrees_with_a_direct_integral(prior, u, tolerance, acceptance):
    integrate = pytest.importorskip("scipy.integrate", reason="scipy is a cross-check only")
    stats = pytest.importorskip("scipy.stats")
    if isinstance(prior, NormalPrior):
        known = stats.norm(float(prior.mean), float(prior.deviation))
    elif isinstance(prior, GammaPrior):
        shape = float((prior.mean / prior.deviation) ** 2)
        known = stats.gamma(shape, scale=float(prior.mean) / shape)
    else:
        known = stats.uniform(float(prior.low), float(prior.high - prior.low))
    low, high = (
        end if end is not None else sign * 1e9 for end, sign in zip(acceptance, (-1, 1), strict=True)
    )

    def accepted(eta):
        return stats.norm.cdf((high - eta) / float(u)) - stats.norm.cdf((low - eta) / float(u))

    def inside(eta):
        return (tolerance[0] is None or eta >= tolerance[0]) and (tolerance[1] is None or eta <= tolerance[1])

    ends = sorted(
        {known.ppf(1e-16), known.ppf(1 - 1e-16), *(end for end in (*tolerance, *acceptance) if end)}
    )

    def total(curve):
        return sum(integrate.quad(curve, a, b, limit=300, epsabs=1e-13)[0] for a, b in pairwise(ends))

    bounds = [
        Bounds(*(None if end is None else D(str(end)) for end in pair)) for pair in (tolerance, acceptance)
    ]
    risk = global_risk(prior, u, *bounds)
    consumer = total(lambda eta: known.pdf(eta) * accepted(eta) * (not inside(eta)))
    producer = total(lambda eta: known.pdf(eta) * (1 - accepted(eta)) * inside(eta))
    conforming = total(lambda eta: known.pdf(eta) * inside(eta))
    assert isclose(risk.consumer, consumer, rel_tol=1e-6, abs_tol=1e-11)
    assert isclose(risk.producer, producer, rel_tol=1e-6, abs_tol=1e-11)
    assert isclose(risk.conforming, conforming, rel_tol=1e-8)


def test_a_guard_band_trades_the_consumers_risk_for_the_producers():
    prior, tolerance = NormalPrior(D(0), D(1)), Bounds(D(-2), D(2))
    risks = [
        global_risk(prior, D("0.25"), tolerance, Bounds(D(-2) + w, D(2) - w))
        for w in (D(0), D("0.25"), D("0.5"))
    ]
    assert risks[0].consumer > risks[1].consumer > risks[2].consumer
    assert risks[0].producer < risks[1].producer < risks[2].producer
    assert risks[0].conforming == risks[2].conforming


# --- rules as data ---


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: DecisionRule(" ", "1", DecisionKind.SIMPLE), "decision_rule_name"),
        (lambda: DecisionRule("a", "", DecisionKind.SIMPLE), "decision_rule_name"),
        (lambda: rule_with("1", DecisionKind.SIMPLE), "decision_rule_band"),
        (lambda: DecisionRule("a", "1", DecisionKind.SIMPLE, FixedBand(D(1))), "decision_rule_band"),
        (lambda: rule_with("-1", DecisionKind.FOUR_ZONES), "decision_rule_zones"),
        (lambda: rule_with("-1", DecisionKind.PROVEN), "decision_rule_zones"),
        (lambda: DecisionRule("a", "1", DecisionKind.PROBABILITY), "decision_rule_probability"),
        (
            lambda: DecisionRule("a", "1", DecisionKind.SIMPLE, least_probability=D("0.9")),
            "decision_rule_probability",
        ),
        (
            lambda: DecisionRule("a", "1", DecisionKind.PROBABILITY, least_probability=D(1)),
            "probability_range",
        ),
        (
            lambda: DecisionRule("a", "1", DecisionKind.PROBABILITY, least_probability=D(0)),
            "probability_range",
        ),
        (lambda: StatedUncertainty(D(0), D(2)), "uncertainty_not_positive"),
        (lambda: StatedUncertainty(D(1), D(0)), "uncertainty_not_positive"),
        (lambda: Bounds(), "bounds_missing"),
        (lambda: Bounds(D(2), D(1)), "limit_range"),
        (lambda: outside_probability(D(1), D(0), Bounds(D(1))), "uncertainty_not_positive"),
        (lambda: conformance_probability(D(1), D(0), Bounds(D(1))), "uncertainty_not_positive"),
        (
            lambda: global_risk(NormalPrior(D(0), D(1)), D(0), Bounds(D(1)), Bounds(D(1))),
            "uncertainty_not_positive",
        ),
        (lambda: global_risk(NormalPrior(D(0), D(0)), D(1), Bounds(D(1)), Bounds(D(1))), "prior_width"),
        (lambda: global_risk(RectangularPrior(D(1), D(1)), D(1), Bounds(D(1)), Bounds(D(1))), "prior_width"),
        (
            lambda: decide_conformity(of("1"), LIMIT, StatedUncertainty(D(1), D(2), "V"), GUARDED_ACCEPTANCE),
            "unit_unknown",
        ),
    ],
)
def test_a_rule_or_figure_that_makes_no_sense_is_refused(make, code):
    assert code_of(make) == code


def test_an_acceptance_limit_keeps_the_kind_of_its_limit():
    assert moved(Maximum(D(10), "g", inclusive=False), Fraction(1, 2)) == Maximum(
        D("9.5"), "g", inclusive=False
    )
    assert moved(Minimum(D(10), "g"), Fraction(-1, 2)) == Minimum(D("9.5"), "g")
    assert moved(Range(D(1), D(2), "g", low_inclusive=False), Fraction(1, 2)) == Range(
        D("1.5"), D("1.5"), "g", low_inclusive=False
    )


# --- properties ---

figures = st.decimals(min_value=0, max_value=20, places=3)
ranks = {Zone.PASS: 0, Zone.CONDITIONAL_PASS: 1, None: 1.5, Zone.CONDITIONAL_FAIL: 2, Zone.FAIL: 3}


@given(
    figures,
    figures,
    st.sampled_from(
        [SIMPLE_ACCEPTANCE, GUARDED_ACCEPTANCE, UNCRITICAL, FOUR_ZONES, PROVEN_BOTH_WAYS, BY_PROBABILITY]
    ),
)
@settings(max_examples=60)
def test_a_greater_figure_is_never_judged_better_against_a_maximum(one, other, rule):
    smaller, greater = (decide_conformity(of(figure), LIMIT, U1, rule) for figure in sorted((one, other)))
    assert ranks[smaller.zone] <= ranks[greater.zone]
    assert smaller.conformance_probability >= greater.conformance_probability


@given(figures, st.lists(st.decimals(min_value=-2, max_value=4, places=2), min_size=2, max_size=2))
@settings(max_examples=60)
def test_a_wider_guard_band_never_lets_more_pass(figure, factors):
    narrow, wide = (decide_conformity(of(figure), LIMIT, U1, rule_with(r)) for r in sorted(factors))
    assert not (wide.verdict is PASS and narrow.verdict is FAIL)
    assert wide.rule_false_accept <= narrow.rule_false_accept
    assert wide.acceptance.bound <= narrow.acceptance.bound


@given(figures, st.decimals(min_value=D("0.01"), max_value=5, places=2))
@settings(max_examples=40)
def test_what_passes_with_a_guard_band_passes_without(figure, U):
    stated = StatedUncertainty(U, D(2), "mg/kg")
    if decide_conformity(of(figure), LIMIT, stated, GUARDED_ACCEPTANCE).verdict is PASS:
        assert decide_conformity(of(figure), LIMIT, stated, SIMPLE_ACCEPTANCE).verdict is PASS
        assert decide_conformity(of(figure), LIMIT, stated, FOUR_ZONES).zone is Zone.PASS
