"""Uncertainty budgets in a catalogue file: what stands, what a file would change, and the drafts that it makes."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload

from lims.catalogue.budget_text import BudgetText, described, text_of
from lims.catalogue.budgets import budgets_of, fill_budget, next_number
from lims.catalogue.compare import Change, Difference
from lims.catalogue.compare_others import compare_budget_texts
from lims.catalogue.exchange_rows import BudgetRow
from lims.catalogue.models import UncertaintyBudget
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork

Key = tuple[str, ...]


def standing_budgets(
    session: Session, method_keys: Mapping[int, Key]
) -> tuple[list[tuple[BudgetRow, int]], dict[Key, BudgetText]]:
    """Of each method and range the budget in use, else its draft; and every open draft. Retired ones stay behind."""
    wanted = select(UncertaintyBudget).where(UncertaintyBudget.retired_at.is_(None))
    rows = session.scalars(
        wanted.order_by(UncertaintyBudget.number).options(lazyload(UncertaintyBudget.method))
    )
    found: dict[Key, tuple[BudgetRow, int]] = {}
    drafts: dict[Key, BudgetText] = {}
    in_use: set[Key] = set()
    for row in rows.unique():
        item, standard, clause = method_keys[row.method_id]
        said = BudgetRow(item, standard, clause, text_of(row))
        if row.released_at is None:
            drafts[said.key] = said.text
        else:
            in_use.add(said.key)
        if row.released_at is not None or said.key not in in_use:
            found[said.key] = (said, row.id)
    return list(found.values()), drafts


def budget_changes(standing: Sequence[BudgetText], new: BudgetText) -> list[Difference]:
    """``standing``: the budget in use, then the open draft. None where one of them says the same; else against
    what would be replaced."""
    found = [
        [one for one in compare_budget_texts(text, new) if one.change is not Change.SAME] for text in standing
    ]
    return found[-1] if found and all(found) else []


def draft_budget(uow: UnitOfWork, actor: Actor, method_id: int, said: BudgetRow) -> None:
    """The open draft of this range says ``said`` from now on; without one, the next budget is drafted. Inside the
    caller's unit of work."""
    reach = (said.text.range_low, said.text.range_high)
    for row in budgets_of(uow.session, method_id):
        if row.released_at is None and (row.range_low, row.range_high) == reach:
            before = described(row)
            fill_budget(uow, row, said.text)
            uow.audit("uncertainty_budget.edit", actor, row, before=before, after=described(row))
            return
    row = UncertaintyBudget(
        method_id=method_id, number=next_number(uow.session, method_id), created_at=uow.now
    )
    fill_budget(uow, row, said.text)
    uow.add(row)
    uow.audit("uncertainty_budget.draft", actor, row, after=described(row))
