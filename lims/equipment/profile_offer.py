"""Profiles for gateways, over the live channel: a gateway says what it holds, and gets what is in use and differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.jobs import ServiceBeat
from lims.equipment import wire
from lims.equipment.live import beat_name
from lims.equipment.models import Gateway, GatewayState
from lims.equipment.profile_models import DeviceProfile, DeviceProfileVersion

MOST_HELD = 1000
MOST_OFFERED = 20
LARGEST_OFFER = 256 * 1024  # characters in one answer; the rest comes with the next


@dataclass(frozen=True, slots=True)
class Offer:
    key: str
    version: int
    sha256: str
    text: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a gateway says of its profiles. ``refused``: what it would not take, with its sentence."""

    sha256: Mapping[str, str]
    refused: Mapping[str, str]


def read_held(document: Mapping[str, Any]) -> Held | None:
    """None where the post does not speak of profiles. Raises BodyRefused."""
    if document.get("profiles") is None:
        return None
    said = wire.take(document, "profiles", dict)
    held = wire.take(said, "held", dict)
    refused = wire.take(said, "refused", dict)
    if len(held) + len(refused) > MOST_HELD:
        raise wire.wrong("profiles")
    return Held(
        {key: wire.cut(wire.text(held, key), 64) for key in held},
        {key: wire.cut(wire.text(refused, key), 300) for key in refused},
    )


def offers_for(session: Session, held: Held | None) -> Sequence[Offer]:
    """What is in use and not what the gateway holds. What it refused is offered again: it may be newer by then."""
    if held is None:
        return ()
    in_use = (
        select(
            DeviceProfile.key,
            DeviceProfileVersion.number,
            DeviceProfileVersion.sha256,
            DeviceProfileVersion.id,
        )
        .join(DeviceProfileVersion, DeviceProfileVersion.profile_id == DeviceProfile.id)
        .where(DeviceProfileVersion.released_at.is_not(None), DeviceProfileVersion.retired_at.is_(None))
        .order_by(DeviceProfileVersion.id)
    )
    lacking = [row for row in session.execute(in_use) if held.sha256.get(row.key) != row.sha256][
        :MOST_OFFERED
    ]
    if not lacking:
        return ()
    ids = [row.id for row in lacking]
    kept = select(DeviceProfileVersion.id, DeviceProfileVersion.text).where(DeviceProfileVersion.id.in_(ids))
    texts = {one.id: one.text for one in session.execute(kept)}
    offers: list[Offer] = []
    size = 0
    for row in lacking:
        size += len(texts[row.id])
        if offers and size > LARGEST_OFFER:
            break
        offers.append(Offer(row.key, row.number, row.sha256, texts[row.id]))
    return offers


@dataclass(frozen=True, slots=True)
class Holder:
    """A gateway that holds a profile, or refused it. ``number`` None: something else than any version of ours."""

    gateway: Gateway
    number: int | None
    refused: str


def holders_of(session: Session, key: str, versions: Sequence[DeviceProfileVersion]) -> list[Holder]:
    """Enrolled gateways that said something about this profile, by name. Two queries."""
    numbers = {version.sha256: version.number for version in versions}
    gateways = session.scalars(
        select(Gateway).where(Gateway.state == GatewayState.ENROLLED).order_by(Gateway.name)
    ).all()
    named = ServiceBeat.name.in_([beat_name(gateway) for gateway in gateways])
    beats = {beat.name: beat for beat in session.scalars(select(ServiceBeat).where(named))}
    found = []
    for gateway in gateways:
        beat = beats.get(beat_name(gateway))
        said = orjson.loads(beat.detail).get("profiles", {}) if beat else {}
        held, refused = said.get("held", {}).get(key), said.get("refused", {}).get(key, "")
        if held is not None or refused:
            found.append(Holder(gateway, numbers.get(held), refused))
    return found
