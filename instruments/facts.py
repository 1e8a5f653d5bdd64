"""Facts of a profile, checked one by one: a laboratory writes them itself, and a slip must not stop a bench.

Every function raises ProfileWrong with what is wrong where; nothing is corrected in silence.
"""

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import UnionType

from instruments.errors import ProfileWrong

LONGEST_UNIT = 20
LONGEST_TEXT = 200
MOST_TEXTS = 40
BAUDS = (110, 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
HANDSHAKES = ("none", "xonxoff", "rtscts")
# Least and greatest of the facts that are numbers.
_RANGES: Mapping[str, tuple[float, float]] = {
    "columns": (1, 20),
    "marker_column": (4, 5),
    "most_errors": (1, 100),
    "deadline_s": (0.1, 600),
    "stable_timeout_s": (1, 600),
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "address": tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "command_shown": ("B", "D"),
    "ending": ("\r\n", "\r", ""),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact that a protocol wants to know of a model. ``kind``: bool, int, float or text; ``may_miss``: None
    is an answer too."""

    name: str
    kind: str
    default: object
    may_miss: bool = False


def facts_of(codec: type) -> list[Fact]:
    """The facts of a codec whose fields are plain; empty texts stand for None where that is an answer."""
    return list(_facts_of(codec))


def _facts_of(codec: type) -> Iterator[Fact]:
    hints = typing.get_type_hints(codec)
    for row in fields(codec):
        hint = hints[row.name]
        either = typing.get_args(hint) if isinstance(hint, UnionType) else (hint,)
        kinds = [kind for kind in either if kind is not type(None)]
        if row.name == "name" or kinds[0] not in (bool, int, float, str):
            continue
        name = {str: "text"}.get(kinds[0], kinds[0].__name__)
        yield Fact(row.name, name, row.default, row.default is None)


def check_plain(codec: type, facts: Mapping[str, object]) -> None:
    known = {fact.name: fact for fact in facts_of(codec)}
    refuse_unknown(facts, known, "[codec]")
    for name, value in facts.items():
        check_fact(known[name], value)


def check_fact(fact: Fact, value: object) -> None:
    if value is None and fact.may_miss:
        return
    wanted = {"bool": (bool,), "int": (int,), "float": (int, float), "text": (str,)}[fact.kind]
    if not isinstance(value, wanted) or (fact.kind != "bool" and isinstance(value, bool)):
        raise ProfileWrong(f"{fact.name} must be {_SAID[fact.kind]}", f"fact_{fact.kind}", name=fact.name)
    if isinstance(value, str):
        check_text(fact.name, value, LONGEST_UNIT if fact.name == "unit" else LONGEST_TEXT)
    elif fact.name in _RANGES and not isinstance(value, bool):
        low, high = _RANGES[fact.name]
        in_range(fact.name, value, low, high)
    if fact.name in _CHOICES and value not in _CHOICES[fact.name]:
        refuse_choice(fact.name, map(repr, _CHOICES[fact.name]))


def refuse_choice(name: str, choices: typing.Iterable[str]) -> typing.NoReturn:
    listed = ", ".join(choices)
    raise ProfileWrong(f"{name} must be one of {listed}", "fact_choice", name=name, choices=listed)


_SAID = {"bool": "true or false", "int": "a whole number", "float": "a number", "text": "a text in quotes"}


def refuse_unknown(row: Mapping[str, object], known: typing.Collection[str], where: str) -> None:
    unknown = sorted(set(row) - set(known))
    if unknown:
        names, all_ = ", ".join(unknown), ", ".join(sorted(known))
        sentence = f"{where}: unknown {names}; known are {all_}"
        raise ProfileWrong(sentence, "fact_unknown", where=where, unknown=names, known=all_)


def check_text(name: str, value: object, longest: int, *, ascii_only: bool | None = None) -> str:
    """Commands go on the wire as ASCII; units and titles are for people."""
    if not isinstance(value, str):
        raise ProfileWrong(f"{name} must be a text in quotes", "fact_text", name=name)
    if len(value) > longest:
        sentence = f"{name} is longer than {longest} characters"
        raise ProfileWrong(sentence, "text_long", name=name, longest=longest)
    only = name not in ("unit", "title", "source") if ascii_only is None else ascii_only
    if (only and not value.isascii()) or any(0xD800 <= ord(c) <= 0xDFFF for c in value) or "\0" in value:
        raise ProfileWrong(f"{name} holds characters that cannot be sent", "text_unsendable", name=name)
    return value


def in_range(name: str, value: object, low: float, high: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        sentence, limits = f"{name} must be a number from {low:g} to {high:g}", (f"{low:g}", f"{high:g}")
        raise ProfileWrong(sentence, "out_of_range", name=name, low=limits[0], high=limits[1])
    return value


def whole(name: str, value: object, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        sentence = f"{name} must be a whole number from {low} to {high}"
        raise ProfileWrong(sentence, "whole_out_of_range", name=name, low=low, high=high)
    return value


def wire_text(name: str, value: object, longest: int = LONGEST_TEXT) -> bytes:
    """A text whose characters stand for bytes, such as ``\\u0002``."""
    if not isinstance(value, str) or len(value) > longest:
        sentence = f"{name} must be a text in quotes of at most {longest} characters"
        raise ProfileWrong(sentence, "text_long", name=name, longest=longest)
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError as exc:
        raise ProfileWrong(f"{name} holds a character that is no byte", "no_byte", name=name) from exc


def texts(facts: Mapping[str, object], name: str) -> frozenset[str]:
    listed = facts.get(name, [])
    if not isinstance(listed, list) or len(listed) > MOST_TEXTS:
        refuse_list(name, MOST_TEXTS)
    return frozenset(check_text(name, text, LONGEST_UNIT) for text in listed)


def refuse_list(name: str, most: int) -> typing.NoReturn:
    raise ProfileWrong(f"{name} must be a list of at most {most}", "list_wrong", name=name, most=most)


def check_line(row: Mapping[str, object]) -> None:
    """Line settings: what no driver would take is refused here, with its name."""
    known = ("baud", "bytesize", "parity", "stopbits", "handshake", "dtr", "rts")
    refuse_unknown(row, known, "[line]")
    wanted: Mapping[str, tuple[object, ...]] = {
        "baud": BAUDS,
        "bytesize": (7, 8),
        "parity": ("N", "E", "O", "M", "S"),
        "stopbits": (1, 2),
        "handshake": HANDSHAKES,
        "dtr": (True, False),
        "rts": (True, False),
    }
    for name, value in row.items():
        same_kind = [one for one in wanted[name] if type(one) is type(value)]
        if value not in same_kind:
            refuse_choice(f"[line] {name}", map(str, wanted[name]))
