"""What stands at the left of every page and on the start page: rooms register, nobody hard-codes.

A room, at import of its ``pages``::

    navigation.register(Entry("bench.queue", _l("My queue"), Permission.RESULT_ENTER, order=10,
                              roles=frozenset({Role.ANALYST}), count=count_my_queue))
    navigation.register_card(Card("bench.queue", _l("Due today"), Permission.RESULT_ENTER, count_due_today,
                                  values={"due": "today"}, tone=Tone.RETURNED))

Counters run on every page: one indexed query each, capped (``lims.core.paging.capped_count`` with a cap
of ``CAP``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, request, url_for
from sqlalchemy.orm import Session

from lims.core.paging import CappedCount
from lims.core.permissions import Actor, Permission, Role
from lims.ui.labels import Text, Tone

CAP = 999  # of a count in the navigation
MOST = 9  # entries a person takes in at a glance; what is over stands under "More"
Counter = Callable[[Session, Actor], CappedCount | int | None]
Values = Mapping[str, Any]  # str or int: parts of an address


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation. ``roles``: whose daily work it is; for others who may, it stands under
    "More". Empty: everybody's daily work. ``order``: small is high; tens leave room between."""

    endpoint: str
    label: Text
    permission: Permission | frozenset[Permission]
    order: int = 100
    roles: frozenset[Role] = frozenset()
    count: Counter | None = None
    values: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Card:
    """A number on the start page that is a link to exactly that list. Shown also at zero, unless ``quiet``.

    ``values`` is called where the address depends on the day.
    """

    endpoint: str
    label: Text
    permission: Permission | frozenset[Permission]
    count: Counter
    order: int = 100
    roles: frozenset[Role] = frozenset()
    values: Values | Callable[[], Values] = field(default_factory=dict)
    tone: Tone = Tone.PLAIN
    detail: Text | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry or card as this person sees it now."""

    label: Text
    href: str
    count: CappedCount | int | None
    current: bool = False
    tone: Tone = Tone.PLAIN
    detail: Text | None = None


_entries: dict[tuple[str, tuple[tuple[str, Any], ...]], Entry] = {}
_cards: dict[tuple[str, object], Card] = {}


def register(entry: Entry) -> None:
    """Later registrations of the same endpoint and values replace earlier ones."""
    _entries[entry.endpoint, tuple(sorted(entry.values.items()))] = entry


def register_card(card: Card) -> None:
    fixed = card.values if callable(card.values) else tuple(sorted(card.values.items()))
    _cards[card.endpoint, fixed] = card


def registered_entries() -> Sequence[Entry]:
    return list(_entries.values())


def registered_cards() -> Sequence[Card]:
    return list(_cards.values())


def entries_for(actor: Actor, session: Session | None) -> tuple[list[Shown], list[Shown]]:
    """(daily work, further). ``session`` None: without counts (error pages)."""
    mine = [e for e in sorted(_entries.values(), key=lambda e: e.order) if _may(actor, e.permission)]
    mine = [e for e in mine if e.endpoint in current_app.view_functions]
    daily = [e for e in mine if not e.roles or e.roles & actor.roles][:MOST]
    further = [e for e in mine if e not in daily]
    return (
        [_shown(e, e.count(session, actor) if e.count and session else None) for e in daily],
        [_shown(e, None) for e in further],
    )


def cards_for(actor: Actor, session: Session) -> list[Shown]:
    mine = [
        c
        for c in sorted(_cards.values(), key=lambda c: c.order)
        if _may(actor, c.permission) and (not c.roles or c.roles & actor.roles)
    ]
    shown = []
    for card in mine:
        count = card.count(session, actor)
        if count is None or (card.quiet and str(count) == "0"):
            continue
        tone = card.tone if str(count) != "0" else Tone.PLAIN
        values = card.values() if callable(card.values) else card.values
        shown.append(
            Shown(card.label, url_for(card.endpoint, **values), count, tone=tone, detail=card.detail)
        )
    return shown


def _may(actor: Actor, permission: Permission | frozenset[Permission]) -> bool:
    wanted = permission if isinstance(permission, frozenset) else frozenset({permission})
    return bool(wanted & actor.permissions)


def _shown(entry: Entry, count: CappedCount | int | None) -> Shown:
    href = url_for(entry.endpoint, **entry.values)
    same = request.endpoint == entry.endpoint and all(
        str(value) == request.args.get(name, (request.view_args or {}).get(name))
        for name, value in entry.values.items()
    )
    return Shown(entry.label, href, count, current=same)
