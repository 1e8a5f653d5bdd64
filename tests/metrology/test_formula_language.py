"""The formula language: what it accepts, what it refuses and where, and how exact it is."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lims.metrology.exact import to_decimal
from lims.metrology.formula import evaluate, value_at
from lims.metrology.formula_check import FUNCTIONS, Shape, compile_formula
from lims.metrology.formula_text import write_formula
from lims.metrology.formula_tree import FormulaError
from lims.metrology.rounding import Mark
from lims.metrology.values import (
    BelowQuantification,
    Counts,
    Detected,
    GreaterThan,
    NotDetected,
    Number,
    Text,
)


def value_of(text, items=None, **inputs):
    return evaluate(compile_formula(text), inputs, items).value


def refusal_of(text, items=None, **inputs):
    with pytest.raises(FormulaError) as refusal:
        evaluate(compile_formula(text), inputs, items)
    return refusal.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("1 - 2 - 3", "-4"),
        ("1 - (2 - 3)", "2"),
        ("8 / 2 / 2", "2"),
        ("2 ^ 3 ^ 2", "512"),
        ("(2 ^ 3) ^ 2", "64"),
        ("2 ** 3", "8"),
        ("-2 ^ 2", "-4"),
        ("(-2) ^ 2", "4"),
        ("2 ^ -1 * 4", "2"),
        ("3 - -3", "6"),
        ("+3", "3"),
        ("0.1 + 0.2", "0.3"),
        ("1 / 3 * 3", "1"),
        (".5 + 1. + 1.5e1", "16.5"),
        ("2×3÷4−1", "0.5"),
        ("max（1，2）", "2"),
        ("mean(1, 2, 4.5)", "2.5"),
        ("sum(1, 2, 3)", "6"),
        ("count(5, 5)", "2"),
        ("min(3, 1, 2) + max(3, 1, 2)", "4"),
        ("sd(2, 4, 4, 4, 5, 5, 7, 9) ^ 2 * 7", "32"),
        ("sd(1.1, 1.2, 1.3)", "0.1"),
        ("abs(-3) + abs(3)", "6"),
        ("sqrt(2.25)", "1.5"),
        ("log10(0.001)", "-3"),
        ("ln(1) + exp(0)", "1"),
        ("if(1 < 2, 10, 20)", "10"),
        ("if(2 <= 1, 10, 20)", "20"),
        ("if(1/3 = 2/6, 1, 0)", "1"),
        ("if(1 == 1, 1, 0) + if(1 != 1, 1, 0) + if(1 <> 2, 1, 0)", "2"),
        ("if(and(1 < 2, 2 >= 2), if(or(1 > 2, not(1 > 2)), 5, 6), 7)", "5"),
    ],
)
def test_arithmetic_is_that_of_paper(text, value):
    assert value_of(text) == Decimal(value)


# First 34 digits as published: OEIS A002193, A001113, A002392.
@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("sqrt(2)", "1.41421356237309504880168872420969807"),
        ("2 ^ 0.5", "1.41421356237309504880168872420969807"),
        ("exp(1)", "2.71828182845904523536028747135266249"),
        ("ln(10)", "2.30258509299404568401799145468436420"),
        ("log10(exp(1)) * ln(10)", "1"),
    ],
)
def test_what_is_not_rational_has_34_right_digits(text, digits):
    result = evaluate(compile_formula(text), {})
    assert result.exact is None
    assert abs(result.value - Decimal(digits)) < Decimal("2E-33")


def test_rational_results_are_kept_exactly():
    result = evaluate(compile_formula("(a / 3 + sqrt(1/4)) ^ 2"), {"a": Decimal("0.1")})
    assert result.exact == (Fraction(1, 30) + Fraction(1, 2)) ** 2
    assert result.unrounded == result.exact


def test_replicates_are_a_list_and_only_lists_of_them_are_reduced():
    replicates = (Decimal("1.10"), Decimal("1.20"), Decimal("1.30"))
    result = evaluate(compile_formula("mean(r) * 2", inputs={"r": Shape.LIST}), {"r": replicates})
    assert result.value == Decimal("2.4")
    assert result.with_numbers == "mean(1.10, 1.20, 1.30) * 2"
    assert refusal_of("r * 2", r=replicates).code == "formula_input_is_list"
    counts = Counts(tuple(Number(value) for value in replicates))
    assert value_of("sum(r)", r=counts) == Decimal("3.6")


def test_inputs_may_be_named_in_chinese_and_items_by_code_or_name():
    assert value_of("称样量 * 2", 称样量=Decimal("1.5")) == 3
    formula = compile_formula('@moisture + item("铅（以Pb计）")')
    assert formula.items == ("moisture", "铅（以Pb计）")
    assert evaluate(formula, {}, {"moisture": Decimal(1), "铅（以Pb计）": Fraction(1, 3)}).exact == Fraction(
        4, 3
    )


def test_a_formula_lists_what_it_depends_on_once_in_order_of_use():
    formula = compile_formula("b * (a + b) / (1 - @w) + @w - mean(c)")
    assert (formula.inputs, formula.items) == (("b", "a", "c"), ("w",))


# --- refusals before any number is known: code and place ---


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("", "formula_empty", 0),
        ("   ", "formula_empty", 0),
        ("1 +", "formula_incomplete", 3),
        ("(1 + 2", "formula_incomplete", 6),
        ("mean(1, 2", "formula_incomplete", 9),
        ("item(", "formula_incomplete", 5),
        ("1 + * 2", "formula_syntax", 4),
        ("2 a", "formula_syntax", 2),
        ("a b", "formula_syntax", 2),
        ("1 + 2)", "formula_syntax", 5),
        ("max(1 2)", "formula_syntax", 6),
        ("max(1,,2)", "formula_syntax", 6),
        ("a $ b", "formula_syntax", 2),
        ("item(moisture)", "formula_syntax", 5),
        ("1 < 2 < 3", "formula_syntax", 6),
        ("a.b", "formula_syntax", 1),
        ("a[0]", "formula_syntax", 1),
        ("'text'", "formula_syntax", 0),
        ("1e100", "formula_number", 0),
        ("1e999999999999", "formula_number", 0),
        ("9" * 41, "formula_number", 0),
        ("1 + unknown", "formula_unknown_name", 4),
        ("a + @unknown", "formula_unknown_item", 4),
        ("a + __import__('os')", "formula_syntax", 15),
        ("1 + eval(a)", "formula_unknown_function", 4),
        ("1 + sqrt(1, 2)", "formula_arity", 4),
        ("mean()", "formula_arity", 0),
        ("if(a > 1, 2)", "formula_arity", 0),
        ("1 + (a < 2)", "formula_shape", 5),
        ("a < 2", "formula_shape", 0),
        ("if(a, 1, 2)", "formula_shape", 3),
        ("if(a > 1, a > 2, 2)", "formula_shape", 10),
        ("not(a > 1)", "formula_shape", 0),
        ("r + 1", "formula_shape", 0),
        ("sqrt(r)", "formula_shape", 5),
        ("mean(a > 1)", "formula_shape", 5),
    ],
)
def test_a_faulty_formula_is_refused_with_the_place_of_the_fault(text, code, position):
    with pytest.raises(FormulaError) as refusal:
        compile_formula(text, inputs={"a": Shape.NUMBER, "r": Shape.LIST}, items={"moisture"})
    assert (refusal.value.code, refusal.value.position) == (code, position)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1" + " + 1" * 600, "formula_too_long"),
        ("1" + "+1" * 100, "formula_too_deep"),
        ("(" * 101 + "1" + ")" * 101, "formula_too_deep"),
        ("-" * 101 + "1", "formula_too_deep"),
        ("2^" * 101 + "1", "formula_too_deep"),
        ("sqrt(" * 101 + "1" + ")" * 101, "formula_too_deep"),
    ],
)
def test_formulas_are_bounded_in_length_and_depth(text, code):
    assert refusal_of(text).code == code


# --- refusals with numbers ---


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("1 + 1 / (2 - 2)", "formula_division_by_zero", 4),
        ("1 + 0 ^ -1", "formula_division_by_zero", 4),
        ("0 ^ 0", "formula_undefined", 0),
        ("sqrt(-1)", "formula_undefined", 0),
        ("(-8) ^ (1/3)", "formula_undefined", None),
        ("ln(0)", "formula_undefined", 0),
        ("log10(-1)", "formula_undefined", 0),
        ("2 ^ 1001", "formula_exponent", 0),
        ("2 ^ 9 ^ 9", "formula_exponent", 0),
        ("10 ^ 901", "formula_out_of_range", 0),
        ("0.1 ^ 990", "formula_out_of_range", 0),
        ("exp(9999)", "formula_out_of_range", 0),
        ("sd(1)", "formula_too_few_values", 0),
    ],
)
def test_what_has_no_result_is_an_error_and_never_a_number(text, code, position):
    refusal = refusal_of(text)
    assert refusal.code == code
    assert position is None or refusal.position == position


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (None, "formula_input_missing"),
        (NotDetected(Decimal("0.01")), "formula_input_not_detected"),
        (BelowQuantification(Decimal("0.01")), "formula_input_not_number"),
        (GreaterThan(Decimal(300)), "formula_input_not_number"),
        (Detected(), "formula_input_not_number"),
        (Text("浑浊"), "formula_input_not_number"),
        (Decimal("NaN"), "formula_input_out_of_range"),
        (Decimal("Infinity"), "formula_input_out_of_range"),
        (Decimal("1E+5000"), "formula_input_out_of_range"),
        ((Decimal(1),) * 1001, "formula_input_is_list"),
    ],
)
def test_an_input_that_is_no_figure_says_so_with_its_name_and_place(given, code):
    refusal = refusal_of("1 + weight", weight=given)
    assert (refusal.code, refusal.position) == (code, 4)
    assert "weight" in str(refusal)


def test_a_list_of_replicates_is_bounded_and_each_of_it_is_checked():
    assert refusal_of("mean(r)", r=(Decimal(1),) * 1001).code == "formula_input_out_of_range"
    assert refusal_of("mean(r)", r=(Decimal(1), None)).code == "formula_input_missing"
    assert refusal_of("mean(r)", r=()).code == "formula_too_few_values"


def test_zero_is_a_figure_and_a_missing_input_is_not():
    assert value_of("a + 1", a=Decimal(0)) == 1
    assert refusal_of("a + 1").code == "formula_input_missing"


def test_a_result_value_as_read_may_be_an_input():
    assert value_of("a * 2", a=Number(Decimal("1.5"), "g", Mark.PLUS)) == 3


def test_a_reported_figure_of_another_item_is_refused_because_it_is_rounded():
    assert refusal_of("1 - @moisture", {"moisture": Number(Decimal("20.0"))}).code == "formula_item_rounded"


def test_only_the_branch_taken_needs_its_inputs():
    assert value_of("if(a > 0, a, 1 / b)", a=Decimal(1)) == 1
    assert refusal_of("if(a > 0, a, 1 / b)", a=Decimal(0)).code == "formula_input_missing"


@pytest.mark.parametrize(
    "unused", [None, NotDetected(), Text("浑浊"), Decimal("NaN"), Decimal("1E+5000"), (), (None,)]
)
def test_what_an_untaken_branch_holds_cannot_spoil_the_explanation(unused):
    result = evaluate(compile_formula("if(a > 0, a, mean(b))"), {"a": Decimal("1.50"), "b": unused})
    assert result.with_numbers == "if(1.50 > 0, 1.50, mean(b))"


# --- explaining ---


def test_steps_name_negative_and_long_figures_readably():
    result = evaluate(
        compile_formula("-a ^ 2 - b / 3 + sqrt(c)"),
        {k: Decimal(v) for k, v in {"a": -2, "b": 1, "c": 2}.items()},
    )
    assert result.with_numbers == "-(-2) ^ 2 - 1 / 3 + sqrt(2)"
    written = [step.with_numbers for step in result.steps]
    assert written[0] == "(-2) ^ 2"
    assert "-4 - 0.333333333333…" in written
    assert written[-1].endswith("+ 1.41421356237…")


def test_a_condition_shows_how_it_was_decided():
    result = evaluate(compile_formula("if(a >= 1, a, 1)"), {"a": Decimal("1.00")})
    (step,) = result.steps
    assert (step.expression, step.with_numbers, step.value) == ("a >= 1", "1.00 >= 1", True)


def test_a_formula_without_an_operation_still_shows_its_number():
    (step,) = evaluate(compile_formula("a"), {"a": Decimal("100.20")}).steps
    assert (step.expression, step.with_numbers) == ("a", "100.20")


# --- properties ---

names = st.sampled_from(["a", "b", "c"])
numbers = st.decimals(min_value=0, max_value=999, places=2).map(str)
formulas = st.recursive(
    names | numbers,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/^"), inner),
        st.builds("{} {} {}".format, inner, st.sampled_from("+-*/^"), inner),
        st.builds("-{}".format, inner),
        st.builds("{}({})".format, st.sampled_from(["abs", "sqrt", "ln", "exp", "mean"]), inner),
        st.builds("if({} < {}, {}, {})".format, inner, inner, inner, inner),
    ),
    max_leaves=8,
)
inputs = st.fixed_dictionaries(dict.fromkeys("abc", st.decimals(min_value=-99, max_value=99, places=3)))


@given(st.decimals("-9", "9", places=2).filter(bool), st.decimals("0.1", "9", places=2))
@settings(max_examples=25, deadline=None)
def test_the_value_is_what_the_last_step_gives(a, b):
    """Steps are computed again when they are asked for."""
    for text in ("(a - b) / b ^ 2", "sqrt(b) * -a", "if(or(a > b, a < 0), mean(a, b, 1), b ^ 0.5) + 1"):
        result = evaluate(compile_formula(text), {"a": a, "b": b})
        assert result.steps[-1].value == result.value
        assert to_decimal(value_at(compile_formula(text).root, {"a": a, "b": b})) == result.value


def test_later_changes_of_the_inputs_do_not_reach_the_steps():
    given = {"a": Decimal("1.5")}
    result = evaluate(compile_formula("a * 2"), given)
    given["a"] = Decimal(7)
    assert (result.with_numbers, result.steps[0].with_numbers) == ("1.5 * 2", "1.5 * 2")


@given(formulas, inputs)
def test_any_formula_gives_a_finite_number_or_its_own_error(text, given_inputs):
    try:
        result = evaluate(compile_formula(text), given_inputs)
    except FormulaError:
        return
    assert result.value.is_finite()


@given(formulas, inputs)
def test_a_formula_written_out_again_means_the_same(text, given_inputs):
    formula = compile_formula(text)
    again = compile_formula(write_formula(formula.root))
    assert write_formula(again.root) == write_formula(formula.root)
    assert outcome(again, given_inputs) == outcome(formula, given_inputs)


def outcome(formula, given_inputs):
    try:
        return evaluate(formula, given_inputs).value
    except FormulaError as refusal:
        return refusal.code


pieces = st.sampled_from(
    [*FUNCTIONS, *"+-*/^()<>=,@'\"._ 1e9a×（", "item(", "@x", "1e5", "<=", "铅", "𝟙", "²", "\x00"]
)


@given(st.text(max_size=40) | st.lists(pieces, max_size=25).map("".join))
def test_arbitrary_text_raises_nothing_but_a_formula_error(text):
    try:
        evaluate(compile_formula(text), {"a": Decimal(2)}, {"x": Decimal(3)})
    except FormulaError as refusal:
        assert 0 <= (refusal.position or 0) <= len(text)  # noqa: PT017


@given(st.lists(st.decimals(min_value=-99, max_value=99, places=4), min_size=2, max_size=8), st.randoms())
def test_replicate_statistics_do_not_depend_on_the_order_of_reading(replicates, random):
    shuffled = replicates[:]
    random.shuffle(shuffled)
    for text in ("mean(r)", "sd(r)", "min(r)", "max(r)", "sum(r)"):
        assert value_of(text, r=replicates) == value_of(text, r=shuffled)


@given(st.lists(st.decimals(min_value=-99, max_value=99, places=4), min_size=2, max_size=8))
def test_the_square_of_the_standard_deviation_is_the_exact_variance(replicates):
    exact = [Fraction(value) for value in replicates]
    centre = sum(exact) / len(exact)
    variance = sum((value - centre) ** 2 for value in exact) / (len(exact) - 1)
    squared = Fraction(value_of("sd(r)", r=replicates)) ** 2
    assert abs(squared - variance) <= variance * Fraction(1, 10**30)
