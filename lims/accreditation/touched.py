"""Granted lines and authorisations that hang on a standard, for currency checks of the catalogue below."""

from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lims.accreditation.models import Authorisation, ScopeRow
from lims.catalogue.models import Method, TestItem
from lims.catalogue.touched import Touched, TouchedKind


def scope_touched(session: Session, standard_ids: Collection[int], on: date) -> Iterable[Touched]:
    """Lines that have not ended ``on`` that day; authorisations by method, with how many people hold one."""
    lines = session.execute(
        select(Method.standard_id, ScopeRow.id, ScopeRow.scheme, TestItem.name_zh, TestItem.name_en)
        .join(ScopeRow, ScopeRow.method_id == Method.id)
        .join(TestItem, TestItem.id == Method.test_item_id)
        .where(Method.standard_id.in_(standard_ids), ScopeRow.valid_to >= on)
        .order_by(TestItem.code, ScopeRow.id)
    )
    for standard_id, ident, scheme, zh, en in lines:
        names = (f"{scheme.value} {zh}", f"{scheme.value} {en}")
        yield Touched(
            standard_id, TouchedKind.SCOPE, *names, "accreditation.scope_row", {"scope_row_id": ident}
        )
    people = session.execute(
        select(Method.standard_id, Method.id, TestItem.name_zh, TestItem.name_en, func.count())
        .join(Authorisation, Authorisation.method_id == Method.id)
        .join(TestItem, TestItem.id == Method.test_item_id)
        .where(
            Method.standard_id.in_(standard_ids),
            Authorisation.valid_to >= on,
            Authorisation.suspended_at.is_(None),
        )
        .group_by(Method.standard_id, Method.id, TestItem.name_zh, TestItem.name_en)
        .order_by(Method.id)
    )
    for standard_id, method_id, zh, en, count in people:
        names = (f"{zh}（{count} 人）", f"{en} ({count} {'person' if count == 1 else 'people'})")
        yield Touched(
            standard_id, TouchedKind.AUTHORISATION, *names, "accreditation.gate", {"method_id": method_id}
        )
