"""What a technician sees beside the gateway: a page, a view in the terminal, and a word before the disk is full."""

import json
import socket
import threading
import urllib.request

import pytest

from instruments.cli import main
from instruments.disk import Disk
from instruments.gateway import Gateway
from instruments.settings import load_settings
from instruments.terminal_view import read_status
from tests.instruments.making import wait_for
from tests.instruments.wiring import Terminal


@pytest.fixture
def bench(tmp_path):
    """The gateway's loop on a printer that is there and a balance that is not; a disk that counts as nearly full."""
    with Terminal(lambda _: b"") as printer:
        config = tmp_path / "gateway.toml"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config.write_text(
            f'[gateway]\nname = "bench <1>"\nstatus_port = {port}\ndisk_low_mb = 1000000\n'
            f'[[device]]\nkey = "ph"\nprofile = "ph-line"\nport = "{printer.name}"\n'
            '[[device]]\nkey = "balance"\nprofile = "mtsics"\nport = "/dev/serial/by-id/away"\n'
        )
        gateway = Gateway(load_settings(config))
        loop = threading.Thread(target=gateway.run)
        loop.start()
        wait_for(lambda: len(gateway.board.views()) == 2 and gateway.settings.status_path.exists())
        printer.say(b"2026-11-22 12:00:03  pH 7.01  25.0 C\r\n")
        wait_for(lambda: gateway.spool.last_seq == 1)
        wait_for(lambda: read_status(gateway.settings)["spool"]["last_seq"] == 1)
        yield config, gateway
        gateway.stop()
        loop.join()


def test_the_terminal_shows_each_device_and_what_somebody_should_do(bench, capsys):
    config, _ = bench
    assert main(["status", str(config)]) == 1
    said = capsys.readouterr().out
    row = next(line for line in said.splitlines() if line.startswith("ph "))
    assert row.split() == ["ph", "connected", "7.01", "pH", "1", "0"]
    assert "balance: unplugged, /dev/serial/by-id/away is not there" in said
    assert "1 captures kept, 1 not yet with the server" in said
    assert "the disk of the spool is nearly full" in said


def test_the_page_shows_the_same_and_nothing_of_it_is_markup(bench):
    _, gateway = bench
    address = f"http://127.0.0.1:{gateway.settings.status_port}/"
    with urllib.request.urlopen(address, timeout=5) as answer:
        shown = answer.read().decode()
    assert "7.01 pH" in shown
    assert "nearly full" in shown
    assert "balance: unplugged" in shown
    assert "bench &lt;1&gt;" in shown
    assert "bench <1>" not in shown
    with urllib.request.urlopen(address + "status.json", timeout=5) as answer:
        assert json.load(answer)["spool"]["disk"]


def test_without_a_gateway_the_terminal_says_so(tmp_path, capsys):
    config = tmp_path / "gateway.toml"
    config.write_text("[gateway]\n")
    assert main(["status", str(config)]) == 1
    assert "no gateway runs here" in capsys.readouterr().err
    (tmp_path / "gateway").mkdir()
    stale = '{"at": "2026-11-22T12:00:00+00:00"}'
    (tmp_path / "gateway" / "status.json").write_text(stale)
    assert main(["status", str(config)]) == 1
    assert "ended without a word" in capsys.readouterr().err


def test_a_spool_that_grows_is_told_a_day_before_its_disk_is_full(tmp_path):
    spool = tmp_path / "spool.db"
    disk = Disk(spool, low_mb=1)
    spool.touch()
    free = disk.look(0.0).free_mb * 2**20
    states = []
    for minute in range(20):
        with spool.open("r+b") as file:
            file.truncate(minute * (free // (10 * 60)))  # so much a minute fills it in ten hours
        states.append(disk.look(60.0 * minute))
    assert [state.low for state in states] == [False] * 9 + [True] * 11  # some minutes are no habit
    assert "enough for about 10 h" in states[-1].sentence
