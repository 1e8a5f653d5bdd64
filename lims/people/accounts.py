"""Accounts and what they may do: made, changed, reset and retired; never deleted, never reused."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import select, update

from lims.core.errors import Conflict, InvalidInput
from lims.core.permissions import Actor, Permission, Role
from lims.core.uow import RequestKey, UnitOfWork
from lims.people.codes import code_hash, new_code
from lims.people.models import Account, AccountRole, ApiToken, OneTimeCode, Section
from lims.people.sessions import end_sessions_of
from lims.people.tries import folded_name

CODE_LIFE = timedelta(days=7)
USERNAME = re.compile(r"[\w][\w.@\-]{1,59}")


@dataclass(frozen=True, slots=True)
class Invited:
    """An account and the one-time code its person signs in with; the code is shown once."""

    account: Account
    code: str


def create_account(
    uow: UnitOfWork,
    *,
    actor: Actor,
    username: str,
    name_zh: str,
    name_en: str = "",
    email: str | None = None,
    phone: str | None = None,
    section_id: int | None = None,
    roles: Collection[Role],
    request_key: RequestKey | None = None,
) -> Invited:
    """A new person. Raises InvalidInput, Conflict (``username_taken``).

    The same request again gives the same account, with a new code while nobody has used the first.
    """
    actor.require(Permission.ACCOUNT_EDIT)
    name = checked_username(username)
    check_roles(roles)
    with uow:
        if (made := uow.replayed(Account, actor=actor, request_key=request_key)) is not None:
            return _invite_again(uow, actor, made)
        if uow.session.execute(select(Account.id).where(Account.username == name)).first():
            fault = _("This user name is or was somebody's; names are never reused.")
            raise Conflict(fault, code="username_taken", fields={"username": [fault]})
        _check_section(uow, section_id)
        account = Account(
            username=name,
            name_zh=name_zh,
            name_en=name_en or name_zh,
            email=email or None,
            phone=phone or None,
            section_id=section_id,
            created_at=uow.now,
        )
        account.roles = [
            AccountRole(role=r, granted_by=actor.id, granted_at=uow.now) for r in sorted(set(roles))
        ]
        uow.add(account)
        uow.audit("account.create", actor, account)
        uow.audit("account.set_roles", actor, ("account", account.id), after={"roles": sorted(set(roles))})
        code = _give_code(uow, account)
        uow.remember(account)
        uow.commit()
    return Invited(account, code)


def _invite_again(uow: UnitOfWork, actor: Actor, account: Account) -> Invited:
    if account.password_hash is not None or account.retired_at is not None:
        raise Conflict(_("This account was made already, and its code was used."), code="already_made")
    code = _give_code(uow, account)
    uow.audit("account.invite", actor, ("account", account.id), reason="asked again")
    uow.commit()
    return Invited(account, code)


def checked_username(username: str) -> str:
    name = folded_name(username)
    if not USERNAME.fullmatch(name):
        fault = _("A user name has 2 to 60 letters, figures, dots, hyphens or @.")
        raise InvalidInput(fault, fields={"username": [fault]})
    return name


def check_roles(roles: Collection[Role]) -> None:
    """Raises InvalidInput (``customer_alone``): a customer's account must never see the staff's pages."""
    if Role.CUSTOMER in roles and len(set(roles)) > 1:
        fault = _("A customer's account has no other role.")
        raise InvalidInput(fault, code="customer_alone", fields={"roles": [fault]})


def _check_section(uow: UnitOfWork, section_id: int | None) -> None:
    if section_id is not None and uow.session.get(Section, section_id) is None:
        fault = _("There is no such section.")
        raise InvalidInput(fault, fields={"section_id": [fault]})


def _give_code(uow: UnitOfWork, account: Account) -> str:
    """Void the open codes of this account, and make a new one."""
    uow.session.execute(
        update(OneTimeCode)
        .where(OneTimeCode.account_id == account.id, OneTimeCode.used_at.is_(None))
        .values(used_at=uow.now)
        .execution_options(synchronize_session=False)
    )
    code = new_code()
    uow.add(
        OneTimeCode(
            account_id=account.id,
            code_hash=code_hash(code),
            created_at=uow.now,
            expires_at=uow.now + CODE_LIFE,
        )
    )
    return code


def edit_account(
    uow: UnitOfWork,
    *,
    actor: Actor,
    account_id: int,
    version: int,
    name_zh: str,
    name_en: str = "",
    email: str | None = None,
    phone: str | None = None,
    section_id: int | None = None,
) -> Account:
    actor.require(Permission.ACCOUNT_EDIT)
    with uow:
        account = uow.get(Account, account_id, version=version)
        _check_section(uow, section_id)
        account.name_zh, account.name_en = name_zh, name_en or name_zh
        account.email, account.phone = email or None, phone or None
        account.section_id = section_id
        uow.audit("account.edit", actor, account)
        uow.commit()
        uow.session.refresh(account)
    return account


def set_roles(
    uow: UnitOfWork,
    *,
    actor: Actor,
    account_id: int,
    version: int,
    roles: Collection[Role],
    reason: str,
) -> Account:
    """Give and take roles; whoever is signed in with the account must sign in again.

    Nobody changes their own (code ``same_person``).
    """
    actor.require(Permission.ACCOUNT_EDIT)
    check_roles(roles)
    with uow:
        account = uow.get(Account, account_id, version=version)
        _other_person(actor, account)
        _not_retired(account)
        before, wanted = {r.role for r in account.roles}, set(roles)
        if Role.CUSTOMER in before ^ wanted and before:
            fault = _("A customer's account stays one: make another account.")
            raise InvalidInput(fault, code="customer_alone", fields={"roles": [fault]})
        if before == wanted:
            return account
        kept = [r for r in account.roles if r.role in wanted]
        new = [AccountRole(role=r, granted_by=actor.id, granted_at=uow.now) for r in sorted(wanted - before)]
        account.roles = kept + new
        # The version guards roles too.
        account.roles_changed_at = uow.now
        uow.audit(
            "account.set_roles",
            actor,
            ("account", account.id),
            before={"roles": sorted(before)},
            after={"roles": sorted(wanted)},
            reason=reason,
        )
        end_sessions_of(uow, account.id, "roles changed")
        uow.commit()
    return account


def reset_account(uow: UnitOfWork, *, actor: Actor, account_id: int, reason: str) -> Invited:
    """Password or phone lost: both are void, and a new one-time code is given to the person by hand.

    Sign-ins and tokens end: nobody knows who else holds them.
    """
    actor.require(Permission.ACCOUNT_EDIT)
    with uow:
        account = uow.get(Account, account_id)
        _other_person(actor, account)
        _not_retired(account)
        account.password_hash = account.totp_secret = None
        account.totp_confirmed_at = account.totp_last_step = None
        end_sessions_of(uow, account.id, "reset")
        _revoke_tokens(uow, account)
        code = _give_code(uow, account)
        uow.audit("account.reset", actor, ("account", account.id), reason=reason)
        uow.commit()
    return Invited(account, code)


def retire_account(uow: UnitOfWork, *, actor: Actor, account_id: int, reason: str) -> Account:
    """The person left: nobody signs in with it again; what they did keeps their name."""
    actor.require(Permission.ACCOUNT_EDIT)
    with uow:
        account = uow.get(Account, account_id)
        _other_person(actor, account)
        _not_retired(account)
        account.retired_at = uow.now
        account.password_hash = account.totp_secret = account.totp_confirmed_at = None
        uow.audit("account.retire", actor, account, reason=reason)
        end_sessions_of(uow, account.id, "retired")
        _revoke_tokens(uow, account)
        uow.commit()
    return account


def end_sign_ins(uow: UnitOfWork, *, actor: Actor, account_id: int, reason: str) -> Account:
    """Somebody left a browser open, or a phone was stolen: every sign-in and token of the account ends now."""
    actor.require(Permission.ACCOUNT_EDIT)
    with uow:
        account = uow.get(Account, account_id)
        end_sessions_of(uow, account.id, "ended by an administrator")
        _revoke_tokens(uow, account)
        uow.audit("account.end_sign_ins", actor, ("account", account.id), reason=reason)
        uow.commit()
    return account


def _revoke_tokens(uow: UnitOfWork, account: Account) -> None:
    uow.session.execute(
        update(ApiToken)
        .where(ApiToken.account_id == account.id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=uow.now)
        .execution_options(synchronize_session=False)
    )


def _other_person(actor: Actor, account: Account) -> None:
    if actor.id == account.id:
        raise Conflict(_("Another administrator must do this: it is your own account."), code="same_person")


def _not_retired(account: Account) -> None:
    if account.retired_at is not None:
        raise Conflict(_("This account is retired."), code="account_retired")
