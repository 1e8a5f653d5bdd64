"""COM ports and RFC 2217 through a thread: the same link, the same states, as a serial port that is read directly."""

import os
import select
import socket
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest

from instruments.cli import main
from instruments.errors import PortBusy, PortMissing
from instruments.link import Link, LinkState
from instruments.mtsics_simulator import MtSicsBalance
from instruments.port import open_port
from instruments.profiles import LineSettings
from instruments.readings import Kind
from instruments.remote_port import open_remote
from instruments.simulator import Physics
from tests.instruments.device_server import DeviceServer
from tests.instruments.making import wait_for
from tests.instruments.wiring import Ours, Terminal

# pyserial 3.5 names its thread the old way.
pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")
LINE = LineSettings()


class Balance(Terminal):
    """Answers as long as ``answers``; ``noise`` instead of words where it is set."""

    def __init__(self):
        self.physics = Physics(capacity=Decimal(220), decimals=4, settle_s=0.0, seed=1)
        self._device = MtSicsBalance(self.physics, serial="B77", stable_timeout_s=1.0)
        self.answers, self.noise = True, b""
        super().__init__(self._heard)

    def _heard(self, wire: bytes) -> bytes:
        said = self._device.receive(wire, time.monotonic())
        return (self.noise or said) if self.answers else b""


@pytest.fixture
def balance():
    with Balance() as made:
        yield made


@pytest.fixture(params=["descriptor", "thread", "rfc2217"])
def ours(request, balance):
    """A device of ours on the balance, through each kind of port; ``pull`` takes the plug out."""
    address, server = balance.name, None
    if request.param == "rfc2217":
        server = DeviceServer(balance.name)
        address = server.address
    made = Ours("mtsics", address, serial="B77")
    made.device.link.threaded = request.param == "thread"
    made.pull = server.hang_up if server else balance.hang_up
    with made:
        yield made
    if server is not None:
        server.close()


def finish(link: Link) -> bool:
    """Whether it opened; the thread may take its time."""
    while link.connecting:
        select.select([link.descriptor], [], [], 5.0)
        link.connected(0.0)
    return link.descriptor is not None


def state(ours: Ours) -> LinkState:
    return ours.device.view().state


def test_a_balance_is_read_and_every_state_of_its_line_is_told(ours, balance):
    balance.physics.put(Decimal("28.4517"), time.monotonic())
    ours.talk_until(lambda: any(event.kind is Kind.READING for event in ours.events))
    assert state(ours) is LinkState.CONNECTED
    assert ours.events[-1].value == "28.4517"
    balance.answers = False
    ours.talk_until(lambda: state(ours) is LinkState.SILENT)
    balance.answers, balance.noise = True, b"\x9c\xff\x00\xe3\x8a" * 8
    ours.talk_until(lambda: state(ours) is LinkState.SUSPECT)
    balance.noise = b""
    ours.talk_until(lambda: state(ours) is LinkState.CONNECTED)
    balance.say(b'I4 A "B78"\r\n')  # another one was switched on in its place
    ours.talk_until(lambda: state(ours) is LinkState.WRONG_DEVICE)


def test_a_line_that_breaks_is_unplugged_with_a_reason_and_opens_again(ours, balance):
    ours.talk_until(lambda: ours.events)
    ours.pull()
    with pytest.raises(AssertionError):  # of talk_until: there is no descriptor any more
        ours.talk_until(lambda: False)
    assert state(ours) is LinkState.UNPLUGGED
    assert ours.device.view().reason
    had = len(ours.events)
    ours.device.link.address = ours.device.link.address.replace(balance.old_name, balance.name)
    wait_for(lambda: ours.device.open(ours.now) or ours.device.link.descriptor is not None)
    ours.talk_until(lambda: len(ours.events) > had)
    assert state(ours) is LinkState.CONNECTED


def test_speed_parity_and_handshake_reach_the_device_server(balance):
    line = LineSettings(baud=2400, bytesize=7, parity="E", stopbits=2, handshake="rtscts")
    with DeviceServer(balance.name) as server:
        link = Link(server.address, line)
        assert link.open(0.0)
        assert finish(link), link.reason
        port = server.serial
        assert (port.baudrate, port.bytesize, port.parity, port.stopbits) == (2400, 7, "E", 2)
        assert (port.rtscts, port.xonxoff) == (True, False)
        link.close(0.0, "done")


def test_a_connection_that_the_device_server_resets_is_closed(balance):
    with DeviceServer(balance.name) as server:
        port = open_remote(server.address, LINE)
        connection = port._socket
        server.reset()
        port._thread.join()  # it heard
        port.close()
    assert connection.fileno() == -1


def test_every_byte_value_passes_both_ways():
    every = bytes(range(256)) * 3
    with Terminal(lambda chunk: chunk) as echo, DeviceServer(echo.name) as server:
        for address in (echo.name, server.address):
            port = open_port(address, LINE, threaded=True)
            wait_for(lambda: not port.connecting or port.finish())  # noqa: B023
            port.write(every)
            heard = b""
            while len(heard) < len(every):
                assert select.select([port.descriptor], [], [], 5.0)[0]
                heard += port.read(4096)
            assert heard == every
            port.close()
            if address == echo.name:
                wait_for(lambda: try_exclusive(echo.name))  # the thread lets go of it


def try_exclusive(path: str) -> bool:
    try:
        open_port(path, LINE).close()
    except PortBusy:
        return False
    return True


def test_a_settings_change_that_the_device_server_refuses_is_a_sentence(balance):
    with DeviceServer(balance.name) as server:
        server.serial.parities = ("N",)
        link = Link(server.address + "?timeout=0.3", LineSettings(parity="E"))
        assert link.open(0.0)
        assert not finish(link)
    assert "does not take 9600 baud, 8E1" in link.reason


def test_a_server_of_raw_bytes_is_not_taken_for_one_of_rfc_2217():
    with socket.create_server(("127.0.0.1", 0)) as raw:
        link = Link(f"rfc2217://127.0.0.1:{raw.getsockname()[1]}?timeout=0.2", LINE)
        assert link.open(0.0)
        assert not finish(link)
    assert "socket://" in link.reason
    assert link.open(0.0)  # nobody there any more
    assert not finish(link)
    assert "refused" in link.reason


HOLD = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_remote_port_in_use_is_refused_and_the_sentence_says_by_whom(balance):
    with DeviceServer(balance.name) as server:
        words = [sys.executable, "-S", "-c", HOLD, str(server.port)]
        holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert holder.stdout.readline() == b"held\n"
        link = Link(server.address, LINE)
        assert link.open(0.0)
        assert not finish(link)
        holder.communicate()
        assert f"process {holder.pid}" in link.reason


def test_a_port_that_a_thread_reads_is_locked_as_well(balance):
    first = open_port(balance.name, LINE, threaded=True)
    wait_for(first.finish)
    second = open_port(balance.name, LINE, threaded=True)
    with pytest.raises(PortMissing, match="in use by"):
        wait_for(second.finish)
    with pytest.raises(PortBusy):
        open_port(balance.name, LINE)
    for port in (first, second):
        port.close()


def say_for_ever(port) -> None:
    while True:
        port.write(b"x" * 4096)


def test_a_port_whose_device_takes_nothing_is_closed_all_the_same():
    master, slave = os.openpty()
    path = os.ttyname(slave)
    port = open_port(path, LINE, threaded=True)
    wait_for(port.finish)
    with pytest.raises(BlockingIOError):
        say_for_ever(port)
    port.close()
    wait_for(lambda: not [t.name for t in threading.enumerate() if t.name.endswith(path)])
    os.close(slave)
    os.close(master)


def test_a_technician_asks_through_a_device_server(balance, capsys):
    balance.physics.put(Decimal("28.4517"), time.monotonic())
    with DeviceServer(balance.name) as server:
        assert main(["ask", server.address, "mtsics", "SI"]) == 0
        assert "28.4517" in capsys.readouterr().out


WINDOWS = """
import sys, serial.tools.list_ports, tempfile
for name in ("fcntl", "termios", "tty", "pty"):
    sys.modules[name] = None
import instruments.gateway, instruments.cli, instruments.port
port = instruments.port.open_port(sys.argv[1], instruments.profiles.LineSettings(), threaded=True)
while not port.finish():
    pass
"""


def test_nothing_that_windows_lacks_is_needed(balance):
    words = [sys.executable, "-c", WINDOWS, balance.name]
    done = subprocess.run(
        words, cwd=Path(__file__).parents[2], capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 0, done.stderr
