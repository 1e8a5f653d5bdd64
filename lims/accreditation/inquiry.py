"""Asking the gate: one method with everything that stands behind the answer, and what cannot be done on a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.accreditation.gate import (
    SENTENCES,
    GateAnswer,
    MissingLink,
    check,
    check_many,
    names_of,
    required_classes,
)
from lims.accreditation.models import Scheme
from lims.accreditation.people import authorised_people
from lims.catalogue.categories import category
from lims.catalogue.choose import methods_for, released_versions
from lims.catalogue.methods import method as method_of
from lims.catalogue.models import Method, MethodVersion, TestItem
from lims.catalogue.wording import Sentence, say
from lims.equipment.calibration import usable_by_class
from lims.equipment.models import Equipment
from lims.people.models import Account


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The answer for one method on one day. ``version`` None: the method has none at all.

    ``usable``: devices that may be used, by each class the method needs.
    """

    method: Method
    version: MethodVersion | None
    missing: Sequence[MissingLink]
    schemes: frozenset[Scheme]
    people: Sequence[Account]
    usable: Mapping[str, Sequence[Equipment]]

    @property
    def ok(self) -> bool:
        return not any(link.blocking for link in self.missing)


def inquire(
    session: Session,
    *,
    method_id: int,
    on: date,
    category_id: int | None = None,
    person_id: int | None = None,
) -> Inquiry:
    """May we do the method for the product class ``on`` that day; may this person? A fixed number of queries.

    Judged by the newest released version; by the newest draft where none is released. Raises NotFound.
    """
    method = method_of(session, method_id)
    if category_id is not None:
        category(session, category_id)
    version = _version(session, method_id)
    if version is None:
        link = MissingLink(say(SENTENCES, "method_without_version", **names_of(method)), True)
        return Inquiry(method, None, [link], frozenset(), [], {})
    answer = check(session, method_version=version, category_id=category_id, on=on, person_id=person_id)
    return Inquiry(
        method,
        version,
        answer.missing,
        answer.schemes,
        authorised_people(session, method_id, on),
        usable_by_class(session, required_classes(version), on),
    )


def _version(session: Session, method_id: int) -> MethodVersion | None:
    released = released_versions(session, [method_id]).get(method_id)
    if released is not None:
        return released
    newest = select(MethodVersion).where(MethodVersion.method_id == method_id)
    return session.scalars(newest.order_by(MethodVersion.number.desc()).limit(1)).first()


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A test item that is offered and cannot be done, with every reason."""

    item: TestItem
    reasons: Sequence[Sentence]


def unavailable(session: Session, on: date) -> list[Unavailable]:
    """Offered items that no valid method, scope, person or device stands behind ``on`` that day, by code.

    Asked without a product class: a scope for some classes only is not a reason. A fixed number of queries.
    """
    items = list(session.scalars(select(TestItem).where(TestItem.active).order_by(TestItem.code)))
    chosen = methods_for(session, [item.id for item in items], on)
    versions = {ident: choice.version for ident, choice in chosen.items() if choice.version is not None}
    answers = check_many(session, [(version, None) for version in versions.values()], on)
    found = []
    for item in items:
        version = versions.get(item.id)
        reasons = (
            _reasons(answers[version.id, None]) if version is not None else _none(chosen[item.id].reason)
        )
        if reasons:
            found.append(Unavailable(item, reasons))
    return found


def _none(reason: Sentence | None) -> list[Sentence]:
    return [] if reason is None else [reason]


def _reasons(answer: GateAnswer) -> list[Sentence]:
    scope = [link for link in answer.missing if link.scheme is not None]
    some_class = any(link.code == "scope_other_class" for link in scope)
    left_out = set() if not some_class else {link.code for link in scope}
    return [link.sentence for link in answer.missing if link.blocking and link.code not in left_out]
