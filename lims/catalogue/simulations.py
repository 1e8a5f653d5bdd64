"""A budget's figures propagated by Monte Carlo; a run is kept with its seed where somebody chooses so."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import orjson
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.budget_text import as_metrology, content_of, text_of
from lims.catalogue.budgets import BudgetTrial, budget, formula_of
from lims.catalogue.formulas import read_figures, sentence_of
from lims.catalogue.method_text import text_of as version_text_of
from lims.catalogue.models import UncertaintyBudget
from lims.catalogue.simulation_models import BudgetSimulation
from lims.core.errors import Conflict, InvalidInput, PermissionDenied
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.metrology.errors import MetrologyError
from lims.metrology.method_monte_carlo import Asked, Propagation, propagate
from lims.metrology.rounding import last_place

#: However slow the machine, a request ends; how many draws it came to is what repeats it.
MOST_SECONDS = 8.0
MOST_KEPT = 50
#: Short enough to copy by hand; a run that is not secret needs no more.
_SEED_BITS = 32


@dataclass(frozen=True, slots=True)
class Simulation:
    """``trial``: the same figures by the law of propagation. ``asked`` and ``seed`` repeat it digit by digit:
    where time ran out (``cut_short``), ``asked.most`` is the number of draws it came to."""

    trial: BudgetTrial
    figures: Mapping[str, str]
    asked: Asked
    seed: int
    found: Propagation
    content: str
    cut_short: bool


def simulate_budget(
    session: Session, budget_id: int, *, figures: Mapping[str, str], asked: Asked, seed: int | None = None
) -> Simulation:
    """The budget at these figures. Changes nothing. ``seed`` None: a new one. Raises InvalidInput."""
    row = budget(session, budget_id)
    version, formula = formula_of(session, row.method_id)
    trial, inputs, items = read_figures(version_text_of(version), formula=formula, typed=figures)
    seed = secrets.randbits(_SEED_BITS) if seed is None else seed
    watch = _Watch(MOST_SECONDS)
    try:
        found = propagate(
            formula,
            inputs,
            items,
            as_metrology(text_of(row)),
            asked,
            seed=seed,
            reported_place=last_place(trial.reported),
            going_on=watch.going_on,
        )
    except MetrologyError as refusal:
        sentence = sentence_of(refusal)
        raise InvalidInput(sentence, code=refusal.code, fields={"figures": [sentence]}) from refusal
    tried = BudgetTrial(version, trial.evaluation.value, found.stated)
    if watch.ended:
        asked = replace(asked, most=found.result.draws)
    return Simulation(tried, figures, asked, seed, found, content_of(row, version), watch.ended)


class _Watch:
    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.ended = False

    def going_on(self) -> bool:
        self.ended = time.monotonic() >= self._until
        return not self.ended


def keep_simulation(
    uow: UnitOfWork,
    *,
    actor: Actor,
    budget_id: int,
    figures: Mapping[str, str],
    asked: Asked,
    seed: int,
    request_key: RequestKey | None = None,
) -> BudgetSimulation:
    """Run it again from its seed and keep what comes out as evidence for the budget.

    Raises InvalidInput as ``simulate_budget``, Conflict (``budget_changed``, ``too_many_simulations``).
    """
    actor.require(Permission.CATALOGUE_EDIT)
    if actor.id is None:
        raise PermissionDenied(_("Only a person can keep a run."))
    # Before the transaction: nobody else's writing waits for the draws.
    done = simulate_budget(uow.session, budget_id, figures=figures, asked=asked, seed=seed)
    with uow:
        if (made := uow.replayed(BudgetSimulation, actor=actor, request_key=request_key)) is not None:
            return made
        row = uow.get(UncertaintyBudget, budget_id)
        _refuse_other(uow.session, row, done)
        kept = BudgetSimulation(
            budget_id=row.id,
            made_by=actor.id,
            made_at=uow.now,
            **_asked_columns(done),
            **_found_columns(done),
        )
        uow.add(kept)
        uow.audit("uncertainty_budget.simulate", actor, kept)
        uow.remember(kept)
        uow.commit()
    return kept


def simulations_of(session: Session, budget_id: int) -> list[BudgetSimulation]:
    """Newest first."""
    wanted = select(BudgetSimulation).where(BudgetSimulation.budget_id == budget(session, budget_id).id)
    return list(session.scalars(wanted.order_by(BudgetSimulation.id.desc())))


def figures_of(row: BudgetSimulation) -> dict[str, str]:
    """As they were typed."""
    return dict(orjson.loads(row.figures))


def _refuse_other(session: Session, row: UncertaintyBudget, done: Simulation) -> None:
    version, _formula = formula_of(session, row.method_id)
    if content_of(row, version) != done.content:
        raise Conflict(_("The budget was changed meanwhile: run it again."), code="budget_changed")
    if len(simulations_of(session, row.id)) >= MOST_KEPT:
        raise Conflict(_("A budget keeps at most %(n)s runs.", n=MOST_KEPT), code="too_many_simulations")


def _asked_columns(done: Simulation) -> dict[str, Any]:
    return {
        "method_version_id": done.trial.version.id,
        "content": done.content,
        "figures": orjson.dumps(dict(done.figures), option=orjson.OPT_SORT_KEYS).decode(),
        "probability": done.asked.p,
        "digits": done.asked.digits,
        "finer": done.asked.finer,
        "most": done.asked.most,
        "finite_dof": done.asked.finite_dof,
        "seed": done.seed,
    }


def _found_columns(done: Simulation) -> dict[str, Any]:
    result, compared = done.found.result, done.found.compared
    check = compared.symmetric if compared is not None else None
    return {
        "generator": result.generator,
        "draws": result.draws,
        "settled": result.settled,
        "value": as_drawn(result.value),
        "standard_uncertainty": as_drawn(result.standard_uncertainty),
        "symmetric_low": as_drawn(result.symmetric.low),
        "symmetric_high": as_drawn(result.symmetric.high),
        "shortest_low": as_drawn(result.shortest.low),
        "shortest_high": as_drawn(result.shortest.high),
        "stated_uncertainty": done.found.stated.U,
        "stated_share": done.found.stated_share,
        "low_difference": check.low_difference if check is not None else None,
        "high_difference": check.high_difference if check is not None else None,
        "delta": check.delta if check is not None else None,
        "decisive": done.found.decisive,
    }


def as_drawn(figure: float) -> Decimal:
    """The shortest decimal that reads back as this float: a repeated run gives the same text."""
    return Decimal(repr(figure))
