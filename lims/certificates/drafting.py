"""What an order offers to a report, and drafts for many orders at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.models import ResultVersion
from lims.certificates.laboratory import laboratory_details
from lims.certificates.road import draft_certificate, reportable
from lims.certificates.search import certificates_of_order
from lims.core.errors import LimsError, NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.intake.models import Order, RequestedTest, Sample


@dataclass(frozen=True, slots=True)
class Offer:
    """``values``: verified results that no report holds yet; ``reports``: those that the order has."""

    order: Order
    values: Sequence[tuple[RequestedTest, ResultVersion]]
    samples: dict[int, Sample]
    reports: Sequence[Any]
    laboratory_known: bool


@dataclass(frozen=True, slots=True)
class Drafted:
    """What became of one order. ``number``: the order's."""

    order_id: int
    number: str
    ok: bool
    sentence: str = ""


def offer_of(session: Session, *, actor: Actor, order_id: int) -> Offer:
    """Raises NotFound, PermissionDenied."""
    actor.require(Permission.CERTIFICATE_READ)
    order = session.get(Order, order_id)
    if order is None:
        raise NotFound(_("This does not exist (any more)."))
    values = reportable(session, order_id)
    samples = session.scalars(select(Sample).where(Sample.id.in_({t.sample_id for t, _v in values})))
    return Offer(
        order=order,
        values=values,
        samples={s.id: s for s in samples},
        reports=certificates_of_order(session, order_id),
        laboratory_known=laboratory_details(session) is not None,
    )


def draft_many(uow: UnitOfWork, *, actor: Actor, order_ids: Sequence[int]) -> list[Drafted]:
    """A draft for each order, each in a transaction of its own; one that is refused does not stop the rest."""
    actor.require(Permission.CERTIFICATE_DRAFT)
    return [_draft(uow, actor, order_id) for order_id in dict.fromkeys(order_ids)]


def _draft(uow: UnitOfWork, actor: Actor, order_id: int) -> Drafted:
    order = uow.session.get(Order, order_id)
    number = order.number if order is not None else str(order_id)
    try:
        draft_certificate(uow, actor=actor, order_id=order_id)
    except LimsError as fault:
        return Drafted(order_id, number, False, fault.message)
    return Drafted(order_id, number, True)
