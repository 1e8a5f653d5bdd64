"""Our codecs, links and simulators against servers, clients and simulators that others wrote."""

import random
import re
import socket
import struct
import subprocess
import sys
from collections import Counter
from decimal import Decimal

import minimalmodbus
import pytest
import pyvisa
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from instruments.captures import Trigger
from instruments.codec import Verb
from instruments.dialogue import Order
from instruments.modbus_simulator import ModbusTransmitter
from instruments.profiles import load_profile
from instruments.readings import NOT_UNDERSTOOD, Kind
from instruments.settings import Live
from instruments.simulator import Physics
from tests.instruments.wiring import Cable, InThread, Ours, Terminal

# --- a Modbus server of others, read by our codec and link -------------------------------------------------


class BadLine:
    """pymodbus' hook for packets: lets some through, spoils others, and remembers which it let through."""

    def __init__(self, seed: int):
        self._dice = random.Random(seed)
        self.whole: list[bytes] = []
        self.faults: Counter[str] = Counter()

    def __call__(self, sending: bool, packet: bytes) -> bytes:
        if not sending or not packet:
            return packet
        fault = self._dice.choice(("none", "none", "none", "flip", "drop", "cut", "noise"))
        self.faults[fault] += 1
        place = self._dice.randrange(len(packet))
        match fault:
            case "flip":
                return (
                    packet[:place]
                    + bytes([packet[place] ^ 1 << self._dice.randrange(8)])
                    + packet[place + 1 :]
                )
            case "drop":
                return packet[:place] + packet[place + 1 :]
            case "cut":
                return packet[:place]
        self.whole.append(packet)
        return self._dice.randbytes(place) + packet if fault == "noise" else packet


def climate(device: int, action=None) -> SimDevice:
    floats = SimData(0, values=[21.5, 45.5], datatype=DataType.FLOAT32)
    tenths = SimData(10, values=[215, 455], datatype=DataType.INT16)
    return SimDevice(device, simdata=[floats, tenths], action=action)


async def counting(_function, _start, _address, _count, registers, _values):
    """Every answer is another one: none can be taken for another's without being seen."""
    (degrees,) = struct.unpack(">f", struct.pack(">HH", *registers[:2]))
    registers[:2] = struct.unpack(">HH", struct.pack(">f", degrees + 0.25))


@pytest.mark.parametrize("seed", [1, 2])
def test_every_whole_answer_of_a_modbus_server_is_kept_once_and_no_spoiled_one_is_read(seed):
    line = BadLine(seed)
    with (
        Cable() as cable,
        InThread(
            lambda: ModbusSerialServer(
                climate(1, counting), port=cable.theirs, baudrate=9600, trace_packet=line
            )
        ),
        Ours("modbus-climate", cable.ours, live_interval_ms=50) as ours,
    ):
        ours.talk_until(lambda: len(line.whole) >= 40)
        ours.talk_until(lambda: line.whole[-1] in [draft.raw for draft in ours.shelf.drafts])
    sent = set(line.whole)
    kept = [draft.raw for draft in ours.shelf.drafts if draft.raw in sent]
    assert kept == line.whole[: len(kept)]
    assert len(line.whole) - len(kept) <= 1  # said after we had hung up
    assert {d.raw for d in ours.shelf.drafts if d.event.kind not in NOT_UNDERSTOOD and d.raw} <= sent
    assert min(line.faults.values()) >= 3
    degrees = {e.value for e in ours.events if e.more.get("name") == "temperature"}
    assert len(degrees) > 10


def test_a_silent_slave_of_a_modbus_line_disturbs_nobody():
    def serve():
        store = SimDevice(2, simdata=[SimData(0, values=[-40], datatype=DataType.INT16)])
        return ModbusSerialServer(store, port=cable.theirs, baudrate=9600, trace_packet=only_the_second)

    asked = Counter()

    def only_the_second(sending: bool, packet: bytes) -> bytes:
        if not sending:
            asked[packet[0]] += 1
        return b"" if sending and packet[:1] == b"\1" else packet  # an error is not silence

    with Cable() as cable, InThread(serve), Ours("modbus-two-rooms", cable.ours) as ours:
        ours.talk_until(lambda: len(ours.events) >= 20)
    assert {(e.value, e.more["name"]) for e in ours.events} == {("-4.0", "store_temperature")}
    assert 0 < asked[1] < asked[2] / 2


def test_what_a_modbus_server_does_not_have_is_an_error_and_no_value():
    def serve():
        floats = SimData(0, values=[21.5, 45.5], datatype=DataType.FLOAT32)
        return ModbusSerialServer(SimDevice(1, simdata=[floats]), port=cable.theirs, baudrate=9600)

    with Cable() as cable, InThread(serve), Ours("modbus-climate", cable.ours, live_interval_ms=50) as ours:
        ours.talk_until(lambda: len(ours.events) >= 12)
    errors = {e.code for e in ours.events if e.kind is Kind.ERROR}
    assert errors == {"illegal data address (2)"}
    assert {e.value for e in ours.events if e.kind is Kind.READING} == {"21.5", "45.5"}


def test_a_modbus_tcp_server_is_read_register_for_register():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with (
        InThread(lambda: ModbusTcpServer(climate(1), address=("127.0.0.1", port))),
        Ours("modbus-tcp-climate", f"socket://127.0.0.1:{port}", live_interval_ms=50) as ours,
    ):
        ours.talk_until(lambda: len(ours.shelf.drafts) >= 8)
    assert {(e.more["name"].removesuffix("_tenths"), e.value) for e in ours.events} == {
        ("temperature", "21.5"),
        ("humidity", "45.5"),
    }


# --- our Modbus simulator, read by clients of others -------------------------------------------------------


@pytest.fixture
def transmitter(request):
    registers = load_profile(f"modbus-climate{request.param}").codec.registers
    load = Decimal("-17.25")
    made = ModbusTransmitter(Physics(decimals=2, load=load, capacity=Decimal(300)), registers)
    with Terminal(lambda chunk: made.receive(chunk, 99.0)) as terminal:
        yield terminal.name


@pytest.mark.parametrize(
    ("transmitter", "order"),
    [
        ("", minimalmodbus.BYTEORDER_BIG),
        ("-cdab", minimalmodbus.BYTEORDER_LITTLE_SWAP),
        ("-badc", minimalmodbus.BYTEORDER_BIG_SWAP),
        ("-dcba", minimalmodbus.BYTEORDER_LITTLE),
    ],
    indirect=["transmitter"],
)
def test_minimalmodbus_reads_our_transmitter_in_every_word_order(transmitter, order):
    client = minimalmodbus.Instrument(transmitter, 1)
    client.serial.timeout = 0.25  # it waits so long for the rest of every exception
    try:
        for function in (3, 4):
            assert client.read_float(0, functioncode=function, byteorder=order) == -17.25
            assert client.read_float(2, functioncode=function, byteorder=order) == 45.5
            assert client.read_register(10, 1, functioncode=function, signed=True) in (-17.3, -17.2)
        with pytest.raises(minimalmodbus.IllegalRequestError):
            client.read_register(500)
    finally:
        client.serial.close()


@pytest.mark.parametrize(
    ("transmitter", "words"), [("", "big"), ("-cdab", "little")], indirect=["transmitter"]
)
def test_pymodbus_reads_our_transmitter(transmitter, words):
    with ModbusSerialClient(port=transmitter, framer=FramerType.RTU, baudrate=9600, timeout=2) as client:
        kind = client.DATATYPE.FLOAT32
        for ask in (client.read_holding_registers, client.read_input_registers):
            answer = ask(0, count=4, device_id=1)
            figures = [
                client.convert_from_registers(answer.registers[place : place + 2], kind, word_order=words)
                for place in (0, 2)
            ]
            assert figures == [-17.25, 45.5]
        refused = client.read_holding_registers(500, count=2, device_id=1)
        assert (refused.isError(), refused.exception_code) == (True, 2)


# --- SCPI devices of others, read by our codec and link ----------------------------------------------------

METER = """
spec: "1.0"
devices:
  meter:
    eom:
      ASRL INSTR: {q: "\\n", r: "\\r\\n"}
    error:
      error_queue:
        - q: "SYST:ERR?"
          default: '+0,"No error"'
          command_error: '-113,"Undefined header"'
    dialogues:
      - {q: "*IDN?", r: "HEWLETT-PACKARD,34401A,0,11-5-2"}
      - {q: "SYST:REM"}
      - {q: "CONF:VOLT:DC"}
    properties:
      figure:
        default: "+1.00004210E+01"
        getter: {q: "READ?", r: "{:s}"}
        setter: {q: "SIM:SET {:s}"}
        specs: {type: str}
resources:
  ASRL1::INSTR: {device: meter}
"""


@pytest.fixture
def meter(tmp_path):
    """A meter of pyvisa-sim on a pseudo-terminal, and the resource to set it by."""
    definition = tmp_path / "meter.yaml"
    definition.write_text(METER)
    manager = pyvisa.ResourceManager(f"{definition}@sim")
    resource = manager.open_resource("ASRL1::INSTR", write_termination="", read_termination="\r\n")
    resource.timeout = 1

    def answer(chunk: bytes) -> bytes:
        for line in chunk.splitlines(keepends=True):  # it takes one message at a time
            resource.write_raw(line)
        said = b""
        while True:
            try:
                said += resource.read_raw()
            except pyvisa.errors.VisaIOError:
                return said

    with Terminal(answer) as terminal:
        yield terminal.name, resource
    resource.close()
    manager.close()


def test_a_meter_of_pyvisa_sim_is_set_up_read_and_asked_for_its_errors(meter):
    port, resource = meter
    with Ours("scpi-34401a-dc-volts", port, live=Live.OFF) as ours:
        ours.talk_until(lambda: ours.device.view().serial)
        ours.device.want(Order(Verb.TAKE, "r1"))
        ours.talk_until(lambda: ours.shelf.results)
        for wrong in (b"VOLT:FOO 1\n", b"BAR\n"):
            resource.write_raw(wrong)
        resource.write_raw(b"SIM:SET +9.90000000E+37\n")
        ours.device.want(Order(Verb.TAKE, "r2"))
        ours.talk_until(lambda: len(ours.events) >= 4)
        resource.write_raw(b"SIM:SET -2.34500000E-03\n")
        ours.device.want(Order(Verb.TAKE, "r3"))
        ours.talk_until(lambda: len(ours.shelf.results) >= 3)
    assert ours.device.dialogue.pending is None
    told = [
        (d.request_id, d.event.kind, d.event.value, d.event.unit, d.event.code) for d in ours.shelf.drafts
    ]
    assert told == [
        ("r1", Kind.READING, "10.0004210", "V", None),
        ("r2", Kind.OVERLOAD, None, None, "+9.90000000E+37"),
        (None, Kind.ERROR, None, None, "-113"),
        (None, Kind.ERROR, None, None, "-113"),
        ("r3", Kind.READING, "-0.00234500000", "V", None),
    ]


# --- a weighbridge of others -------------------------------------------------------------------------------


@pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="weighbridge-simulator is not offered for this Python"
)
def test_a_weighbridge_of_others_is_read_figure_for_figure(tmp_path):
    figures = [f"{tonnes:07.3f}" for tonnes in (0, 0, 12.34, 12.345, 12.345, 12.345, 12.345, 12.345, 8)]
    (tmp_path / "figures").write_text("\n".join(figures) + "\n")
    words = ["-m", "weighbridge_simulator", "-d", str(tmp_path / "figures"), "-l", "0", "-i", "0.02"]
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True) as bridge:
        try:
            port = re.search(r"Created PTY: (\S+)", bridge.stdout.readline())[1]
            with Ours("xk3190-reversed-end", port) as ours:
                ours.talk_until(lambda: len(ours.events) > 3 * len(figures))
                ours.device.want(Order(Verb.TAKE, "r1"))
                ours.talk_until(lambda: ours.shelf.results)
        finally:
            bridge.terminate()
    streamed = [d.event.value for d in ours.shelf.drafts if d.trigger is Trigger.LIVE]
    expected = ["0.000", "0.000", "12.340", *5 * ["12.345"], "8.000"]
    first = next(n for n in range(len(expected)) if (expected * 2)[n : n + 9] == streamed[:9])
    assert streamed == (expected * 9)[first : first + len(streamed)]
    taken = next(d.event for d in ours.shelf.drafts if d.trigger is Trigger.TAKE)
    assert (taken.value, taken.more["stability_inferred"]) == ("12.345", True)
