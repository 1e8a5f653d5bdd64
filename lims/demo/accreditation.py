"""Fill the granted scope, and authorise people for every method of the fields they work in."""

from collections.abc import Collection, Mapping
from datetime import date

from sqlalchemy import select

from lims.accreditation.grants import grant_authorisation, grant_signing
from lims.accreditation.models import Scheme
from lims.accreditation.scope import ScopeText, add_scope
from lims.catalogue.models import Method, TestItem
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.demo.read import facts

# One accreditation period of six years (CMA) and one of six (CNAS); authorisations for three.
SCOPE_DAYS = {
    Scheme.CMA: (date(2023, 6, 1), date(2029, 5, 31)),
    Scheme.CNAS: (date(2022, 9, 15), date(2028, 9, 14)),
}
GRANT_DAYS = (date(2025, 1, 1), date(2027, 12, 31))


def seed_accreditation(
    uow: UnitOfWork,
    *,
    actor: Actor,
    authorised: Mapping[int, Collection[str]],
    signing: Mapping[int, Collection[str]],
    without: Mapping[int, Collection[str]] | None = None,
) -> None:
    """``authorised``: fields by account id; ``without``: item codes an account is not authorised for.

    Fields in use: food_chemistry, food_microbiology, electrical, food_contact, materials.
    ``actor`` grants, so is none of the accounts.
    """
    rows = uow.session.execute(select(Method.id, TestItem.code, TestItem.field).join(Method.test_item))
    methods = [(row.id, row.code, row.field) for row in rows]
    granted = {row["code"]: row["schemes"] for row in facts("items")}
    for method_id, code, _field in methods:
        for name in granted[code]:
            first, last = SCOPE_DAYS[Scheme(name)]
            add_scope(uow, actor=actor, text=ScopeText(Scheme(name), method_id, first, last))
    for account_id, fields in authorised.items():
        left_out = (without or {}).get(account_id, ())
        for method_id, code, field in methods:
            if field in fields and code not in left_out:
                grant_authorisation(
                    uow,
                    actor=actor,
                    account_id=account_id,
                    method_id=method_id,
                    valid_from=GRANT_DAYS[0],
                    valid_to=GRANT_DAYS[1],
                )
    for account_id, fields in signing.items():
        for field in fields:
            grant_signing(
                uow,
                actor=actor,
                account_id=account_id,
                field=field,
                valid_from=GRANT_DAYS[0],
                valid_to=GRANT_DAYS[1],
            )
