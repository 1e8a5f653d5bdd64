"""Samples in any state, checks, photos: what tests of receiving, custody and retention stand on."""

import struct
import zlib
from decimal import Decimal
from io import BytesIO

from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select

from lims.core.files import FileStore
from lims.core.permissions import Actor, Role
from lims.core.uow import UnitOfWork
from lims.intake.custody import Target
from lims.intake.models import CustodyEvent, Order, Sample
from lims.intake.receiving import ReceiveCheck, SealState, receive_sample
from lims.intake.search import index_samples
from lims.intake.states import OrderState, SampleState
from lims.people.models import Account
from tests.intake.makers import CLERK, House, actor, make_order
from tests.support.accounts import sign_in

# The same person as CLERK, who may also approve disposals: two roles do not make two persons.
CLERK_AND_HEAD = actor(1, "前台", Role.RECEPTION, Role.SECTION_HEAD)


def check(**more: object) -> ReceiveCheck:
    usual = {"seal": SealState.INTACT, "amount": "500 g", "condition": "完好", "temperature": Decimal("4.0")}
    return ReceiveCheck(**(usual | more))


def make_samples(uow: UnitOfWork, house: House, count: int = 1, **more: object) -> list[Sample]:
    """Samples of one accepted order, expected."""
    order = make_order(uow, house, state=OrderState.ACCEPTED, samples=count, **more)
    found = select(Sample).where(Sample.order_id == order.id).order_by(Sample.position)
    samples = list(uow.session.scalars(found))
    with uow:
        index_samples(uow, [sample.id for sample in samples])
        uow.commit()
    return samples


def received(uow: UnitOfWork, house: House, store: FileStore, count: int = 1, **more: object) -> list[Sample]:
    """Samples that CLERK received and holds."""
    rows = make_samples(uow, house, count, **more)
    return [
        receive_sample(uow, actor=CLERK, sample_id=row.id, version=row.version, check=check(), store=store)
        for row in rows
    ]


def put_in(uow: UnitOfWork, sample: Sample, state: SampleState, **columns: object) -> Sample:
    """The sample as a bare row in ``state``."""
    uow.session.expire_all()
    with uow:
        row = uow.get(Sample, sample.id)
        row.state = state
        for name, value in columns.items():
            setattr(row, name, value)
        uow.audit("test.put", CLERK, row)
        uow.commit()
    return row


def chain(uow: UnitOfWork, sample_id: int) -> list[str]:
    found = select(CustodyEvent.kind).where(CustodyEvent.sample_id == sample_id).order_by(CustodyEvent.id)
    return [kind.value for kind in uow.session.scalars(found)]


def to(who: Actor) -> Target:
    return Target(holder_id=who.id)


def browser_of(app: object, uow: UnitOfWork, who: Actor) -> FlaskClient:
    account = uow.session.get(Account, who.id)
    assert account is not None
    return sign_in(app.test_client(), account)  # type: ignore[attr-defined]


def order_of(uow: UnitOfWork, sample: Sample) -> Order:
    return uow.session.get_one(Order, sample.order_id)


def picture(kind: str = "JPEG", size: tuple[int, int] = (40, 30)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "white").save(out, kind)
    return out.getvalue()


def bomb() -> bytes:
    """A PNG head that promises 60,000 x 60,000 points."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(head)) + b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + b"\0" * 40
