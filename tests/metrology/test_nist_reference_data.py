"""NIST Statistical Reference Datasets (StRD): certified to 15 digits, and chosen to break careless arithmetic."""

from decimal import Decimal as D

import pytest

from lims.metrology.nested_readings import nest
from lims.metrology.rounding import round_significant
from lims.metrology.straight_line import fit_line
from lims.metrology.uncertainty_sources import root, sample_variance


def certified(value):
    return str(round_significant(value, 15))


# Norris: calibration of ozone monitors, 36 points.
NORRIS_X = """.2 337.4 118.2 884.6 10.1 226.5 666.3 996.3 448.6 777.0 558.2 .4 .6 775.5 666.9 338.0 447.5 11.6 556.0 228.1
995.8 887.6 120.2 .3 .3 556.8 339.1 887.2 999.0 779.0 11.1 118.3 229.2 669.1 448.9 .5"""
NORRIS_Y = """.1 338.8 118.1 888.0 9.2 228.1 668.5 998.5 449.1 778.9 559.2 .3 .1 778.1 668.8 339.3 448.9 10.8 557.7 228.3
998.0 888.8 119.6 .3 .6 557.6 339.3 888.0 998.5 778.9 10.2 117.6 228.9 668.4 449.2 .2"""


def test_norris_linear_regression():
    fit = fit_line(list(zip(map(D, NORRIS_X.split()), map(D, NORRIS_Y.split()), strict=True)))
    assert certified(fit.intercept) == "-0.262323073774029"
    assert certified(fit.u_intercept) == "0.232818234301152"
    assert certified(fit.slope) == "1.00211681802045"
    assert certified(fit.u_slope) == "0.000429796848199937"
    assert (certified(fit.s), fit.dof) == ("0.884796396144373", 34)


# SiRstv: resistivity of silicon by five instruments.
SILICON = """196.3052 196.1240 196.1890 196.2569 196.3403|196.3042 196.3825 196.1669 196.3257 196.0422
|196.1303 196.2005 196.2889 196.0343 196.1811|196.2795 196.1748 196.1494 196.1485 195.9885
|196.2119 196.1051 196.1850 196.0052 196.2090"""


def test_silicon_analysis_of_variance():
    found = nest([tuple(map(D, instrument.split())) for instrument in SILICON.split("|")])
    assert certified(found.ratio) == "1.18046237440255"
    assert certified(found.within_deviation) == "0.104076068334656"


@pytest.mark.parametrize(
    ("centre", "spread"), [("10000002", "1"), ("1000000.2", "0.1"), ("10000000.2", "0.1")]
)
def test_a_small_spread_about_a_large_figure(centre, spread):
    """NumAcc1, 3 and 4: 3 values, or 1001 that lie to both sides in turns; the deviation is exactly the step."""
    pairs = 1 if spread == "1" else 500
    values = [D(centre), *[D(centre) - D(spread), D(centre) + D(spread)] * pairs]
    assert sum(values) / len(values) == D(centre)
    assert root(sample_variance(values)) == D(spread)
