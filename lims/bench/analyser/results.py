"""Results that came back for a worklist go into their cells, all that are clear, by one press."""

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lims.bench.analyser.view import AnalyserView, analyser_views
from lims.bench.capture.claims import claim_capture
from lims.bench.capture.live import devices_for
from lims.bench.models import Worksheet
from lims.core.errors import LimsError, NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork


@dataclass(frozen=True, slots=True)
class Taken:
    """``refused``: the first sentence of those that could not be taken; they stay in the inbox."""

    taken: int
    left: int
    refused: str


def show_orders(
    session: Session, *, actor: Actor, worksheet_id: int, device_id: int, now: datetime
) -> AnalyserView:
    """What this analyser was told for the worksheet. Raises NotFound, also for a device that takes no orders."""
    devices = devices_for(session, actor=actor, worksheet_id=worksheet_id, now=now)
    sheet = session.get_one(Worksheet, worksheet_id)
    view = analyser_views(session, actor=actor, sheet=sheet, devices=devices).get(device_id)
    if view is None:
        raise NotFound(_("This device takes no worklist."))
    return view


def take_results(uow: UnitOfWork, *, actor: Actor, worksheet_id: int, device_id: int) -> Taken:
    """Claim what arrived, each in a transaction of its own: one that is refused does not hold up the others."""
    actor.require(Permission.CAPTURE_CLAIM)
    view = show_orders(uow.session, actor=actor, worksheet_id=worksheet_id, device_id=device_id, now=uow.now)
    taken, refused = 0, ""
    for one in view.arrived:
        try:
            claim_capture(
                uow, actor=actor, worksheet_id=worksheet_id, capture_id=one.capture_id, cell=one.cell
            )
            taken += 1
        except LimsError as error:
            refused = refused or error.message
    return Taken(taken, len(view.arrived) - taken + view.unclear, refused)
