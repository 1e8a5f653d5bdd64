"""Words, colours and places in the navigation of this room."""

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.paging import CappedCount, capped_count
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.quality.face import today
from lims.quality.models import Nonconformity
from lims.quality.search import Attention, needing
from lims.quality.states import (
    CoverKind,
    CustomerTold,
    Decision,
    NonconformityState,
    Significance,
    Source,
)
from lims.ui import navigation, scanning
from lims.ui.labels import Tone, label, register
from lims.ui.navigation import CAP, Card, Counter, Entry
from lims.ui.scanning import Found

N = NonconformityState
register(
    NonconformityState,
    {
        N.OPENED: _l("to evaluate"),
        N.EVALUATED: _l("to decide"),
        N.DECIDED: _l("work decided"),
        N.CORRECTING: _l("being corrected"),
        N.CHECKING: _l("effect to check"),
        N.CLOSED: _l("closed"),
    },
    {
        N.OPENED: Tone.FAULT,
        N.EVALUATED: Tone.RETURNED,
        N.DECIDED: Tone.WORKING,
        N.CORRECTING: Tone.WORKING,
        N.CHECKING: Tone.HELD,
        N.CLOSED: Tone.DONE,
    },
)
register(
    Source,
    {
        Source.CONTROL_FAILURE: _l("quality control"),
        Source.EQUIPMENT: _l("equipment"),
        Source.PROFICIENCY: _l("proficiency test"),
        Source.COMPLAINT: _l("complaint"),
        Source.AUDIT: _l("audit"),
        Source.OTHER: _l("somebody here"),
    },
)
register(
    Significance,
    {Significance.MINOR: _l("minor"), Significance.MAJOR: _l("major")},
    {Significance.MAJOR: Tone.FAULT},
)
register(
    Decision,
    {
        Decision.ACCEPT: _l("the results stand"),
        Decision.REPEAT: _l("repeat the work"),
        Decision.REJECT: _l("give no result"),
        Decision.RECALL: _l("recall the report"),
        Decision.STOP: _l("stop the work"),
        Decision.NOT_CONFIRMED: _l("not confirmed"),
    },
    {
        Decision.ACCEPT: Tone.DONE,
        Decision.REPEAT: Tone.RETURNED,
        Decision.REJECT: Tone.FAULT,
        Decision.RECALL: Tone.FAULT,
        Decision.STOP: Tone.HELD,
    },
)
register(
    CustomerTold,
    {
        CustomerTold.NOT_CONCERNED: _l("no customer is concerned"),
        CustomerTold.TO_TELL: _l("is still to be told"),
        CustomerTold.TOLD: _l("was told"),
    },
    {CustomerTold.TO_TELL: Tone.RETURNED, CustomerTold.TOLD: Tone.DONE},
)
register(
    CoverKind,
    {
        CoverKind.REQUESTED_TEST: _l("test (sample/item)"),
        CoverKind.WORKSHEET: _l("worksheet"),
        CoverKind.SAMPLE: _l("sample"),
        CoverKind.ORDER: _l("order"),
        CoverKind.EQUIPMENT: _l("equipment"),
        CoverKind.CERTIFICATE: _l("report"),
        CoverKind.TEST_ITEM: _l("test item"),
        CoverKind.PROFICIENCY: _l("proficiency result"),
    },
)
register(
    Attention,
    {
        Attention.OPEN: _l("not closed"),
        Attention.DECIDE: _l("for a decision on the work"),
        Attention.MINE: _l("for my action"),
        Attention.OVERDUE: _l("action overdue"),
    },
)


def _count(attention: Attention) -> Counter:
    def count(session: Session, actor: Actor) -> CappedCount:
        return capped_count(session, needing(select(Nonconformity.id), attention, actor, today()), CAP)

    return count


_LIST = "quality.nonconformities"
_CARING = frozenset({Role.QUALITY_MANAGER, Role.SECTION_HEAD, Role.DIRECTOR})
navigation.register(
    Entry(
        _LIST,
        _l("Nonconformities"),
        P.NONCONFORMITY_READ,
        440,
        _CARING,
        _count(Attention.OPEN),
        {"attention": "open"},
    )
)
navigation.register_card(
    Card(
        _LIST,
        _l("Nonconformities to decide"),
        P.NONCONFORMITY_DECIDE,
        _count(Attention.DECIDE),
        order=440,
        values={"attention": "decide"},
        tone=Tone.RETURNED,
    )
)
navigation.register_card(
    Card(
        _LIST,
        _l("Corrective actions overdue"),
        P.NONCONFORMITY_HANDLE,
        _count(Attention.OVERDUE),
        order=441,
        values={"attention": "overdue"},
        tone=Tone.FAULT,
        quiet=True,
    )
)
navigation.register_card(
    Card(
        _LIST,
        _l("My corrective actions"),
        P.NONCONFORMITY_READ,
        _count(Attention.MINE),
        order=442,
        values={"attention": "mine"},
        tone=Tone.RETURNED,
        quiet=True,
    )
)


def _resolve(session: Session, actor: Actor, code: str) -> Found | None:
    """The number of a nonconformity."""
    if not actor.can(P.NONCONFORMITY_READ):
        return None
    found = select(Nonconformity).where(Nonconformity.number.in_({code, code.upper()}))
    row = session.scalars(found).first()
    if row is None:
        return None
    href = url_for("quality.nonconformity", nonconformity_id=row.id)
    return Found(href, _("%(number)s: %(state)s", number=row.number, state=str(label(row.state))), "working")


scanning.register("nonconformity", _resolve, order=60)
