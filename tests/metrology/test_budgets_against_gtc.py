"""Our budgets beside the GUM Tree Calculator, an independent implementation (development dependency)."""

from decimal import Decimal
from math import isclose

import pytest

from lims.metrology.budgets import make_budget
from lims.metrology.coverage import effective_dof
from lims.metrology.formula_check import compile_formula
from lims.metrology.quantities import Correlation, Quantity
from lims.metrology.uncertainty_sources import Readings, Standard

gtc = pytest.importorskip("GTC", reason="GTC is a cross-check only")
from GTC import type_a  # noqa: E402

D = Decimal
ESTIMATES = {"a": (2.5, 0.03, 7), "b": (1.25, 0.02, 12), "c": (0.5, 0.01, 30)}
MODELS = {
    "a * b / c": lambda a, b, c: a * b / c,
    "a ^ 2 - sqrt(b) * exp(c)": lambda a, b, c: a**2 - gtc.sqrt(b) * gtc.exp(c),
    "ln(a / b) + c ^ (a - b)": lambda a, b, c: gtc.log(a / b) + c ** (a - b),
    "sin(a) * cos(b) + atan(c)": lambda a, b, c: gtc.sin(a) * gtc.cos(b) + gtc.atan(c),
    "log10(a) + tan(c) + asin(c) - acos(c / 2)": lambda a, _b, c: (
        gtc.log10(a) + gtc.tan(c) + gtc.asin(c) - gtc.acos(c / 2)
    ),
}


@pytest.mark.parametrize("text", MODELS)
def test_value_uncertainty_and_degrees_of_freedom_agree(text):
    theirs = MODELS[text](*(gtc.ureal(*figures) for figures in ESTIMATES.values()))
    ours = make_budget(
        compile_formula(text),
        [
            Quantity(name, D(str(x)), (Standard(D(str(u)), dof=D(nu)),))
            for name, (x, u, nu) in ESTIMATES.items()
        ],
    )
    assert isclose(ours.value, gtc.value(theirs), rel_tol=1e-12)
    assert isclose(ours.standard_uncertainty, gtc.uncertainty(theirs), rel_tol=1e-12)
    assert isclose(effective_dof(ours), gtc.dof(theirs), rel_tol=1e-10)


def test_correlated_quantities_agree():
    a, b = (gtc.ureal(x, u, independent=False) for x, u in ((2.5, 0.03), (1.25, 0.02)))
    gtc.set_correlation(-0.4, a, b)
    ours = make_budget(
        compile_formula("a * b"),
        [Quantity("a", D("2.5"), (Standard(D("0.03")),)), Quantity("b", D("1.25"), (Standard(D("0.02")),))],
        [Correlation("a", "b", D("-0.4"))],
    )
    assert isclose(ours.standard_uncertainty, gtc.uncertainty(a * b), rel_tol=1e-12)


def test_readings_taken_together_agree_also_in_their_degrees_of_freedom():
    first, second = (5.007, 4.994, 5.005, 4.990, 4.999), (19.663, 19.639, 19.640, 19.685, 19.678)
    a, b = type_a.multi_estimate_real((first, second), labels=("a", "b"))
    c = gtc.ureal(1.5, 0.001, 10)
    ours = make_budget(
        compile_formula("a / b * c"),
        [
            Quantity("a", None, (Readings(tuple(D(str(x)) for x in first)),), series="run"),
            Quantity("b", None, (Readings(tuple(D(str(x)) for x in second)),), series="run"),
            Quantity("c", D("1.5"), (Standard(D("0.001"), dof=D(10)),)),
        ],
    )
    theirs = a / b * c
    assert isclose(ours.standard_uncertainty, gtc.uncertainty(theirs), rel_tol=1e-10)
    assert isclose(effective_dof(ours), gtc.dof(theirs), rel_tol=1e-8)
