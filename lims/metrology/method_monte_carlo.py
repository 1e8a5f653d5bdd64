"""A method's budget propagated by Monte Carlo beside the law of propagation (JCGM 101 7 and 8); float is meant here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import inf

import numpy as np

from lims.metrology.coverage import ExpandedUncertainty, StudentFactor, expand
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.formula_arrays import Draws
from lims.metrology.formula_check import Formula
from lims.metrology.formula_tree import walk
from lims.metrology.method_budgets import MethodBudget, MethodUncertainty, measurement_of, uncertainty_of
from lims.metrology.monte_carlo import (
    AdaptiveStop,
    Drawn,
    Interval,
    MonteCarloResult,
    Validation,
    draw_results,
    validate_budget,
)
from lims.metrology.monte_carlo_draws import FiniteDof
from lims.metrology.probability import student_density

#: Draws times sources and operations of the model: 3 to 5 s of one core for the dearest of them.
MOST_WORK = 60_000_000
MOST_DRAWS = 5_000_000
#: Two blocks at a probability of 0.999.
LEAST_MOST = 200_000
_BARS = 60
#: An uncertainty below this part of the value is noise of the 16 digits of a float.
_NOISE = 1e-12


@dataclass(frozen=True, slots=True)
class Asked:
    """``p``: coverage probability; ``digits``, ``finer``, ``most``: see AdaptiveStop."""

    p: Decimal = Decimal("0.95")
    digits: int = 2
    finer: int = 1
    most: int = 1_000_000
    finite_dof: FiniteDof = FiniteDof.STUDENT


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many of ``draws`` fell between ``low`` and ``high``, in bars of equal width; a few lie outside."""

    low: float
    high: float
    counts: tuple[int, ...]
    draws: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The GUM's interval at the probability of the draws, held against both of theirs (JCGM 101 8.1)."""

    expanded: ExpandedUncertainty
    symmetric: Validation
    shortest: Validation


@dataclass(frozen=True, slots=True)
class Propagation:
    """``stated``: by the law of propagation, as a result states it; ``stated_share``: part of the draws within
    the value and its stated U. ``most``: draws that were allowed. ``compared`` None: the GUM gives no factor at
    this probability, and ``not_compared`` (a stable code) says why.
    """

    stated: MethodUncertainty
    stated_share: Decimal
    result: MonteCarloResult
    histogram: Histogram
    most: int
    compared: Comparison | None
    not_compared: str = ""

    @property
    def decisive(self) -> bool:
        """Whether the scatter of the draws is too small to turn the comparison with the symmetric interval."""
        if self.compared is None or self.result.reached is None:
            return False
        check = self.compared.symmetric
        worst = max(check.low_difference, check.high_difference)
        return abs(float(worst - check.delta)) > self.result.reached


def propagate(
    formula: Formula,
    inputs: Mapping[str, Exact | Sequence[Exact]],
    items: Mapping[str, Exact],
    budget: MethodBudget,
    asked: Asked,
    *,
    seed: int,
    reported_place: Decimal | None = None,
    going_on: Callable[[], bool] = lambda: True,
) -> Propagation:
    """Raises MetrologyError: those of ``uncertainty_of`` and ``draw_results``, ``monte_carlo_noise``."""
    stated = uncertainty_of(formula, inputs, items, budget, reported_place=reported_place)
    model, quantities = measurement_of(formula, inputs, items, budget)
    most = min(asked.most, _most_draws(model, sum(len(one.sources) for one in quantities)))
    drawn = draw_results(
        model,
        quantities,
        budget.correlations,
        seed=seed,
        p=asked.p,
        stop=AdaptiveStop(asked.digits, asked.finer, most),
        finite_dof=asked.finite_dof,
        going_on=going_on,
    )
    _refuse_noise(drawn.result)
    value = to_fraction(stated.budget.value)
    u = float(stated.expanded.standard_uncertainty)
    compared, why = _compared(stated, drawn, asked)
    return Propagation(
        stated,
        _share_within(drawn.ordered, value, to_fraction(stated.U)),
        drawn.result,
        _histogram(drawn.ordered, float(value), u),
        most,
        compared,
        why,
    )


def expected_counts(found: Propagation, points: int = 121) -> list[float]:
    """The distribution that the law of propagation takes for granted, in draws per bar of the histogram.

    At ``points`` equally spaced places from its low to its high end. Normal, or t of the effective degrees of
    freedom; normal too where those are unknown.
    """
    bars = found.histogram
    dof = None if found.compared is None else found.compared.expanded.coverage.used_dof
    value, u = float(found.stated.budget.value), float(found.stated.expanded.standard_uncertainty)
    nu, width = inf if dof is None else float(dof), (bars.high - bars.low) / len(bars.counts)
    places = [bars.low + (bars.high - bars.low) * n / (points - 1) for n in range(points)]
    return [student_density((at - value) / u, nu) / u * width * bars.draws for at in places]


def _most_draws(model: Formula, sources: int) -> int:
    """The larger a model, the fewer draws: so a run ends in time wherever it runs, with the same digits."""
    return min(MOST_DRAWS, max(LEAST_MOST, MOST_WORK // (sources + len(walk(model.root)))))


def _refuse_noise(result: MonteCarloResult) -> None:
    if result.standard_uncertainty <= _NOISE * abs(result.value):
        raise MetrologyError(
            "monte_carlo_noise", "These figures need more than the 16 digits with which Monte Carlo computes."
        )


def _compared(stated: MethodUncertainty, drawn: Drawn, asked: Asked) -> tuple[Comparison | None, str]:
    try:
        expanded = expand(stated.budget, StudentFactor(asked.p))
    except MetrologyError as refusal:
        return None, refusal.code
    value = stated.budget.value

    def against(interval: Interval) -> Validation:
        return validate_budget(value, expanded, interval, asked.digits)

    found = Comparison(expanded, against(drawn.result.symmetric), against(drawn.result.shortest))
    return found, ""


def _share_within(ordered: Draws, value: Fraction, U: Fraction) -> Decimal:
    """To 0.0001."""
    first = np.searchsorted(ordered, float(value - U), side="left")
    beyond = np.searchsorted(ordered, float(value + U), side="right")
    return Decimal(f"{(beyond - first) / len(ordered):.4f}")


def _histogram(ordered: Draws, value: float, u: float) -> Histogram:
    """As wide as the GUM's curve and 998 of 1000 draws."""
    edge = len(ordered) // 1000
    low = min(float(ordered[edge]), value - 3.5 * u)
    high = max(float(ordered[-1 - edge]), value + 3.5 * u)
    counts, _edges = np.histogram(ordered, bins=_BARS, range=(low, high))
    return Histogram(low, high, tuple(int(count) for count in counts), len(ordered))
