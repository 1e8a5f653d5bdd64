"""Every documented bound holds exactly where it says: the last that is allowed, and the first that is not."""

from decimal import Decimal as D
from fractions import Fraction as F

import pytest

from lims.metrology.control_deviations import mean_deviation_limits
from lims.metrology.control_limits import (
    Baseline,
    baseline_from,
    individuals_limits,
    mean_range_limits,
)
from lims.metrology.control_sums import CusumRule, EwmaRule
from lims.metrology.coverage import FixedFactor
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import is_kept_whole, to_decimal, to_fraction
from lims.metrology.formula import evaluate
from lims.metrology.formula_check import compile_formula
from lims.metrology.formula_derivative import differentiate
from lims.metrology.formula_numbers import settled
from lims.metrology.formula_tree import Binary, Call, Name, parse_formula
from lims.metrology.limits import Plan, Range
from lims.metrology.monte_carlo import AdaptiveStop, FixedDraws, run_monte_carlo
from lims.metrology.monte_carlo_draws import FiniteDof, Sampler
from lims.metrology.numerals import MAX_TEXT, read_numeral, split_numeral, write_numeral
from lims.metrology.outliers import cochran, grubbs, grubbs_p_value
from lims.metrology.quantities import Correlation, Quantity, check_inputs
from lims.metrology.robust_hampel import hampel, q_deviation
from lims.metrology.robust_mean import algorithm_a
from lims.metrology.rounding import check_interval, round_significant
from lims.metrology.rounding_rules import ToSignificant, parse_rounding_rule
from lims.metrology.straight_line import fit_line
from lims.metrology.typed_values import parse_counts, parse_value
from lims.metrology.uncertainty_sources import (
    Expanded,
    InexactRectangular,
    PooledDeviation,
    Readings,
    Rectangular,
    Standard,
    Trapezoidal,
    pooled,
)
from lims.metrology.uncertainty_statements import StatementRule
from lims.metrology.units import convert
from lims.metrology.values import Counts, DetectionLimits, Number


def refusal(act):
    with pytest.raises(MetrologyError) as refused:
        act()
    return refused.value


def holds_up_to(allowed, beyond, code):
    """``allowed`` may be done, ``beyond`` is refused with ``code``."""
    allowed()
    assert refusal(beyond).code == code


def sampled(seed):
    return Sampler(check_inputs([Quantity("a", D(1))]), seed, FiniteDof.STUDENT)


def sum_of(count):
    return "+".join(["1"] * count)


def nested(count):
    return "(" * count + "1" + ")" * count


# --- formulas (docs/decisions/metrology.md names the bounds) ---


@pytest.mark.parametrize(
    ("allowed", "beyond", "code"),
    [
        ("1" + " " * 1999, "1" + " " * 2000, "formula_too_long"),
        (sum_of(100), sum_of(101), "formula_too_deep"),
        (nested(99), nested(100), "formula_too_deep"),
        ("1e0099", "1e00099", "formula_number"),
        ("1" * 40, "1" * 41, "formula_number"),
    ],
)
def test_a_formula_of_greatest_size(allowed, beyond, code):
    holds_up_to(lambda: parse_formula(allowed), lambda: parse_formula(beyond), code)


def test_a_second_formula_has_its_own_depth():
    """Brackets behind each other are not brackets within each other."""
    assert evaluate(compile_formula("+".join([nested(90)] * 3)), {}).exact == 3
    holds_up_to(
        lambda: parse_formula("(1)+" * 10 + nested(98)),
        lambda: parse_formula("(1)+" * 10 + nested(99)),
        "formula_too_deep",
    )


def counted(nodes):
    """An expression without x of so many nodes."""
    return Call(0, 0, "sum", tuple(Name(0, 0, "a") for _ in range(nodes - 1)))


def stacked(levels):
    node = Name(0, 0, "a")
    for _ in range(levels - 1):
        node = Call(0, 0, "abs", (node,))
    return node


@pytest.mark.parametrize(("make", "most"), [(counted, 5000), (stacked, 250)])
def test_a_derivative_of_greatest_size(make, most):
    """The derivative of A x by x is A."""
    times_x = lambda node: differentiate(Binary(0, 0, "*", node, Name(0, 0, "x")), "x")  # noqa: E731
    largest = make(most)
    assert times_x(largest) is largest
    assert refusal(lambda: times_x(make(most + 1))).code == "formula_derivative_too_large"


def test_powers():
    """Exact for whole exponents up to 32; at most 1000."""
    assert evaluate(compile_formula("3 ^ 32"), {}).exact == 3**32
    assert evaluate(compile_formula("3 ^ 33"), {}).exact is None
    assert evaluate(compile_formula("3 ^ -32"), {}).exact == F(1, 3**32)
    holds_up_to(
        lambda: evaluate(compile_formula("2 ^ 1000"), {}),
        lambda: evaluate(compile_formula("2 ^ 1001"), {}),
        "formula_exponent",
    )


def test_a_rational_is_kept_to_2048_bits():
    assert isinstance(settled(F(2**2046)), F)
    assert isinstance(settled(F(2**2047)), D)
    assert isinstance(settled(F(1, 2**2046)), F)
    assert isinstance(settled(F(1, 2**2047)), D)


@pytest.mark.parametrize("text", ["log10(0)", "ln(0)", "log10(0 - 1)", "ln(0 - 1)", "sqrt(0 - 1)"])
def test_no_logarithm_of_nothing_and_no_root_below_it(text):
    assert refusal(lambda: evaluate(compile_formula(text), {})).code == "formula_undefined"


def test_a_root_of_zero_is_zero():
    assert evaluate(compile_formula("sqrt(0)"), {}).exact == 0


def test_results_on_the_way_stay_within_10_to_900():
    for text in ("exp(2074)", "exp(-2072)"):
        assert evaluate(compile_formula(text), {}).value
    for text in ("exp(2075)", "exp(-2073)"):
        assert refusal(lambda text=text: evaluate(compile_formula(text), {})).code == "formula_out_of_range"


def test_replicates_up_to_a_thousand():
    mean = compile_formula("mean(a)")
    assert evaluate(mean, {"a": [D(2)] * 1000}).exact == 2
    assert refusal(lambda: evaluate(mean, {"a": [D(2)] * 1001})).code == "formula_input_out_of_range"


# --- figures ---


def test_figures_reach_from_10_to_minus_999_to_10_to_999():
    for text in ("1E+999", "1E-999", "9" * 999):
        assert to_fraction(D(text)) == F(text)
    for text in ("1E+1000", "1E-1000", "9" * 1000, "Infinity", "NaN", "sNaN"):
        assert refusal(lambda text=text: to_fraction(D(text))).code == "number_out_of_range"
    assert to_decimal(F(10) ** 999) == D("1E+999")
    assert refusal(lambda: to_decimal(F(10) ** 1000)).code == "number_out_of_range"
    assert is_kept_whole(F(1, 8))
    assert not is_kept_whole(F(1, 3))
    assert is_kept_whole(D("1." + "2" * 33))
    assert not is_kept_whole(D("1." + "2" * 34))


@pytest.mark.parametrize(
    ("allowed", "beyond"),
    [
        ("1e99", "1e100"),
        ("1e-99", "1e-100"),
        ("9" * 40, "9" * 41),
        ("10e98", "10e99"),
        ("0." + "0" * 98 + "1", "0." + "0" * 99 + "1"),
    ],
)
def test_written_figures(allowed, beyond):
    assert read_numeral(allowed) == D(allowed)
    assert refusal(lambda: read_numeral(beyond)).code == "number_out_of_range"


def test_small_figures_are_written_plainly_to_the_seventh_decimal():
    assert write_numeral(D("0.0000001")) == "0.0000001"
    assert write_numeral(D("0.00000012")) == "0.00000012"
    assert write_numeral(D("0.00000001")) == "1×10^-8"
    assert write_numeral(D("-0.000000012")) == "-1.2×10^-8"
    assert write_numeral(D("1.5E+3")) == "1.5×10^3"


def test_what_stands_before_a_unit_is_a_figure():
    assert split_numeral("12.5 mg/kg") == ("12.5", "mg/kg")
    assert split_numeral("mg/kg") == ("", "mg/kg")


def test_significant_digits_from_1_to_30():
    third = F(1, 3)
    assert str(round_significant(third, 1)) == "0.3"
    assert str(round_significant(third, 30)) == "0." + "3" * 30
    for digits in (0, 31):
        assert refusal(lambda digits=digits: round_significant(third, digits)).code == "rounding_digits"
        assert refusal(lambda digits=digits: ToSignificant(digits)).code == "rounding_digits"
    assert (ToSignificant(1).digits, ToSignificant(30).digits) == (1, 30)


def test_a_rounding_interval_lies_within_10_to_200():
    for text in ("1E+200", "2E-200", "5E+200"):
        check_interval(D(text))
    for text in ("1E+201", "1E-201", "0", "-1", "3", "NaN", "Infinity"):
        assert refusal(lambda text=text: check_interval(D(text))).code == "rounding_interval"


def test_a_rounding_rule_has_up_to_100_characters():
    assert str(parse_rounding_rule("0.1" + " " * 97)) == "0.1"
    assert refusal(lambda: parse_rounding_rule("0.1" + " " * 98)).code == "rounding_rule"
    banded = "<1: 2 significant; 3 significant"
    assert str(parse_rounding_rule(banded.ljust(100))) == banded
    assert refusal(lambda: parse_rounding_rule(banded.ljust(101))).code == "rounding_rule"


# --- what people type ---


def test_a_value_has_up_to_200_characters_and_a_list_ten_times_as_many():
    assert parse_value("5".ljust(MAX_TEXT)) == Number(D(5))
    assert refusal(lambda: parse_value("5".ljust(MAX_TEXT + 1))).facts == {"limit": 200}
    assert parse_counts("5".ljust(2000)) == Counts((Number(D(5)),))
    assert refusal(lambda: parse_counts("5".ljust(2001))).facts == {"limit": 2000}


def test_a_refusal_names_the_unit_that_was_expected():
    assert refusal(lambda: parse_value("5 mg", unit="kg")).facts == {"text": "5 mg", "unit": "kg"}
    assert refusal(lambda: parse_value("5 mg")).facts == {"text": "5 mg", "unit": "-"}
    assert refusal(lambda: convert(D(1), "", "kg")).facts == {"symbol": "-"}
    assert refusal(lambda: convert(D(1), "furlong", "m")).facts == {"symbol": "furlong"}


@pytest.mark.parametrize(
    ("allowed", "beyond", "code"),
    [
        (lambda: Counts((Number(D(1)),) * 60), lambda: Counts((Number(D(1)),) * 61), "counts_number"),
        (lambda: Counts((Number(D(1)),)), lambda: Counts(()), "counts_number"),
        (lambda: Plan(60, 60, D(0), D(0)), lambda: Plan(61, 0, D(0), None), "limit_plan"),
        (lambda: Plan(1, 0, D(0), None), lambda: Plan(0, 0, D(0), None), "limit_plan"),
        (lambda: Plan(5, 5, D(1), D(1)), lambda: Plan(5, 6, D(1), D(1)), "limit_plan"),
        (lambda: Plan(5, 0, D(1), D(1)), lambda: Plan(5, -1, D(1), D(1)), "limit_plan"),
        (lambda: Plan(5, 0, D(0), D(1)), lambda: Plan(5, 0, D("-0.1"), D(1)), "limit_plan"),
        (lambda: Plan(5, 0, D(2), D(2)), lambda: Plan(5, 0, D(2), D("1.9")), "limit_plan"),
        (lambda: Range(D(2), D(2)), lambda: Range(D(2), D("1.9")), "limit_range"),
        (
            lambda: DetectionLimits(D(1), D(1)),
            lambda: DetectionLimits(D("1.1"), D(1)),
            "detection_limits_crossed",
        ),
        (
            lambda: DetectionLimits(D("1E-9")),
            lambda: DetectionLimits(D(0)),
            "limit_not_positive",
        ),
        (
            lambda: DetectionLimits(None, D("1E-9")),
            lambda: DetectionLimits(None, D(-1)),
            "limit_not_positive",
        ),
        # --- uncertainty ---
        (lambda: Readings((D(1),) * 1000), lambda: Readings((D(1),) * 1001), "readings_number"),
        (lambda: Readings((D(1),) * 2), lambda: Readings((D(1),)), "readings_number"),
        (
            lambda: PooledDeviation(D(1), D(3), n=1),
            lambda: PooledDeviation(D(1), D(3), n=0),
            "readings_number_new",
        ),
        (lambda: pooled(((D(1), D(2)),)), lambda: pooled(((D(1),),)), "readings_series"),
        (
            lambda: InexactRectangular(D(1), D(1)),
            lambda: InexactRectangular(D(1), D("1.001")),
            "inexactness_too_large",
        ),
        (lambda: Rectangular(D(0)), lambda: Rectangular(D("-0.001")), "uncertainty_negative"),
        (lambda: Expanded(D(1), D("0.001")), lambda: Expanded(D(1), D(0)), "uncertainty_not_positive"),
        (lambda: Standard(D(1), dof=D("0.001")), lambda: Standard(D(1), dof=D(0)), "dof_not_positive"),
        (
            lambda: StatementRule(lowered_by=D(0)),
            lambda: StatementRule(lowered_by=D(1)),
            "statement_lowered_by",
        ),
        (
            lambda: mean_deviation_limits([[D(n) for n in range(100)]] * 2),
            lambda: mean_deviation_limits([[D(n) for n in range(101)]] * 2),
            "control_groups_large",
        ),
        (
            lambda: mean_deviation_limits([[D(1), D(2)]] * 2),
            lambda: mean_deviation_limits([[D(1)]] * 2),
            "control_groups_large",
        ),
        (lambda: sampled(2**128 - 1), lambda: sampled(2**128), "monte_carlo_seed"),
        (lambda: sampled(0), lambda: sampled(-1), "monte_carlo_seed"),
        (lambda: Trapezoidal(D(1), D(1)), lambda: Trapezoidal(D(1), D("1.001")), "trapezoid_top"),
        (lambda: Trapezoidal(D(1), D(0)), lambda: Trapezoidal(D(1), D("-0.001")), "trapezoid_top"),
        (
            lambda: check_inputs([Quantity(f"x{n}", D(1)) for n in range(60)]),
            lambda: check_inputs([Quantity(f"x{n}", D(1)) for n in range(61)]),
            "quantities_number",
        ),
        (lambda: Correlation("a", "b", D(1)), lambda: Correlation("a", "b", D("1.001")), "correlation_range"),
        (
            lambda: Correlation("a", "b", D(-1)),
            lambda: Correlation("a", "b", D("-1.001")),
            "correlation_range",
        ),
        (lambda: FixedFactor(D("0.001")), lambda: FixedFactor(D(0)), "coverage_factor"),
        (lambda: AdaptiveStop(digits=1), lambda: AdaptiveStop(digits=0), "monte_carlo_stop"),
        (lambda: AdaptiveStop(digits=3), lambda: AdaptiveStop(digits=4), "monte_carlo_stop"),
        (lambda: AdaptiveStop(finer=100), lambda: AdaptiveStop(finer=101), "monte_carlo_stop"),
        # --- statistics ---
        (
            lambda: fit_line([(D(1), D(1)), (D(1), D(3)), (D(2), D(4))]),
            lambda: fit_line([(D(1), D(1)), (D(1), D(3)), (D(1), D(4))]),
            "line_points",
        ),
        (
            lambda: fit_line([(D(n), D(n)) for n in range(3)]),
            lambda: fit_line([(D(n), D(n)) for n in range(2)]),
            "line_points",
        ),
        (lambda: baseline_from([D(1), D(2)]), lambda: baseline_from([D(1)]), "control_points"),
        (lambda: individuals_limits([D(1), D(2)]), lambda: individuals_limits([D(1)]), "control_points"),
        (
            lambda: mean_range_limits([[D(1), D(2)]] * 2),
            lambda: mean_range_limits([[D(1), D(2)]]),
            "control_groups",
        ),
        (
            lambda: mean_range_limits([[D(n) for n in range(25)]] * 2),
            lambda: mean_range_limits([[D(n) for n in range(26)]] * 2),
            "control_groups",
        ),
        (lambda: Baseline(D(1), D("1E-9")), lambda: Baseline(D(1), D(0)), "control_deviation"),
        (lambda: grubbs([D(1), D(2), D(4)]), lambda: grubbs([D(1), D(2)]), "outlier_values"),
        (lambda: cochran([[D(1), D(2)]] * 2), lambda: cochran([[D(1), D(2)]]), "outlier_groups"),
        (lambda: cochran([[D(1), D(2)]] * 2), lambda: cochran([[D(1)]] * 2), "outlier_groups"),
        (lambda: algorithm_a([D(1), D(2), D(4)]), lambda: algorithm_a([D(1), D(2)]), "robust_results"),
        (lambda: q_deviation([D(1), D(2)]), lambda: q_deviation([D(1)]), "robust_results"),
        (lambda: hampel([D(1), D(2), D(4)]), lambda: hampel([D(1), D(2)]), "robust_results"),
        (lambda: CusumRule(k=D(0)), lambda: CusumRule(k=D("-0.1")), "cusum_rule"),
        (lambda: CusumRule(h=D("0.1")), lambda: CusumRule(h=D(0)), "cusum_rule"),
        (lambda: CusumRule(head_start=D("4.9")), lambda: CusumRule(head_start=D(5)), "cusum_rule"),
        (lambda: CusumRule(), lambda: CusumRule(head_start=D("-0.1")), "cusum_rule"),
        (lambda: EwmaRule(weight=D(1)), lambda: EwmaRule(weight=D("1.1")), "ewma_rule"),
        (lambda: EwmaRule(weight=D("0.01")), lambda: EwmaRule(weight=D(0)), "ewma_rule"),
        (lambda: EwmaRule(width=D("0.1")), lambda: EwmaRule(width=D(0)), "ewma_rule"),
        (
            lambda: algorithm_a([D(1), D(2), D(4)], figures=12),
            lambda: algorithm_a([D(1), D(2), D(4)], figures=13),
            "robust_figures",
        ),
        (
            lambda: algorithm_a([D(1), D(2), D(4)], figures=3),
            lambda: algorithm_a([D(1), D(2), D(4)], figures=2),
            "robust_figures",
        ),
    ],
)
def test_the_last_that_is_allowed_and_the_first_that_is_not(allowed, beyond, code):
    holds_up_to(allowed, beyond, code)


@pytest.mark.parametrize(
    ("act", "least"),
    [
        (lambda: baseline_from([D(1)]), 2),
        (lambda: individuals_limits([D(1)]), 2),
        (lambda: grubbs([D(1)]), 3),
        (lambda: algorithm_a([D(1)]), 3),
        (lambda: q_deviation([D(1)]), 2),
        (lambda: hampel([D(1)]), 3),
        (lambda: evaluate(compile_formula("sd(a)"), {"a": [D(1)]}), 2),
        (lambda: evaluate(compile_formula("mean(a)"), {"a": []}), 1),
        (lambda: evaluate(compile_formula("min(a)"), {"a": []}), 1),
        (lambda: evaluate(compile_formula("max(a)"), {"a": []}), 1),
    ],
)
def test_a_refusal_says_how_many_are_needed(act, least):
    assert refusal(act).facts["least"] == least


def test_the_draws_that_a_run_may_take():
    """JCGM 101 7.2.2 wants 10^4 / (1 - p); 10 / (1 - p) are the fewest from which ends can be told."""
    run = lambda stop: run_monte_carlo(  # noqa: E731
        compile_formula("a"), [Quantity("a", D(1), (Standard(D(1)),))], seed=1, p=D("0.95"), stop=stop
    )
    assert run(FixedDraws(200)).draws == 200
    assert refusal(lambda: run(FixedDraws(199))).facts == {"least": 200, "most": 20_000_000}
    assert refusal(lambda: run(FixedDraws(20_000_001))).code == "monte_carlo_draws"
    assert run(AdaptiveStop(digits=1, most=20_000_000)).settled
    assert refusal(lambda: run(AdaptiveStop(most=20_000_001))).code == "monte_carlo_draws"
    assert run(AdaptiveStop(digits=3, most=20_000)).draws == 20_000
    assert refusal(lambda: run(AdaptiveStop(most=19_999))).facts["least"] == 20_000


def test_the_farthest_of_four_values_has_no_probability_left():
    """G is at most (n - 1) / sqrt n, 3/2 for four values."""
    assert grubbs_p_value(1.5, 4) == 0
    assert 0 < grubbs_p_value(1.4999, 4) < 0.001


@pytest.mark.campaign
def test_a_robust_mean_that_creeps_says_so():
    """A third of the results stands apart to both sides: s* loses a thousandth in each round."""
    values = [D(0)] * 20 + [D(1)] * 5 + [D(-1)] * 5
    assert algorithm_a(values).mean == 0
    assert refusal(lambda: algorithm_a(values, figures=12)).code == "robust_unsettled"
