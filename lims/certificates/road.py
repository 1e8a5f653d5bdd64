"""Draft, review, approve, withdraw: the road of a certificate. Issuing is ``lims.certificates.issuing``."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from urllib.parse import quote

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.people import may_sign
from lims.bench.control.holds import is_held
from lims.bench.models import Result, ResultVersion
from lims.certificates.checks import examine
from lims.certificates.content import Content, gather, signature_lines
from lims.certificates.material import Material
from lims.certificates.models import Certificate, CertificateItem, Signature
from lims.certificates.reported import Row, hands_in
from lims.certificates.states import (
    CERTIFICATE_STEPS,
    LIVE,
    CertificateKind,
    CertificateState,
    SignatureMeaning,
    SigningReason,
)
from lims.core.audit import canonical
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, PermissionDenied
from lims.core.jobs import enqueue
from lims.core.numbering import take_numbers
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.core.workflow import take_step
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.progress import reopen_order
from lims.intake.states import OrderState, TestState
from reports.document import Language, to_json

# Without letters and digits that are read for one another.
CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 12


def reportable(session: Session, order_id: int) -> list[tuple[RequestedTest, ResultVersion]]:
    """Verified results of an order that no live certificate reports yet, in the order's own order.

    What a failing quality control holds is not among them.
    """
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
            ~is_held(RequestedTest.id),
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
        order = uow.get(Order, order_id)  # locked: two drafts at once would report a value twice
        if order.state not in (OrderState.ACCEPTED, OrderState.COMPLETED):
            raise Conflict(_("This order is not accepted."), code="order_not_accepted")
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
        _sign_draft(uow, actor, certificate)
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
    photos: bool = False,
) -> Certificate:
    """Change language, remarks or photographs of a draft; results are never edited here.

    Whoever does it has prepared it, and can then neither review nor approve it.
    """
    actor.require(Permission.CERTIFICATE_DRAFT)
    with uow:
        certificate = uow.get(Certificate, certificate_id, version=version)
        certificate.state = take_step(CERTIFICATE_STEPS, "edit", certificate.state, actor_id=actor.id)
        certificate.language, certificate.photos = _language(language), photos
        certificate.remarks_zh, certificate.remarks_en = remarks_zh, remarks_en
        certificate.drafted_by, certificate.drafted_at = actor.id, uow.now
        uow.audit("certificate.edit", actor, certificate)
        _sign_draft(uow, actor, certificate)
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
    """Agree to the content as a second person; what is approved later must be this very content.

    Refused: ``same_person``, ``content_faults``.
    """
    actor.require(Permission.CERTIFICATE_REVIEW)
    with uow:
        certificate = uow.get(Certificate, certificate_id, version=version)
        reviewed = take_step(
            CERTIFICATE_STEPS,
            "review",
            certificate.state,
            actor_id=actor.id,
            others=preparers(uow.session, certificate),
        )
        content = gather(uow.session, certificate)
        _refuse_faults(uow, certificate, content)
        certificate.state = reviewed
        certificate.reviewed_by, certificate.reviewed_at = actor.id, uow.now
        certificate.reviewed_sha256, certificate.return_reason = content.sha256, None
        uow.audit("certificate.review", actor, certificate)
        _sign(uow, actor, certificate, SignatureMeaning.REVIEWED, content.sha256, "session")
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

    ``proof``: what ``people.signing.confirm_signature`` returned for this very request
    (``certificates.signing`` does both). ``reason``: of SigningReason.
    Refused: ``same_person``, ``outside_field``, ``content_faults``, ``changed_since_review``.
    """
    actor.require(Permission.CERTIFICATE_APPROVE)
    chosen = signing_reason(reason)
    with uow:
        certificate = uow.get(Certificate, certificate_id, version=version)
        content = gather(uow.session, certificate)
        approved = check_signatory(uow.session, actor, certificate, content.rows, local_date(uow.now))
        if content.sha256 != certificate.reviewed_sha256:
            raise Conflict(_("The content changed since the review: return it."), code="changed_since_review")
        _refuse_faults(uow, certificate, content)
        _freeze(uow, actor, certificate, content, base_url)
        certificate.state = approved
        assert certificate.document_sha256 is not None
        uow.audit("certificate.approve", actor, certificate, reason=chosen)
        _sign(uow, actor, certificate, SignatureMeaning.APPROVED, certificate.document_sha256, proof, chosen)
        ask_for_file(uow, actor, certificate)
        uow.commit()
    return certificate


def check_signatory(
    session: Session, actor: Actor, certificate: Certificate, rows: Sequence[Row], today: date
) -> CertificateState:
    """The state after the approval. Raises TransitionRefused (``transition_refused``, ``same_person``),
    PermissionDenied (``outside_field``)."""
    target = take_step(
        CERTIFICATE_STEPS,
        "approve",
        certificate.state,
        actor_id=actor.id,
        others=hands_on(session, certificate, rows),
    )
    assert actor.id is not None
    answer = may_sign(session, actor.id, {r.test.test_item.field for r in rows}, today)
    if not answer.ok:
        raise PermissionDenied(
            _("This report is outside your signing field. %(what)s", what=answer.sentence.text),
            code="outside_field",
        )
    return target


def hands_on(session: Session, certificate: Certificate, rows: Sequence[Row]) -> set[int | None]:
    """Who prepared or reviewed it, or had a hand in a value: none of them may approve it."""
    return preparers(session, certificate) | {certificate.reviewed_by} | hands_in(session, rows)


def preparers(session: Session, certificate: Certificate) -> set[int | None]:
    """Everybody who ever prepared it, not only the last one."""
    signed = select(Signature.account_id).where(
        Signature.certificate_id == certificate.id, Signature.meaning == SignatureMeaning.PREPARED
    )
    return {certificate.drafted_by, *session.scalars(signed)}


def _refuse_faults(uow: UnitOfWork, certificate: Certificate, content: Content) -> None:
    checks = examine(Material(uow.session, certificate, content, uow.now))
    faults = [sentence for check in checks if check.stops for sentence in check.faults]
    if faults:
        raise Conflict(" ".join(faults), code="content_faults")


def _freeze(uow: UnitOfWork, actor: Actor, certificate: Certificate, content: Content, base_url: str) -> None:
    """Everything is read before anything is written: a flush in between would hide changes from the audit."""
    now = uow.now
    number = take_numbers(uow, certificate.kind.value, local_date(now))[0]
    check_code = "".join(secrets.choice(CODE_LETTERS) for _n in range(CODE_LENGTH))
    document = replace(
        content.document,
        number=number,
        check_code=check_code,
        verify_url=verification_url(base_url, number, check_code),
        signatures=signature_lines(uow.session, certificate, approved=(actor.id, now)),
        issued_on=local_date(now).isoformat(),
        draft=False,
    )
    written = to_json(document)
    certificate.number, certificate.check_code = number, check_code
    certificate.approved_by, certificate.approved_at = actor.id, now
    certificate.document = written.decode()
    certificate.document_sha256 = hashlib.sha256(written).hexdigest()


def verification_url(base_url: str, number: str, check_code: str) -> str:
    """Where anyone verifies the report; what its QR code says."""
    return f"{base_url.rstrip('/')}/v/{quote(number, safe='')}/{check_code}"


def ask_for_file(uow: UnitOfWork, actor: Actor, certificate: Certificate, attempt: int = 1) -> None:
    """Ask the worker to render and issue, in the caller's transaction. ``attempt``: after one that failed."""
    key = f"certificate.issue:{certificate.id}" + (f":{attempt}" if attempt > 1 else "")
    enqueue(uow, "certificate.issue", {"certificate_id": certificate.id}, key=key, actor=actor)


def withdraw_certificate(
    uow: UnitOfWork, *, actor: Actor, certificate_id: int, version: int, reason: str
) -> Certificate:
    """Declare an issued certificate void; it stays verifiable, as withdrawn, and its number is spent."""
    actor.require(Permission.CERTIFICATE_WITHDRAW)
    with uow:
        # The order first, as issuing does: two that wait for each other would never end.
        order = uow.get(Order, uow.get(Certificate, certificate_id, lock=False).order_id)
        certificate = uow.get(Certificate, certificate_id, version=version)
        certificate.state = take_step(CERTIFICATE_STEPS, "withdraw", certificate.state, actor_id=actor.id)
        certificate.withdrawn_at, certificate.withdrawn_why = uow.now, _reason(reason)
        uow.audit("certificate.withdraw", actor, certificate, reason=reason)
        uow.flush()
        if order.state is OrderState.COMPLETED:
            reopen_order(uow, order.id, actor=actor)
        uow.commit()
    return certificate


def _sign_draft(uow: UnitOfWork, actor: Actor, certificate: Certificate) -> None:
    """The preparer signs which values, in which language, with which remarks."""
    values = uow.session.scalars(
        select(CertificateItem.result_version_id)
        .where(CertificateItem.certificate_id == certificate.id)
        .order_by(CertificateItem.position)
    )
    prepared = {
        "certificate": certificate.id,
        "language": certificate.language,
        "remarks": [certificate.remarks_zh, certificate.remarks_en],
        "photos": certificate.photos,
        "result_versions": list(values),
    }
    record = hashlib.sha256(canonical(prepared).encode()).hexdigest()
    _sign(uow, actor, certificate, SignatureMeaning.PREPARED, record, "session")


def _sign(
    uow: UnitOfWork,
    actor: Actor,
    certificate: Certificate,
    meaning: SignatureMeaning,
    record_sha256: str,
    method: str,
    reason: str = "",
) -> None:
    row = uow.add(
        Signature(
            certificate_id=certificate.id,
            account_id=actor.id,
            name=actor.name,
            meaning=meaning.value,
            reason=reason,
            method=method,
            record_sha256=record_sha256,
            signed_at=uow.now,
        )
    )
    uow.audit("certificate.sign", actor, row)


def signing_reason(reason: str) -> str:
    try:
        return SigningReason(reason).value
    except ValueError:
        sentence = _("Choose a reason from the list.")
        raise InvalidInput(sentence, code="reason_unknown", fields={"reason": [sentence]}) from None


def _reason(reason: str) -> str:
    if not reason.strip():
        sentence = _("Say why.")
        raise InvalidInput(sentence, code="reason_needed", fields={"reason": [sentence]})
    return reason.strip()
