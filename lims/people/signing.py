"""Signing asks again who you are: password and second factor, whatever the session says."""

from flask_babel import gettext as _

from lims.core.errors import InvalidInput, NotSignedIn
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.people.models import Account
from lims.people.passwords import verify_password
from lims.people.second_factor import burn_code
from lims.people.tries import TryStep, claim_try, note_failure, settle

METHOD = "password+totp"


def confirm_signature(uow: UnitOfWork, *, actor: Actor, password: str, code: str) -> str:
    """Make sure that ``actor`` is present; returns the method's name for the signature row.

    Units of work of its own, so call it BEFORE the one that signs, never inside it::

        method = confirm_signature(uow, actor=actor, password=password, code=code)
        with uow:
            ...  # load, check state and permission, add Signature(method=method)

    The code is used up even when the signing then fails: the next try needs the next code.
    A recovery code does not do. Raises InvalidInput (``signature_refused``), TooManyRequests.
    """
    account = uow.session.get(Account, actor.id) if actor.id else None
    if account is None:
        raise NotSignedIn(_("Please sign in."))
    username = account.username
    attempt = claim_try(uow, username=username, ip=actor.ip, step=TryStep.SIGNATURE)
    usable = account.retired_at is None and account.totp_confirmed_at is not None
    stored = account.password_hash if usable else None
    if verify_password(stored, password):
        with uow:
            account = uow.get(Account, account.id)
            unchanged = account.password_hash == stored and account.retired_at is None
            if unchanged and burn_code(uow, account, code):
                settle(uow, attempt)
                uow.audit("signature.confirm", actor, ("account", account.id), after={"method": METHOD})
                uow.commit()
                return METHOD
    note_failure(uow, username=username, account=account, ip=actor.ip, step=TryStep.SIGNATURE)
    fault = _("Password or code is not right, or this code was used already: then wait for the next one.")
    raise InvalidInput(fault, code="signature_refused", fields={"code": [fault]})
