"""Faults at random while an analyser reports: what the gateway acknowledged is at the server, once, byte for byte.

Kill -9 of gateway and server, another terminal under the same path, a server that is away, deliveries twice, late and
unanswered, a clock set back, a full disk. The analyser and the ledger are the campaign's own and share no code with the
gateway. ``LIMS_FAULT_ROUNDS`` (500) and ``LIMS_FAULT_SEED`` (1) steer it. Last, the same with a machine that reports
writes as done before they are: there the campaign must find loss, or it could find none at all.
"""

import base64
import json
import os
import random
import select
import threading
import time
import tty
from collections import Counter
from pathlib import Path

import pytest

from tests.campaigns.bad_network import BadNetwork
from tests.campaigns.site import Site, select_all
from tests.instruments.making import wait_for

pytestmark = pytest.mark.campaign
ROUNDS = int(os.environ.get("LIMS_FAULT_ROUNDS", "500"))
SEED = os.environ.get("LIMS_FAULT_SEED", "1")
STX, ETX, EOT, ENQ, ACK, NAK = b"\x02", b"\x03", b"\x04", b"\x05", b"\x06", b"\x15"
FAULTS = (
    "gateway killed",
    "gateway killed",
    "server killed",
    "terminal replaced",
    "away",
    "twice",
    "late",
    "unanswered",
    "clock set back",
    "disk full",
)
NETWORK = ("away", "twice", "late", "unanswered")


class Analyser:
    """Calls, sends up to four results, each once and each another one, and keeps account of what was acknowledged."""

    def __init__(self, link: Path):
        self.link, self.sent, self.acknowledged = link, [], []
        self.refused = 0
        self._stop = threading.Event()
        self._line = threading.Lock()
        self._master, self._slave, self._plugged = -1, -1, 0
        self.plug()
        self._thread = threading.Thread(target=self._work)

    def plug(self) -> None:
        """Another terminal under the same name; what hung on the old one sees it hang up."""
        with self._line:
            for descriptor in (self._slave, self._master):
                if descriptor >= 0:
                    os.close(descriptor)
            self._master, self._slave = os.openpty()
            self._plugged += 1
            tty.setraw(self._slave)
            draft = self.link.with_suffix(".new")
            draft.symlink_to(os.ttyname(self._slave))
            draft.replace(self.link)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The name goes first: the number of a closed terminal is given to the next one that anybody opens, and a
        gateway that still works would find that one under this name, and answer it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.link.unlink(missing_ok=True)
        for descriptor in (self._slave, self._master):
            if descriptor >= 0:
                os.close(descriptor)
        self._slave = self._master = -1

    def _work(self) -> None:
        while not self._stop.is_set():
            answer = self._say(ENQ, 2.0)
            self.refused += answer == NAK
            if answer != ACK:
                self._stop.wait(0.1)
                continue
            for number in range(1, 5):
                frame = self._frame(number)
                self.sent.append(frame)
                answer = self._say(frame, 3.0)
                if answer != ACK:
                    self.refused += answer == NAK
                    break
                self.acknowledged.append(frame)
            self._say(EOT, 0.0)
            self._stop.wait(0.02)

    def _frame(self, number: int) -> bytes:
        count = len(self.sent) + 1
        body = b"%d" % number + b"R|1|^^^pH|%d.%02d|||||F\r" % divmod(count, 100) + ETX
        return STX + body + b"%02X" % (sum(body) % 256) + b"\r\n"

    def _say(self, wire: bytes, within_s: float) -> bytes:
        """The one byte that answers. What came before is no answer to this, and nothing after another plug."""
        with self._line:
            while select.select([self._master], [], [], 0.005)[0]:
                os.read(self._master, 64)
            os.write(self._master, wire)
            plugged = self._plugged
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            with self._line:
                if plugged != self._plugged:
                    return b""
                if select.select([self._master], [], [], 0.01)[0]:
                    return os.read(self._master, 64)[:1]
            time.sleep(0.001)  # lets a hand come between that pulls the plug
        return b""


class Bench(Site):
    """Server, bad network and gateway around one analyser."""

    def __init__(self, folder: Path, forgetful: bool = False):
        super().__init__(folder)
        self.forgetful = forgetful
        self.faults: dict[str, object] = {}
        self.at_last_kill = 0  # frames that were acknowledged by then
        self.faults_file = folder / "faults.json"
        self.analyser = Analyser(folder / "analyser")
        self.network = BadNetwork(self.port, SEED)
        self.config.write_text(
            f'[gateway]\nserver = "{self.network.address}"\nfolder = "state"\n[[device]]\nkey = "analyser"\n'
            f'profile = "astm-e1381"\nport = "{folder / "analyser"}"\n'
        )

    def begin(self) -> None:
        super().begin()
        self.start_gateway()
        self.analyser.start()

    def start_gateway(self) -> None:
        more = ["--forgetful"] if self.forgetful else []
        self.start(
            "gateway", "tests.campaigns.faulty_gateway", str(self.config), str(self.faults_file), *more
        )

    # -- faults ----------------------------------------------------------------------------

    def round(self, fault: str, dice: random.Random) -> None:
        """One fault, for a moment, and then until the analyser has acknowledgements again."""
        match fault:
            case "gateway killed":
                self.kill("gateway")
                self.at_last_kill = len(self.analyser.acknowledged)
                self.start_gateway()
            case "server killed":
                self.kill("server")
                self.start_server()
            case "terminal replaced":
                self.analyser.plug()
            case "clock set back":
                self.set(clock_s=-dice.randrange(1, 100_000))
            case "disk full":
                self.set(full=True)
            case _:
                self.network.fault = fault
        # The analyser gives an unanswered frame up after three seconds; then it calls, and is refused.
        time.sleep(4.0 if fault == "disk full" else dice.uniform(0.05, 1.0))
        self.network.fault = "none"
        self.set(full=False)
        had = len(self.analyser.acknowledged)
        enough = 25 if self.forgetful else 1  # so that some writes come through before the next kill
        wait_for(lambda: len(self.analyser.acknowledged) >= had + enough, 60)

    def set(self, **faults: object) -> None:
        self.faults |= faults
        draft = self.faults_file.with_suffix(".new")
        draft.write_text(json.dumps(self.faults))
        draft.replace(self.faults_file)

    def settle(self) -> None:
        """Nothing is sent any more; the gateway delivers what it holds, and is done."""
        self.analyser.stop()
        wait_for(lambda: len(self.stored()) >= len(self.spooled()), 120)
        self.kill("gateway")

    def stop(self) -> None:
        self.kill_all()
        self.analyser.stop()
        self.network.close()

    # -- what is there ---------------------------------------------------------------------

    def stored(self) -> list[tuple[str, int, bytes]]:
        return select_all(self.database, "SELECT epoch, seq, raw FROM capture WHERE part = 0")

    def spooled(self) -> dict[int, bytes]:
        rows = select_all(self.spool, "SELECT seq, body FROM capture")
        return {seq: base64.b64decode(json.loads(body)["raw"]) for seq, body in rows}


def campaign(folder: Path, faults: list[str], forgetful: bool = False) -> Bench:
    bench = Bench(folder, forgetful)
    dice = random.Random(SEED)
    try:
        bench.begin()
        wait_for(lambda: bench.analyser.acknowledged, 60)
        for fault in faults:
            bench.round(fault, dice)
        bench.settle()
    except BaseException:
        print(bench.log())
        bench.stop()
        raise
    return bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    dice = random.Random(f"{SEED} faults")
    faults = [dice.choice(FAULTS) for _ in range(ROUNDS)]
    bench = campaign(tmp_path_factory.mktemp("faults"), faults)
    bench.done = Counter(faults)
    yield bench
    bench.stop()


def test_every_kind_of_fault_happened_and_the_work_went_on(bench):
    analyser = bench.analyser
    print(
        f"\nrounds {dict(bench.done)}; deliveries {bench.network.counts}; frames {len(analyser.sent)}, acknowledged "
        f"{len(analyser.acknowledged)}, refused {analyser.refused}; stored {len(bench.stored())}"
    )
    assert len(analyser.acknowledged) >= ROUNDS
    if ROUNDS >= 100:
        assert set(bench.done) == set(FAULTS)
        assert min(bench.network.counts.values()) > 0
        assert analyser.refused > 0


def test_every_acknowledged_frame_is_stored_once_byte_for_byte(bench):
    kept = Counter(raw for _epoch, _seq, raw in bench.stored())
    assert [frame for frame in bench.analyser.acknowledged if kept[frame] != 1] == []


def test_nothing_is_stored_that_was_not_said(bench):
    said = set(bench.analyser.sent)
    whole = [raw for _epoch, _seq, raw in bench.stored() if raw not in said]
    # A line that breaks leaves the beginning or the end of a frame behind.
    assert [raw for raw in whole if not any(raw in frame for frame in said)] == []


def test_server_and_spool_hold_the_same_under_the_same_numbers(bench):
    stored = bench.stored()
    assert len({epoch for epoch, _seq, _raw in stored}) == 1
    assert len(stored) == len({seq for _epoch, seq, _raw in stored})
    assert {seq: raw for _epoch, seq, raw in stored} == bench.spooled()


def test_chain_and_signatures_verify(bench):
    bench.run("flask", "--app", "wsgi", "lims", "verify")


def test_the_campaign_finds_loss_where_writes_are_not_durable(tmp_path):
    bench = campaign(tmp_path, ["gateway killed"] * 20, forgetful=True)
    try:
        kept = {raw for _epoch, _seq, raw in bench.stored()}
        acknowledged = bench.analyser.acknowledged[: bench.at_last_kill]
        lost = [frame for frame in acknowledged if frame not in kept]
        print(f"\nforgetful: acknowledged {len(acknowledged)}, lost {len(lost)}")
        assert 0 < len(lost) < len(acknowledged)
    finally:
        bench.stop()
