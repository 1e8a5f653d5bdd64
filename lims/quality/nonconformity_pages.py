"""Pages of nonconformities: the list, a new one, and one with its steps."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.quality import nonconformities, search
from lims.quality.covers import Cover, number_of
from lims.quality.face import address_of, blueprint, person_options, today
from lims.quality.models import Nonconformity
from lims.quality.reading import look_at, read_typed_covers
from lims.quality.schemas import (
    CloseLoad,
    CorrectionLoad,
    CoversFormLoad,
    DecisionLoad,
    DoneLoad,
    EvaluationLoad,
    FindingFormLoad,
    FurtherLoad,
    NewPageQuery,
    TellLoad,
)
from lims.quality.search import Attention
from lims.quality.states import (
    CoverKind,
    CustomerTold,
    Decision,
    NonconformityState,
    Significance,
    Source,
)
from lims.ui import lists
from lims.ui.faces import ID, asked
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import bilingual, choices
from lims.ui.lists import Column, Filter, Listing

ONE = f"/nonconformities/{ID.format('nonconformity_id')}"
SPARE_COVERS = 3
NONCONFORMITIES = Listing(
    caption=_l("Nonconformities"),
    empty=_l("Nonconformities appear here when a control fails or somebody says that something is wrong."),
    statement=lambda _actor: search.nonconformity_lines(),
    keys=search.NEWEST_FIRST,
    columns=(
        Column(
            "number",
            _l("Number"),
            href=lambda row: url_for("quality.nonconformity", nonconformity_id=row.id),
        ),
        Column("title", _l("Problem"), kind="broad"),
        Column("source", _l("Found by"), kind="state"),
        Column("significance", _l("Significance"), kind="state"),
        Column("state", _l("State"), kind="state"),
        Column("decision", _l("Decision"), kind="state"),
        Column("responsible", _l("Responsible"), value=lambda row: bilingual(row, "responsible")),
        Column("due_on", _l("Action due"), kind="day"),
        Column("opened_at", _l("Opened at"), kind="instant"),
    ),
    filters=(
        Filter("q", _l("Number or words"), search.having_words),
        Filter(
            "state",
            _l("State"),
            lambda s, v: s.where(Nonconformity.state == NonconformityState(v)),
            options=lambda: choices(NonconformityState),
        ),
        Filter(
            "source",
            _l("Found by"),
            lambda s, v: s.where(Nonconformity.source == Source(v)),
            options=lambda: choices(Source),
        ),
        Filter(
            "attention",
            _l("Waiting"),
            lambda s, v: search.needing(s, Attention(v), current_actor(), today()),
            options=lambda: choices(Attention),
        ),
    ),
    is_late=lambda row: search.is_overdue(row, today()),
)


@blueprint.get("/nonconformities", endpoint="nonconformities")
def list_page() -> str | Answer:
    shown = lists.show(NONCONFORMITIES, db.session(), current_actor())
    return shown.download() or render_template("quality/nonconformities.html", list=shown)


@blueprint.get("/nonconformities/new")
def new_nonconformity() -> str:
    """``?kind=``, ``?object_id=``: what it covers."""
    kind, row_id = (asked(NewPageQuery)[name] for name in ("kind", "object_id"))
    covers = []
    if kind is not None and row_id is not None and (typed := number_of(db.session(), Cover(kind, row_id))):
        covers = [{"kind": kind, "number": typed}]
    return _new(empty_form(FindingFormLoad, covers=covers))


@blueprint.post("/nonconformities/new")
def create_nonconformity() -> Answer | tuple[str, int]:
    form = read_form(FindingFormLoad)
    with form.attempt():
        made = nonconformities.open_nonconformity(
            unit_of_work(),
            actor=current_actor(),
            finding=nonconformities.Finding(
                **{**form.values, "covers": read_typed_covers(db.session(), form.values["covers"])}
            ),
            request_key=request_key(),
        )
        flash(_("Nonconformity %(number)s is open.", number=made.number))
        return redirect(url_for("quality.nonconformity", nonconformity_id=made.id))
    return _new(form), form.status


def _new(form: Form) -> str:
    return render_template(
        "quality/new_nonconformity.html",
        form=form,
        rows=form.count("covers") + SPARE_COVERS,
        sources=choices(Source),
        kinds=_kinds(),
    )


def _kinds() -> list[tuple[str, Any]]:
    return [pair for pair in choices(CoverKind) if pair[0] != CoverKind.PROFICIENCY.value]


@blueprint.get(ONE)
def nonconformity(nonconformity_id: int) -> str:
    return _page(nonconformity_id)


def _page(nonconformity_id: int, **forms: Form) -> str:
    view = look_at(db.session(), current_actor(), nonconformity_id)
    row = view.row
    shown = {
        "evaluate": empty_form(EvaluationLoad, row),
        "decide": empty_form(DecisionLoad, row),
        "tell": empty_form(TellLoad, row),
        "plan": empty_form(CorrectionLoad, row),
        "done": empty_form(DoneLoad, row),
        "further": empty_form(FurtherLoad, version=row.version),
        "close": empty_form(CloseLoad, version=row.version),
        "cover": empty_form(CoversFormLoad, row, covers=[]),
        **forms,
    }
    for name, form in shown.items():
        form.prefix = name
    return render_template(
        "quality/nonconformity.html",
        view=view,
        row=row,
        forms=shown,
        tried=next(iter(forms), ""),
        address_of=address_of,
        significances=choices(Significance),
        decisions=choices(Decision),
        told=choices(CustomerTold),
        people=person_options(),
        kinds=_kinds(),
        overdue=search.is_overdue(row, today()),
    )


def _done(nonconformity_id: int, sentence: str) -> Answer:
    flash(sentence)
    return redirect(url_for("quality.nonconformity", nonconformity_id=nonconformity_id))


@blueprint.post(f"{ONE}/cover")
def cover_more(nonconformity_id: int) -> Answer | tuple[str, int]:
    form = read_form(CoversFormLoad)
    with form.attempt():
        covers = read_typed_covers(db.session(), form.values["covers"])
        nonconformities.cover_more(
            unit_of_work(),
            actor=current_actor(),
            nonconformity_id=nonconformity_id,
            version=form.values["version"],
            covers=covers,
        )
        return _done(nonconformity_id, _("Saved."))
    return _page(nonconformity_id, cover=form), form.status


@blueprint.post(f"{ONE}/evaluate")
def evaluate(nonconformity_id: int) -> Answer | tuple[str, int]:
    form = read_form(EvaluationLoad)
    with form.attempt():
        nonconformities.evaluate_nonconformity(
            unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **form.values
        )
        return _done(nonconformity_id, _("Evaluated: the decision on the work comes next."))
    return _page(nonconformity_id, evaluate=form), form.status


@blueprint.post(f"{ONE}/decide")
def decide(nonconformity_id: int) -> Answer | tuple[str, int]:
    form = read_form(DecisionLoad)
    with form.attempt():
        nonconformities.decide_nonconformity(
            unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **form.values
        )
        return _done(nonconformity_id, _("The decision is recorded."))
    return _page(nonconformity_id, decide=form), form.status


@blueprint.post(f"{ONE}/tell")
def tell(nonconformity_id: int) -> Answer | tuple[str, int]:
    form = read_form(TellLoad)
    with form.attempt():
        nonconformities.tell_customer(
            unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **form.values
        )
        return _done(nonconformity_id, _("Saved."))
    return _page(nonconformity_id, tell=form), form.status


@blueprint.post(f"{ONE}/plan")
def plan(nonconformity_id: int) -> Answer | tuple[str, int]:
    form = read_form(CorrectionLoad)
    with form.attempt():
        nonconformities.plan_correction(
            unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **form.values
        )
        return _done(nonconformity_id, _("The corrective action begins."))
    return _page(nonconformity_id, plan=form), form.status


@blueprint.post(f"{ONE}/done")
def report_done(nonconformity_id: int) -> Answer | tuple[str, int]:
    form = read_form(DoneLoad)
    with form.attempt():
        nonconformities.report_correction(
            unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **form.values
        )
        return _done(nonconformity_id, _("Done: another person checks whether it helped."))
    return _page(nonconformity_id, done=form), form.status


@blueprint.post(f"{ONE}/not-effective")
def not_effective(nonconformity_id: int) -> Answer | tuple[str, int]:
    form = read_form(FurtherLoad)
    with form.attempt():
        nonconformities.correct_further(
            unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **form.values
        )
        return _done(nonconformity_id, _("The corrective action goes on."))
    return _page(nonconformity_id, further=form), form.status


@blueprint.post(f"{ONE}/close")
def close(nonconformity_id: int) -> Answer | tuple[str, int]:
    form = read_form(CloseLoad)
    with form.attempt():
        nonconformities.close_nonconformity(
            unit_of_work(), actor=current_actor(), nonconformity_id=nonconformity_id, **form.values
        )
        return _done(nonconformity_id, _("Closed."))
    return _page(nonconformity_id, close=form), form.status
