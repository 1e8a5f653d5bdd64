"""What everybody does with their own account: password, recovery codes, second factor, language."""

from flask_babel import gettext as _

from lims.core.errors import Conflict, InvalidInput
from lims.core.permissions import Actor, Permission, Role
from lims.core.uow import UnitOfWork
from lims.people.models import Account
from lims.people.passwords import check_password, hash_password, verify_password
from lims.people.second_factor import burn_code, prepare_secret, renew_recovery_codes
from lims.people.sessions import NewSession, end_sessions_of, open_session
from lims.people.sign_in import Visitor
from lims.people.signing import confirm_signature
from lims.people.tries import TryStep, claim_try, note_failure, settle

LANGUAGES = ("zh", "en")


def own_account(uow: UnitOfWork, *, actor: Actor) -> Account:
    actor.require(Permission.SELF)
    return uow.session.get_one(Account, actor.id)


def change_password(
    uow: UnitOfWork, *, actor: Actor, password: str, new_password: str, visitor: Visitor
) -> NewSession:
    """Every sign-in of the account ends; the caller's browser gets the new one."""
    actor.require(Permission.SELF)
    stored = _prove_password(uow, actor, password)
    account = own_account(uow, actor=actor)
    names = (account.username, account.name_zh, account.name_en)
    check_password(new_password, names=names, field="new_password")
    hashed = hash_password(new_password)
    with uow:
        account = uow.get(Account, account.id)
        if account.password_hash != stored:
            raise Conflict(_("The password was changed meanwhile."))
        account.password_hash, account.password_changed_at = hashed, uow.now
        uow.audit("account.change_password", actor, account)
        end_sessions_of(uow, account.id, "password changed")
        made = open_session(
            uow,
            account_id=account.id,
            ip=visitor.ip,
            agent=visitor.agent,
            complete=True,
            second_factor=actor.signed_in_two_factors,
        )
        uow.commit()
    return made


def _prove_password(uow: UnitOfWork, actor: Actor, password: str) -> str:
    """The stored hash when ``password`` is right; guessing is slowed as at sign-in. Raises InvalidInput."""
    account = own_account(uow, actor=actor)
    username, stored = account.username, account.password_hash
    attempt = claim_try(uow, username=username, ip=actor.ip, step=TryStep.SIGNATURE)
    if stored is None or not verify_password(stored, password):
        note_failure(uow, username=username, account=account, ip=actor.ip, step=TryStep.SIGNATURE)
        fault = _("The password is not right.")
        raise InvalidInput(fault, code="wrong_password", fields={"password": [fault]})
    with uow:
        settle(uow, attempt)
        uow.commit()
    return stored


def replace_recovery_codes(uow: UnitOfWork, *, actor: Actor, password: str, code: str) -> list[str]:
    """Ten new codes, shown once; the old ones are void."""
    actor.require(Permission.SELF)
    confirm_signature(uow, actor=actor, password=password, code=code)
    with uow:
        codes = renew_recovery_codes(uow, actor.id or 0)
        uow.audit("second_factor.renew_recovery", actor, ("account", actor.id))
        uow.commit()
    return codes


def start_second_factor(uow: UnitOfWork, *, actor: Actor, password: str) -> None:
    """A customer, who may do without, sets up a second factor: it counts once a code was typed."""
    actor.require(Permission.SELF)
    _prove_password(uow, actor, password)
    with uow:
        account = uow.get(Account, actor.id or 0)
        if account.totp_confirmed_at is not None:
            raise Conflict(_("The second factor is set up already."))
        prepare_secret(account)
        uow.audit("second_factor.prepare", actor, ("account", account.id))
        uow.commit()


def finish_second_factor(uow: UnitOfWork, *, actor: Actor, code: str) -> list[str]:
    """The first code of it. Returns the recovery codes, shown once."""
    actor.require(Permission.SELF)
    attempt = claim_try(
        uow, username=own_account(uow, actor=actor).username, ip=actor.ip, step=TryStep.SIGNATURE
    )
    with uow:
        account = uow.get(Account, actor.id or 0)
        if account.totp_secret is None or account.totp_confirmed_at is not None:
            raise Conflict(_("Nothing is being set up."))
        if not burn_code(uow, account, code):
            fault = _("The code does not fit. Is the clock of your phone right?")
            raise InvalidInput(fault, code="wrong_code", fields={"code": [fault]})
        settle(uow, attempt)
        account.totp_confirmed_at = uow.now
        codes = renew_recovery_codes(uow, account.id)
        uow.audit("second_factor.enrol", actor, ("account", account.id))
        uow.commit()
    return codes


def drop_second_factor(uow: UnitOfWork, *, actor: Actor, password: str, code: str) -> None:
    """For customers only: staff cannot work without one (a lost phone: the administrator resets)."""
    actor.require(Permission.SELF)
    if actor.roles != {Role.CUSTOMER}:
        raise Conflict(_("Staff need the second factor."), code="second_factor_needed")
    confirm_signature(uow, actor=actor, password=password, code=code)
    with uow:
        account = uow.get(Account, actor.id or 0)
        account.totp_secret = account.totp_confirmed_at = None
        uow.audit("second_factor.drop", actor, ("account", account.id))
        uow.commit()


def set_language(uow: UnitOfWork, *, actor: Actor, language: str) -> Account:
    """The language that this person's pages open in."""
    actor.require(Permission.SELF)
    if language not in LANGUAGES:
        raise InvalidInput(_("Chinese or English."), fields={"language": [_("Chinese or English.")]})
    with uow:
        account = uow.get(Account, actor.id or 0)
        account.language = language
        uow.audit("account.set_language", actor, account)
        uow.commit()
    return account
