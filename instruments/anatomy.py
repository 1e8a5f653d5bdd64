"""Byte by byte: where the frames of an exchange begin and end, and what each of their bytes decides.

A line of one's own pattern says it by its groups. Of every other protocol it is found by trial: a byte is changed,
the frame's check is made right again, and what the codec reads then tells what the byte is there for. So what is
shown is what the codec does, and not what somebody wrote about it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from operator import xor

from instruments.astm import Astm
from instruments.astm_frames import ETB, ETX, checksum
from instruments.codec import Calling, Codec
from instruments.decode import REPLAYED
from instruments.frames import Frame, Verdict
from instruments.generic_line import GenericLine
from instruments.modbus_framing import REQUEST_SIZE as ECHO_SIZE
from instruments.modbus_framing import ModbusRtu, crc16
from instruments.readings import NOT_UNDERSTOOD, Event, Kind
from instruments.toledo import ToledoContinuous
from instruments.yaohua import YaohuaA12, YaohuaAddressed, YaohuaStx

MOST_FRAMES = 60
MOST_TRIED = 800  # bytes of an exchange; behind them only the frames are shown
_OTHERS = b" 0159+-.SDUGNTI?*Lg"


class Part(StrEnum):
    """What a byte of a frame decides."""

    VALUE = "value"
    UNIT = "unit"
    STATUS = "status"  # stability, kind of event, the device's code
    CHECK = "check"
    MORE = "more"  # what else the frame says: channel, name, time
    FIXED = "fixed"  # without it the frame is not understood
    IDLE = "idle"  # another byte in its place changes nothing
    UNKNOWN = "unknown"  # the frame is not understood, or too long to try


@dataclass(frozen=True, slots=True)
class Dissected:
    """One frame. ``start``: its place in the bytes of the device; ``parts``: what each byte decides, most weighty
    first; never empty for a byte."""

    raw: bytes
    start: int
    verdict: Verdict
    event: Event
    parts: tuple[tuple[Part, ...], ...]


def dissect(codec: Codec, request: bytes, response: bytes) -> list[Dissected]:
    """The frames of an exchange, as ``decode`` takes it. A frame that has not ended comes last."""
    framer = codec.framer()
    said, asked = (request, None) if isinstance(codec, Calling) else (response, request or None)
    frames = framer.feed(said, REPLAYED) + framer.flush(REPLAYED)
    found, start = [], 0
    for frame in frames[:MOST_FRAMES]:
        event = _event(codec, frame, asked)
        parts = _parts(codec, frame, event, asked) if start + len(frame.raw) <= MOST_TRIED else None
        unknown = ((Part.UNKNOWN,),) * len(frame.raw)
        found.append(Dissected(frame.raw, start, frame.verdict, event, parts or unknown))
        start += len(frame.raw)
    return found


def _event(codec: Codec, frame: Frame, asked: bytes | None) -> Event:
    if frame.verdict is Verdict.CUT_OFF:
        return Event(Kind.TIMEOUT, more={"detail": "truncated"})
    return codec.read(frame, asked)


def _parts(
    codec: Codec, frame: Frame, event: Event, asked: bytes | None
) -> tuple[tuple[Part, ...], ...] | None:
    if event.kind in NOT_UNDERSTOOD or event.kind is Kind.TIMEOUT:
        return None
    if isinstance(codec, GenericLine):
        return _by_groups(codec, frame.raw)
    seal = _seal_of(codec)
    checked = _check_places(frame.raw, seal)
    return tuple(
        (Part.CHECK,) if place in checked else _by_trial(codec, frame, event, asked, place, seal)
        for place in range(len(frame.raw))
    )


# -- a pattern's own groups -------------------------------------------------------------------------------------


def _by_groups(codec: GenericLine, raw: bytes) -> tuple[tuple[Part, ...], ...] | None:
    spans = codec.pattern.spans(raw.removesuffix(codec.terminator).decode("ascii"))
    if spans is None:
        return None
    parts = [(Part.FIXED,)] * len(raw)
    known = {"value": Part.VALUE, "unit": Part.UNIT, "status": Part.STATUS}
    # A group around others first, so that the inner ones stand out in it.
    for name, span in sorted(spans.items(), key=lambda one: _width(one[1]), reverse=True):
        if span is not None:
            parts[slice(*span)] = [(known.get(name, Part.MORE),)] * _width(span)
    return tuple(parts)


def _width(span: tuple[int, int] | None) -> int:
    return 0 if span is None else span[1] - span[0]


# -- by trial -----------------------------------------------------------------------------------------------------

_Seal = Callable[[bytes], bytes]


def _by_trial(
    codec: Codec, frame: Frame, event: Event, asked: bytes | None, place: int, seal: _Seal
) -> tuple[Part, ...]:
    found: set[Part] = set()
    for other in _other_bytes(frame.raw[place]):
        changed = seal(frame.raw[:place] + bytes([other]) + frame.raw[place + 1 :])
        whole = _whole(codec, changed)
        said = None if whole is None else codec.read(whole, asked)
        if said is None or said.kind in NOT_UNDERSTOOD:
            continue
        found |= set(_differences(event, said)) or {Part.IDLE}
    if not found:
        return (Part.FIXED,)
    weighty = [part for part in Part if part in found and part is not Part.IDLE]
    return tuple(weighty) or (Part.IDLE,)


def _whole(codec: Codec, raw: bytes) -> Frame | None:
    """The bytes as one frame; None where they are none any more."""
    framer = codec.framer()
    frames = framer.feed(raw, REPLAYED) + framer.flush(REPLAYED)
    return frames[0] if len(frames) == 1 and frames[0].verdict is Verdict.WHOLE else None


def _other_bytes(byte: int) -> list[int]:
    flipped = [byte ^ 1 << bit for bit in range(8)]
    return [one for one in dict.fromkeys((*flipped, *_OTHERS)) if one != byte]


def _differences(event: Event, other: Event) -> Iterator[Part]:
    ours, theirs = list(event.each()), list(other.each())
    if len(ours) != len(theirs):
        yield Part.STATUS
        return
    for one, two in zip(ours, theirs, strict=True):
        if (one.kind, one.stability, one.code) != (two.kind, two.stability, two.code):
            yield Part.STATUS
        if one.kind is two.kind and one.value != two.value:
            yield Part.VALUE
        if one.kind is two.kind and one.unit != two.unit:
            yield Part.UNIT
        if one.kind is two.kind and (one.more, one.head) != (two.more, two.head):
            yield Part.MORE


# -- checks, made right again --------------------------------------------------------------------------------------


def _unsealed(raw: bytes) -> bytes:
    return raw


def _check_places(raw: bytes, seal: _Seal) -> set[int]:
    """Where the check lies: what sealing writes when all else has changed."""
    if seal is _unsealed:
        return set()
    found = set()
    for place in range(len(raw)):
        broken = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        if seal(broken) == raw:
            found.add(place)
    return found


def _seal_of(codec: Codec) -> _Seal:
    if isinstance(codec, ModbusRtu):
        return lambda raw: _seal_rtu(raw, ECHO_SIZE if codec.echoes else 0)
    return _SEALS.get(type(codec), _unsealed)


def _seal_rtu(raw: bytes, echo: int) -> bytes:
    return raw[:-2] + crc16(raw[echo:-2])


def _seal_astm(raw: bytes) -> bytes:
    end = max(raw.find(ETX), raw.find(ETB)) + 1
    return raw[:end] + checksum(raw[1:end]) + raw[end + 2 :] if end else raw


def _seal_stx(raw: bytes) -> bytes:
    return raw[:9] + b"%02X" % reduce(xor, raw[1:9], 0) + raw[11:]


def _seal_addressed(raw: bytes) -> bytes:
    return raw[:-3] + b"%02X" % reduce(xor, raw[1:-3], 0) + raw[-1:]


def _seal_a12(raw: bytes) -> bytes:
    return raw[:11] + b"%02X" % reduce(xor, raw[:11], 0) + raw[13:] if len(raw) == 15 else raw


def _seal_toledo(raw: bytes) -> bytes:
    return raw[:-1] + bytes([-sum(raw[:-1]) & 0x7F]) if len(raw) == 18 else raw


_SEALS: Mapping[type, _Seal] = {
    Astm: _seal_astm,
    ToledoContinuous: _seal_toledo,
    YaohuaA12: _seal_a12,
    YaohuaAddressed: _seal_addressed,
    YaohuaStx: _seal_stx,
}
