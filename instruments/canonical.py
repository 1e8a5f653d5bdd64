"""One spelling of a JSON document, so that a signature and a hash mean the same bytes everywhere.

A subset of RFC 8785: keys sorted, no blanks, UTF-8. Fractions do not occur: measured values are text, and
whole numbers stay below 2**53, so every JSON library writes them alike.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

JsonValue: TypeAlias = "str | int | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = "Mapping[str, JsonValue]"


def canonical(value: JsonValue) -> bytes:
    """Raises ValueError for a float, a number of 2**53 or more, or a key outside ASCII."""
    _check(value)
    return _ENCODER.encode(value).encode()


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _check(value: object) -> None:
    if isinstance(value, str | bool) or value is None:
        return
    if isinstance(value, int):
        if abs(value) >= 2**53:
            raise ValueError(f"{value} is too large for JSON; write it as text")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise ValueError(f"{key!r} cannot be a key of a signed document")
            # Nearly all are text or nothing, and a bench spells a thousand documents a second.
            if inner is not None and type(inner) is not str:
                _check(inner)
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
