"""The evidence sheet of a currency check of standards (标准查新记录). Finished text only."""

from dataclasses import dataclass

from reports.canonical import decode, encode
from reports.document import NOTHING, Labelled, Laboratory, Language, Text

SCHEMA = 1
TITLE = Text("标准查新记录", "Record of a currency check of standards")


@dataclass(frozen=True, slots=True)
class CheckedStandard:
    """One standard that needed a decision. ``said``: what the list says; ``touched``: what hung on it that day."""

    code: str
    title: Text
    outcome: Text
    said: tuple[Labelled, ...]
    touched: tuple[Labelled, ...]
    decision: Text
    reason: str
    decided_by: Text
    decided_on: str


@dataclass(frozen=True, slots=True)
class StandardGroup:
    """Standards with one outcome about which nothing was to decide, by their numbers."""

    outcome: Text
    explanation: Text
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StandardsCheckDocument:
    """``facts``: list, day, people; ``counts``: how many standards had each outcome."""

    laboratory: Laboratory
    number: str
    dated: str
    facts: tuple[Labelled, ...]
    counts: tuple[Labelled, ...]
    decided: tuple[CheckedStandard, ...]
    groups: tuple[StandardGroup, ...]
    closed_by: Text
    title: Text = TITLE
    remark: Text = NOTHING
    language: Language = Language.BOTH
    draft: bool = False
    schema: int = SCHEMA


def to_json(sheet: StandardsCheckDocument) -> bytes:
    """Canonical bytes, as ``reports.document.to_json`` does for certificates."""
    return encode(sheet)


def from_json(raw: bytes) -> StandardsCheckDocument:
    """Raises DocumentError on anything missing, unknown or of the wrong type."""
    return decode(StandardsCheckDocument, raw)
