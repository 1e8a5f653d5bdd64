"""Loading samples with what an actor may see of them."""

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from lims.core.errors import NotFound
from lims.core.files import FileStore, StoredFile
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


@dataclass(frozen=True, slots=True)
class Picture:
    """``ending``: of a file's name."""

    content: bytes
    media_type: str

    @property
    def ending(self) -> str:
        return self.media_type.removeprefix("image/").replace("jpeg", "jpg")


def photo_of(session: Session, store: FileStore, *, actor: Actor, sample_id: int) -> Picture:
    """The photo taken at receipt, checked against its hash. Raises NotFound."""
    sample = get_sample(session, actor, sample_id)
    kept = session.get(StoredFile, sample.photo_sha256) if sample.photo_sha256 else None
    if kept is None:
        raise NotFound(_("There is no photo of this sample."))
    return Picture(store.read(kept.sha256), kept.media_type)
