"""The second factor: time-based codes (RFC 6238, SHA-1, 6 digits, 30 s), each good for one use."""

import hmac
from datetime import datetime

import pyotp
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from lims.core.uow import UnitOfWork
from lims.people.codes import code_hash, new_code
from lims.people.models import Account, RecoveryCode
from lims.people.vault import seal, unseal

STEP_S = 30
RECOVERY_CODES = 10
ISSUER = "LIMS"


def current_code(account: Account, now: datetime) -> str:
    """What the account's authenticator shows at ``now`` (demo accounts and tests only)."""
    assert account.totp_secret is not None
    return pyotp.TOTP(unseal(account.totp_secret)).generate_otp(_step(now))


def burn_code(uow: UnitOfWork, account: Account, code: str) -> bool:
    """Whether ``code`` is right now; a right one and all before it are used up by asking.

    One step of clock difference is allowed. Inside the caller's unit of work.
    """
    if account.totp_secret is None:
        return False
    step = _matching_step(unseal(account.totp_secret), code, _step(uow.now))
    if step is None:
        return False
    # One statement: of two requests with the same code, one finds the step used.
    used = uow.session.execute(
        update(Account)
        .where(Account.id == account.id, or_(Account.totp_last_step.is_(None), Account.totp_last_step < step))
        .values(totp_last_step=step)
        .execution_options(synchronize_session=False)
    )
    return bool(used.rowcount == 1)  # type: ignore[attr-defined]


def _matching_step(secret: str, code: str, now: int) -> int | None:
    typed = "".join(code.split())
    if not (len(typed) == 6 and typed.isascii() and typed.isdigit()):
        return None
    made = pyotp.TOTP(secret)
    matches = [s for s in (now, now - 1, now + 1) if hmac.compare_digest(made.generate_otp(s), typed)]
    return matches[0] if matches else None


def _step(now: datetime) -> int:
    return int(now.timestamp()) // STEP_S


def prepare_secret(account: Account) -> None:
    """A new secret that counts once a code of it was typed. Inside the caller's unit of work."""
    account.totp_secret = seal(pyotp.random_base32())
    account.totp_last_step = None
    account.totp_confirmed_at = None


def enrolment(session: Session, account_id: int) -> tuple[str, str]:
    """Secret to type, and the address for the QR code, of a second factor that is being set up."""
    account = session.get_one(Account, account_id)
    assert account.totp_secret is not None
    secret = unseal(account.totp_secret)
    return secret, pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name=ISSUER)


def renew_recovery_codes(uow: UnitOfWork, account_id: int) -> list[str]:
    """Ten new codes; the old ones are void. Inside the caller's unit of work."""
    uow.session.execute(
        delete(RecoveryCode)
        .where(RecoveryCode.account_id == account_id)
        .execution_options(synchronize_session=False)
    )
    codes = [new_code() for _ in range(RECOVERY_CODES)]
    uow.insert_many(
        RecoveryCode, [{"account_id": account_id, "code_hash": code_hash(c), "used_at": None} for c in codes]
    )
    return codes


def burn_recovery_code(uow: UnitOfWork, account_id: int, code: str) -> bool:
    """Whether it was an unused one; it is used now. Inside the caller's unit of work."""
    used = uow.session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.account_id == account_id,
            RecoveryCode.code_hash == code_hash(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=uow.now)
        .execution_options(synchronize_session=False)
    )
    return bool(used.rowcount == 1)  # type: ignore[attr-defined]


def recovery_codes_left(session: Session, account_id: int) -> int:
    found = select(RecoveryCode.id).where(
        RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None)
    )
    return len(session.execute(found).all())
