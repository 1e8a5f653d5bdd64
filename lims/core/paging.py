"""Lists by keyset: page 10,000 costs what page 1 costs."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

import orjson
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, and_, false, func, literal, or_, select, true, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from lims.core.errors import InvalidInput

R = TypeVar("R")
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Key:
    """One column of a list's order. The last key of a list must be unique. Not nullable."""

    column: ColumnElement[Any] | InstrumentedAttribute[Any]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """``after`` and ``before``: cursors of the neighbours, None where there is none."""

    rows: Sequence[R]
    after: str | None
    before: str | None


def read_page(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    keys: Sequence[Key],
    *,
    cursor: str | None = None,
    size: int = PAGE_SIZE,
) -> Page[Any]:
    """One page of ``statement`` (one query). Rows are Core rows.

    ``cursor`` comes from an earlier page. Raises InvalidInput (code ``bad_cursor``).
    """
    values, backwards = _decode(cursor, keys)
    if values is not None:
        statement = statement.where(_beyond(keys, values, backwards))
    ordered = statement.order_by(None).order_by(
        *(k.column.desc() if k.descending != backwards else k.column.asc() for k in keys)
    )
    marked = ordered.add_columns(*(k.column.label(f"_key{n}") for n, k in enumerate(keys)))
    found = list(session.execute(marked.limit(size + 1)).all())
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    width = len(keys)
    first = _encode(found[0][-width:], True) if found else None
    last = _encode(found[-1][-width:], False) if found else None
    return Page(
        found,
        after=last if (more or backwards) else None,
        before=first if (more if backwards else cursor is not None) else None,
    )


def _beyond(keys: Sequence[Key], values: Sequence[Any], backwards: bool) -> ColumnElement[bool]:
    """Rows after (before) the row with ``values``.

    Of one direction: a comparison of rows, which both databases seek in the index by all its columns. Written
    out, they would seek by the first alone and walk through a million rows that are equal in it.
    """
    if len(keys) > 1 and len({k.descending for k in keys}) == 1:
        here = tuple_(*(k.column for k in keys))
        there = tuple_(*(literal(v, k.column.type) for k, v in zip(keys, values, strict=True)))
        return here < there if keys[0].descending != backwards else here > there
    condition: ColumnElement[bool] = false()
    same: ColumnElement[bool] = true()
    for key, value in zip(keys, values, strict=True):
        downward = key.descending != backwards
        step = key.column < value if downward else key.column > value
        condition = or_(condition, and_(same, step))
        same = and_(same, key.column == value)
    if len(keys) > 1:  # lets the index seek on the leading column
        lead = keys[0]
        downward = lead.descending != backwards
        condition = and_(lead.column <= values[0] if downward else lead.column >= values[0], condition)
    return condition


def _encode(values: Sequence[Any], backwards: bool) -> str:
    body = orjson.dumps([backwards, [_tagged(v) for v in values]])
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def _tagged(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    if isinstance(value, date):
        return {"d": value.isoformat()}
    return str(value) if not isinstance(value, int) else value


def _decode(cursor: str | None, keys: Sequence[Key]) -> tuple[list[Any] | None, bool]:
    if not cursor:
        return None, False
    try:
        backwards, values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        plain = [_untagged(v) for v in values]
        if not isinstance(backwards, bool) or len(plain) != len(keys):
            raise ValueError
        for key, value in zip(keys, plain, strict=True):
            if not isinstance(value, key.column.type.python_type):
                raise ValueError
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise ValueError
            if isinstance(value, str) and "\x00" in value:
                raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error, orjson.JSONDecodeError) as exc:
        raise InvalidInput(
            _("This page address is broken; start again at the first page."), code="bad_cursor"
        ) from exc
    return plain, backwards


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["t"]) if "t" in value else date.fromisoformat(value["d"])
    return value


@dataclass(frozen=True, slots=True)
class CappedCount:
    """``10,000+`` costs a millisecond where an exact count costs ninety."""

    count: int
    capped: bool

    def __str__(self) -> str:
        return f"{self.count:,}+" if self.capped else f"{self.count:,}"


def capped_count(session: Session, statement: Select[*tuple[Any, ...]], cap: int = 10_000) -> CappedCount:
    inner = (
        statement.order_by(None)
        .with_only_columns(literal(1), maintain_column_froms=True)
        .limit(cap + 1)
        .subquery()
    )
    count = session.execute(select(func.count()).select_from(inner)).scalar_one()
    return CappedCount(min(count, cap), count > cap)
