"""What the server says of a worklist in its answers (docs/capture-protocol.md, section 4), read with suspicion."""

from collections import OrderedDict
from dataclasses import dataclass

from instruments.analyser_orders import AnalyserOrder
from instruments.canonical import JsonValue

MOST_ENTRIES = 200  # of one answer


@dataclass(frozen=True, slots=True)
class WorklistEntry:
    """``entry``: of this one message of the server; ``withdraws``: the order shall not be measured."""

    entry: str
    order: AnalyserOrder
    withdraws: bool


def read_entries(said: object) -> list[WorklistEntry]:
    """What is not as the protocol says is left out: it stays unkept, and the server goes on saying it."""
    listed = said if isinstance(said, list) else []
    found = [_entry(row) for row in listed[:MOST_ENTRIES]]
    return [entry for entry in found if entry is not None]


def _entry(row: object) -> WorklistEntry | None:
    if not isinstance(row, dict):
        return None
    texts = [row.get(name) for name in ("entry", "order", "device", "specimen", "test", "name", "do")]
    if not all(isinstance(text, str) for text in texts):
        return None
    entry, order, device, specimen, test, name, do = (str(text) for text in texts)
    if not entry or not order or do not in ("add", "withdraw"):
        return None
    return WorklistEntry(entry, AnalyserOrder(order, device, specimen, test, name), do == "withdraw")


class Receipts:
    """Entries that are on this disk, said to the server until it has heard that."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, str | None] = OrderedDict()

    def add(self, entry: str, code: str | None) -> None:
        self._kept[entry] = code

    def said(self) -> list[JsonValue]:
        return [{"entry": entry, "code": code} for entry, code in list(self._kept.items())[:MOST_ENTRIES]]

    def heard(self, said: list[JsonValue]) -> None:
        for row in said:
            if isinstance(row, dict):
                self._kept.pop(str(row["entry"]), None)

    def __bool__(self) -> bool:
        return bool(self._kept)
