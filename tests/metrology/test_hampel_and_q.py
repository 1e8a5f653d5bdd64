"""The Q method and Hampel's estimator: exact, whatever the order and the outliers."""

from decimal import Decimal as D
from fractions import Fraction as F
from itertools import combinations
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lims.metrology.errors import MetrologyError
from lims.metrology.robust_hampel import hampel, q_deviation, small_sample_factor

# ISO 5725-5 creosote: means of nine laboratories.
CREOSOTE = tuple(
    map(D, ["24.140", "20.155", "19.500", "20.300", "20.705", "17.570", "20.100", "20.940", "21.185"])
)


def psi(q):
    """As the standard writes it, piece by piece."""
    for upper, value in ((-4.5, 0), (-3, -4.5 - q), (-1.5, -1.5), (1.5, q), (3, 1.5), (4.5, 4.5 - q)):
        if q <= upper:
            return value
    return 0


def test_q_of_the_creosote_results():
    """By hand: of the 36 distances the 10th smallest (h = 5) is 20.705 - 20.100 = 0.605; b_9 = 0.8734."""
    assert sorted(abs(a - b) for a, b in combinations(CREOSOTE, 2))[9] == D("0.605")
    assert q_deviation(CREOSOTE) == F("2.2219") * F("0.8734") * F("0.605")


@pytest.mark.parametrize(
    ("count", "factor"),
    [
        (2, "0.3994"),
        (3, "0.9937"),
        (12, "0.7574"),
        # 1 + (1.6019 + (-2.128 - 5.172/13)/13)/13 and 1 + (3.6756 + (1.965 + (6.987 - 77/14)/14)/14)/14
        (13, "0.9023"),
        (14, "0.7855"),
        (1001, "0.9984"),
    ],
)
def test_the_factor_for_few_results(count, factor):
    assert float(small_sample_factor(count)) == pytest.approx(float(factor), abs=5e-5)


@pytest.mark.parametrize(
    ("values", "deviation", "mean"),
    [
        # Nothing is bent: the mean.
        ("9 10 11 12", "2", "10.5"),
        # One result counts 1.5 s: x* = (9 + 10 + 11 + 1.5)/3, as 14 - x* lies between 1.5 and 3.
        ("9 10 11 14", "1.5", "10.75"),
        # 3.5 to 4.5 s away it counts 4.5 - q: 3x = 30 + (4.5 - 14 + x), x = 10.25.
        ("9 10 11 14", "1", "10.25"),
        # Farther than 4.5 s it counts for nothing.
        ("9 10 11 20", "2", "10"),
        ("9 10 11 -20", "2", "10"),
    ],
)
def test_by_hand(values, deviation, mean):
    assert hampel(tuple(map(D, values.split())), D(deviation)).mean == D(mean)


def test_what_has_no_weight_is_named():
    found = hampel(tuple(map(D, ["9", "30", "10", "11", "-20"])), D(2))
    assert (found.mean, found.ignored, found.count, found.deviation) == (10, (1, 4), 5, 2)
    at_the_bend = hampel(tuple(map(D, ["9", "10", "11", "19"])), D(2))
    assert (at_the_bend.mean, at_the_bend.ignored) == (10, (3,))


def test_of_several_solutions_the_one_nearest_to_the_median():
    """Two clusters, both a solution; and three that are symmetric, so the middle one."""
    assert hampel(tuple(map(D, ["0", "1", "2", "100", "101"])), D(1)).mean == 1
    assert hampel(tuple(map(D, ["0", "50", "100"])), D(1)).mean == 50
    # The median itself solves it where no result is near.
    assert hampel(tuple(map(D, ["0", "1", "100", "101"])), D(1)).mean == D("50.5")


def test_results_that_are_mostly_equal_have_their_median():
    found = hampel(tuple(map(D, ["7", "7", "7", "7", "9"])))
    assert (found.mean, found.deviation, found.ignored) == (7, 0, ())
    assert hampel(tuple(map(D, ["7", "8", "9", "10"])), D(0)).mean == D("8.5")


def test_uncertainty_of_the_assigned_value():
    found = hampel(CREOSOTE)
    assert float(found.standard_uncertainty) == pytest.approx(1.25 * float(found.deviation) / 3, rel=1e-12)


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda: q_deviation((D(1),)), "robust_results"),
        (lambda: hampel((D(1), D(2))), "robust_results"),
        (lambda: hampel((D(1),) * 1001), "robust_results_many"),
        (lambda: hampel((D(1), D(2), D(3)), D(-1)), "uncertainty_negative"),
    ],
)
def test_what_is_refused(act, code):
    with pytest.raises(MetrologyError) as refused:
        act()
    assert refused.value.code == code


results = st.lists(st.decimals(min_value=1, max_value=100, places=1), min_size=3, max_size=9)


@given(results, st.randoms())
@settings(max_examples=30, deadline=None)
def test_the_sum_of_psi_is_zero_and_the_order_changes_nothing(values, random):
    found = hampel(values)
    shuffled = values[:]
    random.shuffle(shuffled)
    again = hampel(shuffled)
    assert (again.mean, again.deviation) == (found.mean, found.deviation)
    if found.deviation:
        total = sum(psi(float((value - found.mean) / found.deviation)) for value in values)
        assert total == pytest.approx(0, abs=1e-9)
    else:
        assert found.mean == median(values)
    moved = hampel([value + 7 for value in values])
    assert float(moved.mean - found.mean) == pytest.approx(7, rel=1e-12)
