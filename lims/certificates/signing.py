"""Approving as a signatory does it: who am I, once more, and then one signature or up to fifty."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from lims.certificates.models import Certificate
from lims.certificates.reported import rows_of
from lims.certificates.road import approve_certificate, check_signatory, signing_reason
from lims.core.clock import local_date
from lims.core.errors import InvalidInput, LimsError, NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork, stale
from lims.people.signing import confirm_signature

MOST_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Chosen:
    """A certificate with the version that the signatory looked at."""

    certificate_id: int
    version: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one. ``number``: the report's; ``code`` and ``sentence`` say why not."""

    certificate_id: int
    ok: bool
    number: str = ""
    code: str = ""
    sentence: str = ""


def sign_certificate(
    uow: UnitOfWork,
    *,
    actor: Actor,
    certificate_id: int,
    version: int,
    password: str,
    code: str,
    reason: str,
    base_url: str,
) -> Certificate:
    """Prove who signs, then approve. What is refused anyway is refused before a code is used up.

    Raises what ``approve_certificate`` and ``confirm_signature`` raise.
    """
    actor.require(Permission.CERTIFICATE_APPROVE)
    signing_reason(reason)
    _look_first(uow, actor, Chosen(certificate_id, version))
    proof = confirm_signature(uow, actor=actor, password=password, code=code)
    return approve_certificate(
        uow,
        actor=actor,
        certificate_id=certificate_id,
        version=version,
        proof=proof,
        reason=reason,
        base_url=base_url,
    )


def sign_certificates(
    uow: UnitOfWork,
    *,
    actor: Actor,
    chosen: Sequence[Chosen],
    password: str,
    code: str,
    reason: str,
    base_url: str,
) -> list[Outcome]:
    """One proof, a signature for each; each is approved in a transaction of its own and may be refused alone.

    Raises InvalidInput (``signature_refused``, ``too_many``), TooManyRequests: then none is signed.
    """
    actor.require(Permission.CERTIFICATE_APPROVE)
    signing_reason(reason)
    wanted = list({one.certificate_id: one for one in chosen}.values())
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        sentence = _("Choose between 1 and %(n)s reports.", n=MOST_AT_ONCE)
        raise InvalidInput(sentence, code="too_many", fields={"chosen": [sentence]})
    refused = {one.certificate_id: fault for one in wanted if (fault := _refusal(uow, actor, one))}
    if len(refused) == len(wanted):
        return [_refused(one.certificate_id, refused[one.certificate_id]) for one in wanted]
    proof = confirm_signature(uow, actor=actor, password=password, code=code)
    return [_approve(uow, actor, one, proof, reason, base_url) for one in wanted]


def _approve(uow: UnitOfWork, actor: Actor, one: Chosen, proof: str, reason: str, base_url: str) -> Outcome:
    try:
        made = approve_certificate(
            uow,
            actor=actor,
            certificate_id=one.certificate_id,
            version=one.version,
            proof=proof,
            reason=reason,
            base_url=base_url,
        )
    except LimsError as fault:
        return _refused(one.certificate_id, fault)
    return Outcome(one.certificate_id, True, made.number or "")


def _refused(certificate_id: int, fault: LimsError) -> Outcome:
    return Outcome(certificate_id, False, code=fault.code, sentence=fault.message)


def _refusal(uow: UnitOfWork, actor: Actor, one: Chosen) -> LimsError | None:
    try:
        _look_first(uow, actor, one)
    except LimsError as fault:
        return fault
    return None


def _look_first(uow: UnitOfWork, actor: Actor, one: Chosen) -> None:
    """Raises what the approval itself would raise for state, version, person and field."""
    certificate = uow.session.get(Certificate, one.certificate_id, populate_existing=True)
    if certificate is None:
        raise NotFound(_("This does not exist (any more)."))
    if certificate.version != one.version:
        raise stale()
    rows = rows_of(uow.session, certificate)
    check_signatory(uow.session, actor, certificate, rows, local_date(uow.now))
