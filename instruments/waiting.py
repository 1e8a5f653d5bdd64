"""Devices that wait for a profile from the server, and those that begin anew because theirs has changed."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator

from instruments.board import Board, DeviceView
from instruments.clock import Clock
from instruments.device import Device
from instruments.errors import InstrumentError
from instruments.link import LinkState
from instruments.settings import DeviceRow, DeviceSettings

log = logging.getLogger("instruments")


class WaitingDevices:
    def __init__(self, rows: Iterable[DeviceRow]) -> None:
        self._rows = list(rows)
        self._fresh: deque[str] = deque()

    def came(self, profiles: Iterable[str]) -> None:
        """Names of profiles that are new or other than before. Any thread."""
        self._fresh.extend(profiles)

    def show(self, board: Board, clock: Clock) -> None:
        for row in self._rows:
            why = f"waits for the profile {row.profile} from the server"
            log.warning("%s %s", row.key, why)
            since = clock.stamp()
            board.show(DeviceView(row.key, row.profile, row.port, LinkState.WAITS_FOR_PROFILE, since, why))

    def renewed(self, devices: Iterable[Device]) -> Iterator[DeviceSettings]:
        """Settings of every device whose profile came, read anew; those that waited wait no longer."""
        while self._fresh:
            yield from self._renewed(self._fresh.popleft(), devices)

    def _renewed(self, profile: str, devices: Iterable[Device]) -> Iterator[DeviceSettings]:
        running = [row for device in devices if (row := device.settings.source) is not None]
        for row in [*self._rows, *running]:
            if row.profile != profile:
                continue
            try:
                settings = row.settings()
            except InstrumentError as exc:  # a broken file of this name in the bench's own folder, say
                log.error("%s: %s", row.where, exc)
                continue
            self._rows = [waiting for waiting in self._rows if waiting is not row]
            log.info("%s is read with %s", settings.key, settings.profile.stated)
            yield settings
