"""The job that sends labels to a printer on the network. Sent at least once: a lost line may print twice."""

from sqlalchemy import select

from lims.core.jobs import JobContext, job
from lims.intake.label_printing import LabelLook, sheet_of
from lims.intake.models import LabelPrinter, Sample
from lims.intake.printers import PRINT_JOB, send_to
from reports.zpl import labels_zpl


@job(PRINT_JOB)
def send_labels(context: JobContext) -> str:
    """Labels show each sample as it is when they are sent. Raises OSError until the printer takes them."""
    payload = context.job.payload
    uow = context.uow()
    try:
        printer = uow.session.get_one(LabelPrinter, int(payload["printer_id"]))
        wanted = [int(number) for number in payload["sample_ids"]]
        found = {s.id: s for s in uow.session.scalars(select(Sample).where(Sample.id.in_(wanted)))}
        content = labels_zpl(sheet_of([found[number] for number in wanted], LabelLook(**payload["look"])))
        name, host, port = printer.name, printer.host, printer.port
    finally:
        uow.session.close()
    send_to(host, port, content)
    return f"{len(wanted)} → {name}"
