"""Signing in: password, then second factor. Answers never say which part was wrong."""

from dataclasses import dataclass
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import select, update

from lims.core.errors import InvalidInput, NotSignedIn
from lims.core.permissions import Actor, Role
from lims.core.uow import UnitOfWork
from lims.people.codes import code_hash
from lims.people.models import Account, OneTimeCode
from lims.people.passwords import check_password, hash_password, verify_password
from lims.people.second_factor import (
    burn_code,
    burn_recovery_code,
    prepare_secret,
    renew_recovery_codes,
)
from lims.people.sessions import NewSession, end_session, end_sessions_of, open_session
from lims.people.tries import TryStep, claim_try, folded_name, note_failure, settle


class Next(StrEnum):
    """What must come before this person is signed in."""

    NOTHING = "nothing"
    CODE = "code"
    ENROL = "enrol"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from."""

    ip: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class Entered:
    """A step was right: the browser gets this new session."""

    session: NewSession
    next: Next
    language: str | None


@dataclass(frozen=True, slots=True)
class HalfWay:
    """A sign-in whose password was right and whose second factor is still to come."""

    session_id: int
    account_id: int
    username: str
    next: Next


def refused() -> InvalidInput:
    return InvalidInput(_("User name, password or code is not right."), code="sign_in_refused")


def next_after_password(account: Account) -> Next:
    """Staff always need a second factor; customers when they set one up."""
    if account.totp_confirmed_at is not None:
        return Next.CODE
    only_customer = {row.role for row in account.roles} == {Role.CUSTOMER}
    return Next.NOTHING if only_customer else Next.ENROL


def give_password(uow: UnitOfWork, *, username: str, password: str, visitor: Visitor) -> Entered:
    """Raises InvalidInput (``sign_in_refused``), TooManyRequests."""
    name = folded_name(username)
    attempt = claim_try(uow, username=name, ip=visitor.ip, step=TryStep.PASSWORD)
    account = find_account(uow, name)
    stored = account.password_hash if account and account.retired_at is None else None
    if not verify_password(stored, password):
        note_failure(uow, username=name, account=account, ip=visitor.ip, step=TryStep.PASSWORD)
        raise refused()
    assert account is not None
    with uow:
        account = uow.get(Account, account.id)
        if account.retired_at is not None or account.password_hash != stored:
            raise refused()  # retired or reset a moment ago
        settle(uow, attempt)
        return _enter(uow, account, visitor)


def give_one_time_code(
    uow: UnitOfWork, *, username: str, code: str, new_password: str, visitor: Visitor
) -> Entered:
    """First sign-in, or after a reset: a code on paper lets one person set the password once."""
    name = folded_name(username)
    attempt = claim_try(uow, username=name, ip=visitor.ip, step=TryStep.FIRST)
    account = find_account(uow, name)
    offered = _open_code(uow, account, code)
    if account is None or offered is None:
        note_failure(uow, username=name, account=account, ip=visitor.ip, step=TryStep.FIRST)
        raise refused()
    with uow:  # the code was right: a password that is too weak must not count as a guess
        settle(uow, attempt)
        uow.commit()
    check_password(
        new_password, names=(account.username, account.name_zh, account.name_en), field="new_password"
    )
    hashed = hash_password(new_password)
    with uow:
        account = uow.get(Account, account.id)
        used = uow.get(OneTimeCode, offered)
        if used.used_at is not None or account.retired_at is not None:
            raise refused()
        used.used_at = uow.now
        account.password_hash, account.password_changed_at = hashed, uow.now
        end_sessions_of(uow, account.id, "password set")
        uow.audit("account.set_first_password", person(account, visitor), account)
        return _enter(uow, account, visitor)


def _open_code(uow: UnitOfWork, account: Account | None, code: str) -> int | None:
    if account is None or account.retired_at is not None:
        return None
    found = select(OneTimeCode.id).where(
        OneTimeCode.account_id == account.id,
        OneTimeCode.code_hash == code_hash(code),
        OneTimeCode.used_at.is_(None),
        OneTimeCode.expires_at > uow.now,
    )
    return uow.session.execute(found).scalar_one_or_none()


def _enter(uow: UnitOfWork, account: Account, visitor: Visitor) -> Entered:
    """The password was right: open a session, whole or half, and commit."""
    following = next_after_password(account)
    if following is Next.ENROL:
        prepare_secret(account)
        uow.audit("second_factor.prepare", person(account, visitor), ("account", account.id))
    whole = following is Next.NOTHING
    made = open_session(uow, account_id=account.id, ip=visitor.ip, agent=visitor.agent, complete=whole)
    if whole:
        uow.audit("session.sign_in", person(account, visitor, made), ("account", account.id))
    uow.commit()
    return Entered(made, following, account.language)


def give_second_factor(
    uow: UnitOfWork, *, half: HalfWay, code: str, recovery: bool, visitor: Visitor
) -> Entered:
    """The authenticator's code, or a recovery code. The half session ends, a new one begins."""
    if half.next is not Next.CODE:
        raise NotSignedIn(_("Please sign in."))
    attempt = claim_try(uow, username=half.username, ip=visitor.ip, step=TryStep.CODE)
    with uow:
        account = uow.get(Account, half.account_id)
        if account.retired_at is not None or account.totp_confirmed_at is None:
            raise refused()
        right = burn_recovery_code(uow, account.id, code) if recovery else burn_code(uow, account, code)
        if right:
            settle(uow, attempt)
            made = whole_session(uow, half, visitor)
            after = {"recovery_code": True} if recovery else None
            uow.audit("session.sign_in", person(account, visitor, made), ("account", account.id), after=after)
            uow.commit()
            return Entered(made, Next.NOTHING, account.language)
    note_failure(uow, username=half.username, account=account, ip=visitor.ip, step=TryStep.CODE)
    raise refused()


def whole_session(uow: UnitOfWork, half: HalfWay, visitor: Visitor) -> NewSession:
    """Inside the caller's unit of work."""
    end_session(uow, half.session_id, "second factor given")
    return open_session(
        uow, account_id=half.account_id, ip=visitor.ip, agent=visitor.agent, complete=True, second_factor=True
    )


def confirm_enrolment(
    uow: UnitOfWork, *, half: HalfWay, code: str, visitor: Visitor
) -> tuple[Entered, list[str]]:
    """The first code of a new authenticator: signed in now. Returns the recovery codes, shown once."""
    if half.next is not Next.ENROL:
        raise NotSignedIn(_("Please sign in."))
    attempt = claim_try(uow, username=half.username, ip=visitor.ip, step=TryStep.CODE)
    with uow:
        account = uow.get(Account, half.account_id)
        if account.retired_at is not None or account.totp_confirmed_at is not None:
            raise refused()
        if not burn_code(uow, account, code):
            raise InvalidInput(
                _("The code does not fit. Is the clock of your phone right?"),
                code="wrong_code",
                fields={"code": [_("The code does not fit. Is the clock of your phone right?")]},
            )
        settle(uow, attempt)
        uow.session.execute(
            update(Account)
            .where(Account.id == account.id)
            .values(totp_confirmed_at=uow.now)
            .execution_options(synchronize_session=False)
        )
        codes = renew_recovery_codes(uow, account.id)
        made = whole_session(uow, half, visitor)
        uow.audit("second_factor.enrol", person(account, visitor, made), ("account", account.id))
        uow.audit("session.sign_in", person(account, visitor, made), ("account", account.id))
        uow.commit()
    return Entered(made, Next.NOTHING, account.language), codes


def find_account(uow: UnitOfWork, username: str) -> Account | None:
    return uow.session.execute(
        select(Account).where(Account.username == username), execution_options={"populate_existing": True}
    ).scalar_one_or_none()


def person(account: Account, visitor: Visitor, made: NewSession | None = None) -> Actor:
    """Who acts while signing in: themselves, without any permission yet."""
    return Actor(
        id=account.id,
        name=account.name_zh,
        ip=visitor.ip,
        session_id=made.session_id if made else None,
    )
