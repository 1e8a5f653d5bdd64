"""Formulas as text: tokens, a Pratt parser, and the tree they become."""

import re
from dataclasses import dataclass
from decimal import Decimal

from lims.metrology.errors import MetrologyError
from lims.metrology.numerals import is_writable

MAX_LENGTH = 2000
MAX_DEPTH = 100


class FormulaError(MetrologyError):
    """What is wrong with a formula or its inputs; ``position`` counts characters of the text from 0."""

    def __init__(
        self, code: str, template: str, /, *, position: int | None = None, **facts: str | int
    ) -> None:
        super().__init__(code, template, **facts)
        self.position = position


@dataclass(frozen=True, slots=True)
class Literal:
    start: int
    end: int
    value: Decimal
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """The unrounded result of another test item of the same sample: ``@moisture`` or ``item("moisture")``."""

    start: int
    end: int
    key: str


@dataclass(frozen=True, slots=True)
class Negation:
    start: int
    end: int
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """``operator`` is one of + - * / ^ < <= > >= = <>."""

    start: int
    end: int
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    start: int
    end: int
    function: str
    arguments: tuple["Node", ...]


Node = Literal | Name | Item | Negation | Binary | Call

COMPARISONS = frozenset({"<", "<=", ">", ">=", "=", "<>"})
_NEGATION = "negation"
#: How tightly an operator binds, from 1; a sign before a term lies between product and power.
BINDING = {
    operator: binding
    for binding, group in enumerate((COMPARISONS, "+-", "*/", (_NEGATION,), "^"), start=1)
    for operator in group
}
NEGATION_BINDING = BINDING[_NEGATION]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


# One character for one character, so that positions in errors stay those of the text as typed.
_FOLDED = str.maketrans("×·÷−（），＋－＊／＜＞＝", "**/-(),+-*/<>=")
_SPELLINGS = {"==": "=", "!=": "<>", "≠": "<>", "≤": "<=", "≥": ">=", "**": "^"}
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<item>@[^\W\d]\w*)
    | (?P<name>[^\W\d]\w*)
    | (?P<string>"[^"]{1,80}"|'[^']{1,80}')
    | (?P<sign>\*\*|<=|>=|<>|==|!=|[-+*/^(),<>=≤≥≠])
    )""",
    re.VERBOSE,
)


def parse_formula(text: str) -> Node:
    """Raises FormulaError: ``formula_empty``, ``formula_too_long``, ``formula_too_deep``, ``formula_syntax``,
    ``formula_incomplete``, ``formula_number``."""
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            "formula_too_long", "A formula has at most %(limit)s characters.", limit=MAX_LENGTH
        )
    tokens = _tokens(text)
    if len(tokens) == 1:
        raise FormulaError("formula_empty", "The formula is empty.", position=0)
    parser = _Parser(tokens)
    root = parser.expression(0)
    if parser.here.kind != "end":
        raise parser.unexpected("An operator is missing before %(found)s.")
    return root


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Negation():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Call():
            return node.arguments
        case _:
            return ()


def walk(node: Node) -> list[Node]:
    """All nodes, each before its children, in the order of the text."""
    found: list[Node] = []
    waiting = [node]
    while waiting:
        found.append(here := waiting.pop())
        waiting.extend(reversed(children(here)))
    return found


def _tokens(text: str) -> list[_Token]:
    folded = text.translate(_FOLDED)
    tokens, place = [], 0
    while found := _TOKEN.match(folded, place):
        kind = str(found.lastgroup)
        # Item codes are kept as typed; only signs and figures are folded.
        source = text if kind == "string" else folded
        tokens.append(_Token(kind, source[found.start(kind) : found.end(kind)], found.start(kind)))
        place = found.end()
    rest = folded[place:]
    if rest.strip():
        place += len(rest) - len(rest.lstrip())
        raise FormulaError(
            "formula_syntax", "%(found)s has no meaning in a formula.", position=place, found=text[place]
        )
    return [*tokens, _Token("end", "", len(text))]


_CLOSING = "A comma or a closing bracket is missing before %(found)s."


class _Parser:
    """Top-down operator precedence (Pratt 1973): an operator takes what binds tighter than itself."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.index = 0
        self.nesting = 0
        self.depths: dict[int, int] = {}

    @property
    def here(self) -> _Token:
        return self.tokens[self.index]

    def advance(self) -> _Token:
        token = self.here
        self.index += 1
        return token

    def at(self, *signs: str) -> bool:
        return self.here.kind == "sign" and self.here.text in signs

    def expect(self, sign: str, sentence: str) -> _Token:
        if not self.at(sign):
            raise self.unexpected(sentence)
        return self.advance()

    def unexpected(self, sentence: str) -> FormulaError:
        """``sentence`` is a whole sentence, so that it can be translated; it may name what was found."""
        place = self.here.start
        if self.here.kind == "end":
            return FormulaError("formula_incomplete", "The formula ends too early.", position=place)
        return FormulaError("formula_syntax", sentence, position=place, found=self.here.text)

    def grown(self, node: Node) -> Node:
        """Refuse trees that would be too deep to walk, also those that grow leftwards without brackets."""
        depth = 1 + max((self.depths.pop(id(child)) for child in children(node)), default=0)
        if depth > MAX_DEPTH:
            raise self.too_deep(node.start)
        self.depths[id(node)] = depth
        return node

    def too_deep(self, position: int) -> FormulaError:
        return FormulaError("formula_too_deep", "The formula is nested too deeply.", position=position)

    def expression(self, tighter_than: int) -> Node:
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            raise self.too_deep(self.here.start)
        left = self.operand()
        while self.here.kind == "sign":
            operator = _SPELLINGS.get(self.here.text, self.here.text)
            binding = BINDING.get(operator, 0)
            if binding <= tighter_than:
                break
            self.advance()
            # Powers group to the right: 2^3^2 is 2^(3^2).
            right = self.expression(binding - 1 if operator == "^" else binding)
            left = self.grown(Binary(left.start, right.end, operator, left, right))
            if operator in COMPARISONS and self.at(*COMPARISONS, *_SPELLINGS):
                raise self.unexpected("Only one comparison can stand here, not a second %(found)s.")
        self.nesting -= 1
        return left

    def operand(self) -> Node:
        token = self.here
        if token.kind == "number":
            return self.grown(_literal(self.advance()))
        if token.kind == "item":
            self.advance()
            return self.grown(Item(token.start, token.end, token.text[1:]))
        if token.kind == "name":
            self.advance()
            return self.call(token) if self.at("(") else self.grown(Name(token.start, token.end, token.text))
        if self.at("-", "+"):
            self.advance()
            inner = self.expression(NEGATION_BINDING)
            return inner if token.text == "+" else self.grown(Negation(token.start, inner.end, inner))
        if self.at("("):
            self.advance()
            inner = self.expression(0)
            self.expect(")", _CLOSING)
            return inner
        raise self.unexpected("A number, a name or a bracket is missing before %(found)s.")

    def call(self, name: _Token) -> Node:
        self.advance()
        if name.text == "item":
            if self.here.kind != "string":
                raise self.unexpected("The code of the item belongs in quotation marks here, not %(found)s.")
            key = self.advance().text[1:-1]
            closing = self.expect(")", _CLOSING)
            return self.grown(Item(name.start, closing.end, key))
        arguments = []
        while not self.at(")"):
            arguments.append(self.expression(0))
            if not self.at(")"):
                self.expect(",", _CLOSING)
        closing = self.expect(")", _CLOSING)
        return self.grown(Call(name.start, closing.end, name.text, tuple(arguments)))


def _literal(token: _Token) -> Literal:
    digits = token.text.lower().partition("e")[2].lstrip("+-")
    value = Decimal(token.text) if len(digits) <= 4 else None
    if value is None or not is_writable(value):
        raise FormulaError(
            "formula_number",
            "A number in a formula has at most 40 digits, within 10^±99.",
            position=token.start,
        )
    return Literal(token.start, token.end, value, token.text)
