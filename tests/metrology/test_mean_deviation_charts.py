"""X-bar and S charts: printed factors, and a published example."""

from decimal import Decimal as D

import pytest

from lims.metrology.control_deviations import deviation_factor, mean_deviation_limits
from lims.metrology.control_limits import mean_range_limits
from lims.metrology.errors import MetrologyError
from lims.metrology.rounding import round_to

# Montgomery, Introduction to Statistical Quality Control: inside diameters of piston rings, mm, 25 groups of 5;
# thousandths beyond 73.900.
RINGS = """
130 102 119  92 108 |  95  92 101 111 104 |  88 124 121 105 102 | 102  96  93 115 109 |  92 107 115  89 114
109  94  97  85  93 |  95 106  94 100 105 |  85 103  93 115  88 | 108  95 109 105 104 |  98 100  90 107  95
 94  98  94  95  90 | 104 100 107 100  96 |  83 102  98  97 112 | 106  67  94 100  84 | 112 114  98  99 107
100  84 105  98  96 |  94 112  86 105 107 | 106 110 118 103 100 |  84 102 103 105  97 | 100 110 113 120 103
 82 101 115 105  96 | 104  99  90 106 109 | 110  89  90 109 114 | 115 108  93 100 110 |  82  84  95 117 113
"""
GROUPS = [
    tuple(73 + D("0.9") + D(figure) / 1000 for figure in group.split())
    for row in RINGS.strip().splitlines()
    for group in row.split("|")
]


def printed(limits, place="0.001"):
    return [str(round_to(value, D(place))) for value in (limits.lower, limits.centre, limits.upper)]


def test_the_example_of_montgomery():
    """Example 6.3: centre 74.001, limits 73.988 and 74.014; S chart 0, 0.0094, 0.0196. The book adds what it has
    rounded, 74.001 + 1.427 x 0.0094; unrounded the upper limit is 74.0146."""
    charts = mean_deviation_limits(GROUPS)
    assert len(GROUPS) == 25
    assert printed(charts.means) == ["73.988", "74.001", "74.015"]
    book = round_to(charts.means.centre, D("0.001")) + D("1.427") * round_to(
        charts.deviations.centre, D("0.0001")
    )
    assert round_to(book, D("0.001")) == D("74.014")
    assert printed(charts.deviations, "0.0001") == ["0.0000", "0.0094", "0.0196"]


def test_the_same_rings_by_their_ranges():
    """Example 6.1: 73.988, 74.001, 74.014 (74.001 + 0.577 x 0.023); R chart 0, 0.023, 0.049."""
    charts = mean_range_limits(GROUPS)
    assert printed(charts.values, "0.0001") == ["73.9878", "74.0012", "74.0146"]
    assert printed(charts.ranges) == ["0.000", "0.023", "0.049"]


@pytest.mark.parametrize(
    ("n", "c4", "A3", "B3", "B4"),
    # NIST e-Handbook 6.3.2.1, ASTM E2587 table.
    [
        (2, "0.7979", "2.659", "0.000", "3.267"),
        (3, "0.8862", "1.954", "0.000", "2.568"),
        (5, "0.9400", "1.427", "0.000", "2.089"),
        (6, "0.9515", "1.287", "0.030", "1.970"),
        (10, "0.9727", "0.975", "0.284", "1.716"),
        (25, "0.9896", "0.606", "0.565", "1.435"),
    ],
)
def test_factors_print_as_in_tables(n, c4, A3, B3, B4):
    assert str(round_to(deviation_factor(n), D("0.0001"))) == c4
    # Groups whose standard deviations average 1: two that spread alike.
    group = [D(0)] * (n - 1) + [D(1)]
    charts = mean_deviation_limits([group, group])
    s = charts.deviations.centre
    assert float(s) == pytest.approx(1 / n**0.5)
    third = D("0.001")
    assert str(round_to((charts.means.upper - charts.means.centre) / s, third)) == A3
    assert str(round_to(charts.deviations.lower / s, third)) == B3
    assert str(round_to(charts.deviations.upper / s, third)) == B4


@pytest.mark.parametrize(
    ("groups", "code"),
    [
        ([], "control_groups_large"),
        ([(D(1), D(2))], "control_groups_large"),
        ([(D(1),), (D(2),)], "control_groups_large"),
        ([(D(1), D(2)), (D(1), D(2), D(3))], "control_groups_large"),
        ([(D(1),) * 101] * 2, "control_groups_large"),
        ([(D(1), D(1)), (D(2), D(2))], "control_deviation"),
    ],
)
def test_groups_without_limits_are_refused(groups, code):
    with pytest.raises(MetrologyError) as refused:
        mean_deviation_limits(groups)
    assert refused.value.code == code
