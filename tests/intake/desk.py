"""The front desk in a browser: what tests of intake's pages and JSON share."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from lims.core.permissions import Role
from lims.core.uow import UnitOfWork
from tests.intake.makers import House
from tests.support.accounts import make_account, sign_in

NEXT = re.compile(r'name="request_key" value="([^"]+)"')


def desk(app: Flask, uow: UnitOfWork, *roles: Role) -> FlaskClient:
    """A browser in which somebody with these roles is signed in; in English, so that sentences can be compared."""
    browser = sign_in(app.test_client(), make_account(uow, *(roles or (Role.RECEPTION,))))
    browser.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def order_form(house: House, *lines: dict[str, str], **fields: object) -> dict[str, object]:
    """What the page of a new order sends: customer, kind of business and package of the house."""
    form: dict[str, object] = {
        "request_key": "one",
        "customer_id": str(house.customer),
        "customer": "好味糕点厂",
        "contact_id": str(house.contact),
        "business_type_id": str(house.commissioned),
        "asks": [f"p{house.package}"],
        "report_language": "zh",
        "judge": "true",
    }
    for n, line in enumerate(lines or ({"name": "绿豆糕", "batch": "B1"},)):
        form.update({f"samples-{n}-{column}": text for column, text in line.items()})
    form.update(fields)
    return {name: value for name, value in form.items() if value is not None}


def order_json(house: House, **fields: object) -> dict[str, object]:
    """One sample and three tests as a program sends them."""
    return {
        "customer_id": house.customer,
        "contact_id": house.contact,
        "business_type_id": house.commissioned,
        "packages": [house.package],
        "samples": [{"name": "绿豆糕", "batch": "B1"}],
        **fields,
    }


@contextmanager
def counted(app: Flask) -> Iterator[Sequence[str]]:
    """The statements that the application sends while this is open."""
    from lims.core.database import db

    sent: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        sent.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
