"""What a budget makes of its method's formula: other items as quantities, replicates as their mean, series."""

from collections.abc import Sequence
from dataclasses import replace

from lims.metrology.errors import MetrologyError
from lims.metrology.formula_tree import Binary, Call, Item, Literal, Name, Negation, Node

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
