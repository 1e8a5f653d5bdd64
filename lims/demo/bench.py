"""The demo's live devices: what they are bound to, what waits for them, and what the analyser shall measure."""

from datetime import time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.analyser.names import save_names
from lims.bench.inputs import EDITABLE
from lims.bench.models import InputValue
from lims.catalogue.models import MethodInput, TestItem
from lims.core.clock import local_date
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.demo.diary import at
from lims.demo.life import House, Life, Stage
from lims.demo.read import facts
from lims.demo.wishes import Wishes
from lims.equipment.devices import add_device, bind_device
from lims.equipment.gateways import create_gateway
from lims.intake.models import RequestedTest, Sample

# As script/devices.py calls them; what a device says of itself is the identity of the equipment it is bound to.
GATEWAY, PLACE = "bench-1", "理化 201"
BOUND = {
    "balance-1": "TP-001",
    "multimeter-1": "DY-001",
    "climate-1": "WS-001",
    "weighbridge-1": "DC-001",
    "analyser-1": "YQ-106",
}
ANALYSER_CLASS = "discrete_analyser"
# Test item -> as the analyser of script/devices.py calls it.
ANALYSER, ANALYSER_TESTS = "YQ-106", {"ammonia": "NH3-N"}
DAYS_AGO = 10  # long enough ago for its worksheet to be open, whatever the calendar


def seed_devices(uow: UnitOfWork, *, actor: Actor, equipment: dict[str, int]) -> None:
    """``equipment``: ids by code."""
    gateway = create_gateway(uow, actor=actor, name=GATEWAY, place=PLACE).gateway
    for name, code in BOUND.items():
        device = add_device(uow, actor=actor, gateway_id=gateway.id, name=name)
        bind_device(uow, actor=actor, device_id=device.id, equipment_id=equipment[code])
    items = select(TestItem.id, TestItem.code).where(TestItem.code.in_(ANALYSER_TESTS))
    names = {row.id: ANALYSER_TESTS[row.code] for row in uow.session.execute(items)}
    save_names(uow, actor=actor, equipment_id=equipment[ANALYSER], names=names)


def plan_device_work(house: House, wishes: Wishes) -> int:
    """Orders whose worksheets stay open and empty until somebody measures. Returns how many."""
    day = house.diary.calendar.add(local_date(house.diary.end) - timedelta(days=DAYS_AGO), 0)
    rows = facts("device_work")
    for n, row in enumerate(rows):
        firm = next(f for f in wishes.firms if f["name"] == row["firm"])
        draft = wishes.commissioned(day, dict(firm, products=[row["product"]]), samples=row["samples"])
        life = Life(house, draft, stop=Stage.OPENED, read=lambda _item, _position: {})
        house.diary.plan(at(day, time(9, 30 + 4 * n)), life.register)
    return len(rows)


def analyser_worklist(session: Session) -> list[str]:
    """Numbers of the samples in test that wait for a reading of the analyser, first received first."""
    here = select(InputValue.id).where(
        InputValue.requested_test_id == RequestedTest.id, InputValue.name == MethodInput.name
    )
    wanted = (
        select(Sample.number)
        .join(RequestedTest, RequestedTest.sample_id == Sample.id)
        .join(MethodInput, MethodInput.method_version_id == RequestedTest.method_version_id)
        .where(MethodInput.equipment_class == ANALYSER_CLASS, RequestedTest.state.in_(EDITABLE))
        .where(~here.exists())
        .order_by(Sample.id)
    )
    return list(session.scalars(wanted))
