"""Pages of labels: choose size, code and way to paper; and the printers of the network."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from lims.core.database import db
from lims.core.permissions import Permission
from lims.core.web import current_actor, request_key, unit_of_work
from lims.intake import label_printing
from lims.intake import printers as use
from lims.intake.face import blueprint
from lims.intake.label_printing import SIZES, LabelForm, LabelLook
from lims.intake.label_schemas import LabelsLoad, LabelsQuery, PrinterEditLoad, PrinterLoad
from lims.intake.paper import TYPESETTERS
from lims.intake.sample_pages import ticked
from lims.ui.faces import ID, asked, attachment
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import Text, choices
from reports.labels import CodeKind


@blueprint.post("/labels/choose")
def choose_labels() -> Answer:
    """From a list with ticked rows to the page that prints their labels."""
    return redirect(url_for("intake.labels", ids=",".join(map(str, ticked()[: label_printing.MOST]))))


@blueprint.get("/labels")
def labels() -> str:
    """Labels of ``?ids=1,2,3`` or of every sample of ``?order_id=7``."""
    wanted = asked(LabelsQuery)
    look = LabelLook()
    found = label_printing.printable_samples(
        db.session(), actor=current_actor(), sample_ids=wanted["ids"], order_id=wanted["order_id"]
    )
    form = empty_form(LabelsLoad, look, form=LabelForm.PDF, sample_ids=[line.sample.id for line in found])
    return _labels(form, found)


def _labels(form: Form, found: list[label_printing.Printable]) -> str:
    return render_template(
        "intake/labels.html",
        form=form,
        lines=found,
        sizes=SIZES,
        forms=choices(LabelForm),
        codes=choices(CodeKind),
        printers=_printer_choices(db.session()),
        may_edit=current_actor().can(Permission.SETTINGS_EDIT),
    )


def _printer_choices(session: Session) -> list[tuple[int, Text]]:
    return [
        (p.id, f"{p.name} · {p.width_mm} × {p.height_mm} mm")
        for p in use.list_printers(session, active_only=True)
    ]


@blueprint.post("/labels")
def print_labels() -> Answer | tuple[str, int]:
    """The file, or a job for the printer."""
    form = read_form(LabelsLoad)
    with form.attempt():
        values = dict(form.values)
        way, printer_id = values.pop("form"), values.pop("printer_id")
        common = {"actor": current_actor(), "request_key": request_key(), **values}
        if way is LabelForm.PRINTER:
            job_id = label_printing.send_to_printer(unit_of_work(), printer_id=printer_id, **common)
            return redirect(url_for("intake.print_job", job_id=job_id))
        return label_file(
            way, label_printing.print_labels(unit_of_work(), form=way, typeset=TYPESETTERS[way], **common)
        )
    ids = [int(t) for t in form.typed_list("sample_ids") if t.isascii() and t.isdigit() and len(t) < 16]
    found = label_printing.printable_samples(db.session(), actor=current_actor(), sample_ids=ids[:500])
    return _labels(form, found), form.status


def label_file(way: LabelForm, content: bytes) -> Response:
    kind = "application/pdf" if way is LabelForm.PDF else "application/zpl"
    return attachment(content, kind, f"labels.{way.value}")


@blueprint.get(f"/labels/jobs/{ID.format('job_id')}")
def print_job(job_id: int) -> str:
    job = use.print_job(db.session(), actor=current_actor(), job_id=job_id)
    part = request.headers.get("HX-Request") == "true"
    return render_template("intake/print_job_part.html" if part else "intake/print_job.html", job=job)


# -- printers ------------------------------------------------------------------------


@blueprint.get("/printers")
def printers() -> str:
    return _printers(empty_form(PrinterLoad, port=9100, width_mm=50, height_mm=30, dots_per_mm=8))


def _printers(form: Form) -> str:
    return render_template(
        "intake/printers.html", rows=use.list_printers(db.session()), form=form, dots=_dots()
    )


def _dots() -> list[tuple[int, str]]:
    return [(6, "6 (152 dpi)"), (8, "8 (203 dpi)"), (12, "12 (300 dpi)"), (24, "24 (600 dpi)")]


@blueprint.post("/printers")
def create_printer() -> Answer | tuple[str, int]:
    form = read_form(PrinterLoad)
    with form.attempt():
        made = use.create_printer(
            unit_of_work(), actor=current_actor(), **form.values, request_key=request_key()
        )
        flash(_("Printer %(name)s is there.", name=made.name))
        return redirect(url_for("intake.printers"))
    return _printers(form), form.status


@blueprint.get(f"/printers/{ID.format('printer_id')}")
def printer(printer_id: int) -> str:
    return _printer(printer_id, empty_form(PrinterEditLoad, use.get_printer(db.session(), printer_id)))


def _printer(printer_id: int, form: Form) -> str:
    row = use.get_printer(db.session(), printer_id)
    return render_template("intake/printer.html", printer=row, form=form, dots=_dots())


@blueprint.post(f"/printers/{ID.format('printer_id')}")
def edit_printer(printer_id: int) -> Answer | tuple[str, int]:
    form = read_form(PrinterEditLoad)
    with form.attempt():
        use.change_printer(unit_of_work(), actor=current_actor(), printer_id=printer_id, **form.values)
        flash(_("Saved."))
        return redirect(url_for("intake.printers"))
    return _printer(printer_id, form), form.status
