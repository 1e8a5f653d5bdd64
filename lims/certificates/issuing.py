"""From the frozen document to the bytes that everyone gets: a job that may run twice and issues once."""

from functools import cache

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.bench.models import Result, ResultVersion
from lims.certificates.models import Certificate, CertificateItem
from lims.certificates.states import CERTIFICATE_STEPS, CertificateState
from lims.core.clock import local_date
from lims.core.files import FileStore, keep_file
from lims.core.jobs import JobContext, job
from lims.core.permissions import SYSTEM
from lims.core.uow import UnitOfWork
from lims.core.workflow import take_step
from lims.intake.models import RequestedTest, Sample
from lims.intake.progress import complete_order
from lims.intake.states import TestState
from reports.document import from_json
from reports.pdf import Renderer


@cache
def renderer() -> Renderer:
    """One per process; its children stay warm."""
    return Renderer(workers=1)


@job("certificate.issue")
def issue_certificate(context: JobContext) -> str:
    """Render the frozen document, keep the bytes, and issue (one transaction). Returns the file's hash."""
    uow = context.uow()
    certificate_id = int(context.job.payload["certificate_id"])
    try:
        return issue(uow, context.files, certificate_id)
    finally:
        uow.session.close()


def issue(uow: UnitOfWork, store: FileStore, certificate_id: int) -> str:
    """Issue an approved certificate; one that is issued already stays as it is."""
    certificate = uow.session.get_one(Certificate, certificate_id)
    if certificate.state is not CertificateState.APPROVED:
        return certificate.pdf_sha256 or ""
    assert certificate.document is not None
    pdf = renderer().render(from_json(certificate.document.encode()))
    store.write(pdf)  # durable before any row says so
    with uow:
        certificate = uow.get(Certificate, certificate_id)
        if certificate.state is not CertificateState.APPROVED:
            return certificate.pdf_sha256 or ""
        certificate.pdf_sha256 = keep_file(uow, store, pdf, "application/pdf")
        certificate.issued_at = uow.now
        assert certificate.approved_at is not None
        certificate.issued_on = local_date(certificate.approved_at)
        certificate.state = take_step(CERTIFICATE_STEPS, "issue", certificate.state)
        uow.audit("certificate.issue", SYSTEM, certificate)
        uow.flush()
        if not unreported(uow.session, certificate.order_id):
            complete_order(uow, certificate.order_id, actor=SYSTEM)
        uow.commit()
    return certificate.pdf_sha256 or ""


def unreported(session: Session, order_id: int) -> int:
    """How many tests of the order are still without an issued report (cancelled and rejected ones need none)."""
    issued = (
        select(Result.requested_test_id)
        .join(ResultVersion, ResultVersion.result_id == Result.id)
        .join(CertificateItem, CertificateItem.result_version_id == ResultVersion.id)
        .join(Certificate, Certificate.id == CertificateItem.certificate_id)
        .where(Certificate.order_id == order_id, Certificate.state == CertificateState.ISSUED, Result.current)
    )
    statement = (
        select(func.count())
        .select_from(RequestedTest)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .where(
            Sample.order_id == order_id,
            RequestedTest.state.not_in([TestState.CANCELLED, TestState.REJECTED]),
            RequestedTest.id.not_in(issued),
        )
    )
    return session.scalar(statement) or 0
