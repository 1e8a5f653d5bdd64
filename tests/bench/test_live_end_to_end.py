"""The whole way: a simulated balance on a pseudo-terminal, the real gateway process, a real server, one cell."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from instruments.simulated_port import tell
from lims.bench.models import Capture, InputValue, Result, ResultVersion, TakeRequest
from lims.bench.states import InputSource
from lims.core.clock import utc_now
from tests.instruments.making import wait_for
from tests.support.accounts import sign_in
from tests.support.bench_gateway import SERIAL, new_code

ROOT = Path(__file__).parents[2]


class Bench:
    """The technician's side: balance, gateway, and hands."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address = folder, address
        self.control = folder / "control"
        self.processes: list[subprocess.Popen] = []
        device = {"key": "balance-1", "profile": "mtsics", "port": str(folder / "port"), "serial": SERIAL}
        rows = "\n".join(f"{name} = {json.dumps(value)}" for name, value in device.items())
        (folder / "gateway.toml").write_text(
            f'[gateway]\nname = "bench-pc-1"\nserver = "{address}"\nfolder = "state"\n[[device]]\n{rows}\n'
        )

    def start(self, *words: str) -> subprocess.Popen:
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "instruments", *words], cwd=ROOT, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def balance(self) -> None:
        words = ("simulate", "mtsics", "--link", str(self.folder / "port"), "--control", str(self.control))
        self.start(*words, "--serial", SERIAL, "--settle", "0.05", "--stable-timeout", "1.0")
        wait_for(self.control.exists)

    def gateway(self, code: str) -> None:
        config = str(self.folder / "gateway.toml")
        assert self.start("enrol", config, "--code", code).wait(timeout=30) == 0
        self.start("run", config)

    def hand(self, order: str) -> None:
        assert tell(self.control, order) == "ok"

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            process.wait(timeout=10)


@pytest.fixture
def address(database):
    """The application behind a real socket, by the real time."""
    app, kept = database.app, database.app.extensions["lims_clock"]
    app.extensions["lims_clock"] = utc_now
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
    app.extensions["lims_clock"] = kept


class Page:
    """The worksheet page of an analyst, as its script talks to the server."""

    def __init__(self, browser, laboratory, sheet: int, test: int) -> None:
        self.browser, self.laboratory, self.sheet, self.test = browser, laboratory, sheet, test

    def figure(self) -> dict:
        answer = self.browser.get(f"/api/devices/{self.laboratory.device}/live")
        assert answer.status_code == 200, answer.json
        return answer.json

    def shows(self, value: str) -> None:
        def there() -> bool:
            seen = self.figure()
            return seen["value"] == value and seen["stable"] and seen["age_s"] < 1

        wait_for(there, seconds=20)

    def space(self, cell: str, **more: object) -> dict:
        content = {"device": self.laboratory.device, "row": str(self.test), "cell": cell, **more}
        answer = self.browser.post(f"/api/worksheets/{self.sheet}/captures", json=content)
        if answer.status_code != 202:
            return {"status": answer.status_code, **answer.json}
        until = time.monotonic() + 30
        while time.monotonic() < until:
            said = self.browser.get(answer.json["href"]).json
            if said["state"] != "waiting":
                return said
            time.sleep(0.03)
        raise AssertionError("no answer")


@pytest.fixture
def hands(tmp_path, address):
    bench = Bench(tmp_path, address)
    yield bench
    bench.stop()


def test_a_load_goes_from_the_pan_through_the_gateway_into_the_cell(
    database, clock, uow, address, hands, request
):
    clock.set(utc_now())
    laboratory = request.getfixturevalue("laboratory")
    bench = request.getfixturevalue("bench")
    test = bench.tests("moisture")[0]["moisture"]
    page = Page(
        sign_in(database.app.test_client(), laboratory.accounts["analyst"]),
        laboratory,
        bench.sheet(test),
        test,
    )
    hands.balance()
    hands.gateway(new_code(uow, "bench-pc-1"))
    wait_for(lambda: page.figure()["link"] == "connected", seconds=30)

    times = []
    for cell, load in (("m0-1", "28.4517"), ("m1-1", "33.4629"), ("m2-1", "32.4607")):
        hands.hand(f"load {load}")
        page.shows(load)
        began = time.monotonic()
        said = page.space(cell)
        times.append(time.monotonic() - began)
        assert (said["state"], said["value"], said["unit"]) == ("done", load, "g")
        assert said["row"]["cells"][cell] == load
    assert said["row"]["show"]["result"] == "20.0"  # 100 * (33.4629 - 32.4607) / (33.4629 - 28.4517)
    print("seconds from Space to the cell:", [f"{t:.3f}" for t in times])

    session = bench.session
    values = session.scalars(select(InputValue).order_by(InputValue.id)).all()
    assert [(v.name, v.text, v.source) for v in values] == [
        ("m0", "28.4517", InputSource.CAPTURE),
        ("m1", "33.4629", InputSource.CAPTURE),
        ("m2", "32.4607", InputSource.CAPTURE),
    ]
    captures = session.scalars(select(Capture).order_by(Capture.seq)).all()
    assert [c.raw for c in captures] == [f"S S {v.text:>10} g\r\n".encode() for v in values]
    assert {(c.trigger, c.identity, c.flags, c.equipment_id) for c in captures} == {
        ("take", SERIAL, "", laboratory.balance)
    }
    takes = session.scalars(select(TakeRequest)).all()
    assert all(t.settled_at and t.code is None and t.seen_at for t in takes)
    result = session.scalars(select(Result)).one()
    version = session.scalars(
        select(ResultVersion).where(ResultVersion.number == result.current_version)
    ).one()
    assert version.reported == "20.0"

    # What the balance refuses is refused with its reason, and its print key reaches the page.
    hands.hand("disturb 30")
    wait_for(lambda: page.figure()["stable"] is False, seconds=20)
    assert page.space("m0-1", reason="again")["code"] == "unstable"
    hands.hand("disturb 0")
    page.shows("32.4607")
    hands.hand("print")
    printed = wait_for(lambda: page.figure()["printed"], seconds=20)
    assert printed == {"value": "32.4607", "unit": "g"}
