"""A worksheet's orders at an analyser as its page shows them, and results that came back for them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.analyser.models import AnalyserOrder, AnalyserOrderNow, AnalyserWorklist
from lims.bench.analyser.orders import ORDERS, first_empty, name_of_sheet, rows_to_send
from lims.bench.analyser.states import WITHDRAWABLE, AnalyserOrderState
from lims.bench.analyser.words import trouble_words, why_refused
from lims.bench.capture.live import UsableDevice
from lims.bench.inputs import EDITABLE, Cell
from lims.bench.models import Capture, CaptureClaim, Worksheet
from lims.bench.sample_bench import latest_cells
from lims.bench.states import CaptureKind
from lims.catalogue.models import MethodVersion
from lims.core.errors import Conflict
from lims.core.permissions import Actor
from lims.equipment.models import Equipment
from lims.intake.models import RequestedTest


@dataclass(frozen=True, slots=True)
class OrderView:
    order: AnalyserOrder
    now: AnalyserOrderNow
    sent_at: datetime

    @property
    def reason(self) -> str:
        return why_refused(self.now.reason)

    @property
    def withdrawable(self) -> bool:
        return self.now.state in WITHDRAWABLE


@dataclass(frozen=True, slots=True)
class Arrived:
    """A result for an order, and the empty cell it belongs into."""

    capture_id: int
    cell: Cell


@dataclass(frozen=True, slots=True)
class AnalyserView:
    """``to_send``: rows it has not been told of; ``refusal``: why nothing can be sent; ``unclear``: samples with
    several results, which a person tells apart in the inbox."""

    device: UsableDevice
    orders: Sequence[OrderView]
    to_send: int
    refusal: str
    unnamed: bool
    arrived: Sequence[Arrived]
    unclear: int

    @property
    def counts(self) -> list[tuple[AnalyserOrderState, int]]:
        found = Counter(one.now.state for one in self.orders)
        return [(state, found[state]) for state in AnalyserOrderState if found[state]]

    @property
    def trouble(self) -> str:
        """What the gateway says of orders that the analyser has not taken."""
        return trouble_words(self.device.now.facts.get("trouble"))

    @property
    def has_withdrawable(self) -> bool:
        return any(one.withdrawable for one in self.orders)


def analyser_views(
    session: Session, *, actor: Actor, sheet: Worksheet, devices: Sequence[UsableDevice]
) -> dict[int, AnalyserView]:
    """By device; those that take orders. A fixed number of queries for each."""
    return {one.id: _view(session, actor, sheet, one) for one in devices if one.now.can(ORDERS)}


def _view(session: Session, actor: Actor, sheet: Worksheet, device: UsableDevice) -> AnalyserView:
    rows = session.execute(
        select(AnalyserOrder, AnalyserOrderNow, AnalyserWorklist.sent_at)
        .join(AnalyserOrderNow, AnalyserOrderNow.order_id == AnalyserOrder.id)
        .join(AnalyserWorklist, AnalyserWorklist.id == AnalyserOrder.worklist_id)
        .where(AnalyserWorklist.worksheet_id == sheet.id, AnalyserWorklist.device_id == device.id)
        .order_by(AnalyserOrder.id)
    ).all()
    orders = [OrderView(*row) for row in rows]
    refusal, unnamed = "", False
    try:
        name_of_sheet(session, sheet, device.equipment)
    except Conflict as refused:
        refusal, unnamed = refused.message, True
    if not refusal and not device.fitness.ok:
        refusal = str(device.fitness.sentence)
    wanted = rows_to_send(session, sheet, device.id, actor, device.equipment.equipment_class)
    arrived, unclear = arrived_results(session, actor, sheet, device.equipment, orders)
    return AnalyserView(device, orders, len(wanted), refusal, unnamed, arrived, unclear)


def arrived_results(
    session: Session, actor: Actor, sheet: Worksheet, equipment: Equipment, orders: Sequence[OrderView]
) -> tuple[list[Arrived], int]:
    """Unclaimed results of this analyser under sample and test of an order that waits for one, by order; and how
    many orders have several, of which none is taken by itself. Three queries."""
    waiting = _waiting_cells(session, actor, sheet, equipment, orders)
    if not waiting:
        return [], 0
    oldest = min(one.sent_at for one in orders)
    found: dict[tuple[str, str], list[int]] = {}
    rows = session.execute(
        select(Capture.id, Capture.specimen, Capture.name)
        .outerjoin(CaptureClaim, CaptureClaim.capture_id == Capture.id)
        .where(
            Capture.equipment_id == equipment.id,
            Capture.specimen.in_({specimen for specimen, _name in waiting}),
            Capture.kind == CaptureKind.READING,
            Capture.value.is_not(None),
            Capture.received_at >= oldest,
            CaptureClaim.id.is_(None),
        )
        .order_by(Capture.id)
    )
    for number, specimen, name in rows:
        found.setdefault((specimen, name), []).append(number)
    arrived = [
        Arrived(found[place][0], cell) for place, cell in waiting.items() if len(found.get(place, ())) == 1
    ]
    return arrived, sum(len(found.get(place, ())) > 1 for place in waiting)


def _waiting_cells(
    session: Session, actor: Actor, sheet: Worksheet, equipment: Equipment, orders: Sequence[OrderView]
) -> Mapping[tuple[str, str], Cell]:
    """(sample, analyser's test) -> the first empty cell of the row that was ordered."""
    here = {row.requested_test_id for row in sheet.rows if row.removed_at is None}
    ordered = {
        one.order.requested_test_id: one
        for one in orders
        if one.order.requested_test_id in here and one.now.state in WITHDRAWABLE
    }
    mine = session.scalars(
        select(RequestedTest.id).where(
            RequestedTest.id.in_(ordered),
            RequestedTest.assignee_id == actor.id,
            RequestedTest.state.in_(EDITABLE),
        )
    ).all()
    if not mine:
        return {}
    version = session.get_one(MethodVersion, sheet.method_version_id)
    inputs = [i for i in version.inputs if i.equipment_class == equipment.equipment_class]
    cells = latest_cells(session, mine)
    places: dict[tuple[str, str], Cell] = {}
    for test_id in mine:
        empty = first_empty(inputs, cells.get(test_id, {}))
        order = ordered[test_id].order
        if empty is not None:
            places[order.specimen, order.test_name] = Cell(test_id, *empty, "")
    return places
