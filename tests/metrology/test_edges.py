"""What happens exactly at an edge: the figure on a limit, the last permitted count, the window that is one too long."""

from dataclasses import replace
from decimal import Decimal as D
from fractions import Fraction as F

import pytest

from lims.metrology.budgets import make_budget
from lims.metrology.control_deviations import mean_deviation_limits
from lims.metrology.control_limits import Baseline, individuals_limits
from lims.metrology.control_rules import NELSON, WESTERN_ELECTRIC, WESTGARD, check_rules, control_points
from lims.metrology.control_samples import END, START, ControlBounds, EarlierPoint, baseline_of, covered
from lims.metrology.coverage import CoverageShape, DominantFactor, FixedFactor, effective_dof, expand
from lims.metrology.errors import MetrologyError
from lims.metrology.formula import evaluate, value_at
from lims.metrology.formula_check import compile_formula
from lims.metrology.formula_derivative import differentiate
from lims.metrology.formula_text import write_formula
from lims.metrology.formula_tree import FormulaError, parse_formula, walk
from lims.metrology.judgements import Comparison, Verdict
from lims.metrology.judging import judge
from lims.metrology.limits import (
    Maximum,
    Minimum,
    MustNotBeDetected,
    NotPermitted,
    Plan,
    Range,
    restore_limit,
    write_limit,
)
from lims.metrology.method_budgets import MethodBudget, SourceKind, SourceText, uncertainty_of
from lims.metrology.monte_carlo import AdaptiveStop, FixedDraws
from lims.metrology.numerals import write_numeral
from lims.metrology.positions import in_unit, limits_in_unit
from lims.metrology.quantities import Correlation, Quantity, check_inputs
from lims.metrology.robust_hampel import hampel
from lims.metrology.rounding import Mark, round_to
from lims.metrology.rounding_rules import ByMagnitude, ToInterval, round_by
from lims.metrology.stored_values import restore_value, store_value
from lims.metrology.straight_line import fit_line
from lims.metrology.uncertainty_sources import Readings, Rectangular, Relative, Standard, variance_together
from lims.metrology.values import (
    BelowQuantification,
    Counts,
    Detected,
    DetectionLimits,
    GreaterThan,
    NotDetected,
    Number,
    Text,
)


def test_a_figure_at_the_detection_limit_is_detected():
    limits = DetectionLimits(lod=D("0.01"))
    for figure, verdict in (("0.01", Verdict.FAIL), ("0.009", Verdict.PASS)):
        assert judge(Number(D(figure)), MustNotBeDetected(), detection=limits).verdict is verdict
    # Without a detection limit anything above nothing.
    for figure, verdict in (("0", Verdict.PASS), ("0.001", Verdict.FAIL)):
        assert judge(Number(D(figure)), MustNotBeDetected()).verdict is verdict


@pytest.mark.parametrize(
    ("limit", "figure", "share"),
    [
        (Maximum(D(4)), "0", D(0)),
        (Maximum(D(4)), "-1", None),
        (Maximum(D(0)), "1", None),
        (Maximum(D(-4)), "1", None),
        (Minimum(D(4)), "8", D("0.5")),
        (Minimum(D(4)), "0", None),
        (Minimum(D(4)), "-8", None),
        (Minimum(D(0)), "8", None),
        (Minimum(D(-4)), "8", None),
    ],
)
def test_a_share_of_the_limit_is_given_only_where_it_means_something(limit, figure, share):
    assert judge(Number(D(figure)), limit).share == share


def test_counts_from_a_thousand_on_are_printed_as_powers():
    assert write_limit(Plan(5, 2, D(999), D(1000))) == "n=5, c=2, m=999, M=10^3"
    assert write_limit(Plan(5, 2, D(100), D(10000))) == "n=5, c=2, m=100, M=10^4"


def test_the_edge_of_a_rounding_by_magnitude_belongs_to_what_follows():
    rule = ByMagnitude(D(1), ToInterval(D("0.01")), ToInterval(D("0.1")))
    assert [str(round_by(rule, D(text))) for text in ("0.999", "1.000", "-1.000")] == ["1.00", "1.0", "-1.0"]


@pytest.mark.parametrize("function", ["mean", "and", "or"])
def test_a_function_takes_sixty_arguments(function):
    def written(count):
        if function == "mean":
            return f"mean({', '.join(['a'] * count)})"
        return f"if({function}({', '.join(['a > 1'] * count)}), 1, 2)"

    assert compile_formula(written(60)).inputs == ("a",)
    with pytest.raises(FormulaError) as refused:
        compile_formula(written(61))
    assert refused.value.code == "formula_arity"


def found(rules, values):
    points = control_points([D(value) for value in values], Baseline(D(0), D(1)))
    return {finding.rule for finding in check_rules(points, rules)}


@pytest.mark.parametrize(
    ("rules", "rule", "beyond", "count", "window"),
    [
        (NELSON, "Nelson 5", "2.5", 2, 3),
        (NELSON, "Nelson 6", "1.5", 4, 5),
        (WESTERN_ELECTRIC, "WE 2", "2.5", 2, 3),
        (WESTERN_ELECTRIC, "WE 3", "1.5", 4, 5),
        (NELSON, "Nelson 2", "0.5", 9, 9),
        (WESTERN_ELECTRIC, "WE 4", "0.5", 8, 8),
        (NELSON, "Nelson 1", "3.5", 1, 1),
        (WESTERN_ELECTRIC, "WE 1", "3.5", 1, 1),
        (WESTGARD, "2-2s", "2.5", 2, 2),
        (WESTGARD, "4-1s", "1.5", 4, 4),
        (WESTGARD, "10x", "0.5", 10, 10),
    ],
)
def test_so_many_points_within_so_many(rules, rule, beyond, count, window):
    """The others lie on the other side, so that no shorter pattern is meant."""
    others = window - count
    assert rule in found(rules, [beyond] + ["-0.1"] * others + [beyond] * (count - 1))
    if count > 1:
        assert rule not in found(rules, [beyond] + ["-0.1"] * (others + 1) + [beyond] * (count - 1))
        assert rule not in found(rules, [beyond] * (count - 1))


@pytest.mark.parametrize(
    "value", [Detected("CFU/g"), Counts((Detected("CFU/g"), Number(D(1), "CFU/g")), "CFU/g")]
)
def test_what_was_detected_without_a_figure_is_read_back_as_such(value):
    assert restore_value(store_value(value)) == value


# --- where a result lies ---


@pytest.mark.parametrize(
    ("value", "limit", "verdict"),
    [
        # Detected: somewhere above nothing.
        (Detected(), Maximum(D("0.5")), Verdict.NOT_JUDGED),
        (Detected(), Maximum(D(5)), Verdict.NOT_JUDGED),
        (Detected(), Maximum(D(0)), Verdict.FAIL),
        (Detected(), Minimum(D(0), inclusive=False), Verdict.PASS),
        # Not detected: nothing, or less than the limit.
        (NotDetected(D("0.5")), Minimum(D(0), inclusive=False), Verdict.NOT_JUDGED),
        (NotDetected(D("0.5")), Minimum(D(0)), Verdict.PASS),
        (NotDetected(D("0.5")), Maximum(D(0)), Verdict.NOT_JUDGED),
        (NotDetected(D("0.5")), Maximum(D("0.5"), inclusive=False), Verdict.PASS),
        (NotDetected(D("0.5")), Minimum(D("0.5")), Verdict.FAIL),
        (NotDetected(), Minimum(D(0)), Verdict.PASS),
        (NotDetected(), Maximum(D("1E+99")), Verdict.NOT_JUDGED),
        # More than 300: above 300, without end.
        (GreaterThan(D(300)), Maximum(D(300)), Verdict.FAIL),
        (GreaterThan(D(300)), Maximum(D(301)), Verdict.NOT_JUDGED),
        (GreaterThan(D(300)), Minimum(D(300), inclusive=False), Verdict.PASS),
        (GreaterThan(D(300)), Maximum(D("1E+99")), Verdict.NOT_JUDGED),
    ],
)
def test_a_span_is_judged_by_its_ends(value, limit, verdict):
    assert judge(value, limit).verdict is verdict


def test_a_value_comes_into_another_unit_whatever_its_kind():
    for value, there in (
        (Text("cloudy", "mg/kg"), Text("cloudy", "g/kg")),
        (Detected("mg/kg"), Detected("g/kg")),
        (NotDetected(None, "mg/kg"), NotDetected(None, "g/kg")),
        (NotDetected(D(5), "mg/kg", True), NotDetected(D("0.005"), "g/kg", True)),
        (BelowQuantification(D(5), "mg/kg"), BelowQuantification(D("0.005"), "g/kg")),
        (GreaterThan(D(5), "mg/kg"), GreaterThan(D("0.005"), "g/kg")),
        (Number(D(5), "mg/kg", Mark.PLUS), Number(D("0.005"), "g/kg", Mark.PLUS)),
        (Counts((Number(D(5), "mg/kg"),), "mg/kg"), Counts((Number(D("0.005"), "g/kg"),), "g/kg")),
    ):
        assert in_unit(value, "g/kg") == there


def test_the_limits_of_a_method_follow_into_the_unit_of_a_plan():
    """One colony in 25 g is 0.04 CFU/g; a method that sees 0.04 CFU/g sees just that."""
    plan, limits = Plan(1, 0, D(0), None, "CFU/25g"), DetectionLimits(lod=D("0.04"))
    for figure, verdict in (("0.04", Verdict.FAIL), ("0.039", Verdict.PASS)):
        assert judge(Number(D(figure), "CFU/g"), plan, detection=limits).verdict is verdict
    assert limits_in_unit(DetectionLimits(D("0.04"), D("0.4")), "CFU/g", "CFU/25g") == DetectionLimits(
        D(1), D(10)
    )


@pytest.mark.parametrize(
    ("limit", "figure", "share"),
    [
        (Maximum(D("0.5")), "0.25", "0.5"),
        (Minimum(D("0.5")), "0.8", "0.625"),
        (Range(D(2), D(10)), "8", "0.5"),
        (Range(D(2), D(10)), "6", "0"),
        (Range(D(2), D(10)), "2", "1"),
        (Range(D(2), D(2)), "2", None),
        (Plan(5, 2, D(10), D(100)), "50", None),
    ],
)
def test_small_limits_and_ranges_have_a_share_too(limit, figure, share):
    assert judge(Number(D(figure)), limit).share == (None if share is None else D(share))


def test_what_reaches_the_detection_limit_is_only_claimed_below_quantification():
    limits = DetectionLimits(D("0.01"), D("0.03"))
    for figure, limit, by_quantification in (("0.01", "0.03", True), ("0.0099", "0.01", False)):
        found = judge(Number(D(figure)), NotPermitted(), detection=limits)
        assert found.reported == NotDetected(D(limit), by_quantification=by_quantification)


def test_a_limit_stored_without_its_ends_includes_them():
    assert restore_limit({"kind": "max", "unit": "g", "high": "5"}) == Maximum(D(5), "g", True)
    assert restore_limit({"kind": "min", "unit": "g", "low": "5"}) == Minimum(D(5), "g", True)
    stored = {"kind": "range", "unit": "g", "low": "5", "high": "6"}
    assert restore_limit(stored) == Range(D(5), D(6), "g", True, True)


# --- formulas ---


def steps_of(text, **figures):
    result = evaluate(compile_formula(text), {name: D(figure) for name, figure in figures.items()})
    return [(step.expression, step.with_numbers, str(step.value)) for step in result.steps]


def test_a_negation_is_a_step_of_its_own():
    assert steps_of("-(a + 1)", a="2.0") == [("a + 1", "2.0 + 1", "3"), ("-(a + 1)", "-3", "-3")]
    assert steps_of("-(0 - a)", a="2") == [("0 - a", "0 - 2", "-2"), ("-(0 - a)", "-(-2)", "2")]
    assert steps_of("abs(0 - a)", a="2")[-1] == ("abs(0 - a)", "abs(-2)", "2")


@pytest.mark.parametrize(
    "text",
    [
        "if(a < b, 1, 2)",
        "(a + b) * c",
        "a - (b - c)",
        "a / (b * c)",
        "(a ^ b) ^ c",
        "a ^ b ^ c",
        "(-a) ^ b",
        "-a ^ b",
        "-(a + b)",
        "-(a * b)",
        "a * -b",
        "a ^ (-b)",
        "(a + b) ^ (a * b)",
        "if(and(a <= b, not(a = b)), a, b)",
    ],
)
def test_brackets_are_written_only_where_they_are_needed(text):
    written = write_formula(compile_formula(text).root)
    assert written.replace("(-b)", "-b") == text.replace("(-b)", "-b")


def test_a_long_figure_shows_its_first_12_digits():
    assert steps_of("a / 3 * 1", a="1")[1][1] == "0.333333333333… × 1".replace("×", "*")
    assert steps_of("a * 1", a="123456789012345678901")[0][1] == "1.23456789012×10^20… * 1"
    assert steps_of("a * 1", a="12345678901234567890")[0][1] == "12345678901234567890 * 1"


def test_nothing_to_a_broken_power_is_nothing():
    assert evaluate(compile_formula("0 ^ 0.5"), {}).value == 0
    for text, code in (("0 ^ (0 - 0.5)", "formula_division_by_zero"), ("0 ^ 0", "formula_undefined")):
        with pytest.raises(FormulaError) as refused:
            evaluate(compile_formula(text), {})
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("function", "slopes"), [("min", "1 0 0 | 0 1 0 | 0 0 1"), ("max", "0 0 1 | 1 0 0 | 0 1 0")]
)
def test_the_derivative_of_an_extreme_is_that_of_the_one_taken(function, slopes):
    root = compile_formula(f"{function}(a, b, c)").root
    orders = (("1", "2", "3"), ("3", "1", "2"), ("2", "3", "1"))
    for order, slope in zip(orders, slopes.split(" | "), strict=True):
        figures = dict(zip("abc", map(D, order), strict=True))
        assert [value_at(differentiate(root, name), figures) for name in "abc"] == list(
            map(int, slope.split())
        )


# --- controls ---


@pytest.mark.parametrize(
    ("rule_set", "rules"),
    [(WESTGARD, ["1-2s", "1-3s"]), (NELSON, ["Nelson 1"]), (WESTERN_ELECTRIC, ["WE 1"])],
)
def test_a_rule_of_one_point_names_that_point_alone(rule_set, rules):
    points = control_points([D("3.5")] * 2, Baseline(D(0), D(1)))
    found = [(one.rule, one.points) for one in check_rules(points, rule_set) if one.rule in rules]
    assert found == [(rule, (place,)) for place in (0, 1) for rule in rules]


@pytest.mark.parametrize(
    ("first", "second", "broken"), [("2", "-2.1", False), ("2.1", "-2", False), ("2.1", "-2.1", True)]
)
def test_r_4s_wants_both_points_beyond_two(first, second, broken):
    points = control_points([D(first), D(second)], Baseline(D(0), D(1)), ["run", "run"])
    assert ("R-4s" in {one.rule for one in check_rules(points, WESTGARD)}) is broken


def test_each_value_has_its_run():
    with pytest.raises(ValueError, match="shorter"):
        control_points([D(1), D(2)], Baseline(D(0), D(1)), ["run"])


def test_own_points_make_limits_when_there_are_enough_that_differ():
    bounds = ControlBounds(own_points=3)
    points = lambda *figures: [EarlierPoint(D(figure)) for figure in figures]  # noqa: E731
    assert baseline_of(bounds, points(1, 2)) is None
    assert baseline_of(bounds, points(1, 1, 1)) is None
    assert baseline_of(bounds, points(1, 1, 2, 9)).centre == F(4, 3)
    # A target alone is no baseline.
    assert baseline_of(replace(bounds, target=D(5)), points(1, 1, 2)).centre == F(4, 3)
    assert baseline_of(replace(bounds, deviation=D(5)), points(1, 1)) is None
    assert baseline_of(replace(bounds, target=D(5), deviation=D(1)), ()) == Baseline(D(5), D(1))


def test_places_in_a_run_are_told_apart_for_ever():
    """They are stored with the controls."""
    assert (START, END) == (0, -1)
    assert covered(6, 2, [2, 4]) == range(4)  # two controls at one place are no neighbours


# --- statistics ---


def test_hampel_with_no_deviation_is_the_median():
    assert hampel([D(1), D(2), D(9)], D(0)).mean == 2
    assert hampel([D(1), D(2), D(4), D(9)], D(0)).mean == 3


def test_a_line_starts_at_zero_unless_told_otherwise():
    points = [(D(1), D(3)), (D(2), D(5)), (D(3), D(8))]
    fit = fit_line(points)
    assert (fit.origin, fit.intercept, fit.slope) == (0, F(1, 3), F(5, 2))
    moved = fit_line(points, D(2))
    assert (moved.origin, moved.intercept, moved.slope, moved.dof) == (2, F(16, 3), F(5, 2), 1)
    # Residuals 1/6, -1/3, 1/6: s^2 = 1/6; sum of squares of x about 2 is 2.
    assert round_to(F(moved.s) ** 2, D("1E-12")) == round_to(F(1, 6), D("1E-12"))
    assert round_to(F(moved.u_slope) ** 2, D("1E-12")) == round_to(F(1, 12), D("1E-12"))
    assert round_to(F(moved.u_intercept) ** 2, D("1E-12")) == round_to(F(1, 18), D("1E-12"))
    assert moved.r == 0


def test_two_figures_that_one_quantity_follows_are_added_in_squares():
    """3 % of 2 and 4 % of 10: 0.06 and 0.4."""
    sources = (Relative(Standard(D("0.03")), F(2)), Relative(Standard(D("0.04")), F(10)))
    assert variance_together(sources) == F("0.06") ** 2 + F("0.4") ** 2
    assert variance_together((sources[0], Standard(D(1)))) == F("0.06") ** 2 + 1


def test_a_single_reading_need_not_be_averaged():
    budget = MethodBudget((SourceText("a", SourceKind.STANDARD, D(1)),))
    assert uncertainty_of(compile_formula("sum(a)"), {"a": [D(5)]}, {}, budget).U == 2


def test_a_million_draws_unless_told_otherwise():
    """JCGM 101 7.2.3: 10^6 can often be expected to deliver a 95 % coverage interval."""
    assert FixedDraws().count == 1_000_000
    assert (AdaptiveStop().digits, AdaptiveStop().finer, AdaptiveStop().most) == (2, 1, 5_000_000)


def test_presence_of_what_is_only_known_to_be_more():
    for bound, verdict in (("0", Verdict.FAIL), ("-1", Verdict.NOT_JUDGED)):
        assert judge(GreaterThan(D(bound)), MustNotBeDetected()).verdict is verdict


def test_three_equal_rectangles_do_not_dominate_by_two():
    """EA-4/02 S10.13 knows the factor of two rectangles; a third as large as they are makes the result normal."""
    quantities = [Quantity(name, D(0), (Rectangular(D(1)),)) for name in "abc"]
    rule = DominantFactor(D("0.95"), otherwise=FixedFactor(D(2)))
    coverage = expand(make_budget(compile_formula("a + b + c"), quantities), rule).coverage
    assert (coverage.shape, coverage.k) == (CoverageShape.AGREED, 2)


def test_what_reaches_the_capability_just_so_was_not_raised_to_it():
    budget = MethodBudget((SourceText("a", SourceKind.STANDARD, D("0.12")),), cmc=D("0.24"))
    found = uncertainty_of(compile_formula("a"), {"a": D(5)}, {}, budget)
    assert (found.U, found.raised_to_cmc) == (D("0.24"), False)
    found = uncertainty_of(compile_formula("a"), {"a": D(5)}, {}, replace(budget, cmc=D("0.241")))
    assert (found.U, found.raised_to_cmc) == (D("0.25"), True)
    # 10 % of -2.4
    found = uncertainty_of(
        compile_formula("a"), {"a": D("-2.4")}, {}, replace(budget, cmc=D(20), cmc_percent=True)
    )
    assert (found.U, found.raised_to_cmc) == (D("0.48"), True)


def test_limits_of_ranges_and_deviations_do_not_fall_below_nothing():
    assert individuals_limits([D(1), D(2), D(4)]).ranges.lower == 0
    assert mean_deviation_limits([[D("0.1"), D("0.2")]] * 2).deviations.lower == 0


def test_the_figures_of_a_plan_are_printed_as_short_as_they_are():
    assert write_limit(Plan(5, 2, D("2.5"), D(2500))) == "n=5, c=2, m=2.5, M=2500"
    assert write_limit(Plan(5, 2, D(10), D("1E+1"))) == "n=5, c=2, m=10, M=10"
    assert write_numeral(D("1E+1")) == "1×10^1"


def test_correlated_quantities_of_two_series_have_no_common_degrees_of_freedom():
    quantities = [Quantity(name, D(1), (Standard(D(1), dof=D(5)),), series=name) for name in "ab"]
    budget = make_budget(compile_formula("a + b"), quantities, [Correlation("a", "b", D("0.5"))])
    with pytest.raises(MetrologyError) as refused:
        effective_dof(budget)
    assert refused.value.code == "dof_of_correlated"


def test_what_may_round_to_the_bound_is_not_judged_by_rounded_values():
    """Less than 5.2 may be 5.1, which rounds to 5; more than 4.8 may be 4.9."""
    for value, limit in ((NotDetected(D("5.2")), Minimum(D(5))), (GreaterThan(D("4.8")), Maximum(D(5)))):
        assert judge(value, limit, Comparison.ROUNDED_VALUE).verdict is Verdict.NOT_JUDGED
    for value, limit in ((NotDetected(D("4.4")), Minimum(D(5))), (GreaterThan(D("5.6")), Maximum(D(5)))):
        assert judge(value, limit, Comparison.ROUNDED_VALUE).verdict is Verdict.FAIL


def test_a_result_between_three_and_four_and_a_half_deviations_still_has_some_weight():
    found = hampel([D("0.1"), D("-0.1"), D(0), D(0), D(4), D(5)], D(1))
    assert found.ignored == (5,)


def test_each_part_of_a_formula_knows_where_it_stands():
    root = parse_formula("ab + mean(c, 1.5) * -@dd")
    assert {(type(node).__name__, node.start, node.end) for node in walk(root)} == {
        ("Binary", 0, 24),
        ("Name", 0, 2),
        ("Binary", 5, 24),
        ("Call", 5, 17),
        ("Name", 10, 11),
        ("Literal", 13, 16),
        ("Negation", 20, 24),
        ("Item", 21, 24),
    }


def test_a_correlation_given_twice_names_its_pair():
    quantities = [Quantity(name, D(1), (Standard(D(1)),)) for name in "ab"]
    with pytest.raises(MetrologyError) as refused:
        check_inputs(quantities, [Correlation("a", "b", D("0.5")), Correlation("b", "a", D("0.5"))])
    assert (refused.value.code, refused.value.facts) == ("correlation_twice", {"one": "a", "other": "b"})


def test_only_readings_of_a_series_show_how_they_are_correlated():
    readings = Quantity("a", None, (Readings((D(1), D(2), D(4))),), series="fit")
    figure = Quantity("b", D(1), (Standard(D(1), dof=D(2)),), series="fit")
    assert check_inputs([readings, figure]).coefficients == {}
    assert check_inputs([readings, replace(readings, name="c")]).coefficients == {("a", "c"): 1}
