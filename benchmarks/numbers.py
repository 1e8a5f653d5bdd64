"""Numbers without a database: results computed, rounded, judged with their uncertainty; and Monte Carlo.

The ratios within the run: the engine to a function written by hand for this one formula, which takes the same steps
(exact rationals, one rounding, comparison with a guard band, eight sources, U rounded); a million draws of a model of two
inputs to the same draws in plain numpy. ``LIMS_BENCH_RESULTS`` (100000) results.
"""

import os
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

import numpy as np

from benchmarks.figures import Target, figure
from benchmarks.support.timing import side_by_side, timed
from lims.metrology.decision_rules import GUARDED_ACCEPTANCE, StatedUncertainty
from lims.metrology.decisions import decide_conformity
from lims.metrology.formula import evaluate
from lims.metrology.formula_check import compile_formula
from lims.metrology.judgements import Verdict
from lims.metrology.limits import Maximum
from lims.metrology.method_budgets import RESULT, MethodBudget, SourceKind, SourceText, uncertainty_of
from lims.metrology.monte_carlo import FixedDraws, run_monte_carlo
from lims.metrology.quantities import Quantity
from lims.metrology.rounding import last_place, round_significant
from lims.metrology.uncertainty_sources import Rectangular, Standard
from lims.metrology.values import Number

RESULTS = int(os.environ.get("LIMS_BENCH_RESULTS", "100000"))
BLOCK = 500
DRAWS = 1_000_000
BY_HAND, NUMPY = Target("<=", 5), Target("<=", 2)
D = Decimal
FORMULA = compile_formula("(c - c0) * V * f / (m * 1000)")
LIMIT = Maximum(D("0.5"), "mg/kg")
K = SourceKind
BUDGET = MethodBudget(
    (
        SourceText("c", K.STANDARD, D("2.4"), percent=True),
        SourceText("c", K.EXPANDED, D("0.8"), D(2), percent=True),
        SourceText("V", K.TRIANGULAR, D("0.05")),
        SourceText("m", K.EXPANDED, D("0.0003"), D(2)),
        SourceText("m", K.RESOLUTION, D("0.0001")),
        SourceText(RESULT, K.RECTANGULAR, D(4), percent=True),
        SourceText(RESULT, K.POOLED, D("3.8"), D(2), D(14), percent=True),
    )
)
Figures = dict[str, Decimal]
Answer = tuple[Decimal, Decimal, bool]


def figures_of(n: int) -> Figures:
    return {
        "c": D("3.100") + D(n % 997) / 1000,
        "c0": D("0.080"),
        "V": D("50"),
        "f": D(1),
        "m": D("0.5000") + D(n % 89) / 10000,
    }


def by_engine(given: Figures) -> Answer:
    evaluation = evaluate(FORMULA, given)
    reported = round_significant(evaluation.unrounded, 3)
    found = uncertainty_of(FORMULA, given, {}, BUDGET, reported_place=last_place(reported))
    stated = StatedUncertainty(found.U, found.k, "mg/kg")
    decision = decide_conformity(Number(evaluation.value, "mg/kg"), LIMIT, stated, GUARDED_ACCEPTANCE)
    return reported, found.U, decision.verdict is Verdict.PASS


WORKING = Context(prec=50)
C_V, V_V, M_V, Y_V = (
    Fraction(24, 1000) ** 2 + Fraction(4, 1000) ** 2,
    Fraction(5, 100) ** 2 / 6,
    Fraction(15, 100000) ** 2 + Fraction(1, 10000) ** 2 / 12,
    Fraction(4, 100) ** 2 / 3 + Fraction(38, 1000) ** 2 / 2,
)


def by_hand(given: Figures) -> Answer:
    """The same for this formula and this budget alone; its derivatives are those of a textbook."""
    c, c0, V, f, m = (Fraction(given[name]) for name in ("c", "c0", "V", "f", "m"))
    y = (c - c0) * V * f / (m * 1000)
    reported = _to_digits(y, 3)
    by_c, by_v, by_m = V * f / (m * 1000), (c - c0) * f / (m * 1000), y / m
    variance = by_c**2 * c**2 * C_V + by_v**2 * V_V + by_m**2 * M_V + y**2 * Y_V
    root = WORKING.sqrt(WORKING.divide(D(variance.numerator), D(variance.denominator)))
    U = Fraction(root) * 2
    shown = _to_digits(U, 2)
    if Fraction(shown) < U * Fraction(95, 100):
        shown += D(1).scaleb(shown.as_tuple().exponent)  # type: ignore[arg-type]
    place = D(1).scaleb(reported.as_tuple().exponent)  # type: ignore[arg-type]
    if D(1).scaleb(shown.as_tuple().exponent) < place:  # type: ignore[arg-type]
        rounded = shown.quantize(place, ROUND_HALF_EVEN)
        shown = rounded if rounded >= shown else rounded + place
    return reported, shown, y <= Fraction(D("0.5") - shown)


def _to_digits(value: Fraction, digits: int) -> Decimal:
    exact = WORKING.divide(D(value.numerator), D(value.denominator))
    return exact.quantize(D(1).scaleb(exact.adjusted() - digits + 1), ROUND_HALF_EVEN)


def results() -> None:
    many = [figures_of(n) for n in range(RESULTS)]
    for one in many[:2000]:
        assert by_engine(one) == by_hand(one), one
    engine = hand = 0.0
    for start in range(0, RESULTS, BLOCK):  # in turns: a busy machine slows both alike
        engine += timed(_over(by_engine, many[start : start + BLOCK]))
        hand += timed(_over(by_hand, many[start : start + BLOCK]))
    figure(
        f"{RESULTS:,} results with uncertainty and verdict ({engine / 1000:.1f} s)",
        engine / hand,
        "times",
        BY_HAND,
        ratio=engine / hand,
        ratio_to=f"by hand ({hand / 1000:.1f} s)",
    )


def _over(work: Callable[[Figures], Answer], many: list[Figures]) -> Callable[[], None]:
    def run() -> None:
        for one in many:
            work(one)

    return run


def monte_carlo() -> None:
    """y = x1 x2 of a normal and a rectangular quantity; mean, u and both intervals."""
    product = compile_formula("a * b")
    quantities = [
        Quantity("a", D(10), (Standard(D("0.1")),)),
        Quantity("b", D(5), (Rectangular(D("0.2")),)),
    ]

    def ours() -> None:
        run_monte_carlo(product, quantities, seed=1, stop=FixedDraws(DRAWS))

    def plain() -> None:
        draws = np.random.default_rng(1)
        y = np.sort(draws.normal(10.0, 0.1, DRAWS) * draws.uniform(4.8, 5.2, DRAWS))
        inside = int(0.95 * DRAWS)
        widths = y[inside:] - y[:-inside]
        at = int(np.argmin(widths))
        _results = (y.mean(), y.std(ddof=1), y[at], y[at + inside], y[DRAWS // 40], y[-DRAWS // 40])

    mine, numpy = side_by_side(ours, plain, count=20)
    share = mine.median / numpy.median
    figure(
        f"Monte Carlo, {DRAWS:,} draws of two inputs ({mine.median:.0f} ms)",
        share,
        "times",
        NUMPY,
        ratio=share,
        ratio_to=f"plain numpy ({numpy.median:.0f} ms)",
    )


def main() -> None:
    results()
    monte_carlo()


if __name__ == "__main__":
    main()
