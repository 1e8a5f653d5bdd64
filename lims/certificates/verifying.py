"""What ``flask lims verify`` proves of certificates: each as it was signed, and its file as it was issued."""

import hashlib
from collections.abc import Iterator

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.models import ResultVersion
from lims.certificates.blocks import prints_value
from lims.certificates.models import Certificate, CertificateItem, Signature
from lims.certificates.states import SIGNED, CertificateState, SignatureMeaning
from lims.core.errors import NotFound
from lims.core.files import FileStore
from lims.core.verify import Outcome, check
from reports.canonical import DocumentError
from reports.document import CertificateDocument, from_json


@check("certificates")
def verify_certificates(session: Session, store: FileStore) -> Outcome:
    """Document, signature, values and file of every signed certificate, in the order of their numbers."""
    count, broken = 0, []
    wanted = select(Certificate).where(Certificate.state.in_(SIGNED)).order_by(Certificate.id)
    for certificate in session.scalars(wanted.execution_options(yield_per=100)):
        count += 1
        broken += [
            f"certificate {certificate.id} ({certificate.number}): {why}"
            for why in _faults(session, store, certificate)
        ]
    return Outcome(f"{count} signed", broken)


def _faults(session: Session, store: FileStore, certificate: Certificate) -> Iterator[str]:
    written = (certificate.document or "").encode()
    if hashlib.sha256(written).hexdigest() != certificate.document_sha256:
        yield "the document does not match its hash"
    signed = session.scalars(
        select(Signature.record_sha256).where(
            Signature.certificate_id == certificate.id, Signature.meaning == SignatureMeaning.APPROVED
        )
    ).all()
    if list(signed) != [certificate.document_sha256]:
        yield "the signatory did not sign this document"
    yield from _document_faults(session, certificate, written)
    if certificate.pdf_sha256 is not None:
        yield from _file_faults(store, certificate.pdf_sha256)
    elif certificate.state is CertificateState.ISSUED:
        yield "it is issued and has no file"


def _file_faults(store: FileStore, name: str) -> Iterator[str]:
    try:
        content = store.read(name)
    except NotFound:
        yield f"its file {name} is missing"
    except OSError:
        yield f"its file {name} does not match its hash"
    else:
        if not content.startswith(b"%PDF-"):
            yield f"its file {name} is no PDF"


def _document_faults(session: Session, certificate: Certificate, written: bytes) -> Iterator[str]:
    try:
        document = from_json(written)
    except DocumentError as error:
        yield f"the document cannot be read: {error.sentence}"
        return
    if document.number != certificate.number or document.check_code != certificate.check_code:
        yield "number or check code differ from the document's"
    statement = (
        select(ResultVersion.id, ResultVersion.explanation)
        .join(CertificateItem, CertificateItem.result_version_id == ResultVersion.id)
        .where(CertificateItem.certificate_id == certificate.id)
        .order_by(CertificateItem.position)
    )
    yield from _value_faults(document, [(n, e) for n, e in session.execute(statement)])


def _value_faults(document: CertificateDocument, stored: list[tuple[int, str]]) -> Iterator[str]:
    """The verdicts and values printed, against the result versions they came from."""
    lines = [line for sample in document.samples for line in sample.items]
    if len(lines) != len(stored):
        yield "the document does not print the values it reports"
        return
    for line, (version_id, explanation) in zip(lines, stored, strict=True):
        notes = orjson.loads(explanation)
        if not prints_value(line, notes["reported"]):
            yield f"the value printed for result_version {version_id} is not the stored one"
        elif line.verdict_kind.value != notes["verdict"]:
            yield f"the verdict printed for result_version {version_id} is not the stored one"
