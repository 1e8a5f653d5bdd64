"""Who we are on paper: one row, printed on every report from the next approval on."""

from collections.abc import Mapping

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lims.certificates.models import LaboratoryDetails
from lims.core.errors import InvalidInput
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork, stale

THE_ROW = 1
NEEDED = ("name_zh", "name_en", "address_zh", "address_en")
FIELDS = (*NEEDED, "registration_no", "postcode", "phone", "email", "website", "cma_number", "cnas_number")


def laboratory_details(session: Session) -> LaboratoryDetails | None:
    """None until the administrator has entered them."""
    return session.get(LaboratoryDetails, THE_ROW)


def save_laboratory(
    uow: UnitOfWork, *, actor: Actor, version: int | None, values: Mapping[str, str]
) -> LaboratoryDetails:
    """``values``: by the names of FIELDS. ``version``: of the row that was shown; None the first time.

    Reports that are reviewed but not approved must be returned and reviewed anew. Raises InvalidInput,
    StaleVersion.
    """
    actor.require(Permission.SETTINGS_EDIT)
    missing = {name: [_("Please fill this in.")] for name in NEEDED if not values.get(name, "").strip()}
    if missing:
        raise InvalidInput(_("Name and address are printed on every report."), fields=missing)
    with uow:
        row = uow.session.get(LaboratoryDetails, THE_ROW, with_for_update=True, populate_existing=True)
        if (row.version if row is not None else None) != version:
            raise stale()
        if row is None:
            row = LaboratoryDetails(id=THE_ROW)
            uow.session.add(row)
        for name in FIELDS:
            setattr(row, name, values.get(name, "").strip())
        uow.audit("laboratory.save", actor, row)
        uow.commit()
    return row
