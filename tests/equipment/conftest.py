"""People and devices for this room's tests."""

import pytest

from lims.core.permissions import Role
from tests.equipment.register_makers import Store
from tests.support.accounts import actor_of, make_account, sign_in


@pytest.fixture
def manager_account(uow):
    return make_account(uow, Role.EQUIPMENT_MANAGER, name_zh="冯涛", name_en="Feng Tao")


@pytest.fixture
def store(uow, manager_account):
    """Two classes, balance and oven; devices on demand."""
    made = Store(uow, actor_of(manager_account))
    made.classes()
    return made


@pytest.fixture
def browser(app, manager_account):
    """A browser of the equipment manager."""
    return sign_in(app.test_client(), manager_account)


@pytest.fixture
def reader(app, uow):
    """A browser of somebody who may read the register only."""
    return sign_in(app.test_client(), make_account(uow, Role.ANALYST))
