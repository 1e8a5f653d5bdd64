"""Proficiency tests: scores, their words, and the robust mean."""

from decimal import Decimal
from fractions import Fraction
from statistics import median, stdev

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lims.metrology.errors import MetrologyError
from lims.metrology.proficiency import (
    Performance,
    ScoreKind,
    Signal,
    en_score,
    is_negligible,
    z_prime_score,
    z_score,
    zeta_score,
)
from lims.metrology.robust_mean import Start, algorithm_a
from lims.metrology.rounding import round_significant, round_to

D = Decimal
GOOD = (Performance.SATISFACTORY, Signal.NONE)
DOUBTFUL = (Performance.QUESTIONABLE, Signal.WARNING)
BAD = (Performance.UNSATISFACTORY, Signal.ACTION)


def words(score):
    return score.performance, score.signal


def code_of(act):
    with pytest.raises(MetrologyError) as refusal:
        act()
    return refusal.value.code


@pytest.mark.parametrize(
    ("result", "z", "meaning"),
    [
        ("10.2", "0.4", GOOD),
        ("11", "2", GOOD),
        ("9", "-2", GOOD),
        ("11.005", "2.01", DOUBTFUL),
        ("8.505", "-2.99", DOUBTFUL),
        ("11.5", "3", BAD),
        ("8.5", "-3", BAD),
        ("14", "8", BAD),
    ],
)
def test_z_and_its_words_at_the_thresholds(result, z, meaning):
    score = z_score(D(result), D(10), D("0.5"))
    assert (score.kind, score.value, words(score)) == (ScoreKind.Z, D(z), meaning)
    assert (score.thresholds.satisfactory, score.thresholds.unsatisfactory) == (2, 3)


def test_a_score_that_prints_as_two_may_still_be_questionable():
    score = z_score(D("11.0000001"), D(10), D("0.5"))
    assert str(round_to(score.value, D("0.01"))) == "2.00"
    assert words(score) == DOUBTFUL


def test_a_threshold_holds_where_the_root_is_not_rational():
    # 3 sqrt(0.1^2 + 0.1^2) = 0.42426...
    assert words(zeta_score(D("10.424"), D("0.1"), D(10), D("0.1"))) == DOUBTFUL
    assert words(zeta_score(D("10.425"), D("0.1"), D(10), D("0.1"))) == BAD


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda x: z_prime_score(x, D(10), D(3), D(4)), ScoreKind.Z_PRIME),
        (lambda x: zeta_score(x, D(3), D(10), D(4)), ScoreKind.ZETA),
    ],
)
def test_uncertainties_are_added_in_squares(make, kind):
    for result, value, meaning in (("20", "2", GOOD), ("22.5", "2.5", DOUBTFUL), ("-5", "-3", BAD)):
        score = make(D(result))
        assert (score.kind, score.value, words(score)) == (kind, D(value), meaning)


@pytest.mark.parametrize(
    ("result", "value", "meaning"),
    [
        ("15", "1", GOOD),
        ("5", "-1", GOOD),
        ("15.001", "1.0002", BAD),
        ("3.5", "-1.3", BAD),
        ("10", "0", GOOD),
    ],
)
def test_en_knows_no_middle(result, value, meaning):
    score = en_score(D(result), D(3), D(10), D(4))
    assert (score.kind, score.value, words(score)) == (ScoreKind.EN, D(value), meaning)
    assert score.thresholds.satisfactory == 1


def test_a_score_without_spread_is_refused():
    assert code_of(lambda: z_score(D(1), D(1), D(0))) == "score_spread"
    assert code_of(lambda: z_score(D(1), D(1), D(-1))) == "score_spread"
    assert code_of(lambda: en_score(D(1), D(0), D(1), D(0))) == "score_spread"
    assert code_of(lambda: zeta_score(D(1), D(-3), D(1), D(4))) == "score_spread"
    assert zeta_score(D(1), D(0), D(1), D(4)).value == 0


def test_when_the_assigned_value_is_certain_enough_for_z():
    assert is_negligible(D("0.299"), D(1))
    assert not is_negligible(D("0.3"), D(1))


# --- Algorithm A ---

# ISO 5725-5 creosote: means of nine laboratories; the standard's robust mean is 20.412.
CREOSOTE = tuple(
    map(D, ["24.140", "20.155", "19.500", "20.300", "20.705", "17.570", "20.100", "20.940", "21.185"])
)


def plain_algorithm_a(values, rounds=500):
    """The same in floats, straight from the formulas, until nothing changes any more."""
    mean = median(values)
    deviation = 1.483 * median(abs(value - mean) for value in values)
    for _ in range(rounds):
        pulled = [min(max(value, mean - 1.5 * deviation), mean + 1.5 * deviation) for value in values]
        mean, deviation = sum(pulled) / len(pulled), 1.134 * stdev(pulled)
    return mean, deviation


def test_the_creosote_example():
    result = algorithm_a(CREOSOTE)
    assert str(round_to(result.mean, D("0.001"))) == "20.412"
    assert (result.count, result.start, result.clipped) == (9, Start.MEDIAN_DEVIATION, (0, 5))
    assert 2 <= result.rounds <= 8


def test_more_figures_settle_further():
    mean, deviation = plain_algorithm_a(list(map(float, CREOSOTE)))
    result = algorithm_a(CREOSOTE, figures=12)
    assert abs(float(result.mean) - mean) < 1e-9
    assert abs(float(result.deviation) - deviation) < 1e-8
    assert result.rounds > algorithm_a(CREOSOTE).rounds


def test_the_uncertainty_of_the_assigned_value():
    result = algorithm_a(CREOSOTE)
    # 1.25 s* / sqrt(9)
    assert round_significant(result.standard_uncertainty, 20) == round_significant(
        Fraction("1.25") * Fraction(result.deviation) / 3, 20
    )


def test_results_without_outliers_keep_their_mean():
    result = algorithm_a(tuple(map(D, ("9", "10", "11", "9.5", "10.5"))))
    assert (result.mean, result.clipped) == (10, ())
    # 1.134 times the ordinary standard deviation: nothing is pulled in.
    assert round_significant(result.deviation, 20) == round_significant(D("1.134") * D("0.625").sqrt(), 20)


@pytest.mark.parametrize(
    ("values", "start", "first"),
    [
        ("9 10 10 11 12", Start.MEDIAN_DEVIATION, Fraction("1.483")),
        ("10 10 10 10 11 11 12", Start.QUARTILES, 1 / Fraction("1.349")),
        # A quartile at three quarters of the way from 10 to 11, the other at 10.
        ("10 10 10 10 11 12", Start.QUARTILES, Fraction("0.75") / Fraction("1.349")),
        # The lower quartile is a quarter of the way from 8 to 10.
        ("7 8 10 10 10 10", Start.QUARTILES, Fraction("1.5") / Fraction("1.349")),
        ("10 10 10 10 10 10 11 11 11", Start.QUARTILES, 1 / Fraction("1.349")),
        ("1 1 3 1 1", Start.STANDARD_DEVIATION, Fraction("0.8944271909999158785636694674925105")),
    ],
)
def test_where_most_results_are_equal_another_start_is_taken(values, start, first):
    result = algorithm_a(tuple(map(D, values.split())))
    assert result.start is start
    assert round_significant(result.first_deviation, 30) == round_significant(first, 30)


def test_where_nearly_all_results_are_equal_the_deviation_falls_to_zero():
    result = algorithm_a(tuple(map(D, ["1", "1", "3", "1", "1"])))
    assert (result.mean, result.deviation, result.clipped) == (1, 0, (2,))
    assert result.rounds > 100


def test_results_that_are_all_equal_have_no_deviation():
    result = algorithm_a((D(7),) * 5)
    assert (result.mean, result.deviation, result.start) == (7, 0, Start.STANDARD_DEVIATION)


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda: algorithm_a((D(1), D(2))), "robust_results"),
        (lambda: algorithm_a((D(1), D(2), D(3)), figures=2), "robust_figures"),
        (lambda: algorithm_a((D(1), D(2), D(3)), figures=13), "robust_figures"),
    ],
)
def test_too_few_results_or_figures_are_refused(act, code):
    assert code_of(act) == code


results = st.lists(st.decimals(min_value=1, max_value=100, places=2), min_size=3, max_size=15)


@given(results, st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_order_of_laboratories_changes_nothing(values, random):
    shuffled = values[:]
    random.shuffle(shuffled)
    one, other = algorithm_a(values), algorithm_a(shuffled)
    assert (one.mean, one.deviation, one.start, one.rounds) == (
        other.mean,
        other.deviation,
        other.start,
        other.rounds,
    )


@given(results)
@settings(max_examples=40, deadline=None)
def test_one_wild_result_moves_the_robust_mean_less_than_the_plain_one(values):
    assume(len(values) >= 5 and algorithm_a(values).deviation > 0)
    wild = [*values, D(100_000)]
    moved = abs(algorithm_a(wild).mean - algorithm_a(values).mean)
    assert moved < abs(sum(wild) / len(wild) - sum(values) / len(values))
    assert len(values) in algorithm_a(wild).clipped
