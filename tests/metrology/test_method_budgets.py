"""A method's budget at one result: percent sources, replicates, items, capability, rounding of U."""

from dataclasses import replace
from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lims.metrology.budgets import make_budget
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
from lims.metrology.quantities import Correlation, Quantity
from lims.metrology.uncertainty_sources import Expanded, Rectangular, Triangular

PLAIN = compile_formula("x")
CONTENT = compile_formula("c * V * f / (m * 1000)")
FIGURES = {"c": D("2.594"), "V": D(50), "f": D(1), "m": D("1.9896")}
K = SourceKind


def budget(*sources, **more):
    return MethodBudget(sources, **more)


def stated(formula, figures, made, **more):
    found = uncertainty_of(formula, figures, more.pop("items", {}), made, **more)
    return found.U, found.k


def test_a_source_in_percent_follows_the_estimate():
    one = budget(SourceText("x", K.STANDARD, D(5), percent=True))
    assert stated(PLAIN, {"x": D("2.40")}, one) == (D("0.24"), D(2))
    assert stated(PLAIN, {"x": D("-24")}, one)[0] == D("2.4")


def test_sources_of_the_result_itself_join_those_of_the_inputs():
    """By hand: c 1.2 %, m (0.0002/2, 0.0001/sqrt 12), result s 2.1 % of the mean of two."""
    made = budget(
        SourceText("c", K.STANDARD, D("1.2"), percent=True),
        SourceText("m", K.EXPANDED, D("0.0002"), D(2)),
        SourceText("m", K.RESOLUTION, D("0.0001")),
        SourceText(RESULT, K.POOLED, D("2.1"), D(2), D(9), percent=True),
    )
    y = 2.594 * 50 / 1989.6
    relative = (0.012**2 + (0.0001**2 + 0.0001**2 / 12) / 1.9896**2 + 0.021**2 / 2) ** 0.5
    found = uncertainty_of(CONTENT, FIGURES, {}, made)
    assert float(found.budget.standard_uncertainty) == pytest.approx(y * relative, rel=1e-12)
    assert [line.quantity for line in found.budget.lines] == ["c", "m", "m", RESULT]
    assert sum(line.share for line in found.budget.lines) == pytest.approx(D(1), abs=D("0.0002"))


def test_replicates_are_a_type_a_source_with_their_own_degrees_of_freedom():
    mean = compile_formula("mean(x)")
    made = budget(SourceText("x", K.READINGS), k=None)
    found = uncertainty_of(mean, {"x": [D("10.1"), D("10.3"), D("10.2")]}, {}, made)
    assert found.expanded.coverage.used_dof == 2
    assert float(found.k) == pytest.approx(4.302652729, rel=1e-8)  # t, 95 %, 2 degrees of freedom
    assert float(found.budget.standard_uncertainty) == pytest.approx(0.1 / 3**0.5, rel=1e-12)


def test_the_result_of_another_item_is_a_quantity():
    dry = compile_formula("x / (1 - @moisture / 100)")
    made = budget(SourceText("@moisture", K.EXPANDED, D("0.4"), D(2)))
    found = uncertainty_of(dry, {"x": D(80)}, {"moisture": Fraction(20)}, made)
    assert found.budget.lines[0].sensitivity == D("1.25")  # 80 / (100 (1 - 0.2)^2)
    assert D("0.50") == found.U


def test_correlated_inputs():
    difference = compile_formula("a - b")
    sources = (SourceText("a", K.STANDARD, D("0.3")), SourceText("b", K.STANDARD, D("0.4")))
    figures = {"a": D(5), "b": D(2)}
    apart = uncertainty_of(difference, figures, {}, budget(*sources))
    together = uncertainty_of(
        difference, figures, {}, budget(*sources, correlations=(Correlation("a", "b", D(1)),))
    )
    assert (D("1.0"), D("0.20")) == (apart.U, together.U)


@pytest.mark.parametrize(
    ("cmc", "percent", "stated_u", "raised"),
    [(None, False, "0.24", False), (D("0.30"), False, "0.30", True), (D(13), True, "0.32", True)],
)
def test_no_uncertainty_below_the_accredited_capability(cmc, percent, stated_u, raised):
    """13 % of 2.4 is 0.312: two digits, and never below."""
    made = budget(SourceText("x", K.STANDARD, D(5), percent=True), cmc=cmc, cmc_percent=percent)
    found = uncertainty_of(PLAIN, {"x": D("2.4")}, {}, made)
    assert (found.U, found.raised_to_cmc) == (D(stated_u), raised)


def test_u_is_not_finer_than_the_reported_value_and_then_rounded_up():
    made = budget(SourceText("x", K.STANDARD, D(5), percent=True))
    assert stated(PLAIN, {"x": D("2.4")}, made, reported_place=D("0.1"))[0] == D("0.3")
    assert stated(PLAIN, {"x": D("2.4")}, made, reported_place=D("0.001"))[0] == D("0.24")


@pytest.mark.parametrize(
    ("formula", "figures", "source", "code"),
    [
        ("sum(x)", {"x": [D(1), D(2)]}, SourceText("x", K.READINGS), "budget_replicates"),
        ("x", {"x": D(1)}, SourceText("x", K.READINGS), "budget_readings"),
        ("x", {"x": D(1)}, SourceText("y", K.STANDARD, D(1)), "budget_unknown_quantity"),
        ("x", {}, SourceText("x", K.STANDARD, D(1)), "budget_estimate"),
        ("x", {"x": D(1)}, SourceText("x", K.STANDARD), "budget_size"),
        ("x", {"x": D(1)}, SourceText("x", K.EXPANDED, D(1)), "budget_parameter"),
        ("x", {"x": D(1)}, SourceText("x", K.POOLED, D(1)), "budget_dof"),
        ("x", {"x": D(0)}, SourceText("x", K.STANDARD, D(5), percent=True), "uncertainty_zero"),
    ],
)
def test_what_gives_no_uncertainty_says_why(formula, figures, source, code):
    with pytest.raises(MetrologyError) as refused:
        uncertainty_of(compile_formula(formula), figures, {}, budget(source))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("count", "allowed"), [("1", True), ("1000", True), ("0", False), ("1001", False), ("2.5", False)]
)
def test_a_pooled_deviation_is_of_a_whole_number_of_readings(count, allowed):
    made = budget(SourceText("x", K.POOLED, D(1), D(count), D(9)))
    if allowed:
        check_budget(made, PLAIN)
        return
    with pytest.raises(MetrologyError) as refused:
        check_budget(made, PLAIN)
    assert refused.value.code == "budget_parameter"


def test_a_budget_is_checked_before_a_figure_is_seen():
    for wrong, code in (
        (budget(), "budget_empty"),
        (budget(SourceText("y", K.STANDARD, D(1))), "budget_unknown_quantity"),
        (budget(SourceText(RESULT, K.READINGS)), "budget_readings"),
        (budget(SourceText("x", K.TRAPEZOIDAL, D(1), D(2))), "trapezoid_top"),
        (budget(SourceText("x", K.STANDARD, D(1)), k=D(0)), "coverage_factor"),
        (budget(SourceText("x", K.STANDARD, D(1)), k=None, p=D(1)), "probability_range"),
    ):
        with pytest.raises(MetrologyError) as refused:
            check_budget(wrong, PLAIN)
        assert refused.value.code == code
    check_budget(budget(SourceText("x", K.STANDARD, D(1))), PLAIN)


@given(st.lists(st.decimals("0.01", "9", places=2), min_size=2, max_size=6), st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_sources_changes_nothing(sizes, random):
    sources = [SourceText("x", K.RECTANGULAR, size) for size in sizes]
    first = uncertainty_of(PLAIN, {"x": D(10)}, {}, budget(*sources))
    random.shuffle(sources)
    again = uncertainty_of(PLAIN, {"x": D(10)}, {}, budget(*sources))
    assert (first.U, first.budget.variance) == (again.U, again.budget.variance)


@pytest.mark.parametrize("kind", [K.STANDARD, K.RESOLUTION, K.RECTANGULAR, K.TRIANGULAR, K.U_SHAPED])
def test_a_percent_source_is_the_same_as_its_size_at_that_estimate(kind):
    """5 % of -24 is 1.2, whatever the shape, beside a fixed source as well as alone."""
    beside = SourceText("x", K.STANDARD, D("0.3"), dof=D(7))
    for others in ((), (beside,)):
        ways = [
            uncertainty_of(PLAIN, {"x": D(-24)}, {}, budget(source, *others, k=None))
            for source in (SourceText("x", kind, D(5), percent=True), SourceText("x", kind, D("1.2")))
        ]
        assert ways[0].budget.lines == ways[1].budget.lines
        assert ways[0].budget.parts == ways[1].budget.parts
        assert (ways[0].budget.variance, ways[0].U) == (ways[1].budget.variance, ways[1].U)


def test_figures_that_are_equal_but_written_differently_keep_their_own_writing():
    """What is remembered of a budget is remembered by value; k stands on paper as the budget writes it."""
    written = [
        uncertainty_of(PLAIN, {"x": D(10)}, {}, budget(SourceText("x", K.STANDARD, size), k=k))
        for size, k in ((D("0.10"), D(2)), (D("0.1"), D("2.0")))
    ]
    assert [str(one.k) for one in written] == ["2", "2.0"]
    assert written[0].U == written[1].U


figures = st.decimals("-90", "90", places=2).filter(bool)


@given(figures, figures, st.decimals("0.1", "9", places=1), st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_method_budget_is_the_budget_of_its_formula_line_by_line(a, b, percent, correlated):
    """The general engine with the sources written out gives the same to the last digit."""
    formula = compile_formula("a * (a - b) / b + a ^ 2")
    pair = (Correlation("a", "b", D("0.5")),) if correlated else ()
    sources = (
        SourceText("a", K.RECTANGULAR, percent, percent=True),
        SourceText("a", K.EXPANDED, D("0.04"), D(2)),
        SourceText("b", K.TRIANGULAR, D("0.02")),
    )
    found = uncertainty_of(formula, {"a": a, "b": b}, {}, budget(*sources, correlations=pair)).budget
    width = abs(Fraction(a)) * Fraction(percent) / 100
    written_out = make_budget(
        formula,
        [
            Quantity("a", a, (Rectangular(width), Expanded(D("0.04"), D(2)))),
            Quantity("b", b, (Triangular(D("0.02")),)),
        ],
        pair,
    )
    assert (found.value, found.variance) == (written_out.value, written_out.variance)
    assert [replace(line, label="") for line in found.lines] == list(written_out.lines)
    assert (found.correlations, found.parts) == (written_out.correlations, written_out.parts)
