"""JSON of customers, the people who speak for them, and the accounts that see their orders."""

from collections.abc import Sequence
from typing import Any

from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.intake import customers
from lims.intake.api_face import blueprint, refusals
from lims.intake.customer_schemas import (
    AccountLinkLoad,
    ContactDump,
    ContactEditLoad,
    ContactFormLoad,
    CustomerDump,
    CustomerEditLoad,
    CustomerLoad,
    CustomerPageDump,
    CustomerQuery,
    CustomerRowDump,
    LinkedAccountDump,
    MatchQuery,
)
from lims.intake.models import Contact, Customer
from lims.ui.faces import ID

CUSTOMER = f"/customers/{ID.format('customer_id')}"


@blueprint.route("/customers")
@blueprint.arguments(CustomerQuery, location="query", as_kwargs=True)
@blueprint.response(200, CustomerPageDump)
@refusals(422)
def list_customers(**wanted: Any) -> object:
    return customers.list_customers(db.session(), current_actor(), **wanted)


@blueprint.route("/customers/matching")
@blueprint.arguments(MatchQuery, location="query", as_kwargs=True)
@blueprint.response(200, CustomerRowDump(many=True))
@refusals(422)
def match_customers(words: str) -> Sequence[Any]:
    """The active customers that these words may mean, best first, at most eight."""
    return list(customers.matching_customers(db.session(), current_actor(), words))


@blueprint.route("/customers", methods=["POST"])
@blueprint.arguments(CustomerLoad, as_kwargs=True)
@blueprint.response(201, CustomerDump)
@refusals(409, 422)
def post_customer(**values: Any) -> Customer:
    """Takes an Idempotency-Key. 409 ``customer_name_known`` asks for ``same_name``."""
    return customers.create_customer(
        unit_of_work(), actor=current_actor(), request_key=request_key(), **values
    )


@blueprint.route(CUSTOMER)
@blueprint.response(200, CustomerDump)
@refusals(404)
def show_customer(customer_id: int) -> Customer:
    return customers.get_customer(db.session(), current_actor(), customer_id)


@blueprint.route(CUSTOMER, methods=["PUT"])
@blueprint.arguments(CustomerEditLoad, as_kwargs=True)
@blueprint.response(200, CustomerDump)
@refusals(404, 409, 422)
def put_customer(customer_id: int, **values: Any) -> Customer:
    return customers.change_customer(unit_of_work(), actor=current_actor(), customer_id=customer_id, **values)


@blueprint.route(f"{CUSTOMER}/contacts", methods=["POST"])
@blueprint.arguments(ContactFormLoad, as_kwargs=True)
@blueprint.response(201, ContactDump)
@refusals(404, 409, 422)
def post_contact(customer_id: int, **values: Any) -> Contact:
    """Takes an Idempotency-Key. The same name and telephone twice is one contact."""
    return customers.create_contact(
        unit_of_work(), actor=current_actor(), customer_id=customer_id, request_key=request_key(), **values
    )


@blueprint.route(f"{CUSTOMER}/contacts/{ID.format('contact_id')}", methods=["PUT"])
@blueprint.arguments(ContactEditLoad, as_kwargs=True)
@blueprint.response(200, ContactDump)
@refusals(404, 409, 422)
def put_contact(customer_id: int, contact_id: int, **values: Any) -> Contact:
    return customers.change_contact(
        unit_of_work(), actor=current_actor(), customer_id=customer_id, contact_id=contact_id, **values
    )


@blueprint.route(f"{CUSTOMER}/accounts")
@blueprint.response(200, LinkedAccountDump(many=True))
@refusals(404)
def list_customer_accounts(customer_id: int) -> Sequence[Any]:
    row = customers.get_customer(db.session(), current_actor(), customer_id)
    return customers.accounts_of_customer(db.session(), row.id)


@blueprint.route(f"{CUSTOMER}/accounts", methods=["POST"])
@blueprint.arguments(AccountLinkLoad, as_kwargs=True)
@blueprint.response(204)
@refusals(404, 409, 422)
def post_customer_account(customer_id: int, account_id: int) -> None:
    """From now on this account sees the customer's orders, and no other's."""
    customers.link_account(
        unit_of_work(), actor=current_actor(), account_id=account_id, customer_id=customer_id
    )


@blueprint.route(f"{CUSTOMER}/accounts/{ID.format('account_id')}", methods=["DELETE"])
@blueprint.response(204)
@refusals(404, 409)
def delete_customer_account(customer_id: int, account_id: int) -> None:
    customers.unlink_account(
        unit_of_work(), actor=current_actor(), customer_id=customer_id, account_id=account_id
    )
