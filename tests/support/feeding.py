"""Many devices that send by themselves, in one process of their own: each write is stamped, nothing waits for a reader.

``python -m tests.support.feeding FOLDER COUNT HZ`` makes COUNT pseudo-terminals under FOLDER/device-N, says "ready", and
obeys lines on standard input: ``go`` begins (writes of the devices lie evenly in their period), ``stop`` ends, and answers
with a JSON object: ``written`` (lines of each device), ``refused`` (lines that a full terminal did not take). Then
FOLDER/stamps holds the monotonic nanoseconds before each write, device after device. The terminals stay until the input
ends. Of a device, line N is ``line(device, N)``: no two lines of all of them are equal.
"""

import json
import os
import select
import subprocess
import sys
import time
import tty
from array import array
from datetime import datetime, timedelta
from pathlib import Path

PROFILE = "ph-line"
BEGAN = datetime(2026, 1, 1)  # noqa: DTZ001 - a meter's own clock knows no zone


def line(device: int, number: int) -> bytes:
    at = BEGAN + timedelta(seconds=number)
    return b"%s  pH %d.%02d  %d.%d C\r\n" % (
        at.isoformat(" ").encode(),
        6 + number // 100 % 2,
        number % 100,
        *divmod(200 + device, 10),
    )


class Feeding:
    """The process, seen from outside."""

    def __init__(self, folder: Path, count: int, hz: float):
        self.folder, self.count = folder, count
        words = [sys.executable, "-m", "tests.support.feeding", str(folder), str(count), str(hz)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def configuration(self) -> str:
        """The [[device]] tables of a gateway that listens to all of them."""
        tables = (
            f'[[device]]\nkey = "device-{n}"\nprofile = "{PROFILE}"\nport = "{self.folder}/device-{n}"\nlive = "off"\n'
            for n in range(self.count)
        )
        return "".join(tables)

    def go(self) -> None:
        self._say("go\n")

    def stop(self) -> dict:
        self._say("stop\n")
        return json.loads(self.process.stdout.readline())

    def stamps(self, written: list[int]) -> list[array]:
        """Of each device, in nanoseconds."""
        with (self.folder / "stamps").open("rb") as file:
            found = []
            for count in written:
                found.append(array("q"))
                found[-1].fromfile(file, count)
        return found

    def _say(self, word: str) -> None:
        self.process.stdin.write(word)
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Devices:
    def __init__(self, folder: Path, count: int, hz: float):
        self._folder, self._hz = folder, hz
        self._pairs = [os.openpty() for _ in range(count)]
        self.stamps = [array("q") for _ in range(count)]
        self.refused = 0
        for number, (master, slave) in enumerate(self._pairs):
            tty.setraw(slave)
            os.set_blocking(master, False)
            (folder / f"device-{number}").symlink_to(os.ttyname(slave))

    def feed(self) -> None:
        """Until something comes on standard input."""
        every, began, turn = 1 / self._hz / len(self._pairs), time.monotonic(), 0
        while True:
            due = began + turn * every
            if (early := due - time.monotonic()) > 0 and select.select([0], [], [], early)[0]:
                return
            self._write(turn % len(self._pairs))
            turn += 1

    def _write(self, device: int) -> None:
        stamps = self.stamps[device]
        wire = line(device, len(stamps))
        at = time.monotonic_ns()
        try:
            sent = os.write(self._pairs[device][0], wire)
        except BlockingIOError:
            sent = 0
        if sent == len(wire):
            stamps.append(at)
        else:
            self.refused += 1

    def tell(self) -> None:
        with (self._folder / "stamps").open("wb") as file:
            for stamps in self.stamps:
                stamps.tofile(file)
        answer = {"written": [len(stamps) for stamps in self.stamps], "refused": self.refused}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def main() -> None:
    folder, count, hz = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    devices = Devices(folder, count, hz)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while word := os.read(0, 64):
        if word == b"go\n":
            devices.feed()
        else:
            devices.tell()


if __name__ == "__main__":
    main()
