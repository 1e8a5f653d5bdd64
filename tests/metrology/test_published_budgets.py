"""Worked examples of the GUM and of EA-4/02, from their inputs to the figures they print."""

from decimal import Decimal

import pytest

from lims.metrology.budgets import Expansion, GivenCoefficients, make_budget
from lims.metrology.coverage import (
    CoverageShape,
    DofTruncation,
    DominantFactor,
    FixedFactor,
    StudentFactor,
    effective_dof,
    expand,
)
from lims.metrology.formula import value_at
from lims.metrology.formula_check import compile_formula
from lims.metrology.joint_results import result_correlations
from lims.metrology.quantities import Correlation, Quantity
from lims.metrology.rounding import round_significant, round_to
from lims.metrology.sensitivities import SensitivityMethod
from lims.metrology.straight_line import fit_line
from lims.metrology.uncertainty_sources import (
    Expanded,
    ExpandedAt,
    PooledDeviation,
    Readings,
    Rectangular,
    Resolution,
    Standard,
    Triangular,
    UShaped,
    dof_from_reliability,
    root,
)
from lims.metrology.uncertainty_statements import (
    StatementRule,
    UncertaintyDigits,
    UncertaintyRounding,
    state,
)

D = Decimal
METHODS = list(SensitivityMethod)
ONE_DIGIT = StatementRule(UncertaintyRounding.NEAREST, UncertaintyDigits.ONE)
DOMINANT = DominantFactor(D("0.95"), otherwise=FixedFactor(D(2)))


def figures(*texts):
    return tuple(map(D, texts))


def printed(value, place):
    return str(round_to(value, D(place)))


# --- GUM H.1: end gauge, in nanometres and degrees Celsius ---

END_GAUGE = compile_formula("ls + d - ls * (da * theta + alpha * dt)")
END_GAUGE_INPUTS = (
    Quantity("ls", D(50_000_623), (Expanded(D(75), D(3), dof=D(18)),), "nm"),
    Quantity(
        "d",
        D(215),
        (
            PooledDeviation(D(13), D(24), n=5, label="repeated comparisons"),
            # GUM H.1.3.2: 0.01 um at 95 % from six replicates.
            ExpandedAt(D(10), D("0.95"), dof=D(5), label="random of comparator"),
            Expanded(D(20), D(3), dof=dof_from_reliability(D("0.25")), label="systematic of comparator"),
        ),
        "nm",
    ),
    Quantity("da", D(0), (Rectangular(D("1E-6"), dof=dof_from_reliability(D("0.1"))),), "1/°C"),
    Quantity("theta", D("-0.1"), (Standard(D("0.2")), UShaped(D("0.5"))), "°C"),
    Quantity("alpha", D("11.5E-6"), (Rectangular(D("2E-6")),), "1/°C"),
    Quantity("dt", D(0), (Rectangular(D("0.05"), dof=dof_from_reliability(D("0.5"))),), "°C"),
)


@pytest.mark.parametrize("method", METHODS)
def test_gum_h1_end_gauge(method):
    budget = make_budget(END_GAUGE, END_GAUGE_INPUTS, method=method)
    assert printed(budget.value, "1") == "50000838"
    assert printed(budget.standard_uncertainty, "1") == "32"
    assert printed(effective_dof(budget), "0.1") == "16.7"
    expanded = expand(budget, StudentFactor(D("0.99")), factor_decimals=2)
    assert (str(expanded.coverage.k), expanded.coverage.used_dof) == ("2.92", 16)
    # H.1.6 multiplies the printed 32 nm by 2.92: 93 nm. Unrounded it is 92.5 nm, so U is rounded up.
    up = StatementRule(UncertaintyRounding.UP, UncertaintyDigits.TWO)
    assert str(state(budget.value, expanded.U, up).U) == "93"


def test_gum_h1_line_by_line():
    budget = make_budget(END_GAUGE, END_GAUGE_INPUTS)
    contributions = [printed(abs(line.contribution), "0.1") for line in budget.lines]
    # Table H.1: 25; 5.8, 3.9, 6.7; 2.9; 0 and 0; 0; 16.6 nm.
    assert contributions == ["25.0", "5.8", "3.9", "6.7", "2.9", "0.0", "0.0", "0.0", "16.6"]
    assert [line.dof for line in budget.lines][:5] == [18, 24, 5, 8, 50]
    by_hand = make_budget(END_GAUGE, END_GAUGE_INPUTS, expansion=Expansion.SECOND_ORDER)
    assert printed(by_hand.standard_uncertainty, "1") == "34"  # H.1.7
    terms = {(term.one, term.other): printed(root(term.variance), "0.1") for term in by_hand.second_order}
    terms = {pair: u for pair, u in terms.items() if u != "0.0"}
    assert terms == {("alpha", "dt"): "1.7", ("da", "theta"): "11.7"}


# --- GUM H.2: resistance and reactance, readings taken together ---

TOGETHER = (
    Quantity("V", None, (Readings(figures("5.007", "4.994", "5.005", "4.990", "4.999")),), "V", "run"),
    Quantity(
        "I",
        None,
        (Readings(figures("0.019663", "0.019639", "0.019640", "0.019685", "0.019678")),),
        "A",
        "run",
    ),
    Quantity(
        "phi", None, (Readings(figures("1.0456", "1.0438", "1.0468", "1.0428", "1.0433")),), "rad", "run"
    ),
)
IMPEDANCE = {
    "R": compile_formula("V / I * cos(phi)"),
    "X": compile_formula("V / I * sin(phi)"),
    "Z": compile_formula("V / I"),
}


# Table H.4 prints 0.295 for X; without rounding on the way these readings give 0.29558.
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("name", "value", "u"), [("R", "127.732", "0.071"), ("X", "219.847", "0.296"), ("Z", "254.260", "0.236")]
)
def test_gum_h2_impedance_from_correlated_readings(name, value, u, method):
    budget = make_budget(IMPEDANCE[name], TOGETHER, method=method)
    assert (printed(budget.value, "0.001"), printed(budget.standard_uncertainty, "0.001")) == (value, u)
    assert {(term.one, term.other): printed(term.r, "0.01") for term in budget.correlations} == {
        ("I", "V"): "-0.36",
        ("V", "phi"): "0.86",
        ("I", "phi"): "-0.65",
    }
    assert effective_dof(budget) == 4  # five sets, one mean (H.2.4, approach 2)


@pytest.mark.parametrize("method", METHODS)
def test_gum_h2_correlations_of_the_three_results(method):
    found = result_correlations(IMPEDANCE, TOGETHER, method=method)
    assert {pair: printed(r, "0.001") for pair, r in found.items()} == {
        ("R", "X"): "-0.588",
        ("R", "Z"): "-0.485",
        ("X", "Z"): "0.993",
    }


# --- GUM H.3: calibration line of a thermometer ---

TEMPERATURES = "21.521 22.012 22.512 23.003 23.507 23.999 24.513 25.002 25.503 26.010 26.511"
CORRECTIONS = "-0.171 -0.169 -0.166 -0.159 -0.164 -0.165 -0.156 -0.157 -0.159 -0.161 -0.160"


def test_gum_h3_line_and_its_prediction():
    points = list(zip(figures(*TEMPERATURES.split()), figures(*CORRECTIONS.split()), strict=True))
    fit = fit_line(points, origin=D(20))
    assert (printed(fit.intercept, "0.0001"), printed(fit.u_intercept, "0.0001")) == ("-0.1712", "0.0029")
    assert (printed(fit.slope, "0.00001"), printed(fit.u_slope, "0.00001")) == ("0.00218", "0.00067")
    assert (printed(fit.r, "0.001"), printed(fit.s, "0.0001"), fit.dof) == ("-0.930", "0.0035", 9)
    parameters, correlation = fit.quantities("y1", "y2")
    budget = make_budget(compile_formula("y1 + y2 * (30 - 20)"), parameters, [correlation])
    assert printed(budget.value, "0.0001") == "-0.1494"
    assert printed(budget.standard_uncertainty, "0.0001") == "0.0041"
    assert effective_dof(budget) == 9


# --- GUM H.4: radon in water ---

CYCLES = """243.74 15380 305.56 4054 367.37 41432
984.53 14978 1046.10 3922 1107.66 38706
1723.87 14394 1785.43 4200 1846.99 35860
2463.17 13254 2524.73 3830 2586.28 32238
3217.56 12516 3279.12 3956 3340.68 29640
3956.83 11058 4018.38 3980 4079.94 26356"""
COUNT_RATE = compile_formula("(C - B) / 60 * exp(1.25894E-4 * t)")


def test_gum_h4_activity_from_count_rates_observed_in_turns():
    rates = {"S": [], "x": []}
    for line in CYCLES.splitlines():
        t_s, c_s, _, blank, t_x, c_x = figures(*line.split())
        rates["S"].append(value_at(COUNT_RATE.root, {"C": c_s, "B": blank, "t": t_s}))
        rates["x"].append(value_at(COUNT_RATE.root, {"C": c_x, "B": blank, "t": t_x}))
    inputs = (
        Quantity("AS", D("0.1368"), (Standard(D("0.0018")),), "Bq/g"),
        Quantity("mS", D("5.0192"), (Standard(D("0.0050")),), "g"),
        Quantity("mx", D("5.0571"), (Standard(D("0.0010")),), "g"),
        Quantity("Rx", None, (Readings(tuple(rates["x"])),), "1/min", "cycles"),
        Quantity("RS", None, (Readings(tuple(rates["S"])),), "1/min", "cycles"),
    )
    budget = make_budget(compile_formula("AS * mS / mx * Rx / RS"), inputs)
    by_name = {line.quantity: line for line in budget.lines}
    assert printed(by_name["Rx"].estimate, "0.01") == "652.60"
    assert printed(by_name["Rx"].standard_uncertainty, "0.01") == "6.42"
    assert printed(by_name["RS"].estimate, "0.01") == "206.09"
    assert printed(by_name["RS"].standard_uncertainty, "0.01") == "3.79"
    assert [printed(term.r, "0.001") for term in budget.correlations] == ["0.646"]
    # H.4.3.2 prints 0.4300 from figures rounded on the way.
    assert printed(budget.value, "0.001") == "0.430"
    assert printed(budget.standard_uncertainty, "0.0001") == "0.0083"


# --- GUM H.6: Rockwell C hardness, in scale units ---


def test_gum_h6_hardness_on_a_reference_scale():
    """64.0 HRC, u 0.55; H.6.6 names 0.5 (national standard), 0.20 (repeatability), 0.11 (block); two readings to 0.1 beside."""
    inputs = (
        Quantity("d", D("36.0"), (PooledDeviation(D("0.45"), D(4), n=5), Resolution(D("0.1")))),
        Quantity("c", D(0), (Resolution(D("0.1")),)),
        Quantity("b", D(0), (Standard(D("0.11")),)),
        Quantity("S", D(0), (Standard(D("0.5")),)),
    )
    budget = make_budget(compile_formula("100 - d - c - b - S"), inputs)
    assert (printed(budget.value, "0.1"), printed(budget.standard_uncertainty, "0.01")) == ("64.0", "0.55")
    assert printed(root(budget.lines[0].variance), "0.01") == "0.20"


# --- GUM G.4.1 ---


def test_gum_g41_relative_uncertainties_of_a_product():
    inputs = [
        Quantity(name, D(1), (Standard(D(u), dof=D(n - 1)),), "%")
        for name, u, n in (("X1", "0.25", 10), ("X2", "0.57", 5), ("X3", "0.82", 15))
    ]
    budget = make_budget(GivenCoefficients(dict.fromkeys(("X1", "X2", "X3"), D(1)), D(100)), inputs)
    assert printed(budget.standard_uncertainty, "0.01") == "1.03"
    assert printed(effective_dof(budget), "0.1") == "19.0"
    expanded = expand(budget, StudentFactor(D("0.95"), DofTruncation.TENTH_FLOOR), factor_decimals=2)
    assert (expanded.coverage.used_dof, str(expanded.coverage.k)) == (19, "2.09")
    assert printed(expanded.U, "0.1") == "2.2"


# --- EA-4/02 M:2013, supplements ---


def test_ea402_s2_weight_of_10_kg():
    inputs = (
        Quantity("mS", D("10000.005"), (Expanded(D("0.045"), D(2)),), "g"),
        Quantity("dD", D(0), (Rectangular(D("0.015")),), "g"),
        Quantity("dm", D("0.020"), (PooledDeviation(D("0.025"), D(9), n=3),), "g"),
        Quantity("dC", D(0), (Rectangular(D("0.010")),), "g"),
        Quantity("dB", D(0), (Rectangular(D("0.010")),), "g"),
    )
    budget = make_budget(compile_formula("mS + dD + dm + dC + dB"), inputs)
    assert printed(budget.standard_uncertainty, "0.0001") == "0.0293"
    statement = state(budget.value, expand(budget, FixedFactor(D(2))).U)
    assert (str(statement.value), str(statement.U)) == ("10000.025", "0.059")


@pytest.mark.parametrize("method", METHODS)
def test_ea402_s3_resistor_of_10_kiloohm(method):
    inputs = (
        Quantity("RS", D("10000.053"), (Expanded(D("0.005"), D(2)),), "Ω"),
        Quantity("dD", D("0.020"), (Rectangular(D("0.010")),), "Ω"),
        Quantity("dTS", D(0), (Rectangular(D("0.00275")),), "Ω"),
        Quantity("dTX", D(0), (Rectangular(D("0.0055")),), "Ω"),
        Quantity("rC", D(1), (Triangular(D("1.0E-6")),)),
        Quantity(
            "r",
            None,
            (Readings(figures("1.0000104", "1.0000107", "1.0000106", "1.0000103", "1.0000105")),),
        ),
    )
    budget = make_budget(compile_formula("(RS + dD + dTS) * rC * r - dTX"), inputs, method=method)
    milliohm = [printed(abs(line.contribution) * 1000, "0.1") for line in budget.lines]
    assert milliohm == ["2.5", "5.8", "1.6", "3.2", "4.1", "0.7"]
    assert printed(budget.standard_uncertainty, "0.00001") == "0.00833"
    statement = state(budget.value, expand(budget, FixedFactor(D(2))).U)
    assert (str(statement.value), str(statement.U)) == ("10000.178", "0.017")


def test_ea402_s4_gauge_block_with_a_product_of_two_zeros():
    """The term of thermal expansion is a product of two quantities of estimate zero: second order alone."""
    inputs = (
        Quantity("lS", D("50000020"), (Expanded(D(30), D(2)),), "nm"),
        Quantity("dD", D(0), (Triangular(D(30)),), "nm"),
        Quantity("dl", D(-94), (PooledDeviation(D(12), D(10), n=5),), "nm"),
        Quantity("dC", D(0), (Rectangular(D(32)),), "nm"),
        Quantity("alpha", D("11.5E-6"), ()),
        Quantity("dt", D(0), (Rectangular(D("0.05")),), "°C"),
        Quantity("da", D(0), (Triangular(D("2E-6")),), "1/°C"),
        Quantity("Dt", D(0), (Rectangular(D("0.5")),), "°C"),
        Quantity("dV", D(0), (Rectangular(D("6.7")),), "nm"),
    )
    model = compile_formula("lS + dD + dl + dC - 50000000 * (alpha * dt + da * Dt) - dV")
    budget = make_budget(model, inputs, expansion=Expansion.SECOND_ORDER)
    contributions = [printed(abs(line.contribution), "0.1") for line in budget.lines]
    assert contributions == ["15.0", "12.2", "5.4", "18.5", "16.6", "0.0", "0.0", "3.9"]
    assert [printed(root(term.variance), "0.1") for term in budget.second_order] == ["11.8"]
    assert printed(budget.value, "1") == "49999926"


def test_ea402_s9_multimeter_at_100_volt():
    inputs = (
        Quantity("ViX", D("100.1"), ()),
        Quantity("VS", D(100), (Expanded(D("0.002"), D(2)),), "V"),
        Quantity("dViX", D(0), (Rectangular(D("0.05")),), "V"),
        Quantity("dVS", D(0), (Rectangular(D("0.011")),), "V"),
    )
    budget = make_budget(compile_formula("ViX - VS + dViX - dVS"), inputs)
    assert printed(budget.standard_uncertainty, "0.001") == "0.030"
    expanded = expand(budget, DOMINANT, factor_decimals=2)
    # sqrt(3) * 0.95 = 1.645...; the document prints 1.65.
    assert expanded.coverage.shape is CoverageShape.RECTANGULAR
    assert str(expanded.coverage.k) == "1.65"
    statement = state(budget.value, expanded.U, ONE_DIGIT)
    assert (str(statement.value), str(statement.U)) == ("0.10", "0.05")


def test_ea402_s10_vernier_caliper_with_two_dominant_rectangles():
    inputs = (
        Quantity("liX", D("150.10"), ()),
        Quantity("lS", D(150), (Rectangular(D("0.0008")),), "mm"),
        Quantity("Dt", D(0), (Rectangular(D(2)),), "K"),
        Quantity("dliX", D(0), (Rectangular(D("0.025")),), "mm"),
        Quantity("dlM", D(0), (Rectangular(D("0.050")),), "mm"),
    )
    budget = make_budget(compile_formula("liX - lS + 150 * 11.5E-6 * Dt + dliX + dlM"), inputs)
    assert printed(budget.standard_uncertainty, "0.001") == "0.032"
    expanded = expand(budget, DOMINANT, factor_decimals=2)
    assert (expanded.coverage.shape, printed(expanded.coverage.edge, "0.01")) == (
        CoverageShape.TRAPEZOIDAL,
        "0.33",
    )
    assert str(expanded.coverage.k) == "1.83"
    statement = state(budget.value, expanded.U, ONE_DIGIT)
    assert (str(statement.value), str(statement.U)) == ("0.10", "0.06")


# --- JCGM 101 9.4.2: comparison loss, GUM columns ---


@pytest.mark.parametrize(
    ("x1", "first", "higher"), [("0", "0", "50"), ("0.010", "100", "112"), ("0.050", "500", "502")]
)
def test_jcgm101_94_comparison_loss_of_first_and_higher_order(x1, first, higher):
    inputs = [Quantity("X1", D(x1), (Standard(D("0.005")),)), Quantity("X2", D(0), (Standard(D("0.005")),))]
    model = compile_formula("X1 ^ 2 + X2 ^ 2")
    micro = [
        printed(make_budget(model, inputs, expansion=order).standard_uncertainty * 10**6, "1")
        for order in Expansion
    ]
    assert micro == [first, higher]


def test_jcgm101_94_correlated_inputs_change_the_first_order():
    inputs = [Quantity(x, D("0.010"), (Standard(D("0.005")),)) for x in ("X1", "X2")]
    model, r = compile_formula("X1 ^ 2 + X2 ^ 2"), Correlation("X1", "X2", D("0.9"))
    # u^2 = (2 x u)^2 (2 + 2 r)
    expected = (D("1E-4") ** 2 * D("3.8")).sqrt()
    found = make_budget(model, inputs, [r]).standard_uncertainty
    assert round_significant(found, 20) == round_significant(expected, 20)
