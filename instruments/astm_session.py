"""The line between an analyser and its host (ASTM E1381, LIS1-A): who may speak, and what is acknowledged.

Pure: frames and a time in, what to keep and what to answer out. The caller makes a frame durable before it sends
the answer, so the analyser itself repeats whatever was not stored.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from instruments.astm_frames import ACK, CONTROLS, ENQ, EOT, NAK, NUMBERS, STX, piece_of, whole_piece, wrap
from instruments.astm_records import Message
from instruments.codec import Answer
from instruments.frames import Frame, Verdict
from instruments.readings import Event, Kind, together

RECEIVER_WAITS_S = 30.0  # for the next frame; then the line is free again
SENDER_WAITS_S = 15.0  # for the answer to ENQ or to a frame
BUSY_WAITS_S = 10.0  # after NAK to our ENQ
CONTENTION_WAITS_S = 20.0  # both called: the analyser goes first
MOST_TRIES = 6  # of one frame
ANSWER_ATTEMPTS = 2
TEXT_SIZE = 240  # of the older edition, which every analyser takes


@dataclass(slots=True)
class Letter:
    """A message to send. ``id``: of whoever wants to know its end; ``attempts``: so often may it be refused, None:
    as often as it takes. ``is_answer``: somebody waits for it; an attempt that fails for any reason counts."""

    frames: list[bytes]
    id: str | None = None
    attempts: int | None = None
    is_answer: bool = False

    @property
    def wire(self) -> bytes:
        return b"".join(self.frames)


@dataclass(frozen=True, slots=True)
class Ended:
    """A letter is delivered, or was refused as often as it may be."""

    letter: Letter
    delivered: bool


class Line(StrEnum):
    FREE = "free"
    RECEIVING = "receiving"
    CALLING = "calling"  # our ENQ is not answered yet
    SENDING = "sending"


@dataclass(slots=True)
class Session:
    """One link, of the host; ``contention_waits_s`` of an analyser is one second.

    ``busy``: it cannot take messages now (its disk is full), and answers NAK to a call and to a frame.
    """

    busy: bool = False
    turn: int = 0
    contention_waits_s: float = CONTENTION_WAITS_S
    encoding: str = "latin-1"
    line: Line = Line.FREE
    trouble: str = ""  # why the last attempt to send did not come through, until one does
    _expected: int = 1
    _previous: bytes = b""  # the frame that was acknowledged last
    _damaged: bool = False  # the last thing heard was a piece of a frame
    _message: Message = field(init=False)
    _until: float = 0.0
    _outgoing: deque[Letter] = field(default_factory=deque)
    _letter: Letter | None = None  # the one that is under way
    _ended: list[Ended] = field(default_factory=list)
    _place: int = 0
    _tries: int = 0
    _not_before: float = 0.0

    def __post_init__(self) -> None:
        self._message = Message(self.encoding)

    def hear(self, frame: Frame, now: float) -> Answer:
        if frame.verdict is Verdict.WHOLE and frame.raw in CONTROLS:
            return self._control(frame.raw, now)
        if self.line is Line.RECEIVING:
            return self._receive(frame, now)
        # Nobody called: it is kept, and not acknowledged, so the sender does not take it for delivered.
        return Answer(_alone(frame), keep=True)

    # --- receiving -----------------------------------------------------------------------------------------

    def _receive(self, frame: Frame, now: float) -> Answer:
        self._until = now + RECEIVER_WAITS_S
        piece = piece_of(frame.raw) if frame.verdict is Verdict.WHOLE else None
        self._damaged = piece is None
        if piece is None:
            # Stray bytes are no frame to be repeated; a frame that was damaged is.
            return Answer(_alone(frame), NAK if frame.raw.startswith(STX) else b"", keep=True)
        if self.busy:
            return Answer(Event(Kind.STATUS, code="busy"), NAK)  # it stays where it is: in the analyser
        if frame.raw == self._previous:
            return Answer(whole_piece(piece), ACK, repeats=True)  # our ACK was lost: it is said again
        if piece.number != self._expected:
            return Answer(Event(Kind.UNPARSED, code="out_of_sequence"), NAK, keep=True)
        self._previous, self._expected = frame.raw, (piece.number + 1) % NUMBERS
        said = self._message.take(piece.text, last=piece.last)
        return Answer(together(said) or whole_piece(piece), ACK, keep=True)

    def _called(self, now: float) -> bytes:
        if self.busy:
            return NAK
        self.line, self._until = Line.RECEIVING, now + RECEIVER_WAITS_S
        self._expected, self._previous, self._message = 1, b"", Message(self.encoding)
        return ACK

    def _control(self, control: bytes, now: float) -> Answer:
        event = Event(Kind.STATUS, code=CONTROLS[control])
        if control in (ENQ, EOT):
            self.turn += 1
        damaged, self._damaged = self._damaged, False
        if control == ENQ and self.line is Line.RECEIVING and damaged:
            # One wrong bit makes a call of the end of a record. An ACK would be taken for the damaged frame's; a
            # device that really calls does so again.
            return Answer(event)
        if control == ENQ:
            if self.line in (Line.CALLING, Line.SENDING):
                return Answer(event, self._yield(now))
            return Answer(event, self._called(now))
        if self.line is Line.RECEIVING:
            if control == EOT:
                self.line = Line.FREE
            return Answer(event)
        return Answer(event, self._answered(control, now))

    def _yield(self, now: float) -> bytes:
        """Both called. The analyser calls again after a second; the host waits twenty and answers nothing."""
        return self._later(now + self.contention_waits_s, "contention", b"")

    # --- sending -------------------------------------------------------------------------------------------

    def send(self, records: Sequence[str], *, id: str | None = None, attempts: int | None = None) -> None:
        """Queue one message; a record a frame, cut where it is longer than a frame may be."""
        self._outgoing.append(Letter(frames_of(records, self.encoding), id, attempts))

    def answer(self, records: Sequence[str], *, id: str | None = None) -> None:
        """Send before all else and at once: the other end asked, and waits for it some seconds only."""
        frames = frames_of(records, self.encoding)
        self._outgoing.appendleft(Letter(frames, id, ANSWER_ATTEMPTS, is_answer=True))
        self._not_before = 0.0

    @property
    def unsent(self) -> int:
        """Messages that are not delivered yet."""
        return len(self._outgoing) + (self._letter is not None)

    def take_ended(self) -> list[Ended]:
        """What came to an end since it was last asked."""
        ended, self._ended = self._ended, []
        return ended

    def step(self, now: float) -> bytes:
        """What is due by time alone; call it again at ``next_time``."""
        if self.line is not Line.FREE and now >= self._until:
            receiving, self.line = self.line is Line.RECEIVING, Line.FREE
            if receiving:
                self.turn += 1
                return b""
            return self._later(now + BUSY_WAITS_S, "no_answer", EOT)
        if self.line is Line.FREE and self._outgoing and now >= self._not_before:
            self._letter, self._place, self._tries = self._outgoing.popleft(), 0, 0
            self.line, self._until = Line.CALLING, now + SENDER_WAITS_S
            return ENQ
        return b""

    def next_time(self) -> float | None:
        if self.line is not Line.FREE:
            return self._until
        return self._not_before if self._outgoing else None

    def closed(self) -> None:
        """The link broke: what was not acknowledged to the end is sent again as a whole."""
        self._requeue()
        self.line, self._message = Line.FREE, Message(self.encoding)
        self.turn += 1

    def _requeue(self) -> None:
        letter, self._letter = self._letter, None
        if letter is not None and not (letter.is_answer and self._spent(letter)):
            self._outgoing.appendleft(letter)

    def _spent(self, letter: Letter) -> bool:
        """Count an attempt; whether it was the last."""
        if letter.attempts is None:
            return False
        letter.attempts -= 1
        if letter.attempts <= 0:
            self._ended.append(Ended(letter, delivered=False))
        return letter.attempts <= 0

    def _later(self, at: float, why: str, wire: bytes) -> bytes:
        """Let the line go; the message is sent again as a whole from ``at`` on."""
        self._requeue()
        self.line, self._not_before, self.trouble = Line.FREE, at, why
        return wire

    def _answered(self, control: bytes, now: float) -> bytes:
        if self.line is Line.CALLING:
            if control == ACK:
                self.line = Line.SENDING
                return self._frame(now)
            return self._later(now + BUSY_WAITS_S, "busy", b"") if control == NAK else b""
        if self.line is not Line.SENDING or self._letter is None:
            return b""
        if control == NAK:
            self._tries += 1
            return self._frame(now) if self._tries < MOST_TRIES else self._refused(self._letter, now)
        self._place, self._tries = self._place + 1, 0
        if self._place < len(self._letter.frames):
            # EOT acknowledges as well, and asks us to let the line go.
            return (
                self._frame(now) if control == ACK else self._later(now + SENDER_WAITS_S, "interrupted", EOT)
            )
        self._ended.append(Ended(self._letter, delivered=True))
        self._letter, self.line, self.trouble = None, Line.FREE, ""
        return EOT

    def _frame(self, now: float) -> bytes:
        assert self._letter is not None
        self._until = now + SENDER_WAITS_S
        return self._letter.frames[self._place]

    def _refused(self, letter: Letter, now: float) -> bytes:
        """A frame was refused six times. LIS1-A ends the attempt; whether there is another one is the letter's."""
        if not letter.is_answer and self._spent(letter):
            self._letter = None
        return self._later(now + BUSY_WAITS_S, "refused", EOT)


def _alone(frame: Frame) -> Event:
    if frame.verdict is not Verdict.WHOLE:
        return Event(Kind.UNPARSED, code=frame.verdict.value)
    piece = piece_of(frame.raw)
    return whole_piece(piece) if piece else Event(Kind.BAD_CHECKSUM, more={"must_nak": True})


def frames_of(records: Sequence[str], encoding: str = "latin-1") -> list[bytes]:
    """Raises ValueError for a record that cannot be sent: not in ``encoding``, or with control characters."""
    frames: list[bytes] = []
    for record in records:
        text = record.encode(encoding) + b"\r"
        pieces = [text[place : place + TEXT_SIZE] for place in range(0, len(text), TEXT_SIZE)]
        for piece in pieces:
            frames.append(wrap(len(frames) + 1, piece, last=piece is pieces[-1]))
    return frames
