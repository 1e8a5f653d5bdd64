"""The talk with a device that sends all the time and is never asked: weighbridge indicators, for one.

Its line is never quiet, so nothing waits for quiet. A reading is taken by waiting for the next frame that will do.
"""

from instruments.codec import Codec, Command, Verb
from instruments.dialogue import STREAM_SILENCE_S, Dialogue, GivenUp, Heard, Part, Phase, Send
from instruments.readings import NOT_UNDERSTOOD, Event

TAKE_WITHIN_S = 45.0


def pushed(verb: Verb) -> Command | None:
    """The commands of a device that sends by itself: nothing goes out, and the next frame answers."""
    if verb not in (Verb.STREAM, Verb.TAKE):
        return None
    return Command(verb, b"", frozenset({""}), TAKE_WITHIN_S, stable_only=verb is Verb.TAKE)


def dialogue_for(codec: Codec, *, poll_s: float | None, stream: bool, pause_s: float = 0.0) -> Dialogue:
    sends = codec.command(Verb.STREAM)
    if sends is not None and not sends.wire:
        return PushedDialogue(codec)
    return Dialogue(codec, poll_s=poll_s, stream=stream, pause_s=pause_s)


class PushedDialogue(Dialogue):
    def opened(self, now: float) -> None:
        self.phase, self.streaming = Phase.IDLE, True
        self._pending, self._silent_tries, self._heard_at = None, 0, now

    def hear(self, event: Event, now: float) -> Heard:
        pending = self._pending
        if event.kind not in NOT_UNDERSTOOD:
            self._heard_at, self._silent_tries = now, 0
        if pending is None or not pending.command.is_answered_by(event):
            return Heard(Part.STREAMED)
        self._pending, self.phase = None, Phase.IDLE
        return Heard(Part.ANSWER, pending.order)

    def step(self, now: float) -> Send | GivenUp | None:
        for order in self._orders:
            if order.expires_at is not None and now >= order.expires_at:
                self._orders.remove(order)
                return GivenUp(order, "too_late")
        if self._pending is not None and now >= self._deadline:
            lost, self._pending, self.phase = self._pending, None, Phase.IDLE
            return GivenUp(lost.order, "no_answer" if self.silent else "not_stable")
        if now - self._heard_at > STREAM_SILENCE_S:
            self._silent_tries = 1
        if self.phase is Phase.IDLE and self._orders:
            order = self._orders.popleft()
            command = self._codec.command(order.verb)
            return self._send(command, order, now) if command is not None else None
        return None

    def _phase_ends(self) -> float | None:
        if self.phase is Phase.CLOSED:
            return None
        due = [] if self.silent else [self._heard_at + STREAM_SILENCE_S + 0.01]
        if self._pending is not None:
            due.append(self._deadline)
        elif self._orders:
            due.append(0.0)
        return min(due, default=None)

    def restarted(self, now: float) -> GivenUp | None:
        return None
