"""The derivative of a formula, as text and as number, and the circle functions."""

from decimal import Decimal
from fractions import Fraction
from math import sin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lims.metrology.exact import to_decimal
from lims.metrology.formula import evaluate, value_at
from lims.metrology.formula_check import compile_formula
from lims.metrology.formula_derivative import differentiate
from lims.metrology.formula_text import write_formula
from lims.metrology.formula_tree import Binary, FormulaError

D = Decimal


def derivative(text, name="x"):
    return write_formula(differentiate(compile_formula(text).root, name))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", "0"),
        ("y", "0"),
        ("@x", "0"),
        ("x", "1"),
        ("-x", "-1"),
        ("-(-x)", "1"),
        ("x + y", "1"),
        ("y + x", "1"),
        ("x + x", "1 + 1"),
        ("x - y", "1"),
        ("y - x", "-1"),
        ("x * x - x ^ 2", "x + x - 2 * x"),
        ("3 * x", "3"),
        ("x * y", "y"),
        ("y * -x", "-y"),
        ("x / y", "1 / y"),
        ("x / 1", "1"),
        ("y / x", "-(y / x ^ 2)"),
        ("x / (1 + x)", "(1 + x - x) / (1 + x) ^ 2"),
        ("x ^ 1", "1"),
        ("x ^ 0", "0"),
        ("x ^ 2", "2 * x"),
        ("x ^ 3", "3 * x ^ 2"),
        ("x ^ -1", "-x ^ (-2)"),
        ("x ^ 2.5", "2.5 * x ^ (2.5 - 1)"),
        ("x ^ y", "y * x ^ (y - 1)"),
        ("2 ^ x", "2 ^ x * ln(2)"),
        ("x ^ x", "x ^ x * (ln(x) + x / x)"),
        ("sqrt(x)", "1 / (2 * sqrt(x))"),
        ("ln(x)", "1 / x"),
        ("log10(x)", "1 / (x * ln(10))"),
        ("exp(2 * x)", "exp(2 * x) * 2"),
        ("sin(x)", "cos(x)"),
        ("cos(x)", "-sin(x)"),
        ("tan(x)", "1 / cos(x) ^ 2"),
        ("asin(x)", "1 / sqrt(1 - x ^ 2)"),
        ("acos(x)", "-(1 / sqrt(1 - x ^ 2))"),
        ("atan(x)", "1 / (1 + x ^ 2)"),
        ("abs(x)", "if(x < 0, -1, 1)"),
        ("if(x > y, x, 2 * x)", "if(x > y, 1, 2)"),
        ("if(x > y, x, x)", "1"),
        ("if(x > y, 1, 2)", "0"),
        ("max(x, y)", "if(x = max(x, y), 1, 0)"),
        ("min(y, x)", "if(y = min(y, x), 0, 1)"),
        ("mean(x, y)", "1 / 2"),
        ("sum(x, 2 * x, y)", "1 + 2"),
        ("count(x, y)", "0"),
        ("sd(x, y)", "(x - mean(x, y)) / sd(x, y)"),
        ("sd(x, y, x)", "(x - mean(x, y, x) + (x - mean(x, y, x))) / (2 * sd(x, y, x))"),
    ],
)
def test_derivatives_read_as_on_paper(text, expected):
    assert derivative(text) == expected


def test_a_derivative_is_a_formula_and_can_be_derived_again():
    root = compile_formula("x ^ 3 * y").root
    thrice = differentiate(differentiate(differentiate(root, "x"), "x"), "y")
    assert value_at(thrice, {"x": D(2), "y": D(7)}) == 12


def test_a_derivative_that_nobody_could_read_is_refused():
    deep = "*".join(["sin(x)"] * 90)
    with pytest.raises(FormulaError) as refusal:
        differentiate(differentiate(compile_formula(deep).root, "x"), "x")
    assert refusal.value.code == "formula_derivative_too_large"
    assert "x" in str(refusal.value)


def test_a_derivative_that_is_too_deep_is_refused():
    two, nested = compile_formula("2").root, compile_formula("x").root
    for _ in range(260):
        nested = Binary(0, 1, "^", two, nested)
    with pytest.raises(FormulaError) as refusal:
        differentiate(nested, "x")
    assert refusal.value.code == "formula_derivative_too_large"


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("x ^ 3 / (1 + exp(-x))", "0.7"),
        ("ln(x) * log10(x) + sqrt(x)", "2.3"),
        ("sin(x) * cos(2 * x) + tan(x / 3)", "1.1"),
        ("asin(x / 2) + acos(x / 3) + atan(x)", "0.6"),
        ("x ^ (x / 2)", "1.9"),
        ("abs(x - 3) + min(x, 2) * max(1, x, x / 2)", "1.4"),
        ("if(x < 1, x ^ 2, 3 / x)", "1.5"),
        ("sd(x, 2 * x, 5) + mean(x, x ^ 2) + sum(x, 1)", "0.8"),
    ],
)
def test_a_derivative_is_the_limit_of_the_quotient_of_differences(text, x):
    formula, step = compile_formula(text), D("1E-12")
    ends = [Fraction(value_at(formula.root, {"x": Fraction(D(x)) + Fraction(way * step)})) for way in (1, -1)]
    quotient = (ends[0] - ends[1]) / Fraction(2 * step)
    slope = Fraction(value_at(differentiate(formula.root, "x"), {"x": D(x)}))
    assert abs(slope - quotient) < Fraction(1, 10**18)


def test_the_value_alone_is_the_value_with_all_steps():
    formula = compile_formula("if(a > 1, -a / 3, sqrt(a)) + max(a, 2)")
    for a in ("0.5", "4"):
        assert to_decimal(value_at(formula.root, {"a": D(a)})) == evaluate(formula, {"a": D(a)}).value


# First 34 digits: OEIS A000796 (pi), A049469 (sin 1), A049470 (cos 1), A049471 (tan 1).
@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("pi()", "3.141592653589793238462643383279502884"),
        ("sin(1)", "0.841470984807896506652502321630298999"),
        ("cos(1)", "0.540302305868139717400936607442976603"),
        ("tan(1)", "1.557407724654902230506974807458360173"),
        ("4 * atan(1)", "3.141592653589793238462643383279502884"),
        ("-4 * atan(-1)", "3.141592653589793238462643383279502884"),
        ("6 * asin(0.5)", "3.141592653589793238462643383279502884"),
        ("2 * asin(1)", "3.141592653589793238462643383279502884"),
        ("-2 * asin(-1)", "3.141592653589793238462643383279502884"),
        ("acos(-1)", "3.141592653589793238462643383279502884"),
        ("3 * acos(0.5)", "3.141592653589793238462643383279502884"),
        ("sin(1000000)", "-0.349993502171292952117652486780771469"),
        ("cos(-100)", "0.862318872287683934101938513950842535"),
    ],
)
def test_circle_functions_have_34_right_digits(text, digits):
    assert abs(evaluate(compile_formula(text), {}).value - D(digits)) < D("2E-33")


@pytest.mark.parametrize(
    ("text", "value"),
    [("sin(0)", 0), ("cos(0)", 1), ("tan(0)", 0), ("atan(0)", 0), ("acos(1)", 0), ("asin(0)", 0)],
)
def test_circle_functions_are_exact_where_they_are_whole(text, value):
    assert evaluate(compile_formula(text), {}).exact == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("asin(1.01)", "formula_undefined"),
        ("acos(-1.01)", "formula_undefined"),
        ("sin(1e13)", "formula_out_of_range"),
        ("sin()", "formula_arity"),
        ("pi(1)", "formula_arity"),
    ],
)
def test_circle_functions_refuse_what_they_cannot_give(text, code):
    with pytest.raises(FormulaError) as refusal:
        evaluate(compile_formula(text), {})
    assert refusal.value.code == code


def test_the_largest_angle_is_still_taken():
    assert abs(evaluate(compile_formula("sin(1e12)"), {}).value - D(sin(1e12))) < D("1E-16")


@given(st.decimals(min_value=-1000, max_value=1000, places=6))
@settings(max_examples=40)
def test_sine_and_cosine_stand_on_the_unit_circle(angle):
    value = evaluate(compile_formula("sin(x) ^ 2 + cos(x) ^ 2"), {"x": angle}).value
    assert abs(value - 1) < D("1E-32")


@given(st.decimals(min_value=D("-1.5"), max_value=D("1.5"), places=6))
@settings(max_examples=40)
def test_the_inverse_functions_undo_the_others(angle):
    for text in ("asin(sin(x))", "atan(tan(x))"):
        assert abs(evaluate(compile_formula(text), {"x": angle}).value - angle) < D("1E-30")
