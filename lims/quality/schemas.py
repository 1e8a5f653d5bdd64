"""Shapes of nonconformities: what comes in and what goes out, apart."""

from typing import Any

from flask_babel import gettext as _
from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from lims.quality.covers import Cover
from lims.quality.nonconformities import Finding
from lims.quality.search import Attention
from lims.quality.states import (
    CoverKind,
    CustomerTold,
    Decision,
    NonconformityState,
    Significance,
    Source,
)
from lims.ui.shapes import Load, PageDump, PageQuery, choice, legal_day, number, row_version, text

MOST_COVERS = 200
LONGEST = 4000


class CoverLoad(Load):
    """``id``: number of the row in its own address."""

    kind = choice(CoverKind, required=True)
    id = number(required=True)

    @post_load
    def make(self, values: dict[str, Any], **_more: Any) -> Cover:
        return Cover(values["kind"], values["id"])


class TypedCoverLoad(Load):
    """A covered row as a person names it: by the number on it."""

    kind = choice(CoverKind, load_default=None, allow_none=True)
    number = text(80, required=False, load_default="")

    @validates_schema
    def _both(self, values: dict[str, Any], **_more: Any) -> None:
        if values["number"] and values["kind"] is None:
            raise ValidationError(_("Please say what this number belongs to."), "kind")


class _FindingFields(Load):
    source = choice(Source, required=True)
    title = text(200)
    what = text(LONGEST)
    reference = text(200, required=False, load_default="")


class FindingLoad(_FindingFields):
    covers = fields.List(
        fields.Nested(CoverLoad), load_default=list, validate=validate.Length(max=MOST_COVERS)
    )

    @post_load
    def make(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {"finding": Finding(**values)}


class FindingFormLoad(_FindingFields):
    covers = fields.List(
        fields.Nested(TypedCoverLoad), load_default=list, validate=validate.Length(max=MOST_COVERS)
    )


class VersionLoad(Load):
    version = row_version()


class CoversLoad(VersionLoad):
    covers = fields.List(fields.Nested(CoverLoad), required=True, validate=validate.Length(1, MOST_COVERS))


class CoversFormLoad(VersionLoad):
    covers = fields.List(
        fields.Nested(TypedCoverLoad), load_default=list, validate=validate.Length(max=MOST_COVERS)
    )


class EvaluationLoad(VersionLoad):
    significance = choice(Significance, required=True)
    evaluation = text(LONGEST)
    immediate_action = text(LONGEST, required=False, load_default="")


class DecisionLoad(VersionLoad):
    decision = choice(Decision, required=True)
    reason = text(LONGEST)
    customer_told = choice(CustomerTold, required=True)
    customer_note = text(LONGEST, required=False, load_default="")


class TellLoad(VersionLoad):
    note = text(LONGEST)


class CorrectionLoad(VersionLoad):
    cause = text(LONGEST)
    corrective_action = text(LONGEST)
    responsible_id = number(required=True)
    due_on = legal_day(required=True)


class DoneLoad(VersionLoad):
    done = text(LONGEST)


class FurtherLoad(VersionLoad):
    reason = text(LONGEST)
    due_on = legal_day(required=True)


class CloseLoad(VersionLoad):
    effect = text(LONGEST)


class NewPageQuery(Load):
    """``?kind=&object_id=`` prefill what the new record covers."""

    kind = choice(CoverKind, load_default=None)
    object_id = number(load_default=None)


class NonconformityQuery(PageQuery):
    words = text(60, required=False, load_default="")
    state = choice(NonconformityState, load_default=None)
    source = choice(Source, load_default=None)
    attention = choice(Attention, load_default=None)
    kind = choice(CoverKind, load_default=None)
    object_id = number(load_default=None, metadata={"description": "With `kind`: only those that cover it."})

    @post_load
    def make(self, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        kind, ident = values.pop("kind"), values.pop("object_id")
        return {**values, "about": Cover(kind, ident) if kind is not None and ident is not None else None}


# -- out -----------------------------------------------------------------------------


class CoverDump(Schema):
    kind = choice(CoverKind)
    id = fields.Integer(attribute="object_id")


class NonconformityLineDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    number = fields.String()
    state = choice(NonconformityState)
    source = choice(Source)
    title = fields.String()
    reference = fields.String()
    significance = choice(Significance, allow_none=True)
    decision = choice(Decision, allow_none=True)
    customer_told = choice(CustomerTold, allow_none=True)
    opened_at = fields.AwareDateTime()
    opened_by = fields.Integer(allow_none=True)
    responsible_id = fields.Integer(allow_none=True)
    due_on = fields.Date(allow_none=True)
    closed_at = fields.AwareDateTime(allow_none=True)


class NonconformityPageDump(PageDump):
    rows = fields.List(fields.Nested(NonconformityLineDump), data_key="items")


class NonconformityDump(NonconformityLineDump):
    origin_key = fields.String(allow_none=True)
    what = fields.String()
    covers = fields.List(fields.Nested(CoverDump))
    evaluation = fields.String()
    immediate_action = fields.String()
    evaluated_by = fields.Integer(allow_none=True)
    evaluated_at = fields.AwareDateTime(allow_none=True)
    decision_reason = fields.String()
    customer_note = fields.String()
    decided_by = fields.Integer(allow_none=True)
    decided_at = fields.AwareDateTime(allow_none=True)
    cause = fields.String()
    corrective_action = fields.String()
    done = fields.String()
    done_at = fields.AwareDateTime(allow_none=True)
    effect = fields.String()
    closed_by = fields.Integer(allow_none=True)
