"""Opening, locking and judging a line; every refusal is a sentence that helps."""

import os
import socket
import subprocess
import sys

import pytest

from instruments.errors import PortBusy, PortMissing, SettingsWrong
from instruments.link import LineHealth, Link
from instruments.port import open_port
from instruments.profiles import LineSettings

LINE = LineSettings()


@pytest.fixture
def terminal():
    master, slave = os.openpty()
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


HOLD = """
import sys
from instruments.port import open_port
from instruments.profiles import LineSettings
open_port(sys.argv[1], LineSettings())
print("open", flush=True)
sys.stdin.read()
"""


def test_a_port_in_use_is_refused_and_the_sentence_says_by_whom(terminal):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, terminal[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(PortBusy, match=f"in use by .*process {holder.pid}"):
            open_port(terminal[1], LINE)
    finally:
        holder.communicate()
    open_port(terminal[1], LINE).close()  # the lock died with its holder


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("/dev/serial/by-id/nothing-here", PortMissing),
        ("telnet://host:1", SettingsWrong),
        ("rfc2217://host", SettingsWrong),
        ("socket://host:99999", SettingsWrong),
        ("socket://host", SettingsWrong),
        (__file__, PortMissing),
    ],
)
def test_a_port_that_does_not_open_says_why(address, error):
    with pytest.raises(error):
        open_port(address, LINE)


def test_wrong_line_settings_are_a_sentence(terminal):
    with pytest.raises(SettingsWrong, match="parity"):
        open_port(terminal[1], LineSettings(parity="X"))


def test_a_setting_that_the_adapter_does_not_take_is_a_sentence(terminal):
    open_port(
        terminal[1], LINE
    ).close()  # a pseudo-terminal has eight bits and complains once nothing else changes
    with pytest.raises(SettingsWrong, match="does not take 9600 baud, 7E1"):
        open_port(terminal[1], LineSettings(bytesize=7, parity="E"))


def test_a_link_that_breaks_is_tried_again_later_and_later(terminal):
    link = Link(terminal[1], LINE)
    assert link.open(0.0)
    assert link.read(0.0) == b""
    os.write(terminal[0], b"S\n")
    link.close(0.0, "unplugged")
    link.address = "/dev/nothing"
    waits = []
    now = link.retry_at
    for _ in range(8):
        assert not link.open(now)
        waits.append(link.retry_at - now)
        now = link.retry_at
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1.0, 30.0)


def test_a_device_server_that_refuses_is_noticed():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"socket://127.0.0.1:{closed.getsockname()[1]}"
    link = Link(address, LINE)
    try:
        assert not link.open(0.0) or not link.connected(0.0)
    finally:
        assert link.descriptor is None
    assert "refused" in link.reason


def test_noise_makes_the_line_settings_suspect_and_a_whole_frame_clears_them():
    health = LineHealth(b"\r\n")
    health.feed(b"S S     100.00 g\r\n" * 20)
    assert not health.suspect
    health.feed(bytes(range(128, 256)) * 3)
    assert health.suspect
    health.understood()
    assert not health.suspect
