"""The demo's supervisor restarts what dies and leaves no process behind, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Two children: one plain, one that does not listen to SIGTERM and has a child of its own.
PROGRAM = """
import sys
from pathlib import Path
from script import supervise
supervise.GRACE_S = 1.0
here = Path(sys.argv[1])
watcher = supervise.Supervisor({"PATH": "/usr/bin:/bin"}, here, here)
watcher.take_signals()
try:
    watcher.start("plain", ["sh", "-c", "echo $$ >> plain; exec sleep 300"])
    if len(sys.argv) > 2:
        stubborn = "trap '' TERM; sleep 300 & echo $$ $! > stubborn; while :; do sleep 0.2; done"
        watcher.start("stubborn", ["sh", "-c", stubborn])
    watcher.watch()
except supervise.StopAsked:
    pass
finally:
    watcher.stop()
print("stopped")
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(what, within_s: float = 15.0):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"waited {within_s} s in vain")


def numbers(path: Path) -> list[int]:
    return [int(n) for n in path.read_text().split()] if path.exists() else []


@pytest.fixture
def watched(tmp_path):
    started = []

    def start(*more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), *more]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_child_that_dies_comes_back(watched, tmp_path):
    watched()
    [first] = wait_for(lambda: numbers(tmp_path / "plain"))
    os.kill(first, signal.SIGKILL)
    both = wait_for(lambda: len(n := numbers(tmp_path / "plain")) == 2 and n)
    assert both[0] == first
    assert is_alive(both[1])
    assert not is_alive(first)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_no_process_even_a_stubborn_one(watched, tmp_path, how):
    process = watched("stubborn")
    everyone = wait_for(
        lambda: len(n := numbers(tmp_path / "plain") + numbers(tmp_path / "stubborn")) == 3 and n
    )
    process.send_signal(how)
    output, _ = process.communicate(timeout=20)
    assert output == "stopped\n"
    assert process.returncode == 0
    assert [pid for pid in everyone if is_alive(pid)] == []


def test_children_hear_of_it_when_the_supervisor_is_killed_outright(watched, tmp_path):
    process = watched()
    [child] = wait_for(lambda: numbers(tmp_path / "plain"))
    process.kill()
    wait_for(lambda: not is_alive(child))
