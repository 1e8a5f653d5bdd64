"""The demo's bench: five simulated devices in one process, what happens on them by itself, and a hand's way to them.

``run FOLDER`` serves them; ``tell FOLDER DEVICE WORDS...`` does what a hand does (script/demo-device).
"""

import argparse
import hashlib
import json
import math
import random
import selectors
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from instruments.astm_simulator import AstmAnalyser
from instruments.modbus_framing import ModbusRtu
from instruments.modbus_simulator import ModbusTransmitter
from instruments.mtsics_simulator import MtSicsBalance
from instruments.profiles import load_profile
from instruments.scpi_simulator import ScpiMeter
from instruments.simulated_port import SimulatedPort, run_ports, tell
from instruments.simulator import Physics, SimulatedDevice
from instruments.weighbridge_simulator import Weighbridge, toledo

GATEWAY = "bench-1"
BALANCE, METER, CLIMATE = "balance-1", "multimeter-1", "climate-1"
BRIDGE, ANALYSER = "weighbridge-1", "analyser-1"
BALANCE_SERIAL = "B123456789"
METER_IDENTITY = "HEWLETT-PACKARD,34420A,0,11-5-2"
# What the gateway's configuration says of each, beside key and port.
CONFIGURED: dict[str, dict[str, str | int]] = {
    BALANCE: {"profile": "mtsics", "serial": BALANCE_SERIAL},
    METER: {"profile": "scpi-34420a-ohms", "serial": METER_IDENTITY, "live_interval_ms": 500},
    CLIMATE: {"profile": "modbus-climate", "live_interval_ms": 1500},
    BRIDGE: {"profile": "toledo-continuous"},
    ANALYSER: {"profile": "astm-worklist"},
}

TICK_S = 0.05
BRIDGE_EVERY_S = 0.2
HANDS_OFF_S = 900.0  # what a hand has put on a device stays so long
ROOM_EVERY_S = 5.0
R20 = 0.0073786  # ohm of one metre of 2.5 mm² copper at 20 °C; 234.5 K is copper's constant (GB/T 3048.4)
AMMONIA, ASSAY_S = "NH3-N", 6.0
FIRST_REPORT_S, REPORT_EVERY_S, AGAIN_AFTER_S = 25.0, 300.0, 1800.0
# Gross and empty mass of trucks in kg; each comes loaded, and comes back empty.
TRUCKS = ((24_360, 9_140), (18_720, 7_980), (27_450, 10_210))
ON_S, OFF_S, AXLE_S = 50.0, 22.0, 3.0


def control_path(folder: Path, key: str) -> Path:
    """A device's control socket; its path may have 107 bytes only."""
    inside = folder / f"{key}.sock"
    if len(str(inside)) < 100:
        return inside
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"lims-demo-{name}-{key}.sock"


def gateway_config(folder: Path, server: str) -> str:
    """JSON's text is TOML's basic string."""
    lines = ["[gateway]", f"name = {json.dumps(GATEWAY)}", f"server = {json.dumps(server)}", 'folder = "."']
    for key, facts in CONFIGURED.items():
        row = {"key": key, "port": str(folder / key), **facts}
        lines += ["", "[[device]]", *(f"{name} = {json.dumps(value)}" for name, value in row.items())]
    return "\n".join(lines) + "\n"


# -- what they are ---------------------------------------------------------------------


def simulated() -> dict[str, SimulatedDevice]:
    climate = load_profile("modbus-climate").codec
    assert isinstance(climate, ModbusRtu)
    ohms = Physics(capacity=Decimal("1.2"), decimals=7, load=Decimal(str(round(R20, 7))))
    degrees = Physics(capacity=Decimal(120), decimals=1, load=Decimal("23.0"))
    kilograms = Physics(capacity=Decimal(30_000), decimals=-1, settle_s=1.2, noise_d=3.0)
    milligrams = Physics(capacity=Decimal(5), decimals=3, settle_s=0.5)
    return {
        BALANCE: MtSicsBalance(Physics(), serial=BALANCE_SERIAL),
        METER: ScpiMeter(ohms, model="34420A"),
        CLIMATE: ModbusTransmitter(degrees, climate.registers),
        BRIDGE: Weighbridge(kilograms, toledo, every_s=BRIDGE_EVERY_S),
        ANALYSER: AstmAnalyser(
            milligrams,
            serial="861200417",
            test=AMMONIA,
            unit="mg/L",
            together=True,
            knows=frozenset({AMMONIA}),
            assay=lambda sample, _test: ammonia_of(sample),
            cycle_s=ASSAY_S,
        ),
    }


# -- what happens to them --------------------------------------------------------------


@dataclass(slots=True)
class Hand:
    """Puts loads on one device, and lets it be for a while when somebody else has put one."""

    physics: Physics
    _mine: Decimal | None = None
    _until: float = 0.0

    def put(self, load: Decimal, now: float) -> bool:
        """Whether anything was changed."""
        if self._mine is not None and self.physics.load != self._mine:
            self._mine, self._until = self.physics.load, now + HANDS_OFF_S
        if now < self._until or load == self._mine:
            return False
        self.physics.put(load, now)
        self._mine = load
        return True


@dataclass(slots=True)
class Room:
    """Slow drift of temperature and humidity; the conductor on the meter follows the temperature."""

    climate: ModbusTransmitter
    meter: ScpiMeter
    begun: float
    _degrees: Hand = field(init=False)
    _ohms: Hand = field(init=False)
    _due: float = 0.0

    def __post_init__(self) -> None:
        self._degrees, self._ohms = Hand(self.climate.physics), Hand(self.meter.physics)

    def play(self, now: float) -> None:
        if now < self._due:
            return
        self._due = now + ROOM_EVERY_S
        degrees, humidity = climate_at(now - self.begun)
        self._degrees.put(Decimal(f"{degrees:.1f}"), now)
        self.climate.humidity = Decimal(f"{humidity:.1f}")
        self._ohms.put(Decimal(f"{R20 * (234.5 + degrees) / 254.5:.7f}"), now)


def climate_at(elapsed: float) -> tuple[float, float]:
    """Degrees Celsius and percent: the air conditioning's slow swing, and its compressor's short one."""
    degrees = 23.4 + 0.9 * math.sin(elapsed / 620) + 0.15 * math.sin(elapsed / 61)
    return degrees, 52.0 - 2.4 * (degrees - 23.4) + 0.6 * math.sin(elapsed / 147)


@dataclass(slots=True)
class Yard:
    """Trucks drive on axle by axle, stand, and drive off: loaded first, then empty."""

    bridge: Weighbridge
    begun: float
    _hand: Hand = field(init=False)

    def __post_init__(self) -> None:
        self._hand = Hand(self.bridge.physics)

    def play(self, now: float) -> None:
        if self._hand.put(load_at(now - self.begun), now):
            self.bridge.physics.disturb(AXLE_S, now)


def load_at(elapsed: float) -> Decimal:
    """Kilograms on the platform."""
    turn, within = divmod(elapsed, OFF_S + ON_S)
    truck, empty = divmod(int(turn), 2)
    whole = TRUCKS[truck % len(TRUCKS)][empty]
    standing = within - OFF_S
    if standing < 0:
        return Decimal(0)
    one_axle = standing < AXLE_S or standing > ON_S - AXLE_S
    return Decimal(whole * 4 // 100 * 10 if one_axle else whole)


@dataclass(slots=True)
class Series:
    """The analyser measures what somebody put on it, one every few minutes; the whole list again much later. What
    it was ordered to measure it does by itself, so that is left out here."""

    port: SimulatedPort
    analyser: AstmAnalyser
    samples: Sequence[str]
    begun: float
    _place: int = 0
    _due: float = field(init=False)

    def __post_init__(self) -> None:
        self._due = self.begun + FIRST_REPORT_S

    def play(self, now: float) -> None:
        if not self.samples or now < self._due:
            return
        sample = self.samples[self._place]
        told = (sample, AMMONIA) in self.analyser.told
        self._place = (self._place + 1) % len(self.samples)
        self._due = now if told and self._place else now + (REPORT_EVERY_S if self._place else AGAIN_AFTER_S)
        if told:
            return
        self.port.obey(f"sample {sample}")
        self.port.obey(f"load {ammonia_of(sample)}")
        self.port.obey("print")


def ammonia_of(sample: str) -> Decimal:
    """mg/L, the same for a sample each time; drinking water may have 0.5."""
    return Decimal(random.Random(sample).randint(40, 430)) / 1000


# -- the process -----------------------------------------------------------------------


def serve(folder: Path, samples: Sequence[str]) -> None:
    """Until a signal comes. The ports lie in ``folder`` under the devices' names."""
    selector = selectors.DefaultSelector()
    devices = simulated()
    ports = {
        key: SimulatedPort(device, link=folder / key, control=control_path(folder, key), selector=selector)
        for key, device in devices.items()
    }
    climate, meter, bridge, analyser = (devices[key] for key in (CLIMATE, METER, BRIDGE, ANALYSER))
    assert isinstance(climate, ModbusTransmitter)
    assert isinstance(meter, ScpiMeter)
    assert isinstance(bridge, Weighbridge)
    assert isinstance(analyser, AstmAnalyser)
    now = time.monotonic()
    scenes: list[Callable[[float], None]] = [
        Room(climate, meter, now).play,
        Yard(bridge, now).play,
        Series(ports[ANALYSER], analyser, samples, now).play,
    ]

    def play(at: float) -> None:
        for scene in scenes:
            scene(at)

    run_ports(list(ports.values()), selector, busy_tick_s=TICK_S, play=play)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m script.devices", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    sub = commands.add_parser("run")
    sub.add_argument("folder", type=Path)
    sub.add_argument("--sample", action="append", default=[], help="somebody put it on the analyser")
    sub = commands.add_parser("tell")
    sub.add_argument("folder", type=Path)
    sub.add_argument("device", choices=list(CONFIGURED))
    sub.add_argument("words", nargs="+")
    chosen = parser.parse_args()
    if chosen.command == "run":
        serve(chosen.folder, chosen.sample)
        return 0
    try:
        answer = tell(control_path(chosen.folder, chosen.device), " ".join(chosen.words))
    except OSError as exc:
        sys.stderr.write(f"no demo runs on {chosen.folder.parent}: {exc.strerror or exc}\n")
        return 1
    sys.stdout.write(answer + "\n")
    return 1 if answer.startswith("error") else 0


if __name__ == "__main__":
    sys.exit(main())
