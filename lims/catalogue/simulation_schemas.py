"""Shapes of Monte Carlo runs: what is asked, what came out."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from lims.catalogue.method_schemas import FormulaFiguresLoad
from lims.catalogue.simulations import Simulation, as_drawn, figures_of
from lims.metrology.exact import to_decimal
from lims.metrology.method_monte_carlo import LEAST_MOST, MOST_DRAWS, Asked
from lims.metrology.monte_carlo import Validation
from lims.metrology.monte_carlo_draws import FiniteDof
from lims.ui.shapes import Figure, choice

#: Beyond it a program that reads JSON numbers as floats would lose the last digits.
LARGEST_SEED = 2**53 - 1
LEAST_P, MOST_P = Decimal("0.5"), Decimal("0.999")


def _seed(**more: Any) -> fields.Integer:
    return fields.Integer(strict=False, validate=validate.Range(0, LARGEST_SEED), **more)


class SimulationLoad(FormulaFiguresLoad):
    probability = Figure(load_default=Decimal("0.95"), validate=validate.Range(LEAST_P, MOST_P))
    digits = fields.Integer(
        load_default=2,
        validate=validate.Range(1, 3),
        metadata={"description": "Significant digits of u that the draws shall settle (JCGM 101 7.9.2)."},
    )
    finer = fields.Integer(
        load_default=1,
        validate=validate.Range(1, 100),
        metadata={"description": "So many times finer; 5 where it shall validate the GUM (JCGM 101 8.2)."},
    )
    most = fields.Integer(load_default=1_000_000, validate=validate.Range(LEAST_MOST, MOST_DRAWS))
    finite_dof = choice(FiniteDof, load_default=FiniteDof.STUDENT)
    seed = _seed(load_default=None, allow_none=True, metadata={"description": "Empty: a new one."})

    @post_load
    def _made(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        asked = Asked(
            values["probability"], values["digits"], values["finer"], values["most"], values["finite_dof"]
        )
        return {"figures": values["figures"], "asked": asked, "seed": values["seed"]}


class SimulationKeepLoad(SimulationLoad):
    """``most``: also as few draws as a run came to when its time was over."""

    most = fields.Integer(load_default=1_000_000, validate=validate.Range(20_000, MOST_DRAWS))
    seed = _seed(required=True)


class IntervalDump(Schema):
    low = fields.Function(lambda interval: str(as_drawn(interval.low)))
    high = fields.Function(lambda interval: str(as_drawn(interval.high)))


class ValidationDump(Schema):
    """JCGM 101 8.1: both ends of the GUM's interval within ``delta`` of those drawn."""

    low_difference = Figure()
    high_difference = Figure()
    delta = Figure()
    holds = fields.Boolean()


class HistogramDump(Schema):
    low = fields.Float()
    high = fields.Float()
    counts = fields.List(fields.Integer())


def _of(part: str) -> Callable[[Simulation], str]:
    return lambda run: str(as_drawn(getattr(run.found.result, part)))


class SimulationDump(Schema):
    """``stated``: by the law of propagation. ``cut_short``: time ran out; ``most`` repeats it all the same."""

    method_version_id = fields.Integer(attribute="trial.version.id")
    unit = fields.String(attribute="trial.version.unit")
    figures = fields.Dict(keys=fields.String(), values=fields.String())
    probability = Figure(attribute="asked.p")
    digits = fields.Integer(attribute="asked.digits")
    finer = fields.Integer(attribute="asked.finer")
    most = fields.Integer(attribute="asked.most")
    finite_dof = choice(FiniteDof, attribute="asked.finite_dof")
    seed = fields.Integer()
    generator = fields.String(attribute="found.result.generator")
    draws = fields.Integer(attribute="found.result.draws")
    settled = fields.Boolean(attribute="found.result.settled")
    cut_short = fields.Boolean()
    value = fields.Function(_of("value"))
    standard_uncertainty = fields.Function(_of("standard_uncertainty"))
    symmetric = fields.Nested(IntervalDump, attribute="found.result.symmetric")
    shortest = fields.Nested(IntervalDump, attribute="found.result.shortest")
    stated_value = Figure(attribute="trial.value")
    stated_standard_uncertainty = fields.Function(
        lambda run: str(to_decimal(run.found.stated.expanded.standard_uncertainty, 12))
    )
    stated_uncertainty = Figure(attribute="found.stated.U")
    stated_share = Figure(attribute="found.stated_share")
    against_symmetric = fields.Method("_symmetric")
    against_shortest = fields.Method("_shortest")
    not_compared = fields.String(attribute="found.not_compared")
    decisive = fields.Boolean(attribute="found.decisive")
    histogram = fields.Nested(HistogramDump, attribute="found.histogram")

    def _symmetric(self, run: Simulation) -> Any:
        return _checked(run.found.compared.symmetric) if run.found.compared is not None else None

    def _shortest(self, run: Simulation) -> Any:
        return _checked(run.found.compared.shortest) if run.found.compared is not None else None


def _checked(validation: Validation) -> Any:
    return ValidationDump().dump(validation)


class KeptSimulationDump(Schema):
    id = fields.Integer()
    budget_id = fields.Integer()
    method_version_id = fields.Integer()
    figures = fields.Function(figures_of)
    probability = Figure()
    digits = fields.Integer()
    finer = fields.Integer()
    most = fields.Integer()
    finite_dof = choice(FiniteDof)
    seed = fields.Integer()
    generator = fields.String()
    draws = fields.Integer()
    settled = fields.Boolean()
    value = Figure()
    standard_uncertainty = Figure()
    symmetric_low = Figure()
    symmetric_high = Figure()
    shortest_low = Figure()
    shortest_high = Figure()
    stated_uncertainty = Figure()
    stated_share = Figure()
    low_difference = Figure(allow_none=True)
    high_difference = Figure(allow_none=True)
    delta = Figure(allow_none=True)
    decisive = fields.Boolean()
    validated = fields.Boolean(allow_none=True)
    made_by = fields.Integer()
    made_at = fields.AwareDateTime()
