"""A simulated device on a pseudo-terminal, with a control socket that puts loads on it and presses its keys."""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
import tty
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import FrameType

from instruments.simulator import SimulatedDevice

BUSY_TICK_S = 0.02
HELP = "load GRAMS | print | tare | zero | disturb SECONDS | overload | unplug | plug | power | state | quit"


class SimulatedPort:
    """``link``: a stable name for the pseudo-terminal, as /dev/serial/by-id has for real ones."""

    def __init__(self, balance: SimulatedDevice, *, link: Path | None, control: Path | None) -> None:
        self.balance = balance
        self._link, self._control_path = link, control
        self._selector = selectors.DefaultSelector()
        self._master: int | None = None
        self._slave: int | None = None
        self._stop = False
        self.name = ""
        self.plug()
        self._control = self._listen(control) if control else None

    def plug(self) -> None:
        if self._master is not None:
            return
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        self._selector.register(self._master, selectors.EVENT_READ, "line")
        if self._link is not None:
            draft = self._link.with_name(self._link.name + ".new")
            draft.unlink(missing_ok=True)
            draft.symlink_to(self.name)
            draft.replace(self._link)

    def unplug(self) -> None:
        if self._master is None or self._slave is None:
            return
        self._selector.unregister(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = None
        if self._link is not None:
            self._link.unlink(missing_ok=True)

    def _listen(self, path: Path) -> socket.socket:
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen()
        self._selector.register(listener, selectors.EVENT_READ, "control")
        return listener

    def read_commands_from(self, descriptor: int) -> None:
        """Control lines typed by a person, as on the control socket."""
        self._selector.register(descriptor, selectors.EVENT_READ, "typed")

    def stop(self, *_: int | FrameType | None) -> None:
        self._stop = True

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        try:
            while not self._stop:
                for key, _ in self._selector.select(BUSY_TICK_S if self.balance.busy else 0.5):
                    self._serve(key)
                self._say(self.balance.tick(time.monotonic()))
        finally:
            self.close()

    def _serve(self, key: selectors.SelectorKey) -> None:
        match key.data:
            case "line":
                with contextlib.suppress(OSError):
                    self._say(self.balance.receive(os.read(key.fd, 4096), time.monotonic()))
            case "control":
                assert self._control is not None
                self._talk(self._control)
            case "typed":
                typed = os.read(key.fd, 4096)
                if not typed:
                    self._selector.unregister(key.fd)
                for line in typed.decode("utf-8", "replace").splitlines():
                    sys.stdout.write(self.obey(line) + "\n")
                    sys.stdout.flush()

    def _talk(self, listener: socket.socket) -> None:
        """One connection, one command, one answer."""
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.settimeout(1.0)
            line = connection.recv(4096).decode("utf-8", "replace")
            connection.sendall(self.obey(line).encode() + b"\n")

    def obey(self, line: str) -> str:
        """A control command; the answer is "ok", a JSON object, or "error: ..."."""
        now = time.monotonic()
        match line.split():
            case ["load", grams]:
                try:
                    weight = Decimal(grams)
                except InvalidOperation:
                    weight = Decimal("NaN")
                if not weight.is_finite():
                    return f"error: {grams} is not a weight in grams"
                self.balance.physics.put(weight, now)
            case ["overload"]:
                self.balance.physics.put(self.balance.physics.capacity * 2, now)
            case ["print"]:
                self._say(self.balance.press_print(now))
            case ["tare"]:
                self.balance.physics.set_tare()
            case ["zero"]:
                if not self.balance.physics.set_zero():
                    return "error: too much lies on the pan"
            case ["disturb", seconds] if seconds.replace(".", "", 1).isdigit():
                self.balance.physics.disturb(float(seconds), now)
            case ["unplug"]:
                self.unplug()
            case ["plug"]:
                self.plug()
            case ["power"]:
                self._say(self.balance.switch_on())
            case ["state"]:
                return self._state(now)
            case ["quit"]:
                self.stop()
            case _:
                return f"error: write {HELP}"
        return "ok"

    def _state(self, now: float) -> str:
        physics = self.balance.physics
        return json.dumps(
            {
                "port": self.name,
                "link": str(self._link) if self._link else None,
                "serial": self.balance.serial,
                "load": str(physics.load),
                "tare": str(physics.tare),
                "display": str(physics.net(now)),
                "stable": physics.is_stable(now),
            }
        )

    def _say(self, wire: bytes) -> None:
        if wire and self._master is not None:
            with contextlib.suppress(OSError):  # nobody listens and the line is full, as on a real one
                os.write(self._master, wire)

    def close(self) -> None:
        self.unplug()
        if self._control is not None and self._control_path is not None:
            self._control.close()
            self._control_path.unlink(missing_ok=True)
        self._selector.close()


def tell(control: Path, line: str, timeout_s: float = 5.0) -> str:
    """Send one control command to a running simulator."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(control))
        connection.sendall(line.encode() + b"\n")
        return connection.recv(65536).decode().strip()
