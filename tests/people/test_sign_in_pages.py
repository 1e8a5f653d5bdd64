"""Signing in through the pages."""

import re

from lims.core.permissions import Role
from tests.support.accounts import PASSWORD, code_now, make_account, sign_in


def give(client, path, **fields):
    page = client.get(path)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]
    return client.post(path, data={"csrf_token": token, **fields})


def test_staff_sign_in_with_password_and_second_factor(client, uow):
    account = make_account(uow, Role.ANALYST)
    first = give(client, "/sign-in", username=account.username, password=PASSWORD)
    assert (first.status_code, first.location) == (302, "/sign-in/code?next=/")
    assert client.get("/sign-in/code").status_code == 200
    second = give(client, "/sign-in/code", code=code_now(uow))
    assert (second.status_code, second.location) == (302, "/")


def test_helper_signs_in(client, uow):
    sign_in(client, make_account(uow, Role.ANALYST))
    assert client.post("/sign-out").status_code == 302
