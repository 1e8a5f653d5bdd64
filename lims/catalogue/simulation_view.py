"""A Monte Carlo run as the page of a budget shows it: figures to one place, picture, what was kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lims.catalogue.budget_text import content_of
from lims.catalogue.models import MethodVersion, UncertaintyBudget
from lims.catalogue.simulation_models import BudgetSimulation
from lims.catalogue.simulations import Simulation, as_drawn, figures_of, simulations_of
from lims.metrology.exact import Exact, to_fraction
from lims.metrology.method_monte_carlo import expected_counts
from lims.metrology.monte_carlo import Interval, Validation
from lims.metrology.numerals import write_numeral
from lims.metrology.rounding import last_place, round_significant, round_to
from lims.people.directory import accounts_by_id
from lims.people.models import Account
from lims.ui import histograms
from lims.ui.labels import Text

#: More digits of u than anybody states, so that the eye sees how far the two ways differ.
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One way to the interval; the differences of its ends from the GUM's are None for the GUM itself."""

    name: Text
    value: str
    u: str
    low: str
    high: str
    check: Validation | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    run: Simulation
    lines: Sequence[Line]
    picture: histograms.Histogram


@dataclass(frozen=True, slots=True)
class KeptRun:
    """``current``: it was run for the budget and the formula as they are now."""

    row: BudgetSimulation
    figures: dict[str, str]
    interval: str
    person: Account
    current: bool

    @property
    def repeat(self) -> dict[str, object]:
        """The form that runs it again."""
        same = ("probability", "digits", "finer", "most", "seed")
        asked: dict[str, object] = {name: getattr(self.row, name) for name in same}
        figures = {f"figures-{name}": typed for name, typed in self.figures.items()}
        return asked | figures | {"finite_dof": self.row.finite_dof.value}


def view_of(run: Simulation) -> RunView:
    result, stated, compared = run.found.result, run.found.stated, run.found.compared
    place = _place(as_drawn(result.standard_uncertainty))

    def line(name: str, figures: Sequence[Exact], check: Validation | None = None) -> Line:
        value, u, low, high = (_written(one, place) for one in figures)
        return Line(name, value, u, low, high, check)

    def drawn(interval: Interval) -> list[Exact]:
        return [
            as_drawn(one) for one in (result.value, result.standard_uncertainty, interval.low, interval.high)
        ]

    lines = [
        line(_("Monte Carlo, symmetric"), drawn(result.symmetric), compared.symmetric if compared else None),
        line(_("Monte Carlo, shortest"), drawn(result.shortest), compared.shortest if compared else None),
    ]
    ends: list[tuple[float, Text, str]] = []
    if compared is not None:
        value, U = to_fraction(stated.budget.value), to_fraction(compared.expanded.U)
        u = stated.expanded.standard_uncertainty
        lines.insert(0, line(_("Law of propagation (GUM)"), [value, u, value - U, value + U]))
        ends += [(float(value - U), "", "stated"), (float(value + U), "", "stated")]
    ends += [(float(at), _written(as_drawn(at), place), "drawn") for at in _ends(run)]
    bars = run.found.histogram
    picture = histograms.draw(
        bars.counts,
        expected_counts(run.found),
        bars.low,
        bars.high,
        within=(result.symmetric.low, result.symmetric.high),
        ends=ends,
    )
    return RunView(run, lines, picture)


def kept_runs(session: Session, row: UncertaintyBudget, version: MethodVersion | None) -> list[KeptRun]:
    """Newest first."""
    rows = simulations_of(session, row.id)
    if not rows:
        return []
    content = content_of(row, version) if version is not None else ""
    people = accounts_by_id(session, {one.made_by for one in rows})
    return [
        KeptRun(one, figures_of(one), _interval(one), people[one.made_by], one.content == content)
        for one in rows
    ]


def _ends(run: Simulation) -> tuple[float, float, float]:
    result = run.found.result
    return result.symmetric.low, result.value, result.symmetric.high


def _interval(row: BudgetSimulation) -> str:
    place = _place(row.standard_uncertainty)
    return f"[{_written(row.symmetric_low, place)}, {_written(row.symmetric_high, place)}]"


def _place(u: Decimal) -> Decimal:
    return last_place(round_significant(u, _DIGITS))


def _written(value: Exact, place: Decimal) -> str:
    return write_numeral(round_to(value, place)).replace("-", "−")
