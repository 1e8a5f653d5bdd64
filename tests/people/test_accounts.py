"""Accounts are made, changed, reset and retired; never deleted, never reused."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from lims.core.audit import AuditEvent
from lims.core.errors import Conflict, InvalidInput, PermissionDenied, StaleVersion
from lims.core.permissions import Role
from lims.core.uow import RequestKey
from lims.people.accounts import (
    CODE_LIFE,
    create_account,
    edit_account,
    end_sign_ins,
    reset_account,
    retire_account,
    set_roles,
)
from lims.people.actors import actor_of_account
from lims.people.directory import access_of, get_account
from lims.people.models import ApiToken, UserSession
from lims.people.sessions import open_session
from lims.people.sign_in import Next, Visitor, give_one_time_code, give_password
from lims.people.states import AccountState
from lims.people.tokens import create_token
from tests.support.accounts import PASSWORD, actor_of, make_account

HERE = Visitor("10.0.0.7", "test")
NEW_PASSWORD = "nine green pipettes"


def invite(uow, boss, username="wang", roles=(Role.ANALYST,), **more):
    return create_account(uow, actor=boss, username=username, name_zh="王芳", roles=roles, **more)


def verbs_of(session, account_id):
    found = select(AuditEvent.verb).where(
        AuditEvent.object_type == "account", AuditEvent.object_id == str(account_id)
    )
    return list(session.scalars(found.order_by(AuditEvent.seq)))


def open_browser(uow, account):
    with uow:
        made = open_session(
            uow, account_id=account.id, ip="10.0.0.7", agent="test", complete=True, second_factor=True
        )
        uow.commit()
    return made


def test_a_new_person_sets_the_password_with_the_code_from_paper(uow, boss):
    made = invite(uow, boss)
    assert give_password_fails(uow, "wang")
    entered = give_one_time_code(
        uow, username="Wang", code=made.code.lower(), new_password=NEW_PASSWORD, visitor=HERE
    )
    assert entered.next is Next.ENROL
    again = give_password(uow, username="wang", password=NEW_PASSWORD, visitor=HERE)
    assert again.next is Next.ENROL
    assert verbs_of(uow.session, made.account.id)[:2] == ["account.create", "account.set_roles"]


def give_password_fails(uow, username, password=NEW_PASSWORD):
    with pytest.raises(InvalidInput) as refusal:
        give_password(uow, username=username, password=password, visitor=HERE)
    return refusal.value.code == "sign_in_refused"


def test_a_code_works_once(uow, boss):
    made = invite(uow, boss)
    give_one_time_code(uow, username="wang", code=made.code, new_password=NEW_PASSWORD, visitor=HERE)
    with pytest.raises(InvalidInput) as refusal:
        give_one_time_code(
            uow, username="wang", code=made.code, new_password="ten blue funnels", visitor=HERE
        )
    assert refusal.value.code == "sign_in_refused"


def test_a_code_ends_after_seven_days(uow, boss, clock):
    made = invite(uow, boss)
    clock.advance(CODE_LIFE)
    with pytest.raises(InvalidInput):
        give_one_time_code(uow, username="wang", code=made.code, new_password=NEW_PASSWORD, visitor=HERE)


def test_a_weak_password_does_not_use_up_the_code(uow, boss):
    made = invite(uow, boss)
    with pytest.raises(InvalidInput) as refusal:
        give_one_time_code(uow, username="wang", code=made.code, new_password="short", visitor=HERE)
    assert refusal.value.code == "weak_password"
    give_one_time_code(uow, username="wang", code=made.code, new_password=NEW_PASSWORD, visitor=HERE)


def test_the_same_request_again_makes_one_account_and_a_code_that_works(uow, boss):
    key = RequestKey("k1", "f" * 64)
    first = invite(uow, boss, request_key=key)
    second = invite(uow, boss, request_key=key)
    assert second.account.id == first.account.id
    assert second.code != first.code
    give_one_time_code(uow, username="wang", code=second.code, new_password=NEW_PASSWORD, visitor=HERE)
    with pytest.raises(Conflict) as refusal:
        invite(uow, boss, request_key=key)
    assert refusal.value.code == "already_made"


def test_a_user_name_is_never_somebody_elses_again(uow, boss):
    gone = invite(uow, boss).account
    retire_account(uow, actor=boss, account_id=gone.id, reason="left")
    with pytest.raises(Conflict) as refusal:
        invite(uow, boss, username="WANG ")
    assert refusal.value.code == "username_taken"


@pytest.mark.parametrize("username", ["a", "with blank", "half;colon", "", "x" * 61 + " "])
def test_a_user_name_is_checked(uow, boss, username):
    if len(username.strip()) > 60:
        assert invite(uow, boss, username=username).account.username == "x" * 60
        return
    with pytest.raises(InvalidInput) as refusal:
        invite(uow, boss, username=username)
    assert "username" in refusal.value.fields


def test_a_customers_account_has_no_other_role(uow, boss):
    with pytest.raises(InvalidInput) as refusal:
        invite(uow, boss, roles=[Role.CUSTOMER, Role.RECEPTION])
    assert refusal.value.code == "customer_alone"


def test_staff_never_become_customers_nor_the_other_way(uow, boss):
    staff, customer = make_account(uow, Role.ANALYST), make_account(uow, Role.CUSTOMER)
    for account, role in ((staff, Role.CUSTOMER), (customer, Role.ANALYST)):
        with pytest.raises(InvalidInput) as refusal:
            set_roles(
                uow,
                actor=boss,
                account_id=account.id,
                version=account.version,
                roles=[role],
                reason="x",
            )
        assert refusal.value.code == "customer_alone"


def test_roles_are_changed_with_a_reason_and_everything_of_the_old_ones_ends(uow, boss):
    account = make_account(uow, Role.ANALYST)
    open_browser(uow, account)
    set_roles(
        uow,
        actor=boss,
        account_id=account.id,
        version=account.version,
        roles=[Role.ANALYST, Role.REVIEWER],
        reason="the second reviewer is ill",
    )
    event = uow.session.scalars(select(AuditEvent).order_by(AuditEvent.seq.desc())).first()
    assert (event.verb, event.reason) == ("account.set_roles", "the second reviewer is ill")
    assert event.before == '{"roles":["analyst"]}'
    assert event.after == '{"roles":["analyst","reviewer"]}'
    ended = uow.session.scalars(select(UserSession).where(UserSession.account_id == account.id)).one()
    assert ended.revoked_why == "roles changed"
    assert actor_of_account(uow.session, account.id).roles == {Role.ANALYST, Role.REVIEWER}


def test_a_stale_change_of_roles_is_refused(uow, boss):
    account = make_account(uow, Role.ANALYST)
    seen = account.version
    edit_account(uow, actor=boss, account_id=account.id, version=seen, name_zh="别名")
    with pytest.raises(StaleVersion):
        set_roles(uow, actor=boss, account_id=account.id, version=seen, roles=[], reason="x")


def test_who_may_not_edit_accounts_changes_none(uow, boss):
    account = make_account(uow, Role.ANALYST)
    head = actor_of(make_account(uow, Role.SECTION_HEAD))
    with pytest.raises(PermissionDenied):
        retire_account(uow, actor=head, account_id=account.id, reason="x")
    with pytest.raises(PermissionDenied):
        get_account(uow.session, actor=head, account_id=account.id)


def test_a_reset_ends_password_factor_sign_ins_and_tokens(uow, boss):
    account = make_account(uow, Role.ANALYST, username="wang")
    made = open_browser(uow, account)
    owner = actor_of(account)
    create_token(
        uow,
        actor=signed(owner, made.session_id),
        name="export",
        scopes=[next(iter(owner.permissions))],
        days=9,
    )
    given = reset_account(uow, actor=boss, account_id=account.id, reason="phone lost")
    assert give_password_fails(uow, "wang", PASSWORD)
    access = access_of(uow.session, actor=boss, account=given.account, now=uow.now)
    assert (access.state, access.open_sessions, access.tokens) == (AccountState.INVITED, 0, 0)
    assert access.code_expires_at == uow.now + timedelta(days=7)
    entered = give_one_time_code(
        uow, username="wang", code=given.code, new_password=NEW_PASSWORD, visitor=HERE
    )
    assert entered.next is Next.ENROL


def signed(actor, session_id):
    from dataclasses import replace

    return replace(actor, session_id=session_id)


def test_a_second_reset_voids_the_first_code(uow, boss):
    account = make_account(uow, Role.ANALYST, username="wang")
    first = reset_account(uow, actor=boss, account_id=account.id, reason="x")
    reset_account(uow, actor=boss, account_id=account.id, reason="y")
    with pytest.raises(InvalidInput):
        give_one_time_code(uow, username="wang", code=first.code, new_password=NEW_PASSWORD, visitor=HERE)


def test_ending_sign_ins_leaves_password_and_factor(uow, boss):
    account = make_account(uow, Role.ANALYST, username="wang")
    open_browser(uow, account)
    end_sign_ins(uow, actor=boss, account_id=account.id, reason="left a browser open")
    access = access_of(uow.session, actor=boss, account=account, now=uow.now)
    assert (access.state, access.open_sessions) == (AccountState.ACTIVE, 0)
    assert give_password(uow, username="wang", password=PASSWORD, visitor=HERE).next is Next.CODE


def test_who_left_never_comes_back(uow, boss):
    account = make_account(uow, Role.ANALYST, username="wang")
    open_browser(uow, account)
    retire_account(uow, actor=boss, account_id=account.id, reason="left")
    assert give_password_fails(uow, "wang", PASSWORD)
    with pytest.raises(Conflict) as refusal:
        reset_account(uow, actor=boss, account_id=account.id, reason="x")
    assert refusal.value.code == "account_retired"
    with pytest.raises(PermissionDenied):
        actor_of_account(uow.session, account.id)
    assert not uow.session.scalars(
        select(ApiToken).where(ApiToken.account_id == account.id, ApiToken.revoked_at.is_(None))
    ).all()


def test_the_database_itself_keeps_accounts(uow, boss):
    account = make_account(uow, Role.ANALYST)
    with pytest.raises(DatabaseError, match="never"):
        uow.session.execute(text(f"DELETE FROM account WHERE id = {account.id}"))
