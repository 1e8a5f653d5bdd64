"""GB/T 8170-2008: how figures are rounded. Examples are those of the standard."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lims.metrology.errors import MetrologyError
from lims.metrology.exact import to_decimal
from lims.metrology.numerals import write_numeral
from lims.metrology.rounding import (
    Mark,
    Marked,
    last_place,
    round_marked,
    round_significant,
    round_to,
    round_with_mark,
)
from lims.metrology.rounding_rules import (
    ByMagnitude,
    ToInterval,
    ToSignificant,
    parse_rounding_rule,
    round_by,
)

decimals = st.decimals(min_value=-(10**9), max_value=10**9, places=6, allow_nan=False)
intervals = st.builds(
    lambda digit, place: Decimal((0, (digit,), place)), st.sampled_from([1, 2, 5]), st.integers(-6, 4)
)

# GB/T 8170-2008 3.2 (to a place), 3.3.1 (0.5 unit), 3.3.2 (0.2 unit).
STANDARD_EXAMPLES = [
    ("12.1498", "0.1", "12.1"),
    ("12.1498", "1", "12"),
    ("1268", "1E+2", "1.3E+3"),
    ("10.5002", "1", "11"),
    ("1.050", "0.1", "1.0"),
    ("0.35", "0.1", "0.4"),
    ("2500", "1E+3", "2E+3"),
    ("3500", "1E+3", "4E+3"),
    ("0.0325", "0.001", "0.032"),
    ("-355", "1E+1", "-3.6E+2"),
    ("-325", "1E+1", "-3.2E+2"),
    ("-0.0365", "0.001", "-0.036"),
    ("97.46", "1", "97"),
    ("15.4546", "1", "15"),
    ("60.25", "0.5", "60.0"),
    ("60.38", "0.5", "60.5"),
    ("60.28", "0.5", "60.5"),
    ("-60.75", "0.5", "-61.0"),
    ("830", "20", "840"),
    ("842", "20", "840"),
    ("832", "20", "840"),
    ("-930", "20", "-920"),
    # the project's own demonstration data, from the same standard
    ("12.25", "0.1", "12.2"),
    ("12.35", "0.1", "12.4"),
    ("12.251", "0.1", "12.3"),
    ("0.05", "0.1", "0.0"),
    ("-2.65", "0.1", "-2.6"),
]


@pytest.mark.parametrize(("measured", "interval", "rounded"), STANDARD_EXAMPLES)
def test_the_examples_of_the_standard_round_as_printed(measured, interval, rounded):
    # Text, not value: the last digit written is part of the statement.
    assert str(round_to(Decimal(measured), Decimal(interval))) == rounded


def test_rounding_to_hundreds_keeps_the_digits_the_interval_was_written_with():
    assert write_numeral(round_to(Decimal(1268), Decimal("1E+2"))) == "1.3×10^3"
    assert write_numeral(round_to(Decimal(1268), Decimal(100))) == "1300"


@pytest.mark.parametrize("interval", ["0.3", "0", "-0.1", "12", "NaN", "Infinity", "1." + "0" * 40 + "1"])
def test_an_interval_that_is_not_1_2_or_5_of_a_place_is_refused(interval):
    with pytest.raises(MetrologyError) as refusal:
        round_to(Decimal(1), Decimal(interval))
    assert refusal.value.code == "rounding_interval"


def test_rounding_does_not_depend_on_the_precision_the_caller_works_with():
    long = Decimal("1234567890123456789012345678901234.25")
    with localcontext() as context:
        context.prec = 3
        assert str(round_to(long, Decimal("0.1"))) == "1234567890123456789012345678901234.2"


@pytest.mark.parametrize(
    ("measured", "digits", "rounded"),
    [
        ("0.0996", 2, "0.10"),  # a carry does not gain a digit
        ("0.0325", 2, "0.032"),
        ("9.96", 2, "10"),
        ("996", 2, "1.0E+3"),
        ("20.0087816", 3, "20.0"),
        ("0", 3, "0.00"),
        ("-0.0365", 2, "-0.036"),
    ],
)
def test_significant_digits_are_counted_in_the_result(measured, digits, rounded):
    assert str(round_significant(Decimal(measured), digits)) == rounded


# GB/T 8170-2008 3.2.3, table of figures passed on and rounded once more.
@pytest.mark.parametrize(
    ("measured", "passed_on", "mark", "final"),
    [
        ("15.4546", "15.5", Mark.MINUS, "15"),
        ("-15.4546", "-15.5", Mark.MINUS, "-15"),
        ("16.5203", "16.5", Mark.PLUS, "17"),
        ("-16.5203", "-16.5", Mark.PLUS, "-17"),
        ("17.5000", "17.5", Mark.NONE, "18"),
    ],
)
def test_a_figure_passed_on_with_its_mark_rounds_as_the_measured_one(measured, passed_on, mark, final):
    figure = round_with_mark(Decimal(measured), Decimal("0.1"))
    assert figure == Marked(Decimal(passed_on), mark)
    assert str(round_marked(figure, Decimal(1))) == final
    assert str(round_to(Decimal(measured), Decimal(1))) == final


def test_the_last_digit_that_is_not_zero_carries_the_mark():
    assert round_with_mark(Decimal("15.4996"), Decimal("0.01")) == Marked(Decimal("15.50"), Mark.MINUS)


@given(decimals, st.integers(-2, 2))
def test_passing_a_marked_figure_on_never_changes_what_it_finally_rounds_to(measured, place):
    interval = Decimal((0, (1,), place))
    longer = Decimal((0, (1,), place - 1))
    assert round_marked(round_with_mark(measured, longer), interval) == round_to(measured, interval)


@given(decimals, intervals)
def test_a_rounded_figure_rounds_to_itself(measured, interval):
    once = round_to(measured, interval)
    assert str(round_to(once, interval)) == str(once)


@given(decimals, intervals)
def test_negative_figures_round_by_magnitude(measured, interval):
    assert round_to(-measured, interval) == -round_to(measured, interval)


@given(decimals, decimals, intervals)
def test_rounding_keeps_order(one, other, interval):
    low, high = sorted((one, other))
    assert round_to(low, interval) <= round_to(high, interval)


@given(decimals, intervals)
def test_no_multiple_of_the_interval_is_nearer_than_the_rounded_one(measured, interval):
    rounded = Fraction(round_to(measured, interval))
    step = Fraction(interval)
    assert abs(Fraction(measured) - rounded) <= step / 2
    assert (rounded / step).denominator == 1


@given(st.fractions(-(10**12), 10**12, max_denominator=10**6), st.integers(-8, 2), st.sampled_from([1, 2, 5]))
def test_writing_an_endless_result_down_with_34_digits_is_not_a_first_rounding(exact, place, digit):
    """No value is rounded twice: stored text and exact rational round to the same figure."""
    interval = Decimal((0, (digit,), place))
    assert round_to(to_decimal(exact), interval) == round_to(exact, interval)


def test_a_result_just_beside_a_tie_stays_beside_it_when_written_down():
    above = Fraction(1, 2) + Fraction(1, 10**60)
    below = Fraction(3, 2) - Fraction(1, 10**60)
    assert round_to(to_decimal(above), Decimal(1)) == 1
    assert round_to(to_decimal(below), Decimal(1)) == 1


def test_the_last_place_is_the_one_written():
    assert last_place(Decimal("97.0")) == Decimal("0.1")
    assert str(last_place(Decimal("14E+2"))) == "1E+2"


def test_a_method_may_ask_for_fewer_digits_below_an_edge():
    # GB 5009.3-2016: three significant digits from 1 g/100 g on, two below.
    rule = parse_rounding_rule("<1: 2 significant; 3 significant")
    assert rule == ByMagnitude(Decimal(1), ToSignificant(2), ToSignificant(3))
    assert str(round_by(rule, Fraction(125275, 6264))) == "20.0"
    assert str(round_by(rule, Decimal("0.99951"))) == "1.0"
    assert str(round_by(rule, Decimal("1.00049"))) == "1.00"


rules = st.builds(ToInterval, intervals) | st.builds(ToSignificant, st.integers(1, 9))


@given(rules | st.builds(ByMagnitude, intervals, rules, rules))
def test_a_rounding_rule_reads_back_as_written(rule):
    assert parse_rounding_rule(str(rule)) == rule


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "rounding_rule"),
        ("about 3", "rounding_rule"),
        ("0.3", "rounding_interval"),
        ("0 significant", "rounding_digits"),
    ],
)
def test_a_rounding_rule_nobody_can_follow_is_refused(text, code):
    with pytest.raises(MetrologyError) as refusal:
        parse_rounding_rule(text)
    assert refusal.value.code == code
