"""Student and normal distributions against printed tables and, where installed, scipy."""

from decimal import Decimal
from fractions import Fraction
from math import inf, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lims.metrology.errors import MetrologyError
from lims.metrology.probability import (
    as_decimal,
    normal_cdf,
    normal_quantile,
    student_cdf,
    student_quantile,
    two_sided_factor,
)


# GUM table G.2: columns 68.27, 90, 95, 95.45, 99, 99.73 % (where it prints 235.80 for 235.784).
@pytest.mark.parametrize(
    ("dof", "row"),
    [
        (1, "1.84 6.31 12.71 13.97 63.66 235.78"),
        (2, "1.32 2.92 4.30 4.53 9.92 19.21"),
        (3, "1.20 2.35 3.18 3.31 5.84 9.22"),
        (4, "1.14 2.13 2.78 2.87 4.60 6.62"),
        (5, "1.11 2.02 2.57 2.65 4.03 5.51"),
        (8, "1.07 1.86 2.31 2.37 3.36 4.28"),
        (10, "1.05 1.81 2.23 2.28 3.17 3.96"),
        (16, "1.03 1.75 2.12 2.17 2.92 3.54"),
        (20, "1.03 1.72 2.09 2.13 2.85 3.42"),
        (50, "1.01 1.68 2.01 2.05 2.68 3.16"),
        (100, "1.005 1.660 1.984 2.025 2.626 3.077"),
        (None, "1.000 1.645 1.960 2.000 2.576 3.000"),
    ],
)
def test_factors_are_those_of_the_guide(dof, row):
    levels = ("0.6827", "0.90", "0.95", "0.9545", "0.99", "0.9973")
    for level, expected in zip(levels, row.split(), strict=True):
        decimals = len(expected.partition(".")[2])
        found = two_sided_factor(Decimal(level), None if dof is None else Fraction(dof))
        assert abs(found - float(expected)) <= 0.51 * 10**-decimals


def test_one_and_two_degrees_of_freedom_have_closed_forms():
    assert isclose(student_cdf(1.0, 1), 0.75, rel_tol=1e-14)
    assert isclose(student_cdf(-1.0, 1), 0.25, rel_tol=1e-14)
    assert isclose(student_cdf(2**0.5, 2), 0.5 + 2**0.5 / 4, rel_tol=1e-14)
    assert isclose(student_quantile(0.75, 1), 1.0, rel_tol=1e-13)


# Ways change at 200 and at 10 000 degrees of freedom.
@pytest.mark.parametrize("dof", [0.5, 1, 4.5, 16.74, 50, 199, 201, 1000, 9999, 10_001, 1e7, 1e12, inf])
def test_student_agrees_with_scipy(dof):
    stats = pytest.importorskip("scipy.stats", reason="scipy is a cross-check only")
    for p in (1e-9, 0.01, 0.4, 0.6, 0.9, 0.975, 0.9995):
        assert isclose(student_quantile(p, dof), stats.t.ppf(p, dof), rel_tol=1e-12)
    for t in (-30.0, -2.0, -0.1, 0.0, 0.1, 2.0, 9.0):
        assert isclose(student_cdf(t, dof), stats.t.cdf(t, dof), rel_tol=2e-12)


def test_a_tail_of_the_normal_distribution_keeps_its_digits():
    assert isclose(normal_cdf(-6.0), 9.865876450376946e-10, rel_tol=1e-13)
    assert isclose(normal_cdf(1.959963984540054), 0.975, rel_tol=1e-14)
    assert isclose(normal_quantile(0.975), 1.959963984540054, rel_tol=1e-14)
    assert isclose(normal_quantile(Decimal("1E-9")), -5.997807015007687, rel_tol=1e-13)


def test_the_middle_is_zero():
    assert student_quantile(0.5, 3) == 0
    assert student_cdf(0.0, 3) == 0.5


@pytest.mark.parametrize("p", [0, 1, -0.1, 1.1])
def test_what_is_no_probability_is_refused(p):
    for wrong in (lambda: normal_quantile(p), lambda: student_quantile(p, 5)):
        with pytest.raises(MetrologyError) as refusal:
            wrong()
        assert refusal.value.code == "probability_range"


def test_degrees_of_freedom_are_positive():
    with pytest.raises(MetrologyError) as refusal:
        student_quantile(0.9, 0)
    assert refusal.value.code == "dof_not_positive"


def test_a_float_becomes_a_decimal_of_12_digits_or_nothing():
    assert as_decimal(1 / 3) == Decimal("0.333333333333")
    for value in (inf, -inf, float("nan")):
        with pytest.raises(MetrologyError) as refusal:
            as_decimal(value)
        assert refusal.value.code == "number_out_of_range"


@given(
    st.floats(0.5, 200),
    st.floats(1.01, 3),
    st.sampled_from([Decimal("0.9"), Decimal("0.95"), Decimal("0.99")]),
)
def test_the_factor_falls_as_degrees_of_freedom_grow(dof, ratio, p):
    few, many = (two_sided_factor(p, Fraction(nu)) for nu in (dof, dof * ratio))
    assert few > many > two_sided_factor(p, None)


@given(st.floats(0.001, 0.999), st.floats(0.3, 1e6))
def test_quantile_and_distribution_undo_each_other(p, dof):
    assert isclose(student_cdf(student_quantile(p, dof), dof), p, rel_tol=1e-10)
