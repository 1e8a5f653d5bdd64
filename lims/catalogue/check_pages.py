"""Pages of currency checks: a list comes in, each affected standard is decided, the evidence goes out."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Response, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as Answer

from lims.catalogue import checks as use_cases
from lims.catalogue.check_models import (
    TO_DECIDE,
    CheckOutcome,
    StandardDecision,
    StandardFinding,
    StandardsCheck,
)
from lims.catalogue.check_schemas import CheckForm, CloseLoad, DecisionLoad
from lims.catalogue.checks import ListFile
from lims.catalogue.currency_list import StandardsList
from lims.catalogue.decisions import POSSIBLE, decide_finding, official_end
from lims.catalogue.evidence import evidence_job, evidence_pdf
from lims.catalogue.face import blueprint, may_edit, today
from lims.catalogue.touched import Touched, TouchedKind, by_kind, touched_by
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.paging import Key
from lims.core.web import current_actor, file_store, request_key, unit_of_work
from lims.ui import lists
from lims.ui.faces import ID, attachment
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import Text, bilingual, label
from lims.ui.lists import Column, Filter, Listing

CHECK = f"/catalogue/standards/checks/{ID.format('check_id')}"
MOST_LINKS = 12  # of one kind beside a standard; its own page has the rest
CHECKS = Listing(
    caption=_l("Currency checks"),
    empty=_l("Checks appear here when a list of standards is compared with the library for the first time."),
    statement=lambda _actor: use_cases.check_lines(),
    keys=(Key(StandardsCheck.id, descending=True),),
    columns=(
        Column("number", _l("Number"), href=lambda row: url_for("catalogue.check", check_id=row.id)),
        Column("made_on", _l("Checked on"), kind="day"),
        Column("source", _l("Source of the list"), kind="broad"),
        Column("by", _l("Checked by"), value=bilingual),
        Column("list_rows", _l("Rows"), kind="figure"),
        Column("decided", _l("Decided so far"), value=lambda row: f"{row.decided} / {row.to_decide}"),
        Column("closed_at", _l("Closed on"), kind="instant"),
    ),
    filters=(
        Filter(
            "open",
            _l("Still open"),
            lambda s, _v: s.where(StandardsCheck.closed_at.is_(None)),
            options=lambda: [("yes", _("yes"))],
        ),
    ),
)


@blueprint.get("/catalogue/standards/checks")
def checks() -> Answer | str:
    shown = lists.show(CHECKS, db.session(), current_actor())
    return shown.download() or render_template("catalogue/checks.html", list=shown, may_edit=may_edit())


@blueprint.get("/catalogue/standards/checks/new")
def new_check() -> str:
    return _new(empty_form(CheckForm))


def _new(form: Form, read: StandardsList | None = None, file: ListFile | None = None) -> str:
    content = base64.b64encode(file.content).decode() if file and read else ""
    return render_template(
        "catalogue/new_check.html", form=form, read=read, file=file, content=content, day=today()
    )


@blueprint.post("/catalogue/standards/checks/new")
def start_check() -> Answer | str | tuple[str, int]:
    """The file is kept by the page until its rows are right or left out: nothing is chosen twice."""
    form = read_form(CheckForm)
    read = file = None
    with form.attempt():
        file = _given(form)
        read = use_cases.look_at(file)
        made = use_cases.start_check(
            unit_of_work(),
            actor=current_actor(),
            store=file_store(),
            file=file,
            source=form.values["source"],
            leave_out_faulty=form.values["leave_out_faulty"],
            request_key=request_key(),
        )
        return redirect(url_for("catalogue.check", check_id=made.id))
    return _new(form, read, file), form.status


def _given(form: Form) -> ListFile:
    """The uploaded file, the pasted rows, or the file that this page was sent before."""
    file: FileStorage | None = form.values["file"]
    if file is not None:
        name = "".join(c for c in file.filename or "" if c.isprintable())[:200]
        return ListFile(name or "list", file.stream.read())
    pasted: str = form.values["pasted"]
    if pasted.strip():
        return ListFile("", pasted.encode())
    if form.values["content"]:
        return ListFile(form.values["file_name"], use_cases.decoded(form.values["content"]))
    sentence = _("Choose a file, or paste rows.")
    raise InvalidInput(sentence, code="nothing_given", fields={"file": [sentence]})


@blueprint.get(CHECK)
def check(check_id: int) -> str:
    return _check(check_id)


@dataclass(frozen=True, slots=True)
class Line:
    """One finding to decide, with everything that hangs on its standard today."""

    finding: StandardFinding
    touched: Mapping[TouchedKind, Sequence[Touched]]
    form: Form
    options: Sequence[tuple[object, Text]]
    is_known: bool  # the new edition stands in the library


def _check(check_id: int, form: Form | None = None, at: int | None = None) -> str:
    """``form``: the refused decision about finding ``at``, or the refused closing."""
    session = db.session()
    row = use_cases.check(session, check_id)
    findings = use_cases.findings_of(session, check_id)
    of = {outcome: [one for one in findings if one.outcome is outcome] for outcome in CheckOutcome}
    return render_template(
        "catalogue/check.html",
        check=row,
        lines=_lines(session, findings, {at: form} if form is not None and at is not None else {}),
        progress=use_cases.progress_of(findings),
        counts={outcome: len(rows) for outcome, rows in of.items()},
        others={outcome: rows for outcome, rows in of.items() if rows and outcome not in TO_DECIDE},
        people=use_cases.people_of(session, row, findings),
        closing=form if form is not None and at is None else empty_form(CloseLoad, row),
        evidence_job=evidence_job(session, row),
        most=MOST_LINKS,
        may_edit=may_edit(),
        day=today(),
    )


def _lines(
    session: Session, findings: Sequence[StandardFinding], refused: Mapping[int | None, Form]
) -> list[Line]:
    needed = [one for one in findings if one.outcome in TO_DECIDE and one.standard_id is not None]
    touched = touched_by(session, {one.standard_id for one in needed if one.standard_id}, today())
    codes = {one.code for one in use_cases.our_editions(session)} if needed else set()
    return [
        Line(
            one,
            by_kind(touched.get(one.standard_id or 0, ())),
            _form(one, refused.get(one.id)),
            [(d.value, label(d)) for d in POSSIBLE[one.outcome]],
            one.successor_code in codes,
        )
        for one in needed
    ]


def _form(one: StandardFinding, refused: Form | None) -> Form:
    standard = one.standard
    form = refused or empty_form(
        DecisionLoad,
        version=one.version,
        effective_on=official_end(one) or today(),
        title_zh=one.successor_title or (standard.title_zh if standard else ""),
        title_en=standard.title_en if standard else "",
    )
    form.prefix = f"d{one.id}"
    return form


@blueprint.post(f"{CHECK}/findings/{ID.format('finding_id')}/decide")
def decide_standard(check_id: int, finding_id: int) -> Answer | tuple[str, int]:
    form = read_form(DecisionLoad)
    with form.attempt():
        done = decide_finding(
            unit_of_work(), actor=current_actor(), check_id=check_id, finding_id=finding_id, **form.values
        )
        flash(_("Decided: %(code)s – %(decision)s.", code=done.code, decision=_words(done.decision)))
        return redirect(url_for("catalogue.check", check_id=check_id, _anchor=f"finding-{finding_id}"))
    return _check(check_id, form, finding_id), form.status


def _words(decision: StandardDecision | None) -> Text:
    return label(decision) if decision is not None else ""


@blueprint.post(f"{CHECK}/close")
def close_check(check_id: int) -> Answer | tuple[str, int]:
    form = read_form(CloseLoad)
    with form.attempt():
        use_cases.close_check(
            unit_of_work(), actor=current_actor(), store=file_store(), check_id=check_id, **form.values
        )
        flash(_("The check is closed; its evidence sheet is being set."))
        return redirect(url_for("catalogue.check", check_id=check_id))
    return _check(check_id, form), form.status


@blueprint.get(f"{CHECK}/evidence.pdf")
def check_evidence(check_id: int) -> Response:
    row = use_cases.check(db.session(), check_id)
    return attachment(evidence_pdf(file_store(), row), "application/pdf", f"{row.number}.pdf")


@blueprint.get(f"{CHECK}/list")
def check_list(check_id: int) -> Response:
    """The list itself, byte for byte as it was uploaded."""
    row = use_cases.check(db.session(), check_id)
    content = file_store().read(row.file_sha256)
    ending = "xlsx" if content.startswith(b"PK") else "csv"
    return attachment(content, "application/octet-stream", f"{row.number}-list.{ending}")


@blueprint.get(f"{CHECK}/progress")
def evidence_progress(check_id: int) -> str:
    """The part of the page that waits for the evidence sheet."""
    row = use_cases.check(db.session(), check_id)
    return render_template(
        "catalogue/evidence_part.html", check=row, evidence_job=evidence_job(db.session(), row)
    )
