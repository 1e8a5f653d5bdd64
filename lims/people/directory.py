"""Who has an account: lists, one account, what its person has open."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, String, case, cast, exists, func, or_, select
from sqlalchemy.orm import Session

from lims.core.errors import NotFound
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Actor, Permission, Role
from lims.people.models import Account, AccountRole, ApiToken, OneTimeCode, Section, UserSession
from lims.people.second_factor import recovery_codes_left
from lims.people.sessions import IDLE
from lims.people.states import AccountState

RETIRED_LAST = case((Account.retired_at.is_(None), 0), else_=1)
ORDER = (Key(RETIRED_LAST), Key(Account.username))


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One line of the API's list."""

    id: int
    username: str
    name_zh: str
    name_en: str
    section_zh: str | None
    section_en: str | None
    roles: Sequence[Role]
    second_factor: bool
    retired: bool


@dataclass(frozen=True, slots=True)
class Access:
    """How an account can be entered now. ``code_expires_at``: of an unused one-time code."""

    state: AccountState
    last_seen_at: datetime | None
    open_sessions: int
    tokens: int
    recovery_codes: int
    code_expires_at: datetime | None


def get_account(session: Session, *, actor: Actor, account_id: int) -> Account:
    actor.require(Permission.ACCOUNT_READ)
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound(_("This does not exist (any more)."))
    return account


def accounts_by_id(session: Session, ids: Collection[int | None]) -> dict[int, Account]:
    """Of people whose names stand beside what they did. One query; None is nobody."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    found = session.scalars(select(Account).where(Account.id.in_(wanted)))
    return {account.id: account for account in found.unique()}


def access_of(session: Session, *, actor: Actor, account: Account, now: datetime) -> Access:
    actor.require(Permission.ACCOUNT_READ)
    mine = UserSession.account_id == account.id, UserSession.complete.is_(True)
    is_open = UserSession.revoked_at.is_(None), UserSession.expires_at > now
    seen = select(func.max(UserSession.last_seen_at)).where(*mine)
    sessions = select(func.count()).where(*mine, *is_open, UserSession.last_seen_at > now - IDLE)
    tokens = select(func.count()).where(
        ApiToken.account_id == account.id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > now
    )
    code = select(func.max(OneTimeCode.expires_at)).where(
        OneTimeCode.account_id == account.id, OneTimeCode.used_at.is_(None), OneTimeCode.expires_at > now
    )
    row = session.execute(select(*(q.scalar_subquery() for q in (seen, sessions, tokens, code)))).one()
    return Access(state_of(account), row[0], row[1], row[2], recovery_codes_left(session, account.id), row[3])


def state_of(account: Account) -> AccountState:
    if account.retired_at is not None:
        return AccountState.RETIRED
    return AccountState.INVITED if account.password_hash is None else AccountState.ACTIVE


# -- lists ---------------------------------------------------------------------------

state_column = case(
    (Account.retired_at.is_not(None), AccountState.RETIRED.value),
    (Account.password_hash.is_(None), AccountState.INVITED.value),
    else_=AccountState.ACTIVE.value,
)


def select_accounts(actor: Actor) -> Select[Any]:
    """For the list of the pages. ``roles``: their values, blank separated."""
    actor.require(Permission.ACCOUNT_READ)
    roles = select(func.aggregate_strings(cast(AccountRole.role, String), " ")).where(
        AccountRole.account_id == Account.id
    )
    seen = select(func.max(UserSession.last_seen_at)).where(
        UserSession.account_id == Account.id, UserSession.complete.is_(True)
    )
    return select(
        Account.id,
        Account.username,
        Account.name_zh,
        Account.name_en,
        Section.name_zh.label("section_zh"),
        Section.name_en.label("section_en"),
        roles.scalar_subquery().label("roles"),
        state_column.label("state"),
        Account.totp_confirmed_at,
        seen.scalar_subquery().label("last_seen_at"),
    ).outerjoin(Section, Section.id == Account.section_id)


def has_words(words: str) -> ColumnElement[bool]:
    columns = (Account.username, Account.name_zh, Account.name_en)
    return or_(*(func.lower(c).contains(words.lower(), autoescape=True) for c in columns))


def has_role(role: Role) -> ColumnElement[bool]:
    return exists().where(AccountRole.account_id == Account.id, AccountRole.role == role)


def is_in_state(state: AccountState) -> ColumnElement[bool]:
    return state_column == state.value


def lacks_second_factor() -> ColumnElement[bool]:
    """Signs in with a password alone: a customer, or somebody who has not come further yet."""
    return Account.totp_confirmed_at.is_(None) & (state_column == AccountState.ACTIVE.value)


def count_roles(session: Session, *, actor: Actor) -> Mapping[Role, int]:
    """How many accounts in use hold each role."""
    actor.require(Permission.ACCOUNT_READ)
    found = (
        select(AccountRole.role, func.count())
        .join(Account, Account.id == AccountRole.account_id)
        .where(Account.retired_at.is_(None))
        .group_by(AccountRole.role)
    )
    return dict(session.execute(found).all())


def list_accounts(
    session: Session,
    *,
    actor: Actor,
    words: str = "",
    role: Role | None = None,
    section_id: int | None = None,
    retired: bool = False,
    cursor: str | None = None,
    size: int = 50,
) -> Page[AccountLine]:
    """By user name, for the API. One query."""
    wanted: list[ColumnElement[bool]] = [
        Account.retired_at.is_not(None) if retired else Account.retired_at.is_(None)
    ]
    if words:
        wanted.append(has_words(words))
    if role is not None:
        wanted.append(has_role(role))
    if section_id is not None:
        wanted.append(Account.section_id == section_id)
    statement = select_accounts(actor).where(*wanted)
    page = read_page(session, statement, [Key(Account.username)], cursor=cursor, size=size)
    return Page([_line(row) for row in page.rows], page.after, page.before)


def _line(row: Any) -> AccountLine:
    return AccountLine(
        id=row.id,
        username=row.username,
        name_zh=row.name_zh,
        name_en=row.name_en,
        section_zh=row.section_zh,
        section_en=row.section_en,
        roles=sorted_roles(row.roles),
        second_factor=row.totp_confirmed_at is not None,
        retired=row.state == AccountState.RETIRED,
    )


def sorted_roles(values: str | None) -> list[Role]:
    """The ``roles`` of a row of ``select_accounts``, in the laboratory's order."""
    order = list(Role)
    return sorted((Role(value) for value in (values or "").split()), key=order.index)
