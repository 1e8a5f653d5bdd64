"""Orders on their way to the gateway and back: what it must be told, what it keeps, how each order ended.

Told with every answer to a live post until the gateway says that it is on its disk; the end of an order comes as a
capture, signed and once.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from lims.bench.analyser.models import AnalyserOrder, AnalyserOrderNow
from lims.bench.analyser.orders import withdraw_here
from lims.bench.analyser.states import WITHDRAWABLE, AnalyserOrderState
from lims.bench.analyser.steps import bring_to, locked
from lims.bench.bodies import Sent
from lims.bench.models import Capture
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.equipment import wire
from lims.equipment.models import Device
from lims.intake.models import RequestedTest
from lims.intake.states import TestState

MOST_TOLD = 50  # in one answer; the next follows at once
MOST_KEPT = 1000
CANCELLED = "sample_cancelled"
_ENDS = {
    "order_accepted": AnalyserOrderState.ACCEPTED,
    "order_refused": AnalyserOrderState.REFUSED,
    "order_withdrawn": AnalyserOrderState.WITHDRAWN,
}
_NUMBER = re.compile(r"order-(\d{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Told:
    """One message to a gateway. ``do``: add or withdraw."""

    entry: str
    do: str
    order: str
    device: str
    specimen: str
    test: str
    name: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The gateway has an entry on its disk, or (``code``) cannot do it."""

    entry: str
    code: str | None


def read_receipts(document: Mapping[str, Any]) -> list[Receipt]:
    """Of a live post; gateways of before say nothing. Raises BodyRefused."""
    if "kept" not in document:
        return []
    rows = wire.objects(document, "kept", MOST_KEPT)
    return [Receipt(wire.text(row, "entry"), wire.optional_text(row, "code")) for row in rows]


def entries_for(uow: UnitOfWork, gateway_id: int) -> list[Told]:
    """What the gateway must still be told, oldest first. One query."""
    rows = uow.session.execute(
        select(AnalyserOrderNow, AnalyserOrder, Device.name)
        .join(AnalyserOrder, AnalyserOrder.id == AnalyserOrderNow.order_id)
        .join(Device, Device.id == AnalyserOrderNow.device_id)
        .where(Device.gateway_id == gateway_id, AnalyserOrderNow.is_live, AnalyserOrderNow.entry.is_not(None))
        .order_by(AnalyserOrderNow.order_id)
        .limit(MOST_TOLD)
    )
    return [
        Told(
            now.entry or "",
            "withdraw" if now.withdraws else "add",
            f"order-{order.id}",
            device,
            order.specimen,
            order.test_name,
            order.sample_name,
        )
        for now, order, device in rows
    ]


def note_receipts(uow: UnitOfWork, *, actor: Actor, gateway_id: int, receipts: Sequence[Receipt]) -> None:
    """The gateway keeps these: they are told no more."""
    codes = {receipt.entry: receipt.code for receipt in receipts}
    with uow:
        mine = (
            select(AnalyserOrderNow.order_id)
            .join(Device, Device.id == AnalyserOrderNow.device_id)
            .where(
                Device.gateway_id == gateway_id,
                AnalyserOrderNow.is_live,
                AnalyserOrderNow.entry.in_(codes),
            )
        )
        changed = [
            row.order_id
            for row in locked(uow, uow.session.scalars(mine).all())
            if row.entry in codes and _keep(uow, actor, row, codes[row.entry])
        ]
        if changed:
            uow.audit("analyser_order.kept", actor, ("analyser_order", changed[0]), after={"orders": changed})
        uow.commit()


def _keep(uow: UnitOfWork, actor: Actor, row: AnalyserOrderNow, code: str | None) -> bool:
    row.entry = None
    if code is not None:
        over = AnalyserOrderState.WITHDRAWN if row.withdraws else AnalyserOrderState.REFUSED
        return bring_to(uow, actor, row, over, reason=wire.cut(code, 40))
    return not row.withdraws and bring_to(uow, actor, row, AnalyserOrderState.SENT)


def find_cancelled(uow: UnitOfWork, gateway_id: int) -> list[int]:
    """Orders whose test was cancelled meanwhile: nobody wants them measured. One query."""
    rows = (
        select(AnalyserOrderNow.order_id)
        .join(Device, Device.id == AnalyserOrderNow.device_id)
        .join(RequestedTest, RequestedTest.id == AnalyserOrderNow.requested_test_id)
        .where(
            Device.gateway_id == gateway_id,
            AnalyserOrderNow.is_live,
            AnalyserOrderNow.state.in_(WITHDRAWABLE),
            RequestedTest.state == TestState.CANCELLED,
        )
    )
    return list(uow.session.scalars(rows))


def withdraw_cancelled(uow: UnitOfWork, *, actor: Actor, order_ids: Sequence[int]) -> None:
    """Take back what ``find_cancelled`` found."""
    with uow:
        if withdraw_here(uow, actor, order_ids, reason=CANCELLED):
            uow.commit()


def note_ends(uow: UnitOfWork, actor: Actor, gateway_id: int, epoch: str, new: Sequence[Sent]) -> None:
    """Captures that say how an order ended (inside the unit of work that stores them); for the device that has it."""
    said = {capture.seq: capture for capture in new if _end_of(capture) is not None}
    if not said:
        return
    stored = uow.session.execute(
        select(Capture.seq, Capture.id, Capture.device_id).where(
            Capture.gateway_id == gateway_id,
            Capture.epoch == epoch,
            Capture.seq.in_(said),
            Capture.part == 0,
        )
    )
    places = {seq: (capture_id, device_id) for seq, capture_id, device_id in stored}
    ended = {seq: found for seq, capture in said.items() if (found := _end_of(capture)) is not None}
    rows = {row.order_id: row for row in locked(uow, {order_id for order_id, _state, _why in ended.values()})}
    changed = []
    for seq, (order_id, state, why) in sorted(ended.items()):
        capture_id, device_id = places[seq]
        row = rows.get(order_id)
        if row is None or row.device_id != device_id:
            continue
        if bring_to(uow, actor, row, state, reason=why, capture_id=capture_id):
            changed.append(order_id)
    if changed:
        uow.audit("analyser_order.end", actor, ("analyser_order", changed[0]), after={"orders": changed})


def _end_of(capture: Sent) -> tuple[int, AnalyserOrderState, str] | None:
    """(order, state, why) of a capture that reports an end."""
    code, _blank, why = (capture.said[0].code or "").partition(" ")
    number = _NUMBER.fullmatch(capture.request_id or "")
    if code not in _ENDS or number is None:
        return None
    return int(number[1]), _ENDS[code], wire.cut(why, 40)
