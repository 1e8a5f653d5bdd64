"""The demo laboratory: web, worker, five simulated devices and their gateway, on one machine. See script/demo."""

import fcntl
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from script.devices import BALANCE, CONFIGURED, GATEWAY, gateway_config
from script.supervise import CommandFailed, StopAsked, Supervisor

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
READY_WITHIN_S = 90.0


class CannotStart(RuntimeError):
    """Said to the person in one sentence."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the demo keeps its things."""

    data: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def logs(self) -> Path:
        return self.data / "log"

    @property
    def accounts(self) -> Path:
        return self.data / "demo_accounts.json"

    @property
    def bench(self) -> Path:
        return self.data / "gateway"


def read_places() -> Places:
    data = Path(os.environ.get("LIMS_DATA") or ROOT / "var" / "demo").resolve()
    text = os.environ.get("LIMS_PORT", "8080")
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CannotStart(f"LIMS_PORT must be a number from 1 to 65535, not {text!r}")
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in ("log", "gateway"):
            (data / folder).mkdir(exist_ok=True, mode=0o700)
    except OSError as problem:
        raise CannotStart(f"LIMS_DATA cannot be used: {problem}") from problem
    return Places(data, int(text))


def hold(data: Path) -> int:
    """Keep a second demo off the same data. The lock goes with the process."""
    handle = os.open(data / ".running", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        raise CannotStart(f"a demo is running on {data} already") from taken
    return handle


def check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as taken:
            raise CannotStart(f"port {port} is taken; choose another with LIMS_PORT") from taken


def environment(places: Places) -> dict[str, str]:
    return {
        **os.environ,
        "LIMS_DATA": str(places.data),
        "LIMS_PORT": str(places.port),
        "LIMS_BASE_URL": places.address,
        "LIMS_DEMO": "1",
        "FLASK_APP": "wsgi",
        "PYTHONUNBUFFERED": "1",
    }


def flask(*words: str) -> list[str]:
    return [PYTHON, "-m", "flask", *words]


# -- data ------------------------------------------------------------------------------


def prepare(supervisor: Supervisor, places: Places) -> None:
    """Migrate; seed once. A seeding that was cut off is done again from nothing."""
    begun = places.data / ".seeding"
    if begun.exists() and "LIMS_DATABASE_URL" not in os.environ:
        say("the last start was cut off while it made its data; making them anew")
        for left in places.data.glob("lims.sqlite*"):
            left.unlink()
    supervisor.run("migrate", flask("db", "upgrade"))
    if places.accounts.exists() and not begun.exists():
        return
    say("making the demo data (once; takes a few minutes)")
    begun.touch()
    orders = os.environ.get("LIMS_DEMO_ORDERS")
    more = ["--orders", orders] if orders else []
    supervisor.run("seed", flask("lims", "seed-demo", *more))
    if not places.accounts.exists():
        raise CannotStart("seeding ended without demo accounts")
    begun.unlink()


# -- processes -------------------------------------------------------------------------


def start_web(supervisor: Supervisor, places: Places) -> None:
    gunicorn = [PYTHON, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{places.port}"]
    gunicorn += ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--timeout", "60"]
    gunicorn += ["--graceful-timeout", "10", "--no-control-socket", "--log-level", "warning"]
    supervisor.start("web", gunicorn)
    supervisor.start("worker", flask("lims", "worker"))


def start_bench(supervisor: Supervisor, places: Places) -> None:
    """The devices on their pseudo-terminals, then the gateway that reads them."""
    lines = [places.bench / key for key in CONFIGURED]
    for line in lines:
        line.unlink(missing_ok=True)  # of the last run: may point to somebody's terminal by now
    samples = supervisor.run("worklist", flask("lims", "analyser-worklist")).split()
    wanted = [word for number in samples for word in ("--sample", number)]
    supervisor.start("devices", [PYTHON, "-m", "script.devices", "run", str(places.bench), *wanted])
    wait_until(lambda: all(line.exists() for line in lines), supervisor, "the simulated devices", 15)
    config = places.bench / "gateway.toml"
    config.write_text(gateway_config(places.bench, places.address))
    enrol(supervisor, places, config)
    supervisor.start("gateway", [PYTHON, "-m", "instruments", "run", str(config)])


def enrol(supervisor: Supervisor, places: Places, config: Path) -> None:
    """Once for this data folder and address: with the code that the server gives for the demo's gateway."""
    identity = places.bench / "identity.json"
    if identity.exists():
        if json.loads(identity.read_text())["server"] == places.address:
            return
        # The port was changed: the key stays, only the way to the server is another.
        content = json.loads(identity.read_text()) | {"server": places.address}
        identity.write_text(json.dumps(content, indent=1))
        return
    code = supervisor.run("enrol", flask("lims", "gateway-code", GATEWAY)).split()[-1]
    command = [PYTHON, "-m", "instruments", "enrol", str(config), "--code", code]
    supervisor.run("enrol", command)


# -- readiness -------------------------------------------------------------------------


def health(places: Places) -> dict[str, object]:
    """What /healthz says; empty while nobody answers."""
    try:
        with urllib.request.urlopen(f"{places.address}/healthz", timeout=5) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as degraded:
        return dict(json.load(degraded))
    except (OSError, ValueError):
        return {}


def everything_lives(places: Places) -> bool:
    report = health(places)
    gateways = report.get("gateways")
    alive = isinstance(gateways, dict) and any(row.get("state") == "ok" for row in gateways.values())
    return report.get("status") == "ok" and alive


def wait_until(
    what: Callable[[], bool], supervisor: Supervisor, name: str, within_s: float = READY_WITHIN_S
) -> None:
    until = time.monotonic() + within_s
    while not what():
        supervisor.look_once()
        if time.monotonic() > until:
            raise CannotStart(f"{name} did not come up in {within_s:g} s; see {supervisor.logs}")
        time.sleep(0.2)


# -- what is said ----------------------------------------------------------------------


def say(text: str) -> None:
    print(text, flush=True)


def welcome(places: Places) -> None:
    say(f"\nThe laboratory is open: {places.address}\n")
    rows = [(a["role"], a["username"], a["password"]) for a in json.loads(places.accounts.read_text())]
    widths = [max(len(row[n]) for row in rows) + 2 for n in (0, 1)]
    say(f"{'role':{widths[0]}}{'user':{widths[1]}}password")
    for role, username, password in rows:
        say(f"{role:{widths[0]}}{username:{widths[1]}}{password}")
    say("\nSecond factor of any of them now: script/demo-code USER")
    say(f"Put something on the balance:     script/demo-balance load 28.4517   ({GATEWAY}, {BALANCE})")
    say("The other devices:                script/demo-device NAME …           (all on the page /devices)")
    say(f"Data and logs: {places.data}   Stop: Ctrl-C\n")


def main() -> int:
    supervisor: Supervisor | None = None
    try:
        places = read_places()
        hold(places.data)
        check_port(places.port)
        supervisor = Supervisor(environment(places), places.logs, ROOT)
        supervisor.take_signals()
        prepare(supervisor, places)
        start_web(supervisor, places)
        wait_until(lambda: bool(health(places)), supervisor, "the web server")
        start_bench(supervisor, places)
        wait_until(lambda: everything_lives(places), supervisor, "the laboratory")
        welcome(places)
        supervisor.watch()
    except StopAsked:
        say("stopping")
    except (CannotStart, CommandFailed) as problem:
        sys.stderr.write(f"demo: {problem}\n")
        return 1
    finally:
        if supervisor is not None:
            supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
