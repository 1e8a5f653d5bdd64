"""Save one cell and show what became of its row, in one transaction."""

from collections.abc import Mapping

from lims.bench.inputs import TYPED, Cell, enter_here
from lims.bench.models import Worksheet
from lims.bench.sheet_view import RowView, controlled, row_of
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.intake.internal import INTERNAL_CONTROL


def save_cell(
    uow: UnitOfWork, *, actor: Actor, worksheet_id: int, cell: Cell, seen: Mapping[int, int] | None
) -> RowView:
    """``enter_cells`` for one cell, and its row as it stands then, in one transaction."""
    actor.require(Permission.RESULT_ENTER)
    with uow:
        desk, _changed = enter_here(uow, actor, worksheet_id, [(cell, TYPED)], seen)
        test = desk.tests[cell.test_id]
        bench = desk.benches.of(test.sample_id)
        row = row_of(bench, test, actor)
        if bench.order.business_type.code == INTERNAL_CONTROL:
            row = controlled(uow.session, actor, uow.session.get_one(Worksheet, worksheet_id), [row])[0]
        uow.commit()
    return row
