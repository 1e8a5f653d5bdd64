"""The least that could be done: one loop that appends what it reads to a file and syncs it every 20 ms.

``python -m ... FOLDER COUNT COMMITS``: as timed_gateway, but nothing is read, numbered or chained. A line is a capture.
"""

import os
import selectors
import signal
import sys
import time
from array import array
from pathlib import Path

LINGER_S = 0.02


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    selector, stop = selectors.DefaultSelector(), []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    for number in range(count):
        port = os.open(folder / f"device-{number}", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        selector.register(port, selectors.EVENT_READ, number)
    file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    waiting: list[bytes] = []
    commits, seen, owners, since = array("q"), 0, array("q"), 0.0
    while not stop or waiting:
        wait = 0.1 if not waiting else max(0.0, since + LINGER_S - time.monotonic())
        for key, _ in selector.select(wait):
            if not waiting:
                since = time.monotonic()
            chunk = os.read(key.fd, 65536)
            waiting.append(chunk)
            owners.extend([key.data] * chunk.count(b"\n"))
        if waiting and time.monotonic() >= since + LINGER_S:
            os.write(file, b"".join(waiting))
            os.fsync(file)
            waiting, seen = [], len(owners)
            commits.extend((seen, time.monotonic_ns()))
    Path(sys.argv[3]).write_bytes(commits.tobytes())
    (folder / "owners").write_bytes(owners.tobytes())


if __name__ == "__main__":
    main()
