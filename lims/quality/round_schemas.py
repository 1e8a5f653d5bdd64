"""Shapes of proficiency rounds: what comes in and what goes out, apart."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.metrology.proficiency import Performance, ScoreKind
from lims.quality.plans import MOST_ITEMS, PlanStanding
from lims.quality.rounds import NewRound, Scoring
from lims.quality.scoring import MOST_PARTICIPANTS, Participant, Stated
from lims.quality.states import EntryState
from lims.ui.shapes import Figure, Load, PageDump, PageQuery, choice, legal_day, number, row_version, text

LONGEST_PASTE = 200_000


def figure(**more: Any) -> Figure:
    return Figure(load_default=None, allow_none=True, **more)


class RoundLoad(Load):
    provider = text(160)
    scheme = text(160)
    round = text(80)
    starts_on = legal_day(required=True)
    report_by = legal_day(required=True)
    organised_here = fields.Boolean(load_default=False)
    note = text(2000, required=False, load_default="")

    @post_load
    def make(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {"new": NewRound(**values)}


class EntryLoad(Load):
    test_item_id = number(required=True)
    person_id = number(required=True)
    unit = text(40)
    method_id = number(load_default=None, allow_none=True)


class ResultLoad(Load):
    """``requested_test_id`` of a verified test, or ``result`` as it was told to the provider."""

    version = row_version()
    requested_test_id = number(load_default=None, allow_none=True)
    result = figure()
    expanded_uncertainty = figure(metadata={"description": "U in the unit of the result."})
    coverage_factor = figure(metadata={"description": "k of it; 2 unless given."})


class _ScoringFields(Load):
    version = row_version()
    assigned_value = figure()
    assigned_uncertainty = figure(metadata={"description": "Expanded uncertainty of the assigned value."})
    assigned_factor = figure(metadata={"description": "k of it; 2 unless given."})
    sigma = figure(metadata={"description": "Standard deviation for proficiency assessment, σpt."})
    judged_by = choice(
        ScoreKind,
        load_default=None,
        allow_none=True,
        metadata={"description": "Which score gives the verdict; by house policy unless given."},
    )


def scoring_of(values: dict[str, Any], participants: list[Participant]) -> Scoring:
    value = values["assigned_value"]
    stated = Stated(value, values["assigned_uncertainty"], values["assigned_factor"])
    return Scoring(
        assigned=stated if value is not None else None,
        sigma=values["sigma"],
        judged_by=values["judged_by"],
        participants=participants,
    )


class ParticipantLoad(Load):
    laboratory = text(60)
    value = Figure(required=True)

    @post_load
    def make(self, values: dict[str, Any], **_more: Any) -> Participant:
        return Participant(**values)


class ScoringLoad(_ScoringFields):
    participants = fields.List(
        fields.Nested(ParticipantLoad), load_default=list, validate=validate.Length(max=MOST_PARTICIPANTS)
    )

    @post_load
    def make(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {"version": values["version"], "scoring": scoring_of(values, values["participants"])}


class ScoringFormLoad(_ScoringFields):
    participants = text(LONGEST_PASTE, required=False, load_default="")


class PlanLoad(Load):
    test_item_ids = fields.List(number(), required=True, validate=validate.Length(1, MOST_ITEMS))
    every_months = fields.Integer(required=True, validate=validate.Range(1, 120))
    note = text(300, required=False, load_default="")


class RoundQuery(PageQuery):
    words = text(60, required=False, load_default="")
    performance = choice(Performance, load_default=None)


# -- out -----------------------------------------------------------------------------


class EntryDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    round_id = fields.Integer()
    test_item_id = fields.Integer()
    method_id = fields.Integer(allow_none=True)
    person_id = fields.Integer()
    state = choice(EntryState)
    unit = fields.String()
    requested_test_id = fields.Integer(allow_none=True)
    result = Figure(allow_none=True)
    expanded_uncertainty = Figure(allow_none=True)
    coverage_factor = Figure(allow_none=True)
    reported_at = fields.AwareDateTime(allow_none=True)
    assigned_value = Figure(allow_none=True)
    assigned_uncertainty = Figure(allow_none=True)
    assigned_factor = Figure(allow_none=True)
    sigma = Figure(allow_none=True)
    participants = fields.Integer(allow_none=True)
    robust_mean = Figure(allow_none=True)
    robust_deviation = Figure(allow_none=True)
    z = Figure(allow_none=True)
    z_prime = Figure(allow_none=True)
    zeta = Figure(allow_none=True)
    en = Figure(allow_none=True)
    judged_by = choice(ScoreKind, allow_none=True)
    performance = choice(Performance, allow_none=True)
    scored_at = fields.AwareDateTime(allow_none=True)
    withdrawn_why = fields.String(allow_none=True)
    nonconformity_id = fields.Integer(allow_none=True)


class RoundLineDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    number = fields.String()
    provider = fields.String()
    scheme = fields.String()
    round = fields.String()
    organised_here = fields.Boolean()
    starts_on = fields.Date()
    report_by = fields.Date()


class RoundSumsDump(RoundLineDump):
    items = fields.Integer()
    reported = fields.Integer()
    scored = fields.Integer()
    doubtful = fields.Integer(metadata={"description": "Scores that are not satisfactory."})


class RoundPageDump(PageDump):
    rows = fields.List(fields.Nested(RoundSumsDump), data_key="items")


class RoundDump(RoundLineDump):
    note = fields.String()
    entries = fields.List(fields.Nested(EntryDump))


class PlanDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    test_item_id = fields.Integer()
    every_months = fields.Integer()
    note = fields.String()


class PlanLineDump(Schema):
    plan = fields.Nested(PlanDump)
    last_on = fields.Date(allow_none=True)
    next_on = fields.Date(allow_none=True)
    standing = choice(PlanStanding)
