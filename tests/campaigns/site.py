"""Server and gateway as processes of their own, in a folder of their own; each is killed as a whole."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.browser.laboratory import ROOT, free_port
from tests.instruments.making import wait_for


class Site:
    """``folder``/gateway.toml is the gateway's configuration, with ``state`` beside it; the server's is in data."""

    def __init__(self, folder: Path):
        self.folder, self.port = folder, free_port()
        self.config = folder / "gateway.toml"
        self.processes: dict[str, subprocess.Popen] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        ours = {"LIMS_DATA": str(self.folder / "data"), "LIMS_PORT": str(self.port)}
        return {**{k: v for k, v in os.environ.items() if not k.startswith("LIMS_")}, **ours}

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=ROOT, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str, *words: str) -> None:
        with (self.folder / "log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def begin(self) -> None:
        """The server is there and the gateway enrolled with it."""
        self.run("flask", "--app", "wsgi", "db", "upgrade")
        code = self.run("flask", "--app", "wsgi", "lims", "gateway-code", "campaign", "--create").split()[-1]
        self.start_server()
        wait_for(self.answers, 180)  # a busy machine needs minutes for it
        self.run("instruments", "enrol", str(self.config), "--code", code)

    def start_server(self) -> None:
        bind = ("--bind", f"127.0.0.1:{self.port}", "--worker-class", "gthread", "--threads", "4")
        self.start("server", "gunicorn", "wsgi:app", *bind, "--no-control-socket", "--log-level", "warning")

    def answers(self) -> bytes:
        """Anything: without a worker the laboratory as a whole is not well."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as line:
            line.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            return line.recv(64)
        return b""

    def kill(self, name: str) -> None:
        """The whole process group at once: a server is a master and its workers."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill_all(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    @property
    def database(self) -> Path:
        return self.folder / "data" / "lims.sqlite"

    @property
    def spool(self) -> Path:
        return self.folder / "state" / "spool.db"

    def log(self) -> str:
        found = self.folder / "log"
        return found.read_text()[-3000:] if found.exists() else ""


def select_all(path: Path, statement: str) -> list[tuple]:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        return database.execute(statement).fetchall()
    finally:
        database.close()
