"""Between the worklist that is kept here and the line of one analyser: what to send next, and what came of it.

The queue is the kept worklist; the session holds one letter at a time. So a withdrawn order is not sent, and a
question of the analyser is answered before the rest of the queue.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from instruments.analyser_orders import (
    CANCEL,
    NEW,
    AnalyserOrder,
    Ends,
    is_sendable,
    order_message,
    query_answer,
)
from instruments.astm import ASKED, NO_ORDERS, Astm
from instruments.astm_session import Ended, Line, Session
from instruments.codec import Codec, Conversation
from instruments.kept_orders import TO_DO, Kept, KeptOrders, OrderState
from instruments.readings import Event

MOST_ATTEMPTS = 3  # of six refusals of one frame each; then it is the order that the analyser does not want
MOST_QUESTIONS = 100  # of one message; a line gone mad asks for more
ALL = "ALL"


class Reports(Protocol):
    """Makes the end of an order a capture. ``wire``: what the analyser was sent; ``why``: a stable code."""

    def __call__(self, order: AnalyserOrder, ends: Ends, wire: bytes, why: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class _Letter:
    orders: list[AnalyserOrder]
    ends: Ends
    is_answer: bool = False


class OrderDesk:
    """``end`` reports; ``wall``: local time, for the records."""

    def __init__(
        self,
        device: str,
        codec: Astm,
        session: Session,
        kept: KeptOrders,
        *,
        end: Reports,
        wall: Callable[[], datetime],
    ) -> None:
        self._device, self._codec, self._session, self._kept = device, codec, session, kept
        self._end, self._wall = end, wall
        self._questions: list[list[str]] = []
        self._letters: dict[str, _Letter] = {}
        self._sent = 0

    @property
    def unsent(self) -> int:
        return self._kept.unsent(self._device)

    @property
    def trouble(self) -> str | None:
        """Why the analyser has not taken what waits for it; None where nothing does."""
        return (self._session.trouble or None) if self.unsent else None

    def note(self, event: Event) -> None:
        """What the analyser says about orders, after what it just acknowledged."""
        self._settle_all()
        for said in event.each():
            self._note(said)

    def _note(self, event: Event) -> None:
        if event.code == "query" and len(self._questions) < MOST_QUESTIONS:
            asked = event.more.get("asked")
            parts = asked if isinstance(asked, list) else [event.more.get("sample", "")]
            self._questions.append([str(part) for part in parts])
        elif event.code == "order_impossible":
            specimen, test = str(event.more.get("sample", "")), str(event.more.get("test", ""))
            for row in self._kept.known(self._device, specimen, test):
                self._end(row.order, Ends.REFUSED, b"", "order_impossible")

    def feed(self) -> None:
        """Settle what ended, and give the session its next letter."""
        self._settle_all()
        if self._session.busy:  # nothing could be noted now: the end of a letter would be lost
            return
        if self._session.line is Line.FREE and self._questions:
            questions, self._questions = self._questions, []
            self._answer(questions)
        while self._session.unsent == 0 and (row := self._next()) is not None:
            self._send(row)

    def _next(self) -> Kept | None:
        states = {OrderState.LEAVING} if self._codec.orders == ASKED else TO_DO
        return self._kept.next_for(self._device, states)

    def closed(self) -> None:
        """The line broke: who asked is gone."""
        self._questions = []

    def _answer(self, questions: list[list[str]]) -> None:
        if any(ALL in parts for parts in questions):
            rows = self._kept.all_open(self._device)
        else:
            wanted = [part for parts in questions for part in parts if part]
            rows = self._kept.of_specimens(self._device, wanted)
        rows = [row for row in rows if self._can_be_sent(row.order)]
        for row in rows:
            row.tried = True
        opened = [row.order for row in rows if row.state is OrderState.OPEN]
        records = query_answer([row.order for row in rows], self._wall(), self._codec.encoding)
        self._session.answer(records, id=self._noted(_Letter(opened, Ends.ACCEPTED, is_answer=True)))

    def _send(self, row: Kept) -> None:
        """One letter, or the end at once of an order that needs none."""
        order, leaves = row.order, row.state is OrderState.LEAVING
        if leaves and (self._codec.orders == ASKED or not row.tried):
            self._end(order, Ends.WITHDRAWN, b"", None)
        elif self._can_be_sent(order):
            row.tried = True
            action, ends = (CANCEL, Ends.WITHDRAWN) if leaves else (NEW, Ends.ACCEPTED)
            records = order_message([order], self._wall(), self._codec.encoding, action=action)
            self._session.send(records, id=self._noted(_Letter([order], ends)), attempts=MOST_ATTEMPTS)

    def _can_be_sent(self, order: AnalyserOrder) -> bool:
        """What cannot be ends here, refused."""
        if is_sendable(order, self._codec.encoding):
            return True
        self._end(order, Ends.REFUSED, b"", "not_sendable")
        return False

    def _noted(self, letter: _Letter) -> str:
        self._sent += 1
        self._letters[str(self._sent)] = letter
        return str(self._sent)

    def _settle_all(self) -> None:
        for ended in self._session.take_ended():
            self._settle(ended)

    def _settle(self, ended: Ended) -> None:
        letter = self._letters.pop(ended.letter.id or "", None)
        if letter is None:
            return
        for order in letter.orders:
            if ended.delivered:
                self._end(order, letter.ends, ended.letter.wire, None)
            elif letter.ends is Ends.WITHDRAWN:
                # Nobody wants it any more, whatever the analyser makes of that.
                self._end(order, Ends.WITHDRAWN, ended.letter.wire, "refused")
            elif not letter.is_answer:
                self._end(order, Ends.REFUSED, ended.letter.wire, "refused")


def desk_for(
    device: str,
    codec: Codec,
    session: Conversation | None,
    kept: KeptOrders | None,
    *,
    end: Reports,
    wall: Callable[[], datetime],
) -> OrderDesk | None:
    """None for a device that takes no orders."""
    if (
        kept is None
        or not isinstance(codec, Astm)
        or codec.orders == NO_ORDERS
        or not isinstance(session, Session)
    ):
        return None
    return OrderDesk(device, codec, session, kept, end=end, wall=wall)
