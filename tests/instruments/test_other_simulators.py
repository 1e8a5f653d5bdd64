"""The simulated devices beside the MT-SICS balance, read back by the codecs and by the real gateway."""

import base64
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.astm import Astm
from instruments.astm_frames import ENQ, STX
from instruments.astm_session import Session
from instruments.astm_simulator import AstmAnalyser
from instruments.codec import Verb
from instruments.modbus_framing import crc16
from instruments.modbus_simulator import ModbusTransmitter
from instruments.profiles import load_profile
from instruments.readings import Kind
from instruments.sbi_simulator import SbiBalance
from instruments.scpi_simulator import ScpiMeter
from instruments.simulated_port import tell
from instruments.simulator import Physics
from instruments.weighbridge_simulator import Weighbridge, toledo, yaohua_stx
from tests.instruments.making import NOON, wait_for
from tests.instruments.making import frame as framed
from tests.instruments.receiving import Receiving
from tests.instruments.test_end_to_end import ROOT


def heard(profile: str, said: bytes, asked: bytes | None = None):
    codec = load_profile(profile).codec
    return [codec.read(f, asked) for f in codec.framer().feed(said, NOON)]


@pytest.mark.parametrize("wide", [False, True])
def test_an_sbi_balance_leaves_the_unit_out_until_the_load_has_settled(wide):
    balance = SbiBalance(Physics(settle_s=0.1), wide=wide)
    balance.physics.put(Decimal("28.4517"), 0.0)
    profile = "sbi-22" if wide else "sbi-16"
    (moving,) = heard(profile, balance.receive(b"\x1bP", 0.05))
    (still,) = heard(profile, balance.receive(b"\x1bP\r\n", 9.0))
    assert (moving.unit, moving.stability) == (None, "dynamic")
    assert (still.value, still.unit, still.stability) == ("28.4517", "g", "stable")


def test_an_sbi_balance_obeys_tare_without_a_word_and_says_who_it_is():
    balance = SbiBalance(Physics(settle_s=0.1), serial="777")
    balance.physics.put(Decimal("-7"), 0.0)
    assert heard("sbi-16", balance.receive(b"\x1bP\r\n", 9.0))[0].kind is Kind.UNDERLOAD
    balance.physics.put(Decimal("52.1873"), 9.0)
    assert balance.receive(b"\x1bT\r\n\x1b", 20.0) == b""
    assert heard("sbi-16", balance.receive(b"P", 20.0))[0].value == "0.0000"
    assert balance.receive(b"\x1bx2", 20.0) == b""
    (who,) = heard("sbi-16", balance.receive(b"_\r\n", 20.0), b"\x1bx2_\r\n")
    assert (who.kind, who.value) == (Kind.IDENTITY, "777")


def test_the_print_key_of_an_sbi_balance_waits_for_stability():
    balance = SbiBalance(Physics(settle_s=0.1))
    balance.physics.put(Decimal(500), 0.0)
    assert balance.press_print(0.01) == b""
    (over,) = heard("sbi-16", balance.tick(9.0))
    assert over.kind is Kind.OVERLOAD


@settings(max_examples=50, deadline=None)
@given(
    degrees=st.decimals(min_value=-40, max_value=120, places=2),
    order=st.sampled_from(["", "-cdab", "-badc", "-dcba"]),
)
def test_a_transmitter_is_read_back_in_every_word_order(degrees, order):
    codec = load_profile(f"modbus-climate{order}").codec
    transmitter = ModbusTransmitter(Physics(decimals=2, load=degrees, capacity=Decimal(300)), codec.registers)
    for look in codec.looks():
        (cut,) = codec.framer().feed(transmitter.receive(look.wire, 9.0), NOON)
        said = {event.more["name"]: event.number for event in codec.read(cut, look.wire).each()}
        assert said.get("temperature", degrees) == degrees
        assert abs(said.get("temperature_tenths", degrees) - degrees) <= Decimal("0.05")


def asked(*body: int) -> bytes:
    return bytes(body) + crc16(bytes(body))


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (asked(1, 3, 1, 0, 0, 2), "illegal data address (2)"),
        (asked(1, 3, 0, 0, 0, 0), "illegal data value (3)"),
    ],
)
def test_a_transmitter_refuses_what_it_does_not_have(request_, code):
    codec = load_profile("modbus-climate").codec
    transmitter = ModbusTransmitter(Physics(), codec.registers)
    (event,) = heard("modbus-climate", transmitter.receive(b"\xff" + request_, 0.0), request_)
    assert (event.kind, event.code) == (Kind.ERROR, code)
    assert transmitter.receive(asked(2, 3, 0, 0, 0, 2), 0.0) == b""  # another slave's


CARRIED = ("sbi-16", "modbus-climate", "scpi-34401a", "toledo-continuous", "xk3190-tf0", "astm-e1381")


class Hall:
    """One gateway with a simulated device of each of ``CARRIED``; a device is called as its profile."""

    def __init__(self, folder: Path, server: Receiving):
        self.folder, self.server, self.processes = folder, server, []
        rows = [f'[[device]]\nkey = "{p}"\nprofile = "{p}"\nport = "{folder}/{p}"\n' for p in CARRIED]
        gateway = f'[gateway]\nserver = "{server.address}"\nfolder = "state"\n'
        (folder / "gateway.toml").write_text("".join([gateway, *rows]))

    def start(self) -> None:
        for profile in CARRIED:
            at = ("--link", str(self.folder / profile), "--control", str(self.control(profile)))
            self.run("simulate", profile, *at, "--settle", "0.05")
        assert self.run("enrol", str(self.folder / "gateway.toml"), "--code", "K7QM-2FZD").wait() == 0
        self.run("run", str(self.folder / "gateway.toml"))
        wait_for(lambda: {self.device(p).get("state") for p in CARRIED} == {"connected"}, 20)

    def run(self, *words: str) -> subprocess.Popen:
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "-m", "instruments", *words]
            self.processes.append(subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log))
        return self.processes[-1]

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=10)

    def control(self, profile: str) -> Path:
        return self.folder / f"{profile}.control"

    def device(self, profile: str) -> dict:
        devices = self.server.live[-1]["devices"] if self.server.live else []
        return next((device for device in devices if device["device"] == profile), {})

    def figure(self, profile: str) -> str | None:
        live = self.device(profile).get("live")
        return live and live["value"]

    def captures(self, profile: str) -> list[dict]:
        return [capture for capture in self.server.all_captures() if capture["device"] == profile]


@pytest.fixture(scope="module")
def hall(tmp_path_factory):
    with Receiving() as server:
        hall = Hall(tmp_path_factory.mktemp("hall"), server)
        try:
            hall.start()
            yield hall
        finally:
            hall.stop()


@pytest.mark.parametrize(
    ("profile", "figure"),
    [
        ("sbi-16", "28.4517"),
        ("modbus-climate", "28.4517"),
        ("scpi-34401a", "28.4517000"),
        ("toledo-continuous", "28.4517"),
        ("xk3190-tf0", "28.4517"),
    ],
)
def test_a_load_is_seen_live_and_taken_from_each_of_them(hall, profile, figure):
    control = hall.control(profile)
    tell(control, "load 28.4517")
    wait_for(lambda: '"stable": true' in tell(control, "state"))
    wait_for(lambda: hall.figure(profile) == figure)
    hall.server.commands.append(
        {"id": f"take {profile}", "device": profile, "verb": "take", "expires_in_ms": 5000}
    )
    (capture,) = wait_for(lambda: hall.captures(profile))
    assert (capture["trigger"], capture["event"]["value"]) == ("take", figure)
    assert base64.b64decode(capture["raw"])


def test_an_analysers_message_arrives_whole_and_is_acknowledged_to_its_end(hall):
    control = hall.control("astm-e1381")
    tell(control, "load 7.01")
    for count in (1, 2):
        wait_for(lambda: '"stable": true' in tell(control, "state"))
        tell(control, "print")
        captures = wait_for(lambda: len(found := hall.captures("astm-e1381")) == 5 * count and found)  # noqa: B023
    results = [c["event"] for c in captures if c["event"]["kind"] == "result"]
    assert [(e["value"], e["test"], e["sample"]) for e in results] == [("7.0100", "pH", "S0001")] * 2


@pytest.mark.parametrize("layout", [toledo, yaohua_stx])
def test_an_indicator_sends_all_the_time_and_never_a_figure_out_of_range(layout):
    bridge = Weighbridge(Physics(capacity=Decimal(60000), decimals=0, settle_s=0.1), layout)
    profile = {toledo: "toledo-continuous", yaohua_stx: "xk3190-tf0"}[layout]
    bridge.physics.put(Decimal(12450), 0.0)
    (event,) = heard(profile, bridge.tick(9.0))
    assert (event.kind, event.value) == (Kind.READING, "12450")
    assert bridge.tick(9.05) == b""
    bridge.physics.put(Decimal(90000), 9.1)
    assert {event.kind for event in heard(profile, bridge.tick(20.0))} <= {Kind.OVERLOAD}


def test_a_toledo_indicator_shows_motion_and_the_tare_it_took_off():
    bridge = Weighbridge(Physics(capacity=Decimal(60000), decimals=1, settle_s=0.5), toledo)
    bridge.physics.put(Decimal(500), 0.0)
    (moving,) = heard("toledo-continuous", bridge.tick(0.2))
    bridge.physics.set_tare()
    bridge.physics.put(Decimal(350), 9.0)
    (net,) = heard("toledo-continuous", bridge.tick(30.0))
    assert moving.stability == "dynamic"
    assert (net.value, net.more["label"], net.more["tare"]) == ("-150.0", "net", "500.0")


def test_a_meter_measures_only_when_it_was_told_to_listen_and_queues_its_errors():
    meter = ScpiMeter(Physics(load=Decimal("10.0004"), capacity=Decimal(100)))
    assert meter.receive(b"READ?\nFOO\n", 9.0) == b""
    codes = [heard("scpi-34401a", meter.receive(b"SYST:ERR?\n", 9.0))[0].code for _ in range(3)]
    assert codes == ["550", "-113", "0"]
    (event,) = heard("scpi-34401a", meter.receive(b"SYST:REM\r\nMEAS:VOLT:DC?\n", 9.0), b"MEAS:VOLT:DC?\n")
    assert (event.value, event.unit) == ("10.0004000", "V")
    meter.physics.put(Decimal(500), 9.0)
    assert heard("scpi-34401a", meter.receive(b"xx\x03READ?\n", 30.0))[0].kind is Kind.OVERLOAD


def test_an_analyser_repeats_what_was_refused_and_goes_first_when_both_call():
    analyser, host = AstmAnalyser(Physics(load=Decimal("7.01"), decimals=2)), Session()
    host.send(["H|\\^&", "L|1|N"])
    assert (analyser.press_print(0.0), host.step(0.0)) == (ENQ, ENQ)
    assert analyser.receive(ENQ, 0.1) == b""
    assert host.hear(framed(ENQ), 0.1).reply == b""
    said, now = analyser.tick(1.2), 1.2
    events = []
    while said and now < 60:
        frames = Astm().framer().feed(said, NOON)
        damaged = now < 3 and said.startswith(STX)  # the line is bad for a while
        answers = [host.hear(framed(f.raw.replace(b"|", b"!") if damaged else f.raw), now) for f in frames]
        events += [event for answer in answers for event in answer.event.each()]
        now += 1
        said = b"".join(analyser.receive(answer.reply, now) for answer in answers if answer.reply)
    assert [e.value for e in events if e.kind is Kind.RESULT] == ["7.01"]
    assert sum(e.kind is Kind.BAD_CHECKSUM for e in events) >= 1
    assert not analyser.busy


def test_taking_waits_for_a_stable_figure_where_the_protocol_answers_at_once():
    take = load_profile("sbi-16").codec.command(Verb.TAKE)
    balance = SbiBalance(Physics(settle_s=0.1))
    balance.physics.put(Decimal("28.4517"), 0.0)
    (moving,) = heard("sbi-16", balance.receive(take.wire, 0.05))
    assert not take.is_answered_by(moving)
