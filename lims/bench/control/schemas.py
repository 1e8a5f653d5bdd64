"""Shapes of quality control: what comes in and what goes out, apart."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.bench.control.lines import FEWEST_POINTS, MOST_EVERY, MOST_POINTS, LineText
from lims.bench.states import BaselineSource, HoldDecision, HoldState
from lims.metrology.control_samples import ControlKind, ControlOutcome, Memory
from lims.ui.shapes import Figure, Load, PageDump, PageQuery, choice, row_version, text


class ControlLineLoad(Load):
    """Bounds, target and deviation: in the unit of the result, in % for duplicates and spikes."""

    kind = choice(ControlKind, required=True)
    material = text(120)
    at_start = fields.Boolean(load_default=False)
    at_end = fields.Boolean(load_default=False)
    every = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, MOST_EVERY))
    low = Figure(load_default=None, allow_none=True)
    high = Figure(load_default=None, allow_none=True)
    target = Figure(load_default=None, allow_none=True)
    deviation = Figure(load_default=None, allow_none=True)
    spike_added = Figure(load_default=None, allow_none=True)
    rule_set = text(40, required=False, load_default="")
    memory = choice(Memory, load_default=Memory.NONE)
    own_points = fields.Integer(load_default=20, validate=validate.Range(FEWEST_POINTS, MOST_POINTS))

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> dict[str, LineText]:
        return {"text": LineText(**values)}


class RetireLineLoad(Load):
    version = row_version()
    reason = text(500)


class HideLoad(Load):
    number = text(60)


class DecideLoad(Load):
    version = row_version()
    decision = choice(HoldDecision, required=True)
    reason = text(2000)


class HoldQuery(PageQuery):
    state = choice(HoldState, load_default=None)


class ControlLineDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    method_id = fields.Integer()
    kind = choice(ControlKind)
    material = fields.String()
    at_start = fields.Boolean()
    at_end = fields.Boolean()
    every = fields.Integer(allow_none=True)
    low = Figure(allow_none=True)
    high = Figure(allow_none=True)
    target = Figure(allow_none=True)
    deviation = Figure(allow_none=True)
    spike_added = Figure(allow_none=True)
    rule_set = fields.String()
    memory = choice(Memory)
    own_points = fields.Integer()
    created_at = fields.AwareDateTime()
    retired_at = fields.AwareDateTime(allow_none=True)


class BrokenRuleDump(Schema):
    set = fields.String()
    rule = fields.String()
    action = fields.String()
    points = fields.Integer()


class ControlPointDump(Schema):
    id = fields.Integer()
    worksheet_id = fields.Integer()
    result_version_id = fields.Integer()
    source_version_id = fields.Integer(allow_none=True)
    statistic = Figure(allow_none=True)
    centre = Figure(allow_none=True)
    deviation = Figure(allow_none=True)
    baseline = choice(BaselineSource)
    outcome = choice(ControlOutcome)
    findings = fields.List(fields.Nested(BrokenRuleDump), attribute="broken_rules")
    evaluated_at = fields.AwareDateTime()
    evaluated_by = fields.Integer(allow_none=True)


class HiddenControlDump(Schema):
    id = fields.Integer()
    requested_test_id = fields.Integer()
    line_id = fields.Integer()


class HoldDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    state = choice(HoldState)
    worksheet_id = fields.Integer()
    evaluation_id = fields.Integer()
    opened_at = fields.AwareDateTime()
    opened_by = fields.Integer(allow_none=True)
    decision = choice(HoldDecision, allow_none=True)
    reason = fields.String(allow_none=True)
    decided_by = fields.Integer(allow_none=True)
    decided_at = fields.AwareDateTime(allow_none=True)


class HoldRowDump(Schema):
    id = fields.Integer()
    state = choice(HoldState)
    worksheet_id = fields.Integer()
    worksheet = fields.String()
    line_id = fields.Integer()
    material = fields.String()
    kind = choice(ControlKind)
    held = fields.Integer()
    opened_at = fields.AwareDateTime()
    decision = choice(HoldDecision, allow_none=True)
    decided_at = fields.AwareDateTime(allow_none=True)


class HoldPageDump(PageDump):
    items = fields.List(fields.Nested(HoldRowDump), attribute="rows")
