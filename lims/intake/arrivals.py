"""What reception waits for: orders with samples that have not come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.core.permissions import Actor, Permission
from lims.intake.models import Customer, Order, Sample
from lims.intake.samples import own_samples
from lims.intake.states import OrderState, SampleState

MOST = 100


@dataclass(frozen=True, slots=True)
class Awaited:
    """An order with how many of its samples are still awaited."""

    order_id: int
    number: str
    customer: str
    state: OrderState
    registered_on: date
    due_on: date
    samples: int


def awaited_orders(session: Session, *, actor: Actor, most: int = MOST) -> list[Awaited]:
    """The newest first, at most ``most``; one query."""
    actor.require(Permission.SAMPLE_READ)
    counted = (
        own_samples(select(Sample.order_id, func.count().label("samples")), actor)
        .where(Sample.state == SampleState.EXPECTED)
        .group_by(Sample.order_id)
        .subquery()
    )
    found = (
        select(
            Order.id,
            Order.number,
            Customer.name,
            Order.state,
            Order.registered_on,
            Order.due_on,
            counted.c.samples,
        )
        .join(counted, counted.c.order_id == Order.id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(Order.state != OrderState.CANCELLED)
        .order_by(Order.id.desc())
        .limit(most)
    )
    return [Awaited(*row) for row in session.execute(found)]


def samples_of(session: Session, actor: Actor, order_id: int) -> Sequence[Sample]:
    found = own_samples(select(Sample).where(Sample.order_id == order_id), actor)
    return session.scalars(found.order_by(Sample.position, Sample.id)).all()
