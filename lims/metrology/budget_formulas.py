"""What a budget makes of its method's formula: other items as quantities, replicates as their mean, series."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.formula_check import Formula
from lims.metrology.formula_tree import Binary, Call, Item, Literal, Name, Negation, Node
from lims.metrology.sensitivities import DerivedModel
from lims.metrology.uncertainty_sources import Source

#: Replicates of one sample may be averaged before the budget; other functions of a list have no such budget.
_AVERAGE = "mean"


def items_as_names(node: Node) -> Node:
    """Results of other items are quantities as the inputs are."""
    match node:
        case Item(start, end, key):
            return Name(start, end, f"@{key}")
        case Negation(operand=operand):
            return replace(node, operand=items_as_names(operand))
        case Binary(left=left, right=right):
            return replace(node, left=items_as_names(left), right=items_as_names(right))
        case Call(arguments=arguments):
            return replace(node, arguments=tuple(items_as_names(one) for one in arguments))
        case Literal() | Name():
            return node


def check_averaged(node: Node, lists: set[str]) -> None:
    """The mean stands for the list; a sum, a deviation or a count of it would be another model."""
    match node:
        case Call(function=function, arguments=arguments):
            for one in arguments:
                if isinstance(one, Name) and one.name in lists and function != _AVERAGE:
                    raise MetrologyError(
                        "budget_replicates",
                        "The budget takes the mean of %(name)s; the formula does not.",
                        name=one.name,
                    )
                check_averaged(one, lists)
        case Binary(left=left, right=right):
            check_averaged(left, lists)
            check_averaged(right, lists)
        case Negation(operand=operand):
            check_averaged(operand, lists)
        case _:
            return


def series_of(together: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The series of each quantity, called by its first name; pairs that share a quantity are of one series."""
    series: dict[str, str] = {}
    for pair in together:
        joined = {*pair, *(name for name, of in series.items() if of in {series.get(one) for one in pair})}
        series.update(dict.fromkeys(joined, min(joined)))
    return series


#: A source at an estimate and its readings.
SourceAt = Callable[[Fraction, Sequence[Exact]], Source]


@dataclass(frozen=True, slots=True)
class BudgetModel:
    """What a formula and the sources of a budget fix, whatever the figures; ``sources``: by name, and of RESULT."""

    names: tuple[str, ...]
    derived: DerivedModel
    sources: Mapping[str, tuple[SourceAt, ...]]
    #: By name, if no figure enters (absolute), or all follow the estimate: u^2 of what is 1 there, and which.
    variances: Mapping[str, tuple[Fraction, bool]]

    def sources_at(self, name: str, estimate: Fraction, readings: Sequence[Exact]) -> tuple[Source, ...]:
        return tuple([one(estimate, readings) for one in self.sources[name]])

    def variance_at(self, name: str, estimate: Fraction) -> Fraction | None:
        """u^2 of all its sources, None where only they can say."""
        found = self.variances.get(name)
        if found is None:
            return None
        variance, follows = found
        return variance * (estimate * estimate) if follows else variance


def figures_of(
    formula: Formula, inputs: Mapping[str, Exact | Sequence[Exact]], items: Mapping[str, Exact]
) -> tuple[dict[str, Fraction], dict[str, tuple[Exact, ...]]]:
    """(estimates by the name of their quantity, replicates by input)"""
    readings = {name: tuple(v) for name, v in inputs.items() if not isinstance(v, Decimal | Fraction)}
    if readings:
        check_averaged(formula.root, {name for name, values in readings.items() if len(values) > 1})
    estimates = {
        name: to_fraction(v) if isinstance(v, Decimal | Fraction) else _mean(v) for name, v in inputs.items()
    }
    return estimates | {f"@{key}": to_fraction(value) for key, value in items.items()}, readings


def _mean(values: Sequence[Exact]) -> Fraction:
    if not values:
        raise MetrologyError("budget_estimate", "%(name)s has no figure.", name="")
    return sum((to_fraction(value) for value in values), Fraction(0)) / len(values)
