"""The simulated Sartorius balance and Modbus transmitter, read back by the codecs and by the real gateway."""

import base64
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.codec import Verb
from instruments.modbus_framing import crc16
from instruments.modbus_simulator import ModbusTransmitter
from instruments.profiles import load_profile
from instruments.readings import Kind
from instruments.sbi_simulator import SbiBalance
from instruments.simulated_port import tell
from instruments.simulator import Physics
from tests.instruments.making import NOON, wait_for
from tests.instruments.receiving import Receiving
from tests.instruments.test_end_to_end import Bench


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


@pytest.fixture
def bench(tmp_path, request):
    with Receiving() as server:
        bench = Bench(tmp_path, server, profile=request.param, serial="")
        bench.start(
            "simulate", request.param, "--link", str(tmp_path / "port"), "--control", str(bench.control)
        )
        wait_for(bench.control.exists)
        bench.enrol()
        bench.gateway()
        yield bench
        bench.stop()


@pytest.mark.parametrize(
    ("bench", "figure"), [("sbi-16", "28.4517"), ("modbus-climate", "28.4517")], indirect=["bench"]
)
def test_a_load_is_seen_live_and_taken_from_each_of_them(bench, figure):
    wait_for(lambda: bench.state() == "connected")
    tell(bench.control, f"load {figure}")
    wait_for(lambda: bench.figure() == figure)
    bench.server.commands.append({"id": "r", "device": "balance-1", "verb": "take", "expires_in_ms": 5000})
    (capture,) = wait_for(bench.server.all_captures)
    assert (capture["trigger"], capture["event"]["value"]) == ("take", figure)
    assert base64.b64decode(capture["raw"])


def test_taking_waits_for_a_stable_figure_where_the_protocol_answers_at_once():
    take = load_profile("sbi-16").codec.command(Verb.TAKE)
    balance = SbiBalance(Physics(settle_s=0.1))
    balance.physics.put(Decimal("28.4517"), 0.0)
    (moving,) = heard("sbi-16", balance.receive(take.wire, 0.05))
    assert not take.is_answered_by(moving)
