"""A method's budget by Monte Carlo beside the law of propagation: the same model, the same draws, the comparison."""

from decimal import Decimal as D

import pytest

from lims.metrology.errors import MetrologyError
from lims.metrology.formula_check import compile_formula
from lims.metrology.method_budgets import RESULT, MethodBudget, SourceKind, SourceText
from lims.metrology.method_monte_carlo import LEAST_MOST, Asked, expected_counts, propagate
from lims.metrology.monte_carlo_draws import FiniteDof
from lims.metrology.probability import student_cdf, student_density
from lims.metrology.quantities import Correlation

K = SourceKind
FORMULA = compile_formula('m / V * (1 - item("moisture") / 100)')
FIGURES = {"m": D("4.0"), "V": D("2.0")}
ITEMS = {"moisture": D(10)}
BUDGET = MethodBudget(
    (
        SourceText("m", K.STANDARD, D("0.02"), label="0"),
        SourceText("m", K.STANDARD, D("0.02"), label="1"),
        SourceText("V", K.TRIANGULAR, D("0.5"), percent=True, label="2"),
        SourceText("@moisture", K.RECTANGULAR, D("0.2"), label="3"),
        SourceText(RESULT, K.EXPANDED, D(2), D(2), percent=True, label="4"),
    )
)


def run(budget=BUDGET, figures=FIGURES, items=ITEMS, formula=FORMULA, seed=3, **asked):
    return propagate(formula, figures, items, budget, Asked(**asked), seed=seed)


def test_other_items_and_what_acts_on_the_result_are_drawn_with_the_inputs():
    found = run(digits=1, finer=5)
    assert found.result.settled
    assert abs(found.result.value - 1.8) < 0.001
    u = float(found.stated.expanded.standard_uncertainty)
    assert abs(found.result.standard_uncertainty - u) < 0.01 * u
    assert found.compared.symmetric.holds
    assert found.compared.expanded.coverage.k != found.stated.k == 2  # compared at p, not at the agreed k
    assert abs(found.stated_share - D("0.957")) < D("0.004")  # U is 0.046, stated 0.046: 2.02 u
    assert sum(found.histogram.counts) > 0.995 * found.result.draws


def test_a_histogram_is_as_wide_as_the_curve_over_it():
    """A rectangle ends at 1.73 u; the curve of the GUM is drawn to 3.5 u."""
    narrow = MethodBudget((SourceText("m", K.RECTANGULAR, D("0.3")),))
    found = propagate(compile_formula("m"), {"m": D(5)}, {}, narrow, Asked(digits=1), seed=3)
    reach = 3.5 * 0.3 / 3**0.5
    assert (found.histogram.low, found.histogram.high) == pytest.approx((5 - reach, 5 + reach), rel=1e-3)


def test_how_a_figure_is_written_and_the_order_of_sources_change_no_draw():
    wordy = MethodBudget(
        tuple(
            SourceText(
                one.quantity, one.kind, D(f"{one.size}00"), one.parameter, None, one.percent, one.label
            )
            if "." in str(one.size)
            else one
            for one in reversed(BUDGET.sources)
        )
    )
    assert run(wordy, {"m": D("4.00"), "V": D(2)}).result == run().result


def test_the_smaller_the_model_the_more_draws_it_may_have_and_no_clock_decides():
    small = run(most=5_000_000, digits=1).most
    terms = ", ".join(['m / V * item("moisture")'] * 60)
    large = run(formula=compile_formula(f"mean({terms})"), most=5_000_000, digits=1).most
    assert small > 10 * LEAST_MOST > large >= LEAST_MOST
    asked = []
    ended = propagate(
        FORMULA,
        FIGURES,
        ITEMS,
        BUDGET,
        Asked(finer=100),
        seed=3,
        going_on=lambda: asked.append(1) or len(asked) < 3,
    )
    assert (ended.result.settled, ended.result.draws) == (False, 40_000)
    assert run(finer=100, most=40_000).result == ended.result


def test_two_readings_are_drawn_from_t_only_where_t_has_a_deviation():
    budget = MethodBudget((SourceText("m", K.READINGS),))
    mean = compile_formula("mean(m)")
    two = {"m": [D("1.0"), D("1.1")]}
    with pytest.raises(MetrologyError) as refusal:
        run(budget, two, {}, mean)
    assert refusal.value.code == "monte_carlo_dof"
    found = run(budget, two, {}, mean, finite_dof=FiniteDof.NORMAL, digits=1)
    assert abs(found.result.standard_uncertainty - 0.05) < 0.002
    # t of one degree of freedom reaches 12.7 u: nothing like it was drawn.
    assert found.compared.expanded.coverage.used_dof == 1
    assert not found.compared.symmetric.holds


def test_correlated_quantities_with_unknown_common_freedom_are_drawn_but_not_compared():
    pair = [SourceText(name, K.STANDARD, D("0.01"), dof=D(8)) for name in ("m", "V")]
    found = run(
        MethodBudget(tuple(pair), correlations=(Correlation("m", "V", D("0.5")),)),
        finite_dof=FiniteDof.NORMAL,
    )
    assert (found.compared, found.not_compared, found.decisive) == (None, "dof_of_correlated", False)


def test_what_a_float_cannot_hold_is_refused():
    tiny = MethodBudget((SourceText("m", K.STANDARD, D("1E-15")),))
    with pytest.raises(MetrologyError) as refusal:
        run(tiny)
    assert refusal.value.code == "monte_carlo_noise"
    budget = MethodBudget((SourceText("m", K.STANDARD, D(1), percent=True),))
    with pytest.raises(MetrologyError) as refusal:
        run(budget, {"m": D("1E60")}, {}, compile_formula("m ^ 8 / m ^ 7"))
    assert refusal.value.code == "monte_carlo_undefined"


@pytest.mark.parametrize("dof", [1.5, 60.0, float("inf")])
def test_the_density_is_the_slope_of_the_distribution(dof):
    for t in (-3.0, 0.0, 1.25):
        slope = (student_cdf(t + 1e-5, dof) - student_cdf(t - 1e-5, dof)) / 2e-5
        assert abs(student_density(t, dof) - slope) < 1e-6


def test_the_expected_counts_lie_over_the_bars():
    found = run(most=400_000, finer=20)
    curve, counts = expected_counts(found), found.histogram.counts
    assert len(curve) == 2 * len(counts) + 1
    middles = curve[1::2]
    assert max(abs(a - b) for a, b in zip(middles, counts, strict=True)) < 0.05 * max(counts)
