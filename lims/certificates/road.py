"""Draft, review, approve, withdraw: the road of a certificate. Issuing is ``lims.certificates.issuing``."""

import hashlib
import secrets
from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.people import may_sign
from lims.bench.models import Result, ResultVersion
from lims.certificates.content import Row, Signed, build_document, rows_of
from lims.certificates.models import Certificate, CertificateItem, Signature
from lims.certificates.states import CERTIFICATE_STEPS, CertificateKind, CertificateState
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, PermissionDenied
from lims.core.jobs import enqueue
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.core.workflow import take_step
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.progress import reopen_order
from lims.intake.states import TestState
from lims.people.models import Account
from reports.document import CertificateDocument, Language, Text, to_json

PREPARED, REVIEWED, APPROVED = Text("编制", "Prepared"), Text("审核", "Reviewed"), Text("批准", "Approved")
LIVE = (CertificateState.DRAFT, CertificateState.REVIEWED, CertificateState.APPROVED, CertificateState.ISSUED)
# Without letters and digits that are read for one another.
CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
REASONS = ("agreed", "agreed_with_remarks")


def reportable(session: Session, order_id: int) -> list[tuple[RequestedTest, ResultVersion]]:
    """Verified results of an order that no live certificate reports yet, in the order's own order."""
    reported = (
        select(CertificateItem.result_version_id)
        .join(Certificate, Certificate.id == CertificateItem.certificate_id)
        .where(Certificate.state.in_(LIVE), Certificate.order_id == order_id)
    )
    statement = (
        select(RequestedTest, ResultVersion)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .join(Result, (Result.requested_test_id == RequestedTest.id) & Result.current.is_(True))
        .join(
            ResultVersion,
            (ResultVersion.result_id == Result.id) & (ResultVersion.number == Result.current_version),
        )
        .where(
            Sample.order_id == order_id,
            RequestedTest.state == TestState.VERIFIED,
            ResultVersion.id.not_in(reported),
        )
        .order_by(Sample.position, Sample.id, RequestedTest.position, RequestedTest.id)
    )
    return [(test, version) for test, version in session.execute(statement).unique()]


def draft_certificate(
    uow: UnitOfWork,
    *,
    actor: Actor,
    order_id: int,
    test_ids: Sequence[int] | None = None,
    language: str | None = None,
    request_key: RequestKey | None = None,
) -> Certificate:
    """Draft a test report from verified results: all that are reportable, or those of ``test_ids``."""
    actor.require(Permission.CERTIFICATE_DRAFT)
    with uow:
        if (prior := uow.replayed(Certificate, actor=actor, request_key=request_key)) is not None:
            return prior
        order = uow.get(Order, order_id)
        found = reportable(uow.session, order_id)
        if test_ids is not None:
            found = [(t, v) for t, v in found if t.id in set(test_ids)]
            if len(found) != len(set(test_ids)):
                raise Conflict(_("A chosen test has no verified result to report."), code="not_reportable")
        if not found:
            raise Conflict(_("There is no verified result to report yet."), code="nothing_to_report")
        certificate = uow.add(
            Certificate(
                kind=CertificateKind.TEST_REPORT,
                order_id=order.id,
                customer_id=order.customer_id,
                language=_language(language or order.report_language),
                drafted_by=actor.id,
                drafted_at=uow.now,
            )
        )
        uow.insert_many(
            CertificateItem,
            [
                {"certificate_id": certificate.id, "result_version_id": v.id, "position": n}
                for n, (_t, v) in enumerate(found, 1)
            ],
        )
        uow.audit("certificate.draft", actor, certificate)
        uow.remember(certificate)
        uow.commit()
    return certificate


def _language(language: str) -> str:
    try:
        return Language(language).value
    except ValueError:
        raise InvalidInput(_("Unknown language of a report."), fields={"language": []}) from None


def edit_draft(
    uow: UnitOfWork,
    *,
    actor: Actor,
    certificate_id: int,
    version: int,
    language: str,
    remarks_zh: str,
    remarks_en: str,
) -> Certificate:
    """Change language or remarks of a draft; results are never edited here."""
    actor.require(Permission.CERTIFICATE_DRAFT)
    with uow:
        certificate = uow.get(Certificate, certificate_id, version=version)
        if certificate.state is not CertificateState.DRAFT:
            raise Conflict(_("Only a draft can be changed."), code="not_a_draft")
        certificate.language = _language(language)
        certificate.remarks_zh, certificate.remarks_en = remarks_zh, remarks_en
        uow.audit("certificate.edit", actor, certificate)
        uow.commit()
    return certificate


def drop_draft(
    uow: UnitOfWork, *, actor: Actor, certificate_id: int, version: int, reason: str
) -> Certificate:
    """Give a draft up; its results can be drafted anew. It had no number yet."""
    actor.require(Permission.CERTIFICATE_DRAFT)
    with uow:
        certificate = uow.get(Certificate, certificate_id, version=version)
        certificate.state = take_step(CERTIFICATE_STEPS, "drop", certificate.state, actor_id=actor.id)
        uow.audit("certificate.drop", actor, certificate, reason=_reason(reason))
        uow.commit()
    return certificate


def review_certificate(uow: UnitOfWork, *, actor: Actor, certificate_id: int, version: int) -> Certificate:
    """Agree to the content as a second person; what is approved later must be this very content."""
    actor.require(Permission.CERTIFICATE_REVIEW)
    with uow:
        certificate = uow.get(Certificate, certificate_id, version=version)
        certificate.state = take_step(
            CERTIFICATE_STEPS,
            "review",
            certificate.state,
            actor_id=actor.id,
            others=[certificate.drafted_by],
        )
        faults = check_content(uow.session, certificate)
        if faults:
            raise Conflict(" ".join(faults), code="content_faults")
        content = content_hash(uow.session, certificate)
        certificate.reviewed_by, certificate.reviewed_at = actor.id, uow.now
        certificate.reviewed_sha256, certificate.return_reason = content, None
        _sign(uow, actor, certificate, "review", content, "session")
        uow.audit("certificate.review", actor, certificate)
        uow.commit()
    return certificate


def return_certificate(
    uow: UnitOfWork, *, actor: Actor, certificate_id: int, version: int, reason: str
) -> Certificate:
    """Back to a draft with a reason; by a reviewer or a signatory."""
    if not (actor.can(Permission.CERTIFICATE_REVIEW) or actor.can(Permission.CERTIFICATE_APPROVE)):
        actor.require(Permission.CERTIFICATE_REVIEW)
    with uow:
        certificate = uow.get(Certificate, certificate_id, version=version)
        certificate.state = take_step(CERTIFICATE_STEPS, "return", certificate.state, actor_id=actor.id)
        certificate.reviewed_by = certificate.reviewed_at = certificate.reviewed_sha256 = None
        certificate.return_reason = _reason(reason)
        uow.audit("certificate.return", actor, certificate, reason=reason)
        uow.commit()
    return certificate


def approve_certificate(
    uow: UnitOfWork,
    *,
    actor: Actor,
    certificate_id: int,
    version: int,
    proof: str,
    reason: str,
    base_url: str,
) -> Certificate:
    """Sign inside the granted field: the number is given, the document frozen, the file asked for.

    ``proof``: what ``people.signing.confirm_signature`` returned for this very request.
    Refused: ``outside_field``, ``changed_since_review``, ``content_faults``, ``same_person``.
    """
    actor.require(Permission.CERTIFICATE_APPROVE)
    with uow:
        certificate = uow.get(Certificate, certificate_id, version=version)
        rows = rows_of(uow.session, certificate)
        certificate.state = take_step(
            CERTIFICATE_STEPS,
            "approve",
            certificate.state,
            actor_id=actor.id,
            others=[certificate.drafted_by, certificate.reviewed_by, *_hands(rows)],
        )
        _check_field(uow, actor, rows)
        faults = check_content(uow.session, certificate)
        if faults:
            raise Conflict(" ".join(faults), code="content_faults")
        if content_hash(uow.session, certificate) != certificate.reviewed_sha256:
            raise Conflict(_("The content changed since the review: return it."), code="changed_since_review")
        _freeze(uow, actor, certificate, base_url)
        assert certificate.document_sha256 is not None
        _sign(uow, actor, certificate, "approve", certificate.document_sha256, proof, reason)
        uow.audit("certificate.approve", actor, certificate, reason=reason)
        enqueue(
            uow,
            "certificate.issue",
            {"certificate_id": certificate.id},
            key=f"certificate.issue:{certificate.id}",
            actor=actor,
        )
        uow.commit()
    return certificate


def _freeze(uow: UnitOfWork, actor: Actor, certificate: Certificate, base_url: str) -> None:
    today = local_date(uow.now)
    certificate.number = take_numbers(uow, certificate.kind.value, today)[0]
    certificate.check_code = "".join(secrets.choice(CODE_LETTERS) for _n in range(12))
    certificate.approved_by, certificate.approved_at = actor.id, uow.now
    document = build_document(
        uow.session,
        certificate,
        signatures=signature_lines(uow.session, certificate),
        number=certificate.number,
        check_code=certificate.check_code,
        verify_url=f"{base_url}/v/{certificate.number}/{certificate.check_code}",
        issued_on=today,
        draft=False,
    )
    written = to_json(document)
    certificate.document = written.decode()
    certificate.document_sha256 = hashlib.sha256(written).hexdigest()


def withdraw_certificate(
    uow: UnitOfWork, *, actor: Actor, certificate_id: int, version: int, reason: str
) -> Certificate:
    """Declare an issued certificate void; it stays verifiable, as withdrawn."""
    actor.require(Permission.CERTIFICATE_WITHDRAW)
    with uow:
        certificate = uow.get(Certificate, certificate_id, version=version)
        certificate.state = take_step(CERTIFICATE_STEPS, "withdraw", certificate.state, actor_id=actor.id)
        certificate.withdrawn_at, certificate.withdrawn_why = uow.now, _reason(reason)
        uow.audit("certificate.withdraw", actor, certificate, reason=reason)
        reopen_order(uow, certificate.order_id, actor=actor)
        uow.commit()
    return certificate


def preview(session: Session, certificate: Certificate) -> CertificateDocument:
    """The draft as it would be printed now, with a watermark."""
    return build_document(session, certificate, signatures=signature_lines(session, certificate))


def content_hash(session: Session, certificate: Certificate) -> str:
    """SHA-256 of the content without number, signatures and dates of signing."""
    return hashlib.sha256(to_json(build_document(session, certificate))).hexdigest()


def signature_lines(session: Session, certificate: Certificate) -> list[Signed]:
    lines = []
    for role, account_id, at in (
        (PREPARED, certificate.drafted_by, certificate.drafted_at),
        (REVIEWED, certificate.reviewed_by, certificate.reviewed_at),
        (APPROVED, certificate.approved_by, certificate.approved_at),
    ):
        account = session.get(Account, account_id) if account_id is not None else None
        day = local_date(at) if at is not None and account is not None else None
        lines.append(
            Signed(role, account.name_zh if account else "", account.name_en if account else "", day)
        )
    return lines


def check_content(session: Session, certificate: Certificate) -> list[str]:
    """What stands against signing (ISO/IEC 17025 7.8.2), as sentences."""
    faults: list[str] = []
    for row in rows_of(session, certificate):
        name = row.test.test_item.name_zh
        if row.test.state is not TestState.VERIFIED or row.result.verified_by is None:
            faults.append(_("“%(item)s” of %(sample)s is not verified.", item=name, sample=row.sample.number))
        elif not row.result.current or row.result.current_version != row.version.number:
            faults.append(
                _("“%(item)s” of %(sample)s has a newer result.", item=name, sample=row.sample.number)
            )
        if row.sample.received_at is None or (
            row.result.submitted_at is not None and row.result.submitted_at < row.sample.received_at
        ):
            faults.append(_("%(sample)s was tested before it was received.", sample=row.sample.number))
    return faults


def _hands(rows: Sequence[Row]) -> list[int | None]:
    """Who measured or verified a reported value may not approve the report."""
    return [p for r in rows for p in (r.result.submitted_by, r.result.verified_by)]


def _check_field(uow: UnitOfWork, actor: Actor, rows: Sequence[Row]) -> None:
    assert actor.id is not None
    fields = {r.test.test_item.field for r in rows}
    answer = may_sign(uow.session, actor.id, fields, local_date(uow.now))
    if not answer.ok:
        raise PermissionDenied(
            _("This report is outside your signing field (%(fields)s).", fields=", ".join(answer.missing)),
            code="outside_field",
        )


def _sign(
    uow: UnitOfWork,
    actor: Actor,
    certificate: Certificate,
    meaning: str,
    record_sha256: str,
    method: str,
    reason: str = "",
) -> None:
    row = uow.add(
        Signature(
            certificate_id=certificate.id,
            account_id=actor.id,
            name=actor.name,
            meaning=meaning,
            reason=reason,
            method=method,
            record_sha256=record_sha256,
            signed_at=uow.now,
        )
    )
    uow.audit("certificate.sign", actor, row)


def _reason(reason: str) -> str:
    if not reason.strip():
        sentence = _("Say why.")
        raise InvalidInput(sentence, code="reason_needed", fields={"reason": [sentence]})
    return reason.strip()
