"""The real gateway, which notes when each group of captures was durable: ``python -m ... CONFIG COMMITS``.

COMMITS gets pairs of whole numbers of eight bytes when it ends: last sequence of the group, monotonic nanoseconds.
"""

import sys
import time
from array import array
from pathlib import Path

from instruments.captures import Stored
from instruments.gateway import Gateway, run_until_signalled
from instruments.settings import load_settings
from instruments.spool import Spool


class TimedSpool(Spool):
    def __init__(self, path: Path):
        super().__init__(path)
        self.commits = array("q")

    def _write(self, stored: list[Stored], seq: int, link: str) -> None:
        super()._write(stored, seq, link)
        self.commits.extend((seq, time.monotonic_ns()))


def main() -> None:
    gateway = Gateway(load_settings(Path(sys.argv[1])))
    gateway.spool.close()
    gateway.spool = spool = TimedSpool(gateway.settings.spool_path)
    run_until_signalled(gateway)
    Path(sys.argv[2]).write_bytes(spool.commits.tobytes())


if __name__ == "__main__":
    main()
