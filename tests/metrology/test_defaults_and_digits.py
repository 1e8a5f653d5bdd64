"""What holds where nothing else is said, how many digits are kept, and how much a function takes."""

from decimal import Decimal as D
from fractions import Fraction as F
from itertools import combinations

import pytest

from lims.metrology.control_limits import (
    Baseline,
    shewhart_limits,
)
from lims.metrology.control_samples import ControlBounds, ControlJudgement, ControlOutcome, EarlierPoint
from lims.metrology.control_sums import CusumRule, EwmaRule
from lims.metrology.coverage import FixedFactor
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import to_decimal
from lims.metrology.formula_check import compile_formula
from lims.metrology.formula_circle import PI_KEPT
from lims.metrology.formula_numbers import working
from lims.metrology.judging import judge
from lims.metrology.limits import Maximum, Minimum, Range
from lims.metrology.method_budgets import MethodBudget, SourceKind, SourceText, uncertainty_of
from lims.metrology.outliers import OutlierTest, cochran, grubbs
from lims.metrology.quantities import Correlation, Quantity, check_inputs
from lims.metrology.rounding import Mark, Marked, nudged
from lims.metrology.uncertainty_sources import (
    Standard,
    pooled,
)
from lims.metrology.uncertainty_statements import StatementRule, UncertaintyDigits
from lims.metrology.units import Unit
from lims.metrology.values import NotDetected


def refusal(act):
    with pytest.raises(MetrologyError) as refused:
        act()
    return refused.value


# --- what holds where nothing else is said ---


def test_defaults_are_those_of_the_standards():
    # ISO 7870-4: h = 5 and k = 0.5; ISO 7870-6 and the NIST handbook: weight 0.2, three standard deviations.
    assert (CusumRule().h, CusumRule().k, CusumRule().head_start) == (5, D("0.5"), 0)
    assert (EwmaRule().weight, EwmaRule().width, EwmaRule().settled_limits) == (D("0.2"), 3, False)
    # ISO 7870-2 wants 20 points or more before limits are drawn, three standard deviations from the centre.
    assert ControlBounds().own_points == 20
    limits = shewhart_limits(Baseline(D(10), D(2)))
    assert (limits.lower, limits.centre, limits.upper) == (4, 10, 16)
    # A point counts as in control, and within its bounds, until it was found out of them.
    assert EarlierPoint(D(1)).out is False
    assert ControlJudgement(ControlOutcome.BUILDING).beyond_bounds is False
    # k = 2 for about 95 % (GUM G.6.6); sizes in the unit of the quantity, not in percent.
    budget = MethodBudget((SourceText("a", SourceKind.STANDARD, D(3)),), cmc=D(50))
    assert (budget.coverage, budget.cmc_percent) == (FixedFactor(D(2), D("0.95")), False)
    found = uncertainty_of(compile_formula("a"), {"a": D(200)}, {}, budget)
    assert (found.k, found.U, found.expanded.U) == (2, 50, 6)
    # The ends of a limit are included.
    assert Maximum(D(1)) == Maximum(D(1), "", True)
    assert Minimum(D(1)) == Minimum(D(1), "", True)
    assert Range(D(1), D(2)) == Range(D(1), D(2), "", True, True)
    assert judge(None, Maximum(D(1))).near_limit is False
    assert NotDetected(D(1)).by_quantification is False
    assert pooled(((D(1), D(2)),)).n == 1
    # EA-4/02: two digits, and rounded up where rounding would take off more than 5 %.
    assert (StatementRule().digits, StatementRule().lowered_by) == (UncertaintyDigits.TWO, D("0.05"))
    assert Unit("mass", F(1)).offset == 0


@pytest.mark.parametrize(
    ("function", "least", "most"),
    [
        ("mean", 1, 60),
        ("sd", 1, 60),
        ("count", 1, 60),
        ("sqrt", 1, 1),
        ("atan", 1, 1),
        ("pi", 0, 0),
        ("if", 3, 3),
        ("and", 2, 60),
        ("or", 2, 60),
        ("not", 1, 1),
    ],
)
def test_how_many_arguments_a_function_takes(function, least, most):
    def written(count):
        arguments = [
            "a > 1" if function in ("and", "or", "not") or (function, n) == ("if", 0) else "a"
            for n in range(count)
        ]
        call = f"{function}({', '.join(arguments)})"
        return f"if({call}, 1, 2)" if function in ("and", "or", "not") else call

    assert compile_formula(written(least)).text
    assert compile_formula(written(most)).text
    for count in {least - 1, most + 1} - {-1}:
        refused = refusal(lambda count=count: compile_formula(written(count)))
        facts = {"name": function, "least": least, "most": most, "given": count}
        assert (refused.code, refused.facts) == ("formula_arity", facts)


def test_digits_on_the_way():
    """50 of what is not rational, 34 of what is written down (docs/decisions/metrology.md)."""
    assert len(working(F(1, 3)).as_tuple().digits) == 50
    assert len(to_decimal(F(1, 3)).as_tuple().digits) == 34
    assert str(PI_KEPT) == "3.1415926535897932384626433832795028841971693993751"


def test_an_outlier_at_one_percent_and_a_straggler_at_five():
    """ISO 5725-2 7.3.2.1."""
    for p, outlier, straggler in (
        ("0.01", True, False),
        ("0.0101", False, True),
        ("0.05", False, True),
        ("0.0501", False, False),
    ):
        test = OutlierTest(D(1), 0, D(p))
        assert (test.is_outlier, test.is_straggler) == (outlier, straggler)


def test_probabilities_of_outliers_lie_between_0_and_1():
    assert cochran([[D(1), D(1)], [D(1), D(2)]]).p_value == 0  # all of the spread is in one group
    assert cochran([[D(1), D(2)], [D(1), D(2)]]).p_value == 1
    assert grubbs([D(1), D(1), D(2), D(2)]).p_value == 1


def test_printed_correlations_may_be_off_by_half_of_their_last_digit():
    """Three quantities cannot all be correlated by less than -0.5; half of 0.01 is forgiven."""
    names = ("a", "b", "c")
    quantities = [Quantity(name, D(1), (Standard(D(1)),)) for name in names]
    alike = lambda r: [Correlation(*pair, D(r)) for pair in combinations(names, 2)]  # noqa: E731
    check_inputs(quantities, alike("-0.50498"))
    assert refusal(lambda: check_inputs(quantities, alike("-0.505"))).code == "correlation_impossible"


def test_a_mark_moves_by_a_millionth_of_the_last_digit():
    assert nudged(Marked(D("16.5"), Mark.PLUS)) == F("16.5000001")
    assert nudged(Marked(D("16.5"), Mark.MINUS)) == F("16.4999999")
    assert nudged(Marked(D("-16.5"), Mark.PLUS)) == F("-16.5000001")
    assert nudged(Marked(D("16.5"))) == F("16.5")
