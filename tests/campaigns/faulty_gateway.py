"""The real gateway as a process of its own, on a machine with faults: a clock that is set back, a disk that is full.

``python -m tests.campaigns.faulty_gateway CONFIG FAULTS [--forgetful]``: FAULTS is a JSON file that is read whenever it
matters: ``{"clock_s": -3600, "full": true}``. A forgetful machine reports writes as done that a power cut would take:
they reach the disk a dozen later, and a kill in between is the power cut.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

from instruments.captures import Stored
from instruments.clock import SystemClock
from instruments.frames import Stamp
from instruments.gateway import Gateway, run_until_signalled
from instruments.settings import load_settings
from instruments.spool import Spool

PLENTY = 1 << 30  # pages
HELD_BACK = 12  # captures


def read_faults(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


class SetBack(SystemClock):
    def __init__(self, faults: Path):
        self._faults = faults

    def stamp(self) -> Stamp:
        true = super().stamp()
        return true._replace(wall=true.wall + timedelta(seconds=read_faults(self._faults).get("clock_s", 0)))


class FaultySpool(Spool):
    """At the file boundary: SQLite gets no more pages than it has, or its writes are held back."""

    def __init__(self, path: Path, faults: Path, forgetful: bool):
        super().__init__(path)
        self._faults, self._forgetful = faults, forgetful
        self._held: list[Stored] = []

    def _write(self, stored: list[Stored], seq: int, link: str) -> None:
        full = read_faults(self._faults).get("full", False)
        pages = self._db.execute("PRAGMA page_count").fetchone()[0] if full else PLENTY
        self._db.execute(f"PRAGMA max_page_count = {pages}")
        if not self._forgetful:
            super()._write(stored, seq, link)
            return
        self._held += stored
        if len(self._held) >= HELD_BACK:
            super()._write(self._held, seq, link)
            self._held = []


def main() -> None:
    config, faults = Path(sys.argv[1]), Path(sys.argv[2])
    gateway = Gateway(load_settings(config), SetBack(faults))
    gateway.spool.close()
    gateway.spool = FaultySpool(gateway.settings.spool_path, faults, "--forgetful" in sys.argv)
    run_until_signalled(gateway)


if __name__ == "__main__":
    main()
