"""What happened to a test item and to everything that belongs to it, from the audit trail."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from lims.catalogue.items import item
from lims.catalogue.models import Limit, Method, MethodCase, MethodVersion, UncertaintyBudget
from lims.catalogue.simulation_models import BudgetSimulation
from lims.core.audit import AuditEvent
from lims.core.paging import Key, Page, read_page


@dataclass(frozen=True, slots=True)
class Happening:
    """One event. ``kind``, ``number``: the row it is about, such as ``spec_limit`` 7."""

    event: AuditEvent
    kind: str
    number: int


def history_of_item(
    session: Session, test_item_id: int, *, cursor: str | None = None, size: int = 50
) -> Page[Happening]:
    """Newest first: the item, its methods, versions, worked examples, budgets with their kept runs, and limits."""
    row = item(session, test_item_id)
    methods = set(session.scalars(select(Method.id).where(Method.test_item_id == row.id)))
    versions = set(session.scalars(select(MethodVersion.id).where(MethodVersion.method_id.in_(methods))))
    budgets = set(
        session.scalars(select(UncertaintyBudget.id).where(UncertaintyBudget.method_id.in_(methods)))
    )
    parts = {
        "test_item": {row.id},
        "method": methods,
        "method_version": versions,
        "method_case": set(
            session.scalars(select(MethodCase.id).where(MethodCase.method_version_id.in_(versions)))
        ),
        "uncertainty_budget": budgets,
        "budget_simulation": set(
            session.scalars(select(BudgetSimulation.id).where(BudgetSimulation.budget_id.in_(budgets)))
        ),
        "spec_limit": set(session.scalars(select(Limit.id).where(Limit.test_item_id == row.id))),
    }
    about = or_(*(_about(kind, ids) for kind, ids in parts.items() if ids))
    wanted = select(AuditEvent).where(about)
    page = read_page(session, wanted, [Key(AuditEvent.seq, descending=True)], cursor=cursor, size=size)
    found = [Happening(one[0], one[0].object_type, int(one[0].object_id)) for one in page.rows]
    return Page(found, page.after, page.before)


def _about(kind: str, ids: set[int]) -> ColumnElement[bool]:
    return (AuditEvent.object_type == kind) & AuditEvent.object_id.in_([str(one) for one in ids])
