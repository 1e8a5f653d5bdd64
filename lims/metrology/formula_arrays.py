"""Evaluate a formula for many draws at once; float is meant here (numpy, 15 to 16 digits)."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lims.metrology.errors import MetrologyError
from lims.metrology.formula_tree import (
    COMPARISONS,
    Binary,
    Call,
    FormulaError,
    Item,
    Literal,
    Name,
    Negation,
    Node,
)

Draws = NDArray[np.float64]
Truths = NDArray[np.bool_]

_OPERATIONS: Mapping[str, Callable[[Draws, Draws], Draws]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
}
_COMPARISONS: Mapping[str, Callable[[Draws, Draws], Truths]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=": np.equal,
    "<>": np.not_equal,
}
_ON_ONE: Mapping[str, Callable[[Draws], Draws]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "ln": np.log,
    "log10": np.log10,
    "exp": np.exp,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
}
_ON_MANY: Mapping[str, Callable[[Draws], Draws]] = {
    "mean": lambda rows: np.mean(rows, axis=0),
    "sd": lambda rows: np.std(rows, axis=0, ddof=1),
    "min": lambda rows: np.min(rows, axis=0),
    "max": lambda rows: np.max(rows, axis=0),
    "sum": lambda rows: np.sum(rows, axis=0),
}


def values_at(root: Node, inputs: Mapping[str, Draws], count: int) -> Draws:
    """``inputs``: per name an array of ``count`` draws; gives ``count`` results.

    Both branches of an ``if`` are computed and the one that holds is taken, draw by draw.
    Raises MetrologyError ``monte_carlo_undefined`` if any draw has no finite result,
    FormulaError ``formula_input_missing``.
    """
    with np.errstate(all="ignore"):
        results = np.broadcast_to(_number(root, inputs), (count,))
    wrong = count - int(np.count_nonzero(np.isfinite(results)))
    if wrong:
        raise MetrologyError(
            "monte_carlo_undefined",
            "The model has no finite result for %(wrong)s of %(count)s draws.",
            wrong=wrong,
            count=count,
        )
    return results


def _number(node: Node, inputs: Mapping[str, Draws]) -> Draws:
    match node:
        case Literal():
            return np.float64(node.value)  # type: ignore[return-value]  # a scalar spreads over the draws
        case Name() | Item():
            return _input(node, inputs)
        case Negation():
            return np.negative(_number(node.operand, inputs))
        case Binary():
            return _OPERATIONS[node.operator](_number(node.left, inputs), _number(node.right, inputs))
        case Call():
            return _call(node, inputs)


def _call(node: Call, inputs: Mapping[str, Draws]) -> Draws:
    if node.function == "pi":
        return np.float64(np.pi)  # type: ignore[return-value]
    if node.function == "if":
        condition, taken, other = node.arguments
        return np.where(_truth(condition, inputs), _number(taken, inputs), _number(other, inputs))
    arguments = [_number(argument, inputs) for argument in node.arguments]
    if node.function in _ON_ONE:
        return _ON_ONE[node.function](arguments[0])
    if node.function == "count":
        return np.float64(len(arguments))  # type: ignore[return-value]
    return _ON_MANY[node.function](np.stack(np.broadcast_arrays(*arguments)))


def _truth(node: Node, inputs: Mapping[str, Draws]) -> Any:
    match node:
        case Binary() if node.operator in COMPARISONS:
            return _COMPARISONS[node.operator](_number(node.left, inputs), _number(node.right, inputs))
        case Call(function="not"):
            return np.logical_not(_truth(node.arguments[0], inputs))
        case Call(function="and"):
            return np.logical_and.reduce([_truth(argument, inputs) for argument in node.arguments])
        case Call(function="or"):
            return np.logical_or.reduce([_truth(argument, inputs) for argument in node.arguments])
        case _:
            raise FormulaError("formula_shape", "A comparison is needed here.", position=node.start)


def _input(node: Name | Item, inputs: Mapping[str, Draws]) -> Draws:
    name = node.name if isinstance(node, Name) else node.key
    if isinstance(node, Item) or name not in inputs:
        raise FormulaError("formula_input_missing", "%(name)s is missing.", position=node.start, name=name)
    return inputs[name]
