"""What happens exactly at an edge: the figure on a limit, the last permitted count, the window that is one too long."""

from decimal import Decimal as D

import pytest

from lims.metrology.control_limits import Baseline
from lims.metrology.control_rules import NELSON, WESTERN_ELECTRIC, check_rules, control_points
from lims.metrology.formula_check import compile_formula
from lims.metrology.formula_tree import FormulaError
from lims.metrology.judgements import Verdict
from lims.metrology.judging import judge
from lims.metrology.limits import Maximum, Minimum, MustNotBeDetected, Plan, write_limit
from lims.metrology.rounding_rules import ByMagnitude, ToInterval, round_by
from lims.metrology.stored_values import restore_value, store_value
from lims.metrology.values import Counts, Detected, DetectionLimits, Number


def test_a_figure_at_the_detection_limit_is_detected():
    limits = DetectionLimits(lod=D("0.01"))
    for figure, verdict in (("0.01", Verdict.FAIL), ("0.009", Verdict.PASS)):
        assert judge(Number(D(figure)), MustNotBeDetected(), detection=limits).verdict is verdict
    # Without a detection limit anything above nothing.
    for figure, verdict in (("0", Verdict.PASS), ("0.001", Verdict.FAIL)):
        assert judge(Number(D(figure)), MustNotBeDetected()).verdict is verdict


@pytest.mark.parametrize(
    ("limit", "figure", "share"),
    [
        (Maximum(D(4)), "0", D(0)),
        (Maximum(D(4)), "-1", None),
        (Maximum(D(0)), "1", None),
        (Maximum(D(-4)), "1", None),
        (Minimum(D(4)), "8", D("0.5")),
        (Minimum(D(4)), "0", None),
        (Minimum(D(4)), "-8", None),
        (Minimum(D(0)), "8", None),
        (Minimum(D(-4)), "8", None),
    ],
)
def test_a_share_of_the_limit_is_given_only_where_it_means_something(limit, figure, share):
    assert judge(Number(D(figure)), limit).share == share


def test_counts_from_a_thousand_on_are_printed_as_powers():
    assert write_limit(Plan(5, 2, D(999), D(1000))) == "n=5, c=2, m=999, M=10^3"
    assert write_limit(Plan(5, 2, D(100), D(10000))) == "n=5, c=2, m=100, M=10^4"


def test_the_edge_of_a_rounding_by_magnitude_belongs_to_what_follows():
    rule = ByMagnitude(D(1), ToInterval(D("0.01")), ToInterval(D("0.1")))
    assert [str(round_by(rule, D(text))) for text in ("0.999", "1.000", "-1.000")] == ["1.00", "1.0", "-1.0"]


@pytest.mark.parametrize("function", ["mean", "and", "or"])
def test_a_function_takes_sixty_arguments(function):
    def written(count):
        if function == "mean":
            return f"mean({', '.join(['a'] * count)})"
        return f"if({function}({', '.join(['a > 1'] * count)}), 1, 2)"

    assert compile_formula(written(60)).inputs == ("a",)
    with pytest.raises(FormulaError) as refused:
        compile_formula(written(61))
    assert refused.value.code == "formula_arity"


def found(rules, values):
    points = control_points([D(value) for value in values], Baseline(D(0), D(1)))
    return {finding.rule for finding in check_rules(points, rules)}


@pytest.mark.parametrize(
    ("rules", "rule", "beyond", "count", "window"),
    [
        (NELSON, "Nelson 5", "2.5", 2, 3),
        (NELSON, "Nelson 6", "1.5", 4, 5),
        (WESTERN_ELECTRIC, "WE 2", "2.5", 2, 3),
        (WESTERN_ELECTRIC, "WE 3", "1.5", 4, 5),
        (NELSON, "Nelson 2", "0.5", 9, 9),
        (WESTERN_ELECTRIC, "WE 4", "0.5", 8, 8),
        (NELSON, "Nelson 1", "3.5", 1, 1),
        (WESTERN_ELECTRIC, "WE 1", "3.5", 1, 1),
    ],
)
def test_so_many_points_within_so_many(rules, rule, beyond, count, window):
    """The others lie on the other side, so that no shorter pattern is meant."""
    others = window - count
    assert rule in found(rules, [beyond] + ["-0.1"] * others + [beyond] * (count - 1))
    if count > 1:
        assert rule not in found(rules, [beyond] + ["-0.1"] * (others + 1) + [beyond] * (count - 1))
        assert rule not in found(rules, [beyond] * (count - 1))


@pytest.mark.parametrize(
    "value", [Detected("CFU/g"), Counts((Detected("CFU/g"), Number(D(1), "CFU/g")), "CFU/g")]
)
def test_what_was_detected_without_a_figure_is_read_back_as_such(value):
    assert restore_value(store_value(value)) == value
