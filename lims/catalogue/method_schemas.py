"""Shapes of methods and their versions: what comes in and what goes out, apart."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.catalogue.budget_text import SourceLine
from lims.catalogue.case_schemas import CaseDump, CaseLoad
from lims.catalogue.compare import Change
from lims.catalogue.conformance import MOST_CASES
from lims.catalogue.method_text import CaseText, InputText, VersionText, case_of
from lims.catalogue.models import ResultKind
from lims.metrology.values import ResultValue, write_value
from lims.ui.shapes import Figure, Load, PageDump, choice, number, row_version, text

MOST_INPUTS = 40


class MethodLoad(Load):
    standard_id = number(required=True)
    clause = text(80, required=False, load_default="")
    preferred = fields.Boolean(load_default=True)


class MethodEditLoad(Load):
    clause = text(80, required=False, load_default="")
    preferred = fields.Boolean(load_default=True)
    version = row_version()


class _InputFields(Load):
    name = text(40, metadata={"description": "What the formula calls it."})
    label_zh = text(100)
    label_en = text(120)
    unit = text(40, required=False, load_default="")
    replicates = fields.Integer(load_default=1, validate=validate.Range(1, 60))
    equipment_class = text(60, required=False, load_default=None, allow_none=True)
    low = Figure(load_default=None, allow_none=True)
    high = Figure(load_default=None, allow_none=True)


class MethodInputLoad(_InputFields):
    typed = fields.Boolean(
        load_default=True, metadata={"description": "False: only a device of the class may give it."}
    )

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> InputText:
        return InputText(**values)


class MethodInputFormLoad(_InputFields):
    """In a page a row is new until something is filled in; a tick that says ``typed`` would fill it."""

    device_only = fields.Boolean(load_default=False)

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> InputText:
        return InputText(typed=not values.pop("device_only"), **values)


class _VersionFields(Load):
    result_kind = choice(ResultKind, required=True)
    unit = text(40, required=False, load_default="")
    formula = text(2000, required=False, load_default="")
    round_to = Figure(
        load_default=None, allow_none=True, metadata={"description": "Interval of the reported value: `0.1`."}
    )
    significant = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 12))
    lod = Figure(load_default=None, allow_none=True)
    loq = Figure(load_default=None, allow_none=True)
    range_low = Figure(load_default=None, allow_none=True)
    range_high = Figure(load_default=None, allow_none=True)
    conditions_required = fields.Boolean(load_default=False)
    equipment_classes = fields.List(text(60), load_default=list, validate=validate.Length(max=40))


class MethodVersionTextLoad(_VersionFields):
    inputs = fields.List(
        fields.Nested(MethodInputLoad), load_default=list, validate=validate.Length(max=MOST_INPUTS)
    )
    cases = fields.List(
        fields.Nested(CaseLoad),
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=MOST_CASES),
        metadata={"description": "Worked examples; left out: those of the draft stay."},
    )

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> VersionText:
        return VersionText(**values)


class MethodDraftLoad(Load):
    """Without ``text``: a copy of the newest version."""

    text = fields.Nested(MethodVersionTextLoad, load_default=None, allow_none=True)


class MethodVersionEditLoad(Load):
    version = row_version()
    text = fields.Nested(MethodVersionTextLoad, required=True)


class MethodVersionFormLoad(_VersionFields):
    version = row_version()
    inputs = fields.List(
        fields.Nested(MethodInputFormLoad), load_default=list, validate=validate.Length(max=MOST_INPUTS)
    )

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        return {"version": values.pop("version"), "text": VersionText(**values)}


class MethodVersionLoad(Load):
    version = row_version()


class FormulaFiguresLoad(Load):
    """Inputs by name, replicates apart by commas; results of other items as ``@code``."""

    figures = fields.Dict(
        keys=text(80),
        values=text(2000, required=False),
        load_default=dict,
        validate=validate.Length(max=100),
    )


class AgainstQuery(Load):
    """The version to compare with; without it the one before."""

    against = number(load_default=None, allow_none=True)


class MethodInputDump(Schema):
    name = fields.String()
    label_zh = fields.String()
    label_en = fields.String()
    unit = fields.String()
    replicates = fields.Integer()
    typed = fields.Boolean()
    equipment_class = fields.String(allow_none=True)
    low = Figure(allow_none=True)
    high = Figure(allow_none=True)


class MethodVersionDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    method_id = fields.Integer()
    number = fields.Integer()
    result_kind = choice(ResultKind)
    unit = fields.String()
    formula = fields.String()
    round_to = Figure(allow_none=True)
    significant = fields.Integer(allow_none=True)
    lod = Figure(allow_none=True)
    loq = Figure(allow_none=True)
    range_low = Figure(allow_none=True)
    range_high = Figure(allow_none=True)
    conditions_required = fields.Boolean()
    inputs = fields.List(fields.Nested(MethodInputDump))
    equipment_classes = fields.Function(lambda row: [one.equipment_class for one in row.equipment])
    created_at = fields.AwareDateTime()
    released_at = fields.AwareDateTime(allow_none=True)
    retired_at = fields.AwareDateTime(allow_none=True)


class MethodVersionWholeDump(MethodVersionDump):
    """One version with its worked examples."""

    cases = fields.Function(lambda row: CaseDump(many=True).dump([case_of(one) for one in row.cases]))


class MethodDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    test_item_id = fields.Integer()
    standard_id = fields.Integer()
    standard = fields.String(attribute="standard.code")
    clause = fields.String()
    preferred = fields.Boolean()


class MethodDetailDump(Schema):
    method = fields.Nested(MethodDump)
    versions = fields.List(fields.Nested(MethodVersionDump), metadata={"description": "Newest first."})


class VersionReadinessDump(Schema):
    is_ready = fields.Boolean()
    faults = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    position = fields.Integer(
        allow_none=True, metadata={"description": "Character of the formula, from 0, where it is wrong."}
    )
    inputs = fields.List(fields.String())
    items = fields.List(fields.String())


class FormulaStepDump(Schema):
    expression = fields.String()
    with_numbers = fields.String()
    value = fields.Function(lambda step: str(step.value))


class FormulaTrialDump(Schema):
    """``value``: unrounded; ``exact``: the same as a fraction where it is one; ``reported``: rounded once;
    ``outcome``: what the report says, such as ``<2``."""

    value = Figure(attribute="evaluation.value")
    exact = fields.Function(
        lambda trial: None if trial.evaluation.exact is None else str(trial.evaluation.exact)
    )
    with_numbers = fields.String(attribute="evaluation.with_numbers")
    steps = fields.List(fields.Nested(FormulaStepDump), attribute="evaluation.steps")
    reported = Figure()
    outcome = fields.Method("_written")

    def _written(self, trial: Any) -> str:
        value: ResultValue = trial.outcome
        return write_value(value, "en")


class HappeningDump(Schema):
    seq = fields.Integer(attribute="event.seq")
    at = fields.AwareDateTime(attribute="event.at")
    verb = fields.String(attribute="event.verb")
    who = fields.String(attribute="event.actor_name")
    kind = fields.String()
    number = fields.Integer()
    reason = fields.String(attribute="event.reason", allow_none=True)


class HistoryPageDump(PageDump):
    rows = fields.List(fields.Nested(HappeningDump), data_key="items")


class VersionDifferenceDump(Schema):
    field = fields.String()
    old = fields.Function(lambda line: _plain(line.old))
    new = fields.Function(lambda line: _plain(line.new))
    change = choice(Change)


def _plain(value: object) -> object:
    if isinstance(value, InputText):
        return MethodInputDump().dump(value)
    if isinstance(value, CaseText):
        return CaseDump().dump(value)
    if isinstance(value, SourceLine):
        return {name: _plain(getattr(value, name)) for name in SourceLine.__slots__}
    if isinstance(value, Mapping):
        return dict(value)
    return value if value is None or isinstance(value, bool | int) else str(value)
