"""Open worksheets that hang on a standard, for currency checks of the catalogue below."""

from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.bench.models import Worksheet, WorksheetRow
from lims.bench.states import WorksheetState
from lims.catalogue.models import Method, MethodVersion
from lims.catalogue.touched import Touched, TouchedKind


def worksheets_touched(session: Session, standard_ids: Collection[int], _on: date) -> Iterable[Touched]:
    """Worksheets that are not closed, by a method of the standard, and how many tests stand on them."""
    rows = session.execute(
        select(Method.standard_id, Worksheet.id, Worksheet.number, func.count(WorksheetRow.id))
        .join(MethodVersion, MethodVersion.method_id == Method.id)
        .join(Worksheet, Worksheet.method_version_id == MethodVersion.id)
        .join(WorksheetRow, WorksheetRow.worksheet_id == Worksheet.id)
        .where(
            Method.standard_id.in_(standard_ids),
            Worksheet.state != WorksheetState.CLOSED,
            WorksheetRow.removed_at.is_(None),
        )
        .group_by(Method.standard_id, Worksheet.id, Worksheet.number)
        .order_by(Worksheet.id)
    )
    for standard_id, ident, number, count in rows:
        names = (f"{number}（{count} 项）", f"{number} ({count} tests)")
        yield Touched(standard_id, TouchedKind.WORKSHEET, *names, "bench.worksheet", {"worksheet_id": ident})
