"""An administrator, another, and a browser of the first."""

import pytest

from lims.core.permissions import Role
from tests.support.accounts import actor_of, make_account, sign_in


@pytest.fixture
def admin(uow):
    return make_account(uow, Role.ADMINISTRATOR, username="admin", name_zh="刘管理", name_en="Liu Guanli")


@pytest.fixture
def boss(admin):
    """The administrator as an actor."""
    return actor_of(admin)


@pytest.fixture
def browser(client, admin):
    """Signed in as the administrator, speaking English."""
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return sign_in(client, admin)
