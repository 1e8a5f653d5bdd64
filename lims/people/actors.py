"""A person as an actor when no request of theirs is under way: what they asked for is finished in their name."""

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.errors import PermissionDenied
from lims.core.permissions import Actor, Role, permissions_of
from lims.people.models import Account, Section


def actor_of_account(session: Session, account_id: int) -> Actor:
    """With the roles of now. Raises PermissionDenied for who left, and for customers (a room above knows them)."""
    account = session.scalar(
        select(Account).where(Account.id == account_id).execution_options(populate_existing=True)
    )
    roles = frozenset(row.role for row in account.roles) if account else frozenset()
    if account is None or account.retired_at is not None or Role.CUSTOMER in roles:
        raise PermissionDenied(_("This account may not act any more."))
    section = session.get(Section, account.section_id) if account.section_id is not None else None
    return Actor(
        id=account.id,
        name=account.name_zh,
        permissions=permissions_of(roles),
        roles=roles,
        section=section.code if section else None,
        section_id=account.section_id,
    )
