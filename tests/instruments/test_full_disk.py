"""The real gateway loop with a disk that fills up: what is not durable is not acknowledged, and nothing is lost."""

import base64
import json
import socket
import threading

import pytest

from instruments.astm_frames import ACK, ENQ, EOT, NAK, wrap
from instruments.gateway import Gateway
from instruments.profiles import load_profile
from instruments.settings import DeviceSettings, Settings
from instruments.spool import SpoolReader
from tests.instruments.making import wait_for


class Analyser:
    """The other end of the line; it says what the test says, and hears what comes within a moment."""

    def __init__(self, gateway: Gateway, listener: socket.socket):
        self.gateway, self.acknowledged = gateway, []
        self.line, _ = listener.accept()
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def say(self, wire: bytes, within_s: float = 0.3) -> bytes:
        self.line.settimeout(within_s)
        self.line.sendall(wire)
        try:
            heard = self.line.recv(64)
        except TimeoutError:
            return b""
        if heard == ACK and wire != ENQ:
            self.acknowledged.append(wire)
        return heard

    def disk(self, pages: int) -> None:
        self.gateway.spool._db.execute(f"PRAGMA max_page_count = {pages}")

    def sentence(self) -> str | None:
        return self.gateway.status()["spool"]["sentence"]


@pytest.fixture
def analyser(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        profile = load_profile("astm-e1381")
        address = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        device = DeviceSettings("analyser", address, profile, profile.line)
        gateway = Gateway(Settings(tmp_path, (device,)))
        loop = threading.Thread(target=gateway.run)
        loop.start()
        made = Analyser(gateway, listener)
        yield made
        gateway.stop()
        loop.join()
        made.line.close()


def results(number: int) -> bytes:
    return wrap(number, b"R|%d|^^^pH|7.%02d|%s||||F\r" % (number, number, b"x" * 200), last=True)


def test_a_full_disk_is_told_to_the_analyser_and_every_acknowledged_frame_is_in_the_spool(analyser):
    assert analyser.say(ENQ, 2.0) == ACK
    assert analyser.say(results(1), 2.0) == ACK
    analyser.disk(1)  # SQLite takes it as: not one page more than there are
    number = 2
    while analyser.say(results(number % 8)) == ACK:
        number += 1
        assert number < 50, "the disk does not fill"
    assert "cannot be written" in wait_for(analyser.sentence)
    assert analyser.say(results(number % 8)) == NAK  # repeated: still not there
    assert analyser.say(EOT) == b""
    assert analyser.say(ENQ) == NAK  # and nothing new is begun
    analyser.disk(100_000)
    wait_for(lambda: "cannot" not in (analyser.sentence() or ""))
    assert analyser.say(b"") == b""  # the frame is stored now; an ACK would answer a question of long ago
    assert analyser.say(ENQ, 2.0) == ACK
    assert analyser.say(results(1), 2.0) == ACK
    reader = SpoolReader(analyser.gateway.settings.spool_path)
    kept = [base64.b64decode(json.loads(row.body)["raw"]) for row in reader.after(0, rows=1 << 60)]
    assert list(reader.faults()) == []
    reader.close()
    assert kept == [*analyser.acknowledged[:-1], results(number % 8), analyser.acknowledged[-1]]
