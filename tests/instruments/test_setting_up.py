"""A meter is set up on a person's order: it says what it is now, or why it is not."""

from decimal import Decimal

import pytest

from instruments.captures import Trigger
from instruments.codec import Verb
from instruments.dialogue import Order
from instruments.errors import ProfileWrong
from instruments.modbus_framing import ModbusRtu
from instruments.profiles import load_profile, parse_profile
from instruments.scpi_simulator import ScpiMeter
from instruments.settings import Live
from instruments.simulator import Physics
from tests.instruments.test_device import Rig, rig  # noqa: F401  (a fixture)


class Bench:
    """A simulated meter on a socket; ``run`` lets both talk for a while."""

    def __init__(self, made: Rig) -> None:
        self.rig = made
        self.meter = ScpiMeter(Physics(capacity=Decimal(12), decimals=6, load=Decimal("10.00421")))
        self.wire, self.underway = b"", (b"", b"")  # what becomes what on its way to the meter

    def run(self, turns=8):
        for _ in range(turns):
            sent = self.rig.turn(0.4)
            self.wire += sent
            if sent and (back := self.meter.receive(sent.replace(*self.underway), self.rig.now)):
                self.rig.send(back)
            self.rig.shelf.commit()

    def set_up(self, key, id_="s1"):
        self.rig.device.want(Order(Verb.SETUP, id=id_, argument=key))
        self.run()
        return self.rig.shelf.results[-1]


@pytest.fixture
def bench(rig):  # noqa: F811
    made = Bench(rig(profile="scpi-34401a", live=Live.OFF))
    made.run()
    return made


def test_a_function_is_set_confirmed_and_gives_its_unit_to_the_readings(bench):
    said = bench.set_up("dc-volts-10")
    assert (said.outcome, said.code) == ("done", None)
    assert b"*CLS\nCONF:VOLT:DC 10,0.00001\nSYST:ERR?;:CONF?\n" in bench.wire
    view = bench.rig.device.view()
    assert (view.setup, [one.key for one in view.setups][:2]) == (
        "dc-volts-10",
        ["dc-volts-auto", "dc-volts-10"],
    )
    bench.rig.device.want(Order(Verb.TAKE, id="t1"))
    bench.run()
    proof, reading = bench.rig.shelf.drafts[-2:]
    assert (proof.trigger, proof.request_id, proof.event.code) == (
        Trigger.ASKED, "s1", "VOLT +1.000000E+01,+1.000000E-05",
    )  # fmt: skip
    assert (reading.event.number, reading.event.unit) == (Decimal("10.00421"), "V")


def test_what_the_meter_refuses_comes_back_with_its_own_error_and_changes_nothing(bench):
    bench.set_up("dc-volts-10")
    bench.underway = (b"CONF:FRES", b"CONF:FRES 1E12")
    said = bench.set_up("ohms-4w", "s2")
    assert (said.outcome, said.code) == ("refused", "-222")
    assert bench.rig.device.view().setup == "dc-volts-10"
    assert bench.rig.shelf.drafts[-1].event.more["text"] == "Data out of range"


def test_a_meter_that_stays_what_it_was_is_not_set_up(bench):
    bench.underway = (b"CONF:FRES\n", b"")
    said = bench.set_up("ohms-4w")
    assert (said.outcome, said.code) == ("refused", "not_set_up")
    assert bench.rig.device.view().setup is None


def test_a_meter_that_was_switched_off_is_set_up_again_when_it_is_opened(bench):
    bench.set_up("ohms-4w")
    bench.rig.far.close()
    bench.rig.device.readable(bench.rig.now)
    bench.meter.switch_on()
    bench.wire = b""
    bench.rig.now += 60
    bench.rig.reopen()
    bench.run()
    assert b"SYST:REM\nCONF:FRES\n*IDN?\n" in bench.wire


def test_an_unknown_set_up_is_refused_at_once(bench):
    bench.rig.device.want(Order(Verb.SETUP, id="s9", argument="no-such"))
    bench.run(2)
    assert bench.rig.shelf.results[-1].code == "no_such_command"


@pytest.mark.parametrize(
    "setup",
    [
        {"key": "a", "send": ["READ?"], "confirms": "VOLT"},
        {"key": "A b", "send": ["CONF:RES"], "confirms": "RES"},
        {"key": "a", "send": [], "confirms": "RES"},
        {"key": "a", "send": ["CONF:RES\n*RST"], "confirms": "RES"},
        {"key": "a", "send": ["CONF:RES"], "confirms": "RES", "volts": 1},
    ],
)
def test_a_set_up_that_could_spoil_the_talk_is_no_profile(setup):
    with pytest.raises(ProfileWrong):
        parse_profile("x", {"protocol": "SCPI", "codec": {"setups": [setup]}})


def test_registers_carry_their_names_in_both_languages():
    codec = load_profile("modbus-climate").codec
    assert isinstance(codec, ModbusRtu)
    assert codec.labels()["temperature"] == ("temperature", "温度")
