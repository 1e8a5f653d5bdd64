"""Modbus on a line (RTU) and on a socket (TCP): frames by expected length and check, never by silence.

A gap of 3.5 characters ends an RTU frame on the line, but no such gap can be seen through USB, a device server
or an operating system. The length stands in the third byte, an exception is known by the second, and the check
says whether that was right; where it was not, the next whole frame is looked for.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from instruments.codec import Command, Verb
from instruments.frames import Cut, Frame, Framer, MeasuredFramer, Verdict
from instruments.modbus import (
    FUNCTIONS,
    HIGHEST_SLAVE,
    MOST_REGISTERS,
    REFUSED,
    Question,
    Register,
    answer,
    question_of,
    questions,
)
from instruments.readings import Event, Kind

REQUEST_SIZE = 8
_EXCEPTION_SIZE = 5
_HEADER = struct.Struct(">HHHB")  # transaction, protocol 0, length of what follows, slave
LONGEST = 600
ANSWER_WITHIN_S = 1.0


def crc16(content: bytes) -> bytes:
    """Low byte first, as it goes on the line. Polynomial A001 (reflected 8005), start FFFF."""
    register = 0xFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return struct.pack("<H", register)


class _Fit(Enum):
    NO = "no"
    MORE = "more bytes are needed"


# Size of the whole frame that begins here; or why there is none.
_Look = Callable[[bytes], "int | _Fit"]


def _search(waiting: bytes, ended: bool, look: _Look) -> Cut | None:
    """The frame in front, or the noise before the first whole one. Decides only what later bytes cannot change."""
    unfinished: int | None = None
    for place in range(len(waiting)):
        fit = look(waiting[place:])
        if isinstance(fit, int):
            return Cut(place, Verdict.NOISE) if place else Cut(fit)
        if fit is _Fit.MORE:
            if not ended:
                return None
            unfinished = place if unfinished is None else unfinished
    if not ended or unfinished == 0:
        return None
    return Cut(_noise_size(waiting, unfinished), Verdict.NOISE)


def _noise_size(waiting: bytes, unfinished: int | None) -> int:
    """At the end: a whole frame with a wrong check is one piece, though its last bytes could begin another."""
    size = _length(waiting)
    if isinstance(size, int) and size <= len(waiting):
        return size
    return len(waiting) if unfinished is None else unfinished


def _length(frame: bytes) -> int | _Fit:
    """Of an RTU answer, by its first three bytes."""
    if not 1 <= frame[0] <= HIGHEST_SLAVE:
        return _Fit.NO
    if len(frame) > 1 and frame[1] not in FUNCTIONS and frame[1] <= REFUSED:
        return _Fit.NO
    if len(frame) < 3:
        return _Fit.MORE
    if frame[1] & REFUSED:
        return _EXCEPTION_SIZE
    return _Fit.NO if frame[2] % 2 or not 2 <= frame[2] <= 2 * MOST_REGISTERS else 5 + frame[2]


def _checked(frame: bytes, size: int | _Fit) -> int | _Fit:
    if isinstance(size, _Fit):
        return size
    if len(frame) < size:
        return _Fit.MORE
    return size if crc16(frame[: size - 2]) == frame[size - 2 : size] else _Fit.NO


@dataclass(frozen=True, slots=True)
class _Modbus:
    registers: tuple[Register, ...] = ()
    name: str = ""

    def labels(self) -> dict[str, tuple[str, str]]:
        rows = (row for row in self.registers if row.label_en or row.label_zh)
        return {row.name: (row.label_en or row.label_zh, row.label_zh or row.label_en) for row in rows}

    def looks(self) -> list[Command]:
        """One question for each block of registers, of each slave on the line."""
        return [self._command(Verb.LOOK, question) for question in questions(self.registers)]

    def command(self, verb: Verb) -> Command | None:
        asked = questions(self.registers)
        return self._command(verb, asked[0]) if asked and verb in (Verb.LOOK, Verb.TAKE) else None

    def abort(self) -> Command | None:
        return None

    def _command(self, verb: Verb, question: Question) -> Command:
        return Command(verb, self._wrapped(question), frozenset({question.head}), ANSWER_WITHIN_S)

    def _wrapped(self, question: Question) -> bytes:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class ModbusRtu(_Modbus):
    """``echoes``: the adapter hands back what was sent, in front of every answer."""

    echoes: bool = False
    name: str = "modbus-rtu/1"

    def framer(self) -> Framer:
        slaves = frozenset(row.slave for row in self.registers)

        def look(frame: bytes) -> int | _Fit:
            if len(slaves) > 1 and frame[0] not in slaves:
                return _Fit.NO
            return _with_echo(frame) if self.echoes else _checked(frame, _length(frame))

        return MeasuredFramer(lambda waiting, ended: _search(waiting, ended, look), LONGEST)

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        if frame.verdict is Verdict.NOISE and _length(frame.raw) == len(frame.raw):
            if _checked(frame.raw, len(frame.raw)) is _Fit.NO:
                return Event(Kind.BAD_CHECKSUM)
            return Event(
                Kind.UNPARSED, code="not_the_answer"
            )  # of a slave not in the map, or without its echo
        if frame.verdict is not Verdict.WHOLE:
            return Event(Kind.UNPARSED, code=frame.verdict.value)
        raw = frame.raw
        if self.echoes:
            # Only what was sent is stripped; the echo of something else is somebody else's talk.
            if asked is not None and raw[:REQUEST_SIZE] != asked:
                return Event(Kind.UNPARSED, code="not_the_answer")
            asked, raw = raw[:REQUEST_SIZE], raw[REQUEST_SIZE:]
        return answer(self.registers, raw[0], _content(raw), self._question(asked))

    def _question(self, asked: bytes | None) -> Question | None:
        if not asked or crc16(asked[:-2]) != asked[-2:]:
            return None
        return question_of(asked[0], asked[1:-2])

    def _wrapped(self, question: Question) -> bytes:
        body = bytes([question.slave]) + question.pdu()
        return body + crc16(body)


def _content(raw: bytes) -> bytes:
    return raw[1:-2]


def _with_echo(frame: bytes) -> int | _Fit:
    size = _checked(frame, REQUEST_SIZE if len(frame) < 2 or frame[1] in FUNCTIONS else _Fit.NO)
    if isinstance(size, _Fit):
        return size
    after = frame[size:]
    if not after:
        return _Fit.MORE
    fit = _checked(after, _length(after))
    return size + fit if isinstance(fit, int) else fit


@dataclass(frozen=True, slots=True)
class ModbusTcp(_Modbus):
    name: str = "modbus-tcp/1"

    def framer(self) -> Framer:
        return MeasuredFramer(lambda waiting, ended: _search(waiting, ended, _mbap), LONGEST)

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        if frame.verdict is not Verdict.WHOLE:
            return Event(Kind.UNPARSED, code=frame.verdict.value)
        transaction, _, _, slave = _HEADER.unpack(frame.raw[: _HEADER.size])
        question = None
        if asked is not None and len(asked) > _HEADER.size and asked[:2] == struct.pack(">H", transaction):
            question = question_of(asked[_HEADER.size - 1], asked[_HEADER.size :])
        return answer(self.registers, slave, frame.raw[_HEADER.size :], question)

    def _wrapped(self, question: Question) -> bytes:
        # The number ties an answer to its question; each block has its own, so a late answer is known.
        pdu = question.pdu()
        number = int.from_bytes(crc16(bytes([question.slave]) + pdu), "little")
        return _HEADER.pack(number, 0, len(pdu) + 1, question.slave) + pdu


def _mbap(frame: bytes) -> int | _Fit:
    """Size by the header's length, which must agree with the count of bytes inside."""
    if frame[2:4] != b"\0\0"[: len(frame[2:4])]:
        return _Fit.NO
    if len(frame) < _HEADER.size + 2:
        return _Fit.MORE
    length, function, count = struct.unpack(">H", frame[4:6])[0], frame[7], frame[8]
    if (function not in FUNCTIONS and function <= REFUSED) or length != (
        3 if function & REFUSED else 3 + count
    ):
        return _Fit.NO
    if not function & REFUSED and (count % 2 or not 2 <= count <= 2 * MOST_REGISTERS):
        return _Fit.NO
    return 6 + length if len(frame) >= 6 + length else _Fit.MORE
