"""The lists of orders and customers: columns, filters, orders of sorting."""

from dataclasses import replace
from datetime import date
from typing import Any

from flask import request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from sqlalchemy.orm import Session

from lims.catalogue.business import business_types
from lims.core.clock import local_date
from lims.core.database import db
from lims.core.paging import Key
from lims.core.permissions import Actor
from lims.core.web import clock
from lims.intake.customers import customers_statement, named_like
from lims.intake.models import Customer, Order
from lims.intake.order_reading import (
    LATE_FIRST,
    NEWEST_FIRST,
    OPEN,
    count_orders,
    is_late,
    orders_statement,
    with_words,
)
from lims.intake.states import OrderState
from lims.ui.labels import Text, bilingual, choices
from lims.ui.lists import Column, Filter, Listing
from lims.ui.lists import Order as Sorting
from lims.ui.navigation import CAP


def today() -> date:
    return local_date(clock()())


def type_choices() -> list[tuple[str, Text]]:
    return [(str(row.id), bilingual(row)) for row in business_types(db.session(), also_retired=True)]


def _progress(row: Any) -> str:
    return f"{row.tests_done} / {row.tests}"


def _row_is_late(row: Any) -> bool:
    return row.state in OPEN and row.due_on < today()


def _whole(value: Any) -> int:
    return int(value) if len(str(value)) < 16 else 0


ORDERS = Listing(
    caption=_l("Orders"),
    empty=_l("Orders appear here when reception registers one or a customer sends one."),
    statement=orders_statement,
    keys=NEWEST_FIRST,
    columns=(
        Column("number", _l("Number"), href=lambda row: url_for("intake.order", order_id=row.id)),
        Column("state", _l("State"), kind="state"),
        Column(
            "customer",
            _l("Customer"),
            href=lambda row: url_for("intake.customer", customer_id=row.customer_id),
        ),
        Column("name", _l("Kind of business"), kind="bilingual"),
        Column("registered_on", _l("Registered"), kind="day"),
        Column("due_on", _l("Due"), kind="day"),
        Column("samples", _l("Samples"), kind="figure"),
        Column("tests_done", _l("Tests done"), kind="text", value=_progress),
        Column("price", _l("Price"), kind="money"),
    ),
    filters=(
        Filter("q", _l("Number or customer"), with_words),
        Filter(
            "state",
            _l("State"),
            lambda s, v: s.where(Order.state == OrderState(v)),
            options=lambda: choices(OrderState),
        ),
        Filter(
            "type",
            _l("Kind of business"),
            lambda s, v: s.where(Order.business_type_id == int(v)),
            options=type_choices,
        ),
        Filter("since", _l("Registered from"), lambda s, v: s.where(Order.registered_on >= v), kind="day"),
        Filter("until", _l("Registered to"), lambda s, v: s.where(Order.registered_on <= v), kind="day"),
        Filter("due", _l("Due until"), lambda s, v: s.where(Order.due_on <= v), kind="day"),
        Filter(
            "late",
            _l("Late"),
            lambda s, _v: s.where(is_late(today())),
            options=lambda: [("yes", _("only late ones"))],
            hidden=True,
        ),
        Filter(
            "customer",
            _l("Number of the customer"),
            lambda s, v: s.where(Order.customer_id == _whole(v)),
            hidden=True,
        ),
        Filter(
            "all",
            _l("Closed orders"),
            lambda s, _v: s,
            options=lambda: [("yes", _("shown too"))],
            hidden=True,
        ),
    ),
    orders=(Sorting("newest", _l("newest first"), NEWEST_FIRST), Sorting("due", _l("due first"), LATE_FIRST)),
    is_late=_row_is_late,
)


def _open_orders(actor: Any) -> Any:
    return orders_statement(actor).where(Order.state.in_(OPEN))


# What is not finished, late first: what reception opens in the morning.
OPEN_ORDERS = replace(ORDERS, statement=_open_orders, keys=LATE_FIRST)


def listing_of_orders() -> Listing:
    """Open orders, late first; all orders, newest first, once somebody looks for something that may be closed."""
    asked = any(request.args.get(name) for name in ("q", "state", "customer", "since", "until", "all"))
    return ORDERS if asked else OPEN_ORDERS


def order_tabs(session: Session, actor: Actor) -> list[tuple[Text, str, object, bool]]:
    """The views of the list that everybody wants: words, address, count, whether it is open now."""
    here = {name: value for name, value in request.args.items() if name in {"state", "late", "all"}}
    registered = {"state": OrderState.REGISTERED.value}
    tabs: tuple[tuple[Text, dict[str, Any], object], ...] = (
        (lazy_pgettext("order", "Open"), {}, count_orders(session, actor, Order.state.in_(OPEN), cap=CAP)),
        (
            lazy_pgettext("order", "To be accepted"),
            registered,
            count_orders(session, actor, Order.state == OrderState.REGISTERED, cap=CAP),
        ),
        (
            lazy_pgettext("order", "Late"),
            {"late": "yes"},
            count_orders(session, actor, is_late(today()), cap=CAP),
        ),
        (lazy_pgettext("order", "All"), {"all": "yes"}, None),
    )
    return [(words, url_for("intake.orders", **q), count, here == q) for words, q, count in tabs]


CUSTOMERS = Listing(
    caption=_l("Customers"),
    empty=_l("Customers appear here when the first order is registered, or when you add one."),
    statement=customers_statement,
    keys=(Key(Customer.id, descending=True),),
    columns=(
        Column("code", _l("Number"), href=lambda row: url_for("intake.customer", customer_id=row.id)),
        Column("name", _l("Name"), href=lambda row: url_for("intake.customer", customer_id=row.id)),
        Column("name_en", _l("English name")),
        Column("address", _l("Address")),
        Column("open_orders", _l("Open orders"), kind="figure"),
        Column("active", _l("Active"), value=lambda row: _("yes") if row.active else _("no")),
    ),
    filters=(
        Filter("q", _l("Name or number"), named_like),
        Filter(
            "active",
            _l("Active"),
            lambda s, v: s.where(Customer.active.is_(v == "yes")),
            options=lambda: [("yes", _("yes")), ("no", _("no"))],
        ),
    ),
    orders=(Sorting("name", _l("by name"), (Key(Customer.name_key), Key(Customer.id))),),
)
