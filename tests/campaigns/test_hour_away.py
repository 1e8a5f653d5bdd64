"""The server is away for an hour while twenty devices send ten lines a second each; then it comes back.

Real server, real gateway, twenty pseudo-terminals; the devices go on sending while the gateway catches up. Figures are
printed (``-s``). ``LIMS_AWAY_SECONDS`` (3600) shortens the hour.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from instruments.spool import SpoolReader
from tests.campaigns.site import Site, select_all
from tests.instruments.making import wait_for
from tests.support.feeding import Feeding, line

pytestmark = pytest.mark.campaign
DEVICES, HZ = 20, 10
AWAY_S = float(os.environ.get("LIMS_AWAY_SECONDS", "3600"))
GROWTH_MB = 16  # of the gateway's memory, from its first minute to its last


@dataclass
class Figures:
    written: list[int] = field(default_factory=list)
    refused: int = 0
    waiting: int = 0  # captures when the server came back
    first_s: float = 0.0  # from the server's start to the first delivery
    drain_s: float = 0.0  # from there until nothing waits
    peak_mb: list[float] = field(
        default_factory=list
    )  # most memory that the gateway ever had, again and again
    gateway_cpu_s: float = 0.0
    spool_mb: float = 0.0
    data_mb: float = 0.0


class Away(Site):
    def __init__(self, folder: Path):
        super().__init__(folder)
        self.feeding = Feeding(folder, DEVICES, HZ)
        gateway = f'[gateway]\nserver = "{self.address}"\nfolder = "state"\n'
        self.config.write_text(gateway + self.feeding.configuration())
        self.figures = Figures()

    def campaign(self) -> None:
        self.begin()
        self.kill("server")
        self.start("gateway", "instruments", "run", str(self.config))
        wait_for(lambda: self._connected() == DEVICES, 60)
        self.feeding.go()
        self._while_away()
        self.figures.waiting = self.pending()
        began = time.monotonic()
        self.start_server()
        wait_for(lambda: int(self._status()["acknowledged"]) > 0, 120)
        self.figures.first_s = time.monotonic() - began
        wait_for(lambda: self.pending() < 2 * DEVICES * HZ, AWAY_S + 60)
        self.figures.drain_s = time.monotonic() - began - self.figures.first_s
        self._note()
        said = self.feeding.stop()
        self.figures.written, self.figures.refused = said["written"], said["refused"]
        wait_for(lambda: self.pending() == 0 and self.last() >= sum(self.figures.written), 60)
        self.figures.data_mb = size_mb(self.folder / "data")

    def _while_away(self) -> None:
        until = time.monotonic() + AWAY_S
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, max(1.0, AWAY_S / 60)))
            self._note()
        self.figures.spool_mb = size_mb(self.folder / "state")

    def _note(self) -> None:
        folder = Path(f"/proc/{self.processes['gateway'].pid}")
        peak = next(row for row in (folder / "status").read_text().splitlines() if row.startswith("VmHWM"))
        self.figures.peak_mb.append(int(peak.split()[1]) / 1e3)
        ticks = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        self.figures.gateway_cpu_s = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def _status(self) -> dict[str, str]:
        return dict(select_all(self.spool, "SELECT key, value FROM meta"))

    def last(self) -> int:
        return int(self._status()["head_seq"])

    def pending(self) -> int:
        status = self._status()
        return int(status["head_seq"]) - int(status["acknowledged"])

    def _connected(self) -> int:
        status = self.folder / "state" / "status.json"
        if not status.exists():
            return 0
        return sum(device["state"] == "connected" for device in json.loads(status.read_text())["devices"])

    def stop(self) -> None:
        self.kill_all()
        self.feeding.close()


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


@pytest.fixture(scope="module")
def away(tmp_path_factory) -> Iterator[Away]:
    away = Away(tmp_path_factory.mktemp("away"))
    try:
        away.campaign()
        print(f"\n{away.figures}")
        yield away
    except BaseException:
        print(away.log(), away.figures)
        raise
    finally:
        away.stop()


def test_the_devices_lost_nothing_to_a_gateway_that_did_not_listen(away):
    assert away.figures.refused == 0
    assert away.figures.waiting >= 0.99 * AWAY_S * DEVICES * HZ


def test_every_line_is_stored_once_in_order_byte_for_byte(away):
    for device, count in enumerate(away.figures.written):
        query = f"SELECT raw FROM capture WHERE device_name = 'device-{device}' ORDER BY seq"
        stored = [bytes(raw) for (raw,) in select_all(away.database, query)]
        assert stored == [line(device, number) for number in range(count)], device


def test_the_numbers_have_no_gap_and_the_chain_holds(away):
    reader = SpoolReader(away.spool)
    assert list(reader.faults()) == []
    reader.close()
    counted = "SELECT count(*), min(seq), max(seq), count(DISTINCT seq) FROM capture"
    total = sum(away.figures.written)
    assert select_all(away.database, counted) == [(total, 1, total, total)]


def test_the_memory_of_the_gateway_does_not_grow_with_what_waits(away):
    peaks = away.figures.peak_mb
    assert peaks[-1] - peaks[1] < GROWTH_MB, peaks


def test_signatures_and_captures_verify(away):
    away.run("flask", "--app", "wsgi", "lims", "verify")
