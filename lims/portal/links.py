"""Links for a customer without an account: one report, until it expires, is used up or revoked."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from lims.certificates.models import Certificate
from lims.certificates.states import CertificateState
from lims.core.errors import InvalidInput, NotFound, TransitionRefused
from lims.core.files import FileStore
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.intake.models import Customer
from lims.portal.models import CustomerLink, LinkDownload

LONGEST_DAYS, MOST_DOWNLOADS = 365, 100


@dataclass(frozen=True, slots=True)
class NewLink:
    """``token`` is shown once: only its hash is kept. None where the same request came again."""

    row: CustomerLink
    token: str | None


@dataclass(frozen=True, slots=True)
class OpenLink:
    """What the landing page shows."""

    link: CustomerLink
    certificate: Certificate
    customer: str
    left: int


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def create_link(
    uow: UnitOfWork,
    *,
    actor: Actor,
    certificate_id: int,
    days: int = 30,
    max_downloads: int = 20,
    request_key: RequestKey | None = None,
) -> NewLink:
    """A link to an issued report for its customer. ``days`` 1 to 365, ``max_downloads`` 1 to 100."""
    actor.require(Permission.LINK_MANAGE)
    _check_between("days", days, LONGEST_DAYS)
    _check_between("max_downloads", max_downloads, MOST_DOWNLOADS)
    with uow:
        if (prior := uow.replayed(CustomerLink, actor=actor, request_key=request_key)) is not None:
            return NewLink(prior, None)
        certificate = uow.get(Certificate, certificate_id, lock=False)
        if certificate.state is not CertificateState.ISSUED:
            raise TransitionRefused(_("Only an issued report has a file to give."), code="not_issued")
        token = secrets.token_urlsafe(32)
        row = uow.add(
            CustomerLink(
                token_hash=hashed(token),
                certificate_id=certificate.id,
                customer_id=certificate.customer_id,
                created_by=actor.id,
                created_at=uow.now,
                expires_at=uow.now + timedelta(days=days),
                max_downloads=max_downloads,
            )
        )
        uow.audit("link.create", actor, row, after=_told(row))
        uow.remember(row)
        uow.commit()
    return NewLink(row, token)


def _told(row: CustomerLink) -> dict[str, object]:
    """For the trail: everything but the hash of the token."""
    return {
        "certificate_id": row.certificate_id,
        "customer_id": row.customer_id,
        "expires_at": row.expires_at,
        "max_downloads": row.max_downloads,
    }


def _check_between(field: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        sentence = _("From %(low)s to %(high)s.", low=1, high=most)
        raise InvalidInput(sentence, code="value_out_of_range", fields={field: [sentence]})


def revoke_link(uow: UnitOfWork, *, actor: Actor, link_id: int) -> CustomerLink:
    """From this moment on the link opens nothing. Revoked twice is revoked."""
    actor.require(Permission.LINK_MANAGE)
    with uow:
        row = uow.get(CustomerLink, link_id)
        if row.revoked_at is None:
            row.revoked_at = uow.now
            uow.audit("link.revoke", actor, row)
            uow.commit()
    return row


def open_link(session: Session, token: str, now: datetime) -> OpenLink:
    """What the holder of ``token`` may download. Raises NotFound: unknown, expired, revoked, used up alike."""
    found = session.scalars(
        select(CustomerLink).where(CustomerLink.token_hash == hashed(token))
    ).one_or_none()
    if found is None or found.revoked_at is not None or found.expires_at <= now:
        raise _gone()
    certificate = session.get_one(Certificate, found.certificate_id)
    customer = session.get_one(Customer, found.customer_id)
    used = session.scalar(select(func.count()).where(LinkDownload.link_id == found.id)) or 0
    left = found.max_downloads - used
    if left <= 0 or certificate.state is not CertificateState.ISSUED:
        raise _gone()
    return OpenLink(found, certificate, customer.name, left)


def _gone() -> NotFound:
    return NotFound(
        _("This link opens nothing (any more). Please ask the laboratory for a new one."), code="link_gone"
    )


def download_by_link(
    uow: UnitOfWork, store: FileStore, *, actor: Actor, token: str
) -> tuple[Certificate, bytes]:
    """The issued bytes; each download is counted before they leave. ``actor``: the visitor."""
    with uow:
        wanted = select(CustomerLink.id).where(CustomerLink.token_hash == hashed(token))
        link_id = uow.session.scalar(wanted)
        if link_id is not None:
            uow.get(CustomerLink, link_id)  # locked: two downloads at once count two
        opened = open_link(uow.session, token, uow.now)
        assert opened.certificate.pdf_sha256 is not None
        content = store.read(opened.certificate.pdf_sha256)
        row = uow.add(LinkDownload(link_id=opened.link.id, at=uow.now, ip=actor.ip))
        uow.audit("link.download", actor, row)
        uow.commit()
    return opened.certificate, content


def link_lines() -> Select[Any]:
    """For the list: one line a link with its report, customer and how often it was used."""
    used = (
        select(func.count())
        .where(LinkDownload.link_id == CustomerLink.id)
        .correlate(CustomerLink)
        .scalar_subquery()
    )
    return (
        select(
            *(CustomerLink.id, CustomerLink.created_at, CustomerLink.expires_at, CustomerLink.revoked_at),
            *(CustomerLink.max_downloads, CustomerLink.certificate_id),
            used.label("used"),
            Certificate.number.label("number"),
            Customer.name.label("customer"),
        )
        .join(Certificate, Certificate.id == CustomerLink.certificate_id)
        .join(Customer, Customer.id == CustomerLink.customer_id)
    )


def links_of(session: Session, certificate_id: int) -> list[Any]:
    """The links of one report, newest first."""
    statement = link_lines().where(CustomerLink.certificate_id == certificate_id)
    return list(session.execute(statement.order_by(CustomerLink.id.desc()).limit(50)))


def with_words(lines: Select[Any], words: str) -> Select[Any]:
    """Number of the report from its start, or part of the customer's name."""
    safe = words.replace("%", "").replace("_", "")[:100]
    return lines.where(or_(Certificate.number.like(f"{safe}%"), Customer.name.ilike(f"%{safe}%")))
