"""A report of a customer who has an account, and one of a customer who must not see it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient

from lims.certificates.models import Certificate
from lims.core.permissions import SYSTEM, Role
from lims.core.printing import renderer
from lims.core.uow import UnitOfWork
from lims.intake.models import Customer, CustomerAccount
from lims.people.models import Account
from tests.support.accounts import allow_posts, make_account, sign_in
from tests.support.reports import House, make_house


@dataclass
class Portal:
    house: House
    report: Certificate
    order: int
    customer: Account
    stranger: Account
    clerk: Account

    @property
    def address(self) -> str:
        return f"/v/{self.report.number}/{self.report.check_code}"


@pytest.fixture
def portal(uow: UnitOfWork, database) -> Portal:
    house = make_house(uow)
    order = house.order("aluminium", "moisture")
    report = house.issued(order, database.app.extensions["lims_settings"].files)
    return Portal(
        house,
        report,
        order,
        customer_account(uow, report.customer_id),
        customer_account(uow, None),
        make_account(uow, Role.RECEPTION),
    )


def customer_account(uow: UnitOfWork, customer_id: int | None) -> Account:
    """An account of this customer (None: of a new one)."""
    account = make_account(uow, Role.CUSTOMER, second_factor=False)
    with uow:
        if customer_id is None:
            customer_id = uow.add(Customer(code=f"KH-{account.id}", name=f"别家 {account.id}")).id
        uow.add(CustomerAccount(account_id=account.id, customer_id=customer_id))
        uow.audit("test.customer", SYSTEM, ("account", account.id))
        uow.commit()
    return account


@pytest.fixture
def client(app) -> FlaskClient:
    """A stranger whose browser loaded a page of ours before it posts."""
    browser = app.test_client()
    allow_posts(browser)
    return browser


@pytest.fixture
def as_customer(app, portal) -> FlaskClient:
    return sign_in(app.test_client(), portal.customer)


@pytest.fixture
def as_stranger(app, portal) -> FlaskClient:
    return sign_in(app.test_client(), portal.stranger)


@pytest.fixture
def as_clerk(app, portal) -> FlaskClient:
    return sign_in(app.test_client(), portal.clerk)


@pytest.fixture(scope="session", autouse=True)
def _typesetter() -> Iterator[None]:
    yield
    renderer().close()
