"""Evaluate a checked formula and keep every step, so that a number can be explained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from lims.metrology import formula_circle as circle
from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, is_kept_whole, to_decimal, to_fraction
from lims.metrology.formula_check import Formula
from lims.metrology.formula_text import bracketed, write_formula, write_leaf
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
ItemInput = (
    Decimal | Fraction | NotDetected | BelowQuantification | GreaterThan | Detected | Text | Counts | None
)

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


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: as written, with numbers put in, and what it gave (34 digits, or true or false)."""

    expression: str
    with_numbers: str
    value: Decimal | bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``value``: unrounded, 34 significant digits, safe to round once.

    ``exact``: the same as a rational, where it is one. ``with_numbers``: the formula with all inputs put
    in. ``steps``: in the order they were computed.
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
    run = _Run(inputs, items or {})
    value = run.number(formula.root)
    if not run.steps:
        run.steps.append(Step(write_formula(formula.root), run.substituted(formula.root), to_decimal(value)))
    exact = value if isinstance(value, Fraction) else None
    return Evaluation(to_decimal(value), exact, run.substituted(formula.root), tuple(run.steps))


def value_at(root: Node, inputs: Mapping[str, Exact]) -> Exact:
    """The unrounded value alone, for the many evaluations of a budget: no steps are kept.

    Raises FormulaError as ``evaluate`` does.
    """
    return _QuietRun(inputs, {}).number(root)


@dataclass(slots=True)
class _Run:
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
                return self.noted(
                    node, self.placed(node, _OPERATIONS[node.operator], left, right), [left, right]
                )
            case Call(function="pi"):
                return circle.PI_KEPT
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
            case Call(function="not"):
                return not self.truth(node.arguments[0])
            case Call(function="and"):
                return all(self.truth(argument) for argument in node.arguments)
            case Call(function="or"):
                return any(self.truth(argument) for argument in node.arguments)
            case _:
                raise FormulaError("formula_shape", "A comparison is needed here.", position=node.start)

    def single(self, node: Name | Item) -> Exact:
        given = self.given(node)
        if isinstance(given, Sequence):
            raise FormulaError(
                "formula_input_is_list",
                "%(name)s is a list of replicates: use mean or another function of lists.",
                position=node.start,
                name=_label(node),
            )
        return self.figure(node, given)

    def many(self, node: Node) -> Sequence[Exact]:
        if isinstance(node, Name):
            given = self.given(node)
            values = given.values if isinstance(given, Counts) else given
            if isinstance(values, Sequence):
                if len(values) > MAX_REPLICATES:
                    raise _refused("formula_input_out_of_range", "%(name)s has too many values.", node)
                return [self.figure(node, single) for single in values]
        return [self.number(node)]

    def given(self, node: Name | Item) -> Input:
        if isinstance(node, Name):
            return self.inputs.get(node.name)
        result = self.items.get(node.key)
        if isinstance(result, Number):
            # A report's figure is rounded; calculating on with it would round twice.
            raise _refused("formula_item_rounded", "%(name)s must be given unrounded.", node)
        return result

    def figure(self, node: Name | Item, given: Input) -> Exact:
        match given:
            case None:
                raise _refused("formula_input_missing", "%(name)s is missing.", node)
            case Number(value):
                given = value
            case NotDetected():
                raise _refused(
                    "formula_input_not_detected", "%(name)s is not detected, so it is no figure.", node
                )
            case Decimal() | Fraction():
                pass
            case _:
                raise _refused("formula_input_not_number", "%(name)s is not a figure.", node)
        try:
            return numbers.settled(to_fraction(given))
        except MetrologyError as reason:
            raise _refused("formula_input_out_of_range", "%(name)s is out of range.", node) from reason

    def placed(self, node: Binary | Call, compute: Callable[..., Exact], *operands: object) -> Exact:
        """Compute, and say where in the formula it went wrong."""
        try:
            return compute(*operands)
        except FormulaError as error:
            raise FormulaError(error.code, error.template, position=node.start, **error.facts) from error

    def noted(self, node: Negation | Binary | Call, value: Exact, operands: Sequence[Exact]) -> Exact:
        self.steps.append(Step(write_formula(node), self.operation(node, operands), to_decimal(value)))
        return value

    def decided(self, node: Binary, value: bool, operands: Sequence[Exact]) -> bool:
        self.steps.append(Step(write_formula(node), self.operation(node, operands), value))
        return value

    def operation(self, node: Negation | Binary | Call, operands: Sequence[Exact]) -> str:
        """One operation with the results of its operands put in."""
        if isinstance(node, Call):
            listed = ", ".join(_show(operand) for operand in operands)
            return f"{node.function}({listed})"
        if isinstance(node, Negation):
            return f"-{bracketed(self.shown(node.operand, operands[0]))}"
        left, right = (self.shown(*pair) for pair in zip((node.left, node.right), operands, strict=True))
        return f"{bracketed(left) if node.operator == '^' else left} {node.operator} {bracketed(right)}"

    def shown(self, node: Node, value: Exact) -> str:
        return self.substituted(node) if isinstance(node, Literal | Name | Item) else _show(value)

    def substituted(self, node: Node) -> str:
        """The expression with every input put in."""
        return write_formula(node, self.written_input)

    def written_input(self, node: Literal | Name | Item) -> str:
        """An input as read; its name where it is no figure, which an untaken branch allows."""
        if isinstance(node, Literal):
            return write_leaf(node)
        given = self.given(node)
        values = given.values if isinstance(given, Counts) else given
        listed = values if isinstance(values, Sequence) else (values,)
        try:
            return ", ".join(_show(_figure_as_read(single)) for single in listed) or write_leaf(node)
        except MetrologyError:
            return write_leaf(node)


@dataclass(slots=True)
class _QuietRun(_Run):
    """Writes nothing down."""

    def noted(self, node: Negation | Binary | Call, value: Exact, operands: Sequence[Exact]) -> Exact:
        return value

    def decided(self, node: Binary, value: bool, operands: Sequence[Exact]) -> bool:
        return value


def _figure_as_read(given: Input) -> Exact:
    figure = given.value if isinstance(given, Number) else given
    if not isinstance(figure, Decimal | Fraction):
        raise MetrologyError("number_unreadable", "%(text)s is not a number.", text=str(figure))
    to_fraction(figure)
    return figure


def _compare(operator: str, left: Exact, right: Exact) -> bool:
    match operator:
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case ">=":
            return left >= right
        case "=":
            return left == right
        case _:
            return left != right


def _show(value: Exact) -> str:
    """A figure as read, or the first digits of a long one followed by an ellipsis."""
    if is_kept_whole(value, _SHOWN_DIGITS) or (
        isinstance(value, Decimal) and len(value.as_tuple().digits) <= 20
    ):
        return write_numeral(to_decimal(value))
    return f"{write_numeral(_cut(value))}…"


def _cut(value: Exact) -> Decimal:
    sign, digits, exponent = to_decimal(value).as_tuple()
    assert isinstance(exponent, int)
    dropped = max(0, len(digits) - _SHOWN_DIGITS)
    return Decimal((sign, digits[:_SHOWN_DIGITS], exponent + dropped))


def _label(node: Name | Item) -> str:
    return node.name if isinstance(node, Name) else node.key


def _refused(code: str, template: str, node: Name | Item) -> FormulaError:
    return FormulaError(code, template, position=node.start, name=_label(node))
