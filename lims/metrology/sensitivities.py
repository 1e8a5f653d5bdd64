"""Sensitivity coefficients of a model: derived, or by changing one input at a time (GUM 5.1.3, 5.1.4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Never

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact
from lims.metrology.formula import run_of, value_at
from lims.metrology.formula_check import Formula
from lims.metrology.formula_compiled import Compute, Run, compile_value
from lims.metrology.formula_derivative import depends_on, differentiate
from lims.metrology.formula_text import write_formula
from lims.metrology.formula_tree import Node
from lims.metrology.quantities import Inputs, Quantity


class SensitivityMethod(StrEnum):
    """DERIVED: differentiate the formula. STEPPED: half the change between x + u and x - u, divided by u."""

    DERIVED = "derived"
    STEPPED = "stepped"


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """``coefficient`` in the unit of the result per unit of the input; ``formula`` as text if derived."""

    coefficient: Exact
    formula: str = ""


NO_SENSITIVITY = Sensitivity(Fraction(0))


@dataclass(frozen=True, slots=True)
class DerivedModel:
    """A model ready for many figures: ``value`` and, for each uncertain quantity, its derivative with its text."""

    value: Compute
    slopes: Mapping[str, tuple[Compute, str]]

    def sensitivities(self, run: Run, names: Iterable[str]) -> dict[str, Sensitivity]:
        """One for each of ``names``, 0 for those that are exact."""
        found = dict.fromkeys(names, NO_SENSITIVITY)
        for name, (slope, text) in self.slopes.items():
            found[name] = Sensitivity(slope(run), text)
        return found


# A worksheet asks for the same few formulas again and again.
@lru_cache(maxsize=512)
def derived_model(root: Node, uncertain: tuple[str, ...]) -> DerivedModel:
    """Raises FormulaError ``formula_derivative_too_large``."""
    derivatives = {name: differentiate(root, name) for name in uncertain}
    slopes = {name: (compile_value(one), write_formula(one)) for name, one in derivatives.items()}
    return DerivedModel(compile_value(root), slopes)


def sensitivities(model: Formula, inputs: Inputs, method: SensitivityMethod) -> dict[str, Sensitivity]:
    """One per quantity; 0 for one that the model does not name, or that is exact.

    An exact quantity is not looked at: x^n with a negative x has no derivative by n, and needs none.
    """
    values = {name: quantity.value for name, quantity in inputs.quantities.items()}
    uncertain = tuple(name for name, quantity in inputs.quantities.items() if quantity.sources)
    if method is SensitivityMethod.DERIVED:
        return derived_model(model.root, uncertain).sensitivities(run_of(values), values)
    stepped = {name: _stepped(model.root, inputs.quantities[name], values) for name in uncertain}
    return dict.fromkeys(values, NO_SENSITIVITY) | stepped


def _stepped(root_node: Node, quantity: Quantity, values: Mapping[str, Exact]) -> Sensitivity:
    if not depends_on(root_node, quantity.name):
        return Sensitivity(Fraction(0))
    step = numbers.square_root(quantity.variance)
    if step == 0:
        # An exact quantity adds nothing; a coefficient for the table still needs some step.
        step = abs(quantity.value) / 10**6 or Fraction(1, 10**6)
    above = value_at(root_node, {**values, quantity.name: numbers.add(quantity.value, step)})
    below = value_at(root_node, {**values, quantity.name: numbers.subtract(quantity.value, step)})
    change = numbers.subtract(above, below)
    return Sensitivity(numbers.divide(change, numbers.multiply(step, Fraction(2))))


@dataclass(frozen=True, slots=True)
class SecondOrderTerm:
    """What a pair of quantities (or one with itself) adds to the variance beyond first order."""

    one: str
    other: str
    variance: Exact


def refuse_correlated() -> Never:
    raise MetrologyError(
        "second_order_correlated", "Terms of second order are for quantities without correlation."
    )


def second_order_terms(model: Formula, inputs: Inputs) -> tuple[SecondOrderTerm, ...]:
    """GUM 5.1.2 note: (1/2 f_ij^2 + f_i f_ijj) u_i^2 u_j^2, both orders of a pair put together; zeros left out.

    Raises MetrologyError ``second_order_correlated``: the series holds for independent inputs only.
    """
    if inputs.coefficients:
        refuse_correlated()
    varying = sorted(name for name, quantity in inputs.quantities.items() if quantity.variance)
    values = {name: quantity.value for name, quantity in inputs.quantities.items()}
    first = {name: differentiate(model.root, name) for name in varying}
    found: dict[tuple[str, str], Exact] = {}
    for one in varying:
        slope = value_at(first[one], values)
        for other in varying:
            mixed = differentiate(first[one], other)
            curvature = value_at(mixed, values)
            third = value_at(differentiate(mixed, other), values)
            weight = numbers.add(
                numbers.divide(numbers.multiply(curvature, curvature), Fraction(2)),
                numbers.multiply(slope, third),
            )
            scale = inputs.quantities[one].variance * inputs.quantities[other].variance
            pair = (min(one, other), max(one, other))
            found[pair] = numbers.add(found.get(pair, Fraction(0)), numbers.multiply(weight, scale))
    return tuple(SecondOrderTerm(*pair, variance) for pair, variance in found.items() if variance)
