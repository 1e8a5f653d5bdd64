"""A firm's limit against the national one: stricter, looser, equal or not comparable (R62)."""

from decimal import Decimal as D

import pytest

from lims.metrology.judgements import Comparison, Verdict
from lims.metrology.judging import judge
from lims.metrology.limit_comparison import Strictness, compare_limits
from lims.metrology.limits import Maximum, Minimum, MustNotBeDetected, NotPermitted, Plan, Range
from lims.metrology.values import Number

S, L, E, N = Strictness.STRICTER, Strictness.LOOSER, Strictness.EQUAL, Strictness.NOT_COMPARABLE
MIRROR = {S: L, L: S, E: E, N: N}


def plan(n, c, m, big_m=None, unit="CFU/g"):
    return Plan(n, c, D(m), None if big_m is None else D(big_m), unit)


@pytest.mark.parametrize(
    ("own", "national", "found"),
    [
        (Maximum(D("80"), "mg/kg"), Maximum(D("100"), "mg/kg"), S),
        (Maximum(D("120"), "mg/kg"), Maximum(D("100"), "mg/kg"), L),
        (Maximum(D("100.0"), "mg/kg"), Maximum(D("100"), "mg/kg"), E),
        (Maximum(D("0.1"), "g/kg"), Maximum(D("100"), "mg/kg"), E),
        (Maximum(D("90"), "mg/kg"), Maximum(D("0.1"), "g/kg"), S),
        (Maximum(D("100"), "mg/kg", inclusive=False), Maximum(D("100"), "mg/kg"), S),
        (Maximum(D("100"), "mg/kg"), Maximum(D("100"), "Ω/km"), N),
        (Minimum(D("12"), "g/100g"), Minimum(D("10"), "g/100g"), S),
        (Minimum(D("8"), "g/100g"), Minimum(D("10"), "g/100g"), L),
        (Minimum(D("10"), "g/100g"), Minimum(D("10"), "g/100g", inclusive=False), L),
        (Range(D("6.8"), D("8.2")), Range(D("6.5"), D("8.5")), S),
        (Range(D("6.5"), D("8.2")), Range(D("6.5"), D("8.5")), S),
        (Range(D("6.0"), D("9.0")), Range(D("6.5"), D("8.5")), L),
        (Range(D("6.5"), D("8.50")), Range(D("6.5"), D("8.5")), E),
        (Range(D("6.0"), D("8.0")), Range(D("6.5"), D("8.5")), N),
        (Range(D("6.5"), D("8.5")), Maximum(D("8.5")), S),
        (Range(D("6.5"), D("8.6")), Maximum(D("8.5")), N),
        (Range(D("6.5"), D("8.5")), Minimum(D("6.5")), S),
        (Maximum(D("5")), Minimum(D("5")), N),
        (NotPermitted("mg/kg"), Maximum(D("0.5"), "mg/kg"), S),
        (MustNotBeDetected("mg/kg"), NotPermitted("mg/kg"), S),
        (NotPermitted("mg/kg"), NotPermitted("mg/kg"), E),
        (NotPermitted("mg/kg"), Minimum(D("0.5"), "mg/kg"), N),
        (NotPermitted("mg/kg"), Maximum(D("0"), "mg/kg"), N),
        (plan(5, 1, "1e4", "1e5"), plan(5, 2, "1e4", "1e5"), S),
        (plan(5, 2, "1e3", "1e5"), plan(5, 2, "1e4", "1e5"), S),
        (plan(5, 2, "1e4", "1e5"), plan(5, 2, "1e4"), S),
        (plan(5, 2, "1e3", "1e6"), plan(5, 2, "1e4", "1e5"), N),
        (plan(5, 0, "1e4", "1e5"), plan(5, 0, "1e4"), E),
        (plan(10, 2, "1e4", "1e5"), plan(5, 2, "1e4", "1e5"), S),
        (plan(5, 2, "1e4", "1e5", "CFU/g"), plan(5, 2, "1e4", "1e5", "mg/kg"), N),
        (plan(5, 2, "1e4", "1e5"), Maximum(D("1e4"), "CFU/g"), N),
    ],
)
def test_a_limit_is_stricter_when_it_lets_less_pass(own, national, found):
    assert compare_limits(own, national) is found
    assert compare_limits(national, own) is MIRROR[found]


@pytest.mark.parametrize("bound", ["0.3", "0.4"])
@pytest.mark.parametrize("kind", [Maximum, Minimum])
@pytest.mark.parametrize("inclusive", [True, False])
def test_a_rounded_value_limit_is_compared_by_what_judging_lets_pass(bound, kind, inclusive):
    """Every value of a grid is judged by both; the comparison must agree with what passed."""
    rounded = kind(D(bound), "mg/kg", inclusive)
    # Half the step between the figures: two limits that differ, if only by an open end, differ on the grid.
    values = [Number(D(n).scaleb(-4), "mg/kg") for n in range(2000, 5001, 5)]
    passed = {v for v in values if judge(v, rounded, Comparison.ROUNDED_VALUE).verdict is Verdict.PASS}
    found = set()
    for step in (-51, -50, -49, 0, 49, 50, 51):
        for closed in (True, False):
            full = kind(D(bound) + D(step).scaleb(-3), "mg/kg", closed)
            own = {v for v in values if judge(v, full).verdict is Verdict.PASS}
            expected = E if own == passed else S if own < passed else L
            assert compare_limits(full, rounded, other_rule=Comparison.ROUNDED_VALUE) is expected
            found.add(expected)
    assert found == {S, L, E}
