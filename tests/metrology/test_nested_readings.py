"""Readings within days: GUM H.5 through the general engine, and the same from single readings."""

from decimal import Decimal as D
from fractions import Fraction as F

import pytest

from lims.metrology.budgets import make_budget
from lims.metrology.coverage import StudentFactor, expand
from lims.metrology.errors import MetrologyError
from lims.metrology.formula_check import compile_formula
from lims.metrology.nested_readings import nest, nest_summaries
from lims.metrology.probability import fisher_tail
from lims.metrology.quantities import Quantity
from lims.metrology.rounding import round_to
from lims.metrology.uncertainty_sources import Evaluation, PooledDeviation, root

# GUM table H.9: daily means in V, and standard deviations of 5 readings in uV, of a Zener voltage standard.
MEANS = "10.000172 10.000116 10.000013 10.000144 10.000106 10.000031 10.000060 10.000125 10.000163 10.000041"
DEVIATIONS = "60 77 111 101 67 93 80 73 88 86"


@pytest.fixture
def zener():
    return nest_summaries(
        [D(mean) for mean in MEANS.split()], [D(s).scaleb(-6) for s in DEVIATIONS.split()], [5] * 10
    )


def microvolts(value):
    return str(round_to(F(value) * 10**6, D(1)))


def test_gum_h5_the_variances(zener):
    """H.5.2.2: s_a = 128 uV, s_b = 85 uV, F = 2.25 (from 57 and 85), between F_0.95 = 2.12 and F_0.975 = 2.45."""
    assert str(round_to(zener.mean, D("0.000001"))) == "10.000097"
    assert (microvolts(root(zener.from_means)), microvolts(zener.within_deviation)) == ("128", "85")
    assert microvolts(root(zener.from_means / 5)) == "57"
    assert round_to(zener.ratio, D("0.01")) == D("2.26")
    assert D("0.025") < zener.p_value < D("0.05")
    # H.5.2.3: s_B = 43 uV.
    assert microvolts(zener.between_deviation) == "43"


@pytest.mark.parametrize(("differ", "u", "dof"), [(True, "18", 9), (False, "13", 49)])
def test_gum_h5_through_the_engine(zener, differ, u, dof):
    """H.5.2.4: the daily means are the observations, 18 uV with 9; H.5.2.5: all 50 are, 13 uV with 49."""
    source = zener.source(groups_differ=differ, label="days")
    budget = make_budget(compile_formula("V"), [Quantity("V", zener.mean, (source,), "V")])
    (line,) = budget.lines
    assert (microvolts(budget.standard_uncertainty), line.dof, line.evaluation) == (u, dof, Evaluation.A)
    assert expand(budget, StudentFactor(D("0.95"))).coverage.used_dof == dof


def test_single_readings_give_the_same_as_their_summaries():
    groups = [(D(1), D(3)), (D(4), D(6)), (D(5), D(5))]
    found = nest(groups)
    # By hand: means 2, 5, 5; s^2 of the means 3; variances 2, 2, 0.
    assert (found.mean, found.from_means, found.within) == (4, 6, F(4, 3))
    assert found.ratio == F(9, 2)
    assert round_to(F(found.between_deviation) ** 2, D("0.0001")) == D("2.3333")
    # H.5.2.5: (2 x 6 + 3 x 4/3) / 5 / 6
    pooled = found.source(groups_differ=False)
    assert (round_to(F(pooled.u) ** 2, D("0.0001")), pooled.dof) == (D("0.5333"), 5)
    assert round_to(F(found.source(groups_differ=True).u) ** 2, D("0.0001")) == 1


def test_days_that_differ_less_than_their_readings_have_no_deviation_between_them():
    found = nest([(D(1), D(9)), (D(2), D(8))])
    assert (found.from_means, found.ratio, found.between_deviation, found.p_value) == (0, 0, 0, 1)


def test_readings_that_never_differ_within_a_day():
    assert nest([(D(1), D(1)), (D(2), D(2))]).ratio is None
    assert nest([(D(1), D(1)), (D(2), D(2))]).p_value == 0
    assert nest([(D(1), D(1)), (D(1), D(1))]).p_value == 1


@pytest.mark.parametrize(
    "groups",
    [[], [(D(1), D(2))], [(D(1),), (D(2),)], [(D(1), D(2)), ()], [(), ()], [(), (D(1), D(2)), (D(3),)]],
)
def test_groups_that_cannot_be_compared_are_refused(groups):
    with pytest.raises(MetrologyError) as refused:
        nest(groups)
    assert refused.value.code == "nested_groups"


@pytest.mark.parametrize(
    ("means", "deviations", "sizes"),
    [
        ("1 2", "1", (2, 2)),
        ("1 2", "1 1", (2,)),
        ("1", "1", (2,)),
        ("1 2", "1 1", (0, 2)),
        ("1 2", "1 1", (1, 1)),
    ],
)
def test_summaries_that_cannot_be_compared_are_refused(means, deviations, sizes):
    with pytest.raises(MetrologyError) as refused:
        nest_summaries([D(one) for one in means.split()], [D(one) for one in deviations.split()], sizes)
    assert refused.value.code == "nested_groups"


def test_groups_of_different_size():
    """By hand: 1, 3 | 6 | 4, 5, 6: mean 25/6; s_a^2 = (2 (13/6)^2 + (11/6)^2 + 3 (5/6)^2) / 2; s_b^2 = (2 + 0 + 2) / 3."""
    found = nest([(D(1), D(3)), (D(6),), (D(4), D(5), D(6))])
    assert (found.mean, found.sizes, found.within) == (F(25, 6), (2, 1, 3), F(4, 3))
    assert found.from_means == F(2 * 169 + 121 + 3 * 25, 72)
    assert found.mean_size == (6 - F(14, 6)) / 2  # ISO 5725-2 7.4.5: (N - sum(n^2) / N) / (p - 1)
    between = (F(found.from_means) - F(4, 3)) / F(11, 6)
    assert round_to(F(found.between_deviation) ** 2, D("1E-12")) == round_to(between, D("1E-12"))
    assert round_to(F(found.overall_deviation) ** 2, D("1E-12")) == round_to(between + F(4, 3), D("1E-12"))
    summaries = nest_summaries([D(2), D(6), D(5)], [D(2).sqrt(), D(0), D(1)], [2, 1, 3])
    assert round_to(summaries.within, D("1E-12")) == round_to(found.within, D("1E-12"))
    assert (summaries.mean, summaries.from_means) == (found.mean, found.from_means)
    assert found.source(groups_differ=False).dof == 5
    for unequal in (found, nest([(D(1), D(3)), (D(1), D(2), D(6))])):
        with pytest.raises(MetrologyError) as refused:
            unequal.source(groups_differ=True)
        assert refused.value.code == "nested_sizes"


def test_an_overall_deviation_is_never_below_that_within():
    found = nest([(D(1), D(9)), (D(2), D(8))])
    assert found.overall_deviation == found.within_deviation
    assert found.reproducibility_limit == found.repeatability_limit == D("2.8") * found.within_deviation


# ASTM E691: glucose in serum, mg/dL; 8 laboratories, three results of each of two of its materials.
GLUCOSE = {
    "A": """41.03 41.45 41.37|41.17 42.00 41.15|41.01 40.68 42.66|39.37 42.37 42.63
        |41.88 41.19 41.32|43.28 40.50 42.28|41.08 41.27 39.02|43.36 42.65 41.72""",
    "B": """78.28 78.18 78.49|77.78 80.38 79.54|79.18 79.72 80.81|84.08 78.60 81.92
        |78.16 79.58 78.33|78.66 79.27 81.75|79.76 81.45 77.35|80.44 80.80 79.80""",
}


@pytest.mark.parametrize(
    ("material", "mean", "s_r", "s_R"),
    [("A", "41.5183", "1.0632", "1.0632"), ("B", "79.6796", "1.4949", "1.5796")],
)
def test_glucose_in_serum_between_laboratories(material, mean, s_r, s_R):
    """ASTM E691 table 7 (method of ISO 5725-2): where s_R would be below s_r it is s_r."""
    found = nest([tuple(map(D, laboratory.split())) for laboratory in GLUCOSE[material].split("|")])
    printed = [
        str(round_to(one, D("0.0001")))
        for one in (found.mean, found.within_deviation, found.overall_deviation)
    ]
    assert printed == [mean, s_r, s_R]


def test_the_pooled_deviation_of_h5(zener):
    """H.5.2.2: s_b^2 pools the ten variances, 40 degrees of freedom."""
    source = PooledDeviation(zener.within_deviation, D(40), n=5)
    assert microvolts(source.s) == "85"


@pytest.mark.parametrize(
    ("ratio", "dofs", "tail"),
    [
        # Tables of F: 0.95 and 0.99 points.
        (2.124, (9, 40), 0.05),
        (2.452, (9, 40), 0.025),
        (161.4, (1, 1), 0.05),
        (4.103, (2, 10), 0.05),
        (2.978, (10, 10), 0.05),
        (4.849, (10, 10), 0.01),
        (1.0, (7, 7), 0.5),
    ],
)
def test_the_tail_of_fishers_ratio(ratio, dofs, tail):
    assert fisher_tail(ratio, *dofs) == pytest.approx(tail, rel=5e-3)


def test_the_tail_of_fishers_ratio_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    for ratio in (0.01, 0.4, 1.0, 3.3, 40.0):
        for dofs in ((1, 1), (1, 30), (9, 40), (40, 9), (200, 3)):
            assert fisher_tail(ratio, *dofs) == pytest.approx(stats.f.sf(ratio, *dofs), rel=1e-10)
    assert fisher_tail(0, 3, 3) == 1
