"""A checked formula as nested functions: the tree is walked once, its numbers many times."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne
from typing import Protocol

from lims.metrology import formula_circle as circle
from lims.metrology import formula_numbers as numbers
from lims.metrology.exact import Exact
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

_OPERATIONS: Mapping[str, Callable[[Exact, Exact], Exact]] = {
    "+": numbers.add,
    "-": numbers.subtract,
    "*": numbers.multiply,
    "/": numbers.divide,
    "^": numbers.power,
}
_ON_MANY: Mapping[str, Callable[[Sequence[Exact]], Exact]] = {
    "mean": numbers.mean,
    "sd": numbers.standard_deviation,
    "min": numbers.smallest,
    "max": numbers.largest,
    "sum": numbers.total,
    "count": lambda values: Fraction(len(values)),
}
_ON_ONE: Mapping[str, Callable[[Exact], Exact]] = {
    "abs": numbers.magnitude,
    "sqrt": numbers.square_root,
    "ln": numbers.natural_logarithm,
    "log10": numbers.decimal_logarithm,
    "exp": numbers.exponential,
    "sin": circle.sine,
    "cos": circle.cosine,
    "tan": circle.tangent,
    "asin": circle.arc_sine,
    "acos": circle.arc_cosine,
    "atan": circle.arc_tangent,
}
_COMPARED: Mapping[str, Callable[[Exact, Exact], bool]] = {
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "=": eq,
    "<>": ne,
}


Operation = Negation | Binary | Call


class Run(Protocol):
    """One evaluation: it knows the inputs, and hears of every operation that was done.

    ``figures``: inputs that are settled figures already; others are asked for. ``known``: results of nodes it was told of before, by their ``id``; a derivative repeats parts of its formula.
    """

    @property
    def known(self) -> Mapping[int, tuple[Node, Exact]]: ...
    @property
    def figures(self) -> Mapping[str, Exact]: ...
    def single(self, node: Name | Item) -> Exact: ...
    def many(self, node: Name) -> Sequence[Exact]: ...
    def noted(self, node: Operation, value: Exact, operands: Sequence[Exact]) -> None: ...
    def decided(self, node: Binary, value: bool, operands: Sequence[Exact]) -> None: ...


Compute = Callable[[Run], Exact]


# A worksheet asks for the same few formulas again and again.
@lru_cache(maxsize=1024)
def compile_value(root: Node) -> Compute:
    """The function that computes ``root``; an untaken branch of ``if`` is not looked at.

    Raises FormulaError ``formula_shape`` for a tree that was not checked.
    """
    return _compile(root)


def _compile(node: Node) -> Compute:
    match node:
        case Literal():
            figure = Fraction(node.value)
            return lambda run: figure
        case Name():
            return _compile_name(node)
        case Item():
            return lambda run: run.single(node)
        case Negation():
            return _compile_negation(node)
        case Binary() if node.operator in _OPERATIONS:
            return _compile_binary(node)
        case Call(function="pi"):
            return lambda run: circle.PI_KEPT
        case Call(function="if"):
            return _compile_choice(node)
        case Call() if node.function in _ON_ONE:
            return _compile_on_one(node)
        case Call() if node.function in _ON_MANY:
            return _compile_on_many(node)
        case _:
            raise FormulaError("formula_shape", "A single figure is needed here.", position=node.start)


def _compile_name(node: Name) -> Compute:
    name = node.name

    def run_name(run: Run) -> Exact:
        found = run.figures.get(name)
        return run.single(node) if found is None else found

    return run_name


def _compile_negation(node: Negation) -> Compute:
    operand = _compile(node.operand)

    def run_negation(run: Run) -> Exact:
        inner = operand(run)
        value = numbers.negate(inner)
        run.noted(node, value, (inner,))
        return value

    return run_negation


def _compile_binary(node: Binary) -> Compute:
    left, right = _compile(node.left), _compile(node.right)
    operation, place = _OPERATIONS[node.operator], id(node)

    def run_binary(run: Run) -> Exact:
        before = run.known.get(place)
        if before is not None:
            return before[1]
        one, other = left(run), right(run)
        try:
            value = operation(one, other)
        except FormulaError as error:
            raise _placed(error, node) from error
        run.noted(node, value, (one, other))
        return value

    return run_binary


def _compile_on_one(node: Call) -> Compute:
    argument, function, place = _compile(node.arguments[0]), _ON_ONE[node.function], id(node)

    def run_on_one(run: Run) -> Exact:
        if place in run.known:
            return run.known[place][1]
        inner = argument(run)
        try:
            value = function(inner)
        except FormulaError as error:
            raise _placed(error, node) from error
        run.noted(node, value, (inner,))
        return value

    return run_on_one


def _compile_on_many(node: Call) -> Compute:
    arguments, function = tuple(map(_compile_list, node.arguments)), _ON_MANY[node.function]

    def run_on_many(run: Run) -> Exact:
        values = [value for argument in arguments for value in argument(run)]
        try:
            value = function(values)
        except FormulaError as error:
            raise _placed(error, node) from error
        run.noted(node, value, values)
        return value

    return run_on_many


def _compile_list(node: Node) -> Callable[[Run], Sequence[Exact]]:
    if isinstance(node, Name):
        return lambda run: run.many(node)
    single = _compile(node)
    return lambda run: (single(run),)


def _compile_choice(node: Call) -> Compute:
    condition = _compile_truth(node.arguments[0])
    taken, other = _compile(node.arguments[1]), _compile(node.arguments[2])
    return lambda run: taken(run) if condition(run) else other(run)


def _compile_truth(node: Node) -> Callable[[Run], bool]:
    match node:
        case Binary() if node.operator in COMPARISONS:
            return _compile_comparison(node)
        case Call(function="not" | "and" | "or"):
            parts = tuple(map(_compile_truth, node.arguments))
            if node.function == "not":
                return lambda run: not parts[0](run)
            if node.function == "and":
                return lambda run: all(part(run) for part in parts)
            return lambda run: any(part(run) for part in parts)
        case _:
            raise FormulaError("formula_shape", "A comparison is needed here.", position=node.start)


def _compile_comparison(node: Binary) -> Callable[[Run], bool]:
    left, right = _compile(node.left), _compile(node.right)
    compared = _COMPARED[node.operator]

    def run_comparison(run: Run) -> bool:
        one, other = left(run), right(run)
        value = compared(one, other)
        run.decided(node, value, (one, other))
        return value

    return run_comparison


def _placed(error: FormulaError, node: Node) -> FormulaError:
    """The same refusal, with the place in the formula where it went wrong."""
    return FormulaError(error.code, error.template, position=node.start, **error.facts)
