"""A method's uncertainty budget as data, and what it gives for one result (GUM 5 to 7, JJF 1059.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from lims.metrology.budget_formulas import (
    BudgetModel,
    SourceAt,
    figures_of,
    items_as_names,
    series_of,
)
from lims.metrology.budgets import Budget, Expansion, combine
from lims.metrology.coverage import (
    CoverageRule,
    DofTruncation,
    DominantFactor,
    ExpandedUncertainty,
    FixedFactor,
    StudentFactor,
    expand,
)
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_decimal, to_fraction
from lims.metrology.formula import run_of
from lims.metrology.formula_check import Formula
from lims.metrology.formula_tree import Binary, Name
from lims.metrology.quantities import Correlation, Quantity, check_inputs
from lims.metrology.sensitivities import (
    Sensitivity,
    SensitivityMethod,
    derived_model,
    refuse_correlated,
    second_order_terms,
)
from lims.metrology.uncertainty_sources import (
    Expanded,
    ExpandedAt,
    Gamma,
    InexactRectangular,
    PooledDeviation,
    Readings,
    Rectangular,
    Relative,
    Resolution,
    Source,
    Standard,
    Trapezoidal,
    Triangular,
    UShaped,
    variance_together,
)
from lims.metrology.uncertainty_statements import DEFAULT_STATEMENT, StatementRule, round_at_least

#: A source that acts on the result itself (recovery, repeatability of the whole method). No input can be called so.
RESULT = "(result)"


class SourceKind(StrEnum):
    """How the size of a source is known. READINGS: from the replicates of the test itself."""

    STANDARD = "standard"
    EXPANDED = "expanded"
    EXPANDED_AT = "expanded_at"
    RESOLUTION = "resolution"
    RECTANGULAR = "rectangular"
    TRIANGULAR = "triangular"
    U_SHAPED = "u_shaped"
    TRAPEZOIDAL = "trapezoidal"
    CURVED_TRAPEZOIDAL = "curved_trapezoidal"
    EXPONENTIAL = "exponential"
    GAMMA = "gamma"
    POOLED = "pooled"
    READINGS = "readings"


@dataclass(frozen=True, slots=True)
class SourceText:
    """One source as it is entered. ``quantity``: an input, ``@item``, or RESULT.

    ``size``: u, U, a step, a half width or s, by ``kind``, in the unit of the quantity; with ``percent`` in
    percent of its estimate. ``parameter``: k of EXPANDED, coverage probability of EXPANDED_AT, top of
    TRAPEZOIDAL (0 to 1), part of its half width to which that of CURVED_TRAPEZOIDAL is known (0 to 1), shape of GAMMA,
    number of readings in the mean of POOLED. ``dof``: None is infinite.
    """

    quantity: str
    kind: SourceKind
    size: Decimal | None = None
    parameter: Decimal | None = None
    dof: Decimal | None = None
    percent: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class MethodBudget:
    """``k``: agreed coverage factor; None: t at the coverage probability ``p`` and the degrees of freedom that
    ``truncation`` leaves. ``dominance``: one or two rectangular sources have their own k where all the rest is at most
    this part of them (0.3 in EA-4/02); None: never. ``second_order``: with the terms of GUM 5.1.2, note. ``cmc``: the
    accredited capability, below which no uncertainty is stated; with ``cmc_percent`` in percent of the result.
    ``together``: pairs of quantities of one series of readings or one fit, whose degrees of freedom count once; pairs of
    replicates are correlated as they show.
    """

    sources: tuple[SourceText, ...]
    k: Decimal | None = Decimal(2)
    p: Decimal = Decimal("0.95")
    cmc: Decimal | None = None
    cmc_percent: bool = False
    correlations: tuple[Correlation, ...] = ()
    statement: StatementRule = DEFAULT_STATEMENT
    truncation: DofTruncation = DofTruncation.FLOOR
    dominance: Decimal | None = None
    second_order: bool = False
    together: tuple[tuple[str, str], ...] = ()

    @property
    def coverage(self) -> CoverageRule:
        if self.k is None:
            usual: FixedFactor | StudentFactor = StudentFactor(self.p, self.truncation)
        else:
            usual = FixedFactor(self.k, self.p)
        return usual if self.dominance is None else DominantFactor(self.p, usual, self.dominance)


@dataclass(frozen=True, slots=True)
class MethodUncertainty:
    """``U``: as stated, rounded once; ``raised_to_cmc``: calculated less than the accredited capability."""

    budget: Budget
    expanded: ExpandedUncertainty
    U: Decimal
    k: Decimal
    raised_to_cmc: bool


def uncertainty_of(
    formula: Formula,
    inputs: Mapping[str, Exact | Sequence[Exact]],
    items: Mapping[str, Exact],
    budget: MethodBudget,
    *,
    reported_place: Decimal | None = None,
) -> MethodUncertainty:
    """The uncertainty of the result that ``formula`` gives for these figures.

    ``inputs``: one figure or the replicates; ``items``: unrounded results of other items. ``reported_place``:
    place of the last digit of the reported value: U is not stated finer. Raises MetrologyError
    ``budget_replicates``, ``budget_readings``, ``budget_size``, ``budget_parameter``, ``uncertainty_zero``, and
    those of ``make_budget`` and ``expand``.
    """
    model = _model_of(formula, budget.sources)
    estimates, readings = figures_of(formula, inputs, items)
    for name in model.names:
        if name not in estimates:
            raise MetrologyError("budget_estimate", "%(name)s has no figure.", name=name)
    run = run_of(estimates)
    value = to_fraction(model.derived.value(run))
    slopes = model.derived.sensitivities(run, model.names)
    quantities = _quantities(model, estimates, readings, value, budget.together)
    if model.sources[RESULT]:
        slopes[RESULT] = Sensitivity(Fraction(1), "1")
    checked = check_inputs(quantities, budget.correlations)
    made = combine(
        checked,
        slopes,
        value,
        method=SensitivityMethod.DERIVED,
        second=second_order_terms(_with_result(formula, model), checked) if budget.second_order else (),
        expansion=Expansion.SECOND_ORDER if budget.second_order else Expansion.FIRST_ORDER,
    )
    if not made.variance:
        raise MetrologyError("uncertainty_zero", "No source of the budget contributes.")
    expanded = expand(made, budget.coverage)
    return _stated(made, expanded, value, budget, reported_place)


def measurement_of(
    formula: Formula,
    inputs: Mapping[str, Exact | Sequence[Exact]],
    items: Mapping[str, Exact],
    budget: MethodBudget,
) -> tuple[Formula, list[Quantity]]:
    """The measurement with other items and what acts on the result as quantities of one model.

    Its sources are made afresh, never taken from those kept by value: how a figure is written stays that of this
    budget, and with it every draw. For figures that ``uncertainty_of`` accepts.
    """
    model = _new_model(formula, budget.sources)
    estimates, readings = figures_of(formula, inputs, items)
    value = to_fraction(model.derived.value(run_of(estimates)))
    quantities = _quantities(model, estimates, readings, value, budget.together)
    return _with_result(formula, model), quantities


def _new_model(formula: Formula, sources: tuple[SourceText, ...]) -> BudgetModel:
    names = (*formula.inputs, *(f"@{key}" for key in formula.items))
    unknown = [one.quantity for one in sources if one.quantity not in (*names, RESULT)]
    if unknown:
        raise MetrologyError("budget_unknown_quantity", "The formula has no %(name)s.", name=unknown[0])
    by_name = {
        name: tuple(_source_at(one) for one in sources if one.quantity == name) for name in (*names, RESULT)
    }
    uncertain = tuple(name for name in names if by_name[name])
    derived = derived_model(items_as_names(formula.root), uncertain)
    return BudgetModel(names, derived, by_name, _variances(sources))


def _variances(sources: tuple[SourceText, ...]) -> dict[str, tuple[Fraction, bool]]:
    by_name: dict[str, list[SourceText]] = {}
    for one in sources:
        by_name.setdefault(one.quantity, []).append(one)
    return {
        name: (variance_together(tuple(map(_source, of_it))), of_it[0].percent)
        for name, of_it in by_name.items()
        if len({one.percent for one in of_it}) == 1
        and all(one.kind is not SourceKind.READINGS for one in of_it)
    }


# Keyed by value: two texts of one figure (1, 1.0) may share an entry, since only its rational enters.
_model_of = lru_cache(maxsize=256)(_new_model)


def _with_result(formula: Formula, model: BudgetModel) -> Formula:
    """The formula in quantities only; what acts on the result is added to it."""
    root, names = items_as_names(formula.root), model.names
    if model.sources[RESULT]:
        root, names = Binary(0, 0, "+", root, Name(0, 0, RESULT)), (*names, RESULT)
    return Formula(formula.text, root, names, ())


def _quantities(
    model: BudgetModel,
    estimates: Mapping[str, Fraction],
    readings: Mapping[str, Sequence[Exact]],
    value: Fraction,
    together: Sequence[tuple[str, str]],
) -> list[Quantity]:
    series = series_of(together) if together else {}
    quantities = [
        Quantity(
            name,
            estimates[name],
            model.sources_at(name, estimates[name], readings.get(name, ())),
            series=series.get(name, ""),
            known_variance=model.variance_at(name, estimates[name]),
        )
        for name in model.names
    ]
    if model.sources[RESULT]:
        # What acts on the result is added to it as an estimate of 0.
        acting = model.sources_at(RESULT, value, ())
        known = model.variance_at(RESULT, value)
        quantities.append(
            Quantity(RESULT, Fraction(0), acting, series=series.get(RESULT, ""), known_variance=known)
        )
    return quantities


def _source_at(text: SourceText) -> SourceAt:
    if text.kind is SourceKind.READINGS:
        return lambda estimate, readings: _readings(text, readings)
    source = _source(text)
    return (lambda estimate, _: Relative(source, estimate)) if text.percent else (lambda estimate, _: source)


def check_budget(budget: MethodBudget, formula: Formula) -> None:
    """What is wrong with a budget before a figure is seen. Raises MetrologyError."""
    if not budget.sources:
        raise MetrologyError("budget_empty", "A budget has at least one source.")
    names = {*formula.inputs, *(f"@{key}" for key in formula.items), RESULT}
    for one in budget.sources:
        if one.quantity not in names:
            raise MetrologyError("budget_unknown_quantity", "The formula has no %(name)s.", name=one.quantity)
        if one.kind is not SourceKind.READINGS:
            _source(one)
        elif one.quantity == RESULT or one.quantity.startswith("@"):
            raise MetrologyError("budget_readings", "%(name)s has no replicates.", name=one.quantity)
    assert budget.coverage  # its own checks
    _check_together(budget)
    if budget.second_order and (budget.correlations or budget.together):
        refuse_correlated()
    check_inputs([Quantity(name, Fraction(0)) for name in sorted(names)], budget.correlations)


def _check_together(budget: MethodBudget) -> None:
    given = {frozenset((one.one, one.other)) for one in budget.correlations}
    for pair in budget.together:
        sources = [[one for one in budget.sources if one.quantity == name] for name in pair]
        for name, of_it in zip(pair, sources, strict=True):
            if len(of_it) != 1:
                raise MetrologyError(
                    "quantity_series", "%(name)s belongs to a series: it has just one source.", name=name
                )
        replicates = all(of_it[0].kind is SourceKind.READINGS for of_it in sources)
        if replicates == (frozenset(pair) in given):
            raise MetrologyError(
                "budget_together",
                "Leave r of %(one)s and %(other)s empty just where both come from replicates: those show it.",
                one=pair[0],
                other=pair[1],
            )


def _readings(text: SourceText, readings: Sequence[Exact]) -> Source:
    if len(readings) < 2:
        raise MetrologyError("budget_readings", "%(name)s has no replicates.", name=text.quantity)
    return Readings(tuple(to_decimal(one) for one in readings), text.label)


def _source(text: SourceText) -> Source:
    """If it follows a figure, as it would be if the figure were 1."""
    if text.size is None or not text.size > 0:
        raise MetrologyError("budget_size", "Each source has a size greater than zero.")
    size: Exact = to_fraction(text.size) / 100 if text.percent else text.size
    dof, label = text.dof, text.label
    match text.kind:
        case SourceKind.STANDARD:
            return Standard(size, dof, label)
        case SourceKind.EXPANDED:
            return Expanded(size, _parameter(text), dof, label)
        case SourceKind.EXPANDED_AT:
            return ExpandedAt(size, _parameter(text), dof, label)
        case SourceKind.RESOLUTION:
            return Resolution(size, dof, label)
        case SourceKind.RECTANGULAR:
            return Rectangular(size, dof, label)
        case SourceKind.TRIANGULAR:
            return Triangular(size, dof, label)
        case SourceKind.U_SHAPED:
            return UShaped(size, dof, label)
        case SourceKind.TRAPEZOIDAL:
            return Trapezoidal(size, _parameter(text), dof, label)
        case SourceKind.CURVED_TRAPEZOIDAL:
            return _curved(text, size)
        case SourceKind.EXPONENTIAL:
            return Gamma(size, dof=dof, label=label)
        case SourceKind.GAMMA:
            return Gamma(size, _parameter(text), dof, label)
        case _:
            return _pooled(text, size)


def _curved(text: SourceText, size: Exact) -> InexactRectangular:
    """The parameter is a part of the half width, so that it means the same in percent of a figure."""
    part = to_fraction(_parameter(text))
    return InexactRectangular(size, part * to_fraction(size), text.dof, text.label)


def _pooled(text: SourceText, size: Exact) -> PooledDeviation:
    if text.dof is None:
        raise MetrologyError("budget_dof", "A standard deviation from earlier series has degrees of freedom.")
    count = Decimal(1) if text.parameter is None else text.parameter
    if count != count.to_integral_value() or not 1 <= count <= 1000:
        raise MetrologyError("budget_parameter", "The number of readings is a whole number from 1 to 1000.")
    return PooledDeviation(size, text.dof, int(count), text.label)


def _parameter(text: SourceText) -> Decimal:
    if text.parameter is None:
        raise MetrologyError(
            "budget_parameter", "This kind of source needs k, a probability, a top, a part or a shape."
        )
    return text.parameter


def _stated(
    made: Budget, expanded: ExpandedUncertainty, value: Fraction, budget: MethodBudget, place: Decimal | None
) -> MethodUncertainty:
    least = to_fraction(budget.cmc or Decimal(0))
    if budget.cmc_percent:
        least *= abs(value) / 100
    U = round_at_least(expanded.U, least, place, budget.statement)
    raised = bool(least) and to_fraction(expanded.U) < least
    return MethodUncertainty(made, expanded, U, expanded.coverage.k, raised)
