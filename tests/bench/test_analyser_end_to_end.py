"""The whole way: a worksheet's page, a real gateway process, an analyser on a pseudo-terminal, and back into the cells."""

import json
import signal
import subprocess
import sys

import pytest
from sqlalchemy import func, select

from instruments.simulated_port import tell
from lims.bench.analyser.models import AnalyserOrderEvent, AnalyserOrderNow
from lims.bench.analyser.states import AnalyserOrderState as State
from lims.bench.models import Capture, InputValue, Result, ResultVersion
from lims.core.clock import utc_now
from tests.bench.analyser import make_analyser
from tests.bench.test_live_end_to_end import ROOT, address  # noqa: F401  (a fixture)
from tests.instruments.making import wait_for
from tests.support.accounts import sign_in
from tests.support.bench_gateway import new_code

SAMPLES = 8


class Place:
    """The PC at the bench with its analyser."""

    def __init__(self, folder, server):
        self.folder, self.control, self.config = folder, folder / "control", folder / "gateway.toml"
        self.processes = []
        device = {"key": "analyser-1", "profile": "astm-worklist-gb18030", "port": str(folder / "port")}
        rows = "\n".join(f"{name} = {json.dumps(value)}" for name, value in device.items())
        self.config.write_text(
            f'[gateway]\nname = "bench-pc-1"\nserver = "{server}"\nfolder = "state"\n[[device]]\n{rows}\n'
        )

    def start(self, *words):
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            words = [sys.executable, "-m", "instruments", *map(str, words)]
            self.processes.append(subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log))
        return self.processes[-1]

    def analyser(self):
        words = ("--link", self.folder / "port", "--control", self.control, "--settle", "0.05")
        self.start("simulate", "astm-worklist-gb18030", *words)
        wait_for(self.control.exists, seconds=30)
        assert [self.hand(order) for order in ("load 0.250", "unit mg/L")] == ["ok", "ok"]

    def hand(self, order):
        return tell(self.control, order)

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            process.wait(timeout=10)


@pytest.mark.campaign  # half a minute; tests/instruments/test_worklists.py kills the gateway at ten moments in less
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # what differs is tested without processes
def test_a_worklist_goes_out_survives_a_killed_gateway_and_comes_back_as_results(
    database, clock, uow, address, tmp_path, request  # noqa: F811
):  # fmt: skip
    clock.set(utc_now())
    laboratory, bench = request.getfixturevalue("laboratory"), request.getfixturevalue("bench")
    analyser = make_analyser(uow, laboratory)
    tests = [row["ammonia"] for row in bench.tests("ammonia", samples=SAMPLES)]
    sheet = bench.sheet(*tests)
    browser = sign_in(database.app.test_client(), laboratory.accounts["analyst"])
    at = f"/api/worksheets/{sheet}/analysers/{analyser.device}"
    place = Place(tmp_path, address)
    try:
        place.analyser()
        place.hand("refuse 2")  # two frames are refused, and sent again
        code = new_code(uow, "bench-pc-1")
        assert place.start("enrol", place.config, "--code", code).wait(timeout=60) == 0
        gateway = place.start("run", place.config)
        wait_for(lambda: browser.get(at).status_code == 200, seconds=30)

        assert browser.post(f"{at}/worklist", json={}).status_code == 201
        wait_for(lambda: "accepted" in states(browser, at), seconds=30)
        gateway.send_signal(signal.SIGKILL)
        gateway.wait(timeout=10)
        place.start("run", place.config)
        wait_for(lambda: states(browser, at) == ["accepted"] * SAMPLES, seconds=60)
        wait_for(lambda: browser.get(at).json["arrived"] == SAMPLES, seconds=60)
    finally:
        place.stop()

    page = browser.get(f"/worksheets/{sheet}").text
    assert f">{SAMPLES}</b>" in page
    assert browser.post(f"{at}/results", json={}).json == {"taken": SAMPLES, "left": 0, "refused": ""}
    session = bench.session
    values = session.scalars(select(InputValue).order_by(InputValue.requested_test_id)).all()
    assert [(v.requested_test_id, v.text, v.equipment_id) for v in values] == [
        (test, "0.2500", analyser.equipment) for test in tests
    ]
    assert set(
        session.scalars(select(ResultVersion.reported).join(Result, Result.id == ResultVersion.result_id))
    ) == {"0.250"}
    accepted = select(AnalyserOrderEvent).where(AnalyserOrderEvent.state == State.ACCEPTED)
    proofs = [session.get_one(Capture, event.capture_id) for event in session.scalars(accepted)]
    assert len(proofs) == SAMPLES
    assert all(b"O|1|" in proof.raw and proof.specimen.encode() in proof.raw for proof in proofs)
    reports = select(func.count()).select_from(Capture).where(Capture.code == "order_accepted")
    assert session.scalar(reports) == SAMPLES  # reported once, although the gateway was killed meanwhile
    assert set(session.scalars(select(AnalyserOrderNow.state))) == {State.ACCEPTED}


def states(browser, at):
    return [one["state"] for one in browser.get(at).json["orders"]]
