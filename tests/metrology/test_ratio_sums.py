"""Sums of ratios: GB 2760 appendix A, additives of one function used together."""

from decimal import Decimal
from fractions import Fraction

import pytest

from lims.metrology.errors import MetrologyError
from lims.metrology.limits import Maximum, NotPermitted
from lims.metrology.ratio_sums import Member, NotDetectedAs, sum_of_ratios
from lims.metrology.values import BelowQuantification, DetectionLimits, GreaterThan, NotDetected, Number

D = Decimal
BENZOIC = Member("benzoic", Number(D("0.30"), "g/kg"), Maximum(D("1.0"), "g/kg"))


def sorbic(value, **more) -> Member:
    return Member("sorbic", value, Maximum(D("0.5"), "g/kg"), **more)


def test_each_is_divided_by_its_own_maximum_and_nothing_is_rounded():
    third = sorbic(Number(D("0.3333"), "g/kg"), exact=Fraction(1, 3))
    found = sum_of_ratios([BENZOIC, third], NotDetectedAs.ZERO)
    assert found.total == Fraction(3, 10) + Fraction(2, 3)
    assert [share.ratio for share in found.shares] == [Fraction(3, 10), Fraction(2, 3)]


def test_a_value_is_taken_in_the_unit_of_its_own_limit():
    found = sum_of_ratios([BENZOIC, sorbic(Number(D("250"), "mg/kg"))], NotDetectedAs.ZERO)
    assert found.total == Fraction(8, 10)


@pytest.mark.parametrize(
    ("policy", "total"),
    [(NotDetectedAs.ZERO, "0.3"), (NotDetectedAs.HALF_LIMIT, "0.305"), (NotDetectedAs.LIMIT, "0.31")],
)
@pytest.mark.parametrize(
    "value", [NotDetected(D("5"), "mg/kg"), BelowQuantification(D("0.005"), "g/kg")], ids=["lod", "loq"]
)
def test_what_lies_below_the_limits_counts_by_a_named_policy(policy, total, value):
    found = sum_of_ratios([BENZOIC, sorbic(value)], policy)
    assert found.total == Fraction(total)
    assert [share.by_policy for share in found.shares] == [False, True]


def test_not_detected_without_a_limit_counts_by_the_methods_or_as_nothing():
    bare = NotDetected(None, "g/kg")
    detection = DetectionLimits(None, D("0.01"))
    found = sum_of_ratios([sorbic(bare, detection=detection)], NotDetectedAs.LIMIT)
    assert found.total == Fraction(1, 50)
    assert sum_of_ratios([sorbic(bare)], NotDetectedAs.ZERO).total == 0


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ([], "ratio_members"),
        ([sorbic(GreaterThan(D("2"), "g/kg"))], "ratio_no_figure"),
        ([sorbic(NotDetected(None, "g/kg"))], "ratio_limit_unknown"),
        ([sorbic(Number(D("1"), "CFU/g"))], "unit_incompatible"),
        ([Member("x", Number(D(1), "g/kg"), None)], "ratio_no_maximum"),
        ([Member("x", Number(D(1), "g/kg"), NotPermitted("g/kg"))], "ratio_no_maximum"),
        ([Member("x", Number(D(1), "g/kg"), Maximum(D(0), "g/kg"))], "ratio_no_maximum"),
    ],
)
def test_what_has_no_share_is_named(members, code):
    with pytest.raises(MetrologyError) as refused:
        sum_of_ratios(members, NotDetectedAs.HALF_LIMIT)
    assert refused.value.code == code
