"""Published budgets through the form that a method's budget has: as data, not as code."""

from decimal import Decimal as D
from fractions import Fraction
from math import exp, isclose, log

import pytest

from lims.metrology.budget_formulas import series_of
from lims.metrology.conformity_risk import (
    Bounds,
    GammaPrior,
    NormalPrior,
    RectangularPrior,
    conformance_probability,
    global_risk,
    probability_inside,
)
from lims.metrology.coverage import CoverageShape, DofTruncation
from lims.metrology.errors import MetrologyError
from lims.metrology.formula_check import compile_formula
from lims.metrology.method_budgets import (
    RESULT,
    MethodBudget,
    SourceKind,
    SourceText,
    check_budget,
    uncertainty_of,
)
from lims.metrology.method_monte_carlo import Asked, propagate
from lims.metrology.monte_carlo import FixedDraws, run_monte_carlo
from lims.metrology.probability import normal_cdf
from lims.metrology.quantities import Correlation, Quantity
from lims.metrology.rounding import round_to
from lims.metrology.straight_line import fit_line
from lims.metrology.uncertainty_sources import Distribution, Gamma, Relative
from lims.metrology.uncertainty_statements import StatementRule, UncertaintyDigits, UncertaintyRounding
from tests.metrology.test_published_budgets import CORRECTIONS, TEMPERATURES, TOGETHER, figures

K = SourceKind
ONE_DIGIT = StatementRule(UncertaintyRounding.NEAREST, UncertaintyDigits.ONE)


def printed(value, place):
    return str(round_to(value, D(place)))


def at_zero(formula, **known):
    return {name: D(known.get(name, "0")) for name in formula.inputs}


# --- one or two dominant rectangles: EA-4/02 S9 and S11 ---

BLOCK = compile_formula("tS + dtS + dtD - dtiX + dtR + dtA + dtH + dtV")
BLOCK_SOURCES = (
    SourceText("tS", K.EXPANDED, D("0.030"), D(2)),
    SourceText("dtS", K.EXPANDED, D("0.020"), D(2)),
    *(
        SourceText(name, K.RECTANGULAR, D(half))
        for name, half in (
            ("dtD", "0.040"),
            ("dtiX", "0.050"),
            ("dtR", "0.100"),
            ("dtA", "0.250"),
            ("dtH", "0.050"),
            ("dtV", "0.030"),
        )
    ),
)


def test_ea402_s11_temperature_block():
    """u = 164 mK; the document calls it a trapezoid of beta 0.43, k 1.81 (1.797 by its own formula), U = 0.3 K."""
    budget = MethodBudget(BLOCK_SOURCES, dominance=D("0.35"), statement=ONE_DIGIT)
    found = uncertainty_of(BLOCK, at_zero(BLOCK, tS="180.1"), {}, budget)
    assert printed(found.expanded.standard_uncertainty, "0.001") == "0.164"
    coverage = found.expanded.coverage
    assert (coverage.shape, printed(coverage.edge, "0.01")) == (CoverageShape.TRAPEZOIDAL, "0.43")
    assert printed(coverage.k, "0.1") == "1.8"
    assert str(found.U) == "0.3"


def test_what_dominates_is_said_by_the_budget():
    """The rest of S11 is 0.343 of its two largest: by the 0.3 of S9.14 it is not dominated."""
    for dominance, shape in ((None, "agreed"), (D("0.3"), "agreed"), (D("0.35"), "trapezoidal")):
        budget = MethodBudget(BLOCK_SOURCES, dominance=dominance)
        found = uncertainty_of(BLOCK, at_zero(BLOCK, tS="180.1"), {}, budget)
        assert found.expanded.coverage.shape == shape


# --- degrees of freedom: EA-4/02 S12 ---


@pytest.mark.parametrize(
    ("truncation", "used"), [("floor", "10"), ("tenth_floor", "10"), ("nearest", "10"), ("none", "10.4")]
)
def test_ea402_s12_water_meter(truncation, used):
    """Mean error of three runs, s_mean 0.00060, and 0.00068 of a single run: dof 10, k 2.28, U 0.002 in relative units."""
    model = compile_formula("e + d")
    sources = (
        SourceText("e", K.STANDARD, D("0.00060"), dof=D(2)),
        SourceText("d", K.STANDARD, D("0.00068")),
    )
    budget = MethodBudget(
        sources, k=None, p=D("0.9545"), truncation=DofTruncation(truncation), statement=ONE_DIGIT
    )
    found = uncertainty_of(model, at_zero(model), {}, budget)
    assert printed(found.expanded.standard_uncertainty, "0.00001") == "0.00091"
    assert printed(found.expanded.coverage.used_dof, "0.1").removesuffix(".0") == used
    if truncation == "floor":
        assert (printed(found.k, "0.01"), str(found.U)) == ("2.28", "0.002")


# --- together: GUM H.2 and H.3 ---

IMPEDANCE = compile_formula("mean(V) / mean(I) * cos(mean(phi))")
RUNS = {one.name: list(one.sources[0].values) for one in TOGETHER}
IN_SETS = MethodBudget(
    tuple(SourceText(name, K.READINGS) for name in ("V", "I", "phi")),
    k=None,
    together=(("V", "I"), ("phi", "I")),
)


def test_gum_h2_from_replicates_taken_together():
    check_budget(IN_SETS, IMPEDANCE)
    found = uncertainty_of(IMPEDANCE, RUNS, {}, IN_SETS)
    assert printed(found.budget.value, "0.001") == "127.732"
    assert printed(found.expanded.standard_uncertainty, "0.001") == "0.071"
    assert found.expanded.coverage.used_dof == 4
    # Drawn from one multivariate t: u is wider by sqrt(4 / 2).
    drawn = propagate(IMPEDANCE, RUNS, {}, IN_SETS, Asked(digits=1), seed=2)
    assert abs(drawn.result.standard_uncertainty - 0.0711 * 2**0.5) < 0.003


def test_gum_h3_from_the_parameters_of_one_fit():
    points = list(zip(figures(*TEMPERATURES.split()), figures(*CORRECTIONS.split()), strict=True))
    fit = fit_line(points, origin=D(20))
    line = compile_formula("y1 + y2 * (t - 20)")
    budget = MethodBudget(
        tuple(
            SourceText(name, K.STANDARD, round_to(u, D("1E-12")), dof=D(fit.dof))
            for name, u in (("y1", fit.u_intercept), ("y2", fit.u_slope))
        ),
        k=None,
        correlations=(Correlation("y1", "y2", round_to(fit.r, D("1E-9"))),),
        together=(("y1", "y2"),),
    )
    check_budget(budget, line)
    at = {"y1": fit.intercept, "y2": fit.slope, "t": D(30)}
    found = uncertainty_of(line, at, {}, budget)
    assert printed(found.budget.value, "0.0001") == "-0.1494"
    assert printed(found.expanded.standard_uncertainty, "0.0001") == "0.0041"
    assert found.expanded.coverage.used_dof == 9


@pytest.mark.parametrize(
    ("sources", "given", "code"),
    [
        ([("V", K.READINGS), ("I", K.READINGS)], "0.5", "budget_together"),
        ([("V", K.STANDARD), ("I", K.READINGS)], None, "budget_together"),
        ([("V", K.STANDARD), ("I", K.STANDARD)], None, "budget_together"),
        ([("V", K.READINGS), ("I", K.READINGS), ("I", K.STANDARD)], None, "quantity_series"),
        ([("V", K.READINGS)], None, "quantity_series"),
    ],
)
def test_what_shows_no_correlation_needs_a_coefficient(sources, given, code):
    budget = MethodBudget(
        tuple(SourceText(name, kind, None if kind is K.READINGS else D(1)) for name, kind in sources),
        correlations=() if given is None else (Correlation("I", "V", D(given)),),
        together=(("V", "I"),),
    )
    with pytest.raises(MetrologyError) as refused:
        check_budget(budget, IMPEDANCE)
    assert refused.value.code == code


def test_second_order_is_for_independent_quantities():
    pair = tuple(SourceText(name, K.STANDARD, D(1)) for name in ("V", "I"))
    budget = MethodBudget(pair, correlations=(Correlation("I", "V", D("0.5")),), second_order=True)
    with pytest.raises(MetrologyError) as refused:
        check_budget(budget, IMPEDANCE)
    assert refused.value.code == "second_order_correlated"


def test_coefficients_that_exclude_each_other_are_found_before_release():
    model = compile_formula("a + b + c")
    pairs = (("a", "b", "1"), ("b", "c", "1"), ("a", "c", "-1"))
    sources = tuple(SourceText(name, K.STANDARD, D(1)) for name in "abc")
    budget = MethodBudget(sources, correlations=tuple(Correlation(a, b, D(r)) for a, b, r in pairs))
    with pytest.raises(MetrologyError) as refused:
        check_budget(budget, model)
    assert refused.value.code == "correlation_impossible"


def test_pairs_that_share_a_quantity_are_one_series():
    pairs = [("d", "c"), ("x", "y"), ("a", "b"), ("b", "c")]
    found = series_of(pairs)
    assert {found[name] for name in "abcd"} == {found["a"]}
    assert found["x"] == found["y"] != found["a"]


def test_another_item_may_stand_with_a_sign():
    model = compile_formula("100 + -@moisture")
    sources = (SourceText("@moisture", K.EXPANDED_AT, D("0.392"), D("0.95")),)
    found = uncertainty_of(model, {}, {"moisture": Fraction(20)}, MethodBudget(sources))
    assert (found.budget.value, printed(found.expanded.standard_uncertainty, "0.001")) == (80, "0.200")


def test_an_earlier_series_gives_one_reading_unless_more_are_averaged():
    at = {"x": D(5)}
    of_one, of_four = (
        uncertainty_of(compile_formula("x"), at, {}, MethodBudget((source,)))
        for source in (
            SourceText("x", K.POOLED, D("0.2"), dof=D(9)),
            SourceText("x", K.POOLED, D("0.2"), D(4), D(9)),
        )
    )
    assert (D("0.40"), D("0.20")) == (of_one.U, of_four.U)


# --- second order: JCGM 101 9.4.2 (table 8) and EA-4/02 S4 ---


@pytest.mark.parametrize(("x1", "first", "second"), [("0.010", "100", "112"), ("0.050", "500", "502")])
def test_jcgm101_94_as_data(x1, first, second):
    model = compile_formula("X1 ^ 2 + X2 ^ 2")
    sources = tuple(SourceText(name, K.STANDARD, D("0.005")) for name in model.inputs)
    micro = [
        printed(
            uncertainty_of(
                model, {"X1": D(x1), "X2": D(0)}, {}, MethodBudget(sources, second_order=order)
            ).expanded.standard_uncertainty
            * 10**6,
            "1",
        )
        for order in (False, True)
    ]
    assert micro == [first, second]


def test_a_product_of_two_zeros_has_an_uncertainty_in_second_order_only():
    """EA-4/02 S4.7: 50 mm times 0.5 K (rectangular) times 2E-6 per K (triangular), 11.8 nm; the method's own 5 nm beside."""
    model = compile_formula("50000000 * da * Dt")
    sources = (
        SourceText("da", K.TRIANGULAR, D("2E-6")),
        SourceText("Dt", K.RECTANGULAR, D("0.5")),
    )
    at = at_zero(model)
    with pytest.raises(MetrologyError) as refused:
        uncertainty_of(model, at, {}, MethodBudget(sources))
    assert refused.value.code == "uncertainty_zero"
    alone = uncertainty_of(model, at, {}, MethodBudget(sources, second_order=True))
    assert printed(alone.expanded.standard_uncertainty, "0.1") == "11.8"
    own = SourceText(RESULT, K.STANDARD, D(5))
    beside = uncertainty_of(model, at, {}, MethodBudget((*sources, own), second_order=True))
    assert printed(beside.expanded.standard_uncertainty, "0.1") == "12.8"
    assert [printed(beside.budget.share(term.variance), "0.01") for term in beside.budget.second_order] == [
        "0.85"
    ]


# --- shapes of JCGM 101 6.4 ---


def test_an_inexact_half_width_is_a_part_of_it_also_in_percent():
    """JCGM 101 6.4.3.3: a^2/3 + d^2/9; GUM F.2.3.3: expansion 20E-6 within 2E-6, that known to a tenth."""
    model = compile_formula("x")
    ways = (
        SourceText("x", K.CURVED_TRAPEZOIDAL, D("2E-6"), D("0.1")),
        SourceText("x", K.CURVED_TRAPEZOIDAL, D(10), D("0.1"), percent=True),
    )
    for source in ways:
        found = uncertainty_of(model, {"x": D("20E-6")}, {}, MethodBudget((source,)))
        assert found.budget.variance == Fraction(D("4E-12")) / 3 + Fraction(D("4E-14")) / 9
        assert found.budget.lines[0].distribution is Distribution.CURVED_TRAPEZOIDAL


def test_an_exponential_quantity():
    """JCGM 101 6.4.10: mean and standard deviation x; its 95 % interval ends where 2.5 % lie outside."""
    model = compile_formula("x")
    budget = MethodBudget((SourceText("x", K.EXPONENTIAL, D(100), percent=True),))
    for figure in (D(3), D(-3)):
        found = propagate(model, {"x": figure}, {}, budget, Asked(digits=2, most=400_000), seed=5)
        assert found.stated.budget.lines[0].distribution is Distribution.EXPONENTIAL
        assert found.stated.expanded.standard_uncertainty == 3
        ends = [-float(figure) * log(tail) for tail in (0.975, 0.025)]
        assert found.result.symmetric.low == pytest.approx(min(ends), abs=0.02 * 3)
        assert found.result.symmetric.high == pytest.approx(max(ends), abs=0.02 * 3)


def test_a_count_of_events():
    """JCGM 101 6.4.11: q = 3 counted, expectation and variance 4; below it by the chi-square table (8 dof) 95 % of 7.754."""
    source = SourceText("n", K.GAMMA, D(2), D(4))
    budget = MethodBudget((source,))
    found = uncertainty_of(compile_formula("n"), {"n": D(4)}, {}, budget)
    assert found.budget.lines[0].distribution is Distribution.GAMMA
    drawn = run_monte_carlo(
        compile_formula("n"),
        [Quantity("n", D(4), (Gamma(D(2), D(4)),))],
        seed=4,
        p=D("0.90"),
        stop=FixedDraws(200_000),
    )
    assert (drawn.value, drawn.standard_uncertainty) == (
        pytest.approx(4, abs=0.02),
        pytest.approx(2, abs=0.02),
    )
    # chi-square with 8 degrees of freedom: 2.733 and 15.507 at 5 % and 95 %.
    assert drawn.symmetric.low == pytest.approx(2.733 / 2, abs=0.02)
    assert drawn.symmetric.high == pytest.approx(15.507 / 2, abs=0.05)


def test_a_shape_is_greater_than_zero_and_a_source_that_follows_has_its_size():
    with pytest.raises(MetrologyError):
        Gamma(D(1), D(0))
    with pytest.raises(MetrologyError):
        Gamma(D(-1))
    followed = Relative(Gamma(D("0.5"), D(9)), Fraction(4))
    assert Quantity("x", D(4), (followed,)).variance == 4


# --- what cannot be negative: JCGM 106 A.4.4.3 ---


def test_global_risk_of_an_exponential_process_has_a_closed_form():
    """Mean 1, limit 2: consumer e^-2 (1/2 - e^(u^2/2) Phi(-u)); the share that conforms 1 - e^-2."""
    u, limit = 0.2, Bounds(high=D(2))
    risk = global_risk(GammaPrior(D(1), D(1)), D("0.2"), limit, limit)
    assert isclose(risk.consumer, exp(-2) * (0.5 - exp(u * u / 2) * normal_cdf(-u)), rel_tol=1e-9)
    assert isclose(risk.conforming, 1 - exp(-2), rel_tol=1e-11)


def test_the_conformance_probability_of_what_is_not_normal():
    """JCGM 106 7.2: a rectangle of 9.8 to 10.2 below 10.1, three quarters; an exponential quantity below its mean, 1 - 1/e;
    a normal one as by its closed form; what lies wholly outside, nothing."""
    below = Bounds(high=D("10.1"))
    assert isclose(probability_inside(RectangularPrior(D("9.8"), D("10.2")), below), 0.75, rel_tol=1e-11)
    assert probability_inside(RectangularPrior(D(11), D(12)), below) == 0
    assert isclose(probability_inside(GammaPrior(D(5), D(5)), Bounds(high=D(5))), 1 - exp(-1), rel_tol=1e-10)
    assert isclose(probability_inside(GammaPrior(D(1), D(1)), Bounds(low=D(24))), exp(-24), rel_tol=1e-6)
    both = Bounds(D("9.9"), D("10.1"))
    normal = conformance_probability(D("10.05"), D("0.04"), both)
    assert isclose(probability_inside(NormalPrior(D("10.05"), D("0.04")), both), normal, rel_tol=1e-10)


def test_a_gamma_process_conforms_as_often_as_its_distribution_says():
    """Shape 4, rate 4: 1 - e^-8 (1 + 8 + 8^2/2 + 8^3/6) lie below 2."""
    risk = global_risk(GammaPrior(D(1), D("0.5")), D("0.2"), Bounds(high=D(2)), Bounds(high=D("1.8")))
    assert isclose(risk.conforming, 1 - exp(-8) * (1 + 8 + 32 + 512 / 6), rel_tol=1e-11)
    with pytest.raises(MetrologyError) as refused:
        global_risk(GammaPrior(D(1), D("1.1")), D("0.2"), Bounds(high=D(2)), Bounds(high=D(2)))
    assert refused.value.code == "prior_mean"
