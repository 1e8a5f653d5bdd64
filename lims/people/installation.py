"""The first day of an installation, and the accounts of a demonstration."""

from collections.abc import Collection

from flask_babel import gettext as _
from sqlalchemy import select

from lims.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from lims.core.permissions import SYSTEM, Actor, Role
from lims.core.uow import UnitOfWork
from lims.people.accounts import Invited, create_account, reset_account
from lims.people.models import Account, Section
from lims.people.passwords import hash_password
from lims.people.second_factor import current_code
from lims.people.sections import FIRST_SECTIONS, list_sections, save_section
from lims.people.sign_in import find_account
from lims.people.tries import folded_name
from lims.people.vault import seal


def start_installation(uow: UnitOfWork, *, actor: Actor = SYSTEM, username: str, name: str) -> Invited:
    """The first administrator, and sections if there are none. Raises Conflict when anybody has an account."""
    if uow.session.execute(select(Account.id).limit(1)).first():
        raise Conflict(_("This installation has accounts already."), code="already_started")
    if not list_sections(uow.session):
        for code, name_zh, name_en in FIRST_SECTIONS:
            save_section(uow, actor=actor, code=code, name_zh=name_zh, name_en=name_en)
    return create_account(uow, actor=actor, username=username, name_zh=name, roles=[Role.ADMINISTRATOR])


def reset_named(uow: UnitOfWork, *, actor: Actor = SYSTEM, username: str, reason: str) -> Invited:
    """``reset_account`` for whoever keeps the server. Raises NotFound, InvalidInput."""
    account = find_account(uow, folded_name(username))
    if account is None:
        raise NotFound(_("This does not exist (any more)."))
    if not reason.strip():
        raise InvalidInput(_("Say why."), fields={"reason": [_("Say why.")]})
    return reset_account(uow, actor=actor, account_id=account.id, reason=reason.strip()[:500])


def seed_account(
    uow: UnitOfWork,
    *,
    actor: Actor = SYSTEM,
    username: str,
    name_zh: str,
    name_en: str,
    roles: Collection[Role],
    password: str,
    totp_secret: str | None = None,
    section: str | None = None,
) -> Account:
    """A ready account of a demonstration, known password and all. Only the system may make one.

    ``totp_secret``: base32; a customer may do without. ``section``: its code.
    """
    if actor.kind != "system":
        raise PermissionDenied(_("Only the seed command may do this."))
    row = uow.session.execute(select(Section).where(Section.code == section)).scalar_one_or_none()
    if section is not None and row is None:
        raise InvalidInput(_("There is no such section."), fields={"section": []})
    section_id = row.id if row else None
    invited = create_account(
        uow,
        actor=actor,
        username=username,
        name_zh=name_zh,
        name_en=name_en,
        section_id=section_id,
        roles=roles,
    )
    hashed = hash_password(password)
    with uow:
        account = uow.get(Account, invited.account.id)
        account.password_hash, account.password_changed_at = hashed, uow.now
        if totp_secret is not None:
            account.totp_secret, account.totp_confirmed_at = seal(totp_secret), uow.now
        uow.audit("account.seed", actor, account)
        uow.commit()
    return account


def demo_code(uow: UnitOfWork, username: str) -> str:
    """The code that a demonstration account's authenticator would show now. Raises NotFound."""
    account = find_account(uow, folded_name(username))
    if account is None or account.totp_secret is None:
        raise NotFound(_("No such account with a second factor."))
    return current_code(account, uow.now)
