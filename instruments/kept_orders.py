"""The worklist that a gateway keeps: orders of the server for its analysers, for days after their end.

They lie in the file of the spool: that an order has ended, and the capture that reports it, are one transaction.
So an end is reported exactly once, whenever the process is killed; and an analyser's questions are answered
while the server is away.
"""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from instruments.analyser_orders import AnalyserOrder, Ends
from instruments.spool import Beside, Spool

if TYPE_CHECKING:
    import sqlite3

KEEP_S = (
    7 * 86400.0
)  # an ended order still answers the analyser's questions, and is known when it comes again

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept_order(
    place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, device TEXT NOT NULL, specimen TEXT NOT NULL,
    test TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, changed_at REAL NOT NULL)
"""
_ALL = "SELECT id, device, specimen, test, name, state, changed_at FROM kept_order ORDER BY place"
_PUT = """
INSERT INTO kept_order(id, device, specimen, test, name, state, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at
"""


class OrderState(StrEnum):
    OPEN = "open"  # the analyser does not have it yet
    ACCEPTED = "accepted"
    LEAVING = "leaving"  # the server wants it back
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


STATE_AFTER = {
    Ends.ACCEPTED: OrderState.ACCEPTED,
    Ends.REFUSED: OrderState.REFUSED,
    Ends.WITHDRAWN: OrderState.WITHDRAWN,
}
TO_DO = frozenset({OrderState.OPEN, OrderState.LEAVING})
_OVER = frozenset({OrderState.REFUSED, OrderState.WITHDRAWN})


@dataclass(slots=True)
class Kept:
    """``tried``: the analyser may have it. So says whoever read it from the disk, for nobody knows what went out
    before. ``ending``: its newest end, while that is on the way to the disk."""

    order: AnalyserOrder
    state: OrderState
    changed_at: float
    tried: bool = False
    ending: Ends | None = None


class KeptOrders:
    """Orders of all analysers of a gateway; for one thread, the loop's."""

    def __init__(self, spool: Spool, *, wall: Callable[[], float] = time.time) -> None:
        self._spool, self._wall = spool, wall
        spool.write(lambda db: db.execute(_SCHEMA))
        self._rows = {
            row[0]: Kept(AnalyserOrder(*row[:5]), OrderState(row[5]), float(row[6]), tried=True)
            for row in spool.rows(_ALL)
        }
        # Ended ones stay for days: nobody goes through them with every turn of the loop.
        self._to_do = {id_: row for id_, row in self._rows.items() if row.state in TO_DO}

    def take(self, orders: Iterable[AnalyserOrder], withdrawn: Iterable[AnalyserOrder]) -> None:
        """Make them durable. What is known stays as it is: the server repeats itself until it is heard.

        ``withdrawn``: an order that never came here is kept too, so that its end is reported like any other's.
        """
        now = self._wall()
        changed = {
            order.id: Kept(order, OrderState.OPEN, now) for order in orders if order.id not in self._rows
        }
        for order in withdrawn:
            known = changed.get(order.id) or self._rows.get(order.id)
            if known is None or known.state not in _OVER:
                tried = known is not None and (known.tried or known.state is OrderState.ACCEPTED)
                ending = None if known is None else known.ending
                changed[order.id] = Kept(order, OrderState.LEAVING, now, tried, ending)
        old = [
            id_
            for id_, row in self._rows.items()
            if row.state not in TO_DO and row.changed_at < now - KEEP_S and id_ not in changed
        ]
        self._spool.write(lambda db: _write(db, list(changed.values()), old))
        self._rows.update(changed)
        self._to_do.update({id_: row for id_, row in changed.items() if row.state in TO_DO})
        for id_ in old:
            del self._rows[id_]

    def next_for(self, device: str, states: Collection[OrderState] = TO_DO) -> Kept | None:
        """The oldest that the analyser must still hear of."""
        rows = self._to_do.values()
        return next(
            (r for r in rows if r.order.device == device and r.state in states and not r.ending), None
        )

    def unsent(self, device: str) -> int:
        return sum(row.order.device == device for row in self._to_do.values())

    def of_specimens(self, device: str, specimens: Sequence[str]) -> list[Kept]:
        """What shall be measured on these samples; also what the analyser was told before: it asks again."""
        here = [
            row
            for row in self._rows.values()
            if row.order.device == device and row.order.specimen in specimens
        ]
        return [row for row in here if row.state in (OrderState.OPEN, OrderState.ACCEPTED) and not row.ending]

    def all_open(self, device: str) -> list[Kept]:
        rows = self._to_do.values()
        return [r for r in rows if r.order.device == device and r.state is OrderState.OPEN and not r.ending]

    def known(self, device: str, specimen: str, test: str) -> list[Kept]:
        """Orders of this test that the analyser has or may have."""
        return [
            row
            for row in self._rows.values()
            if (row.order.device, row.order.specimen, row.order.test) == (device, specimen, test)
            and row.state not in _OVER
            and row.ending in (None, Ends.ACCEPTED)
        ]

    def ending(self, id_: str, ends: Ends) -> Beside:
        """What is to be written together with the capture that reports the end."""
        row = self._rows[id_]
        row.ending = ends
        # A withdrawal that came while the analyser was told stays open: the analyser has the order now.
        state = STATE_AFTER[ends]
        if ends is Ends.ACCEPTED:
            keeps = "UPDATE kept_order SET state = ?, changed_at = ? WHERE id = ? AND state = 'open'"
        else:
            keeps = "UPDATE kept_order SET state = ?, changed_at = ? WHERE id = ?"
        return lambda db: db.execute(keeps, (state.value, self._wall(), id_))

    def ended(self, id_: str, ends: Ends) -> None:
        """It is on the disk."""
        row = self._rows[id_]
        row.tried, row.changed_at = True, self._wall()
        if row.ending is ends:
            row.ending = None
        if ends is not Ends.ACCEPTED or row.state is OrderState.OPEN:
            row.state = STATE_AFTER[ends]
        if row.state not in TO_DO:
            self._to_do.pop(id_, None)


def _write(db: "sqlite3.Connection", changed: Sequence[Kept], old: Sequence[str]) -> None:
    for row in changed:
        order = row.order
        values = (
            order.id,
            order.device,
            order.specimen,
            order.test,
            order.name,
            row.state.value,
            row.changed_at,
        )
        db.execute(_PUT, values)
    db.executemany("DELETE FROM kept_order WHERE id = ?", [(id_,) for id_ in old])
