"""Uncertainty budgets: the law of propagation of uncertainty (GUM 5), kept line by line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from math import lcm

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
    dof_known: bool
    rectangular: bool


@dataclass(frozen=True, slots=True)
class _Together:
    """2 c_i c_j r u_i u_j of one correlated pair."""

    pair: tuple[str, str]
    r: Exact
    variance: Exact


@dataclass(frozen=True)
class Budget:
    """``value`` unrounded; ``variance`` is u_c^2 with all terms.

    The table (``lines``, ``correlations``) and the independent ``parts`` are made when they are asked for: most
    results are only asked for their u_c.
    """

    value: Exact
    variance: Exact
    second_order: tuple[SecondOrderTerm, ...]
    method: SensitivityMethod | None
    expansion: Expansion
    _inputs: Inputs = field(repr=False)
    _slopes: Mapping[str, Sensitivity] = field(repr=False)
    _together: tuple[_Together, ...] = field(repr=False)

    @property
    def standard_uncertainty(self) -> Decimal:
        """Combined standard uncertainty u_c, 50 digits."""
        return root(self.variance)

    def share(self, variance: Exact) -> Decimal:
        """The part of u_c^2 that ``variance`` is, to 0.0001."""
        return _share(variance, self.variance)

    @cached_property
    def lines(self) -> tuple[BudgetLine, ...]:
        """One per source, in the order of the quantities."""
        return tuple(
            _line(quantity, source, self._slopes[quantity.name], self.variance)
            for quantity in self._inputs.quantities.values()
            for source in quantity.sources
        )

    @cached_property
    def correlations(self) -> tuple[CorrelationTerm, ...]:
        return tuple(
            CorrelationTerm(*one.pair, to_decimal(one.r), one.variance, _share(one.variance, self.variance))
            for one in self._together
        )

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What the variance of first order is the sum of, each part independent of all others."""
        return tuple(_parts(self._inputs, self.lines, self._together))


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
    second: tuple[SecondOrderTerm, ...] = ()
    if isinstance(model, Formula):
        unknown = [*model.items, *(name for name in model.inputs if name not in inputs.quantities)]
        if unknown:
            raise MetrologyError(
                "budget_unknown_name", "The model names %(name)s, which is no quantity.", name=unknown[0]
            )
        slopes = sensitivities(model, inputs, method)
        value = value_at(model.root, {name: quantity.value for name, quantity in inputs.quantities.items()})
        if expansion is Expansion.SECOND_ORDER:
            second = second_order_terms(model, inputs)
        return combine(inputs, slopes, value, method=method, second=second, expansion=expansion)
    if expansion is Expansion.SECOND_ORDER:
        raise MetrologyError("second_order_model", "Terms of second order need a formula as model.")
    return combine(inputs, *_given(model, inputs), method=None)


def combine(
    inputs: Inputs,
    slopes: Mapping[str, Sensitivity],
    value: Exact,
    *,
    method: SensitivityMethod | None,
    second: tuple[SecondOrderTerm, ...] = (),
    expansion: Expansion = Expansion.FIRST_ORDER,
) -> Budget:
    """The law of propagation; ``slopes``: one for each quantity."""
    together = tuple(_joined(inputs, pair, r, slopes) for pair, r in sorted(inputs.coefficients.items()))
    variances = [
        _contribution(slopes[name], quantity.variance)
        for name, quantity in inputs.quantities.items()
        if quantity.sources
    ]
    variance = _total(variances + [one.variance for one in together])
    if second:
        variance = _total([variance, *(term.variance for term in second)])
    return Budget(value, variance, second, method, expansion, inputs, slopes, together)


def _given(model: GivenCoefficients, inputs: Inputs) -> tuple[Mapping[str, Sensitivity], Exact]:
    if model.coefficients.keys() != inputs.quantities.keys():
        raise MetrologyError(
            "budget_coefficient", "Give one sensitivity coefficient for each quantity of the model."
        )
    given = {name: to_fraction(c) for name, c in model.coefficients.items()}
    value = sum((c * inputs.quantities[name].value for name, c in given.items()), Fraction(0))
    if model.estimate is not None:
        value = to_fraction(model.estimate)
    return {name: Sensitivity(c) for name, c in given.items()}, value


def _contribution(slope: Sensitivity, variance: Fraction) -> Exact:
    """(c u)^2"""
    c = slope.coefficient
    if isinstance(c, Fraction):
        (top, bottom), (over, under) = c.as_integer_ratio(), variance.as_integer_ratio()
        return numbers.settled(Fraction(top * top * over, bottom * bottom * under))  # reduced once
    return numbers.multiply(numbers.multiply(slope.coefficient, slope.coefficient), variance)


def _line(quantity: Quantity, source: Source, slope: Sensitivity, whole: Exact) -> BudgetLine:
    u = root(variance_of(source))
    contributed = _contribution(slope, variance_of(source))
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
        variance=contributed,
        share=_share(contributed, whole),
    )


def _joined(inputs: Inputs, pair: tuple[str, str], r: Exact, slopes: Mapping[str, Sensitivity]) -> _Together:
    one, other = (inputs.quantities[name] for name in pair)
    # The root of the product: for equal or rational uncertainties it stays exact.
    together = numbers.square_root(numbers.multiply(one.variance, other.variance))
    coefficients = numbers.multiply(slopes[pair[0]].coefficient, slopes[pair[1]].coefficient)
    variance = numbers.multiply(numbers.multiply(Fraction(2), coefficients), numbers.multiply(r, together))
    return _Together(pair, r, variance)


def _parts(inputs: Inputs, lines: Sequence[BudgetLine], together: Sequence[_Together]) -> Iterable[Part]:
    for group in sorted(clusters(inputs), key=min):
        inside = [line for line in lines if line.quantity in group and line.variance]
        # Correlation with what does not contribute changes nothing.
        if len({line.quantity for line in inside}) == 1:
            for line in inside:
                rectangular = line.distribution is Distribution.RECTANGULAR
                yield Part(line.variance, line.dof, True, rectangular)
        elif inside:
            joint = [line.variance for line in inside]
            joint += [term.variance for term in together if group.issuperset(term.pair)]
            yield _joint_part(_total(joint), inside, [inputs.quantities[line.quantity] for line in inside])


def _joint_part(variance: Exact, lines: Sequence[BudgetLine], members: Sequence[Quantity]) -> Part:
    dofs = {line.dof for line in lines}
    series = {member.series for member in members}
    known = len(dofs) == 1 and (dofs == {None} or (len(series) == 1 and series != {""}))
    return Part(variance, dofs.pop() if known else None, known, rectangular=False)


def _total(variances: Sequence[Exact]) -> Exact:
    """Exact sum, the same in every order; correlations printed with few digits cannot make it negative."""
    ratios = [to_fraction(variance).as_integer_ratio() for variance in variances]
    whole = lcm(*(bottom for _, bottom in ratios))
    total = sum(top * (whole // bottom) for top, bottom in ratios)
    return numbers.settled(Fraction(max(total, 0), whole))


def _share(variance: Exact, whole: Exact) -> Decimal:
    if not whole:
        return Decimal(0)
    return round_to(numbers.divide(variance, whole), Decimal("0.0001"))
