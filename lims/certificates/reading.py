"""Everything that the page of one certificate shows, read with a fixed number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.models import Result, ResultVersion
from lims.certificates.checks import Check, examine
from lims.certificates.content import Content, gather, signature_lines
from lims.certificates.issuing import jobs_of
from lims.certificates.material import Material
from lims.certificates.models import Certificate, Signature
from lims.certificates.reported import Row
from lims.certificates.road import check_signatory, preparers
from lims.certificates.states import CERTIFICATE_STEPS, CertificateState
from lims.core.audit import AuditEvent
from lims.core.clock import local_date
from lims.core.errors import Conflict, LimsError, NotFound
from lims.core.files import FileStore
from lims.core.jobs import Job, JobState
from lims.core.permissions import Actor
from lims.core.permissions import Permission as P
from lims.core.workflow import take_step
from lims.intake.models import Order
from lims.metrology.stored_values import restore_value
from lims.metrology.values import write_value
from reports.document import CertificateDocument, ItemRow, from_json

STEP_PERMISSIONS = {
    "edit": frozenset({P.CERTIFICATE_DRAFT}),
    "review": frozenset({P.CERTIFICATE_REVIEW}),
    "return": frozenset({P.CERTIFICATE_REVIEW, P.CERTIFICATE_APPROVE}),
    "approve": frozenset({P.CERTIFICATE_APPROVE}),
    "drop": frozenset({P.CERTIFICATE_DRAFT}),
    "withdraw": frozenset({P.CERTIFICATE_WITHDRAW}),
}


@dataclass(frozen=True, slots=True)
class Step:
    """A step that this person's roles and the state allow. ``why_not``: what still stands against it."""

    name: str
    why_not: str = ""

    @property
    def open(self) -> bool:
        return not self.why_not


@dataclass(frozen=True, slots=True)
class Line:
    """One reported value: what was measured at the left, what the report prints at the right."""

    row: Row
    printed: ItemRow | None
    unrounded: str
    agrees: bool
    earlier: Sequence[str]  # values it had before, the oldest first

    @property
    def sources(self) -> list[str]:
        """Whether its inputs were captured, typed or imported, each once."""
        return sorted({note["source"] for note in self.row.notes.get("inputs", ())})


@dataclass(frozen=True, slots=True)
class View:
    """``problem``: why the content cannot be shown (then ``document`` is None)."""

    certificate: Certificate
    order: Order
    document: CertificateDocument | None
    problem: str
    lines: Sequence[Line]
    checks: Sequence[Check]
    signatures: Sequence[Signature]
    events: Sequence[AuditEvent]
    steps: dict[str, Step]
    job: Job | None

    @property
    def samples(self) -> list[tuple[Row, list[Line]]]:
        groups: dict[int, list[Line]] = {}
        for line in self.lines:
            groups.setdefault(line.row.sample.id, []).append(line)
        return [(group[0].row, group) for group in groups.values()]

    @property
    def may_try_again(self) -> bool:
        return self.job is not None and self.job.state is JobState.FAILED


def get_certificate(session: Session, *, actor: Actor, certificate_id: int) -> Certificate:
    """Raises NotFound, PermissionDenied."""
    actor.require(P.CERTIFICATE_READ)
    certificate = session.get(Certificate, certificate_id)
    if certificate is None:
        raise NotFound(_("This does not exist (any more)."))
    return certificate


def look_at(session: Session, *, actor: Actor, certificate_id: int, now: datetime) -> View:
    """Raises NotFound, PermissionDenied."""
    certificate = get_certificate(session, actor=actor, certificate_id=certificate_id)
    content, problem = _content(session, certificate)
    document = _document(session, certificate, content)
    material = Material(session, certificate, content, now, document) if content else None
    checks = examine(material) if material else []
    approved = certificate.state is CertificateState.APPROVED
    return View(
        certificate=certificate,
        order=session.get_one(Order, certificate.order_id),
        document=document,
        problem=problem,
        lines=_lines(session, material) if material else [],
        checks=checks,
        signatures=session.scalars(
            select(Signature).where(Signature.certificate_id == certificate.id).order_by(Signature.id)
        ).all(),
        events=session.scalars(
            select(AuditEvent)
            .where(AuditEvent.object_type == "certificate", AuditEvent.object_id == str(certificate.id))
            .order_by(AuditEvent.seq)
        ).all(),
        steps=_steps(session, actor, certificate, content, checks, now) if content else {},
        job=next(iter(jobs_of(session, certificate.id)), None) if approved else None,
    )


def checks_of(session: Session, *, actor: Actor, certificate_id: int, now: datetime) -> list[Check]:
    certificate = get_certificate(session, actor=actor, certificate_id=certificate_id)
    content = gather(session, certificate)
    return examine(Material(session, certificate, content, now, _document(session, certificate, content)))


def document_of(session: Session, *, actor: Actor, certificate_id: int) -> CertificateDocument:
    """What was signed, or the draft as it would be printed now. Raises Conflict (``laboratory_details_missing``)."""
    certificate = get_certificate(session, actor=actor, certificate_id=certificate_id)
    content = None if certificate.document is not None else gather(session, certificate)
    document = _document(session, certificate, content)
    assert document is not None
    return document


def issued_file(
    session: Session, store: FileStore, *, actor: Actor, certificate_id: int
) -> tuple[Certificate, bytes]:
    """The stored bytes, the same for everyone and for ever.

    Raises NotFound (``not_issued``), Conflict (``file_damaged``): changed bytes are given to nobody.
    """
    certificate = get_certificate(session, actor=actor, certificate_id=certificate_id)
    if certificate.pdf_sha256 is None:
        raise NotFound(_("This report is not issued yet."), code="not_issued")
    try:
        return certificate, store.read(certificate.pdf_sha256)
    except OSError as damaged:
        sentence = _("The stored file does not match its hash. It is not given out; tell the administrator.")
        raise Conflict(sentence, code="file_damaged") from damaged


def _content(session: Session, certificate: Certificate) -> tuple[Content | None, str]:
    try:
        return gather(session, certificate), ""
    except Conflict as refused:
        return None, refused.message


def _document(
    session: Session, certificate: Certificate, content: Content | None
) -> CertificateDocument | None:
    if certificate.document is not None:
        return from_json(certificate.document.encode())
    return content.named(signature_lines(session, certificate)) if content else None


def _lines(session: Session, material: Material) -> list[Line]:
    earlier = _earlier(session, material.rows)
    return [
        Line(
            row,
            printed,
            write_value(restore_value(row.notes["unrounded"]), "zh"),
            row.version.id not in material.differing,
            earlier.get(row.test.id, []),
        )
        for row, printed in material.printed()
    ]


def _earlier(session: Session, rows: Sequence[Row]) -> dict[int, list[str]]:
    """By requested test: every value it had before the reported one, retests included."""
    statement = (
        select(Result.requested_test_id, ResultVersion.reported)
        .join(ResultVersion, ResultVersion.result_id == Result.id)
        .where(
            Result.requested_test_id.in_([r.test.id for r in rows]),
            ResultVersion.id.not_in([r.version.id for r in rows]),
            ResultVersion.reported != "",
        )
        .order_by(Result.attempt, ResultVersion.number)
    )
    found: dict[int, list[str]] = {}
    for test_id, reported in session.execute(statement):
        found.setdefault(test_id, []).append(reported)
    return found


def _steps(
    session: Session,
    actor: Actor,
    certificate: Certificate,
    content: Content,
    checks: Sequence[Check],
    now: datetime,
) -> dict[str, Step]:
    stops = any(check.stops for check in checks)
    found = {}
    for name, wanted in STEP_PERMISSIONS.items():
        if not wanted & actor.permissions or certificate.state not in CERTIFICATE_STEPS[name].sources:
            continue
        why_not = ""
        if name == "review":
            why_not = _refusal_of_review(session, actor, certificate)
        elif name == "approve":
            why_not = _refusal_of_approval(session, actor, certificate, content, now)
        if name in {"review", "approve"} and not why_not and stops:
            why_not = _("The content check found faults.")
        found[name] = Step(name, why_not)
    return found


def _refusal_of_review(session: Session, actor: Actor, certificate: Certificate) -> str:
    try:
        others = preparers(session, certificate)
        take_step(CERTIFICATE_STEPS, "review", certificate.state, actor_id=actor.id, others=others)
    except LimsError as refused:
        return refused.message
    return ""


def _refusal_of_approval(
    session: Session, actor: Actor, certificate: Certificate, content: Content, now: datetime
) -> str:
    try:
        check_signatory(session, actor, certificate, content.rows, local_date(now))
    except LimsError as refused:
        return refused.message
    if content.sha256 != certificate.reviewed_sha256:
        return str(_("The content changed since the review: return it."))
    return ""
