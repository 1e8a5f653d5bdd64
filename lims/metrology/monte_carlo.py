"""Propagation of distributions by a Monte Carlo method (JCGM 101); float is meant here.

Bit for bit repeatable from the stored seed with the numpy named in the result, on the same kind of processor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, sqrt

import numpy as np

from lims.metrology.coverage import ExpandedUncertainty
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.formula_arrays import Draws, values_at
from lims.metrology.formula_check import Formula
from lims.metrology.monte_carlo_draws import FiniteDof, Sampler
from lims.metrology.quantities import Correlation, Quantity, check_inputs
from lims.metrology.rounding import last_place, round_significant

MAX_DRAWS = 20_000_000
_BLOCK = 10_000


@dataclass(frozen=True, slots=True)
class FixedDraws:
    count: int = 1_000_000


@dataclass(frozen=True, slots=True)
class AdaptiveStop:
    """Blocks of 10^4 (more where p asks for it) until the results have settled (JCGM 101 7.9.4).

    Settled: twice the standard deviation of the block means of y, u and both interval ends is below
    delta / ``finer``, with delta half a unit of the last of ``digits`` significant digits of u. ``finer``: 5
    where the result shall validate a GUM budget (JCGM 101 8.2 note). ``most``: draws after which it gives up.
    """

    digits: int = 2
    finer: int = 1
    most: int = 5_000_000

    def __post_init__(self) -> None:
        if self.digits not in (1, 2, 3) or not 1 <= self.finer <= 100:
            raise MetrologyError(
                "monte_carlo_stop", "Ask for 1 to 3 digits, and for a tolerance at most 100 times finer."
            )


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MonteCarloResult:
    """``symmetric``: as much probability below as above; ``shortest``: the shortest that holds p.

    ``tolerance`` is the last one asked for, ``reached`` twice the largest standard deviation of y, u and the
    interval ends, and ``settled`` whether that was below it; None and True for a fixed number of draws.
    ``seed``, ``generator`` and ``finite_dof`` repeat the draws.
    """

    value: float
    standard_uncertainty: float
    p: Decimal
    symmetric: Interval
    shortest: Interval
    draws: int
    seed: int
    finite_dof: FiniteDof
    generator: str
    settled: bool
    tolerance: float | None = None
    reached: float | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was found, and the drawn results themselves in ascending order."""

    result: MonteCarloResult
    ordered: Draws


@dataclass(frozen=True, slots=True)
class Validation:
    """Whether a GUM interval may stand in for the Monte Carlo one (JCGM 101 8): both ends within ``delta``."""

    low_difference: Decimal
    high_difference: Decimal
    delta: Decimal

    @property
    def holds(self) -> bool:
        return self.low_difference <= self.delta and self.high_difference <= self.delta


def run_monte_carlo(
    model: Formula,
    quantities: Sequence[Quantity],
    correlations: Sequence[Correlation] = (),
    *,
    seed: int,
    p: Decimal = Decimal("0.95"),
    stop: FixedDraws | AdaptiveStop = AdaptiveStop(),
    finite_dof: FiniteDof = FiniteDof.STUDENT,
) -> MonteCarloResult:
    """Raises MetrologyError as ``draw_results``."""
    return draw_results(
        model, quantities, correlations, seed=seed, p=p, stop=stop, finite_dof=finite_dof
    ).result


def draw_results(
    model: Formula,
    quantities: Sequence[Quantity],
    correlations: Sequence[Correlation] = (),
    *,
    seed: int,
    p: Decimal = Decimal("0.95"),
    stop: FixedDraws | AdaptiveStop = AdaptiveStop(),
    finite_dof: FiniteDof = FiniteDof.STUDENT,
    going_on: Callable[[], bool] = lambda: True,
) -> Drawn:
    """``going_on``: asked after each block of an adaptive run; it ends unsettled where that says no.

    Raises MetrologyError: those of ``check_inputs``, of ``Sampler`` and of ``values_at``,
    ``monte_carlo_draws``, ``probability_range``.
    """
    if not 0 < p < 1:
        raise MetrologyError("probability_range", "A probability lies between 0 and 1, both excluded.")
    block = max(_BLOCK, ceil(100 / (1 - p)))
    asked = stop.count if isinstance(stop, FixedDraws) else stop.most
    least = ceil(10 / (1 - p)) if isinstance(stop, FixedDraws) else 2 * block
    if not least <= asked <= MAX_DRAWS:
        raise MetrologyError(
            "monte_carlo_draws",
            "Between %(least)s and %(most)s draws are possible here.",
            least=least,
            most=MAX_DRAWS,
        )
    run = _Run(model, Sampler(check_inputs(quantities, correlations), seed, finite_dof), p)
    if isinstance(stop, FixedDraws):
        end = _End(settled=True)
        run.add_block(stop.count)
    else:
        end = run.until_settled(stop, block, going_on)
    return run.drawn(seed, finite_dof, end)


def validate_budget(
    value: Exact, expanded: ExpandedUncertainty, interval: Interval, digits: int = 2
) -> Validation:
    """Hold the GUM interval ``value`` +- U against a Monte Carlo interval of the same p."""
    place = last_place(round_significant(expanded.standard_uncertainty, digits))
    low, high = (
        to_fraction(value) - to_fraction(expanded.U),
        to_fraction(value) + to_fraction(expanded.U),
    )
    differences = [
        round_significant(abs(end - to_fraction(Decimal(drawn))), 12)
        for end, drawn in ((low, interval.low), (high, interval.high))
    ]
    return Validation(differences[0], differences[1], place / 2)


def symmetric_interval(ordered: Draws, p: Decimal) -> Interval:
    """Probabilistically symmetric interval of draws in ascending order (JCGM 101 7.7.2)."""
    inside = _inside(len(ordered), p)
    # r is (M - q) / 2, or the whole part of that plus one half.
    first = (len(ordered) - inside + 1) // 2
    return Interval(float(ordered[first - 1]), float(ordered[first - 1 + inside]))


def shortest_interval(ordered: Draws, p: Decimal) -> Interval:
    """The shortest interval that holds ``p`` of the draws; the first of equals (JCGM 101 7.7.4)."""
    inside = _inside(len(ordered), p)
    widths = ordered[inside:] - ordered[:-inside]
    first = int(np.argmin(widths))
    return Interval(float(ordered[first]), float(ordered[first + inside]))


def numerical_tolerance(u: float, digits: int) -> float:
    """Half a unit of the last of ``digits`` significant digits of ``u`` (JCGM 101 7.9.2)."""
    return float(last_place(round_significant(Decimal(u), digits)) / 2)


def _inside(count: int, p: Decimal) -> int:
    """How many draws the interval spans: p M, rounded half up; at least one draw stays outside."""
    return min(int(p * count + Decimal("0.5")), count - 1)


@dataclass(frozen=True, slots=True)
class _End:
    settled: bool
    tolerance: float | None = None
    reached: float | None = None


class _Run:
    def __init__(self, model: Formula, sampler: Sampler, p: Decimal) -> None:
        self.model = model
        self.sampler = sampler
        self.p = p
        self.blocks: list[Draws] = []
        #: Per block: mean, standard deviation, low and high end of the symmetric interval.
        self.rows: list[tuple[float, float, float, float]] = []

    def add_block(self, count: int) -> None:
        results = values_at(self.model.root, self.sampler.draw(count), count)
        self.blocks.append(results)

    def until_settled(self, stop: AdaptiveStop, block: int, going_on: Callable[[], bool]) -> _End:
        while True:
            self.add_block(block)
            self.rows.append(self._summary(self.blocks[-1]))
            if len(self.blocks) < 2:
                continue
            spread = self._pooled_deviation()
            tolerance = numerical_tolerance(spread, stop.digits) / stop.finer if spread else 0.0
            reached = self._reached()
            # A model without spread has settled at once.
            if reached < tolerance or not reached:
                return _End(True, tolerance, reached)
            if (len(self.blocks) + 1) * block > stop.most or not going_on():
                return _End(False, tolerance, reached)

    def _summary(self, results: Draws) -> tuple[float, float, float, float]:
        ends = symmetric_interval(np.sort(results), self.p)
        # A block has 10^4 draws or more: n stands for n - 1.
        return float(np.mean(results)), float(np.std(results)), ends.low, ends.high

    def _pooled_deviation(self) -> float:
        """Standard deviation of all draws from those of the blocks, all of one size."""
        means, deviations, *_ = np.array(self.rows).T
        return sqrt(float(np.mean(deviations**2) + np.var(means)))

    def _reached(self) -> float:
        errors = np.std(np.array(self.rows), axis=0, ddof=1) / sqrt(len(self.rows))
        return float(2 * np.max(errors))

    def drawn(self, seed: int, finite_dof: FiniteDof, end: _End) -> Drawn:
        results = np.concatenate(self.blocks)
        ordered = np.sort(results)
        found = MonteCarloResult(
            value=float(np.mean(results)),
            standard_uncertainty=float(np.std(results, ddof=1)),
            p=self.p,
            symmetric=symmetric_interval(ordered, self.p),
            shortest=shortest_interval(ordered, self.p),
            draws=len(results),
            seed=seed,
            finite_dof=finite_dof,
            generator=f"PCG64, numpy {np.__version__}",
            settled=end.settled,
            tolerance=end.tolerance,
            reached=end.reached,
        )
        return Drawn(found, ordered)
