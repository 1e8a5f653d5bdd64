"""A plain letter of the laboratory: refusal of a sample, a notice to a customer. Finished text only."""

from dataclasses import dataclass

from reports.canonical import decode, encode
from reports.document import NOTHING, Labelled, Laboratory, Language, Party, Text

CLOSING = Text("特此函告。", "Yours faithfully,")
SEAL_PLACE = Text("（盖章）", "(Seal)")


@dataclass(frozen=True, slots=True)
class LetterDocument:
    """One letter on the laboratory's own sheet. ``facts`` print as a small table between the paragraphs."""

    laboratory: Laboratory
    number: str
    dated: str
    recipient: Party
    subject: Text
    paragraphs: tuple[Text, ...]
    salutation: Text = NOTHING
    facts: tuple[Labelled, ...] = ()
    closing_paragraphs: tuple[Text, ...] = ()
    closing: Text = CLOSING
    signed_by: str = ""
    signed_role: Text = NOTHING
    seal_text: Text = SEAL_PLACE
    language: Language = Language.ZH
    draft: bool = False


def to_json(letter: LetterDocument) -> bytes:
    """Canonical bytes of the letter, as ``reports.document.to_json`` does for certificates."""
    return encode(letter)


def from_json(raw: bytes) -> LetterDocument:
    """Raises DocumentError on anything missing, unknown or of the wrong type."""
    return decode(LetterDocument, raw)
