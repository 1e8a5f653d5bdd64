"""Uncertainty budgets: the law of propagation of uncertainty (GUM 5), kept line by line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_decimal, to_fraction
from lims.metrology.formula import value_at
from lims.metrology.formula_check import Formula
from lims.metrology.quantities import Correlation, Inputs, Quantity, check_inputs, clusters
from lims.metrology.rounding import round_to
from lims.metrology.sensitivities import (
    SecondOrderTerm,
    Sensitivity,
    SensitivityMethod,
    second_order_terms,
    sensitivities,
)
from lims.metrology.uncertainty_sources import (
    Distribution,
    Dof,
    Evaluation,
    Source,
    distribution_of,
    dof_of,
    evaluation_of,
    root,
    variance_of,
)


class Expansion(StrEnum):
    """FIRST_ORDER: the law of propagation. SECOND_ORDER: with the terms of GUM 5.1.2, note."""

    FIRST_ORDER = "first_order"
    SECOND_ORDER = "second_order"


@dataclass(frozen=True, slots=True)
class GivenCoefficients:
    """A model known by its sensitivity coefficients only; without ``estimate`` the result is sum(c x)."""

    coefficients: Mapping[str, Decimal]
    estimate: Decimal | Fraction | None = None


Model = Formula | GivenCoefficients


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One source of one quantity. ``contribution`` is c u, with its sign; ``share`` its part of the sum of
    squares, to 0.0001 (shares of correlated quantities need not add up to 1)."""

    quantity: str
    unit: str
    label: str
    estimate: Exact
    evaluation: Evaluation
    distribution: Distribution
    standard_uncertainty: Decimal
    dof: Dof
    sensitivity: Decimal
    sensitivity_formula: str
    contribution: Decimal
    variance: Exact
    share: Decimal


@dataclass(frozen=True, slots=True)
class CorrelationTerm:
    """2 c_i c_j r u_i u_j of one pair."""

    one: str
    other: str
    r: Decimal
    variance: Exact
    share: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the variance that is independent of all others. ``dof_known`` is False for correlated
    quantities of different origin: no formula gives their joint degrees of freedom (GUM G.4.1)."""

    variance: Exact
    dof: Dof
    dof_known: bool = True
    rectangular: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """``value`` unrounded; ``variance`` is u_c^2 with all terms, ``parts`` the independent ones of first order."""

    value: Exact
    variance: Exact
    lines: tuple[BudgetLine, ...]
    correlations: tuple[CorrelationTerm, ...]
    second_order: tuple[SecondOrderTerm, ...]
    parts: tuple[Part, ...]
    method: SensitivityMethod | None
    expansion: Expansion

    @property
    def standard_uncertainty(self) -> Decimal:
        """Combined standard uncertainty u_c, 50 digits."""
        return root(self.variance)


def make_budget(
    model: Model,
    quantities: Sequence[Quantity],
    correlations: Sequence[Correlation] = (),
    *,
    method: SensitivityMethod = SensitivityMethod.DERIVED,
    expansion: Expansion = Expansion.FIRST_ORDER,
) -> Budget:
    """Raises MetrologyError: those of ``check_inputs``, of the formula at the estimates,
    ``budget_coefficient``, ``budget_unknown_name``, ``second_order_correlated``, ``second_order_model``."""
    inputs = check_inputs(quantities, correlations)
    slopes, value = _slopes(model, inputs, method)
    lines = [
        _line(quantity, source, slopes[quantity.name])
        for quantity in quantities
        for source in quantity.sources
    ]
    terms = [_correlation(inputs, pair, r, slopes) for pair, r in sorted(inputs.coefficients.items())]
    first_order = _total([line.variance for line in lines] + [term.variance for term in terms])
    second: tuple[SecondOrderTerm, ...] = ()
    if expansion is Expansion.SECOND_ORDER:
        if not isinstance(model, Formula):
            raise MetrologyError("second_order_model", "Terms of second order need a formula as model.")
        second = second_order_terms(model, inputs)
    variance = _total([first_order, *(term.variance for term in second)])
    return Budget(
        value,
        variance,
        tuple(replace(line, share=_share(line.variance, variance)) for line in lines),
        tuple(replace(term, share=_share(term.variance, variance)) for term in terms),
        second,
        tuple(_parts(inputs, lines, terms)),
        method if isinstance(model, Formula) else None,
        expansion,
    )


def _slopes(
    model: Model, inputs: Inputs, method: SensitivityMethod
) -> tuple[Mapping[str, Sensitivity], Exact]:
    values = {name: quantity.value for name, quantity in inputs.quantities.items()}
    if isinstance(model, GivenCoefficients):
        if model.coefficients.keys() != values.keys():
            raise MetrologyError(
                "budget_coefficient", "Give one sensitivity coefficient for each quantity of the model."
            )
        given = {name: to_fraction(c) for name, c in model.coefficients.items()}
        value = sum((c * values[name] for name, c in given.items()), Fraction(0))
        if model.estimate is not None:
            value = to_fraction(model.estimate)
        return {name: Sensitivity(c) for name, c in given.items()}, value
    unknown = [*model.items, *(name for name in model.inputs if name not in values)]
    if unknown:
        raise MetrologyError(
            "budget_unknown_name", "The model names %(name)s, which is no quantity.", name=unknown[0]
        )
    return sensitivities(model, inputs, method), value_at(model.root, values)


def _line(quantity: Quantity, source: Source, slope: Sensitivity) -> BudgetLine:
    u = root(variance_of(source))
    return BudgetLine(
        quantity=quantity.name,
        unit=quantity.unit,
        label=source.label,
        estimate=quantity.value,
        evaluation=evaluation_of(source),
        distribution=distribution_of(source),
        standard_uncertainty=u,
        dof=dof_of(source),
        sensitivity=to_decimal(slope.coefficient),
        sensitivity_formula=slope.formula,
        contribution=to_decimal(numbers.multiply(slope.coefficient, u)),
        variance=numbers.multiply(
            numbers.multiply(slope.coefficient, slope.coefficient), variance_of(source)
        ),
        share=Decimal(0),
    )


def _correlation(
    inputs: Inputs, pair: tuple[str, str], r: Exact, slopes: Mapping[str, Sensitivity]
) -> CorrelationTerm:
    one, other = (inputs.quantities[name] for name in pair)
    # The root of the product: for equal or rational uncertainties it stays exact.
    together = numbers.square_root(numbers.multiply(one.variance, other.variance))
    coefficients = numbers.multiply(slopes[pair[0]].coefficient, slopes[pair[1]].coefficient)
    variance = numbers.multiply(numbers.multiply(Fraction(2), coefficients), numbers.multiply(r, together))
    return CorrelationTerm(*pair, to_decimal(r), variance, Decimal(0))


def _parts(inputs: Inputs, lines: Sequence[BudgetLine], terms: Sequence[CorrelationTerm]) -> Iterable[Part]:
    for group in sorted(clusters(inputs), key=min):
        inside = [line for line in lines if line.quantity in group and line.variance]
        # Correlation with what does not contribute changes nothing.
        if len({line.quantity for line in inside}) == 1:
            for line in inside:
                yield Part(line.variance, line.dof, True, line.distribution is Distribution.RECTANGULAR)
        elif inside:
            joint = _total(
                [line.variance for line in inside] + [term.variance for term in terms if term.one in group]
            )
            yield _joint_part(joint, inside, [inputs.quantities[line.quantity] for line in inside])


def _joint_part(variance: Exact, lines: Sequence[BudgetLine], members: Sequence[Quantity]) -> Part:
    dofs = {line.dof for line in lines}
    one_series = len({member.series for member in members}) == 1 and members[0].series != ""
    known = len(dofs) == 1 and (one_series or dofs == {None})
    return Part(variance, dofs.pop() if known else None, known)


def _total(variances: Sequence[Exact]) -> Exact:
    """Exact sum, the same in every order; correlations printed with few digits cannot make it negative."""
    total = sum((to_fraction(variance) for variance in variances), Fraction(0))
    return numbers.settled(max(total, Fraction(0)))


def _share(variance: Exact, whole: Exact) -> Decimal:
    if not whole:
        return Decimal(0)
    return round_to(numbers.divide(variance, whole), Decimal("0.0001"))
