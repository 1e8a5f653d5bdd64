"""One step of an order at an analyser: the event that is kept, and where the order stands (caller's unit of work)."""

import secrets
from collections.abc import Collection

from sqlalchemy import select

from lims.bench.analyser.models import AnalyserOrderEvent, AnalyserOrderNow
from lims.bench.analyser.states import FOLLOWS, OVER, AnalyserOrderState
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork


def locked(uow: UnitOfWork, order_ids: Collection[int]) -> list[AnalyserOrderNow]:
    """By number, so that two that lock several do not wait for each other."""
    wanted = select(AnalyserOrderNow).where(AnalyserOrderNow.order_id.in_(order_ids))
    rows = wanted.order_by(AnalyserOrderNow.order_id).with_for_update()
    return list(uow.session.scalars(rows))


def bring_to(
    uow: UnitOfWork,
    actor: Actor,
    row: AnalyserOrderNow,
    state: AnalyserOrderState,
    *,
    reason: str = "",
    capture_id: int | None = None,
) -> bool:
    """Whether that changed anything: what comes late or twice does not."""
    if row.state not in FOLLOWS[state]:
        return False
    row.state, row.reason, row.changed_at = state, reason, uow.now
    if state in OVER:
        row.is_live, row.entry = False, None
    uow.session.add(
        AnalyserOrderEvent(
            order_id=row.order_id,
            state=state,
            at=uow.now,
            by=actor.id,
            reason=reason,
            capture_id=capture_id,
        )
    )
    return True


def new_entry() -> str:
    return secrets.token_hex(8)
