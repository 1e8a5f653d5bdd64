"""The frozen document of a certificate: finished text only.

Whoever drafts it has already judged, rounded, translated and formatted. What was issued is stored as
``to_json`` bytes beside the PDF and is never computed again, so this file is a contract with the past:
change a field and raise ``SCHEMA`` and teach ``from_json`` the older one.
"""

from dataclasses import dataclass
from enum import StrEnum

from reports.canonical import DocumentError, decode, encode

SCHEMA = 1


class Language(StrEnum):
    ZH = "zh"
    EN = "en"
    BOTH = "both"


class DocumentKind(StrEnum):
    TEST_REPORT = "test_report"


class VerdictKind(StrEnum):
    """How a verdict is set in type; its words are the row's own text."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    NOT_JUDGED = "not_judged"


class MarkKind(StrEnum):
    CMA = "CMA"
    CNAS = "CNAS"


@dataclass(frozen=True, slots=True)
class Text:
    """One statement in up to two languages. An empty side falls back to the other one."""

    zh: str = ""
    en: str = ""

    @classmethod
    def same(cls, text: str) -> "Text":
        """Text without a language: a number, a name, a code. Printed once in a bilingual report."""
        return cls(text, text)

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)


NOTHING = Text()
SEAL = Text("检验检测专用章", "Inspection and testing seal")


@dataclass(frozen=True, slots=True)
class Laboratory:
    """Who reports (ISO/IEC 17025 7.8.2.1 b, c). ``place_of_activity`` only where it is not the address."""

    name: Text
    address: Text
    registration_no: str = ""  # unified social credit code
    postcode: str = ""
    phone: str = ""
    email: str = ""
    website: str = ""
    place_of_activity: Text = NOTHING


@dataclass(frozen=True, slots=True)
class Party:
    """Customer, sampled firm or producer."""

    name: Text
    address: Text = NOTHING
    contact: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """An accreditation mark on the cover: printed with its ``number``, or missing with its reason."""

    kind: MarkKind
    number: str = ""
    missing_reason: Text = NOTHING


@dataclass(frozen=True, slots=True)
class Labelled:
    """A further line of a block, with its own label."""

    label: Text
    value: Text


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the sample was taken (ISO/IEC 17025 7.8.5); None where the customer brought it."""

    form_no: str = ""
    sampled_on: str = ""
    place: Text = NOTHING
    people: str = ""
    base: Text = NOTHING  # the lot it was drawn from
    plan: Text = NOTHING  # plan and method
    seal_checked_by: str = ""


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture by the SHA-256 (hex) of its bytes; the bytes are handed to the renderer apart."""

    sha256: str
    caption: Text = NOTHING


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One row of the result table.

    ``results``: every value that was measured, in order; five plate counts are five texts, never a mean.
    ``marks``: those that hold for this item. ``starred``: done by an external provider or outside scope,
    explained in ``note``.
    """

    no: str
    item: Text
    unit: str
    limit: Text
    results: tuple[Text, ...]
    verdict: Text
    method: str
    verdict_kind: VerdictKind = VerdictKind.NOT_JUDGED
    marks: tuple[MarkKind, ...] = ()
    starred: bool = False
    note: Text = NOTHING
    uncertainty: str = ""
    detection_limit: Text = NOTHING


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """One sample with its rows. Dates are finished text as they are to be printed (2026-11-22)."""

    number: str
    name: Text
    items: tuple[ItemRow, ...]
    trade_mark: str = ""
    model: str = ""
    batch: str = ""
    production_date: str = ""
    grade: Text = NOTHING
    quantity: Text = NOTHING
    seal_state: Text = NOTHING
    condition: Text = NOTHING
    received_on: str = ""
    producer: Party | None = None
    sampled_firm: Party | None = None
    sampling: Sampling | None = None
    further: tuple[Labelled, ...] = ()
    photos: tuple[Photo, ...] = ()
    conclusion: Text = NOTHING


@dataclass(frozen=True, slots=True)
class EquipmentRow:
    name: Text
    model: str = ""
    number: str = ""
    certificate_no: str = ""
    valid_until: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """One line of the signature block. ``role``: prepared, reviewed, approved, in finished words."""

    role: Text
    name: str
    signed_on: str = ""
    capacity: Text = NOTHING  # authorised signatory, field


@dataclass(frozen=True, slots=True)
class CertificateDocument:
    """Everything a reader of the report sees, and nothing else.

    ``verify_url`` goes into the QR code, ``check_code`` beside it in print. ``draft`` lays a watermark
    over every page; an issued document has ``draft=False`` and a ``number``.
    """

    title: Text
    laboratory: Laboratory
    number: str
    check_code: str
    verify_url: str
    customer: Party
    samples: tuple[SampleBlock, ...]
    business_type: Text
    business_statement: Text
    conclusion: Text
    signatures: tuple[Signature, ...]
    received_on: str
    performed_from: str
    performed_to: str
    issued_on: str
    language: Language = Language.ZH
    kind: DocumentKind = DocumentKind.TEST_REPORT
    draft: bool = False
    task_source: Text = NOTHING
    test_basis: tuple[Text, ...] = ()
    judging_basis: tuple[Text, ...] = ()
    decision_rule: Text = NOTHING
    uncertainty: Text = NOTHING
    detection_limits: Text = NOTHING
    environment: Text = NOTHING
    deviations: Text = NOTHING
    remarks: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()
    marks: tuple[Mark, ...] = ()
    equipment: tuple[EquipmentRow, ...] = ()
    seal_text: Text = SEAL
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise DocumentError("document_schema", f"schema {self.schema} of a document is not known here")


def to_json(document: CertificateDocument) -> bytes:
    """Canonical bytes: equal documents give equal bytes, whatever machine wrote them."""
    return encode(document)


def from_json(raw: bytes) -> CertificateDocument:
    """Read what ``to_json`` wrote. Raises DocumentError on anything missing, unknown or of the wrong type."""
    return decode(CertificateDocument, raw)
