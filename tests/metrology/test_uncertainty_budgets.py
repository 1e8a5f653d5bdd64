"""How a budget is made: sources, correlation, coverage, statement."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lims.metrology.budgets import Expansion, GivenCoefficients, make_budget
from lims.metrology.coverage import (
    CoverageShape,
    DofTruncation,
    DominantFactor,
    FixedFactor,
    StudentFactor,
    effective_dof,
    expand,
    trapezoid_factor,
    truncate_dof,
)
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import to_decimal
from lims.metrology.formula_check import compile_formula
from lims.metrology.joint_results import result_correlations
from lims.metrology.quantities import Correlation, Quantity, check_inputs, observed_correlation
from lims.metrology.rounding import last_place, round_significant, round_to
from lims.metrology.sensitivities import SensitivityMethod
from lims.metrology.straight_line import fit_line
from lims.metrology.uncertainty_sources import (
    Distribution,
    Evaluation,
    Expanded,
    ExpandedAt,
    InexactRectangular,
    PooledDeviation,
    Readings,
    Rectangular,
    Resolution,
    Standard,
    Trapezoidal,
    Triangular,
    UShaped,
    distribution_of,
    dof_from_reliability,
    dof_of,
    evaluation_of,
    pooled,
    variance_of,
)
from lims.metrology.uncertainty_statements import (
    StatementRule,
    UncertaintyDigits,
    UncertaintyRounding,
    check_capability,
    round_uncertainty,
    state,
)

D, F = Decimal, Fraction
SUM = compile_formula("a + b")


def code_of(act):
    with pytest.raises(MetrologyError) as refusal:
        act()
    return refusal.value.code


def two(first, second, **more):
    return [Quantity("a", D(5), (first,), **more), Quantity("b", D(2), (second,), **more)]


# --- sources: variance, degrees of freedom, kind ---


@pytest.mark.parametrize(
    ("source", "variance", "dof", "distribution", "evaluation"),
    [
        # mean of 1, 2, 3, 6: s^2 = 14/3
        (Readings((D(1), D(2), D(3), D(6))), F(14, 12), 3, Distribution.NORMAL, Evaluation.A),
        (PooledDeviation(D(13), D(24), n=5), F(169, 5), 24, Distribution.NORMAL, Evaluation.A),
        (Rectangular(D(3)), F(3), None, Distribution.RECTANGULAR, Evaluation.B),
        (Resolution(D(6), dof=D(50)), F(3), 50, Distribution.RECTANGULAR, Evaluation.B),
        (Triangular(D(6)), F(6), None, Distribution.TRIANGULAR, Evaluation.B),
        (UShaped(D(4)), F(8), None, Distribution.U_SHAPED, Evaluation.B),
        (Trapezoidal(D(6), D("0.5")), F(15, 2), None, Distribution.TRAPEZOIDAL, Evaluation.B),
        (InexactRectangular(D(6), D(3)), F(13), None, Distribution.CURVED_TRAPEZOIDAL, Evaluation.B),
        (Expanded(D(3), D("1.5"), dof=D(18)), F(4), 18, Distribution.NORMAL, Evaluation.B),
        (Standard(D("0.5"), evaluation=Evaluation.A), F(1, 4), None, Distribution.NORMAL, Evaluation.A),
        (Standard(D(2)), F(4), None, Distribution.NORMAL, Evaluation.B),
    ],
)
def test_each_source_has_its_exact_variance(source, variance, dof, distribution, evaluation):
    assert variance_of(source) == variance
    assert dof_of(source) == dof
    assert distribution_of(source) is distribution
    assert evaluation_of(source) is evaluation


@pytest.mark.parametrize(("top", "same_as"), [("0", Triangular(D(6))), ("1", Rectangular(D(6)))])
def test_a_trapezoid_ends_in_triangle_and_rectangle(top, same_as):
    assert variance_of(Trapezoidal(D(6), D(top))) == variance_of(same_as)


def test_an_expanded_uncertainty_with_its_probability_uses_normal_or_t():
    assert round_to(variance_of(ExpandedAt(D("1.959963984540"), D("0.95"))), D("1E-9")) == 1
    # t at 95 % and 5 degrees of freedom: 2.570581835636
    assert round_to(variance_of(ExpandedAt(D("2.570581835636"), D("0.95"), dof=D(5))), D("1E-9")) == 1


def test_series_pool_with_their_degrees_of_freedom():
    # s^2 = 2 with 1 and s^2 = 1 with 2 degrees of freedom: 4/3 with 3.
    source = pooled(((D(1), D(3)), (D(1), D(2), D(3))), n=2)
    assert (source.dof, source.n) == (3, 2)
    assert round_significant(variance_of(source), 30) == round_significant(F(2, 3), 30)
    assert code_of(lambda: pooled(())) == code_of(lambda: pooled(((D(1),),))) == "readings_series"


@pytest.mark.parametrize(("relative", "dof"), [("0.25", 8), ("0.1", 50), ("0.5", 2)])
def test_how_reliable_an_uncertainty_is_gives_its_degrees_of_freedom(relative, dof):
    assert dof_from_reliability(D(relative)) == dof


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: Readings((D(1),)), "readings_number"),
        (lambda: Readings((D(1),) * 1001), "readings_number"),
        (lambda: PooledDeviation(D(-1), D(3)), "uncertainty_negative"),
        (lambda: PooledDeviation(D(1), D(0)), "dof_not_positive"),
        (lambda: PooledDeviation(D(1), D(3), n=0), "readings_number_new"),
        (lambda: Rectangular(D(-1)), "uncertainty_negative"),
        (lambda: Rectangular(D(1), dof=D(0)), "dof_not_positive"),
        (lambda: Resolution(D(-1)), "uncertainty_negative"),
        (lambda: Resolution(D(1), dof=D(-1)), "dof_not_positive"),
        (lambda: Triangular(D(-1)), "uncertainty_negative"),
        (lambda: Triangular(D(1), dof=D(0)), "dof_not_positive"),
        (lambda: UShaped(D(-1)), "uncertainty_negative"),
        (lambda: UShaped(D(1), dof=D(0)), "dof_not_positive"),
        (lambda: Trapezoidal(D(-1), D(0)), "uncertainty_negative"),
        (lambda: Trapezoidal(D(1), D(0), dof=D(0)), "dof_not_positive"),
        (lambda: Trapezoidal(D(1), D("1.01")), "trapezoid_top"),
        (lambda: Trapezoidal(D(1), D("-0.01")), "trapezoid_top"),
        (lambda: InexactRectangular(D(-1), D(0)), "uncertainty_negative"),
        (lambda: InexactRectangular(D(1), D(-1)), "uncertainty_negative"),
        (lambda: InexactRectangular(D(1), D(2)), "inexactness_too_large"),
        (lambda: InexactRectangular(D(1), D(1), dof=D(0)), "dof_not_positive"),
        (lambda: Expanded(D(-1), D(2)), "uncertainty_negative"),
        (lambda: Expanded(D(1), D(0)), "uncertainty_not_positive"),
        (lambda: Expanded(D(1), D(2), dof=D(0)), "dof_not_positive"),
        (lambda: ExpandedAt(D(-1), D("0.95")), "uncertainty_negative"),
        (lambda: ExpandedAt(D(1), D(1)), "probability_range"),
        (lambda: ExpandedAt(D(1), D("0.95"), dof=D(0)), "dof_not_positive"),
        (lambda: Standard(D(-1)), "uncertainty_negative"),
        (lambda: Standard(D(1), dof=D(0)), "dof_not_positive"),
        (lambda: Standard(D("NaN")), "number_out_of_range"),
        (lambda: dof_from_reliability(D(0)), "uncertainty_not_positive"),
        (lambda: Quantity("a"), "quantity_estimate"),
        (lambda: Quantity("a", None, (Standard(D(1)),)), "quantity_estimate"),
        (lambda: Quantity("a", D(1), (), series="s"), "quantity_series"),
        (lambda: Correlation("a", "b", D("1.1")), "correlation_range"),
        (lambda: Correlation("a", "b", D("-1.1")), "correlation_range"),
        (lambda: Correlation("a", "a", D("0.1")), "correlation_with_itself"),
        (lambda: FixedFactor(D(0)), "coverage_factor"),
        (lambda: StudentFactor(D(1)), "probability_range"),
        (lambda: DominantFactor(D(0), FixedFactor(D(2))), "probability_range"),
        (lambda: DominantFactor(D("0.95"), FixedFactor(D(2)), ratio=D(1)), "dominance_ratio"),
        (lambda: DominantFactor(D("0.95"), FixedFactor(D(2)), ratio=D("-0.1")), "dominance_ratio"),
        (lambda: StatementRule(lowered_by=D(1)), "statement_lowered_by"),
        (lambda: StatementRule(lowered_by=D("-0.1")), "statement_lowered_by"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_code(make, code):
    assert code_of(make) == code


def test_an_uncertainty_of_zero_is_allowed():
    budget = make_budget(SUM, two(Standard(D(0)), Rectangular(D(0))))
    assert budget.standard_uncertainty == 0
    assert [line.share for line in budget.lines] == [0, 0]
    assert effective_dof(budget) is None


# --- the sum ---


def test_a_budget_shows_every_figure_of_its_table():
    readings = Readings((D("9.9"), D("10.0"), D("10.1")), label="repeatability")
    inputs = [
        Quantity("m", None, (readings, Resolution(D("0.1"), label="display")), "g"),
        Quantity("V", D(2), (Expanded(D("0.04"), D(2), label="certificate"),), "mL"),
    ]
    budget = make_budget(compile_formula("m / V"), inputs)
    first, second, third = budget.lines
    assert (first.quantity, first.unit, first.label, first.estimate) == ("m", "g", "repeatability", 10)
    assert (first.evaluation, first.distribution, first.dof) == (Evaluation.A, Distribution.NORMAL, 2)
    assert (second.label, second.dof) == ("display", None)
    assert (third.sensitivity, third.sensitivity_formula) == (D("-2.5"), "-(m / V ^ 2)")
    assert first.sensitivity == D("0.5")
    assert third.standard_uncertainty == D("0.02")
    assert third.contribution == D("-0.05")
    assert budget.value == 5
    # 0.25 * (0.01/3 + 0.01/12) + 0.0025
    assert budget.variance == F(1, 4) * (F(1, 300) + F(1, 1200)) + F(25, 10000)
    assert [line.share for line in budget.lines] == [D("0.2353"), D("0.0588"), D("0.7059")]
    assert sum(line.share for line in budget.lines) == 1
    assert (budget.method, budget.expansion) == (SensitivityMethod.DERIVED, Expansion.FIRST_ORDER)


def test_coefficients_may_be_given_instead_of_a_formula():
    inputs = two(Standard(D(3)), Standard(D(4)))
    budget = make_budget(GivenCoefficients({"a": D(1), "b": D(-1)}), inputs)
    assert (budget.value, budget.standard_uncertainty, budget.method) == (3, 5, None)
    stated = make_budget(GivenCoefficients({"a": D(1), "b": D(-1)}, D("7.5")), inputs)
    assert stated.value == D("7.5")
    assert code_of(lambda: make_budget(GivenCoefficients({"a": D(1)}), inputs)) == "budget_coefficient"


def test_full_correlation_adds_or_cancels():
    inputs = two(Standard(D(3)), Standard(D(3)))
    for r, u in (("1", 6), ("-1", 0), ("0", None)):
        budget = make_budget(SUM, inputs, [Correlation("b", "a", D(r))])
        if u is None:
            assert (budget.variance, budget.correlations) == (18, ())
        else:
            assert budget.standard_uncertainty == u
            (term,) = budget.correlations
            assert (term.one, term.other, term.variance) == ("a", "b", 18 * int(r))


def test_the_share_of_a_correlation_stands_beside_those_of_the_lines():
    budget = make_budget(SUM, two(Standard(D(1)), Standard(D(1))), [Correlation("a", "b", D("0.5"))])
    assert [line.share for line in budget.lines] == [D("0.3333")] * 2
    assert budget.correlations[0].share == D("0.3333")


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda: check_inputs([]), "quantities_number"),
        (lambda: check_inputs([Quantity(f"x{n}", D(1)) for n in range(61)]), "quantities_number"),
        (lambda: check_inputs([Quantity("a", D(1)), Quantity("a", D(2))]), "quantity_twice"),
        (
            lambda: check_inputs(two(Standard(D(1)), Standard(D(1))), [Correlation("a", "c", D("0.1"))]),
            "correlation_unknown",
        ),
        (
            lambda: check_inputs(
                two(Standard(D(1)), Standard(D(1))),
                [Correlation("a", "b", D("0.1")), Correlation("b", "a", D("0.1"))],
            ),
            "correlation_twice",
        ),
        (
            lambda: make_budget(compile_formula("a + z"), two(Standard(D(1)), Standard(D(1)))),
            "budget_unknown_name",
        ),
        (
            lambda: make_budget(compile_formula("a + @b"), two(Standard(D(1)), Standard(D(1)))),
            "budget_unknown_name",
        ),
        (
            lambda: make_budget(
                GivenCoefficients({"a": D(1), "b": D(1)}),
                two(Standard(D(1)), Standard(D(1))),
                expansion=Expansion.SECOND_ORDER,
            ),
            "second_order_model",
        ),
        (
            lambda: make_budget(
                SUM,
                two(Standard(D(1)), Standard(D(1))),
                [Correlation("a", "b", D("0.1"))],
                expansion=Expansion.SECOND_ORDER,
            ),
            "second_order_correlated",
        ),
        (lambda: observed_correlation((D(1), D(2)), (D(1),)), "series_readings"),
        (lambda: fit_line([(D(1), D(1)), (D(2), D(2))]), "line_points"),
        (lambda: fit_line([(D(1), D(1)), (D(1), D(2)), (D(1), D(3))]), "line_points"),
    ],
)
def test_a_model_that_does_not_fit_its_inputs_is_refused(act, code):
    assert code_of(act) == code


def test_sixty_quantities_are_allowed():
    assert len(check_inputs([Quantity(f"x{n}", D(1)) for n in range(60)]).quantities) == 60


def triple(ab, bc, ac):
    inputs = [Quantity(name, D(1), (Standard(D(1)),)) for name in "abc"]
    given = [Correlation("a", "b", D(ab)), Correlation("b", "c", D(bc)), Correlation("a", "c", D(ac))]
    return lambda: make_budget(compile_formula("a + b + c"), inputs, given)


def test_correlations_that_exclude_each_other_are_refused_but_printed_ones_are_not():
    assert code_of(triple("0.9", "0.9", "-0.9")) == "correlation_impossible"
    assert code_of(triple("1", "1", "0.9")) == "correlation_impossible"
    # True coefficients 0.995, 0.995, 0.980 printed with two digits.
    assert triple("1", "1", "0.98")().variance > 8
    assert triple("1", "1", "1")().variance == 9


def test_a_variance_is_never_negative_whatever_printed_coefficients_say():
    inputs = [Quantity(name, D(1), (Standard(D(1)),)) for name in "abc"]
    given = [Correlation("a", "b", D(1)), Correlation("b", "c", D(1)), Correlation("a", "c", D("0.995"))]
    # 1 + 4 + 1 - 4 - 4 + 1.99 < 0
    assert make_budget(compile_formula("a - 2 * b + c"), inputs, given).variance == 0


def test_a_model_may_leave_out_a_quantity():
    for method in SensitivityMethod:
        budget = make_budget(compile_formula("2 * a"), two(Standard(D(1)), Standard(D(9))), method=method)
        assert budget.standard_uncertainty == 2
        assert budget.lines[1].sensitivity == 0


def test_stepping_uses_the_uncertainty_itself_as_step():
    # ((3 + 1)^3 - (3 - 1)^3) / 2 = 28, while the derivative is 27.
    inputs = [Quantity("x", D(3), (Standard(D(1)),))]
    stepped = make_budget(compile_formula("x ^ 3"), inputs, method=SensitivityMethod.STEPPED)
    assert (stepped.lines[0].sensitivity, stepped.lines[0].sensitivity_formula) == (28, "")
    assert make_budget(compile_formula("x ^ 3"), inputs).lines[0].sensitivity == 27


@pytest.mark.parametrize("estimate", [0, 4])
def test_stepping_an_exact_source_still_shows_a_coefficient(estimate):
    inputs = [Quantity("x", D(estimate), (Standard(D(0)),))]
    budget = make_budget(compile_formula("3 * x"), inputs, method=SensitivityMethod.STEPPED)
    assert budget.lines[0].sensitivity == 3


@pytest.mark.parametrize("method", SensitivityMethod)
def test_an_exact_quantity_needs_no_derivative(method):
    inputs = [Quantity("x", D(-3), (Standard(D("0.5")),)), Quantity("n", D(2))]
    budget = make_budget(compile_formula("x ^ n"), inputs, method=method)
    assert (budget.value, budget.standard_uncertainty) == (9, 3)
    assert result_correlations({"y": compile_formula("x ^ n"), "x": compile_formula("x")}, inputs) == {
        ("y", "x"): -1
    }


def test_results_without_uncertainty_are_not_correlated():
    models = {"y": SUM, "z": compile_formula("7")}
    assert result_correlations(models, two(Standard(D(1)), Standard(D(1)))) == {("y", "z"): 0}


def test_results_share_what_their_inputs_share():
    inputs = two(Standard(D(1)), Standard(D(1)))
    models = {"s": SUM, "d": compile_formula("a - b"), "t": compile_formula("2 * a + 2 * b")}
    found = result_correlations(models, inputs)
    assert found == {("s", "d"): 0, ("s", "t"): 1, ("d", "t"): 0}
    # var(a) = var(b) = 1, cov = 1/2: cov(s, a) = 3/2, var(s) = 3.
    r = [Correlation("a", "b", D("0.5"))]
    (found,) = result_correlations({"s": SUM, "a": compile_formula("a")}, inputs, r).values()
    assert round_to(F(found) ** 2, D("1E-20")) == D("0.75")


# --- degrees of freedom and coverage ---


def test_quantities_of_one_series_count_their_degrees_of_freedom_once():
    readings = ((D(1), D(2), D(4)), (D(3), D(3), D(5)))
    inputs = two(*(Readings(values) for values in readings), series="run")
    assert effective_dof(make_budget(SUM, inputs)) == 2
    # s(a, b) = 5/3, s_a^2 = 7/3, s_b^2 = 4/3: (7/3 + 4/3 + 10/3) / 3
    assert round_to(make_budget(SUM, inputs).variance, D("1E-20")) == round_to(F(7, 3), D("1E-20"))


def test_readings_that_never_vary_are_not_correlated():
    inputs = two(Readings((D(1), D(1))), Readings((D(1), D(2))), series="run")
    assert make_budget(SUM, inputs).correlations == ()


def test_readings_of_different_series_are_independent():
    inputs = [
        Quantity("a", None, (Readings((D(1), D(2))),), series="one"),
        Quantity("b", None, (Readings((D(1), D(2))),), series="two"),
        Quantity("c", None, (Readings((D(1), D(2))),)),
        Quantity("d", None, (Readings((D(1), D(2))),)),
    ]
    budget = make_budget(compile_formula("a + b + c + d"), inputs)
    assert (budget.correlations, effective_dof(budget)) == ((), 4)


@pytest.mark.parametrize(
    ("one", "other", "series"),
    [
        (Standard(D(1), dof=D(5)), Standard(D(1), dof=D(5)), ""),
        (Standard(D(1), dof=D(5)), Standard(D(1), dof=D(6)), "s"),
        (Standard(D(1), dof=D(5)), Standard(D(1)), "s"),
    ],
)
def test_correlated_quantities_of_other_origin_have_no_common_degrees_of_freedom(one, other, series):
    budget = make_budget(SUM, two(one, other, series=series), [Correlation("a", "b", D("0.5"))])
    assert code_of(lambda: effective_dof(budget)) == "dof_of_correlated"
    assert expand(budget, FixedFactor(D(2))).U > 3


def test_correlated_quantities_without_limits_of_reliability_need_no_series():
    budget = make_budget(SUM, two(Standard(D(1)), Standard(D(1))), [Correlation("a", "b", D("0.5"))])
    assert effective_dof(budget) is None


def test_correlated_quantities_of_one_series_have_its_degrees_of_freedom():
    source = Standard(D(1), dof=D(5))
    budget = make_budget(SUM, two(source, source, series="s"), [Correlation("a", "b", D("0.5"))])
    assert effective_dof(budget) == 5


def test_correlation_with_what_does_not_contribute_changes_no_degrees_of_freedom():
    inputs = [
        Quantity("a", D(5), (Standard(D(1), dof=D(5)), Rectangular(D(2)))),
        Quantity("b", D(2), (Standard(D(1), dof=D(9)),)),
    ]
    budget = make_budget(compile_formula("a + 0 * b"), inputs, [Correlation("a", "b", D("0.5"))])
    # u^2 = 1 + 4/3, and only the first part has limited degrees of freedom.
    assert effective_dof(budget) == F(49, 9) * 5
    assert [part.rectangular for part in budget.parts] == [False, True]


def test_welch_and_satterthwaite_weigh_by_the_square_of_each_variance():
    budget = make_budget(SUM, two(Standard(D(1), dof=D(4)), Standard(D(2), dof=D(8))))
    assert effective_dof(budget) == F(25) / (F(1, 4) + F(16, 8))
    half = make_budget(SUM, two(Standard(D(1), dof=D(4)), Standard(D(2))))
    assert effective_dof(half) == 100


@pytest.mark.parametrize(
    ("policy", "dof", "used"),
    [
        (DofTruncation.FLOOR, F("18.998"), 18),
        (DofTruncation.FLOOR, F(19), 19),
        (DofTruncation.TENTH_FLOOR, F("18.998"), 19),
        (DofTruncation.TENTH_FLOOR, F("18.94"), 18),
        (DofTruncation.NEAREST, F("18.51"), 19),
        (DofTruncation.NEAREST, F("18.5"), 18),
        (DofTruncation.NEAREST, F("18.49"), 18),
        (DofTruncation.NONE, F("18.998"), F("18.998")),
        (DofTruncation.NONE, F("0.4"), F("0.4")),
        (DofTruncation.FLOOR, F(1), 1),
    ],
)
def test_effective_degrees_of_freedom_are_cut_by_a_named_policy(policy, dof, used):
    assert truncate_dof(dof, policy) == used


def test_no_degree_of_freedom_left_is_refused():
    assert code_of(lambda: truncate_dof(F("0.99"), DofTruncation.FLOOR)) == "dof_below_one"


def test_coverage_says_how_it_came_about():
    budget = make_budget(SUM, two(Standard(D(3), dof=D(4)), Standard(D(4))))
    fixed = expand(budget, FixedFactor(D(2), D("0.95")))
    assert (fixed.U, fixed.standard_uncertainty) == (10, 5)
    assert (fixed.coverage.shape, fixed.coverage.p) == (CoverageShape.AGREED, D("0.95"))
    student = expand(budget, StudentFactor(D("0.95")))
    assert (student.coverage.effective_dof, student.coverage.used_dof) == (F(2500, 81), 30)
    assert str(student.coverage.k) == "2.0422724563"  # t table: 2.042
    assert student.coverage.shape is CoverageShape.STUDENT
    assert 5 * student.coverage.k == student.U
    endless = expand(make_budget(SUM, two(Standard(D(3)), Standard(D(4)))), StudentFactor(D("0.95")))
    assert (endless.coverage.shape, str(endless.coverage.k)) == (CoverageShape.NORMAL, "1.95996398454")
    assert endless.coverage.used_dof is None


def test_the_factor_is_rounded_only_where_asked():
    budget = make_budget(SUM, two(Standard(D(3)), Standard(D(4))))
    assert D("9.8") == expand(budget, StudentFactor(D("0.95")), factor_decimals=2).U
    assert str(expand(budget, StudentFactor(D("0.95")), factor_decimals=0).coverage.k) == "2"
    for wrong in (-1, 11):
        act = lambda decimals=wrong: expand(budget, StudentFactor(D("0.95")), factor_decimals=decimals)  # noqa: E731
        assert code_of(act) == "factor_decimals"


RULE = DominantFactor(D("0.95"), otherwise=StudentFactor(D("0.95")))


def dominated(*sources):
    names = [f"x{place}" for place in range(len(sources))]
    inputs = [Quantity(name, D(0), (source,)) for name, source in zip(names, sources, strict=True)]
    return expand(make_budget(compile_formula(" + ".join(names)), inputs), RULE).coverage


def test_one_rectangle_dominates_when_the_rest_is_at_most_three_tenths_of_it():
    wide = Rectangular(D(300).sqrt())
    # Variances 100/3 and 3: the rest is exactly 0.3 of it.
    assert dominated(Rectangular(D(10)), Rectangular(D(3))).shape is CoverageShape.RECTANGULAR
    assert dominated(Rectangular(D(10)), Rectangular(D("3.01"))).shape is CoverageShape.TRAPEZOIDAL
    assert dominated(Rectangular(D(30)), Standard(D(5))).shape is CoverageShape.RECTANGULAR
    assert dominated(Rectangular(D(30)), Standard(D("5.196"))).shape is CoverageShape.RECTANGULAR
    assert dominated(Rectangular(D(30)), Standard(D("5.197"))).shape is CoverageShape.NORMAL
    assert str(dominated(wide).k) == "1.64544826719"  # 0.95 sqrt(3)
    assert dominated(Triangular(D(30)), Standard(D(1))).shape is CoverageShape.NORMAL


def test_terms_of_second_order_count_among_the_rest():
    inputs = [Quantity("a", D(0), (Rectangular(D(1)),)), Quantity("b", D(0), (Standard(D(9)),))]
    model = compile_formula("a + a * b")
    shapes = [expand(make_budget(model, inputs, expansion=order), RULE).coverage.shape for order in Expansion]
    assert shapes == [CoverageShape.RECTANGULAR, CoverageShape.NORMAL]


def test_two_rectangles_dominate_together():
    both = dominated(Standard(D("0.46")), Rectangular(D(25)), Rectangular(D(50)))
    assert both.shape is CoverageShape.TRAPEZOIDAL
    assert str(both.edge) == "0.333333333333"
    assert both.k == trapezoid_factor(F("0.95"), F(1, 3))
    assert dominated(Rectangular(D(25)), Rectangular(D(50)), Rectangular(D(20))).shape is CoverageShape.NORMAL
    same = dominated(Rectangular(D(50)), Rectangular(D(50)))
    assert same.edge == 0
    # Triangle: k = (1 - sqrt(0.05)) sqrt(6)
    assert str(same.k) == "1.90176718527"


def test_the_factor_of_a_trapezoid_reaches_that_of_a_rectangle():
    assert str(trapezoid_factor(F("0.95"), F(1))) == "1.64544826719"
    # Both branches meet where the interval ends at the edge of the top: p (1 + b) = 2 b.
    edge = F("0.95") / F("1.05")
    outside, inside = (trapezoid_factor(F("0.95"), edge + step) for step in (F(-1, 10**9), F(1, 10**9)))
    assert abs(outside - inside) < D("1E-8")


@given(st.fractions(0, 1, max_denominator=1000), st.fractions(F(1, 100), F(99, 100), max_denominator=100))
def test_a_trapezoid_interval_holds_its_probability(edge, p):
    k = F(trapezoid_factor(p, edge))
    # Half width 1, so the interval ends at k u.
    u = float((1 + edge**2) / 6) ** 0.5
    end, top = float(k) * u, float(edge)
    height = 1 / (1 + top)
    sloping = 0 if end <= top else ((1 - top) - (1 - end) ** 2 / (1 - top))
    held = 2 * height * (min(end, top) + sloping / 2)
    assert abs(held - float(p)) < 1e-9


# --- statement ---


def rule(rounding, digits=UncertaintyDigits.TWO, **more):
    return StatementRule(UncertaintyRounding(rounding), digits, **more)


@pytest.mark.parametrize(
    ("U", "nearest", "up", "five_percent"),
    [
        ("10.47", "10", "11", "10"),  # 4.5 % would be taken off
        ("28.05", "28", "29", "28"),
        ("1.05", "1.0", "1.1", "1.0"),  # 4.8 %
        ("0.0996", "0.10", "0.10", "0.10"),
        ("9.94", "9.9", "10", "9.9"),
        ("9.96", "10", "10", "10"),
        ("12", "12", "12", "12"),
        ("0.125", "0.12", "0.13", "0.12"),
        ("0.135", "0.14", "0.14", "0.14"),
        ("1234", "1.2E+3", "1.3E+3", "1.2E+3"),
    ],
)
def test_an_expanded_uncertainty_is_rounded_by_a_named_rule(U, nearest, up, five_percent):
    found = [str(round_uncertainty(D(U), rule(name))) for name in ("nearest", "up", "nearest_unless_lowered")]
    assert found == [nearest, up, five_percent]


@pytest.mark.parametrize(
    ("U", "one"),
    [("0.14", "0.2"), ("0.106", "0.2"), ("0.105", "0.1"), ("0.16", "0.2"), ("0.92", "0.9"), ("0.95", "1")],
)
def test_one_digit_goes_up_where_rounding_would_take_off_more_than_5_percent(U, one):
    assert D(str(round_uncertainty(D(U), rule("nearest_unless_lowered", UncertaintyDigits.ONE)))) == D(one)


def test_the_share_that_rounding_may_take_off_can_be_set():
    # GUM 7.2.6: 10.47 may become 11 while 28.05 becomes 28.
    strict = rule("nearest_unless_lowered", lowered_by=D("0.01"))
    assert [str(round_uncertainty(D(U), strict)) for U in ("10.47", "28.05")] == ["11", "28"]


@pytest.mark.parametrize(("share", "printed"), [("0.04", "12"), ("0.0399", "13")])
def test_rounding_may_take_off_just_the_share_that_is_set(share, printed):
    # From 12.5 to 12 it takes off 4 %.
    assert str(round_uncertainty(D("12.5"), rule("nearest_unless_lowered", lowered_by=D(share)))) == printed


@pytest.mark.parametrize(
    ("U", "printed"),
    [("0.234", "0.23"), ("0.1949", "0.19"), ("0.299", "0.30"), ("0.31", "0.3"), ("0.96", "1")],
)
def test_a_first_digit_of_1_or_2_keeps_two_digits(U, printed):
    found = round_uncertainty(D(U), rule("nearest", UncertaintyDigits.BY_FIRST_DIGIT))
    assert found == D(printed)


def test_the_result_ends_at_the_same_place_and_is_rounded_once():
    statement = state(D("10.05762"), D("0.027"))
    assert (str(statement.value), str(statement.U)) == ("10.058", "0.027")  # GUM 7.2.6
    assert str(state(F(100, 3), D("0.3"), rule("nearest", UncertaintyDigits.ONE)).value) == "33.3"
    assert str(state(D("12345"), D(280), rule("nearest", UncertaintyDigits.ONE)).value) == "1.23E+4"
    # 97.46 to whole grams is 97, never 97.5 and then 98.
    assert str(state(D("97.46"), D(10)).value) == "97"


def test_nothing_can_be_stated_with_an_uncertainty_of_zero():
    assert code_of(lambda: round_uncertainty(D(0))) == "uncertainty_not_positive"


def test_a_statement_below_the_accredited_capability_is_found():
    finding = check_capability(D("0.026"), D("0.027"))
    assert (finding.code, finding.U, finding.cmc) == ("uncertainty_below_cmc", D("0.026"), D("0.027"))
    assert check_capability(D("0.027"), D("0.0270")) is None
    assert check_capability(D("0.03"), D("0.027")) is None


# --- properties ---

widths = st.decimals(min_value=D("0.001"), max_value=99, places=3)
dofs = st.none() | st.integers(1, 50).map(D)
sources = st.one_of(
    st.builds(Rectangular, widths, dofs),
    st.builds(Triangular, widths, dofs),
    st.builds(UShaped, widths, dofs),
    st.builds(Standard, widths, dofs),
    st.builds(Expanded, widths, st.sampled_from([D(2), D("1.65"), D(3)]), dofs),
    st.builds(Readings, st.lists(widths, min_size=2, max_size=6).map(tuple)),
)
estimates = st.decimals(min_value=D("0.5"), max_value=50, places=2)
models = st.sampled_from(
    ["a * b / c", "a + b - c", "sqrt(a * b) + ln(c)", "a ^ 2 * exp(b / 100) + c", "max(a, b) * sin(c)"]
)


@given(models, st.lists(st.tuples(estimates, sources), min_size=3, max_size=3), st.randoms(), st.booleans())
@settings(max_examples=40)
def test_the_order_of_a_budget_changes_nothing_in_its_sums(model, given_inputs, random, correlated):
    quantities = [
        Quantity(name, estimate, (source,))
        for name, (estimate, source) in zip("abc", given_inputs, strict=True)
    ]
    given_r = [Correlation("a", "b", D("0.5")), Correlation("c", "a", D("-0.25"))] if correlated else []
    shuffled, shuffled_r = quantities[:], given_r[:]
    random.shuffle(shuffled)
    random.shuffle(shuffled_r)
    one = make_budget(compile_formula(model), quantities, given_r)
    other = make_budget(compile_formula(model), shuffled, shuffled_r)
    assert (one.value, one.variance) == (other.value, other.variance)
    assert sorted(map(repr, one.lines)) == sorted(map(repr, other.lines))
    if not correlated:
        assert effective_dof(one) == effective_dof(other)
        assert expand(one, RULE) == expand(other, RULE)


@given(models, st.lists(st.tuples(estimates, widths), min_size=3, max_size=3))
@settings(max_examples=30)
def test_derived_and_stepped_coefficients_agree_for_small_uncertainties(model, given_inputs):
    quantities = [
        Quantity(name, estimate, (Standard(width * D("1E-9")),))
        for name, (estimate, width) in zip("abc", given_inputs, strict=True)
    ]
    if given_inputs[0][0] == given_inputs[1][0]:
        return  # max has a kink there
    derived, stepped = (
        make_budget(compile_formula(model), quantities, method=method) for method in SensitivityMethod
    )
    for one, other in zip(derived.lines, stepped.lines, strict=True):
        assert abs(one.sensitivity - other.sensitivity) <= abs(one.sensitivity) * D("1E-6") + D("1E-9")


@given(st.decimals(min_value=D("1E-6"), max_value=D("1E6"), places=9), st.sampled_from(UncertaintyDigits))
def test_rounding_an_uncertainty_up_never_makes_it_smaller_and_rounds_once(U, digits):
    up = round_uncertainty(U, rule("up", digits))
    assert up >= U
    assert round_uncertainty(up, rule("up", digits)) == up or digits is UncertaintyDigits.BY_FIRST_DIGIT
    lowered = round_uncertainty(U, rule("nearest_unless_lowered", digits))
    assert F(lowered) >= F(U) * F("0.95")
    assert lowered <= up


@given(
    st.fractions(-1000, 1000, max_denominator=10**6),
    st.fractions(F(1, 1000), 1000, max_denominator=10**6),
    st.sampled_from(UncertaintyRounding),
    st.sampled_from(UncertaintyDigits),
)
def test_a_result_and_its_uncertainty_are_rounded_once(value, U, rounding, digits):
    """Written down with 34 digits on the way, they still come out the same, at one common place."""
    chosen = StatementRule(rounding, digits)
    statement = state(value, U, chosen)
    assert state(to_decimal(value), to_decimal(U), chosen) == statement
    assert statement.value.as_tuple().exponent == statement.U.as_tuple().exponent
    assert abs(F(statement.value) - value) <= F(last_place(statement.U)) / 2
