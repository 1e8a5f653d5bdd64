"""T04: nobody gives himself rights; rights taken away are gone at once."""

import pytest

from lims.core.errors import Conflict
from lims.core.permissions import Permission, Role
from lims.people.accounts import end_sign_ins, reset_account, retire_account, set_roles
from tests.support.accounts import actor_of, make_account, sign_in


@pytest.fixture
def admin(uow):
    return make_account(uow, Role.ADMINISTRATOR)


@pytest.mark.parametrize("step", ["roles", "reset", "retire"])
def test_an_administrator_cannot_change_the_own_account(uow, admin, step):
    boss = actor_of(admin)
    steps = {
        "roles": lambda: set_roles(
            uow, actor=boss, account_id=admin.id, version=admin.version, roles=list(Role)[:3], reason="x"
        ),
        "reset": lambda: reset_account(uow, actor=boss, account_id=admin.id, reason="x"),
        "retire": lambda: retire_account(uow, actor=boss, account_id=admin.id, reason="x"),
    }
    with pytest.raises(Conflict) as refusal:
        steps[step]()
    assert refusal.value.code == "same_person"


def test_the_administrator_decides_nothing_about_samples_results_or_certificates(uow, admin):
    held = actor_of(admin).permissions
    work = {p for p in Permission if p.value.split(".")[0] in {"order", "sample", "result", "certificate"}}
    assert held & work == set()


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.ADMINISTRATOR])
def test_no_other_role_edits_accounts(role, client, uow):
    browser = sign_in(client, make_account(uow, role))
    person = make_account(uow, Role.ANALYST)
    for step in ("edit", "roles", "reset", "retire", "end-sign-ins"):
        assert browser.post(f"/people/{person.id}/{step}", data={"reason": "x"}).status_code == 403
        assert browser.post(f"/api/accounts/{person.id}/{step}", json={"reason": "x"}).status_code in {
            403,
            404,
            405,
        }


@pytest.mark.parametrize("step", ["roles", "reset", "retire", "end"])
def test_what_was_open_ends_when_rights_change(app, uow, admin, step):
    person = make_account(uow, Role.ANALYST)
    browser = sign_in(app.test_client(), person)
    assert browser.get("/api/me").status_code == 200
    boss = actor_of(admin)
    if step == "roles":
        set_roles(
            uow, actor=boss, account_id=person.id, version=person.version, roles=[Role.SAMPLER], reason="x"
        )
    else:
        {"reset": reset_account, "retire": retire_account, "end": end_sign_ins}[step](
            uow, actor=boss, account_id=person.id, reason="x"
        )
    assert browser.get("/api/me").status_code == 401
