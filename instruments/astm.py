"""Analysers that report by ASTM E1381 and E1394: what one frame says by itself.

The analyser calls and the host acknowledges, so an exchange begins with the device's bytes. A frame that ends
with ETB is a piece of a message and says nothing alone; the session joins the pieces.
"""

import codecs
from dataclasses import dataclass, field

from instruments.astm_frames import CONTROLS, ENQ, LONGEST, NUMBERS, measure, piece_of, whole_piece
from instruments.astm_records import Message
from instruments.astm_session import Session
from instruments.codec import Command, Verb
from instruments.errors import ProfileWrong
from instruments.frames import Frame, Framer, MeasuredFramer, Verdict
from instruments.readings import Event, Kind, together

NO_ORDERS, SENT, ASKED = "none", "send", "ask"
ORDER_WAYS = (NO_ORDERS, SENT, ASKED)


def _is_byte_text(encoding: str) -> bool:
    """Whether STX, CR and digits are in it the bytes that the frames are made of."""
    try:
        return codecs.encode("H|\r\x02", encoding) == b"H|\r\x02"
    except (LookupError, TypeError, ValueError):
        return False


@dataclass(frozen=True, slots=True)
class Astm:
    """``ending``: what this analyser sends behind the checksum; ``encoding``: of its texts, such as gb18030.
    ``orders``: whether it takes orders: "none"; "send": we send them, and answer its questions; "ask": it asks.
    """

    ending: str = "\r\n"
    encoding: str = "latin-1"
    orders: str = NO_ORDERS
    name: str = "astm-e1381/1"

    def __post_init__(self) -> None:
        if self.ending not in ("\r\n", "\r", ""):
            raise ProfileWrong(
                f"a frame cannot end with {self.ending!r}", "fact_choice", name="ending", choices=r"\r\n, \r"
            )
        if self.orders not in ORDER_WAYS:
            ways = ", ".join(ORDER_WAYS)
            raise ProfileWrong(
                f"orders must be one of {ways}, not {self.orders!r}",
                "fact_choice",
                name="orders",
                choices=ways,
            )
        if not _is_byte_text(self.encoding):
            sentence = f"no encoding {self.encoding!r} whose control characters are single bytes"
            raise ProfileWrong(sentence, "encoding_wrong", encoding=self.encoding)

    def framer(self) -> Framer:
        ending = self.ending.encode("ascii")
        return MeasuredFramer(lambda waiting, ended: measure(waiting, ended, ending), LONGEST)

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        if frame.verdict is not Verdict.WHOLE:
            return Event(Kind.UNPARSED, code=frame.verdict.value)
        if frame.raw in CONTROLS:
            return Event(Kind.STATUS, code=CONTROLS[frame.raw])
        piece = piece_of(frame.raw)
        if piece is None:
            return Event(Kind.BAD_CHECKSUM, more={"must_nak": True})
        said = Message(self.encoding).take(piece.text, last=True) if piece.last else []
        return together(said) or whole_piece(piece)

    def session(self) -> Session:
        return Session(encoding=self.encoding)

    def listener(self) -> "Overheard":
        return Overheard(self)

    def command(self, verb: Verb) -> Command | None:
        return None

    def abort(self) -> Command | None:
        return None


@dataclass(slots=True)
class Overheard:
    """A recorded message: its pieces are joined as a session joins them, and nothing is acknowledged. What it
    states is told with the frame that ends it."""

    codec: Astm
    _message: Message = field(init=False)
    _said: list[Event] = field(default_factory=list)
    _previous: bytes = b""
    _expected: int | None = None  # a recording may begin anywhere

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._message, self._said = Message(self.codec.encoding), []
        self._previous, self._expected = b"", None

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        piece = piece_of(frame.raw) if frame.verdict is Verdict.WHOLE else None
        if piece is None:
            if frame.raw == ENQ:
                self._begin()
            return self.codec.read(frame, asked)
        if frame.raw == self._previous:
            return whole_piece(piece)  # said again, because it was not acknowledged
        if self._expected not in (None, piece.number):
            return Event(Kind.UNPARSED, code="out_of_sequence")
        self._previous, self._expected = frame.raw, (piece.number + 1) % NUMBERS
        self._said += self._message.take(piece.text, last=piece.last)
        if not piece.last:
            return whole_piece(piece)
        said, self._said = self._said, []
        return together(said) or whole_piece(piece)
