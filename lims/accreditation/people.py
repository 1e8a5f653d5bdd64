"""Who is authorised for a method, and who may sign for a field, on a day."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lims.accreditation.models import Authorisation, SigningGrant
from lims.catalogue.wording import Sentence, say
from lims.core.clock import LAB_ZONE, local_date
from lims.people.models import Account

SENTENCES = {
    "may_sign": ("可签发领域：{fields_zh}。", "May sign in: {fields_en}."),
    "field_not_granted": (
        "授权签字领域不包括：{fields_zh}。",
        "Signing is not granted for: {fields_en}.",
    ),
}
# Fields that laboratories of this kind commonly have; another one shows as its code.
FIELD_NAMES = {
    "food_chemistry": ("食品理化", "food chemistry"),
    "food_microbiology": ("食品微生物", "food microbiology"),
    "food_contact": ("食品接触材料", "food contact materials"),
    "electrical": ("电气产品", "electrical products"),
    "materials": ("材料", "materials"),
}


class Standing(StrEnum):
    """Of an authorisation or a signing grant on a day."""

    GRANTED = "granted"
    UPCOMING = "upcoming"
    ENDED = "ended"
    SUSPENDED = "suspended"


def standing_of(row: Authorisation | SigningGrant, on: date) -> Standing:
    """First and last day count; the day of a suspension does not."""
    if row.suspended_at is not None and local_date(row.suspended_at) <= on:
        return Standing.SUSPENDED
    if on < row.valid_from:
        return Standing.UPCOMING
    return Standing.ENDED if on > row.valid_to else Standing.GRANTED


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
        .where(Authorisation.method_id == method_id, *in_force(Authorisation, on))
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
        .where(Authorisation.method_id.in_(method_ids), *in_force(Authorisation, on))
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
            .where(Authorisation.account_id == account_id, *in_force(Authorisation, on))
        )
    )


def may_sign(session: Session, account_id: int, fields: Iterable[str], on: date) -> SigningAnswer:
    """Whether the person may sign for every one of ``fields`` (of test items) ``on`` that day."""
    wanted = set(fields)
    missing = tuple(sorted(wanted - signing_fields(session, account_id, on)))
    code = "field_not_granted" if missing else "may_sign"
    names = [FIELD_NAMES.get(field, (field, field)) for field in missing or sorted(wanted)]
    fields_zh, fields_en = "、".join(zh for zh, _en in names), ", ".join(en for _zh, en in names)
    return SigningAnswer(not missing, missing, say(SENTENCES, code, fields_zh=fields_zh, fields_en=fields_en))


def signing_fields(session: Session, account_id: int, on: date) -> set[str]:
    """The fields the person may sign for ``on`` that day."""
    return set(
        session.scalars(
            select(SigningGrant.field)
            .join(Account, Account.id == SigningGrant.account_id)
            .where(SigningGrant.account_id == account_id, *in_force(SigningGrant, on))
        )
    )


def signatories(session: Session, fields: Iterable[str], on: date) -> list[Account]:
    """Who may sign for all of ``fields`` ``on`` that day, by name."""
    wanted = set(fields)
    rows = session.execute(
        select(Account, SigningGrant.field)
        .join(SigningGrant, SigningGrant.account_id == Account.id)
        .where(SigningGrant.field.in_(wanted), *in_force(SigningGrant, on))
        .order_by(Account.name_zh, Account.id)
    )
    granted: dict[int, tuple[Account, set[str]]] = {}
    for account, field in rows:
        granted.setdefault(account.id, (account, set()))[1].add(field)
    return [account for account, fields_ in granted.values() if fields_ == wanted]


Grant = type[Authorisation] | type[SigningGrant]


def in_force(grant: Grant, on: date) -> tuple[ColumnElement[bool], ...]:
    """Granted, not suspended by the end of that day, and the person (joined as Account) still here."""
    tomorrow = datetime.combine(on + timedelta(days=1), time(), LAB_ZONE)

    def not_yet(column: InstrumentedAttribute[datetime | None]) -> ColumnElement[bool]:
        return or_(column.is_(None), column >= tomorrow)

    return (
        and_(grant.valid_from <= on, grant.valid_to >= on),
        not_yet(grant.suspended_at),
        not_yet(Account.retired_at),
    )
