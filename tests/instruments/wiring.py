"""Pseudo-terminals between our link and what others wrote, and a clock that runs on while nothing is said."""

import asyncio
import os
import select
import threading
import tty
from collections.abc import Callable

from instruments.clock import SystemClock
from instruments.device import Device
from instruments.profiles import load_profile
from instruments.settings import DeviceSettings, KeepLive
from tests.instruments.test_device import Shelf

QUIET_S = 0.005  # real time without a byte, after which ...
STEP_S = 0.25  # ... the device's clock goes on by so much: a time-out then costs 20 ms, not a second


class Terminal:
    """A pseudo-terminal called ``name``; what is written to it goes through ``answer``, and the outcome back."""

    def __init__(self, answer: Callable[[bytes], bytes]):
        self._answer = answer
        self._plug()
        self.old_name = self.name
        self._start()

    def _plug(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.name = os.ttyname(self._slave)

    def hang_up(self) -> None:
        """What hung on it hears that it is gone; another one is there, under another ``name``."""
        self.close()
        self._plug()
        self._start()

    def _start(self) -> None:
        self._end, self._ended = os.pipe()
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        while True:
            ready = select.select([self._master, self._end], [], [])[0]
            if self._end in ready:
                return
            self.say(self._answer(os.read(self._master, 4096)))

    def say(self, wire: bytes) -> None:
        if wire:
            os.write(self._master, wire)

    def close(self) -> None:
        os.close(self._ended)
        self._thread.join()
        for descriptor in (self._end, self._master, self._slave):
            os.close(descriptor)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Cable:
    """Two pseudo-terminals, ``ours`` and ``theirs``: what goes in at one comes out at the other."""

    def __enter__(self):
        def across(chunk: bytes) -> bytes:
            self._theirs.say(chunk)
            return b""

        def back(chunk: bytes) -> bytes:
            self._ours.say(chunk)
            return b""

        self._ours, self._theirs = Terminal(across), Terminal(back)
        self.ours, self.theirs = self._ours.name, self._theirs.name
        return self

    def __exit__(self, *_):
        self._ours.close()
        self._theirs.close()


class InThread:
    """A pymodbus server in an event loop of its own; ``make`` is called in there."""

    def __init__(self, make):
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(make)))
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self, make) -> None:
        self._loop, self.server = asyncio.get_running_loop(), make()
        await self.server.serve_forever(background=True)
        self._ready.set()
        await self.server.serving

    def __enter__(self):
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self.server.shutdown(), self._loop).result(10)
        self._thread.join()


class Ours:
    """A device of ours on a port, every frame of it kept, driven by a clock of its own."""

    def __init__(self, profile: str, port: str, **named):
        row = load_profile(profile)
        self.shelf, self.now = Shelf(), 0.0
        settings = DeviceSettings("device", port, row, row.line, keep_live=KeepLive.ALL, **named)
        self.device = Device(settings, SystemClock(), self.shelf, "boot")

    def talk_until(self, done: Callable[[], object]) -> None:
        """Raises AssertionError where that does not come about in ten minutes of the device's clock."""
        while not done():
            assert self.now < 600
            if self.device.link.connecting:
                self.device.writable(self.now)
            self.device.tick(self.now)
            descriptor = self.device.link.descriptor
            assert descriptor is not None, self.device.link.reason
            if select.select([descriptor], [], [], QUIET_S)[0]:
                self.device.readable(self.now)
                self.now += 0.001
            else:
                self.now += STEP_S
            self.shelf.commit()

    @property
    def events(self):
        return [event for draft in self.shelf.drafts for event in draft.event.each()]

    def __enter__(self):
        self.device.open(self.now)
        return self

    def __exit__(self, *_):
        self.device.shut(self.now)
