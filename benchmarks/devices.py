"""A bench of many devices that send ten lines a second: what the gateway costs, and how soon a line is on the disk.

Devices are pseudo-terminals fed by one process that stamps each write; ``LIMS_BENCH_SECONDS`` (30) a run. Only the
gateway's own processor time is counted. Beside it, in the same minute: a loop that does nothing but append and sync.
"""

import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from array import array
from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Target, figure
from instruments.keys import save_identity
from instruments.wire import Server, enrol
from tests.instruments.receiving import Receiving
from tests.support.feeding import Feeding, line

SECONDS = float(os.environ.get("LIMS_BENCH_SECONDS", "30"))
HZ = 10
SHARE, DELAY, LOST = Target("<=", 10), Target("<=", 100), Target("<=", 0)


@dataclass(frozen=True, slots=True)
class Run:
    """``delays_ms``: ascending, from the device's write to the durable commit."""

    share: float  # percent of one core
    delays_ms: list[float]
    lost: int
    load: float

    def percentile(self, part: float) -> float:
        return self.delays_ms[int(part * (len(self.delays_ms) - 1))]


class Listener:
    """A process that reads all the devices; ``share`` after ``began`` is its part of one core."""

    def __init__(self, *words: str):
        self._process = subprocess.Popen([sys.executable, "-m", *words], stderr=subprocess.DEVNULL)

    def has_open(self, count: int) -> bool:
        assert self._process.poll() is None
        held = 0
        for entry in Path(f"/proc/{self._process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed between the two looks
                held += str(entry.readlink()).startswith("/dev/pts/")
        return held >= count

    def cpu_s(self) -> float:
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        return sum(map(int, stat.rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()


def measure(count: int, *, bare: bool = False, server: Receiving | None = None) -> Run:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        feeding = Feeding(folder, count, HZ)
        listener = _bare(folder, count) if bare else _gateway(folder, feeding, server)
        while not listener.has_open(count):
            time.sleep(0.1)
        time.sleep(1.0)
        feeding.go()
        time.sleep(2.0)  # the first second of a Python process is like no other
        began, cpu = time.monotonic(), listener.cpu_s()
        time.sleep(SECONDS)
        share = 100 * (listener.cpu_s() - cpu) / (time.monotonic() - began)
        said = feeding.stop()
        time.sleep(0.5)
        load = os.getloadavg()[0]
        listener.end()
        stamps = feeding.stamps(said["written"])
        feeding.close()
        owners = _bare_owners(folder) if bare else _owners(folder / "state" / "spool.db")
        delays = _delays(owners, stamps, array("q", (folder / "commits").read_bytes()))
        return Run(share, delays, said["refused"] + sum(said["written"]) - len(delays), load)


def _bare(folder: Path, count: int) -> Listener:
    return Listener("benchmarks.support.bare_reader", str(folder), str(count), str(folder / "commits"))


def _gateway(folder: Path, feeding: Feeding, server: Receiving | None) -> Listener:
    config = folder / "gateway.toml"
    config.write_text('[gateway]\nfolder = "state"\n' + feeding.configuration())
    if server is not None:
        server.codes.add("bench")
        identity = enrol(Server(server.address), code="bench", name="bench", host="", software="")
        save_identity(folder / "state" / "identity.json", identity)
    return Listener("benchmarks.support.timed_gateway", str(config), str(folder / "commits"))


def _owners(spool: Path) -> list[int]:
    """Whose each capture is, in order; each must be the device's next line, byte for byte."""
    database = sqlite3.connect(spool)
    owners, numbers = [], dict[int, int]()
    for (body,) in database.execute("SELECT body FROM capture ORDER BY seq"):
        capture = json.loads(body)
        device = int(capture["device"].removeprefix("device-"))
        number = numbers.get(device, 0)
        assert base64.b64decode(capture["raw"]) == line(device, number)
        numbers[device] = number + 1
        owners.append(device)
    database.close()
    return owners


def _bare_owners(folder: Path) -> list[int]:
    return list(array("q", (folder / "owners").read_bytes()))


def _delays(owners: list[int], stamps: list[array], commits: array) -> list[float]:
    lasts, times = commits[::2], commits[1::2]
    following = [iter(of_one) for of_one in stamps]
    return sorted(
        (times[bisect_left(lasts, seq)] - next(following[owner])) / 1e6 for seq, owner in enumerate(owners, 1)
    )


def main() -> None:
    for count in (100, 500):
        bare, ours = measure(count, bare=True), measure(count)
        beside = {"ratio": ours.share / bare.share, "ratio_to": "append and sync alone, in processor"}
        name = f"{count} devices, {HZ} lines a second each"
        if count == 100:
            figure(f"{name}: processor", ours.share, "% of a core", SHARE, **beside)
            _to_the_disk(name, ours, bare)
        figure(f"{name}: lines lost", ours.lost, "lines", LOST, **beside)
        _remark(name, ours, bare)
    with Receiving() as server:
        name = f"100 devices, {HZ} lines a second each, delivering"
        ours = measure(100, server=server)
        _to_the_disk(name, ours, bare)
        _remark(name, ours, bare)


def _to_the_disk(name: str, ours: Run, bare: Run) -> None:
    value, beside = ours.percentile(0.99), bare.percentile(0.99)
    figure(
        f"{name}: to the disk, p99",
        value,
        "ms",
        DELAY,
        ratio=value / beside,
        ratio_to="append and sync alone",
    )


def _remark(name: str, ours: Run, bare: Run) -> None:
    """What has no target, and how busy the machine was."""
    print(
        f"# {name}: {ours.share:.1f} % of a core (bare {bare.share:.1f}), to the disk p50 {ours.percentile(0.5):.0f}, "
        f"p99 {ours.percentile(0.99):.0f}, most {ours.delays_ms[-1]:.0f} ms; load {ours.load:.1f}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    main()
