"""The command line of a technician: run, enrol, status, decode, listen, ask, ports, profiles, spool, simulate, tell."""

import argparse
import io
import json
import logging
import os
import platform
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from instruments.astm import Astm
from instruments.astm_simulator import AstmAnalyser
from instruments.codec import Codec
from instruments.decode import decode
from instruments.errors import InstrumentError, NotEnrolled, SettingsWrong
from instruments.gateway import Gateway, run_until_signalled
from instruments.keys import fingerprint, public_bytes, save_identity
from instruments.modbus_framing import ModbusRtu
from instruments.modbus_simulator import ModbusTransmitter
from instruments.mtsics_simulator import MtSicsBalance
from instruments.profiles import CODECS, find_profile, load_profile, profile_names
from instruments.sbi_simulator import SbiBalance
from instruments.scpi_simulator import ScpiMeter
from instruments.settings import load_settings
from instruments.simulated_port import HELP, SimulatedPort, tell
from instruments.simulator import Physics, SimulatedDevice
from instruments.spool import SpoolReader
from instruments.technician import ask, listen, ports
from instruments.terminal_view import views
from instruments.weighbridge_simulator import Layout, Weighbridge, toledo, yaohua_stx
from instruments.wire import Server, enrol

SOFTWARE = "lims-gateway/1"


def _mt_sics(physics: Physics, chosen: argparse.Namespace) -> SimulatedDevice:
    return MtSicsBalance(physics, serial=chosen.serial, stable_timeout_s=chosen.stable_timeout)


def _sbi(physics: Physics, chosen: argparse.Namespace) -> SimulatedDevice:
    return SbiBalance(physics, serial=chosen.serial, wide=chosen.profile == "sbi-22")


def _modbus(physics: Physics, chosen: argparse.Namespace) -> SimulatedDevice:
    codec = load_profile(chosen.profile).codec
    return ModbusTransmitter(physics, codec.registers if isinstance(codec, ModbusRtu) else ())


def _weighbridge(layout: Layout) -> Callable[[Physics, argparse.Namespace], SimulatedDevice]:
    return lambda physics, _: Weighbridge(physics, layout)


def _scpi(physics: Physics, chosen: argparse.Namespace) -> SimulatedDevice:
    return ScpiMeter(physics, serial=chosen.serial)


def _astm(physics: Physics, chosen: argparse.Namespace) -> SimulatedDevice:
    codec = load_profile(chosen.profile).codec
    encoding = codec.encoding if isinstance(codec, Astm) else "latin-1"
    return AstmAnalyser(physics, serial=chosen.serial, cycle_s=chosen.settle, encoding=encoding)


SIMULATED: dict[str, Callable[[Physics, argparse.Namespace], SimulatedDevice]] = {
    "astm-e1381": _astm,
    "astm-worklist": _astm,
    "astm-worklist-gb18030": _astm,
    "mtsics": _mt_sics,
    "sbi-16": _sbi,
    "sbi-22": _sbi,
    "scpi-34401a": _scpi,
    "toledo-continuous": _weighbridge(toledo),
    "xk3190-tf0": _weighbridge(yaohua_stx),
    **{f"modbus-climate{order}": _modbus for order in ("", "-cdab", "-badc", "-dcba")},
}


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    chosen = parser.parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = chosen.command
    _take_any_text()
    try:
        return command(chosen)
    except InstrumentError as exc:
        sys.stderr.write(f"{exc.code}: {exc}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # "| head": the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _take_any_text() -> None:
    """A console or a pipe whose encoding has not every character is no reason to stop: it shows an escape, which
    JSON knows too, and bytes that are no text become lines that are refused with a sentence."""
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m instruments", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    sub = add("run", _run, "read the devices of a bench and deliver to the server, until stopped")
    sub.add_argument("config", type=Path)
    sub = add("enrol", _enrol, "exchange a one-time code for this gateway's identity")
    sub.add_argument("config", type=Path)
    sub.add_argument("--server", help="address; default: the one in the configuration")
    sub.add_argument("--code", help="the code that the server shows; asked for when left out")
    sub.add_argument("--again", action="store_true", help="replace an identity that is already here")
    sub = add("decode", _decode, "read 'request-hex TAB response-hex' lines, print one JSON event a line")
    sub.add_argument("profile", help="its name, or that of a protocol")
    for name, command, text in (
        ("listen", _listen, "print what a device sends"),
        ("ask", _ask, "send one command and print the answer"),
    ):
        sub = add(name, command, text)
        sub.add_argument("port")
        sub.add_argument("profile")
        sub.add_argument("--baud", type=int)
        sub.add_argument("--seconds", type=float, default=5.0 if name == "ask" else None)
        if name == "ask":
            sub.add_argument("text", help="the command without its line end, such as S or I4")
    add("ports", _ports, "list the serial ports of this machine, and who holds them")
    add("profiles", _profiles, "list the device profiles")
    sub = add("status", _status, "how a running gateway and its devices are")
    sub.add_argument("config", type=Path)
    sub.add_argument("--watch", action="store_true", help="again every second, until interrupted")
    sub = add("spool", _spool, "show or check the durable queue of a gateway")
    sub.add_argument("config", type=Path)
    sub.add_argument("--verify", action="store_true", help="check the hash chain")
    sub.add_argument("--list", type=int, metavar="N", help="print the last N captures as JSON lines")
    sub = add("simulate", _simulate, "a simulated device on a pseudo-terminal")
    sub.add_argument("profile", choices=sorted(SIMULATED))
    sub.add_argument("--link", type=Path, help="make this path point to the pseudo-terminal")
    sub.add_argument("--control", type=Path, help=f"socket that takes: {HELP}")
    sub.add_argument("--stdin", action="store_true", help="take the same commands from standard input")
    sub.add_argument("--serial", default="B123456789")
    sub.add_argument("--capacity", type=Decimal, default=Decimal(220), help="grams")
    sub.add_argument("--decimals", type=int, default=4)
    sub.add_argument("--settle", type=float, default=0.2, help="seconds")
    sub.add_argument("--stable-timeout", type=float, default=8.0, help="seconds")
    sub.add_argument("--seed", type=int, default=1)
    sub = add("tell", _tell, f"talk to a simulator: {HELP}")
    sub.add_argument("control", type=Path)
    sub.add_argument("words", nargs="+")
    return parser


def _run(chosen: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    run_until_signalled(Gateway(load_settings(chosen.config)))
    return 0


def _enrol(chosen: argparse.Namespace) -> int:
    settings = load_settings(chosen.config)
    address = chosen.server or settings.server
    if not address:
        raise SettingsWrong('which server? Write server = "https://..." in the configuration, or --server')
    if settings.identity_path.exists() and not chosen.again:
        raise NotEnrolled(f"{settings.identity_path} exists already; --again replaces it by a new key")
    code = chosen.code or input("One-time code shown by the server: ")
    server = Server(address, settings.ca_file)
    try:
        identity = enrol(
            server, code=code.strip(), name=settings.name, host=platform.node(), software=SOFTWARE
        )
    finally:
        server.close()
    save_identity(settings.identity_path, identity)
    shown = fingerprint(public_bytes(identity.key))
    sys.stdout.write(f"enrolled as {identity.gateway_id}; the server's page must show the key {shown}\n")
    return 0


def _decode(chosen: argparse.Namespace) -> int:
    codec = _spoken(chosen.profile)
    faults = 0
    for place, line in enumerate(sys.stdin, 1):
        text = line.removeprefix("\ufeff").strip(" \r\n")
        if not text:
            continue
        request, tab, response = text.partition("\t")
        try:
            asked, answered = bytes.fromhex(request), bytes.fromhex(response)
        except ValueError:
            tab = ""
        if not tab or "\t" in response:
            sys.stderr.write(f"line {place}: write request-hex TAB response-hex\n")
            faults += 1
            continue
        for event in decode(codec, asked, answered):
            sys.stdout.write(json.dumps(event.as_json(), ensure_ascii=False) + "\n")
        sys.stdout.flush()
    return 1 if faults else 0


def _spoken(name: str) -> Codec:
    """Of a profile; or of a protocol by itself, with what is usual in it."""
    if find_profile(name) is None and name in CODECS:
        return CODECS[name]({})
    return load_profile(name).codec


def _listen(chosen: argparse.Namespace) -> int:
    for line in listen(chosen.port, load_profile(chosen.profile), chosen.baud, chosen.seconds):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0


def _ask(chosen: argparse.Namespace) -> int:
    answered = False
    for line in ask(chosen.port, load_profile(chosen.profile), chosen.baud, chosen.text, chosen.seconds):
        sys.stdout.write(line + "\n")
        answered = True
    if not answered:
        sys.stderr.write(f"no answer within {chosen.seconds:g} s\n")
    return 0 if answered else 1


def _ports(chosen: argparse.Namespace) -> int:
    for line in ports():
        sys.stdout.write(line + "\n")
    return 0


def _profiles(chosen: argparse.Namespace) -> int:
    for name in profile_names():
        profile = load_profile(name)
        sys.stdout.write(f"{name}\t{profile.protocol}\t{profile.title}\n")
    return 0


def _status(chosen: argparse.Namespace) -> int:
    troubled = False
    for text, troubled in views(load_settings(chosen.config), watch=chosen.watch):  # noqa: B007 - the last counts
        sys.stdout.write(text)
        sys.stdout.flush()
    return 1 if troubled else 0


def _spool(chosen: argparse.Namespace) -> int:
    settings = load_settings(chosen.config)
    reader = SpoolReader(settings.spool_path)
    sys.stdout.write(
        f"epoch {reader.epoch}: {reader.last_seq} captures so far, held from {reader.oldest}, "
        f"{reader.pending} not yet with the server (it has {reader.acknowledged})\n"
    )
    if chosen.list:
        for row in reader.after(max(0, reader.last_seq - chosen.list), rows=chosen.list):
            sys.stdout.write(row.body.decode() + "\n")
    faults = list(reader.faults()) if chosen.verify else []
    for fault in faults:
        sys.stderr.write(fault + "\n")
    if chosen.verify and not faults:
        sys.stdout.write("the chain holds\n")
    reader.close()
    return 1 if faults else 0


def _simulate(chosen: argparse.Namespace) -> int:
    physics = Physics(
        capacity=chosen.capacity, decimals=chosen.decimals, settle_s=chosen.settle, seed=chosen.seed
    )
    device = SIMULATED[chosen.profile](physics, chosen)
    port = SimulatedPort(device, link=chosen.link, control=chosen.control)
    if chosen.stdin:
        port.read_commands_from(sys.stdin.fileno())
    sys.stdout.write(f"{port.name}\n")
    sys.stdout.flush()
    port.run()
    return 0


def _tell(chosen: argparse.Namespace) -> int:
    try:
        answer = tell(chosen.control, " ".join(chosen.words))
    except OSError as exc:
        raise SettingsWrong(f"no simulator listens at {chosen.control}: {exc.strerror or exc}") from exc
    sys.stdout.write(answer + "\n")
    return 1 if answer.startswith("error") else 0
