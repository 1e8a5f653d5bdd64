"""Who a device says it is, beside who it should be by the configuration."""

from dataclasses import dataclass


@dataclass(slots=True)
class Acquaintance:
    """``expected``: the serial number of the configuration; ``serial``: the latest that the device told.

    ``known``: it has told who it is since the port was opened; another one may have been plugged in before.
    """

    expected: str | None
    serial: str | None = None
    known: bool = False

    def introduce(self, serial: str | None) -> None:
        self.serial, self.known = serial, True

    def forget(self) -> None:
        """The port is opened anew: who is there has to be asked again."""
        self.known = False

    @property
    def is_wrong(self) -> bool:
        return self.expected is not None and self.known and self.serial != self.expected

    @property
    def identity(self) -> str:
        """As a capture states it: match, mismatch or unknown."""
        if self.expected is None or not self.known:
            return "unknown"
        return "mismatch" if self.is_wrong else "match"
