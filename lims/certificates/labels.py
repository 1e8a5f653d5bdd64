"""Words of this room, its places in the navigation, its numbers on the start page, its codes."""

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lims.certificates.search import (
    Waiting,
    by_number,
    certificate_lines,
    only_finished,
    ready_orders,
    waiting_for,
)
from lims.certificates.states import CertificateKind, CertificateState, SignatureMeaning, SigningReason
from lims.core.clock import local_date
from lims.core.paging import CappedCount, capped_count
from lims.core.permissions import Actor, Role
from lims.core.permissions import Permission as P
from lims.core.web import clock
from lims.ui import navigation, scanning
from lims.ui.labels import Tone, label, register
from lims.ui.navigation import CAP, Card, Counter, Entry
from lims.ui.scanning import Found
from reports.document import Language

register(
    CertificateState,
    {
        CertificateState.DRAFT: _l("draft"),
        CertificateState.REVIEWED: _l("reviewed"),
        CertificateState.APPROVED: _l("signed, being made"),
        CertificateState.ISSUED: _l("issued"),
        CertificateState.DROPPED: _l("given up"),
        CertificateState.WITHDRAWN: _l("withdrawn"),
    },
    {CertificateState.APPROVED: Tone.WORKING, CertificateState.DROPPED: Tone.PLAIN},
)
register(CertificateKind, {CertificateKind.TEST_REPORT: _l("Test report")})
register(
    SignatureMeaning,
    {
        SignatureMeaning.PREPARED: _l("prepared it"),
        SignatureMeaning.REVIEWED: _l("reviewed it and agrees"),
        SignatureMeaning.APPROVED: _l("approved it as authorised signatory"),
    },
)
register(
    SigningReason,
    {
        SigningReason.AGREED: _l("The content is right; I approve its issue."),
        SigningReason.AGREED_WITH_REMARKS: _l(
            "The content is right with the remarks it carries; I approve its issue."
        ),
    },
)
register(
    Waiting,
    {
        Waiting.PREPARE: _l("my drafts"),
        Waiting.REVIEW: _l("for my review"),
        Waiting.SIGN: _l("for my signature"),
        Waiting.FILE: _l("for the file"),
    },
)
register(
    Language,
    {Language.ZH: _l("Chinese"), Language.EN: _l("English"), Language.BOTH: _l("Chinese and English")},
)


def _count(waiting: Waiting) -> Counter:
    def count(session: Session, actor: Actor) -> CappedCount:
        today = local_date(clock()())
        return capped_count(session, waiting_for(certificate_lines(), waiting, session, actor, today), CAP)

    return count


def _count_ready(session: Session, _actor: Actor) -> CappedCount:
    return capped_count(session, only_finished(ready_orders()), CAP)


_PREPARING = frozenset({Role.RECEPTION, Role.REVIEWER})
_READING = frozenset(
    {Role.RECEPTION, Role.REVIEWER, Role.SIGNATORY, Role.QUALITY_MANAGER, Role.DIRECTOR, Role.SECTION_HEAD}
)
navigation.register(
    Entry("certificates.ready", _l("Ready for a report"), P.CERTIFICATE_DRAFT, 400, _PREPARING, _count_ready)
)
navigation.register(
    Entry(
        "certificates.certificates",
        _l("To review"),
        P.CERTIFICATE_REVIEW,
        410,
        frozenset({Role.REVIEWER}),
        _count(Waiting.REVIEW),
        {"waiting": "review"},
    )
)
navigation.register(
    Entry(
        "certificates.to_sign",
        _l("To sign"),
        P.CERTIFICATE_APPROVE,
        420,
        frozenset({Role.SIGNATORY}),
        _count(Waiting.SIGN),
    )
)
navigation.register(Entry("certificates.certificates", _l("Reports"), P.CERTIFICATE_READ, 430, _READING))
navigation.register(
    Entry(
        "certificates.laboratory",
        _l("Laboratory on paper"),
        P.SETTINGS_EDIT,
        715,
        frozenset({Role.ADMINISTRATOR}),
    )
)
navigation.register_card(
    Card(
        "certificates.ready",
        _l("Ready for a report"),
        P.CERTIFICATE_DRAFT,
        _count_ready,
        order=400,
        values={"whole": "yes"},
        tone=Tone.WORKING,
    )
)
navigation.register_card(
    Card(
        "certificates.certificates",
        _l("Reports to review"),
        P.CERTIFICATE_REVIEW,
        _count(Waiting.REVIEW),
        order=410,
        values={"waiting": "review"},
        tone=Tone.WORKING,
    )
)
navigation.register_card(
    Card(
        "certificates.to_sign",
        _l("Reports to sign"),
        P.CERTIFICATE_APPROVE,
        _count(Waiting.SIGN),
        order=420,
        tone=Tone.WORKING,
    )
)


def _resolve(session: Session, actor: Actor, code: str) -> Found | None:
    """A report's number, or the address in its QR code."""
    if not actor.can(P.CERTIFICATE_READ):
        return None
    row = by_number(session, code.split("/v/", 1)[1].split("/")[0] if "/v/" in code else code)
    if row is None:
        return None
    href = url_for("certificates.certificate", certificate_id=row.id)
    tone = "fault" if row.state is CertificateState.WITHDRAWN else "done"
    return Found(href, _("%(number)s: %(state)s", number=row.number, state=str(label(row.state))), tone)


scanning.register("certificate", _resolve, order=40)
