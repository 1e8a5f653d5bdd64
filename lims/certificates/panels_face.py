"""What this room adds to the pages of an order and of a sample."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lims.certificates.road import reportable
from lims.certificates.search import certificates_of_order, certificates_of_sample, milestones_of_sample
from lims.core.permissions import Actor, Permission
from lims.ui import panels
from lims.ui.panels import Event, Panel

TITLES = {
    "prepared": lambda number: _("Report prepared"),
    "reviewed": lambda number: _("Report reviewed"),
    "approved": lambda number: _("Report %(number)s signed", number=number),
    "issued": lambda number: _("Report %(number)s issued", number=number),
    "withdrawn": lambda number: _("Report %(number)s withdrawn", number=number),
}
TONES = {"issued": "done", "withdrawn": "fault"}


def _reports(rows: Sequence[Any], **more: object) -> Panel:
    return Panel("certificates/panel.html", {"reports": rows, **more})


def _of_order(session: Session, actor: Actor, order_id: int) -> Panel | None:
    if not actor.can(Permission.CERTIFICATE_READ):
        return None
    may = actor.can(Permission.CERTIFICATE_DRAFT)
    waiting = len(reportable(session, order_id)) if may else 0
    return _reports(certificates_of_order(session, order_id), order_id=order_id, waiting=waiting)


def _of_sample(session: Session, actor: Actor, sample_id: int) -> Panel | None:
    if not actor.can(Permission.CERTIFICATE_READ):
        return None
    return _reports(certificates_of_sample(session, sample_id), order_id=None, waiting=0)


def _events(session: Session, actor: Actor, sample_id: int) -> list[Event]:
    if not actor.can(Permission.CERTIFICATE_READ):
        return []
    return [
        Event(one.at, TITLES[one.what](one.number), one.who, one.why, TONES.get(one.what, ""))
        for one in milestones_of_sample(session, sample_id)
    ]


panels.register("intake.order", "certificates", _of_order, order=40)
panels.register("intake.sample", "certificates", _of_sample, order=40)
panels.register_events("intake.sample", "certificates", _events)
