"""Worked examples of EURACHEM/CITAC QUAM:2012 (CG 4) and more of EA-4/02 M:2022, from their inputs to their figures.

Where the guide rounds on the way, the figure without that rounding stands beside it.
"""

from decimal import Decimal as D

import pytest

from lims.metrology.budgets import GivenCoefficients, make_budget
from lims.metrology.coverage import FixedFactor, StudentFactor, effective_dof, expand
from lims.metrology.formula_check import compile_formula
from lims.metrology.quantities import Quantity
from lims.metrology.rounding import round_significant, round_to
from lims.metrology.sensitivities import SensitivityMethod
from lims.metrology.straight_line import fit_line
from lims.metrology.uncertainty_sources import (
    Expanded,
    ExpandedAt,
    PooledDeviation,
    Readings,
    Rectangular,
    Standard,
    Triangular,
)
from lims.metrology.uncertainty_statements import StatementRule, UncertaintyDigits, UncertaintyRounding, state

METHODS = list(SensitivityMethod)
ONE_DIGIT = StatementRule(UncertaintyRounding.NEAREST, UncertaintyDigits.ONE)


def printed(value, place):
    return str(round_to(value, D(place)))


def inputs(**given):
    """Each quantity by its estimate and the sources behind it."""
    return [Quantity(name, D(estimate), tuple(sources)) for name, (estimate, *sources) in given.items()]


def by_quantity(budget):
    """The contribution of each quantity, its sources put together, two significant digits."""
    squares = {}
    for line in budget.lines:
        squares[line.quantity] = squares.get(line.quantity, 0) + line.contribution**2
    return {name: str(round_significant(square.sqrt(), 2)) for name, square in squares.items()}


# --- QUAM A1: a calibration standard of cadmium, mg/L ---


@pytest.mark.parametrize("method", METHODS)
def test_quam_a1_calibration_standard(method):
    """c = 1002.7 mg/L, u(m) 0.05 mg, u(P) 0.000058, u(V) 0.07 mL; u = 0.9 mg/L from the rounded 0.07, else 0.84."""
    given = inputs(
        m=("100.28", Standard(D("0.05"))),
        P=("0.9999", Rectangular(D("0.0001"))),
        V=("100.0", Triangular(D("0.1")), Standard(D("0.02")), Rectangular(D("0.084"))),
    )
    model = compile_formula("1000 * m * P / V")
    budget = make_budget(model, given, method=method)
    assert printed(budget.value, "0.1") == "1002.7"
    assert by_quantity(budget) == {"m": "0.50", "P": "0.058", "V": "0.67"}  # figure A1.5
    assert printed(budget.standard_uncertainty, "0.001") == "0.835"
    as_printed = [*given[:2], Quantity("V", D("100.0"), (Standard(D("0.07")),))]
    rounded = make_budget(model, as_printed)
    statement = state(rounded.value, 2 * round_to(rounded.standard_uncertainty, D("0.1")))
    assert (str(statement.value), str(statement.U)) == ("1002.7", "1.8")


# --- QUAM A2 and A3: titrations, mol/L ---

WEIGHED = (Rectangular(D("0.00015")), Rectangular(D("0.00015")))  # tare and gross
KHP = {
    "C": ("12.0107", Rectangular(D("0.0008"))),
    "H": ("1.00794", Rectangular(D("0.00007"))),
    "O": ("15.9994", Rectangular(D("0.0003"))),
    "K": ("39.0983", Rectangular(D("0.0001"))),
}


@pytest.mark.parametrize("method", METHODS)
def test_quam_a2_sodium_hydroxide(method):
    """0.1021(4) mol/L: c = 0.10214, u = 0.00010, U = 0.0002."""
    given = inputs(
        rep=("1.0", Standard(D("0.0005"))),
        m=("0.3888", *WEIGHED),
        P=("1.0", Rectangular(D("0.0005"))),
        V=("18.64", Triangular(D("0.03")), ExpandedAt(D("0.012"), D("0.95"))),
        **KHP,
    )
    model = compile_formula("rep * 1000 * m * P / ((8 * C + 5 * H + 4 * O + K) * V)")
    budget = make_budget(model, given, method=method)
    assert printed(budget.value, "0.00001") == "0.10214"
    assert printed(budget.standard_uncertainty, "0.00001") == "0.00010"
    shown = by_quantity(budget)
    assert (shown["V"], shown["rep"], shown["m"], shown["P"]) == (
        "0.000075",
        "0.000051",
        "0.000032",
        "0.000029",
    )
    statement = state(budget.value, expand(budget, FixedFactor(D(2))).U, ONE_DIGIT)
    assert (str(statement.value), str(statement.U)) == ("0.1021", "0.0002")


def test_quam_a2_molar_mass():
    """M = 204.2212 g/mol, u = 0.0038 g/mol (A2.4)."""
    budget = make_budget(compile_formula("8 * C + 5 * H + 4 * O + K"), inputs(**KHP))
    assert (printed(budget.value, "0.0001"), printed(budget.standard_uncertainty, "0.0001")) == (
        "204.2212",
        "0.0038",
    )


@pytest.mark.parametrize(("repeatability", "u"), [("0.001", "0.00018"), ("0.00057735", "0.00016")])
def test_quam_a3_hydrochloric_acid(repeatability, u):
    """c = 0.10139 mol/L, u = 0.00018; three titrations instead of one, 0.00016 (A3.6)."""
    given = inputs(
        rep=("1", Standard(D(repeatability))),
        m=("0.3888", *WEIGHED),
        P=("1.0", Rectangular(D("0.0005"))),
        V1=("18.64", Triangular(D("0.03")), Rectangular(D("0.01596"))),  # 19 mL, 4 degrees, 2.1E-4 each
        V2=("14.89", Triangular(D("0.03")), Rectangular(D("0.0126"))),
        VHCl=("15", Triangular(D("0.02")), Rectangular(D("0.0126"))),
        **KHP,
    )
    model = compile_formula("rep * 1000 * m * P * V2 / ((8 * C + 5 * H + 4 * O + K) * V1 * VHCl)")
    budget = make_budget(model, given)
    assert printed(budget.value, "0.00001") == "0.10139"
    assert printed(budget.standard_uncertainty, "0.00001") == u
    shown = by_quantity(budget)
    assert (shown["V2"], shown["V1"], shown["VHCl"]) == ("0.000097", "0.000083", "0.000074")


def test_quam_a3_with_its_rounded_inputs():
    """Table A3.1: the relative uncertainties that it prints add up to 0.0018."""
    relative = {
        "rep": "0.001",
        "m": "0.00033",
        "P": "0.00029",
        "V2": "0.0010",
        "V1": "0.00086",
        "M": "0.000019",
        "V": "0.00073",
    }
    given = [Quantity(name, D(1), (Standard(D(u)),)) for name, u in relative.items()]
    budget = make_budget(GivenCoefficients(dict.fromkeys(relative, D(1)), D("0.10139")), given)
    assert printed(budget.standard_uncertainty, "0.0001") == "0.0019"
    assert printed(budget.standard_uncertainty * D("0.10139"), "0.00001") == "0.00019"


def test_quam_a4_pesticides_in_bread():
    """P = 1.11 mg/kg: repeatability 0.27, recovery 0.9 (0.043), homogeneity 0.2; u/P = 0.34, u = 0.38 mg/kg."""
    given = inputs(
        rep=("1", Standard(D("0.27"))),
        P=("1.0",),
        recovery=("0.9", Standard(D("0.043"))),
        hom=("1", Standard(D("0.2"))),
    )
    budget = make_budget(compile_formula("rep * P / recovery * hom"), given)
    assert printed(budget.value, "0.01") == "1.11"
    assert printed(budget.standard_uncertainty / D("1.11"), "0.01") == "0.34"
    assert printed(budget.standard_uncertainty, "0.01") == "0.38"


# --- QUAM A5: cadmium released from ceramic ware, by a calibration line ---

CONCENTRATIONS = "0.1 0.1 0.1 0.3 0.3 0.3 0.5 0.5 0.5 0.7 0.7 0.7 0.9 0.9 0.9"
ABSORBANCES = "0.028 0.029 0.029 0.084 0.083 0.081 0.135 0.131 0.133 0.180 0.181 0.183 0.215 0.230 0.216"


def calibrated():
    points = list(zip(map(D, CONCENTRATIONS.split()), map(D, ABSORBANCES.split()), strict=True))
    fit = fit_line(points)
    parameters, correlation = fit.quantities("B0", "B1")
    absorbance = Quantity("A", D("0.0714"), (PooledDeviation(fit.s, D(fit.dof), n=2),))
    return fit, [*parameters, absorbance], correlation


def test_quam_a5_concentration_from_the_line():
    """Table A5.3: B0 = 0.0087 (0.0029), B1 = 0.2410 (0.0050), r; S = 0.005486; c0 = 0.26 mg/L, u = 0.018."""
    fit, quantities, correlation = calibrated()
    assert (printed(fit.intercept, "0.0001"), printed(fit.u_intercept, "0.0001")) == ("0.0087", "0.0029")
    assert (printed(fit.slope, "0.0001"), printed(fit.u_slope, "0.0001")) == ("0.2410", "0.0050")
    assert (printed(fit.s, "0.000001"), fit.dof, printed(fit.r, "0.001")) == ("0.005486", 13, "-0.870")
    budget = make_budget(compile_formula("(A - B0) / B1"), quantities, [correlation])
    assert printed(budget.value, "0.01") == "0.26"
    assert printed(budget.standard_uncertainty, "0.001") == "0.018"
    # A5.4: (S / B1) sqrt(1/p + 1/n + (c0 - c)^2 / Sxx) with p = 2, n = 15, Sxx = 1.2 is the same, to the last digit.
    c0, slope = budget.value, round_significant(fit.slope, 30)
    by_hand = (
        fit.s / slope * (D("0.5") + 1 / D(15) + (round_significant(c0, 30) - D("0.5")) ** 2 / D("1.2")).sqrt()
    )
    assert round_significant(budget.standard_uncertainty, 20) == round_significant(by_hand, 20)


def test_quam_a5_mass_released_per_area():
    """r = 0.015 mg/dm2, u = 0.0014 (0.0015 from rounded figures), U = 0.003."""
    _, quantities, correlation = calibrated()
    given = inputs(
        VL=("0.332", Standard(D("0.0018"))),
        diameter=("2.70", Standard(D("0.01"))),
        shape=("1", ExpandedAt(D("0.05"), D("0.95"))),
        acid=("1", Standard(D("0.0008"))),
        time=("1", Rectangular(D("0.0015"))),
        temp=("1", Rectangular(D("0.1"))),
    )
    model = compile_formula("(A - B0) / B1 * VL / (pi() * diameter ^ 2 / 4 * shape) * acid * time * temp")
    budget = make_budget(model, [*quantities, *given], [correlation])
    assert printed(budget.value, "0.001") == "0.015"
    assert round_significant(budget.standard_uncertainty, 1) == D("0.001")
    assert D("0.0014") <= budget.standard_uncertainty <= D("0.0015")
    assert str(state(budget.value, expand(budget, FixedFactor(D(2))).U, ONE_DIGIT).U) == "0.003"


# --- EA-4/02 S5: type N thermocouple at 1000 degrees Celsius, in two stages ---


def test_ea402_s5_thermocouple():
    """t = 1000.5 degrees, u 0.641 K; emf at 1000.0 degrees 36 229 uV, u 25.0 uV: (36 230 +- 50) uV."""
    furnace = inputs(
        tS=("1000.5", PooledDeviation(D("0.10"), D(9))),
        dtS=("0", Expanded(D("0.3"), D(2))),
        dV1=("0", Expanded(D("2.0"), D(2))),
        dV2=("0", Rectangular(D("0.5"))),
        dVR=("0", Rectangular(D("2.0"))),
        dt0=("0", Rectangular(D("0.1"))),
        dD=("0", Rectangular(D("0.3"))),
        dF=("0", Rectangular(D("1.0"))),
    )
    first = make_budget(
        compile_formula("tS + dtS + 0.077 * (dV1 + dV2 + dVR) - 0.077 / 0.189 * dt0 + dD + dF"), furnace
    )
    assert (printed(first.value, "0.1"), printed(first.standard_uncertainty, "0.001")) == ("1000.5", "0.641")
    emf = inputs(
        ViX=("36248", PooledDeviation(D("1.6"), D(9))),
        dV1=("0", Expanded(D("2.0"), D(2))),
        dV2=("0", Rectangular(D("0.5"))),
        dVR=("0", Rectangular(D("2.0"))),
        dVL=("0", Rectangular(D("5.0"))),
        t=(str(round_significant(first.value, 20)), Standard(first.standard_uncertainty)),
        dt0=("0", Rectangular(D("0.1"))),
    )
    second = make_budget(
        compile_formula("ViX + dV1 + dV2 + dVR + dVL + (1000 - t) / 0.026 - dt0 / 0.039"), emf
    )
    assert (printed(second.value, "1"), printed(second.standard_uncertainty, "0.1")) == ("36229", "25.0")
    statement = state(second.value, expand(second, FixedFactor(D(2))).U, ONE_DIGIT)
    assert (int(statement.value), int(statement.U)) == (36230, 50)


def test_ea402_s7_step_attenuator():
    """L = 30.043 dB, u 0.0224 dB, U 0.045 dB; the mismatch of 0.0200 dB is U-shaped."""
    given = inputs(
        dLS=("0.003", Standard(D("0.0025"))),
        dLD=("0", Standard(D("0.0011"))),
        dLM=("0", Standard(D("0.0200"))),
        dLK=("0", Standard(D("0.0017"))),
        dLi=("0", Standard(D("0.0003")), Standard(D("0.0003"))),
        dL0=("0", Standard(D("0.0020")), Standard(D("0.0020"))),
    )
    readings = Readings(tuple(map(D, ("30.033", "30.058", "30.018", "30.052"))))
    budget = make_budget(
        compile_formula("LS + dLS + dLD + dLM + dLK + dLi + dL0"), [Quantity("LS", None, (readings,)), *given]
    )
    assert printed(budget.value, "0.001") == "30.043"
    assert printed(budget.standard_uncertainty, "0.0001") == "0.0224"
    assert str(state(budget.value, expand(budget, FixedFactor(D(2))).U).U) == "0.045"
    # One type A source of 0.0091 dB with 3 degrees of freedom: S7.12 calls the result normal.
    assert effective_dof(budget) > 100
    assert expand(budget, StudentFactor(D("0.9545")), factor_decimals=1).coverage.k == D("2.0")
