"""Shapes of worked examples of a method version."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.catalogue.method_text import CaseText
from lims.catalogue.models import Comparison, LimitKind
from lims.metrology.judgements import Verdict
from lims.metrology.values import ResultValue, write_value
from lims.ui.shapes import Figure, Load, choice, row_version, text


class CaseFields(Load):
    name = text(120)
    figures = fields.Dict(
        keys=text(80),
        values=text(2000, required=False),
        load_default=dict,
        validate=validate.Length(max=100),
        metadata={"description": "Input, or `@item` for another item's result; replicates apart by commas."},
    )
    expected = text(200, metadata={"description": "What the report says: `20.0`, `<0.05`, `not detected`."})
    source = text(300, metadata={"description": "Where the expected value is known from."})
    tolerance = Figure(load_default=None, allow_none=True)
    limit_kind = choice(LimitKind, load_default=None, allow_none=True)
    low = Figure(load_default=None, allow_none=True)
    high = Figure(load_default=None, allow_none=True)
    comparison = choice(Comparison, load_default=Comparison.FULL_VALUE)
    verdict = choice(Verdict, load_default=None, allow_none=True)


class CaseLoad(CaseFields):
    """One of the ``cases`` of a whole version."""

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> CaseText:
        return CaseText(**values)


class CaseKeepLoad(CaseFields):
    """``version``: of the draft that was looked at."""

    version = row_version()

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        return {"version": values.pop("version"), "text": CaseText(**values)}


class CaseDump(Schema):
    name = fields.String()
    figures = fields.Dict(keys=fields.String(), values=fields.String())
    expected = fields.String()
    source = fields.String()
    tolerance = Figure(allow_none=True)
    limit_kind = choice(LimitKind, allow_none=True)
    low = Figure(allow_none=True)
    high = Figure(allow_none=True)
    comparison = choice(Comparison)
    verdict = choice(Verdict, allow_none=True)


class StoredCaseDump(Schema):
    id = fields.Integer()
    method_version_id = fields.Integer()
    position = fields.Integer()
    name = fields.String()


class CaseOutcomeDump(Schema):
    """``got`` null: it could not be computed, and ``faults`` say why."""

    case = fields.Nested(CaseDump)
    passed = fields.Boolean()
    got = fields.Function(lambda outcome: _written(outcome.got))
    verdict = choice(Verdict, allow_none=True)
    faults = fields.List(fields.String())


def _written(value: ResultValue | None) -> str | None:
    return None if value is None else write_value(value, "en")
