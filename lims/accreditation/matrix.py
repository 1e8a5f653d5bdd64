"""Authorisations to look at: people by methods of a section, people by signing fields, and one person's rights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from lims.accreditation.models import Authorisation, SigningGrant
from lims.accreditation.people import Standing, in_force, standing_of
from lims.catalogue.items import fields_in_use
from lims.catalogue.models import Method, StandardEdition, TestItem
from lims.core.errors import NotFound
from lims.core.paging import Key, Page, read_page
from lims.core.permissions import Role
from lims.people.models import Account, AccountRole, Section

MOST_METHODS = 500
# What a cell shows when a person holds several grants for the same: what counts first.
_ORDER = (Standing.GRANTED, Standing.UPCOMING, Standing.SUSPENDED, Standing.ENDED)
G = TypeVar("G", Authorisation, SigningGrant)


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Cell:
    """``row`` None: never granted."""

    row: Authorisation | SigningGrant | None = None
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class MethodLine:
    method_id: int
    item_code: str
    name_zh: str
    name_en: str
    standard: str
    clause: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """``cells``: by method and account id. ``cut``: there are more methods than shown."""

    people: Sequence[Person]
    methods: Sequence[MethodLine]
    cells: Mapping[tuple[int, int], Cell]
    cut: bool


@dataclass(frozen=True, slots=True)
class SigningMatrix:
    """``cells``: by account id and field."""

    people: Sequence[Person]
    fields: Sequence[str]
    cells: Mapping[tuple[int, str], Cell]


def authorisation_matrix(session: Session, section_id: int, on: date) -> Matrix:
    """Methods of the section's items by the people who work there or hold an authorisation for them.

    Three queries.
    """
    methods = _methods(session, TestItem.section_id == section_id, TestItem.active)
    ids = [m.method_id for m in methods[:MOST_METHODS]]
    rows = list(session.scalars(select(Authorisation).where(Authorisation.method_id.in_(ids))))
    held = {r.account_id for r in rows if standing_of(r, on) is not Standing.ENDED}
    people = _people(session, section_id, held)
    cells = {key: _cell(found, on) for key, found in _grouped(rows, on).items()}
    return Matrix(people, methods[:MOST_METHODS], cells, len(methods) > MOST_METHODS)


def _grouped(rows: Iterable[Authorisation], on: date) -> dict[tuple[int, int], list[Authorisation]]:
    found: dict[tuple[int, int], list[Authorisation]] = {}
    for row in rows:
        found.setdefault((row.method_id, row.account_id), []).append(row)
    return found


def _cell(rows: Sequence[G], on: date) -> Cell:
    best = min(rows, key=lambda r: (_ORDER.index(standing_of(r, on)), -r.valid_to.toordinal(), -r.id))
    return Cell(best, standing_of(best, on))


def _methods(session: Session, *conditions: Any) -> list[MethodLine]:
    rows = session.execute(
        select(
            Method.id,
            TestItem.code,
            TestItem.name_zh,
            TestItem.name_en,
            StandardEdition.code.label("standard"),
            Method.clause,
        )
        .join(TestItem, TestItem.id == Method.test_item_id)
        .join(StandardEdition, StandardEdition.id == Method.standard_id)
        .where(*conditions)
        .order_by(TestItem.code, Method.id)
        .limit(MOST_METHODS + 1)
    )
    return [MethodLine(*row) for row in rows]


def all_methods(session: Session) -> list[MethodLine]:
    """Of items still offered, by item code: for select boxes."""
    return _methods(session, TestItem.active)


def _people(session: Session, section_id: int, held: set[int]) -> list[Person]:
    works_here = (
        select(AccountRole.id)
        .where(AccountRole.account_id == Account.id, AccountRole.role.in_((Role.ANALYST, Role.SECTION_HEAD)))
        .exists()
    )
    here = (Account.section_id == section_id) & works_here
    return _persons(session, or_(here, Account.id.in_(held)))


def _persons(session: Session, *conditions: Any) -> list[Person]:
    rows = session.execute(
        select(Account.id, Account.name_zh, Account.name_en)
        .where(Account.retired_at.is_(None), *conditions)
        .order_by(Account.name_en, Account.id)
    )
    return [Person(*row) for row in rows]


def staff(session: Session) -> list[Person]:
    """Everybody of the laboratory who has not left: for select boxes."""
    customer = (
        select(AccountRole.id)
        .where(AccountRole.account_id == Account.id, AccountRole.role == Role.CUSTOMER)
        .exists()
    )
    return _persons(session, ~customer)


def signing_matrix(session: Session, on: date) -> SigningMatrix:
    """Signatories and everybody who holds a grant, by the fields of the test items. Three queries."""
    rows = list(session.scalars(select(SigningGrant).order_by(SigningGrant.id)))
    held = {r.account_id for r in rows if standing_of(r, on) is not Standing.ENDED}
    signs = (
        select(AccountRole.id)
        .where(AccountRole.account_id == Account.id, AccountRole.role == Role.SIGNATORY)
        .exists()
    )
    people = _persons(session, or_(signs, Account.id.in_(held)))
    grouped: dict[tuple[int, str], list[SigningGrant]] = {}
    for row in rows:
        grouped.setdefault((row.account_id, row.field), []).append(row)
    fields = sorted({*fields_in_use(session), *(r.field for r in rows)})
    return SigningMatrix(people, fields, {key: _cell(found, on) for key, found in grouped.items()})


# -- one person, one grant -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """An authorisation with what it is for and who granted it."""

    row: Authorisation
    method: MethodLine
    standing: Standing
    by_zh: str | None
    by_en: str | None


@dataclass(frozen=True, slots=True)
class HeldSigning:
    row: SigningGrant
    standing: Standing
    by_zh: str | None
    by_en: str | None


@dataclass(frozen=True, slots=True)
class Rights:
    """What a person may do on a day, with what he might once."""

    person: Person
    section_zh: str | None
    section_en: str | None
    methods: Sequence[Held]
    signing: Sequence[HeldSigning]


def person(session: Session, account_id: int) -> Person:
    row = session.execute(
        select(Account.id, Account.name_zh, Account.name_en).where(Account.id == account_id)
    ).one_or_none()
    if row is None:
        raise NotFound(_("This person does not exist."))
    return Person(*row)


def method_line(session: Session, method_id: int) -> MethodLine:
    found = _methods(session, Method.id == method_id)
    if not found:
        raise NotFound(_("This method does not exist."))
    return found[0]


def rights_of(session: Session, account_id: int, on: date) -> Rights:
    """What counts on that day first. Three queries. Raises NotFound."""
    found = session.execute(
        select(Account.id, Account.name_zh, Account.name_en, Section.name_zh, Section.name_en)
        .outerjoin(Section, Section.id == Account.section_id)
        .where(Account.id == account_id)
    ).one_or_none()
    if found is None:
        raise NotFound(_("This person does not exist."))
    methods = [_held(row, on) for row in session.execute(_held_statement(account_id))]
    giver = aliased(Account)
    signing = [
        HeldSigning(row, standing_of(row, on), zh, en)
        for row, zh, en in session.execute(
            select(SigningGrant, giver.name_zh, giver.name_en)
            .outerjoin(giver, giver.id == SigningGrant.granted_by)
            .where(SigningGrant.account_id == account_id)
            .order_by(SigningGrant.field, SigningGrant.id)
        )
    ]
    return Rights(
        Person(*found[:3]),
        found[3],
        found[4],
        sorted(methods, key=lambda h: _ORDER.index(h.standing)),
        sorted(signing, key=lambda h: _ORDER.index(h.standing)),
    )


def _held_statement(account_id: int) -> Any:
    return _with_method().where(Authorisation.account_id == account_id).order_by(TestItem.code, Method.id)


def _with_method() -> Any:
    giver = aliased(Account)
    return (
        select(
            Authorisation,
            Method.id,
            TestItem.code,
            TestItem.name_zh,
            TestItem.name_en,
            StandardEdition.code,
            Method.clause,
            giver.name_zh,
            giver.name_en,
        )
        .join(Method, Method.id == Authorisation.method_id)
        .join(TestItem, TestItem.id == Method.test_item_id)
        .join(StandardEdition, StandardEdition.id == Method.standard_id)
        .outerjoin(giver, giver.id == Authorisation.granted_by)
    )


def _held(row: Any, on: date) -> Held:
    return Held(row[0], MethodLine(*row[1:7]), standing_of(row[0], on), row[7], row[8])


def authorisations_of(session: Session, account_id: int, method_id: int, on: date) -> Sequence[Held]:
    """Every grant of the one for the other, newest first; one query."""
    rows = session.execute(
        _with_method()
        .where(Authorisation.account_id == account_id, Authorisation.method_id == method_id)
        .order_by(Authorisation.id.desc())
    )
    return [_held(row, on) for row in rows]


def list_authorisations(
    session: Session,
    *,
    account_id: int | None = None,
    method_id: int | None = None,
    valid_on: date | None = None,
    cursor: str | None = None,
    size: int = 50,
) -> Page[Authorisation]:
    """Newest first. ``valid_on``: only those that count on that day."""
    wanted = select(Authorisation)
    if account_id is not None:
        wanted = wanted.where(Authorisation.account_id == account_id)
    if method_id is not None:
        wanted = wanted.where(Authorisation.method_id == method_id)
    if valid_on is not None:
        wanted = wanted.join(Account, Account.id == Authorisation.account_id)
        wanted = wanted.where(*in_force(Authorisation, valid_on))
    page = read_page(session, wanted, [Key(Authorisation.id, descending=True)], cursor=cursor, size=size)
    return Page([row[0] for row in page.rows], page.after, page.before)


def list_signing_grants(session: Session, *, account_id: int | None = None) -> Sequence[SigningGrant]:
    """Newest first, at most 500."""
    wanted = select(SigningGrant)
    if account_id is not None:
        wanted = wanted.where(SigningGrant.account_id == account_id)
    return list(session.scalars(wanted.order_by(SigningGrant.id.desc()).limit(500)))
