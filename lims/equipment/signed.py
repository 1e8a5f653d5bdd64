"""Who sent these bytes: the signature of a gateway (docs/capture-protocol.md, section 1)."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from instruments.keys import fingerprint, signing_bytes
from lims.core.errors import LimsError, NotSignedIn, PermissionDenied
from lims.core.permissions import Actor
from lims.equipment.models import Gateway, GatewayState


class BodyRefused(LimsError):
    """The signed body itself is wrong (HTTP 400)."""

    code = "body_wrong"


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that is proved to come from an enrolled gateway. ``public_key``: hex."""

    gateway_id: int
    name: str
    public_key: str
    signature: str
    body: bytes
    document: dict[str, Any]

    @property
    def actor(self) -> Actor:
        return gateway_actor(self.name)


def gateway_actor(name: str, ip: str | None = None) -> Actor:
    """A gateway has no permission but to deliver: what it may do, its signature says."""
    return Actor(id=None, name=name, kind="gateway", ip=ip)


def read_signed(
    session: Session, purpose: str, *, gateway: str | None, signature: str | None, body: bytes
) -> Signed:
    """Raises NotSignedIn (``gateway_unknown``, ``signature_wrong``), PermissionDenied (``gateway_revoked``),
    BodyRefused (``not_canonical``, ``body_wrong``, ``gateway_mismatch``), in this order."""
    row = _known(session, gateway)
    if row is None or row.public_key is None:
        raise NotSignedIn(_("No gateway of this number is enrolled here."), code="gateway_unknown")
    check_signature(row.public_key, purpose, body, signature)
    if row.state is GatewayState.REVOKED:
        raise PermissionDenied(_("This gateway was revoked."), code="gateway_revoked")
    document = read_canonical(body)
    if document.get("gateway") != gateway:
        raise BodyRefused(_("The body names another gateway than the request."), code="gateway_mismatch")
    return Signed(row.id, row.name, row.public_key, signature or "", body, document)


def _known(session: Session, gateway: str | None) -> Gateway | None:
    if not gateway or len(gateway) > 15 or not (gateway.isascii() and gateway.isdigit()):
        return None
    found = select(Gateway).where(Gateway.id == int(gateway))
    return session.scalar(found.execution_options(populate_existing=True))


def check_signature(public_key: str, purpose: str, body: bytes, signature: str | None) -> None:
    """``public_key`` in hex, ``signature`` in base64. Raises NotSignedIn (``signature_wrong``)."""
    if not signature_holds(public_key, purpose, body, signature):
        raise NotSignedIn(
            _("The signature does not belong to this body and this gateway's key."), code="signature_wrong"
        )


def signature_holds(public_key: str, purpose: str, body: bytes, signature: str | None) -> bool:
    given = strict_base64(signature or "")
    if given is None or len(given) != 64:
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(given, signing_bytes(purpose, body))
    except (InvalidSignature, ValueError):
        return False
    return True


def read_canonical(body: bytes) -> dict[str, Any]:
    """The JSON object in its one spelling. Raises BodyRefused (``not_canonical``, ``body_wrong``).

    Fractions, whole numbers of 2^53 and more, and keys outside ASCII have no place in it.
    """
    try:
        document = orjson.loads(body)
        same = orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER) == body
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        same = False
    if not same or (not body.isascii() and not _ascii_keys(document)) or _has_fraction(document):
        raise BodyRefused(_("The body is not canonical JSON."), code="not_canonical")
    if not isinstance(document, dict):
        raise BodyRefused(_("The body is not a JSON object."))
    return document


def _ascii_keys(value: object) -> bool:
    if isinstance(value, dict):
        return all(k.isascii() and _ascii_keys(v) for k, v in value.items())
    return all(map(_ascii_keys, value)) if isinstance(value, list) else True


def _has_fraction(value: object) -> bool:
    kind = type(value)
    if kind is dict:
        return any(_has_fraction(v) for v in value.values() if type(v) not in _PLAIN)  # type: ignore[attr-defined]
    if kind is list:
        return any(_has_fraction(v) for v in value if type(v) not in _PLAIN)  # type: ignore[attr-defined]
    return kind is float


_PLAIN = frozenset({str, int, bool, type(None)})


def strict_base64(text: str) -> bytes | None:
    """None unless ``text`` is the one spelling of its bytes (decoders accept stray trailing bits)."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None


def key_fingerprint(public_key: str | None) -> str:
    """What two people compare across a bench and a screen; empty without a key."""
    return fingerprint(bytes.fromhex(public_key)) if public_key else ""
