"""Write a profile's row as TOML: the file that a gateway reads, a person edits, and a server gives away."""

import re
from collections.abc import Iterator, Mapping, Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def write_row(row: Mapping[str, object]) -> str:
    """Reading it again gives the same row. Raises TypeError for a value that TOML has no form for (None)."""
    return "\n".join(_tables(row, "")) + "\n"


def _tables(row: Mapping[str, object], path: str) -> Iterator[str]:
    """Plain values first: what stands behind a heading belongs to it."""
    for name, value in row.items():
        if not _is_table(value) and not _is_list_of_tables(value):
            yield f"{_key(name)} = {_value(value)}"
    for name, value in row.items():
        inner = f"{path}{_key(name)}"
        if isinstance(value, Mapping):
            yield f"\n[{inner}]"
            yield from _tables(value, f"{inner}.")
        elif _is_list_of_tables(value):
            for one in value:  # type: ignore[attr-defined]
                yield f"\n[[{inner}]]"
                yield from (f"{_key(key)} = {_value(said)}" for key, said in one.items())


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(name)} = {_value(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"a profile cannot hold {type(value).__name__}")


def _text(text: str) -> str:
    return '"' + "".join(_character(one) for one in text) + '"'


def _character(one: str) -> str:
    if one in _SHORT:
        return _SHORT[one]
    if one < " " or "\x7f" <= one < "\xa0":
        return f"\\u{ord(one):04X}"
    return one
