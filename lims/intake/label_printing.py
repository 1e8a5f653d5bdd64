"""Sample labels: which, in what size, on which way to paper; every print is counted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.core.errors import InvalidInput, NotFound
from lims.core.jobs import Job, enqueue
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.intake.models import LabelPrint, LabelPrinter, Sample
from lims.intake.printers import PRINT_JOB
from lims.intake.samples import own_samples
from lims.intake.states import SampleState
from reports.canonical import DocumentError
from reports.labels import CodeKind, Label, LabelSheet
from reports.pdf import RenderError

MOST = 500
# What people call these label stocks: width and height in mm.
SIZES = ((50, 30), (40, 20), (60, 40), (70, 50), (100, 70))
# The words of the sample flow that stand on every label (标识), whatever language a reader has chosen.
BADGES: Mapping[SampleState, str] = {
    SampleState.EXPECTED: "待检",
    SampleState.TO_TEST: "待检",
    SampleState.IN_TEST: "在检",
    SampleState.TESTED: "已检",
    SampleState.RETAINED: "留样",
    SampleState.DISPOSAL_ASKED: "留样",
    SampleState.REFUSED: "拒收",
}


class LabelForm(StrEnum):
    PDF = "pdf"
    ZPL = "zpl"
    PRINTER = "printer"


@dataclass(frozen=True, slots=True)
class LabelLook:
    """Sides in mm, 10 to 300; ``dots_per_mm`` of the printer, for ZPL."""

    width_mm: int = 50
    height_mm: int = 30
    code_kind: CodeKind = CodeKind.QR
    dots_per_mm: int = 8


@dataclass(frozen=True, slots=True)
class Printable:
    """A sample with the number of its labels so far."""

    sample: Sample
    printed: int


Typesetter = Callable[[LabelSheet], bytes]


def printable_samples(
    session: Session, *, actor: Actor, sample_ids: Sequence[int] = (), order_id: int | None = None
) -> list[Printable]:
    """These samples, or every one of the order, in order, with how often each was printed; two queries."""
    actor.require(Permission.LABEL_PRINT)
    found = own_samples(select(Sample), actor).order_by(Sample.order_id, Sample.position, Sample.id)
    if order_id is not None:
        found = found.where(Sample.order_id == order_id)
    else:
        found = found.where(Sample.id.in_(sample_ids))
    samples = session.scalars(found.limit(MOST)).all()
    counts = printed(session, [s.id for s in samples])
    return [Printable(sample, counts.get(sample.id, 0)) for sample in samples]


def printed(session: Session, sample_ids: Sequence[int]) -> dict[int, int]:
    rows = (
        select(LabelPrint.sample_id, func.count())
        .where(LabelPrint.sample_id.in_(sample_ids))
        .group_by(LabelPrint.sample_id)
    )
    return {row[0]: row[1] for row in session.execute(rows)}


def print_labels(
    uow: UnitOfWork,
    *,
    actor: Actor,
    sample_ids: Sequence[int],
    look: LabelLook,
    form: LabelForm,
    typeset: Typesetter,
    request_key: RequestKey | None = None,
) -> bytes:
    """The labels as a file, PDF or ZPL as ``typeset`` sets them; counted once it is set.

    The same request again gives the file again and counts nothing. Raises InvalidInput where a code or a
    size cannot be printed (``label_size``, ``code128_text``...).
    """
    actor.require(Permission.LABEL_PRINT)
    uow.session.rollback()
    sheet = sheet_of(_samples(uow.session, actor, sample_ids), look)
    content = _set(typeset, sheet)  # outside the transaction: a child process does it
    with uow:
        if uow.replayed(LabelPrint, actor=actor, request_key=request_key) is None:
            _count(uow, actor, sample_ids, form)
            uow.commit()
    return content


def send_to_printer(
    uow: UnitOfWork,
    *,
    actor: Actor,
    sample_ids: Sequence[int],
    look: LabelLook,
    printer_id: int,
    request_key: RequestKey | None = None,
) -> int:
    """Ask for a job that sends the labels as ZPL to a label printer. Returns the job's number."""
    actor.require(Permission.LABEL_PRINT)
    uow.session.rollback()
    samples = _samples(uow.session, actor, sample_ids)
    sheet_of(samples, look)  # refused here, not by the job
    with uow:
        printer = uow.session.get(LabelPrinter, printer_id)
        if printer is None or not printer.active:
            text = _("There is no such printer, or it is not in use.")
            raise InvalidInput(text, code="unknown_printer", fields={"printer_id": [text]})
        first = uow.replayed(LabelPrint, actor=actor, request_key=request_key)
        if first is None:
            first = _count(uow, actor, sample_ids, LabelForm.PRINTER)
            payload = {"printer_id": printer_id, "sample_ids": [s.id for s in samples], "look": asdict(look)}
            enqueue(uow, PRINT_JOB, payload, key=f"{PRINT_JOB}:{first.id}", actor=actor)
            uow.commit()
    found = uow.session.scalar(select(Job.id).where(Job.key == f"{PRINT_JOB}:{first.id}"))
    assert found is not None  # written with the print
    return found


def sheet_of(samples: Sequence[Sample], look: LabelLook) -> LabelSheet:
    """Raises InvalidInput for a size or code that cannot be printed."""
    try:
        return LabelSheet(
            look.width_mm,
            look.height_mm,
            tuple(label_of(sample) for sample in samples),
            CodeKind(look.code_kind),
            look.dots_per_mm,
        )
    except DocumentError as error:
        raise InvalidInput(_sentence(error.code), code=error.code) from error


def label_of(sample: Sample) -> Label:
    """What stands on paper; Chinese, as the laboratory's shelves are."""
    lines = [
        f"批号 {sample.batch}" if sample.batch else "",
        f"规格 {sample.specification}" if sample.specification else "",
        f"期限 {sample.due_on.isoformat()}",
    ]
    badge = "备样" if sample.backup_of_id is not None else BADGES.get(sample.state, "")
    return Label(sample.number, sample.name, tuple(line for line in lines if line), badge)


def _samples(session: Session, actor: Actor, sample_ids: Sequence[int]) -> list[Sample]:
    wanted = list(dict.fromkeys(sample_ids))
    if not 0 < len(wanted) <= MOST:
        text = _("Choose 1 to %(n)s samples.", n=MOST)
        raise InvalidInput(text, code="no_samples", fields={"sample_ids": [text]})
    found = {
        line.sample.id: line.sample for line in printable_samples(session, actor=actor, sample_ids=wanted)
    }
    if len(found) < len(wanted):
        raise NotFound(_("There is no such sample."))
    return [found[number] for number in wanted]


def _set(typeset: Typesetter, sheet: LabelSheet) -> bytes:
    try:
        return typeset(sheet)
    except (DocumentError, RenderError) as error:
        raise InvalidInput(_sentence(error.code), code=error.code) from error


def _count(uow: UnitOfWork, actor: Actor, sample_ids: Sequence[int], form: LabelForm) -> LabelPrint:
    """One row a label; returns the first."""
    rows = [
        LabelPrint(sample_id=number, at=uow.now, actor_id=actor.id, form=form.value)
        for number in dict.fromkeys(sample_ids)
    ]
    uow.session.add_all(rows)
    uow.flush()
    for row in rows:
        uow.audit("label.print", actor, ("sample", row.sample_id), after={"form": form.value})
    uow.remember(rows[0])
    return rows[0]


def _sentence(code: str) -> str:
    sentences = {
        "label_size": _("The sides of a label measure 10 to 300 mm."),
        "label_dots": _("Label printers have 6, 8, 12 or 24 dots per mm."),
        "code128_text": _("Code 128 holds letters, digits and signs of ASCII only: use QR."),
        "code128_width": _("This number does not fit a label of this width as Code 128: use QR."),
        "qr_too_long": _("This number is too long for a QR code."),
        "font_missing": _("The font for Chinese labels is not installed on the server."),
        "render_timeout": _("Setting the labels took too long and was stopped."),
        "renderer_busy": _("Too many papers wait to be set; please try again."),
    }
    return str(sentences.get(code, _("These labels cannot be set.")))
