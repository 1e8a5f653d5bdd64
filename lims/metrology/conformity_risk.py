"""Risks of a decision (JCGM 106): specific, of one result, and global, of a process; float is meant here.

Probabilities come with 12 digits; tails are computed as tails, so a risk of 1E-9 is as exact as one of 0.5.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from math import exp, inf, lgamma, log, pi, sqrt

from numpy import transpose
from numpy.polynomial.legendre import leggauss

from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.probability import as_decimal, normal_cdf

#: Points of -1 to 1 with their weights.
_NODES: list[list[float]] = transpose(leggauss(24)).tolist()
#: Where panels of an integral end, in standard deviations from the middle of a curve.
_REACH = range(-15, 16)


@dataclass(frozen=True, slots=True)
class Bounds:
    """An interval of permitted or accepted values; None is no bound on that side."""

    low: Exact | None = None
    high: Exact | None = None

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise MetrologyError("bounds_missing", "Give a lower or an upper bound.")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise MetrologyError("limit_range", "The lower end of a range is not above the upper end.")


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """What is known of the items before measuring: their mean and standard deviation."""

    mean: Decimal
    deviation: Decimal


@dataclass(frozen=True, slots=True)
class RectangularPrior:
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class GammaPrior:
    """Of what cannot be negative, such as a deviation from round: its mean and standard deviation (JCGM 106 A.4.4.3).

    A mean of less than one standard deviation has no finite density at zero, and is refused.
    """

    mean: Decimal
    deviation: Decimal


Prior = NormalPrior | RectangularPrior | GammaPrior


@dataclass(frozen=True, slots=True)
class GlobalRisk:
    """``consumer``: an item does not conform and is accepted. ``producer``: it conforms and is rejected.

    ``conforming``: share of the process that conforms.
    """

    consumer: Decimal
    producer: Decimal
    conforming: Decimal


def outside_probability(value: Exact, u: Exact, tolerance: Bounds) -> Decimal:
    """Probability that a quantity measured as ``value`` +- ``u`` (normal) lies outside (1 - p_c)."""
    return inside_and_outside(value, u, tolerance)[1]


def conformance_probability(value: Exact, u: Exact, tolerance: Bounds) -> Decimal:
    """p_c = Phi((TU - y)/u) - Phi((TL - y)/u) (JCGM 106 7.4)."""
    return inside_and_outside(value, u, tolerance)[0]


def inside_and_outside(value: Exact, u: Exact, tolerance: Bounds) -> tuple[Decimal, Decimal]:
    """Both probabilities, each with its own 12 digits."""
    check_uncertainty(u)
    low = -inf if tolerance.low is None else _in_deviations(tolerance.low, value, u)
    high = inf if tolerance.high is None else _in_deviations(tolerance.high, value, u)
    return as_decimal(_between(low, high)), as_decimal(normal_cdf(low) + normal_cdf(-high))


def probability_inside(known: Prior, tolerance: Bounds) -> Decimal:
    """p_c of a quantity whose distribution need not be normal (JCGM 106 7.2): how much of it lies inside.

    Raises MetrologyError ``prior_width``, ``prior_mean``.
    """
    _check_prior(known)
    density, edges = _density(known), sorted({*_floats(tolerance), *_prior_ends(known)})
    inside = (pair for pair in pairwise(edges) if _holds(tolerance, *pair))
    return as_decimal(sum(_integral(density, low, high) for low, high in inside))


def global_risk(prior: Prior, u: Decimal, tolerance: Bounds, acceptance: Bounds) -> GlobalRisk:
    """Risks of accepting what is measured inside ``acceptance`` with standard uncertainty ``u`` (JCGM 106 9.5).

    Gauss-Legendre on panels as narrow as the curves need, absolute error below 1E-11.
    Raises MetrologyError ``uncertainty_not_positive``, ``prior_width``, ``prior_mean``.
    """
    check_uncertainty(u)
    _check_prior(prior)
    density, accepted = _density(prior), _acceptance_curve(acceptance, float(u))
    around = (_ends_around(end, float(u)) for end in _floats(acceptance))
    edges = sorted({*_floats(tolerance), *_prior_ends(prior)}.union(*around))
    consumer = producer = conforming = 0.0
    for low, high in pairwise(edges):
        if _holds(tolerance, low, high):
            producer += _integral(lambda eta: density(eta) * (1 - accepted(eta)), low, high)
            conforming += _integral(density, low, high)
        else:
            consumer += _integral(lambda eta: density(eta) * accepted(eta), low, high)
    return GlobalRisk(as_decimal(consumer), as_decimal(producer), as_decimal(conforming))


def check_uncertainty(u: Exact) -> None:
    if to_fraction(u).numerator <= 0:
        raise MetrologyError("uncertainty_not_positive", "This value is greater than zero.")


def _in_deviations(end: Exact, value: Exact, u: Exact) -> float:
    """(end - value) / u; whole numbers divided once give the nearest float."""
    (a, b), (c, d), (e, f) = (to_fraction(one).as_integer_ratio() for one in (end, value, u))
    return (a * d - c * b) * f / (b * d * e)


def _floats(bounds: Bounds) -> Iterator[float]:
    return (float(end) for end in (bounds.low, bounds.high) if end is not None)


def _holds(bounds: Bounds, low: float, high: float) -> bool:
    """Whether a panel lies inside; the bounds are ends of panels."""
    return (bounds.low is None or float(bounds.low) <= low) and (
        bounds.high is None or high <= float(bounds.high)
    )


def _acceptance_curve(acceptance: Bounds, u: float) -> Callable[[float], float]:
    """P(measured inside the acceptance interval | true value)."""
    low = -inf if acceptance.low is None else float(acceptance.low)
    high = inf if acceptance.high is None else float(acceptance.high)

    return lambda eta: _between((low - eta) / u, (high - eta) / u)


def _between(low: float, high: float) -> float:
    """Normal probability of an interval; differences are taken where both terms are small."""
    if low > 0:
        return normal_cdf(-low) - normal_cdf(-high)
    return normal_cdf(high) - normal_cdf(low)


def _density(prior: Prior) -> Callable[[float], float]:
    if isinstance(prior, RectangularPrior):
        low, high = float(prior.low), float(prior.high)
        return lambda eta: 1 / (high - low) if low <= eta <= high else 0.0
    if isinstance(prior, GammaPrior):
        return _gamma_density(float(prior.mean), float(prior.deviation))
    mean, deviation = float(prior.mean), float(prior.deviation)
    return lambda eta: exp(-(((eta - mean) / deviation) ** 2) / 2) / (deviation * sqrt(2 * pi))


def _gamma_density(mean: float, deviation: float) -> Callable[[float], float]:
    shape, rate = (mean / deviation) ** 2, mean / deviation**2
    constant = shape * log(rate) - lgamma(shape)

    def density(eta: float) -> float:
        return exp(constant + (shape - 1) * log(eta) - rate * eta) if eta > 0 else 0.0

    return density


def _prior_ends(prior: Prior) -> tuple[float, ...]:
    if isinstance(prior, RectangularPrior):
        return float(prior.low), float(prior.high)
    if isinstance(prior, GammaPrior):
        return _gamma_ends(float(prior.mean), float(prior.deviation))
    return _ends_around(float(prior.mean), float(prior.deviation))


def _gamma_ends(mean: float, deviation: float) -> tuple[float, ...]:
    """From zero, closer and closer to it, where the density may rise steeply; to where no 1E-15 is left."""
    above = (end for end in _ends_around(mean, deviation) if end > 0)
    tail = (mean + reach * deviation for reach in (20, 25, 30, 40))
    return (0.0, *(mean / 2**halving for halving in range(1, 45)), *above, *tail)


def _ends_around(middle: float, width: float) -> tuple[float, ...]:
    return tuple(middle + reach * width for reach in _REACH)


def _check_prior(prior: Prior) -> None:
    spread = prior.high - prior.low if isinstance(prior, RectangularPrior) else prior.deviation
    if not to_fraction(spread) > 0:
        raise MetrologyError("prior_width", "What is known beforehand needs a width greater than zero.")
    if isinstance(prior, GammaPrior) and to_fraction(prior.mean) < to_fraction(prior.deviation):
        raise MetrologyError(
            "prior_mean", "The mean of what cannot be negative is not below its standard deviation."
        )


def _integral(curve: Callable[[float], float], low: float, high: float) -> float:
    half, middle = (high - low) / 2, (high + low) / 2
    return half * sum(weight * curve(middle + half * node) for node, weight in _NODES)
