"""A stored seed gives the stored figures again, also in a later release: each way of drawing is written down here.

Changing one of these figures makes every stored Monte Carlo result impossible to repeat.
"""

from decimal import Decimal as D
from fractions import Fraction as F
from math import isclose
from statistics import fmean, stdev

import pytest

from lims.metrology.budgets import make_budget
from lims.metrology.coverage import FixedFactor, expand
from lims.metrology.errors import MetrologyError
from lims.metrology.formula_check import compile_formula
from lims.metrology.monte_carlo import AdaptiveStop, FixedDraws, Interval, run_monte_carlo, validate_budget
from lims.metrology.monte_carlo_draws import FiniteDof, Sampler
from lims.metrology.quantities import Correlation, Quantity, check_inputs
from lims.metrology.uncertainty_sources import (
    InexactRectangular,
    Rectangular,
    Relative,
    Resolution,
    Standard,
    Trapezoidal,
    Triangular,
    UShaped,
)


def drawn(quantities, correlations=(), count=2, seed=1):
    draws = Sampler(check_inputs(quantities, correlations), seed, FiniteDof.STUDENT).draw(count)
    return {name: values.tolist() for name, values in draws.items()}


def near(found, expected):
    return all(isclose(one, other, rel_tol=1e-12) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("sources", "figures"),
    [
        ((Rectangular(D(3)),), (6.194207284621014, 3.0460131282385747)),
        ((Resolution(D(3)),), (5.597103642310508, 4.023006564119288)),
        ((Triangular(D(3)),), (6.0324592389023906, 3.4836137239184986)),
        ((UShaped(D(3)),), (3.244013730827447, 7.561187097755306)),
        ((Trapezoidal(D(3), D("0.25")),), (6.072896250332047, 3.374213574998518)),
        ((InexactRectangular(D(3), D(1)),), (5.986245598706112, 4.155429103703856)),
        ((Standard(D(2)),), (3.719362943202667, 5.785545430801327)),
        ((Standard(D(2), dof=D(5)),), (3.789427516693252, 7.6208006341288055)),
        ((Relative(Rectangular(D("0.1")), F(-30)),), (6.194207284621014, 3.0460131282385747)),
        ((Rectangular(D(3)), Standard(D(2))), (5.4079025172072495, 5.240561908746669)),
        ((Standard(D(2)), Rectangular(D(3))), (5.4079025172072495, 5.240561908746669)),
    ],
)
def test_draws_of_each_shape(sources, figures):
    assert near(drawn([Quantity("x", D(5), sources)])["x"], figures)


@pytest.mark.parametrize(
    ("dof", "series", "expected"),
    [
        (
            None,
            "",
            {
                "a": (0.35968147160133346, 1.3927727154006633),
                "b": (-1.981917648143702, 3.4399615637472496),
                "c": (0.10894943704375937, 2.2462400285001545),
            },
        ),
        (
            D(5),
            "s",
            {
                "a": (0.23531104882384313, 1.3084912659698407),
                "b": (-2.3668697069670475, 2.701812157714328),
                "c": (-0.8410496639696294, 2.83714380740912),
            },
        ),
    ],
)
def test_draws_of_correlated_quantities(dof, series, expected):
    quantities = [
        Quantity(name, D(estimate), (Standard(D(u), dof=dof),), series=series)
        for name, estimate, u in (("c", 5, 2), ("a", 1, 1), ("b", 0, 3))
    ]
    found = drawn(quantities, [Correlation("a", "b", D("0.5")), Correlation("c", "b", D("-0.25"))])
    assert found.keys() == expected.keys()
    assert all(near(found[name], expected[name]) for name in expected)


def test_each_quantity_has_a_stream_of_its_own():
    """What else is in the model changes no draw of a quantity before it in the alphabet."""
    one, other = (Quantity(name, D(0), (Standard(D(1)),)) for name in "ab")
    assert drawn([one, other])["a"] == drawn([one])["a"]
    assert drawn([one, other])["a"] != drawn([one, other])["b"]
    assert drawn([one], seed=2)["a"] != drawn([one])["a"]


def test_correlated_figures_in_percent_are_drawn_together():
    """A normal source that follows a figure is normal; a rectangle that follows one is not."""
    parts = {"normal": Standard(D("0.1")), "rectangle": Rectangular(D("0.1"))}
    made = {
        kind: [Quantity(name, D(10), (Relative(part, F(10)),)) for name in "ab"]
        for kind, part in parts.items()
    }
    together = [Correlation("a", "b", D(1))]
    found = drawn(made["normal"], together)
    assert near(found["a"], found["b"])
    with pytest.raises(MetrologyError) as refused:
        drawn(made["rectangle"], together)
    assert refused.value.code == "monte_carlo_correlated"


def test_full_correlation_and_none_beside_it():
    """Pivot zero: b is a, whatever c is."""
    quantities = [Quantity(name, D(0), (Standard(D(1)),)) for name in "abc"]
    r = [Correlation("a", "b", D(1)), Correlation("a", "c", D("0.6")), Correlation("b", "c", D("0.6"))]
    found = drawn(quantities, r, count=2000)
    assert near(found["a"], found["b"])
    both = fmean(one * other for one, other in zip(found["a"], found["c"], strict=True))
    assert abs(both - 0.6) < 0.05
    assert abs(stdev(found["c"]) - 1) < 0.05


def test_mean_and_deviation_are_those_of_the_draws():
    quantities = [Quantity("a", D(5), (Standard(D(2)),))]
    result = run_monte_carlo(compile_formula("a"), quantities, seed=1, stop=FixedDraws(200))
    draws = drawn(quantities, count=200)["a"]
    assert isclose(result.value, fmean(draws), rel_tol=1e-12)
    assert isclose(result.standard_uncertainty, stdev(draws), rel_tol=1e-12)  # n - 1 (JCGM 101 7.6)


def test_an_adaptive_run_is_its_blocks_one_behind_the_other():
    quantities = [Quantity("a", D(5), (Standard(D(2)),)), Quantity("b", D(5), (Rectangular(D(2)),))]
    model = compile_formula("a + b")
    adaptive = run_monte_carlo(model, quantities, seed=1, stop=AdaptiveStop(digits=1))
    fixed = run_monte_carlo(model, quantities, seed=1, stop=FixedDraws(adaptive.draws))
    assert isclose(adaptive.value, fixed.value, abs_tol=0.1)
    # Twice the standard deviation of the block means is below the tolerance, which is half a unit of u's first digit.
    assert adaptive.tolerance == 0.5
    assert (adaptive.settled, adaptive.draws) == (True, 20_000)


def test_a_run_without_spread_asks_for_none():
    result = run_monte_carlo(compile_formula("7"), [Quantity("a", D(1))], seed=0)
    assert (result.tolerance, result.settled) == (0, True)
    fixed = run_monte_carlo(compile_formula("7"), [Quantity("a", D(1))], seed=0, stop=FixedDraws(200))
    assert (fixed.tolerance, fixed.settled) == (None, True)


def test_each_end_must_be_near_enough_for_itself():
    budget = make_budget(compile_formula("a"), [Quantity("a", D(10), (Standard(D(1)),))])
    expanded = expand(budget, FixedFactor(D(2)))
    for interval, holds in (
        (Interval(8.05, 12.0), True),
        (Interval(8.06, 12.0), False),
        (Interval(8.0, 12.06), False),
    ):
        assert validate_budget(budget.value, expanded, interval).holds is holds


@pytest.mark.parametrize(("finer", "draws"), [(1, 30_000), (2, 60_000), (3, 200_000)])
def test_an_adaptive_run_takes_as_many_draws_again(finer, draws):
    quantities = [Quantity("a", D(5), (Standard(D(2)),)), Quantity("b", D(5), (Rectangular(D(2)),))]
    stop = AdaptiveStop(digits=2, finer=finer)
    assert run_monte_carlo(compile_formula("a * b"), quantities, seed=1, stop=stop).draws == draws


def test_the_last_digits_of_a_double_do_not_part_two_ends():
    """402.05 as a double lies 1E-14 above what it is written as."""
    budget = make_budget(compile_formula("a"), [Quantity("a", D(400), (Standard(D(1)),))])
    assert validate_budget(budget.value, expand(budget, FixedFactor(D(2))), Interval(398.0, 402.05)).holds
