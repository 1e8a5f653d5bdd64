"""From the frozen document to the bytes that everyone gets: a job that may run twice and issues once."""

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from lims.bench.models import Result, ResultVersion
from lims.certificates.models import Certificate, CertificateItem
from lims.certificates.road import ask_for_file
from lims.certificates.states import CERTIFICATE_STEPS, CertificateState
from lims.core.clock import local_date
from lims.core.errors import Conflict
from lims.core.files import FileStore, keep_file
from lims.core.jobs import Job, JobContext, JobState, job
from lims.core.permissions import SYSTEM, Actor, Permission
from lims.core.printing import renderer
from lims.core.uow import UnitOfWork
from lims.core.workflow import take_step
from lims.intake.models import Order, RequestedTest, Sample
from lims.intake.progress import complete_order
from lims.intake.states import OrderState, TestState
from reports.document import CertificateDocument, from_json
from reports.pdf import RenderError

KIND = "certificate.issue"


def set_in_type(document: CertificateDocument, store: FileStore) -> bytes:
    """The PDF of a document, with the photographs it names. Raises Conflict with the typesetter's code."""
    names = dict.fromkeys(photo.sha256 for sample in document.samples for photo in sample.photos)
    try:
        return renderer().render(document, [store.read(name) for name in names])
    except RenderError as error:
        sentence = _("The report cannot be set in type: %(why)s", why=error.sentence)
        raise Conflict(sentence, code=error.code) from error


@job(KIND)
def issue_certificate(context: JobContext) -> str:
    """Render the frozen document, keep the bytes, and issue (one transaction). Returns the file's hash."""
    uow = context.uow()
    certificate_id = int(context.job.payload["certificate_id"])
    try:
        return issue(uow, context.files, certificate_id)
    finally:
        uow.session.close()


def issue(uow: UnitOfWork, store: FileStore, certificate_id: int) -> str:
    """Issue an approved certificate; one that is issued already stays as it is.

    May be killed anywhere: the bytes are durable before a row names them, and the row is written in the
    transaction that issues.
    """
    uow.session.rollback()  # what others committed since is seen
    certificate = uow.session.get_one(Certificate, certificate_id, populate_existing=True)
    if certificate.state is not CertificateState.APPROVED:
        return certificate.pdf_sha256 or ""
    assert certificate.document is not None
    document = from_json(certificate.document.encode())
    uow.session.rollback()  # no transaction stays open while the type is set
    pdf = set_in_type(document, store)
    store.write(pdf)
    return _issued(uow, store, certificate_id, pdf)


def _issued(uow: UnitOfWork, store: FileStore, certificate_id: int, pdf: bytes) -> str:
    with uow:
        # The order first, as drafting and withdrawing do: two that wait for each other would never end.
        order_id = uow.session.get_one(Certificate, certificate_id).order_id
        order = uow.get(Order, order_id)
        certificate = uow.get(Certificate, certificate_id)
        if certificate.state is not CertificateState.APPROVED:
            return certificate.pdf_sha256 or ""
        name = keep_file(uow, store, pdf, "application/pdf")
        assert certificate.approved_at is not None
        certificate.pdf_sha256, certificate.issued_at = name, uow.now
        certificate.issued_on = local_date(certificate.approved_at)
        certificate.state = take_step(CERTIFICATE_STEPS, "issue", certificate.state)
        uow.audit("certificate.issue", SYSTEM, certificate)
        uow.flush()
        if order.state is OrderState.ACCEPTED and not unreported(uow.session, order_id):
            complete_order(uow, order_id, actor=SYSTEM)
        uow.commit()
    return name


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


def jobs_of(session: Session, certificate_id: int) -> Sequence[Job]:
    """The tries to make the file, the newest first."""
    key = f"{KIND}:{certificate_id}"
    wanted = select(Job).where(or_(Job.key == key, Job.key.startswith(f"{key}:", autoescape=True)))
    return session.scalars(wanted.order_by(Job.id.desc())).all()


def issue_again(uow: UnitOfWork, *, actor: Actor, certificate_id: int) -> Certificate:
    """Ask for the file once more after the job was given up (a font was missing, say).

    Refused (``still_trying``) while the last try is not over.
    """
    if not (actor.can(Permission.CERTIFICATE_REVIEW) or actor.can(Permission.CERTIFICATE_APPROVE)):
        actor.require(Permission.CERTIFICATE_APPROVE)
    with uow:
        certificate = uow.get(Certificate, certificate_id)
        tries = jobs_of(uow.session, certificate_id)
        if certificate.state is not CertificateState.APPROVED or (
            tries and tries[0].state is not JobState.FAILED
        ):
            raise Conflict(_("The file is made already, or being made."), code="still_trying")
        ask_for_file(uow, actor, certificate, attempt=len(tries) + 1)
        uow.audit("certificate.issue_again", actor, certificate, after={"attempt": len(tries) + 1})
        uow.commit()
    return certificate
