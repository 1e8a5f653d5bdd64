"""One spelling of a JSON document, so that a signature and a hash mean the same bytes everywhere.

A subset of RFC 8785: keys sorted, no blanks, UTF-8. Fractions do not occur: measured values are text, and
whole numbers stay below 2**53, so every JSON library writes them alike.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import orjson

JsonValue: TypeAlias = "str | int | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = "Mapping[str, JsonValue]"


def canonical(value: JsonValue) -> bytes:
    """Raises ValueError for a float, a number of 2**53 or more, or a key outside ASCII."""
    _check(value)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as exc:  # a text with half a character, which UTF-8 does not have; a nesting without end
        raise ValueError(str(exc)) from exc


def unchecked(value: JsonValue) -> str:
    """The same for what our own code made, at half the cost. That codecs make nothing else, their tests hold."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER).decode()


def _check(value: object) -> None:
    # The exact kinds first: a bench spells a thousand documents a second, and nearly all in them is text or nothing.
    kind = type(value)
    if kind is dict or isinstance(value, Mapping):
        for key, inner in value.items():  # type: ignore[attr-defined]
            if not (isinstance(key, str) and key.isascii()):
                raise ValueError(f"{key!r} cannot be a key of a signed document")
            if inner is not None and type(inner) is not str:
                _check(inner)
    elif kind is bool or value is None or isinstance(value, str):
        return
    elif isinstance(value, int):
        if abs(value) >= 2**53:
            raise ValueError(f"{value} is too large for JSON; write it as text")
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        for inner in value:
            if type(inner) is not str:
                _check(inner)
    else:
        raise ValueError(f"{type(value).__name__} cannot be part of a signed document")


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
