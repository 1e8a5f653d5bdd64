"""Keeps a handful of processes alive, and leaves none behind, however it ends itself."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import BinaryIO

PR_SET_PDEATHSIG = 1
STEADY_S = 60.0  # lived so long: its next death counts as the first
LONGEST_WAIT_S = 30.0
GRACE_S = 15.0  # between "please stop" and SIGKILL
BIG_LOG = 20 * 1024 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


class StopAsked(Exception):
    """SIGTERM, SIGHUP or Ctrl-C came."""


class CommandFailed(RuntimeError):
    """A command that must succeed did not; the message ends with what it said last."""


@dataclass(slots=True)
class Child:
    """One process that should run. ``process`` is None while it waits for its next start."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    deaths: int = 0

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Supervisor:
    """Children share ``environment`` and write to ``logs``/NAME.log."""

    environment: Mapping[str, str]
    logs: Path
    folder: Path
    children: list[Child] = field(default_factory=list)
    stopping: bool = False

    def take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        if not self.stopping:  # once is enough: a second Ctrl-C does not interrupt the stopping
            self.stopping = True
            raise StopAsked

    # -- starting --------------------------------------------------------------------

    def run(self, name: str, command: list[str]) -> str:
        """Run a command to its end and return what it printed. Raises CommandFailed."""
        log = self.logs / f"{name}.log"
        with log.open("ab") as errors:
            process = self._spawn(command, stdout=subprocess.PIPE, stderr=errors)
            try:
                output, _ = process.communicate()
            finally:
                _end([process])
        if process.returncode:
            said = log.read_text(errors="replace").strip().splitlines()
            raise CommandFailed(f"{name} failed: {said[-1] if said else 'it said nothing'} (see {log})")
        return output.decode()

    def start(self, name: str, command: list[str]) -> None:
        child = Child(name, command)
        self.children.append(child)
        self._launch(child)

    def _launch(self, child: Child) -> None:
        log = self.logs / f"{child.name}.log"
        if log.exists() and log.stat().st_size > BIG_LOG:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as stream:
            child.process = self._spawn(child.command, stdout=stream, stderr=stream)
        child.started_at = time.monotonic()

    def _spawn(
        self, command: list[str], *, stdout: int | BinaryIO, stderr: int | BinaryIO
    ) -> subprocess.Popen[bytes]:
        parent = os.getpid()

        def die_with_parent() -> None:
            # Also when the supervisor is killed outright, the child hears SIGTERM.
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=self.folder,
            env=dict(self.environment),
            start_new_session=True,  # Ctrl-C in the terminal is for the supervisor alone
            preexec_fn=die_with_parent,
        )

    # -- watching --------------------------------------------------------------------

    def watch(self) -> None:
        """Restart what dies, later each time, until StopAsked."""
        while True:
            self.look_once()
            time.sleep(0.25)

    def look_once(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is None:
                if now >= child.start_at:
                    self._launch(child)
            elif child.process.poll() is not None:
                self._note_death(child, now)

    def _note_death(self, child: Child, now: float) -> None:
        assert child.process is not None
        child.deaths = 1 if now - child.started_at > STEADY_S else child.deaths + 1
        wait = min(LONGEST_WAIT_S, 0.5 * 2 ** (child.deaths - 1))
        reason = child.process.returncode
        sys.stderr.write(f"{child.name} ended ({reason}), starting it again in {wait:g} s\n")
        _end_group(child.process)
        child.process, child.start_at = None, now + wait

    # -- stopping --------------------------------------------------------------------

    def stop(self) -> None:
        """Last started, first stopped; whoever does not listen is killed with all it started."""
        self.stopping = True
        for child in reversed(self.children):
            if child.process is not None:
                _end([child.process])
                _end_group(child.process)
                child.process = None


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            _end_group(process)
            process.wait()


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the session that ``process`` led."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
