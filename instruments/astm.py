"""Analysers that report by ASTM E1381 and E1394: what one frame says by itself.

The analyser calls and the host acknowledges, so an exchange begins with the device's bytes. A frame that ends
with ETB is a piece of a message and says nothing alone; the session joins the pieces.
"""

from dataclasses import dataclass

from instruments.astm_frames import CONTROLS, LONGEST, measure, piece_of, whole_piece
from instruments.astm_records import Message
from instruments.astm_session import Session
from instruments.codec import Command, Verb
from instruments.errors import ProfileWrong
from instruments.frames import Frame, Framer, MeasuredFramer, Verdict
from instruments.readings import Event, Kind, together


@dataclass(frozen=True, slots=True)
class Astm:
    """``ending``: what this analyser sends behind the checksum."""

    ending: str = "\r\n"
    name: str = "astm-e1381/1"

    def __post_init__(self) -> None:
        if self.ending not in ("\r\n", "\r", ""):
            raise ProfileWrong(f"a frame cannot end with {self.ending!r}")

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
        said = Message().take(piece.text, last=True) if piece.last else []
        return together(said) or whole_piece(piece)

    def session(self) -> Session:
        return Session()

    def command(self, verb: Verb) -> Command | None:
        return None

    def abort(self) -> Command | None:
        return None
