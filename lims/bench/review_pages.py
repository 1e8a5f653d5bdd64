"""The second person's pages: what waits, the record beside the result, verify, return, reject."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response as Answer

from lims.bench import list_face, review, review_view, worklist
from lims.bench.face import blueprint
from lims.bench.models import Result, ResultVersion
from lims.bench.schemas import ReviewForm
from lims.bench.states import Verdict
from lims.bench.wording import reported_text
from lims.core.database import db
from lims.core.errors import InvalidInput
from lims.core.paging import Key
from lims.core.web import clock, current_actor, unit_of_work
from lims.intake.models import RequestedTest
from lims.ui import lists
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import choices
from lims.ui.lists import Column, Filter, Listing

WAITING = Listing(
    caption=_l("Results to verify"),
    empty=_l("Nothing waits for you. Results appear here when an analyst hands them over."),
    statement=worklist.submitted,
    keys=(Key(RequestedTest.due_on), Key(RequestedTest.id)),
    columns=(
        list_face.SAMPLE,
        list_face.ITEM,
        Column(
            "reported",
            _l("Result"),
            kind="figure",
            value=lambda row: f"{reported_text(row)} {row.unit}".strip(),
            href=lambda row: url_for("bench.explain", version_id=row.version_id),
        ),
        Column("verdict", _l("Verdict"), kind="state"),
        Column("near", _l("Flag"), value=lambda row: _("near the limit") if row.near_limit else ""),
        list_face.METHOD,
        Column("assignee_zh", _l("Analyst"), value=list_face.assignee_of),
        Column("submitted_at", _l("Handed over"), kind="instant"),
        list_face.DUE,
        Column(
            "sheet_id",
            _l("Verify on"),
            value=lambda row: _("worksheet") if row.sheet_id else _("sample"),
            href=lambda row: (
                url_for("bench.review_sheet", worksheet_id=row.sheet_id)
                if row.sheet_id
                else url_for("bench.review_sample", sample_id=row.sample_id)
            ),
        ),
    ),
    filters=(
        list_face.SEARCH,
        list_face.SECTION,
        list_face.BY_ITEM,
        list_face.BY_METHOD,
        Filter(
            "verdict",
            _l("Verdict"),
            lambda s, v: s.where(ResultVersion.verdict == Verdict(v)),
            options=lambda: choices(Verdict),
        ),
        Filter(
            "near",
            _l("Near the limit"),
            lambda s, _v: s.where(ResultVersion.near_limit.is_(True)),
            options=lambda: list_face.YES,
        ),
        Filter(
            "retest",
            _l("Retests only"),
            lambda s, _v: s.where(Result.attempt > 1),
            options=lambda: list_face.YES,
        ),
        list_face.LATE,
    ),
    is_late=list_face.is_late,
)


@blueprint.get("/review", endpoint="review")
def waiting() -> str | Answer:
    shown = lists.show(WAITING, db.session(), current_actor())
    first = worklist.next_to_verify(db.session(), current_actor())
    return shown.download() or render_template("bench/review.html", list=shown, first=first)


@blueprint.get(f"/review/worksheets/{ID.format('worksheet_id')}")
def review_sheet(worksheet_id: int) -> str:
    return _of_sheet(worksheet_id, empty_form(ReviewForm))


def _of_sheet(worksheet_id: int, form: Form) -> str:
    page = review_view.review_of_sheet(
        db.session(), actor=current_actor(), worksheet_id=worksheet_id, now=clock()()
    )
    return render_template(
        "bench/review_page.html", page=page, form=form, title=page.worksheet and page.worksheet.number
    )


@blueprint.get(f"/review/samples/{ID.format('sample_id')}")
def review_sample(sample_id: int) -> str:
    return _of_sample(sample_id, empty_form(ReviewForm))


def _of_sample(sample_id: int, form: Form) -> str:
    page = review_view.review_of_sample(
        db.session(), actor=current_actor(), sample_id=sample_id, now=clock()()
    )
    return render_template(
        "bench/review_page.html", page=page, form=form, title=page.sample and page.sample.number
    )


@blueprint.post("/review/verify")
def verify_results() -> Answer | tuple[str, int]:
    form = read_form(ReviewForm)
    with form.attempt():
        seen = {n: form.values["seen"].get(str(n), 0) for n in _chosen(form)}
        done = review.verify_results(unit_of_work(), actor=current_actor(), seen=seen)
        flash(ngettext("%(num)s result verified.", "%(num)s results verified.", len(done)))
        return _onward() if form.values["onward"] else _back(form)
    return _refused(form)


def _chosen(form: Form) -> list[int]:
    """Raises InvalidInput when nothing is ticked."""
    ids = [form.values["one"]] if form.values["one"] else form.values["ids"]
    if not ids:
        raise InvalidInput(_("Tick at least one row."), code="nothing_chosen")
    return list(ids)


def _onward() -> Answer:
    following = worklist.next_to_verify(db.session(), current_actor())
    if following is None:
        return redirect(url_for("bench.review"))
    return redirect(url_for("bench.review_sheet", worksheet_id=following))


def _back(form: Form) -> Answer:
    """To the page the step was sent from."""
    if form.values["worksheet_id"] is not None:
        return redirect(url_for("bench.review_sheet", worksheet_id=form.values["worksheet_id"]))
    if form.values["sample_id"] is not None:
        return redirect(url_for("bench.review_sample", sample_id=form.values["sample_id"]))
    return redirect(url_for("bench.review"))


def _refused(form: Form) -> Answer | tuple[str, int]:
    """That page again, with everything ticked and typed."""
    if form.is_valid and form.values["worksheet_id"] is not None:
        return _of_sheet(form.values["worksheet_id"], form), form.status
    if form.is_valid and form.values["sample_id"] is not None:
        return _of_sample(form.values["sample_id"], form), form.status
    flash(form.message or "", "error")
    return redirect(url_for("bench.review"))


@blueprint.post("/review/return")
def return_results() -> Answer | tuple[str, int]:
    form = read_form(ReviewForm)
    with form.attempt():
        done = review.return_results(
            unit_of_work(), actor=current_actor(), test_ids=_chosen(form), reason=form.values["reason"]
        )
        flash(ngettext("%(num)s result returned.", "%(num)s results returned.", len(done)))
        return _back(form)
    return _refused(form)


@blueprint.post("/review/reject")
def reject_results() -> Answer | tuple[str, int]:
    form = read_form(ReviewForm)
    with form.attempt():
        done = review.reject_results(
            unit_of_work(), actor=current_actor(), test_ids=_chosen(form), reason=form.values["reason"]
        )
        flash(ngettext("%(num)s result rejected.", "%(num)s results rejected.", len(done)))
        return _back(form)
    return _refused(form)
