"""Write a formula's tree as text again, brackets only where they are needed."""

from collections.abc import Callable

from lims.metrology.formula_tree import (
    BINDING,
    NEGATION_BINDING,
    Binary,
    Call,
    Item,
    Literal,
    Name,
    Negation,
    Node,
)


def write_leaf(node: Literal | Name | Item) -> str:
    match node:
        case Literal(text=text):
            return text
        case Name(name=name):
            return name
        case Item(key=key):
            quote = "'" if '"' in key else '"'
            return f"@{key}" if key.isidentifier() else f"item({quote}{key}{quote})"


def write_formula(
    node: Node, leaf: Callable[[Literal | Name | Item], str] = write_leaf, *, tighter_than: int = 0
) -> str:
    """``leaf`` writes numbers and names; give another one to put values in."""
    match node:
        case Literal() | Name() | Item():
            return leaf(node)
        case Call():
            arguments = ", ".join(write_formula(argument, leaf) for argument in node.arguments)
            return f"{node.function}({arguments})"
        case Negation():
            binding = NEGATION_BINDING
            written = f"-{bracketed(write_formula(node.operand, leaf, tighter_than=binding))}"
        case Binary():
            binding = BINDING[node.operator]
            written = _write_binary(node, leaf, binding)
    return f"({written})" if binding <= tighter_than else written


def _write_binary(node: Binary, leaf: Callable[[Literal | Name | Item], str], binding: int) -> str:
    powers = node.operator == "^"
    left = write_formula(node.left, leaf, tighter_than=binding if powers else binding - 1)
    right = write_formula(node.right, leaf, tighter_than=binding - 1 if powers else binding)
    return f"{bracketed(left) if powers else left} {node.operator} {bracketed(right)}"


def bracketed(written: str) -> str:
    """A negative figure behind an operator or below a power needs brackets of its own."""
    return f"({written})" if written.startswith("-") else written
