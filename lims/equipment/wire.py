"""Fields of a gateway's signed JSON, by type. A wrong type is a broken contract (BodyRefused); a text that is
only too long for a column is cut there: the archived body has all of it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from flask_babel import gettext as _

from lims.equipment.signed import BodyRefused

T = TypeVar("T")
LARGEST = 2**53 - 1
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
_FIGURE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([Ee][+-]?\d{1,3})?", re.ASCII)
Fields = Mapping[str, Any]


def wrong(name: str) -> BodyRefused:
    return BodyRefused(_("“%(field)s” is missing or of the wrong kind.", field=name))


def take(fields: Fields, name: str, kind: type[T]) -> T:
    value = fields.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise wrong(name)
    return value


def text(fields: Fields, name: str) -> str:
    return take(fields, name, str)


def optional_text(fields: Fields, name: str) -> str | None:
    return None if fields.get(name) is None else take(fields, name, str)


def number(fields: Fields, name: str, low: int = 0) -> int:
    value = take(fields, name, int)
    if not low <= value <= LARGEST:
        raise wrong(name)
    return value


def objects(fields: Fields, name: str, most: int) -> list[dict[str, Any]]:
    rows = take(fields, name, list)
    if len(rows) > most or any(not isinstance(row, dict) for row in rows):
        raise wrong(name)
    return rows


def texts(fields: Fields, name: str, most: int) -> list[str]:
    rows = take(fields, name, list)
    if len(rows) > most or any(not isinstance(row, str) for row in rows):
        raise wrong(name)
    return rows


def instant(fields: Fields, name: str) -> datetime:
    value = text(fields, name)
    if not _INSTANT.fullmatch(value):
        raise wrong(name)
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise wrong(name) from exc


def figure(said: str | None) -> tuple[str | None, Decimal | None]:
    """The printed digits and the number in them; (None, None) where they are none that can be kept."""
    if said is None or len(said) > 64 or not _FIGURE.fullmatch(said):
        return None, None
    value = Decimal(said)
    if not value.is_finite() or abs(value.adjusted()) > 60 or len(str(value)) > 64:
        return None, None
    return said, value


def cut(value: str, longest: int) -> str:
    """As a column can keep it: no NUL, no half of a surrogate pair, not too long."""
    if "\x00" in value:
        value = value.replace("\x00", "�")
    return value[:longest]


def cut_or_none(value: str | None, longest: int) -> str | None:
    return None if value is None else cut(value, longest)
