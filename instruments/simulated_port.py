"""Simulated devices on pseudo-terminals, each with a control socket that puts loads on it and presses its keys."""

import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import FrameType

from instruments.astm_simulator import AstmAnalyser
from instruments.simulator import SimulatedDevice

BUSY_TICK_S = 0.02
HELP = (
    "load GRAMS | print | tare | zero | disturb SECONDS | overload | unplug | plug | power | state | quit;"
    " of an analyser also sample NUMBER | unit UNIT | ask NUMBER | refuse FRAMES | contend CALLS"
)


class SimulatedPort:
    """``link``: a stable name for the pseudo-terminal, as /dev/serial/by-id has for real ones.

    ``selector``: shared by the ports that one ``run_ports`` serves.
    """

    def __init__(
        self,
        balance: SimulatedDevice,
        *,
        link: Path | None,
        control: Path | None,
        selector: selectors.BaseSelector | None = None,
    ) -> None:
        self.balance = balance
        self._link, self._control_path = link, control
        self._selector = selector or selectors.DefaultSelector()
        self._master: int | None = None
        self._slave: int | None = None
        self._stop = False
        self.name = ""
        self.plug()
        self._control = self._listen(control) if control else None

    def plug(self) -> None:
        if self._master is not None:
            return
        import tty  # not on Windows, which has no pseudo-terminals

        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        self._selector.register(self._master, selectors.EVENT_READ, (self, "line"))
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
        self._selector.register(listener, selectors.EVENT_READ, (self, "control"))
        return listener

    def read_commands_from(self, descriptor: int) -> None:
        """Control lines typed by a person, as on the control socket."""
        self._selector.register(descriptor, selectors.EVENT_READ, (self, "typed"))

    def stop(self) -> None:
        self._stop = True

    @property
    def stopped(self) -> bool:
        return self._stop

    def run(self) -> None:
        """Until a signal or ``quit`` comes."""
        run_ports([self], self._selector)

    def tick(self, now: float) -> None:
        self._say(self.balance.tick(now))

    def serve(self, descriptor: int, what: str) -> None:
        """``what`` lies ready on the descriptor: "line", "control" or "typed"."""
        match what:
            case "line":
                with contextlib.suppress(OSError):
                    self._say(self.balance.receive(os.read(descriptor, 4096), time.monotonic()))
            case "control":
                assert self._control is not None
                self._talk(self._control)
            case "typed":
                typed = os.read(descriptor, 4096)
                if not typed:
                    self._selector.unregister(descriptor)
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
            case [("sample" | "unit" | "ask" | "refuse" | "contend") as word, what] if isinstance(
                self.balance, AstmAnalyser
            ):
                return self._analyser(self.balance, word, what)
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

    def _analyser(self, analyser: AstmAnalyser, word: str, what: str) -> str:
        match word:
            case "sample":
                analyser.sample = what
            case "unit":
                analyser.unit = what
            case "ask":
                analyser.ask(what)
            case _ if not what.isdecimal():
                return f"error: {what} is not a number of frames"
            case "refuse":
                analyser.refuse = int(what)
            case "contend":
                analyser.call_first = int(what)
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


def run_ports(
    ports: Sequence[SimulatedPort],
    selector: selectors.BaseSelector,
    *,
    busy_tick_s: float = BUSY_TICK_S,
    play: Callable[[float], None] = lambda _now: None,
) -> None:
    """Serve the ports of one selector until a signal comes or one of them is told to quit, then close them.

    ``play``: what happens to the devices by itself; called with every turn, twice a second at least.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        for port in ports:
            port.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        while not any(port.stopped for port in ports):
            busy = any(port.balance.busy for port in ports)
            for key, _ in selector.select(busy_tick_s if busy else 0.5):
                owner, what = key.data
                owner.serve(key.fd, what)
            now = time.monotonic()
            play(now)
            for port in ports:
                port.tick(now)
    finally:
        for port in ports:
            port.close()
        selector.close()


def tell(control: Path, line: str, timeout_s: float = 5.0) -> str:
    """Send one control command to a running simulator."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(control))
        connection.sendall(line.encode() + b"\n")
        return connection.recv(65536).decode().strip()
