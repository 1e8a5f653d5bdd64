"""The letter that tells a customer that a sample was refused."""

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lims.core.errors import Conflict, NotFound
from lims.core.files import FileStore, keep_file
from lims.core.jobs import JobContext, enqueue, job
from lims.core.papers import Paper
from lims.core.permissions import SYSTEM, Actor, Permission
from lims.core.uow import UnitOfWork
from lims.intake.models import Contact, Customer, Order, Sample
from reports.document import Labelled, Language, Party, Text
from reports.letter import LetterDocument

REFUSAL_JOB = "intake.refusal_letter"
LETTER: Paper[LetterDocument] = Paper()


def refusal_letter(session: Session, sample: Sample) -> LetterDocument:
    """The finished text. Raises Conflict ``laboratory_details_missing``."""
    laboratory = LETTER.laboratory(session)
    order = session.get_one(Order, sample.order_id)
    customer = session.get_one(Customer, order.customer_id)
    contact = session.get(Contact, order.contact_id) if order.contact_id else None
    return LetterDocument(
        laboratory=laboratory,
        number=sample.refusal_letter_number or "",
        dated=sample.refused_on.isoformat() if sample.refused_on else "",
        recipient=Party(
            name=Text(customer.name, customer.name_en),
            address=Text.same(customer.address),
            contact=contact.name if contact else "",
            phone=contact.phone if contact else "",
        ),
        subject=Text("样品拒收通知", "Notice of refusal of a sample"),
        salutation=Text(f"{customer.name}：", f"To {customer.name_en or customer.name}:"),
        paragraphs=(
            Text(
                f"贵单位委托单 {order.number} 的下列样品经收样检查不符合检验要求，我单位不予接收。",
                f"The following sample of your order {order.number} did not pass our receive check; "
                "we cannot accept it.",
            ),
        ),
        facts=_facts(sample),
        closing_paragraphs=(
            Text(
                "请于收到本通知后与我单位联系，重新送样或取回样品。该样品的检验项目已取消，不收取费用。",
                "Please contact us to send a new sample or to fetch this one. "
                "The tests of this sample are cancelled and not charged.",
            ),
        ),
        language={"zh": Language.ZH, "en": Language.EN}.get(order.report_language, Language.BOTH),
    )


def _facts(sample: Sample) -> tuple[Labelled, ...]:
    seals = {
        "intact": Text("完好", "intact"),
        "broken": Text("破损", "broken"),
        "none": Text("无封条", "no seal"),
    }
    pairs = [
        (Text("样品编号", "Sample number"), Text.same(sample.number)),
        (Text("样品名称", "Sample"), Text.same(sample.name)),
        (Text("批号", "Batch"), Text.same(sample.batch)),
        (Text("封条", "Seal"), seals.get(sample.seal or "", Text())),
        (
            Text("到样温度", "Temperature"),
            Text.same(f"{sample.temperature} °C" if sample.temperature is not None else ""),
        ),
        (Text("数量", "Amount"), Text.same(sample.amount or "")),
        (Text("状态", "Condition"), Text.same(sample.condition or "")),
        (Text("拒收原因", "Reason"), Text.same(sample.refused_why or "")),
    ]
    return tuple(Labelled(label, value) for label, value in pairs if value)


def write_refusal_letter(uow: UnitOfWork, *, actor: Actor, store: FileStore, sample_id: int) -> str:
    """Set, store and remember the letter; what was written once stays. Returns its SHA-256."""
    uow.session.rollback()
    sample = uow.session.get(Sample, sample_id, populate_existing=True)
    if sample is None or sample.refusal_letter_number is None:
        raise NotFound(_("There is no letter for this sample."))
    if sample.refusal_letter_sha256 is not None:
        return sample.refusal_letter_sha256
    document = refusal_letter(uow.session, sample)
    pdf = LETTER.typeset(document)
    with uow:
        sample = uow.get(Sample, sample_id)
        if sample.refusal_letter_sha256 is None:
            sample.refusal_letter_sha256 = keep_file(uow, store, pdf, "application/pdf")
            uow.audit("sample.refusal_letter", actor, sample)
            uow.commit()
        return sample.refusal_letter_sha256


def ask_letter(uow: UnitOfWork, *, actor: Actor, sample_id: int) -> None:
    """Ask again for a letter that could not be written, once what was missing is there.

    Raises Conflict (``letter_written``) when it stands already.
    """
    actor.require(Permission.SAMPLE_RECEIVE)
    with uow:
        sample = uow.get(Sample, sample_id)
        if sample.refusal_letter_number is None:
            raise NotFound(_("There is no letter for this sample."))
        if sample.refusal_letter_sha256 is not None:
            raise Conflict(_("The letter is written already."), code="letter_written")
        key = f"refusal:{sample.id}:{uow.now:%Y%m%d%H%M%S}"
        enqueue(uow, REFUSAL_JOB, {"sample_id": sample.id}, key=key, actor=actor)
        uow.commit()


def letter_of(store: FileStore, sample: Sample) -> bytes:
    """The stored letter. Raises NotFound while it is not written."""
    if sample.refusal_letter_sha256 is None:
        raise NotFound(_("The letter is not written yet."))
    return store.read(sample.refusal_letter_sha256)


@job(REFUSAL_JOB)
def _write(context: JobContext) -> str | None:
    uow = context.uow()
    try:
        sample_id = int(context.job.payload["sample_id"])
        return write_refusal_letter(uow, actor=SYSTEM, store=context.files, sample_id=sample_id)
    finally:
        uow.session.close()
