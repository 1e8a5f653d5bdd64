"""Guessing is made slow: after some failures every further try must wait longer, but never for ever."""

import unicodedata
from datetime import datetime, timedelta
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import func, select

from lims.core.errors import TooManyRequests
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.people.models import Account, LoginAttempt

FREE_TRIES, FREE_TRIES_OF_ADDRESS = 4, 20
# Anybody can make another person wait: so never longer than this.
LONGEST_WAIT = timedelta(minutes=5)
MEMORY = timedelta(hours=24)
# Of one address, all accounts together: a whole laboratory may sit behind it.
TRIES_PER_ADDRESS, TRIES_WINDOW = 60, timedelta(minutes=1)


class TryStep(StrEnum):
    PASSWORD = "password"  # noqa: S105  (the step's name)
    CODE = "code"
    FIRST = "first"
    SIGNATURE = "signature"


def claim_try(uow: UnitOfWork, *, username: str, ip: str | None, step: TryStep) -> int:
    """Count one try before its answer is known; returns its number for ``settle``.

    A transaction of its own: tries made at the same moment, in any process, see each other.
    Raises TooManyRequests while the account or the address must wait. A refused try does not prolong it.
    """
    with uow:
        # The row is the queue of everybody who guesses at this account.
        uow.session.execute(select(Account.id).where(Account.username == username).with_for_update())
        waits = [
            wait_left(uow, LoginAttempt.username == username, step, FREE_TRIES),
            wait_left(uow, LoginAttempt.ip == ip, step, FREE_TRIES_OF_ADDRESS) if ip else timedelta(0),
        ]
        left = max(waits)
        if left > timedelta(0):
            seconds = max(1, int(left.total_seconds() + 0.999))
            raise TooManyRequests(_("Too many tries; wait %(n)s seconds.", n=seconds), retry_after_s=seconds)
        row = uow.add(LoginAttempt(username=username, ip=ip, at=uow.now, step=step, succeeded=False))
        uow.commit()
    return row.id


def settle(uow: UnitOfWork, attempt_id: int) -> None:
    """The try was right. Inside the caller's unit of work."""
    uow.get(LoginAttempt, attempt_id).succeeded = True


def wait_left(uow: UnitOfWork, whose: object, step: TryStep, free: int) -> timedelta:
    """How long the next try must still wait: 1, 2, 4, ... seconds after the free ones."""
    failures, last = _failures(uow, whose, step)
    if failures < free or last is None:
        return timedelta(0)
    wait = min(timedelta(seconds=2 ** min(failures - free, 20)), LONGEST_WAIT)
    return last + wait - uow.now


def _failures(uow: UnitOfWork, whose: object, step: TryStep) -> tuple[int, datetime | None]:
    """Failed tries of this step since the last right one, within a day; when the last was."""
    mine = (whose, LoginAttempt.step == step, LoginAttempt.at > uow.now - MEMORY)
    good = select(func.max(LoginAttempt.id)).where(*mine, LoginAttempt.succeeded.is_(True))  # type: ignore[arg-type]
    count, last = uow.session.execute(
        select(func.count(), func.max(LoginAttempt.at)).where(
            *mine,  # type: ignore[arg-type]
            LoginAttempt.succeeded.is_(False),
            LoginAttempt.id > func.coalesce(good.scalar_subquery(), 0),
        )
    ).one()
    return count, last


def note_failure(
    uow: UnitOfWork, *, username: str, account: Account | None, ip: str | None, step: TryStep
) -> None:
    """A security event, once guessing at an existing account has used up its free tries."""
    if account is None:
        return
    with uow:
        failures, _last = _failures(uow, LoginAttempt.username == username, step)
        if failures < FREE_TRIES:
            return
        actor = Actor(id=None, name="unknown", ip=ip, kind="unknown")
        uow.audit(
            "session.guessed", actor, ("account", account.id), after={"step": step, "failures": failures}
        )
        uow.commit()


def folded_name(username: str) -> str:
    """User names differ in more than case, width and outer blanks."""
    return unicodedata.normalize("NFKC", username).strip().casefold()[:60]
