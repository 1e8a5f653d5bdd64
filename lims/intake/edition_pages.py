"""On an order's page: tests by an older edition, and carrying them over."""

from flask import flash, redirect, url_for
from flask_babel import ngettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.web import clock, current_actor, unit_of_work
from lims.intake import editions
from lims.intake.face import blueprint
from lims.ui import panels
from lims.ui.faces import ID
from lims.ui.forms import empty_form, read_form
from lims.ui.panels import Panel
from lims.ui.shapes import ReasonLoad


def of_order(session: Session, actor: Actor, order_id: int) -> Panel | None:
    old = editions.old_editions(session, order_id, local_date(clock()()))
    if not old:
        return None
    form = empty_form(ReasonLoad)
    form.prefix = "carry"
    may = actor.can(Permission.ORDER_ACCEPT) and any(one.new is not None for one in old)
    return Panel("intake/editions_panel.html", {"old": old, "order_id": order_id, "form": form, "may": may})


@blueprint.post(f"/orders/{ID.format('order_id')}/carry-over")
def carry_over(order_id: int) -> Answer:
    form = read_form(ReasonLoad)
    try:
        done = editions.carry_over(unit_of_work(), actor=current_actor(), order_id=order_id, **form.values)
    except (Conflict, InvalidInput) as refusal:
        flash(refusal.message, "error")
    else:
        flash(
            ngettext(
                "%(num)s test follows the edition in force now.",
                "%(num)s tests follow the edition in force now.",
                len(done),
            )
        )
    return redirect(url_for("intake.order", order_id=order_id, _anchor="editions"))


panels.register("intake.order", "editions", of_order, order=10)
