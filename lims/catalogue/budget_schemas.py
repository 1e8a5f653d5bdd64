"""Shapes of uncertainty budgets: what comes in and what goes out, apart."""

from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.catalogue.budget_text import BudgetText, CorrelationLine, SourceLine
from lims.catalogue.budgets import MOST_SOURCES, BudgetTrial
from lims.catalogue.models import VersionState
from lims.metrology.coverage import CoverageShape, DofTruncation
from lims.metrology.exact import to_decimal
from lims.metrology.method_budgets import SourceKind
from lims.metrology.uncertainty_statements import DEFAULT_STATEMENT, UncertaintyDigits, UncertaintyRounding
from lims.ui.shapes import Figure, Load, choice, row_version, text

MOST_CORRELATIONS = 30


class _SourceFields(Load):
    quantity = text(80, metadata={"description": "An input of the formula, `@item`, or `(result)`."})
    label_zh = text(100)
    label_en = text(120)
    size = Figure(load_default=None, allow_none=True)
    percent = fields.Boolean(load_default=False)
    parameter = Figure(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "k, a coverage probability, the top of a trapezoid, the part to which a half width is "
            "known, a shape, or a number of readings."
        },
    )
    dof = Figure(load_default=None, allow_none=True)


class SourceLoad(_SourceFields):
    kind = choice(SourceKind, required=True)

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> SourceLine:
        return SourceLine(**values)


class SourceFormLoad(_SourceFields):
    """In a page a row is new until something is filled in; a chosen kind would fill it."""

    kind = choice(SourceKind, load_default=SourceKind.STANDARD)

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> SourceLine:
        return SourceLine(**values)


class CorrelationLoad(Load):
    one = text(80)
    other = text(80)
    r = Figure(
        load_default=None, allow_none=True, metadata={"description": "Empty: as the replicates of both show."}
    )
    together = fields.Boolean(
        load_default=False,
        metadata={"description": "Of one series or one fit: their degrees of freedom count once."},
    )

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> CorrelationLine:
        return CorrelationLine(**values)


class _BudgetFields(Load):
    range_low = Figure(load_default=None, allow_none=True)
    range_high = Figure(load_default=None, allow_none=True)
    k = Figure(
        load_default=None, allow_none=True, metadata={"description": "Empty: Student's t at the probability."}
    )
    probability = Figure(load_default=Decimal("0.95"))
    cmc = Figure(load_default=None, allow_none=True)
    cmc_percent = fields.Boolean(load_default=False)
    truncation = choice(DofTruncation, load_default=DofTruncation.FLOOR)
    dominance = Figure(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "One or two rectangular sources have their own k where all the rest is at most this "
            "part of them (0.3 in EA-4/02). Empty: never."
        },
    )
    second_order = fields.Boolean(load_default=False)
    rounding = choice(UncertaintyRounding, load_default=DEFAULT_STATEMENT.rounding)
    digits = choice(UncertaintyDigits, load_default=DEFAULT_STATEMENT.digits)
    note = text(2000, required=False, load_default="")
    correlations = fields.List(
        fields.Nested(CorrelationLoad), load_default=list, validate=validate.Length(max=MOST_CORRELATIONS)
    )


class BudgetTextLoad(_BudgetFields):
    sources = fields.List(
        fields.Nested(SourceLoad), load_default=list, validate=validate.Length(max=MOST_SOURCES)
    )

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> BudgetText:
        return BudgetText(**values)


class BudgetDraftLoad(Load):
    """Without ``text``: a copy of the newest budget of the method."""

    text = fields.Nested(BudgetTextLoad, load_default=None, allow_none=True)


class BudgetEditLoad(Load):
    version = row_version()
    text = fields.Nested(BudgetTextLoad, required=True)


class BudgetFormLoad(_BudgetFields):
    version = row_version()
    sources = fields.List(
        fields.Nested(SourceFormLoad), load_default=list, validate=validate.Length(max=MOST_SOURCES)
    )

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        return {"version": values.pop("version"), "text": BudgetText(**values)}


class BudgetVersionLoad(Load):
    version = row_version()


class SourceDump(Schema):
    quantity = fields.String()
    kind = choice(SourceKind)
    label_zh = fields.String()
    label_en = fields.String()
    size = Figure(allow_none=True)
    percent = fields.Boolean()
    parameter = Figure(allow_none=True)
    dof = Figure(allow_none=True)


class CorrelationDump(Schema):
    one = fields.String()
    other = fields.String()
    r = Figure(allow_none=True)
    together = fields.Boolean()


class BudgetDump(Schema):
    id = fields.Integer()
    version = fields.Integer()
    method_id = fields.Integer()
    number = fields.Integer()
    state = choice(VersionState)
    range_low = Figure(allow_none=True)
    range_high = Figure(allow_none=True)
    k = Figure(allow_none=True)
    probability = Figure()
    cmc = Figure(allow_none=True)
    cmc_percent = fields.Boolean()
    truncation = choice(DofTruncation)
    dominance = Figure(allow_none=True)
    second_order = fields.Boolean()
    rounding = choice(UncertaintyRounding)
    digits = choice(UncertaintyDigits)
    note = fields.String()
    sources = fields.List(fields.Nested(SourceDump))
    correlations = fields.List(fields.Nested(CorrelationDump))
    created_at = fields.AwareDateTime()
    released_at = fields.AwareDateTime(allow_none=True)
    retired_at = fields.AwareDateTime(allow_none=True)


class BudgetLineDump(Schema):
    """``source``: place of the source in the budget, from 0."""

    quantity = fields.String()
    source = fields.Function(lambda line: int(line.label))
    evaluation = fields.Function(lambda line: line.evaluation.value)
    distribution = fields.Function(lambda line: line.distribution.value)
    standard_uncertainty = fields.Function(lambda line: str(to_decimal(line.standard_uncertainty, 12)))
    sensitivity = fields.Function(lambda line: str(to_decimal(line.sensitivity, 12)))
    sensitivity_formula = fields.String()
    contribution = fields.Function(lambda line: str(to_decimal(line.contribution, 12)))
    share = Figure()


class SecondOrderDump(Schema):
    """What a pair of quantities, or one with itself, adds to the variance beyond first order."""

    one = fields.String()
    other = fields.String()
    variance = fields.Function(lambda term: str(to_decimal(term.variance, 12)))


class BudgetTrialDump(Schema):
    """``value`` unrounded; ``standard_uncertainty`` combined; ``expanded_uncertainty`` as stated."""

    value = Figure()
    unit = fields.String(attribute="version.unit")
    standard_uncertainty = fields.Function(
        lambda trial: str(to_decimal(trial.found.expanded.standard_uncertainty, 12))
    )
    effective_dof = fields.Method("_dof")
    coverage_factor = Figure(attribute="found.k")
    coverage_shape = choice(CoverageShape, attribute="found.expanded.coverage.shape")
    expanded_uncertainty = Figure(attribute="found.U")
    raised_to_cmc = fields.Boolean(attribute="found.raised_to_cmc")
    lines = fields.List(fields.Nested(BudgetLineDump), attribute="found.budget.lines")
    second_order = fields.List(fields.Nested(SecondOrderDump), attribute="found.budget.second_order")

    def _dof(self, trial: BudgetTrial) -> str | None:
        dof = trial.found.expanded.coverage.effective_dof
        return None if dof is None else str(to_decimal(dof, 12))
