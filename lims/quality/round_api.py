"""JSON face of proficiency rounds, scores and the plan of participation."""

from typing import Any

from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.quality import plans, round_search, rounds
from lims.quality.json_face import blueprint, refusals, today
from lims.quality.proficiency_models import ParticipationPlan, ProficiencyEntry, ProficiencyRound
from lims.quality.round_schemas import (
    EntryDump,
    EntryLoad,
    PlanDump,
    PlanLineDump,
    PlanLoad,
    ResultLoad,
    RoundDump,
    RoundLoad,
    RoundPageDump,
    RoundQuery,
    ScoringLoad,
)
from lims.ui.faces import ID
from lims.ui.shapes import ReasonLoad, VersionedReasonLoad

ROUNDS = "/proficiency-rounds"
ROUND = f"{ROUNDS}/{ID.format('round_id')}"
ENTRY = f"/proficiency-entries/{ID.format('entry_id')}"
PLAN = "/participation-plan"


@blueprint.route(ROUNDS)
@blueprint.arguments(RoundQuery, location="query", as_kwargs=True)
@blueprint.response(200, RoundPageDump)
@refusals(422)
def list_rounds(**wanted: Any) -> object:
    """Newest first. ``performance``: only rounds with such a score."""
    return round_search.list_rounds(db.session(), **wanted)


@blueprint.route(ROUNDS, methods=["POST"])
@blueprint.arguments(RoundLoad, as_kwargs=True)
@blueprint.response(201, RoundDump)
@refusals(409, 422)
def post_round(**values: Any) -> ProficiencyRound:
    return rounds.open_round(unit_of_work(), actor=current_actor(), request_key=request_key(), **values)


@blueprint.route(ROUND)
@blueprint.response(200, RoundDump)
@refusals(404)
def show_round(round_id: int) -> ProficiencyRound:
    return rounds.one_round(db.session(), round_id)


@blueprint.route(f"{ROUND}/entries", methods=["POST"])
@blueprint.arguments(EntryLoad, as_kwargs=True)
@blueprint.response(201, EntryDump)
@refusals(404, 409, 422)
def post_entry(round_id: int, **values: Any) -> ProficiencyEntry:
    """This person measures this item in the round."""
    return rounds.enter_item(
        unit_of_work(), actor=current_actor(), round_id=round_id, request_key=request_key(), **values
    )


@blueprint.route(ENTRY)
@blueprint.response(200, EntryDump)
@refusals(404)
def show_entry(entry_id: int) -> ProficiencyEntry:
    return rounds.one_entry(db.session(), entry_id)


@blueprint.route(f"{ENTRY}/report", methods=["POST"])
@blueprint.arguments(ResultLoad, as_kwargs=True)
@blueprint.response(200, EntryDump)
@refusals(404, 409, 422)
def report_result(entry_id: int, **values: Any) -> ProficiencyEntry:
    """What we told the provider, or the verified test that it came from."""
    return rounds.report_result(unit_of_work(), actor=current_actor(), entry_id=entry_id, **values)


@blueprint.route(f"{ENTRY}/score", methods=["POST"])
@blueprint.arguments(ScoringLoad, as_kwargs=True)
@blueprint.response(200, EntryDump)
@refusals(404, 409, 422)
def score_entry(entry_id: int, **values: Any) -> ProficiencyEntry:
    """All scores that the figures allow; an unsatisfactory one opens a nonconformity."""
    return rounds.score_entry(unit_of_work(), actor=current_actor(), entry_id=entry_id, **values)


@blueprint.route(f"{ENTRY}/correct", methods=["POST"])
@blueprint.arguments(VersionedReasonLoad, as_kwargs=True)
@blueprint.response(200, EntryDump)
@refusals(404, 409, 422)
def correct_score(entry_id: int, **values: Any) -> ProficiencyEntry:
    """The provider corrected its report: score anew."""
    return rounds.correct_score(unit_of_work(), actor=current_actor(), entry_id=entry_id, **values)


@blueprint.route(f"{ENTRY}/withdraw", methods=["POST"])
@blueprint.arguments(VersionedReasonLoad, as_kwargs=True)
@blueprint.response(200, EntryDump)
@refusals(404, 409, 422)
def withdraw_entry(entry_id: int, **values: Any) -> ProficiencyEntry:
    """We did not take part after all."""
    return rounds.withdraw_entry(unit_of_work(), actor=current_actor(), entry_id=entry_id, **values)


@blueprint.route(f"/test-items/{ID.format('test_item_id')}/proficiency")
@blueprint.response(200, EntryDump(many=True))
@refusals(404)
def list_scores_of_item(test_item_id: int) -> list[ProficiencyEntry]:
    """By the beginning of the rounds, oldest first."""
    return round_search.entries_of_item(db.session(), test_item_id)


@blueprint.route(f"/people/{ID.format('account_id')}/proficiency")
@blueprint.response(200, EntryDump(many=True))
@refusals(404)
def list_scores_of_person(account_id: int) -> list[ProficiencyEntry]:
    """By the beginning of the rounds, oldest first."""
    return round_search.entries_of_person(db.session(), account_id)


@blueprint.route(PLAN)
@blueprint.response(200, PlanLineDump(many=True))
@refusals()
def list_plan() -> list[plans.PlanLine]:
    """What is behind first."""
    return plans.plan_lines(db.session(), today())


@blueprint.route(PLAN, methods=["PUT"])
@blueprint.arguments(PlanLoad, as_kwargs=True)
@blueprint.response(200, PlanDump(many=True))
@refusals(409, 422)
def put_plan(**values: Any) -> list[ParticipationPlan]:
    """Each of these items must be in a round every so many months."""
    return plans.plan_participation(unit_of_work(), actor=current_actor(), **values)


@blueprint.route(f"{PLAN}/{ID.format('test_item_id')}/drop", methods=["POST"])
@blueprint.arguments(ReasonLoad, as_kwargs=True)
@blueprint.response(204)
@refusals(404, 409, 422)
def drop_plan(test_item_id: int, reason: str) -> None:
    """The item need not be in a round any more."""
    plans.drop_plan(unit_of_work(), actor=current_actor(), test_item_id=test_item_id, reason=reason)
