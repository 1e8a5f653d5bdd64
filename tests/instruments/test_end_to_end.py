"""A simulated balance on a pseudo-terminal, the real gateway process, and a server that keeps the contract."""

import base64
import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from instruments.simulated_port import tell
from tests.instruments.making import wait_for
from tests.instruments.receiving import Receiving

ROOT = Path(__file__).parents[2]


class Bench:
    def __init__(self, folder: Path, server: Receiving, **device: str):
        self.folder, self.server, self.processes = folder, server, {}
        self.control = folder / "control"
        facts = {
            "key": "balance-1",
            "profile": "mtsics",
            "port": str(folder / "port"),
            "serial": "B77",
            **device,
        }
        rows = "\n".join(f"{name} = {json.dumps(value)}" for name, value in facts.items())
        (folder / "gateway.toml").write_text(
            f'[gateway]\nname = "bench-1"\nserver = "{server.address}"\nfolder = "state"\n[[device]]\n{rows}\n'
        )

    def start(self, *words: str) -> subprocess.Popen:
        log = (self.folder / f"{words[0]}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "instruments", *words], cwd=ROOT, stdout=log, stderr=log
        )
        log.close()
        self.processes[words[0]] = process
        return process

    def balance(self, *more: str) -> None:
        words = ("simulate", "mtsics", "--link", str(self.folder / "port"), "--control", str(self.control))
        self.start(*words, "--serial", "B77", "--settle", "0.02", "--stable-timeout", "1.0", *more)
        wait_for(self.control.exists)

    def gateway(self) -> subprocess.Popen:
        return self.start("run", str(self.folder / "gateway.toml"))

    def enrol(self) -> None:
        words = ("enrol", str(self.folder / "gateway.toml"), "--code", "K7QM-2FZD")
        assert self.start(*words).wait() == 0

    def stop(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            process.wait(timeout=10)

    def device(self) -> dict:
        return self.server.live[-1]["devices"][0] if self.server.live else {}

    def state(self) -> str | None:
        return self.device().get("state")

    def figure(self) -> str | None:
        live = self.device().get("live")
        return live and live["value"]


@pytest.fixture
def bench(tmp_path):
    with Receiving() as server:
        bench = Bench(tmp_path, server)
        yield bench
        bench.stop()


def test_a_load_is_seen_live_and_taken_as_a_signed_capture(bench):
    bench.balance()
    bench.enrol()
    bench.gateway()
    wait_for(lambda: bench.state() == "connected")
    assert tell(bench.control, "load 28.4517") == "ok"
    wait_for(lambda: bench.figure() == "28.4517")
    assert bench.server.all_captures() == []  # the live view stores nothing
    bench.server.commands.append(
        {"id": "req-1", "device": "balance-1", "verb": "take", "expires_in_ms": 5000}
    )
    (capture,) = wait_for(bench.server.all_captures)
    assert base64.b64decode(capture["raw"]) == b"S S    28.4517 g\r\n"
    assert (capture["request_id"], capture["trigger"]) == ("req-1", "take")
    assert (capture["event"]["value"], capture["event"]["unit"]) == ("28.4517", "g")
    assert (capture["serial"], capture["identity"]) == ("B77", "match")
    (result,) = wait_for(lambda: bench.server.results)
    assert (result["outcome"], result["seq"]) == ("done", 1)


def test_a_balance_that_does_not_settle_refuses_and_the_refusal_is_a_capture(bench):
    bench.balance()
    bench.enrol()
    bench.gateway()
    wait_for(lambda: bench.state() == "connected")
    tell(bench.control, "disturb 30")
    bench.server.commands.append({"id": "req-1", "device": "balance-1", "verb": "take"})
    (capture,) = wait_for(bench.server.all_captures)
    assert (capture["event"]["kind"], capture["event"]["code"]) == ("status", "S I")
    assert capture["event"]["value"] is None
    assert base64.b64decode(capture["raw"]) == b"S I\r\n"


def test_each_press_of_the_print_key_is_one_capture(bench):
    bench.balance()
    bench.enrol()
    bench.gateway()
    tell(bench.control, "load 10.0000")
    wait_for(lambda: bench.figure() == "10.0000")
    for count in (1, 2, 3):  # the same reading three times is three events
        tell(bench.control, "print")
        wait_for(lambda: len(bench.server.all_captures()) == count)  # noqa: B023
    assert {c["event"]["value"] for c in bench.server.all_captures()} == {"10.0000"}
    assert {c["trigger"] for c in bench.server.all_captures()} == {"unsolicited"}


def test_tare_and_zero_reach_the_balance(bench):
    bench.balance()
    bench.enrol()
    bench.gateway()
    tell(bench.control, "load 5.0000")
    wait_for(lambda: bench.figure() == "5.0000")
    bench.server.commands.append({"id": "t", "device": "balance-1", "verb": "tare"})
    wait_for(lambda: bench.figure() == "0.0000")
    bench.server.commands.append({"id": "z", "device": "balance-1", "verb": "zero"})
    wait_for(lambda: len(bench.server.results) == 2)
    kinds = [c["event"]["kind"] for c in bench.server.all_captures()]
    assert kinds[0] == "tare"
    assert bench.server.results[0]["outcome"] == "done"
    bench.server.commands.append({"id": "n", "device": "nobody", "verb": "tare"})
    wait_for(lambda: bench.server.results[-1]["code"] == "unknown_device")


def test_unplugging_is_seen_and_the_replugged_balance_is_asked_who_it_is(bench):
    bench.balance()
    bench.enrol()
    bench.gateway()
    wait_for(lambda: bench.state() == "connected")
    tell(bench.control, "unplug")
    wait_for(lambda: bench.state() == "unplugged")
    bench.server.commands.append({"id": "req-1", "device": "balance-1", "verb": "take"})
    (capture,) = wait_for(bench.server.all_captures)
    assert (capture["event"]["code"], capture["raw"]) == ("link_unplugged", "")
    tell(bench.control, "plug")
    wait_for(lambda: bench.state() == "connected")
    assert bench.device()["serial"] == "B77"


def test_another_balance_on_the_same_port_is_not_read_as_ours(bench):
    bench.balance("--serial", "B99")
    bench.enrol()
    bench.gateway()
    wait_for(lambda: bench.state() == "wrong_device")
    bench.server.commands.append({"id": "req-1", "device": "balance-1", "verb": "take"})
    (capture,) = wait_for(bench.server.all_captures)
    assert (capture["event"]["code"], capture["identity"]) == ("wrong_device", "mismatch")


def test_kill_9_of_the_gateway_loses_and_doubles_nothing_that_was_durable(bench):
    bench.balance()
    bench.enrol()
    tell(bench.control, "load 3.0000")
    bench.server.lose_replies = 3
    for round_ in range(3):
        gateway = bench.gateway()
        bench.server.live.clear()
        wait_for(lambda: bench.figure() == "3.0000")
        held = len(bench.server.all_captures())
        tell(bench.control, "print")
        wait_for(lambda: len(bench.server.all_captures()) > held)  # noqa: B023
        os.kill(gateway.pid, signal.SIGKILL)
        gateway.wait()
        assert len(bench.server.all_captures()) == round_ + 1
    captures = bench.server.all_captures()
    assert [c["seq"] for c in captures] == [1, 2, 3]
    assert all(b["prev_hash"] == a["hash"] for a, b in pairwise(captures))


def test_captures_wait_for_enrolment_and_sigterm_stops_cleanly(bench):
    bench.balance()
    gateway = bench.gateway()
    status = bench.folder / "state/status.json"
    wait_for(lambda: status.exists() and json.loads(status.read_text())["devices"][0]["state"] == "connected")
    tell(bench.control, "print")
    wait_for(lambda: json.loads(status.read_text())["spool"]["last_seq"] == 1)
    bench.enrol()
    wait_for(bench.server.all_captures)
    gateway.terminate()
    assert gateway.wait(timeout=10) == 0
    assert not status.exists()
