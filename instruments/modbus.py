"""Modbus: registers and what they mean (Modbus Application Protocol V1.1b3; functions 03 and 04).

Pure of framing: RTU and TCP wrap the same questions and answers. The wire carries bits; which registers hold
which measurand, in which order and unit, is the device's map, a fact of its profile.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, isnan

from instruments.canonical import JsonValue
from instruments.errors import ProfileWrong
from instruments.readings import NOT_APPLICABLE, Event, Kind, together

READ_HOLDING, READ_INPUT = 3, 4
FUNCTIONS = (READ_HOLDING, READ_INPUT)
REFUSED = 0x80  # added to the function in an exception
MOST_REGISTERS = 125
HIGHEST_SLAVE = 247  # on a line
HIGHEST_UNIT = 255  # behind a TCP device, where 0 and 255 mean the device itself

EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "slave device failure",
    5: "acknowledge",
    6: "slave device busy",
    7: "negative acknowledge",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}

LONGEST_NAME, LONGEST_UNIT = 80, 20
MOST_POWERS = 30  # of ten, in a scale
MOST_ROWS = 500  # of a map

_FORMATS = {
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "bcd16": ">H",
    "bcd32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "float32": ">f",
    "float64": ">d",
}
_ORDERS = {"ABCD": (False, False), "CDAB": (True, False), "BADC": (False, True), "DCBA": (True, True)}
_PLAIN_EXPONENTS = range(-7, 16)  # a power of ten outside is written with E


@dataclass(frozen=True, slots=True)
class Register:
    """One measurand of a device's map. ``address`` counts from 0 (40001 in a manual is 0).

    ``order``: how a value of several registers lies on the wire, as its bytes A (highest) to D; ``scale`` is
    multiplied with an integer. ``label_en``, ``label_zh``: what people read in place of ``name``.
    """

    name: str
    address: int
    slave: int = 1
    function: int = READ_HOLDING
    type: str = "int16"
    order: str = "ABCD"
    scale: str | None = None
    unit: str | None = None
    label_en: str = ""
    label_zh: str = ""

    def __post_init__(self) -> None:
        problems = {
            f"type {self.type!r}": self.type not in _FORMATS,
            f"order {self.order!r}": self.order not in _ORDERS,
            f"function {self.function}": self.function not in FUNCTIONS,
            f"slave {self.slave}": not 0 <= self.slave <= HIGHEST_UNIT,
            f"address {self.address}": not 0 <= self.address < 0x10000,
            f"scale {self.scale!r}": self.scale is not None and not _is_scale(self.scale),
            f"unit {self.unit!r}": self.unit is not None and not _is_short(self.unit, LONGEST_UNIT),
            "label": not all(_is_short(text, LONGEST_NAME) for text in (self.label_en, self.label_zh)),
            "name": not _is_short(self.name, LONGEST_NAME) or not self.name.strip(),
        }
        wrong = [what for what, is_wrong in problems.items() if is_wrong]
        if wrong:
            sentence = f"register {self.name!r}: {', '.join(wrong)} cannot be used"
            raise ProfileWrong(sentence, "register_wrong", name=str(self.name), wrong=", ".join(wrong))

    @property
    def size(self) -> int:
        """Registers it takes."""
        return struct.calcsize(_FORMATS[self.type]) // 2

    def read(self, content: bytes) -> Event:
        """``content``: its registers as they lie on the wire."""
        number = struct.unpack(_FORMATS[self.type], _ordered(content, self.order))[0]
        more: dict[str, JsonValue] = {"name": self.name, "type": self.type}
        if self.type.startswith("bcd"):
            digits = f"{number:x}"  # each half of a byte is a decimal digit
            if not digits.isdigit():
                return Event(Kind.STATUS, code="not_bcd", more=more)
            number = int(digits)
        if self.size > 1:
            more["order"] = self.order
        if self.scale is not None:
            more["scale"] = self.scale
        if isinstance(number, float) and not isfinite(number):
            # What a sensor that is broken or out of range sends: a state, not a figure.
            kind = Kind.STATUS if isnan(number) else Kind.OVERLOAD if number > 0 else Kind.UNDERLOAD
            return Event(kind, code=str(number), more=more)
        exact = _shortest(number, self.type) if isinstance(number, float) else Decimal(number)
        value = _written(exact * Decimal(self.scale) if self.scale is not None else exact)
        return Event(Kind.READING, value, self.unit, NOT_APPLICABLE, more=more)


def _is_scale(text: object) -> bool:
    """A text, because 0.1 as a binary fraction is not a tenth; of a size that stays inside every context."""
    try:
        number = Decimal(text) if isinstance(text, str) and len(text) <= 40 else Decimal("NaN")
    except ArithmeticError:
        return False
    return number.is_finite() and abs(number.adjusted()) <= MOST_POWERS


def _is_short(text: object, longest: int) -> bool:
    return isinstance(text, str) and len(text) <= longest and text.isprintable()


def _ordered(content: bytes, order: str) -> bytes:
    words = [content[place : place + 2] for place in range(0, len(content), 2)]
    words_turned, bytes_turned = _ORDERS[order]
    if words_turned:
        words.reverse()
    return b"".join(word[::-1] if bytes_turned and len(words) > 1 else word for word in words)


def packed(row: Register, number: Decimal) -> bytes:
    """The registers that show a number, as they lie on the wire; what a device does. Raises struct.error."""
    layout = _FORMATS[row.type]
    if row.type.startswith("float"):
        return _ordered(struct.pack(layout, float(number)), row.order)
    whole = int((number / Decimal(row.scale or 1)).to_integral_value())
    if row.type.startswith("bcd"):
        whole = -1 if whole < 0 else int(str(whole), 16)  # it has no sign
    return _ordered(struct.pack(layout, whole), row.order)


def _shortest(number: float, type_: str) -> Decimal:
    """The shortest decimal that stands for exactly these bits: what the device's maker would print."""
    layout = _FORMATS[type_]
    for digits in range(1, 18):
        text = f"{number:.{digits}g}"
        try:
            if struct.pack(layout, float(text)) == struct.pack(layout, number):
                return Decimal(text)
        except OverflowError:  # rounded up beyond the largest float32
            continue
    return Decimal(repr(number))


def _written(number: Decimal) -> str:
    return format(number, "f") if number.adjusted() in _PLAIN_EXPONENTS else str(number)


@dataclass(frozen=True, slots=True)
class Question:
    """Read ``count`` registers of a slave from ``address`` on."""

    slave: int
    function: int
    address: int
    count: int

    @property
    def head(self) -> str:
        return f"{self.slave}/{self.function}"

    def pdu(self) -> bytes:
        return struct.pack(">BHH", self.function, self.address, self.count)


def question_of(slave: int, pdu: bytes) -> Question | None:
    """A request as it was sent. Of another function than ours only the refusal is understood: it counts no
    registers. None for what is no request."""
    if not pdu or pdu[0] & REFUSED:
        return None
    if pdu[0] not in FUNCTIONS:
        return Question(slave, pdu[0], 0, 0)
    if len(pdu) != 5:
        return None
    return Question(slave, *struct.unpack(">BHH", pdu))


def questions(registers: tuple[Register, ...]) -> list[Question]:
    """The fewest requests that read a map: neighbours of one slave and function together."""
    asked: list[Question] = []
    for row in sorted(registers, key=lambda r: (r.slave, r.function, r.address)):
        last = asked[-1] if asked else None
        same = last is not None and (last.slave, last.function) == (row.slave, row.function)
        if last and same and row.address <= last.address + last.count:
            count = max(last.count, row.address + row.size - last.address)
            if count <= MOST_REGISTERS:
                asked[-1] = Question(last.slave, last.function, last.address, count)
                continue
        asked.append(Question(row.slave, row.function, row.address, row.size))
    return asked


def answer(registers: tuple[Register, ...], slave: int, pdu: bytes, asked: Question | None) -> Event:
    """What an answer says to this question. An answer alone does not tell which registers it holds."""
    head = f"{slave}/{pdu[0] & ~REFUSED}"
    if asked is None or asked.head != head:
        return Event(Kind.UNPARSED, code="not_the_answer")
    if pdu[0] & REFUSED:
        return Event(Kind.ERROR, code=f"{EXCEPTIONS.get(pdu[1], 'exception')} ({pdu[1]})", head=head)
    content = pdu[2:]
    if len(content) != 2 * asked.count:
        return Event(Kind.UNPARSED, code="not_the_answer")
    said = [
        row.read(content[2 * (row.address - asked.address) :][: 2 * row.size])
        for row in registers
        if row.function == asked.function
        and row.slave in (asked.slave, _only_slave(registers))
        and asked.address <= row.address
        and row.address + row.size <= asked.address + asked.count
    ]
    event = together(said) or _raw(content, asked)
    return event._replace(head=head)


def _only_slave(registers: tuple[Register, ...]) -> int | None:
    """A map of one slave is the map of a model, and holds for whatever address that one is set to."""
    slaves = {row.slave for row in registers}
    return slaves.pop() if len(slaves) == 1 else None


def _raw(content: bytes, asked: Question) -> Event:
    """Registers that the map does not name: the bits as they are, and no value."""
    words = struct.unpack(f">{asked.count}H", content)
    items: list[JsonValue] = [[asked.address + place, word] for place, word in enumerate(words)]
    return Event(Kind.LIST, more={"registers": items})


def registers_of(facts: Mapping[str, object]) -> tuple[Register, ...]:
    """Rows of ``[[codec.registers]]``; ``slave``, ``order`` and ``function`` of the codec are their defaults."""
    listed = facts.get("registers", [])
    if not isinstance(listed, list) or len(listed) > MOST_ROWS:
        sentence = f"[[codec.registers]] must be a list of at most {MOST_ROWS}"
        raise ProfileWrong(sentence, "list_wrong", name="[[codec.registers]]", most=MOST_ROWS)
    defaults = {name: facts[name] for name in ("slave", "order", "function") if name in facts}
    return tuple(_register(row, defaults, place) for place, row in enumerate(listed, 1))


def _register(row: object, defaults: Mapping[str, object], place: int) -> Register:
    if not isinstance(row, Mapping):
        raise ProfileWrong(
            f"[[codec.registers]] {place} must be a table", "no_table", name=f"[[codec.registers]] {place}"
        )
    facts = {**defaults, **row}
    numbers = ("address", "slave", "function")
    if unknown := sorted(set(facts) - set(Register.__slots__)):
        names, known = ", ".join(unknown), ", ".join(sorted(Register.__slots__))
        where = f"[[codec.registers]] {place}"
        raise ProfileWrong(
            f"{where}: unknown {names}", "fact_unknown", where=where, unknown=names, known=known
        )
    if missing := [name for name in ("name", "address") if name not in facts]:
        names = ", ".join(missing)
        raise ProfileWrong(
            f"[[codec.registers]] {place}: {names} is missing", "register_missing", place=place, names=names
        )
    wrong = [name for name in numbers if name in facts and type(facts[name]) is not int]
    wrong += [
        name
        for name in ("name", "type", "order", "label_en", "label_zh")
        if name in facts and not isinstance(facts[name], str)
    ]
    if wrong:
        names = ", ".join(wrong)
        raise ProfileWrong(
            f"[[codec.registers]] {place}: {names} is of the wrong kind",
            "register_kind",
            place=place,
            names=names,
        )
    return Register(**facts)
