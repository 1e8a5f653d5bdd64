"""Business types: one row switches payer, papers, clock, verdict and statement."""

from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.catalogue.models import BusinessType, Payer
from lims.catalogue.references import refuse_taken
from lims.core.calendar import work_calendar
from lims.core.errors import InvalidInput, NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork


@dataclass(frozen=True, slots=True)
class BusinessTypeText:
    """``working_days``: promise from registration, 1 to 365; ``retention_days``: 0 to 3650."""

    code: str
    name_zh: str
    name_en: str
    payer: Payer
    working_days: int
    sampling_form: bool = False
    backup_sample: bool = False
    judged: bool = True
    statement_zh: str = ""
    statement_en: str = ""
    retention_days: int = 90
    active: bool = True


def due_on(session: Session, business_type: BusinessType, start: date) -> date:
    """The promised day: the type's working days after ``start`` by the laboratory's calendar."""
    return work_calendar(session).add(start, business_type.working_days)


def business_types(session: Session, *, also_retired: bool = False) -> list[BusinessType]:
    wanted = select(BusinessType).order_by(BusinessType.id)
    return list(session.scalars(wanted if also_retired else wanted.where(BusinessType.active)))


def business_type(session: Session, business_type_id: int) -> BusinessType:
    row = session.get(BusinessType, business_type_id)
    if row is None:
        raise NotFound(_("This business type does not exist."))
    return row


def create_business_type(
    uow: UnitOfWork, *, actor: Actor, text: BusinessTypeText, request_key: RequestKey | None = None
) -> BusinessType:
    actor.require(Permission.CATALOGUE_EDIT)
    _check(text)
    with uow:
        if (made := uow.replayed(BusinessType, actor=actor, request_key=request_key)) is not None:
            return made
        refuse_taken(uow, BusinessType, text.code)
        row = uow.add(BusinessType(**_values(text)))
        uow.audit("business_type.add", actor, row)
        uow.remember(row)
        uow.commit()
    return row


def business_type_of_code(uow: UnitOfWork, actor: Actor, text: BusinessTypeText) -> BusinessType:
    """The type with the code of ``text``, made from it where there is none yet (caller's unit of work)."""
    row = uow.session.scalars(select(BusinessType).where(BusinessType.code == text.code)).first()
    if row is None:
        row = uow.add(BusinessType(**_values(text)))
        uow.audit("business_type.add", actor, row)
    return row


def edit_business_type(
    uow: UnitOfWork, *, actor: Actor, business_type_id: int, version: int, text: BusinessTypeText
) -> BusinessType:
    """Orders keep the due date they were promised."""
    actor.require(Permission.CATALOGUE_EDIT)
    _check(text)
    with uow:
        row = uow.get(BusinessType, business_type_id, version=version)
        refuse_taken(uow, BusinessType, text.code, own_id=business_type_id)
        for name, value in _values(text).items():
            setattr(row, name, value)
        uow.audit("business_type.edit", actor, row)
        uow.commit()
    return row


def _values(text: BusinessTypeText) -> dict[str, object]:
    return {name: getattr(text, name) for name in BusinessTypeText.__slots__}


def _check(text: BusinessTypeText) -> None:
    if not 1 <= text.working_days <= 365:
        raise InvalidInput(
            _("The clock of a business type is 1 to 365 working days."),
            code="working_days",
            fields={"working_days": [_("1 to 365.")]},
        )
    if not 0 <= text.retention_days <= 3650:
        raise InvalidInput(
            _("Samples are kept 0 to 3650 days."),
            code="retention_days",
            fields={"retention_days": [_("0 to 3650.")]},
        )
    if text.backup_sample and not text.sampling_form:
        raise InvalidInput(
            _("A sealed backup sample is drawn with a sampling form."),
            code="backup_needs_form",
            fields={"sampling_form": [_("Needed with backup samples.")]},
        )
