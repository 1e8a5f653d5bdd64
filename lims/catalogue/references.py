"""What every change of the catalogue asks of the rows it names: there, and its code not taken."""

from typing import TypeVar

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from lims.catalogue.models import BusinessType, Category, Package, StandardEdition, TestItem
from lims.core.database import Base
from lims.core.errors import Conflict, InvalidInput, NotFound
from lims.core.uow import UnitOfWork

T = TypeVar("T", bound=Base)
Coded = type[Category] | type[StandardEdition] | type[TestItem] | type[Package] | type[BusinessType]


def named(uow: UnitOfWork, model: type[T], ident: int, field: str, *, lock: bool = False) -> T:
    """The row that a form's ``field`` names. Raises InvalidInput (``unknown_reference``): nothing typed is lost."""
    try:
        return uow.get(model, ident, lock=lock)
    except NotFound as unknown:
        sentence = _("This does not exist (any more).")
        raise InvalidInput(sentence, code="unknown_reference", fields={field: [sentence]}) from unknown


def refuse_taken(uow: UnitOfWork, model: Coded, code: str, *, own_id: int | None = None) -> None:
    """Raises Conflict (``code_taken``) when another row has this code."""
    found = uow.session.execute(select(model.id).where(model.code == code)).scalar_one_or_none()
    if found is not None and found != own_id:
        sentence = _("%(code)s is used already.", code=code)
        raise Conflict(sentence, code="code_taken", fields={"code": [sentence]})


def holds_words(words: str, *columns: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Rows in which one of ``columns`` holds the typed text as it stands."""
    text = words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return or_(*(column.ilike(f"%{text}%", escape="\\") for column in columns))
