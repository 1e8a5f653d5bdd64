"""What anyone may learn of a report: by number and check code, or by holding the file itself."""

import hmac
import re
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.certificates.models import Certificate
from lims.certificates.states import CertificateState
from lims.core.search import normalised
from reports.document import CertificateDocument, Text, from_json

# A number is given with the approval: what has none cannot be asked for.
SHOWN = (CertificateState.APPROVED, CertificateState.ISSUED, CertificateState.WITHDRAWN)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class VerifiedItem:
    """One sample of the report, as printed."""

    name: Text
    number: str
    batch: str
    conclusion: Text


@dataclass(frozen=True, slots=True)
class Verified:
    """``sha256``: of the issued file, None while it is being made."""

    number: str
    state: CertificateState
    title: Text
    laboratory: Text
    issued_on: date | None
    withdrawn_at: datetime | None
    sha256: str | None
    items: tuple[VerifiedItem, ...]
    conclusion: Text

    @property
    def genuine(self) -> bool:
        """Issued by us and in force."""
        return self.state is not CertificateState.WITHDRAWN


def verify_number(session: Session, number: str, check_code: str) -> Verified | None:
    """The report of this number, if the code is the one printed on it; None for everything else.

    A wrong code and an unknown number are answered alike, after the same comparison.
    """
    if not number.isprintable():  # NUL, say: no number has it, and PostgreSQL does not take it
        return None
    wanted, code = normalised(number).upper(), re.sub(r"[\s-]", "", check_code).upper()
    found = session.scalars(
        select(Certificate).where(Certificate.number == wanted, Certificate.state.in_(SHOWN))
    ).one_or_none()
    stored = found.check_code if found is not None and found.check_code else "-" * 12
    same = hmac.compare_digest(stored.encode(), code.encode())
    return _verified(found) if found is not None and same else None


def verify_file(session: Session, sha256: str) -> Verified | None:
    """The report whose issued file has this SHA-256 (hex): whoever can name it holds the file."""
    if not _SHA256.fullmatch(sha256):
        return None
    found = session.scalars(
        select(Certificate).where(Certificate.pdf_sha256 == sha256, Certificate.state.in_(SHOWN))
    ).one_or_none()
    return _verified(found) if found is not None else None


def _verified(row: Certificate) -> Verified:
    assert row.document is not None
    assert row.number is not None
    paper: CertificateDocument = from_json(row.document.encode())
    items = tuple(VerifiedItem(s.name, s.number, s.batch, s.conclusion) for s in paper.samples)
    return Verified(
        row.number,
        row.state,
        paper.title,
        paper.laboratory.name,
        row.issued_on,
        row.withdrawn_at,
        row.pdf_sha256,
        items,
        paper.conclusion,
    )
