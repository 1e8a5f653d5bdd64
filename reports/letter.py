"""A plain letter of the laboratory: refusal of a sample, a notice to a customer. Finished text only."""

from dataclasses import dataclass

from reports.canonical import decode, encode
from reports.document import Labelled, Laboratory, Language, Party, Text


@dataclass(frozen=True, slots=True)
class LetterDocument:
    """One letter on the laboratory's own sheet. ``facts`` print as a small table between the paragraphs."""

    laboratory: Laboratory
    number: str
    dated: str
    recipient: Party
    subject: Text
    paragraphs: tuple[Text, ...]
    salutation: Text = Text()
    facts: tuple[Labelled, ...] = ()
    closing_paragraphs: tuple[Text, ...] = ()
    closing: Text = Text("特此函告。", "Yours faithfully,")
    signed_by: str = ""
    signed_role: Text = Text()
    seal_text: Text = Text("（盖章）", "(Seal)")
    language: Language = Language.ZH
    draft: bool = False


def to_json(letter: LetterDocument) -> bytes:
    """Canonical bytes of the letter, as ``reports.document.to_json`` does for certificates."""
    return encode(letter)


def from_json(raw: bytes) -> LetterDocument:
    """Raises DocumentError on anything missing, unknown or of the wrong type."""
    return decode(LetterDocument, raw)
