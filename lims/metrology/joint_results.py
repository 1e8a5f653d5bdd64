"""Several results from the same inputs: how their uncertainties hang together (GUM H.2, JCGM 102 6)."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from lims.metrology import formula_numbers as numbers
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.formula_check import Formula
from lims.metrology.quantities import Correlation, Inputs, Quantity, check_inputs
from lims.metrology.sensitivities import Sensitivity, SensitivityMethod, sensitivities


def result_correlations(
    models: Mapping[str, Formula],
    quantities: Sequence[Quantity],
    correlations: Sequence[Correlation] = (),
    *,
    method: SensitivityMethod = SensitivityMethod.DERIVED,
) -> dict[tuple[str, str], Exact]:
    """r of each pair of results, first order, keyed by their names in the order given.

    0 where a result has no uncertainty. Raises as ``make_budget`` does.
    """
    inputs = check_inputs(quantities, correlations)
    slopes = {name: sensitivities(model, inputs, method) for name, model in models.items()}
    spread = {name: _covariance(inputs, slope, slope) for name, slope in slopes.items()}
    names = list(models)
    return {
        (one, other): _coefficient(
            _covariance(inputs, slopes[one], slopes[other]), spread[one], spread[other]
        )
        for place, one in enumerate(names)
        for other in names[place + 1 :]
    }


def _coefficient(covariance: Exact, one: Exact, other: Exact) -> Exact:
    product = numbers.multiply(one, other)
    return numbers.divide(covariance, numbers.square_root(product)) if product else Fraction(0)


def _covariance(inputs: Inputs, one: Mapping[str, Sensitivity], other: Mapping[str, Sensitivity]) -> Exact:
    total = Fraction(0)
    for name, quantity in inputs.quantities.items():
        slopes = numbers.multiply(one[name].coefficient, other[name].coefficient)
        total += to_fraction(numbers.multiply(slopes, quantity.variance))
    for (first, second), r in inputs.coefficients.items():
        product = numbers.multiply(inputs.quantities[first].variance, inputs.quantities[second].variance)
        crossed = numbers.add(
            numbers.multiply(one[first].coefficient, other[second].coefficient),
            numbers.multiply(one[second].coefficient, other[first].coefficient),
        )
        total += to_fraction(numbers.multiply(crossed, numbers.multiply(r, numbers.square_root(product))))
    return numbers.settled(total)
