"""Normal and Student distributions for coverage factors and risks; float is meant here.

Own functions instead of scipy: two distributions need 60 lines, scipy is 100 MB on every server. Relative
error below 1E-12 for probabilities down to 1E-180, and below 1E-11 beyond (tests hold tables and scipy against
it); results that become decimals keep 12 digits.
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


def normal_cdf(z: float) -> float:
    """Probability below ``z``; by erfc, so that 1E-9 in a tail is as exact as 0.5."""
    return erfc(-z / sqrt(2)) / 2


def normal_quantile(probability: Decimal | Fraction | float) -> float:
    """The z with ``probability`` below it (Wichura AS 241)."""
    return _STANDARD.inv_cdf(_open_probability(probability))


def student_cdf(t: float, dof: float) -> float:
    """Probability below ``t``; ``dof`` > 0, need not be whole."""
    if dof > _MANY:
        return normal_cdf(copysign(_normal_equivalent(abs(t), dof), t))
    a = dof / 2
    scale = _log_gamma_step(a) - log(pi) / 2
    tail = _incomplete_beta(a, 1 / 2, dof / (dof + t * t), t * t / (dof + t * t), scale) / 2
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
    a, b, weighed = denominator_dof / 2, numerator_dof / 2, numerator_dof * float(ratio)
    x, rest = denominator_dof / (denominator_dof + weighed), weighed / (denominator_dof + weighed)
    return _incomplete_beta(a, b, x, rest, lgamma(a + b) - lgamma(a) - lgamma(b))


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
    low, high = -40.0, 350.0
    while low < (middle := (low + high) / 2) < high:
        if student_cdf(-exp(middle), dof) > tail:
            low = middle
        else:
            high = middle
    return exp(middle)


def _normal_equivalent(t: float, dof: float) -> float:
    """The z with the same tail as ``t`` (Hill 1970, Algorithm 395); its error is far below 1E-15 here."""
    if dof == inf:
        return t
    a = dof - 1 / 2
    b = 48 * a * a
    z = sqrt(a * log1p(t * t / dof))
    # The last terms of the second polynomial, 240 z^2 + 855, do not show in 12 digits.
    return z + (z**3 + 3 * z) / b - z**5 * (4 * z**2 + 33) / (10 * b * b)


def _incomplete_beta(a: float, b: float, x: float, rest: float, scale: float) -> float:
    """Regularised incomplete beta function I_x(a, b).

    ``rest`` is 1 - x and ``scale`` ln(Gamma(a + b) / Gamma(a) / Gamma(b)), given so that no digit is lost.
    """
    if rest == 0:
        return 1.0
    front = exp(scale + a * _log(x, rest) + b * _log(rest, x))
    # To either side of the mean the fraction of that side is the one that ends soon.
    if x * b < rest * a:
        return front * _continued_fraction(a, b, x) / a
    return 1 - front * _continued_fraction(b, a, rest) / b


def _log_gamma_step(a: float) -> float:
    """ln(Gamma(a + 1/2) / Gamma(a)); the difference of two large logarithms would lose digits."""
    if a < 100:
        return lgamma(a + 1 / 2) - lgamma(a)
    # The next term, 1 / (640 a^5), is below 1E-12 from here on.
    return log(a) / 2 - (1 / 8 - 1 / (192 * a * a)) / a


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
