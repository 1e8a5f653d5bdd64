"""What a protocol must offer: read a frame, and spell the commands a bench needs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from instruments.frames import Frame, Framer
from instruments.readings import DYNAMIC, NOT_UNDERSTOOD, UNKNOWN, Event, Kind


class Verb(StrEnum):
    """What a person or the gateway can want of a device."""

    IDENTIFY = "identify"
    TAKE = "take"  # one stable reading, to be kept
    LOOK = "look"  # the figure now, stable or not: the live view
    STREAM = "stream"  # figures until told otherwise
    TARE = "tare"
    ZERO = "zero"
    SETUP = "setup"  # measure another function or range, from now on
    EXPLAIN = "explain"  # the next error of the device's own queue; the gateway asks by itself


@dataclass(frozen=True, slots=True)
class Command:
    """Bytes to send, and how to know the answer. No bytes: the device sends all the time by itself.

    ``heads``: the heads of frames that answer it; ``deadline_s`` must exceed the device's own time-out.
    """

    verb: Verb
    wire: bytes
    heads: frozenset[str]
    deadline_s: float
    stable_only: bool = False
    accepted: frozenset[str] = frozenset()  # heads that say: understood, the answer follows

    def is_answered_by(self, event: Event) -> bool:
        if event.kind in NOT_UNDERSTOOD:
            return False
        if event.head in REFUSALS:
            return True
        # A stable reading was asked for: an unstable one was on its way before the command arrived.
        return event.head in self.heads and not (self.stable_only and event.stability in (DYNAMIC, UNKNOWN))


REFUSALS = frozenset({"ES", "ET", "EL"})


class Codec(Protocol):
    @property
    def name(self) -> str:
        """With a version: a new one re-reads old frames and shows the difference."""

    def framer(self) -> Framer:
        """A fresh framer for one link."""

    def read(self, frame: Frame, asked: bytes | None = None) -> Event:
        """What the frame says; UNPARSED when it does not match as a whole. Never raises."""

    def command(self, verb: Verb) -> Command | None:
        """None when the device has no such command."""

    def abort(self) -> Command | None:
        """Ends what the device is doing, with an answer that nothing else gives."""


@runtime_checkable
class ManyLooks(Protocol):
    """A codec whose device, or whose devices on one line, are looked at with several questions in turn."""

    def looks(self) -> list[Command]: ...


@runtime_checkable
class ErrorQueue(Protocol):
    """A codec whose device remembers its errors and tells them when it is asked, one at a time.

    ``most_errors``: how many it can remember; so many questions, and one for the end of the queue, empty it.
    """

    @property
    def most_errors(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What a meter can be set up to. ``confirms``: how the configuration begins that it then says it has."""

    key: str
    en: str
    zh: str
    send: tuple[str, ...]
    confirms: str
    unit: str | None = None


@runtime_checkable
class SetsUp(Protocol):
    """A codec whose device is set up on a person's order."""

    @property
    def setups(self) -> tuple[Setup, ...]: ...

    def setup_command(self, setup: Setup) -> Command: ...

    def set_up(self, setup: Setup) -> "Codec":
        """The codec of the device once it is: it opens the device so, and its figures have this unit."""


def setup_of(codec: "Codec", key: str | None) -> Setup | None:
    listed = codec.setups if isinstance(codec, SetsUp) else ()
    return next((one for one in listed if one.key == key), None)


def confirmed(codec: "Codec", key: str | None, event: Event) -> tuple[Setup | None, Event]:
    """The set-up that the device itself says it has, None for any other; and what it said, as it is to be kept."""
    setup = setup_of(codec, key)
    if setup is None or event.kind is not Kind.OK:
        return None, event
    if (event.code or "").startswith(setup.confirms):
        return setup, event
    return None, event._replace(kind=Kind.ERROR, code="not_set_up", more={"text": event.code})


@runtime_checkable
class Labelled(Protocol):
    """A codec whose device states several values, each with a name; ``labels``: (English, Chinese) of some."""

    def labels(self) -> dict[str, tuple[str, str]]: ...


def abilities_of(codec: Codec) -> list[str]:
    """What a page can ask of the device."""
    return [verb.value for verb in (Verb.TAKE, Verb.TARE, Verb.ZERO) if codec.command(verb) is not None]


def looks_of(codec: Codec) -> list[Command]:
    """The questions of one round of the live view."""
    if isinstance(codec, ManyLooks):
        return codec.looks()
    look = codec.command(Verb.LOOK)
    return [] if look is None else [look]


@dataclass(frozen=True, slots=True)
class Answer:
    """``reply``: bytes to send, after the frame is durable where ``keep`` says so. ``event``: what it said.

    ``keep`` is False for a repeated frame, which was kept before, and for the controls.
    """

    event: Event
    reply: bytes = b""
    keep: bool = False
    repeats: bool = False


class Conversation(Protocol):
    """The line of a device that calls by itself and waits for an acknowledgement. Pure; one for each link.

    ``busy``: nothing can be stored now, so nothing is taken. ``turn``: grows whenever the device ends what it was
    sending; an acknowledgement of an earlier turn would answer something else.
    """

    busy: bool
    turn: int

    def hear(self, frame: Frame, now: float) -> Answer: ...

    def step(self, now: float) -> bytes:
        """What is to be sent by time alone."""

    def next_time(self) -> float | None: ...

    def closed(self) -> None: ...


@runtime_checkable
class Calling(Protocol):
    """A codec whose device is the one that calls: of an exchange it sends the first part."""

    def session(self) -> Conversation: ...

    def listener(self) -> "Listener":
        """For frames of one recording, in their order: what is sent in pieces is joined."""


class Listener(Protocol):
    def read(self, frame: Frame, asked: bytes | None = None) -> Event: ...


def reader_of(codec: Codec) -> Listener:
    """What reads the frames of one recording, in their order."""
    return codec.listener() if isinstance(codec, Calling) else codec
