"""Gateways: created with a one-time code, enrolled with a key of their own, revoked with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from lims.core.jobs import ServiceBeat
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.core.workflow import take_step
from lims.equipment.live import DeviceNow, GatewayNow, beat_name, devices_now, gateways_now
from lims.equipment.models import Device, Gateway, GatewayState
from lims.equipment.signed import BodyRefused, check_signature, gateway_actor, strict_base64
from lims.equipment.states import GATEWAY_STEPS
from lims.people.codes import code_hash, new_code

CODE_LIVES = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class NewGateway:
    """``code``: shown now and never again; typed at the bench until ``expires_at``."""

    gateway: Gateway
    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class GatewayPage:
    """A gateway as it is now, with its devices."""

    now: GatewayNow
    devices: list[DeviceNow]


def create_gateway(uow: UnitOfWork, *, actor: Actor, name: str, place: str = "") -> NewGateway:
    """Raises Conflict (``gateway_exists``)."""
    actor.require(Permission.GATEWAY_EDIT)
    with uow:
        if find_gateway(uow.session, name) is not None:
            sentence = _("A gateway of this name exists already.")
            raise Conflict(sentence, code="gateway_exists", fields={"name": [sentence]})
        row = Gateway(name=name, place=place, state=GatewayState.WAITING)
        code, expires = _give_code(uow, row)
        uow.add(row)
        uow.audit("gateway.create", actor, row)
        uow.commit()
    return NewGateway(row, code, expires)


def renew_code(uow: UnitOfWork, *, actor: Actor, gateway_id: int, version: int | None = None) -> NewGateway:
    """A new one-time code. The present key serves until a new one is enrolled with it."""
    actor.require(Permission.GATEWAY_EDIT)
    with uow:
        row = uow.get(Gateway, gateway_id, version=version)
        code, expires = _give_code(uow, row)
        uow.audit("gateway.code", actor, row, after={"code_expires_at": expires})
        uow.commit()
    return NewGateway(row, code, expires)


def _give_code(uow: UnitOfWork, row: Gateway) -> tuple[str, datetime]:
    code = new_code()
    row.code_hash, row.code_expires_at = code_hash(code), uow.now + CODE_LIVES
    return code, row.code_expires_at


@dataclass(frozen=True, slots=True)
class Offer:
    """What a gateway sends to enrol. ``public_key``: hex."""

    code: str
    public_key: str
    name: str
    host: str
    software: str


def read_offer(document: Mapping[str, object]) -> Offer:
    """Raises BodyRefused."""
    texts = {}
    for field in ("code", "public_key", "name", "host", "software"):
        value = document.get(field)
        if not isinstance(value, str) or len(value) > 200 or "\x00" in value:
            raise BodyRefused(_("“%(field)s” is missing or not a short text.", field=field))
        texts[field] = value
    key = strict_base64(texts.pop("public_key"))
    if key is None or len(key) != 32:
        raise BodyRefused(_("“%(field)s” is not 32 bytes in base64.", field="public_key"))
    return Offer(public_key=key.hex(), **texts)


def enrol_gateway(
    uow: UnitOfWork, *, actor: Actor, offer: Offer, body: bytes, signature: str | None
) -> Gateway:
    """Pin the key of whoever shows the code and holds the key; the code is spent.

    ``actor``: the gateway to be. Raises NotSignedIn (``signature_wrong``), PermissionDenied
    (``enrolment_code_wrong``: unknown, used or expired), BodyRefused (a key that was used before).
    """
    check_signature(offer.public_key, "enrol", body, signature)
    with uow:
        open_code = (Gateway.code_hash == code_hash(offer.code)) & (Gateway.code_expires_at > uow.now)
        row = uow.session.scalar(select(Gateway).where(open_code).with_for_update(of=Gateway))
        if row is None:
            raise PermissionDenied(
                _("This code is not open: it is unknown, used or expired."), code="enrolment_code_wrong"
            )
        if uow.session.scalar(select(Gateway.id).where(Gateway.public_key == offer.public_key)) is not None:
            raise BodyRefused(_("This key belongs to a gateway already; make a new one."))
        row.state = take_step(GATEWAY_STEPS, "enrol", row.state)
        row.public_key, row.enrolled_at = offer.public_key, uow.now
        row.code_hash = row.code_expires_at = row.revoked_at = None
        row.revoke_reason, row.host, row.software = "", offer.host[:120], offer.software[:80]
        uow.audit("gateway.enrol", gateway_actor(row.name, actor.ip), row)
        uow.commit()
    return row


def revoke_gateway(
    uow: UnitOfWork, *, actor: Actor, gateway_id: int, reason: str, version: int | None = None
) -> Gateway:
    """Nothing more is taken from it; what it delivered stays. An open code is void."""
    actor.require(Permission.GATEWAY_EDIT)
    if not reason.strip():
        raise InvalidInput(_("Say why."), code="reason_missing", fields={"reason": [_("Say why.")]})
    with uow:
        row = uow.get(Gateway, gateway_id, version=version)
        row.state = take_step(GATEWAY_STEPS, "revoke", row.state)
        row.revoked_at, row.revoke_reason = uow.now, reason.strip()
        row.code_hash = row.code_expires_at = None
        uow.audit("gateway.revoke", actor, row, reason=reason.strip())
        beat = uow.session.get(ServiceBeat, beat_name(row))
        if beat is not None:  # the health page need not wait for it any more
            uow.session.delete(beat)
        uow.commit()
    return row


def find_gateway(session: Session, name: str) -> Gateway | None:
    return session.scalar(select(Gateway).where(Gateway.name == name))


def list_gateways(session: Session, *, actor: Actor, now: datetime) -> list[GatewayNow]:
    actor.require(Permission.GATEWAY_EDIT)
    return gateways_now(session, now)


def gateway_page(session: Session, *, actor: Actor, gateway_id: int, now: datetime) -> GatewayPage:
    """Raises NotFound. A fixed number of queries."""
    actor.require(Permission.GATEWAY_EDIT)
    found = gateways_now(session, now, {gateway_id})
    if not found:
        raise NotFound(_("This gateway does not exist."))
    ids = session.scalars(select(Device.id).where(Device.gateway_id == gateway_id)).all()
    return GatewayPage(found[0], devices_now(session, now, ids=ids))


def gateway_device(
    session: Session, *, actor: Actor, gateway_id: int, device_id: int, now: datetime
) -> DeviceNow:
    """One device of this gateway. Raises NotFound."""
    actor.require(Permission.GATEWAY_EDIT)
    found = [d for d in devices_now(session, now, ids={device_id}) if d.device.gateway_id == gateway_id]
    if not found:
        raise NotFound(_("This gateway has no such device."))
    return found[0]
