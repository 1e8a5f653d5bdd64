"""Who is authorised for a method, and who may sign for a field: granted by another person, with dates."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lims.accreditation.models import Authorisation, SigningGrant
from lims.catalogue.models import Method
from lims.catalogue.wording import Sentence, say
from lims.core.clock import LAB_ZONE, local_date
from lims.core.errors import InvalidInput, TransitionRefused
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.people.models import Account

SENTENCES = {
    "may_sign": ("可签发领域：{fields}。", "May sign in: {fields}."),
    "field_not_granted": (
        "授权签字领域不包括：{fields}。",
        "Signing is not granted for the field(s): {fields}.",
    ),
}
LONGEST = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class SigningAnswer:
    """``missing``: fields that the person may not sign ``on`` that day."""

    ok: bool
    missing: tuple[str, ...]
    sentence: Sentence


def authorised_people(session: Session, method_id: int, on: date) -> list[Account]:
    """Who may do the method ``on`` that day, by name."""
    wanted = (
        select(Account)
        .join(Authorisation, Authorisation.account_id == Account.id)
        .where(Authorisation.method_id == method_id, *_in_force(Authorisation, on))
        .order_by(Account.name_zh, Account.id)
    )
    return list(session.scalars(wanted).unique())


def authorised_by_method(session: Session, method_ids: Collection[int], on: date) -> dict[int, set[int]]:
    """Account ids by method, in one query; a method that nobody may do has no entry."""
    if not method_ids:
        return {}
    rows = session.execute(
        select(Authorisation.method_id, Authorisation.account_id)
        .join(Account, Account.id == Authorisation.account_id)
        .where(Authorisation.method_id.in_(method_ids), *_in_force(Authorisation, on))
    )
    found: dict[int, set[int]] = {}
    for method_id, account_id in rows:
        found.setdefault(method_id, set()).add(account_id)
    return found


def methods_of(session: Session, account_id: int, on: date) -> set[int]:
    """Ids of the methods the person may do ``on`` that day."""
    return set(
        session.scalars(
            select(Authorisation.method_id)
            .join(Account, Account.id == Authorisation.account_id)
            .where(Authorisation.account_id == account_id, *_in_force(Authorisation, on))
        )
    )


def may_sign(session: Session, account_id: int, fields: Iterable[str], on: date) -> SigningAnswer:
    """Whether the person may sign for every one of ``fields`` (of test items) ``on`` that day."""
    wanted = set(fields)
    missing = tuple(sorted(wanted - signing_fields(session, account_id, on)))
    code = "field_not_granted" if missing else "may_sign"
    listed = ", ".join(missing or sorted(wanted))
    return SigningAnswer(not missing, missing, say(SENTENCES, code, fields=listed))


def signing_fields(session: Session, account_id: int, on: date) -> set[str]:
    """The fields the person may sign for ``on`` that day."""
    return set(
        session.scalars(
            select(SigningGrant.field)
            .join(Account, Account.id == SigningGrant.account_id)
            .where(SigningGrant.account_id == account_id, *_in_force(SigningGrant, on))
        )
    )


def signatories(session: Session, fields: Iterable[str], on: date) -> list[Account]:
    """Who may sign for all of ``fields`` ``on`` that day, by name."""
    wanted = set(fields)
    rows = session.execute(
        select(Account, SigningGrant.field)
        .join(SigningGrant, SigningGrant.account_id == Account.id)
        .where(SigningGrant.field.in_(wanted), *_in_force(SigningGrant, on))
        .order_by(Account.name_zh, Account.id)
    )
    granted: dict[int, tuple[Account, set[str]]] = {}
    for account, field in rows:
        granted.setdefault(account.id, (account, set()))[1].add(field)
    return [account for account, fields_ in granted.values() if fields_ == wanted]


Grant = type[Authorisation] | type[SigningGrant]


def _in_force(grant: Grant, on: date) -> tuple[ColumnElement[bool], ...]:
    """Granted, not suspended by the end of that day, and the person still here."""
    tomorrow = datetime.combine(on + timedelta(days=1), time(), LAB_ZONE)

    def not_yet(column: InstrumentedAttribute[datetime | None]) -> ColumnElement[bool]:
        return or_(column.is_(None), column >= tomorrow)

    return (
        and_(grant.valid_from <= on, grant.valid_to >= on),
        not_yet(grant.suspended_at),
        not_yet(Account.retired_at),
    )


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
    """Nobody authorises himself. Raises TransitionRefused (``same_person``), InvalidInput."""
    actor.require(Permission.AUTHORISATION_GRANT)
    with uow:
        made = uow.replayed(Authorisation, actor=actor, request_key=request_key)
        if made is not None:
            return made
        _check_grant(uow, actor, account_id, valid_from, valid_to)
        uow.get(Method, method_id, lock=False)
        row = uow.add(
            Authorisation(
                account_id=account_id,
                method_id=method_id,
                valid_from=valid_from,
                valid_to=valid_to,
                granted_by=actor.id,
            )
        )
        uow.remember(row)
        uow.audit("authorisation.grant", actor, row)
        uow.commit()
    return row


def suspend_authorisation(
    uow: UnitOfWork, *, actor: Actor, authorisation_id: int, version: int, why: str
) -> Authorisation:
    """From this moment on the person may not do the method; a new grant is needed to go on."""
    actor.require(Permission.AUTHORISATION_GRANT)
    with uow:
        row = uow.get(Authorisation, authorisation_id, version=version)
        _refuse_suspended(row)
        if not why.strip():
            raise InvalidInput(_("Say why."), code="reason_missing", fields={"why": [_("Say why.")]})
        row.suspended_at, row.suspended_why = uow.now, why
        uow.audit("authorisation.suspend", actor, row, reason=why)
        uow.commit()
    return row


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


def suspend_signing(uow: UnitOfWork, *, actor: Actor, grant_id: int, version: int, why: str) -> SigningGrant:
    actor.require(Permission.AUTHORISATION_GRANT)
    with uow:
        row = uow.get(SigningGrant, grant_id, version=version)
        _refuse_suspended(row)
        if not why.strip():
            raise InvalidInput(_("Say why."), code="reason_missing", fields={"why": [_("Say why.")]})
        row.suspended_at, row.suspended_why = uow.now, why
        uow.audit("signing.suspend", actor, row, reason=why)
        uow.commit()
    return row


def _refuse_suspended(row: Authorisation | SigningGrant) -> None:
    if row.suspended_at is not None:
        day = local_date(row.suspended_at)
        raise TransitionRefused(_("This was suspended already on %(day)s.", day=day))


def _check_grant(uow: UnitOfWork, actor: Actor, account_id: int, first: date, last: date) -> None:
    account = uow.get(Account, account_id, lock=False)
    if actor.id == account_id:
        raise TransitionRefused(
            _("Nobody authorises himself: another person must do this."), code="same_person"
        )
    faults: dict[str, list[str]] = {}
    if account.retired_at is not None:
        faults["account_id"] = [_("This person has left.")]
    if last < first:
        faults["valid_to"] = [_("It would end before it begins.")]
    elif last - first > LONGEST:
        faults["valid_to"] = [_("At most ten years.")]
    if faults:
        raise InvalidInput(_("This cannot be granted."), code="bad_grant", fields=faults)
