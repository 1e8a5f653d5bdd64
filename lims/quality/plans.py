"""How often an item must be in a proficiency round, and which items are behind (CNAS-RL02, ILAC-P9)."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.accreditation.models import ScopeRow
from lims.catalogue.models import Method, TestItem
from lims.core.errors import InvalidInput, NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.quality.proficiency_models import ParticipationPlan, ProficiencyEntry, ProficiencyRound
from lims.quality.states import EntryState

SOON = timedelta(days=60)
MOST_ITEMS = 200


class PlanStanding(StrEnum):
    BEHIND = "behind"
    NEVER = "never"
    SOON = "due_soon"
    ENTERED = "entered"  # behind or soon, but a round is running
    IN_ORDER = "current"


@dataclass(frozen=True, slots=True)
class PlanLine:
    """``last_on``: when the newest round with a result of ours began; ``next_on``: until when the next one."""

    plan: ParticipationPlan
    item: TestItem
    last_on: date | None
    next_on: date | None
    standing: PlanStanding


def plan_lines(session: Session, today: date) -> list[PlanLine]:
    """Every planned item, what is behind first. Two queries."""
    newest = _newest(session)
    rows = session.execute(
        select(ParticipationPlan, TestItem).join(TestItem, TestItem.id == ParticipationPlan.test_item_id)
    )
    lines = []
    for plan, item in rows:
        last, entered = newest.get(item.id, (None, False))
        due = None if last is None else months_after(last, plan.every_months)
        lines.append(PlanLine(plan, item, last, due, _standing(due, entered, today)))
    order = list(PlanStanding)
    return sorted(
        lines, key=lambda line: (order.index(line.standing), line.next_on or date.min, line.item.code)
    )


def _newest(session: Session) -> dict[int, tuple[date | None, bool]]:
    """Item -> beginning of its newest round with a result; whether one is running without."""
    rows = session.execute(
        select(ProficiencyEntry.test_item_id, ProficiencyEntry.state, func.max(ProficiencyRound.starts_on))
        .join(ProficiencyRound, ProficiencyRound.id == ProficiencyEntry.round_id)
        .where(ProficiencyEntry.state != EntryState.WITHDRAWN)
        .group_by(ProficiencyEntry.test_item_id, ProficiencyEntry.state)
    )
    found: dict[int, tuple[date | None, bool]] = {}
    for item_id, state, begun in rows:
        last, entered = found.get(item_id, (None, False))
        if state is EntryState.ASSIGNED:
            found[item_id] = last, True
        else:
            found[item_id] = max(begun, last or begun), entered
    return found


def _standing(due: date | None, entered: bool, today: date) -> PlanStanding:
    if due is not None and due > today + SOON:
        return PlanStanding.IN_ORDER
    if entered:
        return PlanStanding.ENTERED
    if due is None:
        return PlanStanding.NEVER
    return PlanStanding.BEHIND if due < today else PlanStanding.SOON


def months_after(day: date, months: int) -> date:
    """The same day of the month, or its last one."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def how_many_behind(session: Session, today: date) -> int:
    late = {PlanStanding.BEHIND, PlanStanding.NEVER}
    return sum(line.standing in late for line in plan_lines(session, today))


def unplanned_items(session: Session, today: date) -> list[TestItem]:
    """Items in the granted scope that no plan names."""
    granted = (
        select(Method.test_item_id)
        .join(ScopeRow, ScopeRow.method_id == Method.id)
        .where(ScopeRow.valid_from <= today, ScopeRow.valid_to >= today)
    )
    planned = select(ParticipationPlan.test_item_id)
    wanted = select(TestItem).where(TestItem.active, TestItem.id.in_(granted), TestItem.id.not_in(planned))
    return list(session.scalars(wanted.order_by(TestItem.code)))


def plan_participation(
    uow: UnitOfWork, *, actor: Actor, test_item_ids: Sequence[int], every_months: int, note: str = ""
) -> list[ParticipationPlan]:
    """Each of these items must be in a round every so many months; replaces what was planned for it."""
    actor.require(Permission.PROFICIENCY_EDIT)
    wanted = sorted(set(test_item_ids))
    with uow:
        known = set(uow.session.scalars(select(TestItem.id).where(TestItem.id.in_(wanted))))
        if known != set(wanted) or not wanted:
            fault = _("This test item does not exist.")
            raise InvalidInput(fault, fields={"test_item_ids": [fault]})
        rows = {
            row.test_item_id: row
            for row in uow.session.scalars(
                select(ParticipationPlan).where(ParticipationPlan.test_item_id.in_(wanted)).with_for_update()
            )
        }
        for item_id in wanted:
            row = rows.get(item_id)
            if row is None:
                row = uow.add(ParticipationPlan(test_item_id=item_id, every_months=every_months, note=note))
                rows[item_id] = row
            row.every_months, row.note = every_months, note
            uow.audit("proficiency.plan", actor, row)
        uow.commit()
    return [rows[item_id] for item_id in wanted]


def drop_plan(uow: UnitOfWork, *, actor: Actor, test_item_id: int, reason: str) -> None:
    """The item need not be in a round any more."""
    actor.require(Permission.PROFICIENCY_EDIT)
    with uow:
        wanted = select(ParticipationPlan).where(ParticipationPlan.test_item_id == test_item_id)
        row = uow.session.scalars(wanted.with_for_update()).one_or_none()
        if row is None:
            raise NotFound(_("No participation is planned for this item."))
        before: dict[str, object] = {"test_item_id": test_item_id, "every_months": row.every_months}
        uow.audit("proficiency.drop", actor, row, before=before, after={}, reason=reason)
        uow.session.delete(row)
        uow.commit()
