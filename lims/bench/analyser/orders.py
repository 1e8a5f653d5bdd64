"""Worklists for analysers: a worksheet's tests are ordered, and taken back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lims.bench.analyser.models import (
    AnalyserOrder,
    AnalyserOrderEvent,
    AnalyserOrderNow,
    AnalyserWorklist,
)
from lims.bench.analyser.names import names_of
from lims.bench.analyser.states import OVER, WITHDRAWABLE, AnalyserOrderState
from lims.bench.analyser.steps import bring_to, locked, new_entry
from lims.bench.capture.claims import check_fit
from lims.bench.inputs import EDITABLE, open_sheet
from lims.bench.models import Worksheet
from lims.bench.sample_bench import latest_cells
from lims.bench.wording import named
from lims.catalogue.models import Method, MethodInput, MethodVersion, TestItem
from lims.core.errors import Conflict, InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.equipment.live import DeviceNow, devices_now
from lims.equipment.models import Device, Equipment
from lims.equipment.states import Liveness
from lims.intake.models import RequestedTest, Sample

ORDERS = "orders"  # what a gateway says of a device that takes them
# The gateway keeps an order so long after its end, and then answers no question about it any more.
LIVE_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row of the worksheet that the analyser could still be told of."""

    test: RequestedTest
    sample: Sample


def send_worklist(
    uow: UnitOfWork, *, actor: Actor, worksheet_id: int, device_id: int, request_key: RequestKey | None = None
) -> AnalyserWorklist:
    """Order what the analyser has not been told yet and has not measured.

    It need not be connected: the orders wait. Refused (Conflict, with code): ``no_worklist`` of a device that takes
    none, ``gateway_revoked``, ``device_unknown``, ``wrong_class``, those of ``fitness``, ``test_not_named``,
    ``nothing_to_send``.
    """
    actor.require(Permission.CAPTURE_CLAIM)
    with uow:
        if (prior := uow.replayed(AnalyserWorklist, actor=actor, request_key=request_key)) is not None:
            return prior
        sheet = open_sheet(uow, worksheet_id, actor)
        now = _device(uow, device_id)
        equipment = _usable(uow, sheet, now)
        rows = rows_to_send(uow.session, sheet, device_id, actor, equipment.equipment_class)
        name = name_of_sheet(uow.session, sheet, equipment)
        if not rows:
            raise Conflict(
                _("There is nothing to send: the analyser has these samples, or they are measured."),
                code="nothing_to_send",
            )
        worklist = _order(uow, actor, sheet, now.device, equipment, rows, name)
        uow.remember(worklist)
        uow.commit()
    return worklist


def _device(uow: UnitOfWork, device_id: int) -> DeviceNow:
    found = devices_now(uow.session, uow.now, ids={device_id})
    if not found or not found[0].can(ORDERS):
        raise Conflict(_("This device takes no worklist."), code="no_worklist")
    now = found[0]
    if now.gateway.state is Liveness.REVOKED:
        raise Conflict(
            _("The gateway of %(device)s is revoked.", device=now.device.name), code="gateway_revoked"
        )
    return now


def _usable(uow: UnitOfWork, sheet: Worksheet, now: DeviceNow) -> Equipment:
    equipment = now.device.equipment
    if equipment is None:
        raise Conflict(_("The device is not bound to equipment of the register."), code="device_unknown")
    if not _inputs(uow.session, sheet, equipment.equipment_class):
        raise Conflict(_("The method asks for another class of equipment here."), code="wrong_class")
    check_fit(uow, equipment, None, None)
    return equipment


def name_of_sheet(session: Session, sheet: Worksheet, equipment: Equipment) -> str:
    """What the analyser calls the worksheet's test item. Raises Conflict (``test_not_named``)."""
    item = session.scalars(
        select(TestItem)
        .join(Method, Method.test_item_id == TestItem.id)
        .join(MethodVersion, MethodVersion.method_id == Method.id)
        .where(MethodVersion.id == sheet.method_version_id)
    ).one()
    name = names_of(session, equipment.id).get(item.id)
    if name is None:
        sentence = _(
            "Nobody has said yet what %(code)s calls “%(item)s”: name it on the page of its tests.",
            code=equipment.code,
            item=named(item),
        )
        raise Conflict(sentence, code="test_not_named")
    return name


def _inputs(session: Session, sheet: Worksheet, equipment_class: str) -> list[MethodInput]:
    version = session.get_one(MethodVersion, sheet.method_version_id)
    return [i for i in version.inputs if i.equipment_class == equipment_class]


def rows_to_send(
    session: Session, sheet: Worksheet, device_id: int, actor: Actor, equipment_class: str
) -> list[Wanted]:
    """In the order of the sheet: open rows of the actor's without a live order and with an empty cell. Four queries."""
    here = {row.requested_test_id: row.position for row in sheet.rows if row.removed_at is None}
    told = set(
        session.scalars(
            select(AnalyserOrderNow.requested_test_id).where(
                AnalyserOrderNow.requested_test_id.in_(here),
                AnalyserOrderNow.device_id == device_id,
                AnalyserOrderNow.state.not_in(OVER),
            )
        )
    )
    inputs = _inputs(session, sheet, equipment_class)
    cells = latest_cells(session, list(here))
    rows = session.execute(
        select(RequestedTest, Sample)
        .join(Sample, Sample.id == RequestedTest.sample_id)
        .where(
            RequestedTest.id.in_(here.keys() - told),
            RequestedTest.assignee_id == actor.id,
            RequestedTest.state.in_(EDITABLE),
        )
    ).unique()
    wanted = [
        Wanted(test, sample)
        for test, sample in rows
        if first_empty(inputs, cells.get(test.id, {})) is not None
    ]
    return sorted(wanted, key=lambda one: here[one.test.id])


def first_empty(
    inputs: Sequence[MethodInput], cells: Mapping[tuple[str, int], object]
) -> tuple[str, int] | None:
    """The first cell (input, replicate) of these inputs that has no value; None when all have."""
    for wanted in inputs:
        for replicate in range(1, wanted.replicates + 1):
            entry = cells.get((wanted.name, replicate))
            if entry is None or not getattr(entry, "text", ""):
                return wanted.name, replicate
    return None


def _order(
    uow: UnitOfWork,
    actor: Actor,
    sheet: Worksheet,
    device: Device,
    equipment: Equipment,
    rows: Sequence[Wanted],
    name: str,
) -> AnalyserWorklist:
    worklist = uow.add(
        AnalyserWorklist(
            worksheet_id=sheet.id,
            device_id=device.id,
            equipment_id=equipment.id,
            sent_by=actor.id,
            sent_at=uow.now,
        )
    )
    orders = [
        AnalyserOrder(
            worklist_id=worklist.id,
            requested_test_id=row.test.id,
            specimen=row.sample.number,
            test_name=name,
            sample_name=row.sample.name[:200],
        )
        for row in rows
    ]
    uow.session.add_all(orders)
    uow.flush()
    for order in orders:
        uow.session.add_all(_begun(uow, actor, order, device.id))
    _let_go(uow, device.id)
    specimens = [order.specimen for order in orders]
    uow.audit(
        "analyser_worklist.send",
        actor,
        worklist,
        after={"worksheet_id": sheet.id, "equipment": equipment.code, "test": name, "samples": specimens},
    )
    return worklist


def _begun(
    uow: UnitOfWork, actor: Actor, order: AnalyserOrder, device_id: int
) -> tuple[AnalyserOrderEvent, AnalyserOrderNow]:
    first = AnalyserOrderEvent(
        order_id=order.id,
        state=AnalyserOrderState.WAITING,
        at=uow.now,
        by=actor.id,
        reason="",
        capture_id=None,
    )
    now = AnalyserOrderNow(
        order_id=order.id,
        requested_test_id=order.requested_test_id,
        device_id=device_id,
        state=AnalyserOrderState.WAITING,
        entry=new_entry(),
        changed_at=uow.now,
    )
    return first, now


def _let_go(uow: UnitOfWork, device_id: int) -> None:
    """Nobody waits any more for what the analyser was told a week ago; the list that gateways ask for stays short."""
    old = update(AnalyserOrderNow).where(
        AnalyserOrderNow.device_id == device_id,
        AnalyserOrderNow.is_live,
        AnalyserOrderNow.state == AnalyserOrderState.ACCEPTED,
        AnalyserOrderNow.changed_at < uow.now - LIVE_FOR,
    )
    uow.session.execute(old.values(is_live=False))


# -- taking back ---------------------------------------------------------------------


def withdraw_orders(
    uow: UnitOfWork, *, actor: Actor, worksheet_id: int, order_ids: Collection[int]
) -> list[int]:
    """The analyser shall not measure these (any more); which of them that changed.

    It is withdrawn when the gateway says so: until then the analyser may still measure it.
    """
    actor.require(Permission.CAPTURE_CLAIM)
    if not order_ids:
        sentence = _("Tick the samples that shall not be measured.")
        raise InvalidInput(sentence, code="nothing_chosen", fields={"order_ids": [sentence]})
    with uow:
        open_sheet(uow, worksheet_id, actor)
        mine = select(AnalyserOrder.id).join(
            AnalyserWorklist, AnalyserWorklist.id == AnalyserOrder.worklist_id
        )
        here = uow.session.scalars(
            mine.where(AnalyserOrder.id.in_(order_ids), AnalyserWorklist.worksheet_id == worksheet_id)
        ).all()
        done = withdraw_here(uow, actor, here)
        if done:
            uow.commit()
    return done


def withdraw_here(
    uow: UnitOfWork, actor: Actor, order_ids: Collection[int], *, reason: str = ""
) -> list[int]:
    """``withdraw_orders`` inside the caller's unit of work."""
    done = []
    for row in locked(uow, order_ids):
        if row.state in WITHDRAWABLE and bring_to(
            uow, actor, row, AnalyserOrderState.WITHDRAWING, reason=reason
        ):
            row.entry, row.withdraws = new_entry(), True
            done.append(row.order_id)
    if done:
        uow.audit("analyser_order.withdraw", actor, ("analyser_order", done[0]), after={"orders": done})
    return done
