"""Limits of a catalogue file, thousands at once: written by statements for many rows, an event for each."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update

from lims.catalogue.exchange_export import Key
from lims.catalogue.exchange_plan import Effect, Line
from lims.catalogue.exchange_rows import LimitRow, Noun
from lims.catalogue.models import Limit, LimitMember
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork

Numbers = Mapping[Noun, Mapping[Key, int]]
_LIMITS = cast(Table, Limit.__table__)
_NAMED = {"item", "category", "standard", "members"}
_AT_ONCE = 1_000  # numbers in one statement
_END = (
    update(_LIMITS)
    .where(_LIMITS.c.id == bindparam("number"), _LIMITS.c.version == bindparam("seen"))
    .values(valid_to=bindparam("last"), version=_LIMITS.c.version + 1)
)


def write_limits(uow: UnitOfWork, actor: Actor, numbers: Numbers, lines: Sequence[Line]) -> None:
    """``lines``: new and changed limits, in the order of their first days. Inside the caller's unit of work."""
    known = numbers[Noun.LIMITS]
    made: dict[Key, dict[str, Any]] = {}
    ended: dict[int, date | None] = {}
    superseded: dict[int, date | None] = {}
    members: dict[Key, Sequence[str]] = {}
    for line in lines:
        said = line.row
        assert isinstance(said, LimitRow)
        if line.effect is Effect.CHANGED:
            ended[known[said.key]] = said.valid_to
            continue
        if line.ends is not None:
            last = said.valid_from - timedelta(days=1)
            if line.ends.key in made:  # of the same file: it has no event of its own yet
                made[line.ends.key]["valid_to"] = last
            else:
                superseded[known[line.ends.key]] = last
        made[said.key], members[said.key] = _columns(said, numbers), said.members
    _end(uow, actor, "limit.end", ended)
    _end(uow, actor, "limit.supersede", superseded)
    _add(uow, actor, numbers, made, members)


def _columns(said: LimitRow, numbers: Numbers) -> dict[str, Any]:
    values = {name: getattr(said, name) for name in LimitRow.__slots__ if name not in _NAMED}
    category = None if said.category is None else numbers[Noun.CATEGORIES][(said.category,)]
    return values | {
        "test_item_id": numbers[Noun.ITEMS][(said.item,)],
        "standard_id": numbers[Noun.STANDARDS][(said.standard,)],
        "category_id": category,
        "version": 1,
    }


def _end(uow: UnitOfWork, actor: Actor, verb: str, lasts: Mapping[int, date | None]) -> None:
    """Say until when limits hold that stand already."""
    for some in _portions(sorted(lasts)):
        columns = (_LIMITS.c.id, _LIMITS.c.version, _LIMITS.c.valid_to)
        wanted = select(*columns).where(_LIMITS.c.id.in_(some)).order_by(_LIMITS.c.id)
        rows = uow.session.execute(wanted.with_for_update()).all()
        uow.noted(Limit)
        changes = [{"number": row.id, "seen": row.version, "last": lasts[row.id]} for row in rows]
        uow.session.connection().execute(_END, changes)
        for row in rows:
            uow.audit(
                verb,
                actor,
                (Limit.__tablename__, row.id),
                before={"valid_to": row.valid_to},
                after={"valid_to": lasts[row.id]},
            )


def _add(
    uow: UnitOfWork,
    actor: Actor,
    numbers: Numbers,
    made: Mapping[Key, Mapping[str, Any]],
    members: Mapping[Key, Sequence[str]],
) -> None:
    idents = dict(zip(made, uow.insert_numbered(Limit, list(made.values())), strict=True))
    sharing = [
        {"limit_id": idents[key], "test_item_id": numbers[Noun.ITEMS][(code,)], "position": position}
        for key, codes in members.items()
        for position, code in enumerate(codes, start=1)
    ]
    uow.insert_many(LimitMember, sharing)
    for key, values in made.items():
        after = {"id": idents[key], **{name: value for name, value in values.items() if value is not None}}
        uow.audit("limit.add", actor, (Limit.__tablename__, idents[key]), after=after)


def _portions(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    return (numbers[n : n + _AT_ONCE] for n in range(0, len(numbers), _AT_ONCE))
