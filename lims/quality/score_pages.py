"""Scores over the rounds: of one item, with a chart; of one person; and the plan of participation."""

from collections.abc import Sequence
from decimal import Decimal

from flask import abort, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from lims.accreditation.matrix import person
from lims.bench.wording import named
from lims.core.database import db
from lims.core.permissions import Actor, Permission
from lims.core.web import current_actor, unit_of_work
from lims.metrology.proficiency import Performance, ScoreKind
from lims.quality import plans, round_search
from lims.quality.face import Options, blueprint, today
from lims.quality.proficiency_models import ProficiencyEntry
from lims.quality.round_schemas import PlanLoad
from lims.quality.wording import score_name, shown_score
from lims.ui import charts, panels
from lims.ui.charts import Chart, Level, Mark
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import bilingual
from lims.ui.panels import Panel
from lims.ui.shapes import ReasonLoad

PLAN = "/proficiency/plan"
TONES = {Performance.QUESTIONABLE: "returned", Performance.UNSATISFACTORY: "fault"}
USUAL_MONTHS = 24


def chart_of(entries: Sequence[ProficiencyEntry]) -> Chart | None:
    """|z| (z′, ζ where it judged) by round, with the lines at 2 and 3. En has other lines and is left out."""
    marks = [
        Mark(float(abs(row.score)), TONES.get(row.performance, ""), _said(row), _address(row))
        for row in entries
        if row.score is not None and row.performance is not None and row.judged_by is not ScoreKind.EN
    ]
    lines = [
        Level("3", "action", [3.0]),
        Level("2", "warning", [2.0]),
        Level("0", "centre", [0.0]),
    ]
    return charts.draw(marks, lines)


def _said(row: ProficiencyEntry) -> str:
    assert row.judged_by is not None
    sign = f"{score_name(row.judged_by)} = {shown_score(row.score)}"
    return " · ".join([row.round.number, row.round.round, named(row.person), sign])


def _address(row: ProficiencyEntry) -> str:
    return url_for("quality.entry", entry_id=row.id)


@blueprint.app_template_filter("score")
def _score(value: Decimal | None) -> str:
    return shown_score(value)


@blueprint.app_template_filter("score_name")
def _name(kind: ScoreKind) -> str:
    return score_name(kind)


@blueprint.get(f"/proficiency/items/{ID.format('test_item_id')}")
def item_scores(test_item_id: int) -> str:
    item = round_search.item_named(db.session(), test_item_id)
    if item is None:
        abort(404)
    entries = round_search.entries_of_item(db.session(), test_item_id)
    return render_template("quality/item_scores.html", item=item, rows=entries[::-1], chart=chart_of(entries))


@blueprint.get(f"/proficiency/people/{ID.format('account_id')}")
def person_scores(account_id: int) -> str:
    somebody = person(db.session(), account_id)
    entries = round_search.entries_of_person(db.session(), account_id)
    return render_template("quality/person_scores.html", person=somebody, rows=entries[::-1])


@blueprint.get("/proficiency/mine")
def own_scores() -> Answer:
    """The reader's own page."""
    return redirect(url_for("quality.person_scores", account_id=current_actor().id))


# -- the plan ------------------------------------------------------------------------


@blueprint.get(PLAN, endpoint="plan_page")
def plan_page() -> str:
    return _plan(empty_form(PlanLoad, every_months=USUAL_MONTHS))


def _plan(form: Form, tried: int = 0, drop: Form | None = None) -> str:
    lines = plans.plan_lines(db.session(), today())
    lacking = plans.unplanned_items(db.session(), today())
    items: Options = [(row.id, f"{bilingual(row)} ({row.code})") for row in lacking]
    items += [(line.item.id, f"{bilingual(line.item)} ({line.item.code})") for line in lines]
    late = {plans.PlanStanding.BEHIND, plans.PlanStanding.NEVER}
    return render_template(
        "quality/plan.html",
        lines=lines,
        behind=[line for line in lines if line.standing in late],
        lacking=lacking,
        form=form,
        drop=drop or empty_form(ReasonLoad),
        tried=tried,
        items=items,
    )


@blueprint.post(PLAN)
def save_plan() -> Answer | tuple[str, int]:
    form = read_form(PlanLoad)
    with form.attempt():
        plans.plan_participation(unit_of_work(), actor=current_actor(), **form.values)
        flash(_("Saved."))
        return redirect(url_for("quality.plan_page"))
    return _plan(form), form.status


@blueprint.post(f"{PLAN}/{ID.format('test_item_id')}/drop")
def drop_plan(test_item_id: int) -> Answer | tuple[str, int]:
    form = read_form(ReasonLoad)
    with form.attempt():
        plans.drop_plan(
            unit_of_work(), actor=current_actor(), test_item_id=test_item_id, reason=form.values["reason"]
        )
        flash(_("Saved."))
        return redirect(url_for("quality.plan_page"))
    return _plan(empty_form(PlanLoad, every_months=USUAL_MONTHS), test_item_id, form), form.status


# -- on the pages of lower rooms -------------------------------------------------------


def _of_item(session: Session, actor: Actor, test_item_id: int) -> Panel | None:
    entries = round_search.entries_of_item(session, test_item_id)
    if not entries or not actor.can(Permission.PROFICIENCY_READ):
        return None
    href = url_for("quality.item_scores", test_item_id=test_item_id)
    return Panel("quality/scores_panel.html", {"entries": entries[-5:][::-1], "href": href, "of": "item"})


def _of_person(session: Session, actor: Actor, account_id: int) -> Panel | None:
    entries = round_search.entries_of_person(session, account_id)
    if not entries or not actor.can(Permission.PROFICIENCY_READ):
        return None
    href = url_for("quality.person_scores", account_id=account_id)
    return Panel("quality/scores_panel.html", {"entries": entries[-5:][::-1], "href": href, "of": "person"})


panels.register("catalogue.item", "proficiency", _of_item, order=55)
panels.register("accreditation.person", "proficiency", _of_person, order=55)
