"""Grubbs and Cochran: the critical values of printed tables, and what is tested."""

from decimal import Decimal as D

import pytest

from lims.metrology.errors import MetrologyError
from lims.metrology.outliers import Side, cochran, cochran_p_value, grubbs, grubbs_p_value

# NIST/SEMATECH e-Handbook 1.3.5.17.1 (Tietjen and Moore: mass spectrometer, uranium isotopes).
URANIUM = tuple(map(D, ["199.31", "199.53", "200.19", "200.82", "201.92", "201.95", "202.18", "245.57"]))


def test_the_example_of_the_nist_handbook():
    """G = 2.4687, critical value 2.032 at 5 % for the largest of eight."""
    found = grubbs(URANIUM, Side.HIGH)
    assert abs(found.statistic - D("2.4687")) < D("0.0001")
    assert (found.place, found.is_outlier) == (7, True)
    assert grubbs_p_value(2.032, 8, Side.HIGH) == pytest.approx(0.05, rel=3e-3)


@pytest.mark.parametrize(
    ("count", "five", "one"),
    # ISO 5725-2 table 5, one outlying value: upper 5 % and 1 % of p laboratories.
    [(4, 1.481, 1.496), (6, 1.887, 1.973), (10, 2.290, 2.482), (20, 2.709, 3.001), (40, 3.036, 3.381)],
)
def test_critical_values_of_grubbs(count, five, one):
    assert grubbs_p_value(five, count) == pytest.approx(0.05, rel=2e-2)
    assert grubbs_p_value(one, count) == pytest.approx(0.01, rel=8e-2)


@pytest.mark.parametrize(
    ("groups", "size", "five", "one"),
    # ISO 5725-2 table 4.
    [
        (2, 3, 0.975, 0.995),
        (5, 2, 0.841, 0.928),
        (10, 2, 0.602, 0.718),
        (8, 3, 0.516, 0.615),
        (20, 4, 0.220, 0.265),
    ],
)
def test_critical_values_of_cochran(groups, size, five, one):
    assert cochran_p_value(five, groups, size) == pytest.approx(0.05, rel=2e-2)
    assert cochran_p_value(one, groups, size) == pytest.approx(0.01, rel=2e-2)


def test_which_side_is_looked_at():
    values = tuple(map(D, ["10", "10.1", "10.2", "9.9", "9.8", "2", "13"]))
    assert [grubbs(values, side).place for side in (Side.LOW, Side.HIGH, Side.EITHER)] == [5, 6, 5]
    # Both sides cost twice the probability.
    either, low = grubbs(values), grubbs(values, Side.LOW)
    assert either.statistic == low.statistic
    assert either.p_value == pytest.approx(2 * low.p_value)


def test_a_straggler_is_no_outlier():
    straggler = grubbs(tuple(map(D, ["0", "0", "1", "1", "2", "2", "3", "3", "4", "9"])))
    assert D("0.01") < straggler.p_value <= D("0.05")
    assert (straggler.is_straggler, straggler.is_outlier) == (True, False)
    outlier = grubbs(URANIUM)
    assert (outlier.is_straggler, outlier.is_outlier) == (False, True)
    neither = grubbs((D(1), D(2), D(3)))
    assert (neither.statistic, neither.p_value, neither.is_straggler) == (1, 1, False)


def test_the_farthest_possible_value_of_three():
    """Of two equal values and one other G is as large as it can be, 2 / sqrt 3."""
    found = grubbs((D(1), D(1), D(2)))
    assert found.statistic == pytest.approx(D("1.154700538379"), abs=D("1e-11"))
    assert found.p_value < D("0.001")


def test_cochran_finds_the_group_that_spreads():
    found = cochran([(D(1), D(2)), (D(1), D(6)), (D(3), D(3)), (D(2), D(3))])
    # Variances 0.5, 12.5, 0, 0.5.
    assert (found.statistic, found.place) == (D("0.925925925926"), 1)
    assert cochran([(D(1), D(2)), (D(1), D(1))]).p_value == 0


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda: grubbs((D(1), D(2))), "outlier_values"),
        (lambda: grubbs((D(2), D(2), D(2))), "outlier_spread"),
        (lambda: cochran([(D(1), D(2))]), "outlier_groups"),
        (lambda: cochran([(D(1), D(2)), (D(1),)]), "outlier_groups"),
        (lambda: cochran([(D(1),), (D(1),)]), "outlier_groups"),
        (lambda: cochran([(D(1), D(1)), (D(2), D(2))]), "outlier_spread"),
    ],
)
def test_what_is_refused(act, code):
    with pytest.raises(MetrologyError) as refused:
        act()
    assert refused.value.code == code
