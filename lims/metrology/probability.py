"""Normal and Student distributions for coverage factors and risks; float is meant here.

Own functions instead of scipy: two distributions need 60 lines, scipy is 100 MB on every server. Relative
error below 1E-12 for probabilities down to 1E-300 (tests hold tables and scipy against it); results that
become decimals keep 12 digits.
"""

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import copysign, erfc, exp, inf, lgamma, log, log1p, pi, sqrt
from statistics import NormalDist

from lims.metrology.errors import MetrologyError

#: Significant digits of a decimal made from a float.
FLOAT_DIGITS = 12
_STANDARD = NormalDist()
_TINY = 1e-300
_MANY = 10_000
_MAX_TERMS = 1000
_MAX_STEPS = 200


def normal_cdf(z: float) -> float:
    """Probability below ``z``; by erfc, so that 1E-9 in a tail is as exact as 0.5."""
    return erfc(-z / sqrt(2)) / 2


def normal_quantile(probability: Decimal | Fraction | float) -> float:
    """The z with ``probability`` below it (Wichura AS 241)."""
    wanted = _open_probability(probability)
    return -_STANDARD.inv_cdf(1 - wanted) if wanted > 1 / 2 else _STANDARD.inv_cdf(wanted)


def student_cdf(t: float, dof: float) -> float:
    """Probability below ``t``; ``dof`` > 0, need not be whole."""
    if dof > _MANY:
        return normal_cdf(copysign(_normal_equivalent(abs(t), dof), t))
    tail = _tail_beta(dof / 2, dof / (dof + t * t), t * t / (dof + t * t)) / 2
    return 1 - tail if t > 0 else tail


def student_density(t: float, dof: float) -> float:
    """Probability per unit of ``t``, for a picture: above 10 000 degrees of freedom the normal density."""
    if dof > _MANY:
        return exp(-t * t / 2) / sqrt(2 * pi)
    return exp(_log_gamma_step(dof / 2) - log(dof * pi) / 2 - (dof + 1) / 2 * log1p(t * t / dof))


def student_quantile(probability: Decimal | Fraction | float, dof: Fraction | float) -> float:
    """The t with ``probability`` below it; ``dof`` need not be whole, infinity gives the normal quantile."""
    wanted, nu = _open_probability(probability), float(dof)
    if nu <= 0:
        raise MetrologyError("dof_not_positive", "Degrees of freedom are greater than zero.")
    if nu == inf:
        return normal_quantile(wanted)
    tail = min(wanted, 1 - wanted)
    return copysign(_upper_quantile(tail, nu), wanted - 1 / 2) if tail < 1 / 2 else 0.0


def fisher_tail(ratio: Fraction | float, numerator_dof: int, denominator_dof: int) -> float:
    """Probability that a ratio of two variances of one population exceeds ``ratio``; about 10 digits are right."""
    if ratio <= 0:
        return 1.0
    a, b, weighed = denominator_dof / 2, numerator_dof / 2, numerator_dof * float(ratio)
    x, rest = denominator_dof / (denominator_dof + weighed), weighed / (denominator_dof + weighed)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * _log(x, rest) + b * _log(rest, x))
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(a, b, x) / a
    return 1 - front * _continued_fraction(b, a, rest) / b


# A quantile of t is found by bisection; a method asks for the same one with every result.
@lru_cache(maxsize=4096)
def two_sided_factor(p: Decimal, dof: Fraction | None) -> float:
    """Half width, in standard uncertainties, of the interval that holds ``p``; ``dof`` None is infinite."""
    _open_probability(p)
    upper = Fraction(1, 2) + Fraction(p) / 2
    return normal_quantile(upper) if dof is None else student_quantile(upper, dof)


def as_decimal(value: float) -> Decimal:
    """A float with the 12 digits that are right."""
    if not -inf < value < inf:
        raise MetrologyError("number_out_of_range", "The number is too large or not a number.")
    return Decimal(f"{value:.{FLOAT_DIGITS}g}")


def _open_probability(probability: Decimal | Fraction | float) -> float:
    wanted = float(probability)
    if not 0 < wanted < 1:
        raise MetrologyError("probability_range", "A probability lies between 0 and 1, both excluded.")
    return wanted


def _upper_quantile(tail: float, dof: float) -> float:
    """t > 0 with ``tail`` above it: bisection in log t, since heavy tails reach far, to the last bits."""
    low, high = -40.0, 1.0
    while high < 350 and student_cdf(-exp(high), dof) > tail:
        low, high = high, 2 * high
    for _ in range(_MAX_STEPS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if student_cdf(-exp(middle), dof) > tail:
            low = middle
        else:
            high = middle
    return exp((low + high) / 2)


def _normal_equivalent(t: float, dof: float) -> float:
    """The z with the same tail as ``t`` (Hill 1970, Algorithm 395); its error is far below 1E-15 here."""
    if dof == inf:
        return t
    a = dof - 1 / 2
    b = 48 * a * a
    z = sqrt(a * log1p(t * t / dof))
    return z + (z**3 + 3 * z) / b - z * (4 * z**6 + 33 * z**4 + 240 * z**2 + 855) / (10 * b * b)


def _tail_beta(a: float, x: float, rest: float) -> float:
    """Regularised incomplete beta function I_x(a, 1/2); ``rest`` is 1 - x, given so that no digit is lost."""
    if rest <= 0:
        return 1.0
    front = exp(_log_gamma_step(a) - log(pi) / 2 + a * _log(x, rest) + _log(rest, x) / 2)
    if x < (a + 1) / (a + 5 / 2):
        return front * _continued_fraction(a, 1 / 2, x) / a
    return 1 - front * _continued_fraction(1 / 2, a, rest) * 2


def _log_gamma_step(a: float) -> float:
    """ln(Gamma(a + 1/2) / Gamma(a)); the difference of two large logarithms would lose digits."""
    if a < 25:
        return lgamma(a + 1 / 2) - lgamma(a)
    inverse = 1 / (a * a)
    series = 1 / 8 - inverse * (1 / 192 - inverse * (1 / 640 - inverse * 17 / 14336))
    return log(a) / 2 - series / a


def _log(x: float, rest: float) -> float:
    return log1p(-rest) if rest < x else log(x)


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Lentz's method for the fraction of I_x(a, b) (DLMF 8.17.22)."""
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MAX_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
