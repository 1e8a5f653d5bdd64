"""Evaluate a checked formula; write down every step when a number is to be explained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from lims.metrology import formula_numbers as numbers
from lims.metrology.errors import MetrologyError
from lims.metrology.exact import Exact, is_kept_whole, to_decimal, to_fraction
from lims.metrology.formula_check import Formula
from lims.metrology.formula_compiled import Operation, Run, compile_value
from lims.metrology.formula_text import bracketed, write_formula, write_leaf
from lims.metrology.formula_tree import (
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


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: as written, with numbers put in, and what it gave (34 digits, or true or false)."""

    expression: str
    with_numbers: str
    value: Decimal | bool


@dataclass(frozen=True)
class Evaluation:
    """``value``: unrounded, 34 significant digits, safe to round once.

    ``exact``: the same as a rational, where it is one. How it was reached is written when it is asked for.
    """

    value: Decimal
    exact: Fraction | None
    _root: Node = field(repr=False)
    _inputs: Mapping[str, Input] = field(repr=False)
    _items: Mapping[str, ItemInput] = field(repr=False)

    @property
    def unrounded(self) -> Exact:
        """What to round, judge and hand to other items: the rational where there is one."""
        return self.value if self.exact is None else self.exact

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """In the order they were computed; a formula without operations is one step."""
        run = _NotedRun(self._inputs, self._items)
        compile_value(self._root)(run)
        return tuple(run.steps) or (Step(write_formula(self._root), self.with_numbers, self.value),)

    @property
    def with_numbers(self) -> str:
        """The formula with all inputs put in."""
        return _NotedRun(self._inputs, self._items).substituted(self._root)


def evaluate(
    formula: Formula, inputs: Mapping[str, Input], items: Mapping[str, ItemInput] | None = None
) -> Evaluation:
    """Evaluate with the inputs it names; what an untaken branch of ``if`` names may be missing.

    Raises FormulaError only: ``formula_input_missing``, ``formula_input_not_detected``,
    ``formula_input_not_number``, ``formula_input_is_list``, ``formula_input_out_of_range``,
    ``formula_item_rounded``, ``formula_division_by_zero``, ``formula_undefined``, ``formula_exponent``,
    ``formula_out_of_range``, ``formula_too_few_values``.
    """
    run = _Run(dict(inputs), dict(items or {}))
    value = compile_value(formula.root)(run)
    exact = value if isinstance(value, Fraction) else None
    return Evaluation(to_decimal(value), exact, formula.root, run.inputs, run.items)


def value_at(root: Node, inputs: Mapping[str, Exact]) -> Exact:
    """The unrounded value alone, for the many evaluations of a budget: no steps are kept.

    Raises FormulaError as ``evaluate`` does.
    """
    return compile_value(root)(run_of(inputs))


def run_of(figures: Mapping[str, Exact]) -> Run:
    """What compiled formulas of inputs alone are called with; the figures are looked at once for all of them."""
    settled = {name: numbers.settled(to_fraction(value)) for name, value in figures.items()}
    return _Figures(settled, {}, figures=settled)


@dataclass(slots=True)
class _Run:
    """Reads the inputs; writes nothing down."""

    inputs: Mapping[str, Input]
    items: Mapping[str, ItemInput]
    known: dict[int, tuple[Node, Exact]] = field(default_factory=dict)
    figures: Mapping[str, Exact] = field(default_factory=dict)

    def single(self, node: Name | Item) -> Exact:
        given = self.given(node)
        if not isinstance(given, Decimal) and isinstance(given, Sequence):
            raise FormulaError(
                "formula_input_is_list",
                "%(name)s is a list of replicates: use mean or another function of lists.",
                position=node.start,
                name=_label(node),
            )
        return self.figure(node, given)

    def many(self, node: Name) -> Sequence[Exact]:
        given = self.given(node)
        values = given.values if isinstance(given, Counts) else given
        if not isinstance(values, Sequence):
            return (self.figure(node, values),)
        if len(values) > MAX_REPLICATES:
            raise _refused("formula_input_out_of_range", "%(name)s has too many values.", node)
        return [self.figure(node, single) for single in values]

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
            case Decimal() | Fraction():
                pass
            case None:
                raise _refused("formula_input_missing", "%(name)s is missing.", node)
            case Number(value):
                given = value
            case NotDetected():
                raise _refused(
                    "formula_input_not_detected", "%(name)s is not detected, so it is no figure.", node
                )
            case _:
                raise _refused("formula_input_not_number", "%(name)s is not a figure.", node)
        try:
            return numbers.settled(to_fraction(given))
        except MetrologyError as reason:
            raise _refused("formula_input_out_of_range", "%(name)s is out of range.", node) from reason

    def noted(self, node: Operation, value: Exact, operands: Sequence[Exact]) -> None:
        pass

    def decided(self, node: Binary, value: bool, operands: Sequence[Exact]) -> None:
        pass


@dataclass(slots=True)
class _Figures(_Run):
    """Inputs that are settled figures already; remembers what was computed from them."""

    def single(self, node: Name | Item) -> Exact:
        raise _refused("formula_input_missing", "%(name)s is missing.", node)

    def noted(self, node: Operation, value: Exact, operands: Sequence[Exact]) -> None:
        # The node is kept, so that no other can take its place in memory and in here.
        self.known[id(node)] = node, value


@dataclass(slots=True)
class _NotedRun(_Run):
    """Keeps every operation as text."""

    steps: list[Step] = field(default_factory=list)

    def noted(self, node: Operation, value: Exact, operands: Sequence[Exact]) -> None:
        self.steps.append(Step(write_formula(node), self.operation(node, operands), to_decimal(value)))

    def decided(self, node: Binary, value: bool, operands: Sequence[Exact]) -> None:
        self.steps.append(Step(write_formula(node), self.operation(node, operands), value))

    def operation(self, node: Operation, operands: Sequence[Exact]) -> str:
        """One operation with the results of its operands put in."""
        if isinstance(node, Call):
            listed = ", ".join(_show(operand) for operand in operands)
            return f"{node.function}({listed})"
        if isinstance(node, Negation):
            return f"-{bracketed(self.shown(node.operand, operands[0]))}"
        left, right = map(self.shown, (node.left, node.right), operands)
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
        try:
            given = self.given(node)
            values = given.values if isinstance(given, Counts) else given
            listed = values if isinstance(values, Sequence) else (values,)
            return ", ".join(_show(_figure_as_read(single)) for single in listed) or write_leaf(node)
        except MetrologyError:
            return write_leaf(node)


def _figure_as_read(given: Input) -> Exact:
    figure = given.value if isinstance(given, Number) else given
    if not isinstance(figure, Decimal | Fraction):
        raise MetrologyError("number_unreadable", "%(text)s is not a number.", text=str(figure))
    to_fraction(figure)
    return figure


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
    dropped = len(digits) - _SHOWN_DIGITS
    return Decimal((sign, digits[:_SHOWN_DIGITS], exponent + dropped))


def _label(node: Name | Item) -> str:
    return node.name if isinstance(node, Name) else node.key


def _refused(code: str, template: str, node: Name | Item) -> FormulaError:
    return FormulaError(code, template, position=node.start, name=_label(node))
