"""On the page of a method: the worksheets on which it is being worked with."""

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.models import Worksheet
from lims.bench.states import WorksheetState
from lims.catalogue.models import MethodVersion
from lims.core.permissions import Actor, Permission
from lims.ui import panels
from lims.ui.panels import Panel

SHOWN = 50


def open_worksheets(session: Session, actor: Actor, method_id: int) -> Panel | None:
    """The newest open ones with the version each follows; None where there are none."""
    if not actor.can(Permission.RESULT_READ):
        return None
    rows = session.execute(
        select(Worksheet.id, Worksheet.number, Worksheet.opened_at, MethodVersion.number.label("version"))
        .join(MethodVersion, MethodVersion.id == Worksheet.method_version_id)
        .where(MethodVersion.method_id == method_id, Worksheet.state == WorksheetState.OPEN)
        .order_by(Worksheet.id.desc())
        .limit(SHOWN + 1)
    ).all()
    if not rows:
        return None
    return Panel(
        "bench/method_worksheets.html",
        {"title": _("Open worksheets"), "rows": rows[:SHOWN], "more": len(rows) > SHOWN},
    )


panels.register("catalogue.method", "worksheets", open_worksheets, 30)
