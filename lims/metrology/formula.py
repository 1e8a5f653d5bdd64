"""Evaluate a checked formula and keep every step, so that a number can be explained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, is_kept_whole, to_decimal, to_fraction
from lims.metrology.formula_check import Formula
from lims.metrology.formula_tree import (
    BINDING,
    COMPARISONS,
    NEGATION_BINDING,
    Binary,
    Call,
    FormulaError,
    Item,
    Literal,
    Name,
    Negation,
    Node,
)
from lims.metrology.numerals import write_numeral
from lims.metrology.values import (
    BelowQuantification,
    Counts,
    Detected,
    GreaterThan,
    NotDetected,
    Number,
    ResultValue,
    Text,
)

#: One input: a figure as read, replicates, a result value, or None while it is missing.
Input = Decimal | Fraction | Sequence[Decimal] | ResultValue | None
#: A result of the same sample: UNROUNDED if it is a figure (never the Number that a report prints).
ItemInput = Decimal | Fraction | NotDetected | BelowQuantification | GreaterThan | Detected | Text | Counts | None

MAX_REPLICATES = 1000
_SHOWN_DIGITS = 12
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
    "abs": abs,
    "sqrt": numbers.square_root,
    "ln": numbers.natural_logarithm,
    "log10": numbers.decimal_logarithm,
    "exp": numbers.exponential,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: as written, with numbers put in, and what it gave (34 digits, or true or false)."""

    expression: str
    with_numbers: str
    value: Decimal | bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``value``: unrounded, 34 significant digits, safe to round once. ``exact``: as a rational, if it is one.

    ``with_numbers``: the formula with all inputs put in. ``steps``: in the order they were computed.
    """

    value: Decimal
    exact: Fraction | None
    with_numbers: str
    steps: tuple[Step, ...]

    @property
    def unrounded(self) -> Exact:
        """What to round, judge and hand to other items: the rational where there is one."""
        return self.value if self.exact is None else self.exact


def evaluate(
    formula: Formula, inputs: Mapping[str, Input], items: Mapping[str, ItemInput] | None = None
) -> Evaluation:
    """Evaluate with the inputs it names; what an untaken branch of ``if`` names may be missing.

    Raises FormulaError only: ``formula_input_missing``, ``formula_input_not_detected``,
    ``formula_input_not_number``, ``formula_input_is_list``, ``formula_input_out_of_range``,
    ``formula_item_rounded``, ``formula_division_by_zero``, ``formula_undefined``, ``formula_exponent``,
    ``formula_out_of_range``, ``formula_too_few_values``.
    """
    run = _Run(formula.text, inputs, items or {})
    value = run.number(formula.root)
    if not run.steps:
        run.steps.append(Step(formula.text.strip(), run.substituted(formula.root), to_decimal(value)))
    exact = value if isinstance(value, Fraction) else None
    return Evaluation(to_decimal(value), exact, run.substituted(formula.root), tuple(run.steps))


@dataclass(slots=True)
class _Run:
    text: str
    inputs: Mapping[str, Input]
    items: Mapping[str, ItemInput]
    steps: list[Step] = field(default_factory=list)

    def number(self, node: Node) -> Exact:
        match node:
            case Literal():
                return Fraction(node.value)
            case Name() | Item():
                return self.single(node)
            case Negation():
                inner = self.number(node.operand)
                return self.noted(node, numbers.subtract(Fraction(0), inner), [inner])
            case Binary():
                left, right = self.number(node.left), self.number(node.right)
                return self.noted(node, self.placed(node, _OPERATIONS[node.operator], left, right), [left, right])
            case Call(function="if"):
                taken = node.arguments[1 if self.truth(node.arguments[0]) else 2]
                return self.number(taken)
            case Call() if node.function in _ON_ONE:
                inner = self.number(node.arguments[0])
                return self.noted(node, self.placed(node, _ON_ONE[node.function], inner), [inner])
            case Call():
                values = [value for argument in node.arguments for value in self.many(argument)]
                return self.noted(node, self.placed(node, _ON_MANY[node.function], values), values)

    def truth(self, node: Node) -> bool:
        match node:
            case Binary() if node.operator in COMPARISONS:
                left, right = self.number(node.left), self.number(node.right)
                return self.decided(node, _compare(node.operator, left, right), [left, right])
            case Call("not"):
                return not self.truth(node.arguments[0])
            case Call(function="and"):
                return all(self.truth(argument) for argument in node.arguments)
            case Call(function="or"):
                return any(self.truth(argument) for argument in node.arguments)
            case _:
                raise FormulaError("formula_shape", "A comparison is needed here.", position=node.start)
