"""Loading samples with what an actor may see of them."""

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from lims.core.errors import NotFound
from lims.core.permissions import Actor, Permission
from lims.intake.models import Order, Sample

SEES = frozenset({Permission.SAMPLE_READ, Permission.PORTAL_READ})


def own_samples(statement: Select[*tuple[Any, ...]], actor: Actor) -> Select[*tuple[Any, ...]]:
    """A customer's account gets its customer's samples only; so do callers who forget who asks."""
    if actor.customer_id is not None:
        return statement.where(Sample.customer_id == actor.customer_id)
    return statement


def own_orders(statement: Select[*tuple[Any, ...]], actor: Actor) -> Select[*tuple[Any, ...]]:
    if actor.customer_id is not None:
        return statement.where(Order.customer_id == actor.customer_id)
    return statement


def get_sample(session: Session, actor: Actor, sample_id: int) -> Sample:
    """Raises NotFound; to a customer every other customer's sample does not exist."""
    sample = session.get(Sample, sample_id)
    if sample is None or actor.customer_id not in (None, sample.customer_id):
        raise NotFound(_("There is no such sample."))
    return sample


def sample_by_number(session: Session, actor: Actor, number: str) -> Sample | None:
    found = own_samples(select(Sample).where(Sample.number == number), actor)
    sample: Sample | None = session.scalars(found).one_or_none()
    return sample
