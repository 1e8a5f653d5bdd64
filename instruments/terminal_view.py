"""The status of a running gateway as text, from its status file: ``python -m instruments status CONFIG``."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from instruments.canonical import JsonObject
from instruments.errors import SettingsWrong
from instruments.settings import Settings
from instruments.status import delivery_of, devices_of, in_words, reading_of, troubles

OLD_S = 5.0  # the file is written every second
HEADS = ("device", "state", "reading", "serial", "captures", "not understood")
ABOVE = "\x1b[H\x1b[J"  # begin again at the top of an empty screen


def read_status(settings: Settings) -> JsonObject:
    """Raises SettingsWrong when no gateway runs with this configuration."""
    try:
        status: JsonObject = json.loads(settings.status_path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise SettingsWrong(f"no gateway runs here: {settings.status_path} is not there") from exc
    age_s = (datetime.now(UTC) - datetime.fromisoformat(str(status["at"]))).total_seconds()
    if age_s > OLD_S:
        raise SettingsWrong(f"the gateway ended without a word: its status is {age_s:.0f} s old")
    return status


def view(status: JsonObject) -> str:
    rows = [HEADS, *(_cells(device) for device in devices_of(status))]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return (
        "\n".join([f"{status['name']}, {status['at']}", *lines, delivery_of(status), *troubles(status)])
        + "\n"
    )


def _cells(device: JsonObject) -> tuple[str, ...]:
    said = (device["serial"] or "", device["captures"], device["unparsed"])
    return (str(device["device"]), in_words(device["state"]), reading_of(device), *map(str, said))


def views(settings: Settings, *, watch: bool) -> Iterator[tuple[str, bool]]:
    """The text, and whether somebody should do something; with ``watch`` every second until interrupted."""
    while True:
        status = read_status(settings)
        yield (ABOVE if watch else "") + view(status), any(troubles(status))
        if not watch:
            return
        time.sleep(1.0)
