"""Analysers that report by ASTM E1381 and E1394: what one frame says by itself.

The analyser calls and the host acknowledges, so an exchange begins with the device's bytes. A frame that ends
with ETB is a piece of a message and says nothing alone; the session joins the pieces.
"""

import codecs
from dataclasses import dataclass

from instruments.astm_frames import CONTROLS, LONGEST, measure, piece_of, whole_piece
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
            raise ProfileWrong(f"a frame cannot end with {self.ending!r}")
        if self.orders not in ORDER_WAYS:
            raise ProfileWrong(f"orders must be one of {', '.join(ORDER_WAYS)}, not {self.orders!r}")
        if not _is_byte_text(self.encoding):
            raise ProfileWrong(f"no encoding {self.encoding!r} whose control characters are single bytes")

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

    def command(self, verb: Verb) -> Command | None:
        return None

    def abort(self) -> Command | None:
        return None
