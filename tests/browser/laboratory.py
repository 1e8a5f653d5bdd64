"""The whole demonstration as a person starts it: web, worker, balance on a pseudo-terminal, gateway."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pyotp

ROOT = Path(__file__).parents[2]
SECRETS = """
import json
from sqlalchemy import select
from lims.app import create_app
from lims.core.database import db
from lims.people.models import Account
from lims.people.vault import unseal
with create_app().app_context():
    rows = db.session.scalars(select(Account).where(Account.totp_secret.is_not(None)))
    print(json.dumps({row.username: unseal(row.totp_secret) for row in rows}))
"""


@dataclass
class Laboratory:
    """A running demonstration. ``orders``: of the past, besides what waits at each desk."""

    data: Path
    orders: int = 0
    port: int = 0
    passwords: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    _used: dict[str, int] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("LIMS_")},
            "LIMS_DATA": str(self.data),
            "LIMS_PORT": str(self.port),
            "LIMS_BASE_URL": self.address,
            "LIMS_DEMO": "1",
            "LIMS_DEMO_ORDERS": str(self.orders),
        }

    def start(self, within_s: float = 600) -> None:
        self.port = self.port or free_port()
        with (self.data / "start.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "script.laboratory"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + within_s
        while not self.is_open():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise RuntimeError((self.data / "start.log").read_text()[-3000:])
            time.sleep(0.5)
        accounts = json.loads((self.data / "demo_accounts.json").read_text())
        self.passwords = {row["username"]: row["password"] for row in accounts}
        done = subprocess.run(
            [sys.executable, "-c", SECRETS], cwd=ROOT, env=self.environment, capture_output=True, check=True
        )
        self.secrets = json.loads(done.stdout)

    def is_open(self) -> bool:
        """Welcomed: everything lives, accounts are printed."""
        return b"The laboratory is open" in (self.data / "start.log").read_bytes().split(b"stopping")[-1]

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)

    def code(self, username: str) -> str:
        """The next code of this account that was not used yet; waits for it where it must."""
        while (step := int(time.time()) // 30) <= self._used.get(username, 0):
            time.sleep(0.5)
        self._used[username] = step
        return pyotp.TOTP(self.secrets[username]).generate_otp(step)

    def balance(self, *words: str) -> None:
        """What a hand does at the balance: ``load 28.4517``, ``print``, ``zero``."""
        subprocess.run(
            ["script/demo-balance", *words], cwd=ROOT, env=self.environment, check=True, capture_output=True
        )

    def health(self) -> dict[str, object]:
        with urllib.request.urlopen(f"{self.address}/healthz", timeout=10) as answer:
            return dict(json.load(answer))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
