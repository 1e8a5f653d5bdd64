"""Pages of proficiency rounds: the list, one round, one item in it with its scores."""

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as Answer

from lims.catalogue.items import all_items
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.metrology.proficiency import Performance, ScoreKind
from lims.quality import round_search, rounds
from lims.quality.face import Options, blueprint, person_options, today
from lims.quality.participants import read_participants
from lims.quality.round_schemas import EntryLoad, ResultLoad, RoundLoad, ScoringFormLoad, scoring_of
from lims.quality.states import EntryState
from lims.ui import lists
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import bilingual, choices
from lims.ui.lists import Column, Filter, Listing
from lims.ui.shapes import VersionedReasonLoad

ROUND = f"/proficiency/{ID.format('round_id')}"
ENTRY = f"/proficiency/entries/{ID.format('entry_id')}"
ROUNDS = Listing(
    caption=_l("Proficiency rounds"),
    empty=_l("Rounds appear here when the quality manager enters one that the laboratory takes part in."),
    statement=lambda _actor: round_search.round_lines(),
    keys=round_search.NEWEST_FIRST,
    columns=(
        Column("number", _l("Number"), href=lambda row: url_for("quality.round", round_id=row.id)),
        Column("provider", _l("Provider")),
        Column("scheme", _l("PT scheme"), kind="broad"),
        Column("round", _l("Round")),
        Column("starts_on", _l("Begins"), kind="day"),
        Column("report_by", _l("Report by"), kind="day"),
        Column("items", _l("Items"), kind="figure"),
        Column("reported", _l("Results in"), kind="figure"),
        Column("scored", _l("Scored"), kind="figure"),
        Column("doubtful", _l("Not satisfactory"), kind="figure"),
    ),
    filters=(
        Filter("q", _l("Number or words"), round_search.having_words),
        Filter(
            "performance",
            _l("With a score that is"),
            lambda s, v: round_search.having_performance(s, Performance(v)),
            options=lambda: choices(Performance),
        ),
    ),
    is_late=lambda row: row.reported < row.items and row.report_by < today(),
)


@blueprint.get("/proficiency", endpoint="rounds")
def list_page() -> str | Answer:
    shown = lists.show(ROUNDS, db.session(), current_actor())
    return shown.download() or render_template("quality/rounds.html", list=shown)


@blueprint.get("/proficiency/new")
def new_round() -> str:
    return _new(empty_form(RoundLoad, starts_on=today()))


@blueprint.post("/proficiency/new")
def create_round() -> Answer | tuple[str, int]:
    form = read_form(RoundLoad)
    with form.attempt():
        made = rounds.open_round(
            unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values
        )
        flash(_("Round %(number)s is entered. Which items do we measure?", number=made.number))
        return redirect(url_for("quality.round", round_id=made.id))
    return _new(form), form.status


def _new(form: Form) -> str:
    return render_template("quality/new_round.html", form=form)


@blueprint.get(ROUND, endpoint="round")
def round_page(round_id: int) -> str:
    return _round(round_id, empty_form(EntryLoad))


def _round(round_id: int, form: Form) -> str:
    items: Options = [(row.id, f"{bilingual(row)} ({row.code})") for row in all_items(db.session())]
    return render_template(
        "quality/round.html",
        row=rounds.one_round(db.session(), round_id),
        form=form,
        items=items,
        people=person_options(),
        today=today(),
    )


@blueprint.post(f"{ROUND}/entries")
def create_entry(round_id: int) -> Answer | tuple[str, int]:
    form = read_form(EntryLoad)
    with form.attempt():
        rounds.enter_item(
            unit_of_work(), actor=current_actor(), round_id=round_id, request_key=request_key(), **form.values
        )
        flash(_("Saved."))
        return redirect(url_for("quality.round", round_id=round_id))
    return _round(round_id, form), form.status


@blueprint.get(ENTRY)
def entry(entry_id: int) -> str:
    return _entry(entry_id)


def _entry(entry_id: int, **forms: Form) -> str:
    session, actor = db.session(), current_actor()
    row = rounds.one_entry(session, entry_id)
    shown = {
        "report": empty_form(ResultLoad, row),
        "score": empty_form(ScoringFormLoad, row, participants="", judged_by=None),
        "correct": empty_form(VersionedReasonLoad, row),
        "withdraw": empty_form(VersionedReasonLoad, row),
        **forms,
    }
    for name, form in shown.items():
        form.prefix = name
    open_ = row.state in (EntryState.ASSIGNED, EntryState.REPORTED)
    may_report = open_ and rounds.may_report(actor, row)
    return render_template(
        "quality/entry.html",
        row=row,
        owner=row.round,
        forms=shown,
        tried=next(iter(forms), ""),
        may_report=may_report,
        tests=round_search.tests_to_report(session, row) if may_report else [],
        participants=round_search.participants_of(session, entry_id) if row.participants else [],
        scores_of_row=[(kind, getattr(row, kind.value)) for kind in ScoreKind],
        kinds=choices(ScoreKind),
        late=row.state is EntryState.ASSIGNED and row.round.report_by < today(),
    )


def _done(entry_id: int, sentence: str) -> Answer:
    flash(sentence)
    return redirect(url_for("quality.entry", entry_id=entry_id))


@blueprint.post(f"{ENTRY}/report")
def report_result(entry_id: int) -> Answer | tuple[str, int]:
    form = read_form(ResultLoad)
    with form.attempt():
        rounds.report_result(unit_of_work(), actor=current_actor(), entry_id=entry_id, **form.values)
        return _done(entry_id, _("The result is recorded."))
    return _entry(entry_id, report=form), form.status


@blueprint.post(f"{ENTRY}/score")
def score_entry(entry_id: int) -> Answer | tuple[str, int]:
    form = read_form(ScoringFormLoad)
    with form.attempt():
        participants = read_participants(form.values["participants"])
        scored = rounds.score_entry(
            unit_of_work(),
            actor=current_actor(),
            entry_id=entry_id,
            version=form.values["version"],
            scoring=scoring_of(form.values, participants),
        )
        opened = scored.nonconformity_id is not None
        return _done(entry_id, _("Scored; a nonconformity is open.") if opened else _("Scored."))
    return _entry(entry_id, score=form), form.status


@blueprint.post(f"{ENTRY}/correct")
def correct_score(entry_id: int) -> Answer | tuple[str, int]:
    form = read_form(VersionedReasonLoad)
    with form.attempt():
        rounds.correct_score(unit_of_work(), actor=current_actor(), entry_id=entry_id, **form.values)
        return _done(entry_id, _("The scores are taken back: score anew."))
    return _entry(entry_id, correct=form), form.status


@blueprint.post(f"{ENTRY}/withdraw")
def withdraw_entry(entry_id: int) -> Answer | tuple[str, int]:
    form = read_form(VersionedReasonLoad)
    with form.attempt():
        rounds.withdraw_entry(unit_of_work(), actor=current_actor(), entry_id=entry_id, **form.values)
        return _done(entry_id, _("We do not take part with this item."))
    return _entry(entry_id, withdraw=form), form.status
