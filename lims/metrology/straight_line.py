"""A calibration line by ordinary least squares, with the uncertainties of its two parameters (GUM H.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from operator import mul, sub

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_decimal, to_fraction
from lims.metrology.quantities import Correlation, Quantity
from lims.metrology.uncertainty_sources import Evaluation, Standard, root


@dataclass(frozen=True, slots=True)
class LineFit:
    """y = intercept + slope (x - origin); ``s`` is the residual standard deviation with ``dof`` = n - 2."""

    origin: Fraction
    intercept: Fraction
    slope: Fraction
    s: Decimal
    u_intercept: Decimal
    u_slope: Decimal
    r: Exact
    dof: int

    def quantities(
        self, intercept: str, slope: str, *, series: str = "fit"
    ) -> tuple[tuple[Quantity, Quantity], Correlation]:
        """The two parameters as inputs of a budget under these names, with their correlation."""
        dof = Decimal(self.dof)
        first, second = (
            Quantity(name, value, (Standard(u, dof, evaluation=Evaluation.A),), series=series)
            for name, value, u in (
                (intercept, self.intercept, self.u_intercept),
                (slope, self.slope, self.u_slope),
            )
        )
        return (first, second), Correlation(intercept, slope, to_decimal(self.r))


def fit_line(points: Sequence[tuple[Decimal, Decimal]], origin: Decimal = Decimal(0)) -> LineFit:
    """``points``: (x, y), at least 3, x without noticeable error; intercept and slope are exact.

    Raises MetrologyError ``line_points`` for fewer points or for x that are all the same.
    """
    start = to_fraction(origin)
    xs = [to_fraction(x) - start for x, _ in points]
    ys = [to_fraction(y) for _, y in points]
    if len(points) < 3 or len(set(xs)) < 2:
        raise MetrologyError("line_points", "A line needs at least 3 points, not all at the same place.")
    n, sum_x, sum_y = len(points), sum(xs, Fraction(0)), sum(ys, Fraction(0))
    sum_xx = sum(map(mul, xs, xs), Fraction(0))
    spread = n * sum_xx - sum_x**2
    slope = (n * sum(map(mul, xs, ys), Fraction(0)) - sum_x * sum_y) / spread
    intercept = (sum_y - slope * sum_x) / n
    fitted = [intercept + slope * x for x in xs]
    residuals = list(map(sub, ys, fitted))
    variance = sum(map(mul, residuals, residuals), Fraction(0)) / (n - 2)
    return LineFit(
        origin=start,
        intercept=intercept,
        slope=slope,
        s=root(variance),
        u_intercept=root(variance * sum_xx / spread),
        u_slope=root(variance * n / spread),
        r=numbers.divide(-sum_x, numbers.square_root(n * sum_xx)),
        dof=n - 2,
    )
