"""What can be said about a formula before it ever sees a number."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lims.metrology.formula_tree import (
    COMPARISONS,
    Binary,
    Call,
    FormulaError,
    Item,
    Name,
    Negation,
    Node,
    children,
    parse_formula,
    walk,
)


class Shape(StrEnum):
    """NUMBER: one figure. LIST: replicates. TRUTH: a comparison, only of use inside if, and, or, not."""

    NUMBER = "number"
    LIST = "list"
    TRUTH = "truth"


@dataclass(frozen=True, slots=True)
class Signature:
    least: int
    most: int
    takes: tuple[Shape, ...]
    gives: Shape = Shape.NUMBER

    def taken(self, index: int) -> Shape:
        """What the argument at ``index`` must be; the last entry of ``takes`` holds for all further ones."""
        return self.takes[min(index, len(self.takes) - 1)]


_NEEDED = {
    Shape.NUMBER: "A single figure is needed here.",
    Shape.LIST: "Figures or a list of them are needed here.",
    Shape.TRUTH: "A comparison is needed here.",
}
_ONE = Signature(1, 1, (Shape.NUMBER,))
_MANY = Signature(1, 60, (Shape.LIST,))
FUNCTIONS: Mapping[str, Signature] = {
    **dict.fromkeys(("mean", "sd", "min", "max", "sum", "count"), _MANY),
    **dict.fromkeys(("abs", "sqrt", "ln", "log10", "exp"), _ONE),
    # Angles in radians.
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan"), _ONE),
    "pi": Signature(0, 0, (Shape.NUMBER,)),
    "if": Signature(3, 3, (Shape.TRUTH, Shape.NUMBER)),
    "and": Signature(2, 60, (Shape.TRUTH,), Shape.TRUTH),
    "or": Signature(2, 60, (Shape.TRUTH,), Shape.TRUTH),
    "not": Signature(1, 1, (Shape.TRUTH,), Shape.TRUTH),
}


@dataclass(frozen=True, slots=True)
class Formula:
    """A checked formula: ``inputs`` and ``items`` are what it depends on, in order of first use."""

    text: str
    root: Node
    inputs: tuple[str, ...]
    items: tuple[str, ...]


def compile_formula(
    text: str, *, inputs: Mapping[str, Shape] | None = None, items: Collection[str] | None = None
) -> Formula:
    """Parse and check. Without ``inputs`` or ``items`` their names are taken on trust.

    Raises FormulaError with the position: what ``parse_formula`` raises, ``formula_unknown_name``,
    ``formula_unknown_item``, ``formula_unknown_function``, ``formula_arity``, ``formula_shape``.
    """
    root = parse_formula(text)
    _check(root, Shape.NUMBER, inputs)
    for node in walk(root):
        if isinstance(node, Item) and items is not None and node.key not in items:
            raise FormulaError(
                "formula_unknown_item", "There is no test item %(name)s.", position=node.start, name=node.key
            )
    names = dict.fromkeys(node.name for node in walk(root) if isinstance(node, Name))
    keys = dict.fromkeys(node.key for node in walk(root) if isinstance(node, Item))
    return Formula(text, root, tuple(names), tuple(keys))


def _check(node: Node, wanted: Shape, inputs: Mapping[str, Shape] | None) -> None:
    given = _shape(node, inputs, wanted)
    if given is not wanted and not (wanted is Shape.LIST and given is Shape.NUMBER):
        raise FormulaError("formula_shape", _NEEDED[wanted], position=node.start)
    if isinstance(node, Call):
        signature = _signature(node)
        for index, argument in enumerate(node.arguments):
            _check(argument, signature.taken(index), inputs)
    elif isinstance(node, Binary | Negation):
        for child in children(node):
            _check(child, Shape.NUMBER, inputs)


def _shape(node: Node, inputs: Mapping[str, Shape] | None, wanted: Shape) -> Shape:
    match node:
        case Name(start, _, name):
            if inputs is None:
                return wanted
            if name not in inputs:
                raise FormulaError(
                    "formula_unknown_name", "%(name)s is not an input.", position=start, name=name
                )
            return inputs[name]
        case Binary(operator=operator) if operator in COMPARISONS:
            return Shape.TRUTH
        case Call():
            return _signature(node).gives
        case _:
            return Shape.NUMBER


def _signature(call: Call) -> Signature:
    signature = FUNCTIONS.get(call.function)
    if signature is None:
        raise FormulaError(
            "formula_unknown_function",
            "There is no function %(name)s.",
            position=call.start,
            name=call.function,
        )
    if not signature.least <= len(call.arguments) <= signature.most:
        raise FormulaError(
            "formula_arity",
            "%(name)s takes %(least)s to %(most)s arguments, here are %(given)s.",
            position=call.start,
            name=call.function,
            least=signature.least,
            most=signature.most,
            given=len(call.arguments),
        )
    return signature
