"""A person who keeps the catalogue, and browsers."""

import pytest
from flask.testing import FlaskClient

from lims.core.permissions import Role
from lims.core.uow import UnitOfWork
from tests.catalogue.making import Catalogue
from tests.support.accounts import actor_of, make_account, sign_in


@pytest.fixture
def keeper(uow: UnitOfWork):
    return make_account(uow, Role.QUALITY_MANAGER)


@pytest.fixture
def catalogue(uow: UnitOfWork, keeper) -> Catalogue:
    return Catalogue(uow, actor_of(keeper))


@pytest.fixture
def browser(client: FlaskClient, keeper) -> FlaskClient:
    """Signed in as the quality manager; pages in English."""
    sign_in(client, keeper)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


@pytest.fixture
def reader(app, uow) -> FlaskClient:
    """Signed in as an analyst, who reads the catalogue."""
    client = sign_in(app.test_client(), make_account(uow, Role.ANALYST))
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client
