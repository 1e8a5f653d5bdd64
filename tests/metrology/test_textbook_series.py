"""Montgomery's series of 30 observations of a process of mean 10 and deviation 1 that shifts by one after the 20th."""

from decimal import Decimal as D

from lims.metrology.control_limits import Baseline
from lims.metrology.control_rules import control_points
from lims.metrology.control_sums import EwmaRule, cusum, ewma
from lims.metrology.rounding import round_to

SERIES = """9.45 7.99 9.29 11.66 12.16 10.18 8.04 11.46 9.20 10.34 9.03 11.47 10.51 9.40 10.08 9.37 10.62 10.31 8.52
10.84 10.90 9.33 12.29 11.50 10.60 11.08 10.38 11.62 11.31 10.52"""
VALUES = tuple(map(D, SERIES.split()))
PROCESS = Baseline(D(10), D(1))


def printed(values, place):
    return [str(round_to(value, D(place))) for value in values]


def test_the_sum_above_leaves_its_interval_at_observation_29():
    """Introduction to Statistical Quality Control, 6th edition, table 9.2: k 0.5, h 5; C+ 5.28 and 5.30, begun at 23."""
    chart = cusum(control_points(VALUES, PROCESS))
    assert printed(chart.above[-4:], "0.01") == ["3.35", "4.47", "5.28", "5.30"]
    assert printed(chart.below[:4], "0.01") == ["0.05", "1.56", "1.77", "0.00"]
    assert [one.points for one in chart.findings] == [tuple(range(22, 29)), tuple(range(22, 30))]


def test_the_weighted_mean_of_the_same_series():
    """Table 9.10: weight 0.1, limits of 2.7 deviations: 9.945, 9.7495, ... 10.6468, 10.6341; settled limit 10.62."""
    chart = ewma(VALUES, PROCESS, EwmaRule(D("0.1"), D("2.7")))
    assert printed([*chart.means[:2], *chart.means[-2:]], "0.0001") == [
        "9.9450",
        "9.7495",
        "10.6468",
        "10.6341",
    ]
    assert printed([chart.upper[0], chart.upper[-1]], "0.01") == ["10.27", "10.62"]
    assert [one.points for one in chart.findings] == [(28,), (29,)]
