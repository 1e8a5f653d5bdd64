"""Draws from the distributions of input quantities (JCGM 101 6.4); float is meant here."""

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from math import pi, sqrt
from operator import mul

import numpy as np

from lims.metrology.errors import MetrologyError
from lims.metrology.formula_arrays import Draws
from lims.metrology.quantities import Inputs, Quantity, clusters
from lims.metrology.uncertainty_sources import (
    Dof,
    Gamma,
    InexactRectangular,
    Rectangular,
    Relative,
    Resolution,
    Source,
    Trapezoidal,
    Triangular,
    UShaped,
    dof_of,
    variance_of,
)

MAX_SEED = 2**128 - 1


class FiniteDof(StrEnum):
    """What a normal source with finite degrees of freedom is drawn from.

    STUDENT: a scaled t distribution (JCGM 101 6.4.9); more than 2 degrees of freedom, else it has no
    standard uncertainty. NORMAL: as if they were infinite. The degrees of freedom of other shapes are not
    drawn: give InexactRectangular instead.
    """

    STUDENT = "student"
    NORMAL = "normal"


class Sampler:
    """Draws of all inputs of a model, block after block.

    Every independent quantity, or group of correlated ones, has its own stream, numbered by the alphabetical
    place of its name; so neither the order of the quantities nor that of the sources changes a draw.
    """

    def __init__(self, inputs: Inputs, seed: int, finite_dof: FiniteDof) -> None:
        """Raises MetrologyError ``monte_carlo_seed``, ``monte_carlo_dof``, ``monte_carlo_correlated``."""
        if not 0 <= seed <= MAX_SEED:
            raise MetrologyError("monte_carlo_seed", "A seed is a whole number from 0 to 2^128 - 1.")
        self.inputs = inputs
        self.finite_dof = finite_dof
        self.groups = [sorted(group) for group in sorted(clusters(inputs), key=min)]
        places = {name: place for place, name in enumerate(sorted(inputs.quantities))}
        self.streams = {
            name: np.random.Generator(
                np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(places[name],)))
            )
            for name, *_ in self.groups
        }
        for group in self.groups:
            self._check(group)

    def draw(self, count: int) -> Mapping[str, Draws]:
        """The next ``count`` draws of every quantity."""
        drawn: dict[str, Draws] = {}
        for name, *others in self.groups:
            if others:
                drawn.update(self._draw_joint([name, *others], self.streams[name], count))
            else:
                drawn[name] = self._draw_single(self.inputs.quantities[name], self.streams[name], count)
        return drawn

    def _check(self, group: list[str]) -> None:
        sources = [source for name in group for source in self.inputs.quantities[name].sources]
        dofs = {self._drawn_dof(source) for source in sources if _is_normal(source)}
        if any(dof is not None and dof <= 2 for dof in dofs):
            raise MetrologyError(
                "monte_carlo_dof",
                "A t distribution of 2 or fewer degrees of freedom has no standard uncertainty: take more "
                "readings or draw from normal distributions.",
            )
        if len(group) == 1:
            return
        series = {self.inputs.quantities[name].series for name in group}
        joint = len(dofs) == 1 and (dofs == {None} or (len(series) == 1 and series != {""}))
        if not all(map(_is_normal, sources)) or not joint:
            raise MetrologyError(
                "monte_carlo_correlated",
                "Correlated quantities are drawn together only if they are normal, with infinite degrees of "
                "freedom or those of one series.",
            )

    def _drawn_dof(self, source: Source) -> Dof:
        return None if self.finite_dof is FiniteDof.NORMAL else dof_of(source)

    def _draw_single(self, quantity: Quantity, stream: np.random.Generator, count: int) -> Draws:
        total = np.full(count, float(quantity.value))
        for source in sorted(quantity.sources, key=_drawing_order):
            total += self._draw_source(source, stream, count)
        return total

    def _draw_source(self, source: Source, stream: np.random.Generator, count: int) -> Draws:
        match source:
            case Rectangular(half_width):
                return stream.uniform(-float(half_width), float(half_width), count)
            case Resolution(step):
                return stream.uniform(-float(step) / 2, float(step) / 2, count)
            case Triangular(half_width):
                return float(half_width) * (stream.random(count) + stream.random(count) - 1)
            case UShaped(half_width):
                return float(half_width) * np.cos(pi * stream.random(count))
            case Trapezoidal(half_width, top):
                wide, narrow = 1 + float(top), 1 - float(top)
                return float(half_width) * (wide * stream.random(count) + narrow * stream.random(count) - 1)
            case InexactRectangular(half_width, inexactness):
                widths = float(half_width) + float(inexactness) * (2 * stream.random(count) - 1)
                return widths * (2 * stream.random(count) - 1)
            case Gamma(u, shape):
                spread = sqrt(shape)
                return float(u) * (stream.standard_gamma(float(shape), count) / spread - spread)
            case Relative(part, figure):
                # A lopsided shape has a side; of the others the sign is left out, as it always was.
                scale = float(figure) if isinstance(part, Gamma) else abs(float(figure))
                return scale * self._draw_source(part, stream, count)
            case _:
                return sqrt(variance_of(source)) * self._draw_normal(self._drawn_dof(source), stream, count)

    def _draw_normal(self, dof: Dof, stream: np.random.Generator, count: int) -> Draws:
        if dof is None:
            return stream.standard_normal(count)
        return stream.standard_t(float(dof), count)

    def _draw_joint(self, group: list[str], stream: np.random.Generator, count: int) -> dict[str, Draws]:
        """Multivariate normal, or multivariate t of the series' degrees of freedom (JCGM 101 6.4.8)."""
        members = [self.inputs.quantities[name] for name in group]
        independent = stream.standard_normal((len(group), count))
        dof = self._drawn_dof(members[0].sources[0])
        if dof is not None:
            independent /= np.sqrt(stream.chisquare(float(dof), count) / float(dof))
        drawn = {}
        triangle = self._triangle(group)
        for place, quantity in enumerate(members):
            together = sum(map(mul, triangle[place], independent))
            drawn[quantity.name] = float(quantity.value) + sqrt(quantity.variance) * np.asarray(together)
        return drawn

    def _triangle(self, group: list[str]) -> list[list[float]]:
        """Cholesky factor of the correlation matrix; a pivot of zero, as for r = 1, leaves its column empty."""
        size = len(group)
        factors = [[0.0] * size for _ in group]
        for row in range(size):
            for column in range(row + 1):
                rest = float(self.inputs.coefficient(group[row], group[column])) if row != column else 1.0
                rest -= sum(factors[row][k] * factors[column][k] for k in range(column))
                if row == column:
                    factors[row][row] = sqrt(max(rest, 0.0))
                elif factors[column][column] > 1e-9:
                    factors[row][column] = rest / factors[column][column]
        return factors


def _is_normal(source: Source) -> bool:
    if isinstance(source, Relative):
        return _is_normal(source.part)
    return not isinstance(
        source, Rectangular | Resolution | Triangular | UShaped | Trapezoidal | InexactRectangular | Gamma
    )


def _drawing_order(source: Source) -> tuple[str, Fraction, str]:
    """By what a source is worth before how it is written: 0.10 and 0.1 draw alike."""
    kind = source.part if isinstance(source, Relative) else source
    return type(kind).__name__, variance_of(source), repr(source)
