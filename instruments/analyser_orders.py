"""Orders for an analyser: which test on which sample, and the ASTM records that say so (LIS2-A2, 6 to 12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from instruments.astm_records import Delimiters

MARKS = Delimiters()
SENDER = "LIMS"
NEW, CANCEL = "N", "C"  # action code of an order (LIS2-A2, 8.4.12)
NORMAL, ANSWERED, NOTHING_KNOWN = "N", "F", "I"  # why a message ends (LIS2-A2, 12.1.3)


class Ends(StrEnum):
    """How an order ends at the bench; also the code of the capture that says so."""

    ACCEPTED = "order_accepted"
    REFUSED = "order_refused"
    WITHDRAWN = "order_withdrawn"


@dataclass(frozen=True, slots=True)
class AnalyserOrder:
    """``id``: the server's number; ``test``: as the analyser calls it; ``name``: of the sample, for people."""

    id: str
    device: str
    specimen: str
    test: str
    name: str = ""


def is_sendable(order: AnalyserOrder, encoding: str) -> bool:
    """Whether sample and test can stand in a record as they are: what was changed would come back as another's.

    A control character would end the record or the frame, and begin one that nobody wrote.
    """
    texts = (order.specimen, order.test)
    return all(text and _is_plain(text) and _encodes(text, encoding) for text in texts)


def _is_plain(text: str) -> bool:
    return all(char.isprintable() for char in text) and text == text.strip()


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def order_message(orders: Sequence[AnalyserOrder], at: datetime, encoding: str, *, action: str) -> list[str]:
    """A message that orders these tests, or (``action`` CANCEL) takes them back. ``at``: local time."""
    return _message(orders, at, encoding, action, NORMAL)


def query_answer(orders: Sequence[AnalyserOrder], at: datetime, encoding: str) -> list[str]:
    """What to do for a sample that the analyser asked about; no orders: nothing is known of it."""
    return _message(orders, at, encoding, NEW, ANSWERED if orders else NOTHING_KNOWN)


def _message(
    orders: Sequence[AnalyserOrder], at: datetime, encoding: str, action: str, why: str
) -> list[str]:
    stamp = f"{at:%Y%m%d%H%M%S}"
    header = f"H{MARKS.fields}{MARKS.repeats}{MARKS.components}{MARKS.escape}|||{SENDER}|||||||P|1|{stamp}"
    body: list[str] = []
    for place, specimen in enumerate(dict.fromkeys(order.specimen for order in orders), 1):
        here = [order for order in orders if order.specimen == specimen]
        body.append(f"P|{place}||||{_spoken(here[0].name, encoding)}".rstrip("|"))
        body += [_order(number, order, stamp, action) for number, order in enumerate(here, 1)]
    return [header, *body, f"L|1|{why}"]


def _order(number: int, order: AnalyserOrder, stamp: str, action: str) -> str:
    specimen, test = MARKS.escaped(order.specimen), MARKS.escaped(order.test)
    return f"O|{number}|{specimen}||^^^{test}|R|{stamp}|||||{action}"


def _spoken(name: str, encoding: str) -> str:
    """A name is only shown: what the analyser's characters cannot say is left out."""
    printable = "".join(char if char.isprintable() else " " for char in name)
    return MARKS.escaped(printable.encode(encoding, "ignore").decode(encoding).strip())
