"""On a method's page: may we do it, under which schemes, by whom; and the way to what is missing."""

from sqlalchemy.orm import Session

from lims.accreditation.face import today
from lims.accreditation.inquiry import inquire
from lims.core.permissions import Actor, Permission
from lims.ui import panels
from lims.ui.panels import Panel


def of_method(session: Session, actor: Actor, method_id: int) -> Panel | None:
    if not actor.can(Permission.SCOPE_READ):
        return None
    values = {
        "answer": inquire(session, method_id=method_id, on=today()),
        "method_id": method_id,
        "may_scope": actor.can(Permission.SCOPE_EDIT),
        "may_grant": actor.can(Permission.AUTHORISATION_GRANT),
    }
    return Panel("accreditation/method_panel.html", values)


panels.register("catalogue.method", "gate", of_method, 20)
