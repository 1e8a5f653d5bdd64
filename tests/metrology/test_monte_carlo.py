"""Propagation of distributions: the examples of JCGM 101, repeatability, intervals."""

from decimal import Decimal
from math import isclose

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lims.metrology.budgets import Expansion, make_budget
from lims.metrology.coverage import FixedFactor, StudentFactor, expand
from lims.metrology.errors import MetrologyError
from lims.metrology.formula import value_at
from lims.metrology.formula_arrays import values_at
from lims.metrology.formula_check import FUNCTIONS, Shape, compile_formula
from lims.metrology.formula_tree import FormulaError
from lims.metrology.monte_carlo import (
    AdaptiveStop,
    FixedDraws,
    Interval,
    numerical_tolerance,
    run_monte_carlo,
    shortest_interval,
    symmetric_interval,
    validate_budget,
)
from lims.metrology.monte_carlo_draws import FiniteDof
from lims.metrology.quantities import Correlation, Quantity
from lims.metrology.uncertainty_sources import (
    Expanded,
    InexactRectangular,
    Readings,
    Rectangular,
    Resolution,
    Standard,
    Trapezoidal,
    Triangular,
    UShaped,
    variance_of,
)

D = Decimal
SUM = compile_formula("a + b + c + d")


def four(*sources):
    return [Quantity(name, D(0), (source,)) for name, source in zip("abcd", sources, strict=True)]


def code_of(act):
    with pytest.raises(MetrologyError) as refusal:
        act()
    return refusal.value.code


def unit(kind):
    return Rectangular(D(3).sqrt()) if kind == "rectangular" else Standard(D(1))


# --- JCGM 101 clause 9 ---


@pytest.mark.parametrize(("kind", "half_width"), [("normal", 3.92), ("rectangular", 3.88)])
def test_jcgm101_922_and_923_sum_of_four(kind, half_width):
    quantities = four(*(unit(kind),) * 4)
    result = run_monte_carlo(SUM, quantities, seed=9, stop=FixedDraws(1_000_000))
    assert abs(result.standard_uncertainty - 2.0) < 0.005
    assert abs(result.symmetric.low + half_width) < 0.02
    assert abs(result.symmetric.high - half_width) < 0.02
    assert abs(result.shortest.high - result.shortest.low - 2 * half_width) < 0.02
    budget = make_budget(SUM, quantities)
    check = validate_budget(budget.value, expand(budget, StudentFactor(D("0.95"))), result.symmetric)
    assert (check.delta, check.holds) == (D("0.05"), True)


def test_jcgm101_924_one_rectangle_dominates_and_the_budget_is_not_validated():
    wide = Rectangular(D(10) * D(3).sqrt())
    quantities = four(wide, *(unit("rectangular"),) * 3)
    result = run_monte_carlo(SUM, quantities, seed=9, stop=FixedDraws(1_000_000))
    assert abs(result.standard_uncertainty - 10.15) < 0.02
    assert abs(result.symmetric.low + 17.0) < 0.05
    assert abs(result.symmetric.high - 17.0) < 0.05
    budget = make_budget(SUM, quantities)
    expanded = expand(budget, StudentFactor(D("0.95")))
    assert abs(expanded.U - D("19.9")) < D("0.05")
    check = validate_budget(budget.value, expanded, result.symmetric)
    assert (check.delta, check.holds) == (D("0.5"), False)


def test_jcgm101_93_mass_calibration():
    quantities = [
        Quantity("mR", D(100_000), (Standard(D("0.050")),), "mg"),
        Quantity("dm", D("1.234"), (Standard(D("0.020")),), "mg"),
        Quantity("air", D("1.20"), (Rectangular(D("0.10")),), "kg/m3"),
        Quantity("W", D(8000), (Rectangular(D(1000)),), "kg/m3"),
        Quantity("R", D(8000), (Rectangular(D(50)),), "kg/m3"),
    ]
    model = compile_formula("(mR + dm) * (1 + (air - 1.2) * (1 / W - 1 / R)) - 100000")
    first, second = (make_budget(model, quantities, expansion=order) for order in Expansion)
    assert abs(float(first.value) - 1.2340) < 0.00005
    assert abs(first.standard_uncertainty - D("0.0539")) < D("0.00005")
    assert abs(second.standard_uncertainty - D("0.0750")) < D("0.00005")
    result = run_monte_carlo(model, quantities, seed=93, stop=FixedDraws(1_000_000))
    assert abs(result.value - 1.2341) < 0.0003
    assert abs(result.standard_uncertainty - 0.0754) < 0.0003
    assert abs(result.shortest.low - 1.0834) < 0.0020
    assert abs(result.shortest.high - 1.3825) < 0.0020
    checks = [
        validate_budget(budget.value, expand(budget, StudentFactor(D("0.95"))), result.shortest)
        for budget in (first, second)
    ]
    # Table 6 asks it with one digit (delta 0.005): first order fails; second order is within 0.005.
    assert [check.holds for check in checks] == [False, False]
    one_digit = validate_budget(
        second.value, expand(second, StudentFactor(D("0.95"))), result.shortest, digits=1
    )
    assert (one_digit.delta, one_digit.holds) == (D("0.005"), True)


# JCGM 101 9.4.2 and 9.4.3, in 10^-6: mean, u, shortest 95 % interval.
@pytest.mark.parametrize(
    ("x1", "r", "mean", "u", "low", "high"),
    [
        ("0", "0", 50, 50, 0, 150),
        ("0.010", "0", 150, 112, 0, 367),
        ("0.050", "0", 2551, 502, 1590, 3543),
        ("0", "0.9", 50, 67, 0, 185),
        ("0.010", "0.9", 150, 121, 13, 398),
        ("0.050", "0.9", 2551, 505, 1628, 3555),
    ],
)
def test_jcgm101_94_comparison_loss(x1, r, mean, u, low, high):
    quantities = [Quantity(name, D(x), (Standard(D("0.005")),)) for name, x in (("X1", x1), ("X2", "0"))]
    result = run_monte_carlo(
        compile_formula("X1 ^ 2 + X2 ^ 2"),
        quantities,
        [Correlation("X1", "X2", D(r))],
        seed=94,
        stop=FixedDraws(1_000_000),
    )
    assert abs(result.value * 1e6 - mean) < 2
    assert abs(result.standard_uncertainty * 1e6 - u) < 1.5
    # The position of the shortest interval scatters more than its length.
    assert abs(result.shortest.low * 1e6 - low) < 30
    assert abs((result.shortest.high - result.shortest.low) * 1e6 - (high - low)) < 8


def test_jcgm101_95_gauge_block():
    quantities = [
        Quantity("ls", D(50_000_623), (Standard(D(25), dof=D(18)),), "nm"),
        Quantity(
            "d", D(215), (Standard(D(6), dof=D(24)), Standard(D(4), dof=D(5)), Standard(D(7), dof=D(8))), "nm"
        ),
        Quantity("alpha", D("11.5E-6"), (Rectangular(D("2E-6")),)),
        Quantity("theta", D("-0.1"), (Standard(D("0.2")), UShaped(D("0.5")))),
        Quantity("da", D(0), (InexactRectangular(D("1.0E-6"), D("0.1E-6")),)),
        Quantity("dt", D(0), (InexactRectangular(D("0.050"), D("0.025")),)),
    ]
    model = compile_formula("ls + d - ls * (da * theta + alpha * dt)")
    result = run_monte_carlo(model, quantities, seed=95, p=D("0.99"), stop=FixedDraws(1_000_000))
    assert abs(result.value - 50_000_838) < 0.5
    assert abs(result.standard_uncertainty - 36) < 0.5
    # Table 11: [745, 932] + 50 000 000 nm.
    assert abs(result.shortest.low - 50_000_745) < 2.5
    assert abs(result.shortest.high - 50_000_932) < 2.5


# --- repeatability ---


def small(**more):
    settings_here = {"seed": 1, "stop": FixedDraws(5000), **more}
    quantities = [
        Quantity("a", D(2), (Standard(D("0.1")), Resolution(D("0.5")))),
        Quantity("b", D(3), (Standard(D("0.2"), dof=D(6)),)),
    ]
    return run_monte_carlo(compile_formula("a * b"), quantities, **settings_here)


def test_the_stored_seed_repeats_a_result_bit_for_bit():
    assert small() == small()
    assert small(seed=2) != small()
    assert small().seed == 1
    assert small().generator == f"PCG64, numpy {np.__version__}"


def test_an_adaptive_run_repeats_bit_for_bit_too():
    assert small(stop=AdaptiveStop()) == small(stop=AdaptiveStop())


@given(st.permutations(["a", "b", "c"]), st.booleans())
@settings(max_examples=12)
def test_the_order_of_quantities_and_sources_changes_no_draw(order, backwards):
    sources = (Standard(D("0.1")), Rectangular(D("0.3")))
    quantities = {name: Quantity(name, D(1), sources[:: -1 if backwards else 1]) for name in "abc"}
    result = run_monte_carlo(
        compile_formula("a + 2 * b * c"), [quantities[name] for name in order], seed=4, stop=FixedDraws(500)
    )
    straight = [Quantity(name, D(1), sources) for name in "abc"]
    assert result == run_monte_carlo(compile_formula("a + 2 * b * c"), straight, seed=4, stop=FixedDraws(500))


def test_correlated_draws_do_not_depend_on_the_order_either():
    quantities = [Quantity(name, D(1), (Standard(D("0.1")),)) for name in "abc"]
    r = [Correlation("a", "c", D("0.5")), Correlation("b", "c", D("-0.5"))]
    model, stop = compile_formula("a * b - c"), FixedDraws(500)
    one = run_monte_carlo(model, quantities, r, seed=4, stop=stop)
    assert one == run_monte_carlo(model, quantities[::-1], r[::-1], seed=4, stop=stop)


# --- adaptive stop ---


def test_an_adaptive_run_ends_when_its_results_have_settled():
    result = small(stop=AdaptiveStop(digits=2))
    assert result.settled
    assert result.draws % 10_000 == 0
    assert result.draws >= 20_000
    u = result.standard_uncertainty
    assert result.tolerance == numerical_tolerance(u, 2)
    # By far the most of 1000 times as many draws would fall within the tolerance as well.
    assert abs(u - small(stop=FixedDraws(2_000_000)).standard_uncertainty) < result.tolerance


def test_a_finer_tolerance_takes_more_draws():
    coarse, fine = small(stop=AdaptiveStop(digits=1)), small(stop=AdaptiveStop(digits=2, finer=2))
    assert coarse.draws < fine.draws
    assert isclose(coarse.tolerance, 0.05)
    assert isclose(fine.tolerance, 0.0025)


def test_a_run_that_does_not_settle_says_so():
    result = small(stop=AdaptiveStop(digits=3, most=50_000))
    assert (result.settled, result.draws) == (False, 50_000)
    assert isclose(result.tolerance, 0.0005)


def test_a_model_without_spread_has_settled_at_once():
    result = run_monte_carlo(compile_formula("7"), [Quantity("a", D(1))], seed=0)
    assert (result.settled, result.draws, result.value, result.standard_uncertainty) == (True, 20_000, 7, 0)
    assert result.symmetric == Interval(7, 7)


def test_a_block_is_larger_where_the_probability_asks_for_it():
    # 100 / (1 - 0.999)
    result = small(p=D("0.999"), stop=AdaptiveStop(digits=1))
    assert result.draws % 100_000 == 0


@pytest.mark.parametrize(
    ("u", "digits", "delta"), [(10.1, 2, 0.5), (2.0, 2, 0.05), (0.0754, 1, 0.005), (0.0996, 2, 0.005)]
)
def test_the_tolerance_is_half_a_unit_of_the_last_digit(u, digits, delta):
    assert isclose(numerical_tolerance(u, digits), delta)


# --- intervals ---


def test_intervals_take_the_draws_that_the_supplement_names():
    # M = 100, p = 0.95: q = 95, r = whole part of (5 + 1) / 2 = 3: draws 3 and 98.
    ordered = np.arange(1.0, 101.0)
    assert symmetric_interval(ordered, D("0.95")) == Interval(3, 98)
    # q = 90, r = 5.
    assert symmetric_interval(ordered, D("0.90")) == Interval(5, 95)
    # p M = 94.5 is rounded to q = 95.
    assert symmetric_interval(ordered, D("0.945")) == Interval(3, 98)
    assert symmetric_interval(ordered, D("0.944")) == Interval(3, 97)


def test_the_shortest_interval_is_found_where_draws_lie_close():
    ordered = np.array([0.0, 10, 11, 12, 13, 14, 15, 16, 17, 50])
    assert shortest_interval(ordered, D("0.5")) == Interval(10, 15)
    assert shortest_interval(ordered, D("0.7")) == Interval(10, 17)
    assert shortest_interval(np.arange(10.0), D("0.999")) == Interval(0, 9)


# --- draws ---


@pytest.mark.parametrize(
    "source",
    [
        Rectangular(D(3)),
        Resolution(D(3)),
        Triangular(D(3)),
        UShaped(D(3)),
        Trapezoidal(D(3), D("0.25")),
        InexactRectangular(D(3), D(1)),
        Standard(D(2)),
        Expanded(D(4), D(2)),
    ],
)
def test_each_shape_has_the_spread_of_its_source_and_stays_inside_it(source):
    result = run_monte_carlo(
        compile_formula("x"), [Quantity("x", D(5), (source,))], seed=3, p=D("0.99"), stop=FixedDraws(200_000)
    )
    assert abs(result.value - 5) < 0.02
    assert isclose(result.standard_uncertainty, float(variance_of(source)) ** 0.5, rel_tol=0.01)


@pytest.mark.parametrize(
    ("source", "share_within_half"),
    [
        (Rectangular(D(1)), 0.5),
        (Resolution(D(2)), 0.5),
        (Triangular(D(1)), 0.75),
        (UShaped(D(1)), 1 / 3),
        (Trapezoidal(D(1), D("0.5")), 2 / 3),
    ],
)
def test_each_shape_is_the_one_it_names(source, share_within_half):
    within = compile_formula("if(abs(x) <= 0.5, 1, 0)")
    quantities = [Quantity("x", D(0), (source,))]
    share = run_monte_carlo(within, quantities, seed=3, stop=FixedDraws(200_000)).value
    assert abs(share - share_within_half) < 0.005
    outside = run_monte_carlo(
        compile_formula("if(abs(x) > 1, 1, 0)"), quantities, seed=3, stop=FixedDraws(200_000)
    )
    assert outside.value == 0


def test_readings_are_drawn_from_t_or_by_policy_from_normal():
    readings = Quantity("x", None, (Readings((D(1), D(2), D(3), D(4), D(5))),))
    student, normal = (
        run_monte_carlo(compile_formula("x"), [readings], seed=3, finite_dof=policy, stop=FixedDraws(400_000))
        for policy in FiniteDof
    )
    # s / sqrt n = sqrt(0.5); t with 4 degrees of freedom has variance 4 / (4 - 2).
    assert isclose(student.standard_uncertainty, 1.0, rel_tol=0.02)
    assert isclose(normal.standard_uncertainty, 0.5**0.5, rel_tol=0.01)
    # t(0.975, 4) = 2.776
    assert abs(student.symmetric.high - (3 + 2.776 * 0.5**0.5)) < 0.03
    assert (student.finite_dof, normal.finite_dof) == (FiniteDof.STUDENT, FiniteDof.NORMAL)


def test_readings_of_one_series_are_drawn_together():
    values = ((D(1), D(2), D(3), D(4), D(6)), (D(2), D(4), D(6), D(8), D(12)))
    quantities = [
        Quantity(name, None, (Readings(v),), series="run") for name, v in zip("ab", values, strict=True)
    ]
    result = run_monte_carlo(compile_formula("2 * a - b"), quantities, seed=3, stop=FixedDraws(2000))
    assert result.standard_uncertainty < 1e-6  # b is always twice a
    ends = run_monte_carlo(compile_formula("b"), quantities, seed=3, stop=FixedDraws(400_000))
    assert isclose(
        ends.standard_uncertainty, float(2 * variance_of(Readings(values[1]))) ** 0.5, rel_tol=0.02
    )


def test_correlation_shows_in_the_draws():
    quantities = [Quantity(name, D(1), (Standard(D(1)),)) for name in "abc"]
    r = [Correlation("a", "b", D("0.8")), Correlation("b", "c", D("-0.5")), Correlation("a", "c", D("-0.1"))]
    for text, variance in (("a - b", 0.4), ("b + c", 1.0), ("a + c", 1.8), ("a", 1), ("b", 1), ("c", 1)):
        result = run_monte_carlo(compile_formula(text), quantities, r, seed=3, stop=FixedDraws(300_000))
        assert isclose(result.standard_uncertainty**2, variance, rel_tol=0.015)


def test_full_correlation_of_three_is_drawn_as_one():
    quantities = [Quantity(name, D(1), (Standard(D(1)),)) for name in "abc"]
    r = [Correlation("a", "b", D(1)), Correlation("b", "c", D(1)), Correlation("a", "c", D(1))]
    result = run_monte_carlo(compile_formula("a + b - 2 * c"), quantities, r, seed=3, stop=FixedDraws(500))
    assert result.standard_uncertainty < 1e-12


# --- refusals ---


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda: small(seed=-1), "monte_carlo_seed"),
        (lambda: small(seed=2**128), "monte_carlo_seed"),
        (lambda: small(p=D(1)), "probability_range"),
        (lambda: small(p=D(0)), "probability_range"),
        (lambda: small(stop=FixedDraws(199)), "monte_carlo_draws"),
        (lambda: small(stop=FixedDraws(20_000_001)), "monte_carlo_draws"),
        (lambda: small(stop=AdaptiveStop(most=19_999)), "monte_carlo_draws"),
        (lambda: AdaptiveStop(digits=0), "monte_carlo_stop"),
        (lambda: AdaptiveStop(digits=4), "monte_carlo_stop"),
        (lambda: AdaptiveStop(finer=0), "monte_carlo_stop"),
        (lambda: AdaptiveStop(finer=101), "monte_carlo_stop"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(act, code):
    assert code_of(act) == code


def test_the_least_number_of_draws_and_the_greatest_seed_are_allowed():
    assert small(stop=FixedDraws(200)).draws == 200
    assert small(seed=2**128 - 1).seed == 2**128 - 1


def test_a_draw_without_result_is_refused_with_its_share():
    quantities = [Quantity("a", D(0), (Standard(D(1)),))]
    with pytest.raises(MetrologyError) as refusal:
        run_monte_carlo(compile_formula("sqrt(a)"), quantities, seed=1, stop=FixedDraws(1000))
    assert refusal.value.code == "monte_carlo_undefined"
    assert 400 < refusal.value.facts["wrong"] < 600
    safe = compile_formula("if(a >= 0, sqrt(a), 0)")
    assert run_monte_carlo(safe, quantities, seed=1, stop=FixedDraws(1000)).value > 0


def test_two_degrees_of_freedom_have_no_spread_to_draw():
    few = Quantity("a", None, (Readings((D(1), D(2), D(3))),))
    more = Quantity("a", None, (Readings((D(1), D(2), D(3), D(4))),))
    model, stop = compile_formula("a"), FixedDraws(500)
    assert code_of(lambda: run_monte_carlo(model, [few], seed=1, stop=stop)) == "monte_carlo_dof"
    assert run_monte_carlo(model, [few], seed=1, stop=stop, finite_dof=FiniteDof.NORMAL).draws == 500
    assert run_monte_carlo(model, [more], seed=1, stop=stop).draws == 500


@pytest.mark.parametrize(
    ("source", "other", "series", "allowed"),
    [
        (Rectangular(D(1)), Standard(D(1)), "", False),
        (Standard(D(1), dof=D(9)), Standard(D(1), dof=D(9)), "", False),
        (Standard(D(1), dof=D(9)), Standard(D(1), dof=D(8)), "s", False),
        (Standard(D(1), dof=D(9)), Standard(D(1), dof=D(9)), "s", True),
        (Standard(D(1)), Expanded(D(1), D(2)), "", True),
    ],
)
def test_only_normal_quantities_are_drawn_with_correlation(source, other, series, allowed):
    quantities = [Quantity("a", D(0), (source,), series=series), Quantity("b", D(0), (other,), series=series)]
    act = lambda: run_monte_carlo(  # noqa: E731
        compile_formula("a + b"), quantities, [Correlation("a", "b", D("0.5"))], seed=1, stop=FixedDraws(500)
    )
    assert (act().draws == 500) if allowed else (code_of(act) == "monte_carlo_correlated")


# --- the formula tree on arrays ---


@pytest.mark.parametrize(
    "text",
    [
        "a + b - 2 * a / b ^ 2 + -a",
        "abs(-a) + sqrt(b) + ln(b) + log10(a) + exp(a)",
        "sin(a) + cos(b) + tan(a) + asin(a / 3) + acos(b / 9) + atan(b)",
        "mean(a, b, 1) + sd(a, b, 1) + min(a, b) + max(a, b) + sum(a, b) + count(a, b) + pi()",
        "if(a < b, 1, 2) + if(a <= b, 10, 20) + if(a > b, 100, 200) + if(a >= b, 1000, 2000)",
        "if(a = 2, 1, 2) + if(a <> 2, 10, 20)",
        "if(and(a > 1, b > 1), 1, 2) + if(or(a > 99, b > 1), 10, 20) + if(not(a > 1), 100, 200)",
        "if(and(a > 1, b > 99), 1, 2) + if(or(a > 99, b > 99), 10, 20)",
        "7",
    ],
)
def test_many_draws_give_what_one_evaluation_gives(text):
    formula = compile_formula(text)
    pairs = [("1.5", "2.5"), ("2", "2"), ("0.5", "4.25")]
    arrays = {name: np.array([float(pair[place]) for pair in pairs]) for place, name in enumerate("ab")}
    found = values_at(formula.root, arrays, len(pairs))
    for pair, result in zip(pairs, found, strict=True):
        expected = value_at(formula.root, {"a": D(pair[0]), "b": D(pair[1])})
        assert isclose(result, expected, rel_tol=1e-14)


def test_a_name_without_draws_is_missing():
    for text in ("a + z", "@z"):
        with pytest.raises(FormulaError) as refusal:
            values_at(compile_formula(text).root, {"a": np.array([1.0])}, 1)
        assert refusal.value.code == "formula_input_missing"


# --- validation ---


def test_both_ends_must_be_near_enough():
    budget = make_budget(compile_formula("a"), [Quantity("a", D(10), (Standard(D(1)),))])
    expanded = expand(budget, FixedFactor(D(2)))
    assert validate_budget(budget.value, expanded, Interval(8.0, 12.05)).holds
    assert not validate_budget(budget.value, expanded, Interval(8.0, 12.0500001)).holds
    assert not validate_budget(budget.value, expanded, Interval(7.9, 12.0)).holds
    check = validate_budget(budget.value, expanded, Interval(7.75, 12.5), digits=1)
    assert (check.low_difference, check.high_difference, check.delta) == (D("0.25"), D("0.5"), D("0.5"))
    assert check.holds


NUMERIC = sorted(name for name, found in FUNCTIONS.items() if found.gives is Shape.NUMBER)


@pytest.mark.parametrize("function", NUMERIC)
@pytest.mark.parametrize(("x", "y"), [("0.25", "0.75"), ("0.9", "0.1"), ("1", "0.5")])
def test_every_function_gives_draws_what_it_gives_one_exact_figure(function, x, y):
    """The formula language stands twice, for exact figures and for arrays: neither may know a function alone."""
    signature = FUNCTIONS[function]
    if function == "if":
        text = "if(x < y, x, y)"
    else:
        text = f"{function}({', '.join(['x', 'y'][: min(2, signature.most)])})"
    root = compile_formula(text).root
    exact = value_at(root, {"x": Decimal(x), "y": Decimal(y)})
    draws = values_at(root, {"x": np.array([float(x)]), "y": np.array([float(y)])}, 1)
    assert float(exact) == pytest.approx(draws[0], rel=1e-12, abs=1e-15)
