"""HTML pages of customers: the list, one customer with contacts, accounts and orders."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

from lims.core.clock import local_date
from lims.core.database import db
from lims.core.permissions import Permission
from lims.core.web import clock, current_actor, request_key, unit_of_work
from lims.intake import customers, order_reading
from lims.intake.customer_schemas import (
    AccountLinkLoad,
    ContactEditLoad,
    ContactFormLoad,
    CustomerEditLoad,
    CustomerFormLoad,
)
from lims.intake.face import blueprint
from lims.intake.order_list_pages import CUSTOMERS
from lims.intake.order_reading import Wanted
from lims.ui import lists
from lims.ui.faces import ID
from lims.ui.forms import Form, empty_form, read_form
from lims.ui.labels import bilingual

CUSTOMER = f"/customers/{ID.format('customer_id')}"


@blueprint.get("/customers", endpoint="customers")
def customers_page() -> str | Answer:
    shown = lists.show(CUSTOMERS, db.session(), current_actor())
    return shown.download() or render_template("intake/customers.html", list=shown)


@blueprint.get("/customers/new")
def new_customer() -> str:
    return render_template("intake/new_customer.html", form=empty_form(CustomerFormLoad))


@blueprint.post("/customers/new")
def create_customer() -> Answer | tuple[str, int]:
    form = read_form(CustomerFormLoad)
    with form.attempt():
        made = customers.create_customer(
            unit_of_work(), actor=current_actor(), request_key=request_key(), **form.values
        )
        return _back(made.id)
    known = (
        customers.same_named(db.session(), form.typed("name")) if form.code == "customer_name_known" else []
    )
    return render_template("intake/new_customer.html", form=form, known=known), form.status


@blueprint.get(CUSTOMER)
def customer(customer_id: int) -> str:
    return _customer(customer_id)


def _customer(customer_id: int, **forms: Form) -> str:
    session, actor = db.session(), current_actor()
    row = customers.get_customer(session, actor, customer_id)
    shown: dict[str, Form] = {
        "edit": empty_form(CustomerEditLoad, row),
        "contact": empty_form(ContactFormLoad),
        "link": empty_form(AccountLinkLoad),
        **{f"contact-{c.id}": empty_form(ContactEditLoad, c) for c in row.contacts},
        **forms,
    }
    for name, form in shown.items():
        form.prefix = name
    links = actor.can(Permission.LINK_MANAGE)
    return render_template(
        "intake/customer.html",
        customer=row,
        twins=[c for c in customers.same_named(session, row.name) if c.id != row.id],
        accounts=customers.accounts_of_customer(session, row.id),
        free=[(str(a.id), f"{a.username} · {bilingual(a)}") for a in customers.free_accounts(session)]
        if links
        else [],
        orders=_latest_orders(row.id),
        forms=shown,
        may_edit=actor.can(Permission.CUSTOMER_EDIT),
        may_link=links,
        may_order=actor.can(Permission.ORDER_REGISTER) and row.active,
    )


def _latest_orders(customer_id: int) -> Any:
    today = local_date(clock()())
    wanted = Wanted(customer_id=customer_id)
    return order_reading.list_orders(db.session(), current_actor(), wanted=wanted, today=today, size=10).rows


@blueprint.post(f"{CUSTOMER}/edit")
def edit_customer(customer_id: int) -> Answer | tuple[str, int]:
    form = read_form(CustomerEditLoad)
    with form.attempt():
        customers.change_customer(
            unit_of_work(), actor=current_actor(), customer_id=customer_id, **form.values
        )
        return _saved(customer_id)
    return _customer(customer_id, edit=form), form.status


@blueprint.post(f"{CUSTOMER}/contacts")
def add_contact(customer_id: int) -> Answer | tuple[str, int]:
    form = read_form(ContactFormLoad)
    with form.attempt():
        customers.create_contact(
            unit_of_work(),
            actor=current_actor(),
            customer_id=customer_id,
            request_key=request_key(),
            **form.values,
        )
        return _saved(customer_id)
    return _customer(customer_id, contact=form), form.status


@blueprint.post(f"{CUSTOMER}/contacts/{ID.format('contact_id')}")
def edit_contact(customer_id: int, contact_id: int) -> Answer | tuple[str, int]:
    form = read_form(ContactEditLoad)
    with form.attempt():
        customers.change_contact(
            unit_of_work(),
            actor=current_actor(),
            customer_id=customer_id,
            contact_id=contact_id,
            **form.values,
        )
        return _saved(customer_id)
    return _customer(customer_id, **{f"contact-{contact_id}": form}), form.status


@blueprint.post(f"{CUSTOMER}/accounts")
def link_account(customer_id: int) -> Answer | tuple[str, int]:
    form = read_form(AccountLinkLoad)
    with form.attempt():
        customers.link_account(unit_of_work(), actor=current_actor(), customer_id=customer_id, **form.values)
        return _saved(customer_id)
    return _customer(customer_id, link=form), form.status


@blueprint.post(f"{CUSTOMER}/accounts/{ID.format('account_id')}/unlink")
def unlink_account(customer_id: int, account_id: int) -> Answer:
    customers.unlink_account(
        unit_of_work(), actor=current_actor(), customer_id=customer_id, account_id=account_id
    )
    return _saved(customer_id)


def _saved(customer_id: int) -> Answer:
    flash(_("Saved."))
    return _back(customer_id)


def _back(customer_id: int) -> Answer:
    return redirect(url_for("intake.customer", customer_id=customer_id))
