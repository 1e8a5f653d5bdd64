"""The talk with a device that is asked: pure, one command at a time, no answer taken for another's.

After a time-out every later answer would be off by one. So the dialogue stops asking, listens until the line
is quiet, and asks who is there or sends the protocol's abort, whose answer nothing else gives; then it goes on.
"""

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

from instruments.codec import Codec, Command, ErrorQueue, SetsUp, Verb, looks_of, setup_of
from instruments.readings import Event, Kind

QUIET_S = 0.3  # nothing for so long means that no answer is under way
FIRST_QUIET_S = 0.15  # after opening: let what was in the line run out
STREAM_SILENCE_S = 3.0
IDENTIFY_AGAIN_S = (2.0, 10.0)
FAULTS = frozenset({Kind.ERROR, Kind.OVERLOAD, Kind.UNDERLOAD})


@dataclass(frozen=True, slots=True)
class Order:
    """A command somebody wants done. ``id`` goes with the capture; ``expires_at``: monotonic seconds."""

    verb: Verb
    id: str | None = None
    deadline_s: float | None = None
    expires_at: float | None = None
    argument: str | None = None  # which set-up


class Phase(StrEnum):
    CLOSED = "closed"
    LISTENING = "listening"  # until the line is quiet
    IDLE = "idle"
    WAITING = "waiting"  # for the answer to the pending command


class Part(StrEnum):
    """What a frame is in the talk."""

    ANSWER = "answer"
    UNASKED = "unasked"
    LATE = "late"
    STREAMED = "streamed"  # one of a stream, or the rest of one that was just stopped
    ACCEPTED = "accepted"  # the command was understood; its answer follows


@dataclass(frozen=True, slots=True)
class Heard:
    part: Part
    order: Order | None = None


STREAMED, UNASKED = Heard(Part.STREAMED), Heard(Part.UNASKED)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """An order that ends without an answer, and why (a stable code)."""

    order: Order
    code: str


@dataclass(frozen=True, slots=True)
class Send:
    command: Command
    order: Order


@dataclass(slots=True)
class _Look:
    """One question of a round, when it is due, and how often in a row it was not answered."""

    command: Command
    due: float = 0.0
    unanswered: int = 0


class Dialogue:
    """``poll_s``: seconds between two looks; None for a device that is only listened to.

    ``pause_s``: the least time from one command to the next, for a device that loses what comes sooner.
    """

    def __init__(
        self, codec: Codec, *, poll_s: float | None = None, stream: bool = False, pause_s: float = 0.0
    ) -> None:
        self._codec = codec
        self._pause_s = pause_s
        self._next_command = 0.0
        self._queue = codec.most_errors + 1 if isinstance(codec, ErrorQueue) else 0
        self._explain = 0  # questions for errors that are still to be asked
        self._faulty = False  # the last figure was none: the live view asks why once, not ten times a second
        self._looks = [_Look(command) for command in looks_of(codec)]
        self._poll_s = poll_s if self._looks else None
        self._stream = stream and codec.command(Verb.STREAM) is not None
        self._orders: deque[Order] = deque()
        self._pending: Send | None = None
        self._deadline = self._not_before = 0.0
        self._identify: Command | None = None
        self._silent_tries = 0
        self._heard_at = 0.0
        self._running_out = False
        self._doubtful = False  # an answer may still be under way
        self.streaming = False
        self.phase = Phase.CLOSED

    @property
    def silent(self) -> bool:
        return self._silent_tries > 0

    @property
    def pending(self) -> Order | None:
        return self._pending.order if self._pending else None

    @property
    def asked(self) -> bytes | None:
        """What was sent and is not answered yet; some answers mean something only beside it."""
        return self._pending.command.wire if self._pending else None

    def opened(self, now: float) -> None:
        self.phase, self._not_before = Phase.LISTENING, now + FIRST_QUIET_S
        self._identify = self._codec.command(Verb.IDENTIFY)
        self._pending, self._doubtful, self.streaming, self._running_out = None, False, False, False
        self._explain, self._faulty = 0, False

    def closed(self) -> list[GivenUp]:
        """The line broke: nothing that was asked will be answered."""
        lost = [*([self._pending.order] if self._pending else []), *self._orders]
        self._orders.clear()
        self._pending, self.phase, self._silent_tries = None, Phase.CLOSED, 0
        return [GivenUp(order, "link_unplugged") for order in lost if order.id is not None]

    def want(self, order: Order) -> GivenUp | None:
        """Queue an order; given back at once where the device cannot do it."""
        if self.phase is Phase.CLOSED:
            return GivenUp(order, "link_unplugged")
        if self.silent:  # a person waits: it is better told now than after the device's last chance
            return GivenUp(order, "no_answer")
        if self._command(order) is None:
            return GivenUp(order, "no_such_command")
        self._orders.append(order)
        return None

    def hear(self, event: Event, now: float) -> Heard:
        """Which order, if any, this frame answers."""
        if self.phase is Phase.LISTENING:
            self._not_before = max(self._not_before, now + QUIET_S)
            if self._running_out:
                return Heard(Part.STREAMED)
            return Heard(Part.LATE if self._doubtful else Part.UNASKED)
        pending, self._heard_at = self._pending, now
        if pending is not None and event.head in pending.command.accepted:
            return Heard(Part.ACCEPTED, pending.order)
        if pending is None or not pending.command.is_answered_by(event):
            return STREAMED if self.streaming else UNASKED
        self._pending, self.phase, self._silent_tries = None, Phase.IDLE, 0
        for look in self._looks:
            if look.command.wire == pending.command.wire:
                look.unanswered = 0
        if pending.order.verb is Verb.STREAM:
            self.streaming = self._stream = event.kind is not Kind.ERROR
        self._wonder(pending.order, event)
        if pending.order.verb is Verb.IDENTIFY:
            self._identify, self._doubtful = None, False
        return Heard(Part.ANSWER, pending.order)

    def _wonder(self, order: Order, event: Event) -> None:
        """After a fault, or after no answer at all, the device's own queue says why. Bounded by its size."""
        if order.verb is Verb.EXPLAIN:
            self._explain = 0 if event.kind is Kind.OK else self._explain - 1
        elif order.verb is Verb.IDENTIFY:
            self._explain = self._queue if self._doubtful else self._explain
        else:
            faulty = any(said.kind in FAULTS for said in event.each())
            if faulty and not (self._faulty and order.verb is Verb.LOOK):
                self._explain = self._queue
            self._faulty = faulty

    def restarted(self, now: float) -> GivenUp | None:
        """The device introduced itself unasked: it was switched on again and forgot what it was asked."""
        lost, self._pending = self._pending, None
        self.streaming = False
        if self.phase is Phase.WAITING:
            self.phase, self._not_before = Phase.LISTENING, now + FIRST_QUIET_S
        return GivenUp(lost.order, "device_restarted") if lost and lost.order.id else None

    def step(self, now: float) -> Send | GivenUp | None:
        """What to do now; call again until None."""
        for order in self._orders:
            if order.expires_at is not None and now >= order.expires_at:
                self._orders.remove(order)
                return GivenUp(order, "too_late")
        if self.phase is Phase.WAITING and now >= self._deadline:
            return self._time_out(now)
        if self.phase is Phase.LISTENING and now >= self._not_before:
            self.phase, self._running_out = Phase.IDLE, False
        if self.phase is not Phase.IDLE or now < self._next_command:
            return None
        if self.streaming and now - self._heard_at > STREAM_SILENCE_S:
            self.streaming, self._identify = False, self._codec.command(Verb.IDENTIFY)
        if self._identify is not None:
            return self._send(self._identify, Order(Verb.IDENTIFY), now)
        if self._explain and (question := self._codec.command(Verb.EXPLAIN)) is not None:
            return self._send(question, Order(Verb.EXPLAIN), now)
        return self._ask(self._orders[0], now) if self._orders else self._look(now)

    def _ask(self, order: Order, now: float) -> Send | None:
        if self.streaming:
            # A streamed figure and the answer to S look alike: stop the stream, let it run out, then ask.
            self.streaming = False
            stop = self._codec.command(Verb.LOOK)
            if stop is not None:
                self.phase, self._not_before = Phase.LISTENING, now + FIRST_QUIET_S
                self._running_out, self._next_command = True, now + self._pause_s
                return Send(stop, Order(Verb.LOOK))
        self._orders.popleft()
        command = self._command(order)
        return self._send(command, order, now) if command is not None else None

    def _command(self, order: Order) -> Command | None:
        if order.verb is not Verb.SETUP:
            return self._codec.command(order.verb)
        setup = setup_of(self._codec, order.argument)
        return (
            self._codec.setup_command(setup)
            if setup is not None and isinstance(self._codec, SetsUp)
            else None
        )

    def become(self, codec: Codec) -> None:
        """The device was set up: it is opened so from now on."""
        self._codec = codec

    def _look(self, now: float) -> Send | None:
        if self._stream:
            command = None if self.streaming else self._codec.command(Verb.STREAM)
            return self._send(command, Order(Verb.STREAM), now) if command else None
        look = None if self._poll_s is None else min(self._looks, key=lambda look: look.due)
        if look is None or self._poll_s is None or now < look.due:
            return None
        look.due = now + self._poll_s
        return self._send(look.command, Order(Verb.LOOK), now)

    def _send(self, command: Command, order: Order, now: float) -> Send:
        deadline_s = order.deadline_s or command.deadline_s
        self._pending = Send(replace(command, deadline_s=deadline_s), order)
        self.phase, self._deadline = Phase.WAITING, now + deadline_s
        self._next_command = now + self._pause_s
        return self._pending

    def _time_out(self, now: float) -> GivenUp:
        lost, self._pending = self._pending, None
        assert lost is not None
        self._explain = 0
        first, longest = IDENTIFY_AGAIN_S
        self.phase, self._doubtful = Phase.LISTENING, True
        self._not_before = now + QUIET_S
        if lost.order.verb in (Verb.TAKE, Verb.TARE, Verb.ZERO, Verb.SETUP):
            # The device still tries: end that, or its answer comes in the middle of the next question.
            self._identify = self._codec.abort() or self._codec.command(Verb.IDENTIFY)
        else:
            self._silent_tries += self._nobody_answers(lost, now)
            self._identify = self._codec.command(Verb.IDENTIFY)
            if self._silent_tries > 1:
                self._not_before = now + min(longest, first * self._silent_tries)
        return GivenUp(lost.order, "no_answer")

    def _nobody_answers(self, lost: Send, now: float) -> bool:
        """One slave of a line may be silent: it is asked more rarely, and the others as before."""
        if len(self._looks) < 2 or lost.order.verb is not Verb.LOOK:
            return True
        first, longest = IDENTIFY_AGAIN_S
        for look in self._looks:
            if look.command.wire == lost.command.wire:
                look.unanswered += 1
                look.due = now + min(longest, first * look.unanswered)
        return all(look.unanswered for look in self._looks)

    def next_time(self) -> float | None:
        """When ``step`` has to be called even if nothing comes."""
        if not self._orders:
            return self._phase_ends()
        expiries = [order.expires_at for order in self._orders if order.expires_at is not None]
        times = [*expiries, *([] if (due := self._phase_ends()) is None else [due])]
        return min(times, default=None)

    def _phase_ends(self) -> float | None:
        match self.phase:
            case Phase.CLOSED:
                return None
            case Phase.LISTENING:
                return self._not_before
            case Phase.WAITING:
                return self._deadline
        due = self._next_due()
        return None if due is None else max(due, self._next_command)

    def _next_due(self) -> float | None:
        asks = self._identify is not None or self._explain or self._orders
        if asks or (self._stream and not self.streaming):
            return 0.0
        if self.streaming:
            return self._heard_at + STREAM_SILENCE_S
        return min(look.due for look in self._looks) if self._poll_s is not None else None
