"""Where an uncertainty comes from: type A and type B evaluations (GUM 4.2 and 4.3, JJF 1059.1 4.3).

A variance stays an exact rational wherever its source is one (a^2/3 of a rectangle), so that sums of
variances are exact and do not depend on the order of the budget. A size that follows a figure (percent of a
result) is kept as a rational for the same reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.probability import as_decimal, two_sided_factor

#: Degrees of freedom; None is infinite.
Dof = Fraction | None

MAX_READINGS = 1000


class Evaluation(StrEnum):
    """A: from a series of observations. B: from anything else known."""

    A = "A"
    B = "B"


class Distribution(StrEnum):
    NORMAL = "normal"
    RECTANGULAR = "rectangular"
    TRIANGULAR = "triangular"
    U_SHAPED = "u_shaped"
    TRAPEZOIDAL = "trapezoidal"
    CURVED_TRAPEZOIDAL = "curved_trapezoidal"
    EXPONENTIAL = "exponential"
    GAMMA = "gamma"


@dataclass(frozen=True, slots=True)
class Readings:
    """Independent readings; the estimate is their mean, dof is n - 1 (GUM 4.2)."""

    values: tuple[Decimal, ...]
    label: str = ""

    def __post_init__(self) -> None:
        if not 2 <= len(self.values) <= MAX_READINGS:
            raise MetrologyError("readings_number", "A type A evaluation needs 2 to 1000 readings.")


@dataclass(frozen=True, slots=True)
class PooledDeviation:
    """``s`` from earlier series with its own ``dof``; the estimate is the mean of ``n`` new readings."""

    s: Exact
    dof: Decimal
    n: int = 1
    label: str = ""

    def __post_init__(self) -> None:
        _check_width(self.s)
        _check_dof(self.dof)
        if self.n < 1:
            raise MetrologyError("readings_number_new", "An estimate is the mean of at least one reading.")


@dataclass(frozen=True, slots=True)
class Rectangular:
    """Anywhere within ± ``half_width`` with the same probability."""

    half_width: Exact
    dof: Decimal | None = None
    label: str = ""

    def __post_init__(self) -> None:
        _check_width(self.half_width)
        _check_dof(self.dof)


@dataclass(frozen=True, slots=True)
class Resolution:
    """One step of a display: a rectangle of ± half a step (GUM F.2.2.1)."""

    step: Exact
    dof: Decimal | None = None
    label: str = ""

    def __post_init__(self) -> None:
        _check_width(self.step)
        _check_dof(self.dof)


@dataclass(frozen=True, slots=True)
class Triangular:
    half_width: Exact
    dof: Decimal | None = None
    label: str = ""

    def __post_init__(self) -> None:
        _check_width(self.half_width)
        _check_dof(self.dof)


@dataclass(frozen=True, slots=True)
class UShaped:
    """The arcsine distribution of what swings as a sine within ± ``half_width``."""

    half_width: Exact
    dof: Decimal | None = None
    label: str = ""

    def __post_init__(self) -> None:
        _check_width(self.half_width)
        _check_dof(self.dof)


@dataclass(frozen=True, slots=True)
class Trapezoidal:
    """``top``: width of the flat top as a part of the base, 0 (triangle) to 1 (rectangle) (GUM 4.3.9)."""

    half_width: Exact
    top: Decimal
    dof: Decimal | None = None
    label: str = ""

    def __post_init__(self) -> None:
        _check_width(self.half_width)
        _check_dof(self.dof)
        if not 0 <= self.top <= 1:
            raise MetrologyError("trapezoid_top", "The top of a trapezoid is 0 to 1 of its base.")


@dataclass(frozen=True, slots=True)
class InexactRectangular:
    """A rectangle whose half width is itself only known to ± ``inexactness`` (JCGM 101 6.4.3)."""

    half_width: Exact
    inexactness: Exact
    dof: Decimal | None = None
    label: str = ""

    def __post_init__(self) -> None:
        _check_width(self.half_width)
        _check_width(self.inexactness)
        _check_dof(self.dof)
        if to_fraction(self.inexactness) > to_fraction(self.half_width):
            raise MetrologyError(
                "inexactness_too_large", "The inexactness of a half width is not greater than it."
            )


@dataclass(frozen=True, slots=True)
class Gamma:
    """A gamma distribution about the estimate, with its bound below it (JCGM 101 6.4.10 and 6.4.11).

    ``u``: its standard deviation; the bound lies u * sqrt(shape) below the estimate. ``shape`` 1 is the exponential
    distribution; q counted events have shape q + 1 and u = sqrt(q + 1). Where it follows a negative figure it lies
    the other way round.
    """

    u: Exact
    shape: Decimal = Decimal(1)
    dof: Decimal | None = None
    label: str = ""

    def __post_init__(self) -> None:
        _check_width(self.u)
        _check_dof(self.dof)
        _check_positive(self.shape)


@dataclass(frozen=True, slots=True)
class Expanded:
    """Expanded uncertainty ``U`` of a certificate with its coverage factor ``k``."""

    U: Exact
    k: Decimal
    dof: Decimal | None = None
    label: str = ""

    def __post_init__(self) -> None:
        _check_width(self.U)
        _check_dof(self.dof)
        _check_positive(self.k)


@dataclass(frozen=True, slots=True)
class ExpandedAt:
    """Expanded uncertainty with its coverage probability ``p``: k is normal, or from t with ``dof``."""

    U: Exact
    p: Decimal
    dof: Decimal | None = None
    label: str = ""

    def __post_init__(self) -> None:
        _check_width(self.U)
        _check_dof(self.dof)
        two_sided_factor(self.p, None)


@dataclass(frozen=True, slots=True)
class Standard:
    """A standard uncertainty as it is known, of a normal quantity."""

    u: Exact
    dof: Decimal | None = None
    label: str = ""
    evaluation: Evaluation = Evaluation.B

    def __post_init__(self) -> None:
        _check_width(self.u)
        _check_dof(self.dof)


@dataclass(frozen=True, slots=True)
class Relative:
    """A source that follows a figure: ``part`` is what it would be if the figure were 1."""

    part: "Source"
    figure: Fraction

    @property
    def dof(self) -> Decimal | None:
        return None if isinstance(self.part, Readings) else self.part.dof

    @property
    def label(self) -> str:
        return self.part.label


Source = (
    Readings
    | PooledDeviation
    | Rectangular
    | Resolution
    | Triangular
    | UShaped
    | Trapezoidal
    | InexactRectangular
    | Gamma
    | Expanded
    | ExpandedAt
    | Standard
    | Relative
)


def variance_of(source: Source) -> Fraction:
    """u^2, exact; ExpandedAt takes k with 12 digits."""
    if isinstance(source, Relative):
        return _variance(source.part) * (source.figure * source.figure)
    return _variance(source)


def variance_together(sources: tuple[Source, ...]) -> Fraction:
    """Sum of u^2, exact."""
    followers = [source for source in sources if isinstance(source, Relative)]
    if not followers:
        return _sum_of_variances(sources)
    figure = followers[0].figure
    if len(followers) < len(sources) or any(one.figure is not figure for one in followers):
        return sum(map(variance_of, sources), Fraction(0))
    return _sum_of_variances(tuple(one.part for one in followers)) * (figure * figure)


# The sources of a method are the same with every result; only the figures that they follow are new.
@lru_cache(maxsize=1024)
def _sum_of_variances(sources: tuple[Source, ...]) -> Fraction:
    return sum(map(variance_of, sources), Fraction(0))


@lru_cache(maxsize=1024)
def _variance(source: Source) -> Fraction:
    match source:
        case Readings(values):
            return sample_variance(values) / len(values)
        case PooledDeviation(s, _, n):
            return _square(s) / n
        case Rectangular(a):
            return _square(a) / 3
        case Resolution(step):
            return _square(step) / 12
        case Triangular(a):
            return _square(a) / 6
        case UShaped(a):
            return _square(a) / 2
        case Trapezoidal(a, top):
            return _square(a) * (1 + _square(top)) / 6
        case InexactRectangular(a, d):
            return _square(a) / 3 + _square(d) / 9
        case Expanded(U, k):
            return _square(U) / _square(k)
        case ExpandedAt(U, p, dof):
            factor = as_decimal(two_sided_factor(p, None if dof is None else Fraction(dof)))
            return _square(U) / _square(factor)
        case Standard(u) | Gamma(u):
            return _square(u)
        case Relative():
            return variance_of(source)


def dof_of(source: Source) -> Dof:
    if isinstance(source, Readings):
        return Fraction(len(source.values) - 1)
    return None if source.dof is None else Fraction(source.dof)


def distribution_of(source: Source) -> Distribution:
    match source:
        case Rectangular() | Resolution():
            return Distribution.RECTANGULAR
        case Triangular():
            return Distribution.TRIANGULAR
        case UShaped():
            return Distribution.U_SHAPED
        case Trapezoidal():
            return Distribution.TRAPEZOIDAL
        case InexactRectangular():
            return Distribution.CURVED_TRAPEZOIDAL
        case Gamma(_, shape):
            return Distribution.EXPONENTIAL if shape == 1 else Distribution.GAMMA
        case Relative(part):
            return distribution_of(part)
        case _:
            return Distribution.NORMAL


def evaluation_of(source: Source) -> Evaluation:
    if isinstance(source, Relative):
        return evaluation_of(source.part)
    if isinstance(source, Standard):
        return source.evaluation
    return Evaluation.A if isinstance(source, Readings | PooledDeviation) else Evaluation.B


def sample_variance(values: Sequence[Exact]) -> Fraction:
    """s^2 with n - 1 in the denominator, exact."""
    exact = [to_fraction(value) for value in values]
    centre = Fraction(sum(exact), len(exact))
    return sum(((value - centre) ** 2 for value in exact), Fraction(0)) / (len(exact) - 1)


def pooled(series: tuple[tuple[Decimal, ...], ...], n: int = 1, label: str = "") -> PooledDeviation:
    """Pool the standard deviations of several series (JJF 1059.1 4.3.2.3): s_p^2 = sum(nu s^2)/sum(nu).

    s is kept with 34 digits. ``n``: readings whose mean is the new estimate.
    """
    if not series or any(len(single) < 2 for single in series):
        raise MetrologyError("readings_series", "Each series to pool has at least 2 readings.")
    dof = sum(len(single) - 1 for single in series)
    squares = sum((sample_variance(single) * (len(single) - 1) for single in series), Fraction(0))
    return PooledDeviation(root(squares / dof), Decimal(dof), n, label)


def dof_from_reliability(relative: Decimal) -> Decimal:
    """Degrees of freedom of a type B uncertainty that is itself only good to ``relative`` (GUM G.4.2).

    0.25 (25 %) gives 8; 0.1 gives 50.
    """
    _check_positive(relative)
    return numbers.working(1 / (2 * Fraction(relative) ** 2))


def root(variance: Exact) -> Decimal:
    """Square root as a decimal of 50 digits."""
    return numbers.working(numbers.square_root(variance))


def _square(size: Exact) -> Fraction:
    exact = to_fraction(size)
    return exact * exact


def _check_width(width: Exact) -> None:
    if not to_fraction(width) >= 0:
        raise MetrologyError("uncertainty_negative", "An uncertainty or a width is not negative.")


def _check_positive(value: Decimal) -> None:
    if not to_fraction(value) > 0:
        raise MetrologyError("uncertainty_not_positive", "This value is greater than zero.")


def _check_dof(dof: Decimal | None) -> None:
    if dof is not None and not to_fraction(dof) > 0:
        raise MetrologyError("dof_not_positive", "Degrees of freedom are greater than zero.")
