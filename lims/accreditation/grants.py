"""Authorising people for methods and fields: granted by another person, with dates; suspended with a reason."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import TypeVar

from flask_babel import gettext as _
from sqlalchemy import select

from lims.accreditation.models import Authorisation, SigningGrant
from lims.catalogue.models import Method, TestItem
from lims.core.clock import local_date
from lims.core.errors import Conflict, InvalidInput, TransitionRefused
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.people.models import Account

LONGEST = timedelta(days=3660)
MOST_METHODS = 500
G = TypeVar("G", Authorisation, SigningGrant)


def grant_authorisation(
    uow: UnitOfWork,
    *,
    actor: Actor,
    account_id: int,
    method_id: int,
    valid_from: date,
    valid_to: date,
    request_key: RequestKey | None = None,
) -> Authorisation:
    """One method; see ``grant_authorisations``."""
    made = grant_authorisations(
        uow,
        actor=actor,
        account_id=account_id,
        method_ids=[method_id],
        valid_from=valid_from,
        valid_to=valid_to,
        request_key=request_key,
    )
    return made[0]


def grant_authorisations(
    uow: UnitOfWork,
    *,
    actor: Actor,
    account_id: int,
    method_ids: Collection[int],
    valid_from: date,
    valid_to: date,
    request_key: RequestKey | None = None,
) -> Sequence[Authorisation]:
    """All of the methods or none. Nobody authorises himself.

    Raises TransitionRefused (``same_person``), InvalidInput, Conflict (``granted_already``: a grant for some
    of these days would live on when the other one is suspended).
    """
    actor.require(Permission.AUTHORISATION_GRANT)
    wanted = sorted(set(method_ids))
    with uow:
        first = uow.replayed(Authorisation, actor=actor, request_key=request_key)
        if first is not None:
            return _granted_with(uow, first, wanted)
        _check_grant(uow, actor, account_id, valid_from, valid_to)
        _check_methods(uow, wanted)
        _refuse_overlap(uow, account_id, wanted, valid_from, valid_to)
        rows = [
            Authorisation(
                account_id=account_id,
                method_id=method_id,
                valid_from=valid_from,
                valid_to=valid_to,
                granted_by=actor.id,
            )
            for method_id in wanted
        ]
        for row in rows:
            uow.add(row)
            uow.audit("authorisation.grant", actor, row)
        uow.remember(rows[0])
        uow.commit()
    return rows


def _granted_with(uow: UnitOfWork, first: Authorisation, wanted: Sequence[int]) -> Sequence[Authorisation]:
    """What the same request made before."""
    rows = select(Authorisation).where(
        Authorisation.account_id == first.account_id,
        Authorisation.method_id.in_(wanted),
        Authorisation.valid_from == first.valid_from,
        Authorisation.valid_to == first.valid_to,
        Authorisation.id >= first.id,
    )
    return list(uow.session.scalars(rows.order_by(Authorisation.id)))


def _check_methods(uow: UnitOfWork, wanted: Sequence[int]) -> None:
    known = set(uow.session.scalars(select(Method.id).where(Method.id.in_(wanted))))
    if not wanted or len(wanted) > MOST_METHODS or known != set(wanted):
        fault = _("Choose at least one method.") if not wanted else _("This method does not exist.")
        raise InvalidInput(fault, code="unknown_method", fields={"method_ids": [fault]})


def _refuse_overlap(uow: UnitOfWork, account_id: int, wanted: Sequence[int], first: date, last: date) -> None:
    found = uow.session.execute(
        select(TestItem.code, Authorisation.valid_from, Authorisation.valid_to)
        .join(Method, Method.id == Authorisation.method_id)
        .join(TestItem, TestItem.id == Method.test_item_id)
        .where(
            Authorisation.account_id == account_id,
            Authorisation.method_id.in_(wanted),
            Authorisation.suspended_at.is_(None),
            Authorisation.valid_from <= last,
            Authorisation.valid_to >= first,
        )
        .order_by(TestItem.code)
        .limit(20)
    ).all()
    if found:
        listed = ", ".join(f"{code} ({begins} – {ends})" for code, begins, ends in found)
        sentence = _("Granted already for some of these days: %(what)s.", what=listed)
        raise Conflict(sentence, code="granted_already", fields={"method_ids": [sentence]})


def suspend_authorisation(
    uow: UnitOfWork, *, actor: Actor, authorisation_id: int, version: int, why: str
) -> Authorisation:
    """From this moment on the person may not do the method; a new grant is needed to go on."""
    return _suspend(uow, actor, Authorisation, authorisation_id, version, why, "authorisation.suspend")


def grant_signing(
    uow: UnitOfWork,
    *,
    actor: Actor,
    account_id: int,
    field: str,
    valid_from: date,
    valid_to: date,
    request_key: RequestKey | None = None,
) -> SigningGrant:
    """``field``: of test items, for example ``food_chemistry``. Nobody grants it to himself."""
    actor.require(Permission.AUTHORISATION_GRANT)
    with uow:
        made = uow.replayed(SigningGrant, actor=actor, request_key=request_key)
        if made is not None:
            return made
        _check_grant(uow, actor, account_id, valid_from, valid_to)
        _check_field(uow, account_id, field, valid_from, valid_to)
        row = uow.add(
            SigningGrant(
                account_id=account_id,
                field=field,
                valid_from=valid_from,
                valid_to=valid_to,
                granted_by=actor.id,
            )
        )
        uow.remember(row)
        uow.audit("signing.grant", actor, row)
        uow.commit()
    return row


def _check_field(uow: UnitOfWork, account_id: int, field: str, first: date, last: date) -> None:
    if uow.session.scalar(select(TestItem.id).where(TestItem.field == field).limit(1)) is None:
        fault = _("No test item belongs to this field.")
        raise InvalidInput(fault, code="unknown_field", fields={"field": [fault]})
    held = uow.session.scalar(
        select(SigningGrant)
        .where(
            SigningGrant.account_id == account_id,
            SigningGrant.field == field,
            SigningGrant.suspended_at.is_(None),
            SigningGrant.valid_from <= last,
            SigningGrant.valid_to >= first,
        )
        .limit(1)
    )
    if held is not None:
        what = f"{field} ({held.valid_from} – {held.valid_to})"
        sentence = _("Granted already for some of these days: %(what)s.", what=what)
        raise Conflict(sentence, code="granted_already", fields={"field": [sentence]})


def suspend_signing(uow: UnitOfWork, *, actor: Actor, grant_id: int, version: int, why: str) -> SigningGrant:
    """From this moment on the person may not sign for the field."""
    return _suspend(uow, actor, SigningGrant, grant_id, version, why, "signing.suspend")


def _suspend(
    uow: UnitOfWork, actor: Actor, kind: type[G], ident: int, version: int, why: str, verb: str
) -> G:
    actor.require(Permission.AUTHORISATION_GRANT)
    with uow:
        row = uow.get(kind, ident, version=version)
        if row.suspended_at is not None:
            day = local_date(row.suspended_at)
            raise TransitionRefused(_("This was suspended already on %(day)s.", day=day))
        if not why.strip():
            raise InvalidInput(_("Say why."), code="reason_missing", fields={"why": [_("Say why.")]})
        row.suspended_at, row.suspended_why = uow.now, why.strip()
        uow.audit(verb, actor, row, reason=why.strip())
        uow.commit()
    return row


def _check_grant(uow: UnitOfWork, actor: Actor, account_id: int, first: date, last: date) -> None:
    if actor.id == account_id:
        raise TransitionRefused(
            _("Nobody authorises himself: another person must do this."), code="same_person"
        )
    # Locked: two who grant the same to one person wait for each other.
    account = uow.session.get(Account, account_id, with_for_update={"of": Account}, populate_existing=True)
    faults: dict[str, list[str]] = {}
    if account is None:
        faults["account_id"] = [_("This person does not exist.")]
    elif account.retired_at is not None:
        faults["account_id"] = [_("This person has left.")]
    if last < first:
        faults["valid_to"] = [_("It would end before it begins.")]
    elif last - first > LONGEST:
        faults["valid_to"] = [_("At most ten years.")]
    if faults:
        raise InvalidInput(_("This cannot be granted."), code="bad_grant", fields=faults)
