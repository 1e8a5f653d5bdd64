"""Customers, the people who speak for them, and the accounts that see their orders."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, case, func, inspect, or_, select
from sqlalchemy.orm import Session

from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, NotFound
from lims.core.numbering import take_numbers
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor, Permission, Role
from lims.core.uow import RequestKey, UnitOfWork
from lims.intake.drafts import NewContact, NewCustomer
from lims.intake.models import Contact, Customer, CustomerAccount, Order, Sample, name_key
from lims.intake.search import index_samples
from lims.intake.states import OrderState
from lims.people.models import Account, AccountRole


def same_named(session: Session, name: str) -> Sequence[Customer]:
    """Customers whose name reads the same, case and width apart."""
    return session.scalars(
        select(Customer).where(Customer.name_key == name_key(name)).order_by(Customer.id).limit(10)
    ).all()


def add_customer(uow: UnitOfWork, actor: Actor, new: NewCustomer, *, same_name: bool) -> Customer:
    """Inside the caller's unit of work. Raises Conflict (``customer_name_known``) unless ``same_name``."""
    actor.require(Permission.CUSTOMER_EDIT)
    name = " ".join(new.name.split())
    if not name:
        text = _("The customer has no name.")
        raise InvalidInput(text, code="name_missing", fields={"new_customer.name": [text]})
    twins = same_named(uow.session, name)
    if twins and not same_name:
        text = _(
            "A customer of this name exists: %(code)s. Pick it, or say that you mean another.",
            code=twins[0].code,
        )
        raise Conflict(text, code="customer_name_known", fields={"new_customer.name": [text]})
    credit_code = (new.credit_code or "").strip().upper() or None
    if credit_code and uow.session.scalar(select(Customer.id).where(Customer.credit_code == credit_code)):
        text = _("Another customer has this credit code.")
        raise Conflict(text, code="credit_code_known", fields={"new_customer.credit_code": [text]})
    row = uow.add(
        Customer(
            code=(new.code or "").strip() or take_numbers(uow, "customer", local_date(uow.now))[0],
            name=name,
            name_en=new.name_en.strip(),
            address=new.address.strip(),
            credit_code=credit_code,
        )
    )
    uow.audit("customer.create", actor, row)
    return row


def add_contact(uow: UnitOfWork, actor: Actor, customer_id: int, new: NewContact) -> Contact:
    """Inside the caller's unit of work. The same person twice is one contact."""
    name = " ".join(new.name.split())
    if not name:
        text = _("The contact has no name.")
        raise InvalidInput(text, code="name_missing", fields={"new_contact.name": [text]})
    known = uow.session.scalar(
        select(Contact).where(
            Contact.customer_id == customer_id, Contact.name == name, Contact.phone == new.phone.strip()
        )
    )
    if known is not None:
        return known
    row = uow.add(
        Contact(customer_id=customer_id, name=name, phone=new.phone.strip(), email=new.email.strip())
    )
    uow.audit("contact.create", actor, row)
    return row


def create_customer(
    uow: UnitOfWork,
    *,
    actor: Actor,
    new: NewCustomer,
    contact: NewContact | None = None,
    same_name: bool = False,
    request_key: RequestKey | None = None,
) -> Customer:
    actor.require(Permission.CUSTOMER_EDIT)
    with uow:
        if (earlier := uow.replayed(Customer, actor=actor, request_key=request_key)) is not None:
            return earlier
        row = add_customer(uow, actor, new, same_name=same_name)
        if contact is not None:
            add_contact(uow, actor, row.id, contact)
            uow.session.expire(row, ["contacts"])
        uow.remember(row)
        uow.commit()
    return row


def change_customer(
    uow: UnitOfWork, *, actor: Actor, customer_id: int, version: int, **changes: str | bool | None
) -> Customer:
    """Change name, name_en, address, credit_code or active."""
    actor.require(Permission.CUSTOMER_EDIT)
    with uow:
        row = uow.get(Customer, customer_id, version=version)
        for name in changes.keys() & {"name", "name_en", "address", "credit_code", "active"}:
            value = changes[name]
            setattr(
                row,
                name,
                value.strip() or (None if name == "credit_code" else "") if isinstance(value, str) else value,
            )
        row.name_key = name_key(row.name)
        if not row.name:
            text = _("The customer has no name.")
            raise InvalidInput(text, code="name_missing", fields={"name": [text]})
        if row.credit_code is not None:
            row.credit_code = row.credit_code.upper()
            taken = select(Customer.id).where(Customer.credit_code == row.credit_code, Customer.id != row.id)
            with uow.session.no_autoflush:
                known = uow.session.scalar(taken.limit(1))
            if known is not None:
                text = _("Another customer has this credit code.")
                raise Conflict(text, code="credit_code_known", fields={"credit_code": [text]})
        renamed = inspect(row).attrs.name.history.has_changes()
        uow.audit("customer.change", actor, row)
        if renamed:  # samples are found by their customer's name
            uow.flush()
            theirs = select(Sample.id).where(Sample.customer_id == row.id)
            index_samples(uow, uow.session.scalars(theirs).all())
        uow.commit()
    return row


def create_contact(
    uow: UnitOfWork, *, actor: Actor, customer_id: int, new: NewContact, request_key: RequestKey | None = None
) -> Contact:
    actor.require(Permission.CUSTOMER_EDIT)
    with uow:
        if (earlier := uow.replayed(Contact, actor=actor, request_key=request_key)) is not None:
            return earlier
        customer = uow.get(Customer, customer_id)
        row = add_contact(uow, actor, customer.id, new)
        uow.audit("customer.contact", actor, customer, after={"contact_id": row.id})
        uow.remember(row)
        uow.commit()
    return row


def change_contact(
    uow: UnitOfWork, *, actor: Actor, customer_id: int, contact_id: int, version: int, new: NewContact
) -> Contact:
    actor.require(Permission.CUSTOMER_EDIT)
    with uow:
        row = uow.get(Contact, contact_id, version=version)
        if row.customer_id != customer_id:
            raise NotFound(_("This contact does not belong to the customer."))
        row.name, row.phone, row.email = " ".join(new.name.split()), new.phone.strip(), new.email.strip()
        if not row.name:
            text = _("The contact has no name.")
            raise InvalidInput(text, code="name_missing", fields={"name": [text]})
        uow.audit("contact.change", actor, row)
        uow.commit()
    return row


def link_account(uow: UnitOfWork, *, actor: Actor, account_id: int, customer_id: int) -> CustomerAccount:
    """Let a customer's account see this customer's orders, and no other's."""
    actor.require(Permission.LINK_MANAGE)
    with uow:
        if uow.session.get(Account, account_id) is None:
            raise NotFound(_("There is no such account."))
        customer = uow.get(Customer, customer_id)
        roles = uow.session.scalars(
            select(AccountRole.role).where(AccountRole.account_id == account_id)
        ).all()
        if set(roles) != {Role.CUSTOMER}:
            raise Conflict(
                _("Only an account with the customer's role alone can be linked."),
                code="not_a_customer_account",
            )
        row = uow.session.get(CustomerAccount, account_id)
        before = {"customer_id": row.customer_id} if row else {}
        if row is None:
            row = CustomerAccount(account_id=account_id, customer_id=customer.id)
            uow.session.add(row)
        row.customer_id = customer.id
        uow.audit(
            "customer.link_account",
            actor,
            ("customer_account", account_id),
            before=before,
            after={"customer_id": customer.id},
        )
        uow.commit()
    return row


def unlink_account(uow: UnitOfWork, *, actor: Actor, customer_id: int, account_id: int) -> None:
    """From now on this account sees nobody's orders."""
    actor.require(Permission.LINK_MANAGE)
    with uow:
        row = uow.session.get(CustomerAccount, account_id)
        if row is None or row.customer_id != customer_id:
            raise NotFound(_("This account is not linked to the customer."))
        uow.session.delete(row)
        uow.audit(
            "customer.unlink_account",
            actor,
            ("customer_account", account_id),
            before={"customer_id": customer_id},
        )
        uow.commit()


def accounts_of_customer(session: Session, customer_id: int) -> Sequence[Any]:
    """Accounts that see this customer's orders: id, username, names, retired_at."""
    return session.execute(
        select(Account.id, Account.username, Account.name_zh, Account.name_en, Account.retired_at)
        .join(CustomerAccount, CustomerAccount.account_id == Account.id)
        .where(CustomerAccount.customer_id == customer_id)
        .order_by(Account.username)
        .limit(200)
    ).all()


def free_accounts(session: Session) -> Sequence[Any]:
    """Accounts of customers that are linked to nobody yet, newest first."""
    linked = select(CustomerAccount.account_id)
    return session.execute(
        select(Account.id, Account.username, Account.name_zh, Account.name_en)
        .join(AccountRole, AccountRole.account_id == Account.id)
        .where(AccountRole.role == Role.CUSTOMER, Account.retired_at.is_(None), Account.id.not_in(linked))
        .order_by(Account.id.desc())
        .limit(200)
    ).all()


def customer_of(session: Session, account_id: int) -> int | None:
    """The customer whose orders this account sees."""
    return session.scalar(select(CustomerAccount.customer_id).where(CustomerAccount.account_id == account_id))


def get_customer(session: Session, actor: Actor, customer_id: int) -> Customer:
    """Raises NotFound, for a customer also where it is another one."""
    row = session.get(Customer, customer_id)
    if row is None or actor.customer_id not in (None, row.id):
        raise NotFound(_("There is no such customer."))
    return row


def customers_statement(actor: Actor) -> Select[Any]:
    """Customers that this actor may see, one row each, with the number of their open orders."""
    open_orders = (
        select(func.count(Order.id))
        .where(
            Order.customer_id == Customer.id, Order.state.in_((OrderState.REGISTERED, OrderState.ACCEPTED))
        )
        .scalar_subquery()
    )
    statement = select(
        *(Customer.id, Customer.code, Customer.name, Customer.name_en, Customer.address, Customer.active),
        *(Customer.credit_code, Customer.version),
        open_orders.label("open_orders"),
    )
    if actor.customer_id is not None:
        statement = statement.where(Customer.id == actor.customer_id)
    return statement


def named_like(statement: Select[Any], words: str) -> Select[Any]:
    """Part of name or English name, case, width and blanks apart; or the beginning of the code."""
    part = words.strip()
    return statement.where(
        or_(
            Customer.name_key.contains(name_key(part), autoescape=True),
            Customer.name_en.icontains(part, autoescape=True),
            Customer.code.istartswith(part, autoescape=True),
        )
    )


def list_customers(
    session: Session,
    actor: Actor,
    *,
    words: str = "",
    active: bool | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Any]:
    """Customers by number, newest first; ``words``: part of name, English name or code."""
    statement = customers_statement(actor)
    if words.strip():
        statement = named_like(statement, words)
    if active is not None:
        statement = statement.where(Customer.active.is_(active))
    return read_page(
        session, statement, [Key(Customer.__table__.c.id, descending=True)], cursor=cursor, size=size
    )


def matching_customers(session: Session, actor: Actor, words: str, *, size: int = 8) -> Sequence[Any]:
    """Active customers that ``words`` may mean, for picking one: exact names and codes first."""
    if not words.strip():
        return ()
    statement = named_like(customers_statement(actor), words).where(Customer.active.is_(True))
    exact = case(
        (or_(Customer.name_key == name_key(words), Customer.code == words.strip()), 0),
        (Customer.name_key.startswith(name_key(words), autoescape=True), 1),
        else_=2,
    )
    return session.execute(statement.order_by(exact, Customer.name_key).limit(size)).all()
