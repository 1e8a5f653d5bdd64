"""Where reception starts: navigation, cards of the start page, what a scanned order number opens."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.core.clock import local_date
from lims.core.paging import CappedCount
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.core.web import clock
from lims.intake.models import Order
from lims.intake.order_reading import count_orders, is_late, order_by_number
from lims.intake.states import OrderState
from lims.ui import scanning
from lims.ui.labels import Tone, label, tone
from lims.ui.navigation import CAP, Card, Entry, register_card
from lims.ui.navigation import register as register_entry

_DESK = frozenset({Role.RECEPTION, Role.SAMPLER})
_ACCEPTS = frozenset({Role.RECEPTION})
_WATCHES = frozenset({Role.RECEPTION, Role.SECTION_HEAD, Role.DIRECTOR, Role.QUALITY_MANAGER})


def _today() -> date:
    return local_date(clock()())


def count_waiting(session: Session, actor: Actor) -> CappedCount:
    return count_orders(session, actor, Order.state == OrderState.REGISTERED, cap=CAP)


def count_late(session: Session, actor: Actor) -> CappedCount:
    return count_orders(session, actor, is_late(_today()), cap=CAP)


def count_of_today(session: Session, actor: Actor) -> CappedCount:
    return count_orders(session, actor, Order.registered_on == _today(), cap=CAP)


def since_today() -> Mapping[str, Any]:
    return {"since": _today().isoformat()}


register_entry(Entry("intake.new_order", _l("New order"), P.ORDER_REGISTER, 10, _DESK))
register_entry(Entry("intake.orders", _l("Orders"), P.ORDER_READ, 12, _DESK | {Role.DIRECTOR}))
register_entry(Entry("intake.customers", _l("Customers"), P.ORDER_READ, 60, _DESK))
register_card(
    Card(
        "intake.orders",
        _l("Orders to be accepted"),
        P.ORDER_ACCEPT,
        count_waiting,
        order=10,
        roles=_ACCEPTS,
        values={"state": OrderState.REGISTERED.value},
        tone=Tone.WORKING,
    )
)
register_card(
    Card(
        "intake.orders",
        _l("Late orders"),
        P.ORDER_READ,
        count_late,
        order=5,
        roles=_WATCHES,
        values={"late": "yes"},
        tone=Tone.FAULT,
    )
)
register_card(
    Card(
        "intake.orders",
        _l("Orders registered today"),
        P.ORDER_REGISTER,
        count_of_today,
        order=20,
        roles=_DESK,
        values=since_today,
    )
)


def find_order(session: Session, actor: Actor, code: str) -> scanning.Found | None:
    """An order's number on a form or label."""
    row = order_by_number(session, actor, code)
    if row is None:
        return None
    echo = f"{row.number} · {row.customer} · {label(row.state)}"
    return scanning.Found(url_for("intake.order", order_id=row.id), echo, str(tone(row.state)))


scanning.register("order", find_order, order=20)
