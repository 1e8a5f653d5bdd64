"""The demo's five devices through the demo's own configuration: each is read by the real gateway as what it is."""

import json
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from instruments.codec import Verb
from instruments.dialogue import Order
from instruments.gateway import Gateway
from instruments.settings import load_settings
from instruments.simulated_port import tell
from instruments.simulator import Physics
from instruments.spool import SpoolReader
from lims.bench.bodies import Sent, read_capture
from lims.bench.states import CaptureKind
from lims.demo import bench
from lims.demo.read import facts
from script import devices
from tests.instruments.making import wait_for

ROOT = Path(__file__).parents[2]


class Bench:
    """The devices as the demo starts them, and its gateway in a thread of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "script.devices", "run", str(folder), "--sample", "S2026-0007"]
        self.process = subprocess.Popen(command, cwd=ROOT)
        wait_for(lambda: all(devices.control_path(folder, key).exists() for key in devices.CONFIGURED), 20)
        config = folder / "gateway.toml"
        config.write_text(devices.gateway_config(folder, "http://127.0.0.1:9"))
        self.gateway = Gateway(load_settings(config))
        self.thread = threading.Thread(target=self.gateway.run)
        self.thread.start()

    def states(self) -> dict[str, str]:
        return {view.key: view.state.value for view in self.gateway.board.views()}

    def shown(self, key: str) -> str | None:
        view = next((view for view in self.gateway.board.views() if view.key == key), None)
        return view.event.value if view is not None and view.event is not None else None

    def hand(self, key: str, words: str) -> None:
        assert tell(devices.control_path(self.folder, key), words) == "ok"

    def stable(self, key: str) -> bool:
        return bool(json.loads(tell(devices.control_path(self.folder, key), "state"))["stable"])

    def captures(self) -> dict[str, Sent]:
        """As the server reads them: the last of each device."""
        reader = SpoolReader(self.folder / "spool.db")
        try:
            rows = reader.after(0, rows=1000)
        finally:
            reader.close()
        sent = [read_capture(json.loads(row.body) | {"hash": row.hash}) for row in rows]
        return {one.device: one for one in sent}

    def close(self) -> None:
        self.gateway.stop()
        self.thread.join(timeout=10)
        self.process.terminate()
        self.process.wait(timeout=10)


@pytest.fixture
def running(tmp_path):
    found = Bench(tmp_path)
    yield found
    found.close()


def test_each_of_the_five_is_read_as_what_it_is(running):
    wait_for(lambda: set(running.states().values()) == {"connected"}, seconds=20)
    assert set(running.states()) == set(devices.CONFIGURED)
    loads = {devices.BALANCE: "28.4517", devices.METER: "0.007512", devices.CLIMATE: "21.7"}
    loads |= {devices.BRIDGE: "12340", devices.ANALYSER: "0.186"}
    for key, load in loads.items():
        running.hand(key, f"load {load}")
    wait_for(lambda: all(running.stable(key) for key in loads), seconds=15)
    asked = set(loads) - {devices.ANALYSER}
    for key in asked:
        wait_for(lambda key=key: running.shown(key) and Decimal(running.shown(key)) == Decimal(loads[key]))
        running.gateway.order(key, Order(Verb.TAKE, id=f"take-{key}"))
    running.hand(devices.ANALYSER, "sample S2026-0007")
    running.hand(devices.ANALYSER, "print")
    sent = wait_for(lambda: set(found := running.captures()) == set(loads) and found, seconds=20)

    assert {one.kind for capture in sent.values() for one in capture.said} == {CaptureKind.READING}
    first = {key: capture.said[0] for key, capture in sent.items()}
    assert {key: one.value for key, one in first.items()} == {k: Decimal(v) for k, v in loads.items()}
    units = {key: one.unit for key, one in first.items()}
    assert [units[key] for key in loads] == ["g", "Ω", "°C", "kg", "mg/L"]
    assert [(one.name, one.unit) for one in sent[devices.CLIMATE].said] == [
        ("temperature", "°C"),
        ("humidity", "%"),
    ]
    result = first[devices.ANALYSER]
    assert (result.name, result.specimen) == ("NH3-N", "S2026-0007")
    assert {key: sent[key].identity for key in (devices.BALANCE, devices.METER)} == {
        devices.BALANCE: "match",
        devices.METER: "match",
    }


def test_the_register_knows_every_device_and_what_it_says_of_itself():
    assert set(bench.BOUND) == set(devices.CONFIGURED)
    assert bench.GATEWAY == devices.GATEWAY
    register = {row["code"]: row for row in facts("equipment")}
    for key, configured in devices.CONFIGURED.items():
        assert register[bench.BOUND[key]].get("identity") == configured.get("serial")
    classes = {
        one["class"] for item in facts("items") for one in item["version"].get("inputs", []) if "class" in one
    }
    assert {register[code]["class"] for code in bench.BOUND.values()} <= classes


def test_every_truck_comes_loaded_and_then_empty_within_what_the_scale_is_calibrated_for():
    turn = devices.OFF_S + devices.ON_S
    stood = [devices.load_at(turn * n + devices.OFF_S + devices.ON_S / 2) for n in range(6)]
    assert [(int(gross), int(empty)) for gross, empty in zip(stood[::2], stood[1::2], strict=True)] == list(
        devices.TRUCKS
    )
    scale = next(row for row in facts("equipment") if row["code"] == "DC-001")
    assert all(Decimal(scale["low"]) <= load <= Decimal(scale["high"]) for load in stood)
    assert devices.load_at(turn * 3 + 1) == 0


def test_what_a_hand_puts_on_a_device_stays_for_a_while():
    physics = Physics(settle_s=0.1)
    scene = devices.Hand(physics)
    assert scene.put(Decimal(5), 0.0)
    physics.put(Decimal(77), 10.0)
    assert not scene.put(Decimal(6), 20.0)
    assert physics.load == 77
    assert scene.put(Decimal(6), 20.0 + devices.HANDS_OFF_S)
    assert physics.load == 6
