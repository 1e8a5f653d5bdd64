"""Words of this room, its places in the navigation, and what it adds to the page of a report."""

from enum import StrEnum

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.certificates.models import Certificate
from lims.certificates.states import CertificateState
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.core.web import clock
from lims.portal.links import links_of
from lims.portal.own import Progress
from lims.portal.schemas import LinkLoad
from lims.ui import navigation, panels
from lims.ui.forms import empty_form
from lims.ui.labels import Tone, register
from lims.ui.navigation import Entry
from lims.ui.panels import Panel


class LinkState(StrEnum):
    """What a link does now."""

    OPEN = "open"
    EXPIRED = "expired"
    USED_UP = "used_up"
    REVOKED = "revoked"


register(
    Progress,
    {
        Progress.REGISTERED: _l("registered"),
        Progress.AWAITING_SAMPLES: _l("waiting for samples"),
        Progress.IN_TEST: _l("in test"),
        Progress.REPORTING: _l("report being prepared"),
        Progress.REPORTED: _l("reported"),
        Progress.CANCELLED: _l("cancelled"),
    },
    {
        Progress.REGISTERED: Tone.WAITING,
        Progress.AWAITING_SAMPLES: Tone.WAITING,
        Progress.IN_TEST: Tone.WORKING,
        Progress.REPORTING: Tone.WORKING,
        Progress.REPORTED: Tone.DONE,
        Progress.CANCELLED: Tone.PLAIN,
    },
)
register(
    LinkState,
    {
        LinkState.OPEN: _l("open"),
        LinkState.EXPIRED: _l("expired"),
        LinkState.USED_UP: _l("used up"),
        LinkState.REVOKED: _l("revoked"),
    },
    {LinkState.OPEN: Tone.DONE, LinkState.REVOKED: Tone.PLAIN},
)

_CUSTOMER = frozenset({Role.CUSTOMER})
navigation.register(Entry("portal.orders", _l("My orders"), P.PORTAL_READ, 10, _CUSTOMER))
navigation.register(Entry("portal.certificates", _l("My reports"), P.PORTAL_READ, 20, _CUSTOMER))
navigation.register(
    Entry("portal.links", _l("Download links"), P.LINK_MANAGE, 480, frozenset({Role.SAMPLER}))
)
navigation.register(Entry("portal.verify", _l("Verify a report"), P.SELF, 900, frozenset({Role.DIRECTOR})))


def links_panel(session: Session, actor: Actor, certificate_id: int) -> Panel | None:
    """On the page of an issued report: its links, and the form that gives one."""
    if not actor.can(P.LINK_MANAGE):
        return None
    certificate = session.get(Certificate, certificate_id)
    if certificate is None or certificate.state is not CertificateState.ISSUED:
        return None
    values = {
        "links": links_of(session, certificate_id),
        "form": empty_form(LinkLoad, days=30, max_downloads=20),
        "certificate_id": certificate_id,
        "now": clock()(),
    }
    return Panel("portal/links_panel.html", values)


panels.register("certificates.certificate", "links", links_panel, 50)
