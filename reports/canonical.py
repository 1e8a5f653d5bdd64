"""Frozen dataclasses to canonical JSON and back, strictly.

Canonical: keys sorted, no spaces, UTF-8 without escapes, every field written. Documents hold text,
whole numbers, truth values, enums, tuples and other dataclasses only; no floats, so that RFC 8785 and
this agree for key names in ASCII.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import TypeVar

T = TypeVar("T")


class DocumentError(Exception):
    """A document that cannot be read; ``code`` is stable, the sentence is for a person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def encode(document: object) -> bytes:
    try:
        text = json.dumps(_plain(document), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode()
    except UnicodeEncodeError as exc:  # a lone surrogate, from a broken paste
        raise DocumentError("document_text", "a text holds half a character and cannot be stored") from exc


def all_texts(value: object) -> Iterator[str]:
    """Every piece of text that a document holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from all_texts(part)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from all_texts(getattr(value, field.name))


def decode(kind: type[T], raw: bytes) -> T:
    try:
        tree = json.loads(raw)
    except (ValueError, RecursionError) as exc:
        raise DocumentError("document_unreadable", f"not a stored document: {exc}") from exc
    return typing.cast(T, _read(kind, tree, kind.__name__))


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, str | bool | int):
        return value
    raise DocumentError("document_type", f"a document cannot hold {type(value).__name__}")


@cache
def _fields(kind: type) -> dict[str, tuple[object, bool]]:
    """Name of each field: its type, and whether it must be there."""
    hints = typing.get_type_hints(kind)
    return {f.name: (hints[f.name], f.default is dataclasses.MISSING) for f in dataclasses.fields(kind)}


def _read(kind: object, value: object, where: str) -> object:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _read_record(kind, value, where)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise DocumentError("document_type", f"{where} must be a list")
        part = typing.get_args(kind)[0]
        return tuple(_read(part, each, f"{where}[{place}]") for place, each in enumerate(value))
    if isinstance(kind, types.UnionType):  # only "X | None" occurs
        return None if value is None else _read(typing.get_args(kind)[0], value, where)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _read_enum(kind, value, where)
    if not isinstance(kind, type) or type(value) is not kind:
        raise DocumentError("document_type", f"{where} must be {getattr(kind, '__name__', kind)}")
    return value


def _read_enum(kind: type[StrEnum], value: object, where: str) -> StrEnum:
    for member in kind:
        if member.value == value:
            return member
    raise DocumentError("document_type", f"{where}: {value!r} is not known")


def _read_record(kind: type, value: object, where: str) -> object:
    if not isinstance(value, dict):
        raise DocumentError("document_type", f"{where} must be an object")
    known = _fields(kind)
    for name in value:
        if name not in known:
            raise DocumentError("document_field_unknown", f"{where}.{name} is not a field")
    for name, (_, needed) in known.items():
        if needed and name not in value:
            raise DocumentError("document_field_missing", f"{where}.{name} is missing")
    return kind(**{name: _read(known[name][0], each, f"{where}.{name}") for name, each in value.items()})
