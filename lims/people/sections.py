"""The laboratory's departments."""

import re
from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.errors import Conflict, InvalidInput, NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.people.models import Section

# What a new installation starts with; names can be changed, codes stay.
FIRST_SECTIONS = (
    ("reception", "业务受理室", "Reception"),
    ("chemistry", "理化室", "Chemistry"),
    ("microbiology", "微生物室", "Microbiology"),
    ("quality", "质量管理室", "Quality management"),
)


def list_sections(session: Session) -> Sequence[Section]:
    return session.execute(select(Section).order_by(Section.code)).scalars().all()


def get_section(session: Session, section_id: int) -> Section:
    found = session.get(Section, section_id)
    if found is None:
        raise NotFound(_("This does not exist (any more)."))
    return found


def save_section(
    uow: UnitOfWork, *, actor: Actor, code: str, name_zh: str, name_en: str, section_id: int | None = None
) -> Section:
    """A new section, or (with ``section_id``) other names for one. Raises Conflict (``code_taken``)."""
    actor.require(Permission.ACCOUNT_EDIT)
    if not re.fullmatch(r"[a-z0-9][a-z0-9_\-]{0,39}", code):
        fault = _("A code has lower-case letters, figures and hyphens.")
        raise InvalidInput(fault, fields={"code": [fault]})
    with uow:
        other = uow.session.execute(select(Section.id).where(Section.code == code)).scalar_one_or_none()
        if other is not None and other != section_id:
            fault = _("Another section has this code.")
            raise Conflict(fault, code="code_taken", fields={"code": [fault]})
        if section_id is None:
            row = Section(code=code, name_zh=name_zh, name_en=name_en)
            uow.add(row)
        else:
            row = uow.get(Section, section_id)
            row.code, row.name_zh, row.name_en = code, name_zh, name_en
        uow.audit("section.save", actor, row)
        uow.commit()
    return row
