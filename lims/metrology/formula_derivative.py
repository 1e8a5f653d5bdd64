"""The derivative of a formula by one of its inputs, as a formula again."""

from collections.abc import Callable
from decimal import Decimal

from lims.metrology.formula_tree import (
    COMPARISONS,
    Binary,
    Call,
    FormulaError,
    Literal,
    Name,
    Negation,
    Node,
    children,
    walk,
)

#: A derivative of a derivative grows; beyond this it is neither readable nor worth its time.
MAX_NODES = 5000
MAX_DEPTH = 250


def differentiate(node: Node, name: str) -> Node:
    """Derivative of ``node`` by the input ``name``; the tree keeps the positions of the original text.

    min, max, abs and if are differentiated piece by piece: the derivative is that of the piece taken.
    Raises FormulaError ``formula_derivative_too_large``.
    """
    result = _derive(node, name)
    if len(walk(result)) > MAX_NODES or _is_deeper(result, MAX_DEPTH):
        raise FormulaError(
            "formula_derivative_too_large",
            "The derivative of this formula by %(name)s is too long.",
            name=name,
        )
    return result


def depends_on(node: Node, name: str) -> bool:
    return any(isinstance(inner, Name) and inner.name == name for inner in walk(node))


def _derive(node: Node, name: str) -> Node:
    if not depends_on(node, name):
        return _number(0, node)
    match node:
        case Negation():
            return _negated(_derive(node.operand, name))
        case Binary():
            return _derive_binary(node, name)
        case Call():
            return _derive_call(node, name)
        case _:
            return _number(1, node)


def _derive_binary(node: Binary, name: str) -> Node:
    left, right = node.left, node.right
    match node.operator:
        case "+":
            return _sum(_derive(left, name), _derive(right, name))
        case "-":
            return _difference(_derive(left, name), _derive(right, name))
        case "*":
            return _sum(_product(_derive(left, name), right), _product(left, _derive(right, name)))
        case "/":
            return _derive_quotient(left, right, name)
        case _:
            return _derive_power(left, right, name)


def _derive_quotient(left: Node, right: Node, name: str) -> Node:
    if not depends_on(right, name):
        return _quotient(_derive(left, name), right)
    top = _difference(_product(_derive(left, name), right), _product(left, _derive(right, name)))
    return _quotient(top, _power(right, _number(2, right)))


def _derive_power(base: Node, exponent: Node, name: str) -> Node:
    if not depends_on(exponent, name):
        lowered = _power(base, _difference(exponent, _number(1, exponent)))
        return _product(_product(exponent, lowered), _derive(base, name))
    growth = _product(_derive(exponent, name), _call("ln", base))
    if depends_on(base, name):
        growth = _sum(growth, _quotient(_product(exponent, _derive(base, name)), base))
    return _product(_power(base, exponent), growth)


def _derive_call(node: Call, name: str) -> Node:
    outer = _OUTER.get(node.function)
    if outer is not None:
        (inner,) = node.arguments
        return _product(outer(inner), _derive(inner, name))
    arguments = node.arguments
    match node.function:
        case "if":
            taken, other = (_derive(branch, name) for branch in arguments[1:])
            return _piece(arguments[0], taken, other)
        case "abs":
            (inner,) = arguments
            slope = _derive(inner, name)
            return _piece(_compared("<", inner, _number(0, inner)), _negated(slope), slope)
        case "min" | "max":
            return _derive_extreme(node, name)
        case "sd":
            return _derive_deviation(node, name)
        case "mean":
            return _quotient(_derive_sum(arguments, name), _number(len(arguments), node))
        case "sum":
            return _derive_sum(arguments, name)
        case _:  # count does not depend on the values
            return _number(0, node)


def _derive_sum(arguments: tuple[Node, ...], name: str) -> Node:
    total = _derive(arguments[0], name)
    for argument in arguments[1:]:
        total = _sum(total, _derive(argument, name))
    return total


def _derive_extreme(node: Call, name: str) -> Node:
    """The derivative of the argument that is the smallest (largest); of the first of equals."""
    slope = _derive(node.arguments[-1], name)
    for argument in reversed(node.arguments[:-1]):
        slope = _piece(_compared("=", argument, node), _derive(argument, name), slope)
    return slope


def _derive_deviation(node: Call, name: str) -> Node:
    arguments = node.arguments
    centre = _call("mean", *arguments)
    terms = [_product(_difference(value, centre), _derive(value, name)) for value in arguments]
    total = terms[0]
    for term in terms[1:]:
        total = _sum(total, term)
    # The part that the mean's own derivative would add sums to zero.
    return _quotient(total, _product(_number(len(arguments) - 1, node), node))


def _derive_tangent(inner: Node) -> Node:
    return _quotient(_number(1, inner), _power(_call("cos", inner), _number(2, inner)))


def _one_minus_square(inner: Node) -> Node:
    return _difference(_number(1, inner), _power(inner, _number(2, inner)))


_OUTER: dict[str, Callable[[Node], Node]] = {
    "sqrt": lambda inner: _quotient(_number(1, inner), _product(_number(2, inner), _call("sqrt", inner))),
    "ln": lambda inner: _quotient(_number(1, inner), inner),
    "log10": lambda inner: _quotient(_number(1, inner), _product(inner, _call("ln", _number(10, inner)))),
    "exp": lambda inner: _call("exp", inner),
    "sin": lambda inner: _call("cos", inner),
    "cos": lambda inner: _negated(_call("sin", inner)),
    "tan": _derive_tangent,
    "asin": lambda inner: _quotient(_number(1, inner), _call("sqrt", _one_minus_square(inner))),
    "acos": lambda inner: _negated(_quotient(_number(1, inner), _call("sqrt", _one_minus_square(inner)))),
    "atan": lambda inner: _quotient(
        _number(1, inner), _sum(_number(1, inner), _power(inner, _number(2, inner)))
    ),
}


# --- building trees, leaving out what adds or multiplies nothing ---


def _number(value: int | Decimal, near: Node) -> Literal:
    return Literal(near.start, near.end, Decimal(value), str(value))


def _constant(node: Node) -> Decimal | None:
    match node:
        case Literal():
            return node.value
        case Negation(operand=Literal() as inner):
            return inner.value.copy_negate()
        case _:
            return None


def _whole(value: Decimal, near: Node) -> Node:
    return _negated(_number(value.copy_abs(), near)) if value < 0 else _number(value, near)


def _negated(node: Node) -> Node:
    if isinstance(node, Negation):
        return node.operand
    return node if _constant(node) == 0 else Negation(node.start, node.end, node)


def _sum(left: Node, right: Node) -> Node:
    if _constant(left) == 0:
        return right
    if _constant(right) == 0:
        return left
    if isinstance(right, Negation):
        return _difference(left, right.operand)
    return Binary(left.start, right.end, "+", left, right)


def _difference(left: Node, right: Node) -> Node:
    minuend, subtrahend = _constant(left), _constant(right)
    if subtrahend == 0:
        return left
    if minuend == 0:
        return _negated(right)
    if subtrahend == 1 and minuend is not None and minuend == minuend.to_integral_value():
        return _whole(minuend - 1, left)
    return Binary(left.start, right.end, "-", left, right)


def _product(left: Node, right: Node) -> Node:
    for factor, other in ((left, right), (right, left)):
        if _constant(factor) == 0:
            return _number(0, factor)
        if _constant(factor) == 1:
            return other
        if isinstance(factor, Negation):
            return _negated(_product(factor.operand, other))
    return Binary(left.start, right.end, "*", left, right)


def _quotient(top: Node, bottom: Node) -> Node:
    if _constant(top) == 0 or _constant(bottom) == 1:
        return top
    if isinstance(top, Negation):
        return _negated(_quotient(top.operand, bottom))
    return Binary(top.start, bottom.end, "/", top, bottom)


def _power(base: Node, exponent: Node) -> Node:
    """x^1 and x^0 are written out: the language refuses 0^0, which a derivative at 0 would meet."""
    match _constant(exponent):
        case Decimal() as value if value == 0:
            return _number(1, base)
        case Decimal() as value if value == 1:
            return base
        case _:
            return Binary(base.start, exponent.end, "^", base, exponent)


def _call(function: str, *arguments: Node) -> Call:
    return Call(arguments[0].start, arguments[-1].end, function, arguments)


def _compared(operator: str, left: Node, right: Node) -> Binary:
    assert operator in COMPARISONS
    return Binary(left.start, right.end, operator, left, right)


def _piece(condition: Node, taken: Node, other: Node) -> Node:
    if _constant(taken) is not None and _constant(taken) == _constant(other):
        return taken
    return Call(condition.start, other.end, "if", (condition, taken, other))


def _is_deeper(node: Node, limit: int) -> bool:
    level: list[Node] = [node]
    for _ in range(limit):
        level = [child for parent in level for child in children(parent)]
        if not level:
            return False
    return True
