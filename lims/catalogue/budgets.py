"""Uncertainty budgets of a method: drafted, tried with figures, released; what is released never changes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, lazyload
from sqlalchemy.orm.attributes import flag_modified

from lims.catalogue.budget_text import (
    PLAIN,
    BudgetText,
    CorrelationLine,
    SourceLine,
    as_metrology,
    content_of,
    described,
    text_of,
)
from lims.catalogue.formulas import compiled, read_figures, sentence_of
from lims.catalogue.method_text import text_of as version_text_of
from lims.catalogue.methods import item_codes
from lims.catalogue.models import (
    BudgetCorrelation,
    BudgetSource,
    Method,
    MethodVersion,
    ResultKind,
    UncertaintyBudget,
)
from lims.catalogue.simulation_models import BudgetSimulation
from lims.core.errors import InvalidInput, NotFound, TransitionRefused
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.metrology.errors import MetrologyError
from lims.metrology.formula_check import Formula
from lims.metrology.method_budgets import MethodUncertainty, check_budget, uncertainty_of
from lims.metrology.rounding import last_place

MOST_SOURCES = 60


def budget(session: Session, budget_id: int) -> UncertaintyBudget:
    row = session.get(UncertaintyBudget, budget_id)
    if row is None:
        raise NotFound(_("This uncertainty budget does not exist."))
    return row


def budgets_of(session: Session, method_id: int) -> list[UncertaintyBudget]:
    """Newest first."""
    wanted = select(UncertaintyBudget).where(UncertaintyBudget.method_id == method_id)
    return list(session.scalars(wanted.order_by(UncertaintyBudget.number.desc())).unique())


# Built once: every cell that is saved asks it, mostly for nothing.
_RELEASED = (
    select(UncertaintyBudget)
    .where(
        UncertaintyBudget.method_id.in_(bindparam("methods", expanding=True)),
        UncertaintyBudget.released_at.is_not(None),
    )
    .order_by(UncertaintyBudget.id)
    .options(lazyload(UncertaintyBudget.method))
)


def released_budgets(session: Session, method_ids: Collection[int]) -> dict[int, list[UncertaintyBudget]]:
    """By method, retired ones too: an order keeps to the budgets of its day. One query, and two for the lines."""
    found: dict[int, list[UncertaintyBudget]] = {}
    for row in session.scalars(_RELEASED, {"methods": list(method_ids)}):
        found.setdefault(row.method_id, []).append(row)
    return found


def with_budget_in_use(session: Session, method_ids: Collection[int]) -> set[int]:
    """Methods whose results get an uncertainty now."""
    wanted = select(UncertaintyBudget.method_id).where(
        UncertaintyBudget.method_id.in_(method_ids),
        UncertaintyBudget.released_at.is_not(None),
        UncertaintyBudget.retired_at.is_(None),
    )
    return set(session.scalars(wanted.distinct()))


def draft_budget(
    uow: UnitOfWork,
    *,
    actor: Actor,
    method_id: int,
    text: BudgetText | None = None,
    request_key: RequestKey | None = None,
) -> UncertaintyBudget:
    """A new draft; without ``text`` a copy of the newest budget of the method."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        if (made := uow.replayed(UncertaintyBudget, actor=actor, request_key=request_key)) is not None:
            return made
        owner = uow.get(Method, method_id)
        known = budgets_of(uow.session, method_id)
        if text is None:
            text = text_of(known[0]) if known else BudgetText()
        number = next_number(uow.session, method_id)
        row = UncertaintyBudget(method_id=owner.id, number=number, created_at=uow.now)
        fill_budget(uow, row, text)
        uow.add(row)
        uow.audit("uncertainty_budget.draft", actor, row, after=described(row))
        uow.remember(row)
        uow.commit()
    return row


def edit_budget(
    uow: UnitOfWork, *, actor: Actor, budget_id: int, version: int, text: BudgetText
) -> UncertaintyBudget:
    """A draft may be incomplete. Raises TransitionRefused (``budget_released``) for any other."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(UncertaintyBudget, budget_id, version=version)
        _refuse_released(row)
        before = described(row)
        fill_budget(uow, row, text)
        uow.audit("uncertainty_budget.edit", actor, row, before=before, after=described(row))
        uow.commit()
    return row


def release_budget(
    uow: UnitOfWork, *, actor: Actor, budget_id: int, version: int | None = None
) -> UncertaintyBudget:
    """Orders registered from now on use it; budgets of the method whose range it overlaps retire.

    Raises InvalidInput with what is wrong, field by field.
    """
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(UncertaintyBudget, budget_id, version=version)
        _refuse_released(row)
        method_version, formula = formula_of(uow.session, row.method_id)
        faults = faults_of(row, formula)
        if faults:
            raise InvalidInput(_("This budget is not complete."), code="bad_budget", fields=faults)
        for old in budgets_of(uow.session, row.method_id):
            in_use = old.released_at is not None and old.retired_at is None
            if in_use and _overlap(old, row):
                old.retired_at = uow.now
                uow.audit("uncertainty_budget.retire", actor, old)
        row.released_at = uow.now
        evidence = _runs_of(uow.session, row.id, content_of(row, method_version))
        uow.audit("uncertainty_budget.release", actor, row, after=described(row) | {"simulations": evidence})
        uow.commit()
    return row


def retire_budget(uow: UnitOfWork, *, actor: Actor, budget_id: int, why: str) -> UncertaintyBudget:
    """Orders registered from now on have no uncertainty in its range."""
    actor.require(Permission.CATALOGUE_EDIT)
    with uow:
        row = uow.get(UncertaintyBudget, budget_id)
        if row.released_at is None or row.retired_at is not None:
            raise TransitionRefused(_("Only a budget in use can be retired."), code="budget_not_in_use")
        row.retired_at = uow.now
        uow.audit("uncertainty_budget.retire", actor, row, reason=why)
        uow.commit()
    return row


# -- checking and trying -------------------------------------------------------------


def formula_of(session: Session, method_id: int) -> tuple[MethodVersion, Formula]:
    """The version that a budget of the method is about: the one in use, else the newest. Raises InvalidInput."""
    wanted = select(MethodVersion).where(MethodVersion.method_id == method_id)
    rows = session.scalars(wanted.order_by(MethodVersion.number.desc())).unique().all()
    version = next((row for row in rows if row.released_at and not row.retired_at), rows[0] if rows else None)
    if version is None or version.result_kind is not ResultKind.NUMBER or not version.formula.strip():
        raise InvalidInput(
            _("A budget needs a method version that gives a figure by a formula."), code="budget_no_formula"
        )
    text = version_text_of(version)
    own_code = version.method.test_item.code
    return version, compiled(text, own_code=own_code, item_codes=item_codes(session))


def faults_of(row: UncertaintyBudget, formula: Formula) -> dict[str, list[str]]:
    """What stands between this budget and its release, field by field."""
    faults: dict[str, list[str]] = {}
    if row.range_low is not None and row.range_high is not None and row.range_low > row.range_high:
        faults["range_high"] = [_("The range ends below its beginning.")]
    try:
        check_budget(as_metrology(text_of(row)), formula)
    except MetrologyError as refusal:
        faults["sources"] = [sentence_of(refusal)]
    return faults


@dataclass(frozen=True, slots=True)
class BudgetTrial:
    """``value``: unrounded result of the figures."""

    version: MethodVersion
    value: Decimal
    found: MethodUncertainty


def try_budget(session: Session, budget_id: int, typed: Mapping[str, str]) -> BudgetTrial:
    """The budget at these figures, typed as at the formula's bench. Changes nothing. Raises InvalidInput."""
    row = budget(session, budget_id)
    version, formula = formula_of(session, row.method_id)
    trial, inputs, items = read_figures(version_text_of(version), formula=formula, typed=typed)
    try:
        place = last_place(trial.reported)
        found = uncertainty_of(formula, inputs, items, as_metrology(text_of(row)), reported_place=place)
    except MetrologyError as refusal:
        sentence = sentence_of(refusal)
        raise InvalidInput(sentence, code=refusal.code, fields={"figures": [sentence]}) from refusal
    return BudgetTrial(version, trial.evaluation.value, found)


# -- inside --------------------------------------------------------------------------


def _runs_of(session: Session, budget_id: int, content: str) -> list[int]:
    """Monte Carlo runs that were kept of the budget as it is now."""
    wanted = select(BudgetSimulation.id).where(
        BudgetSimulation.budget_id == budget_id, BudgetSimulation.content == content
    )
    return list(session.scalars(wanted.order_by(BudgetSimulation.id)))


def _overlap(one: UncertaintyBudget, other: UncertaintyBudget) -> bool:
    """Ranges that share an end only follow each other."""
    below = one.range_high is not None and other.range_low is not None and one.range_high <= other.range_low
    above = one.range_low is not None and other.range_high is not None and one.range_low >= other.range_high
    return not below and not above


def _refuse_released(row: UncertaintyBudget) -> None:
    if row.released_at is not None:
        raise TransitionRefused(
            _("Budget %(n)s is released and never changes: draft a new one.", n=row.number),
            code="budget_released",
        )


def next_number(session: Session, method_id: int) -> int:
    """Budgets of a method are counted from 1."""
    highest = select(func.max(UncertaintyBudget.number)).where(UncertaintyBudget.method_id == method_id)
    return (session.scalar(highest) or 0) + 1


def fill_budget(uow: UnitOfWork, row: UncertaintyBudget, text: BudgetText) -> None:
    """``row``: new, or a draft that says something else from now on."""
    if row.id is not None:
        row.sources.clear()
        row.correlations.clear()
        uow.flush()
        flag_modified(row, "note")  # changed lines are a changed draft, too
    for name in PLAIN:
        setattr(row, name, getattr(text, name))
    row.sources.extend(
        BudgetSource(position=n, **{k: getattr(one, k) for k in SourceLine.__slots__})
        for n, one in enumerate(text.sources, start=1)
    )
    row.correlations.extend(
        BudgetCorrelation(**{k: getattr(one, k) for k in CorrelationLine.__slots__})
        for one in text.correlations
    )
