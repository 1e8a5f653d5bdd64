"""What hangs on the gateways now: latest figures, links, and who is watching. Overwritten, never a record."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.core.jobs import ServiceBeat
from lims.equipment.models import Device, DeviceLive, Gateway, GatewayState
from lims.equipment.states import Link, Liveness

# Three slow rounds and more without a word.
AWAY_AFTER = timedelta(seconds=15)
CLOCK_OFF_S = 60
WATCHED_FOR = timedelta(seconds=3)
WATCH_AGAIN_AFTER = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class GatewayNow:
    """``seen_at``: its last sign of life; None before the first. ``spool``: as the protocol's live post."""

    gateway: Gateway
    seen_at: datetime | None
    alive: bool
    spool: dict[str, Any]
    clock_off_s: int | None

    @property
    def state(self) -> Liveness:
        if self.gateway.state is not GatewayState.ENROLLED:
            return Liveness(self.gateway.state.value)
        return Liveness.ALIVE if self.alive else Liveness.AWAY

    @property
    def clock_is_off(self) -> bool:
        return self.clock_off_s is not None and abs(self.clock_off_s) > CLOCK_OFF_S


@dataclass(frozen=True, slots=True)
class Figure:
    """``name``: what the device calls it, where it states several; ``text`` None: no number just now."""

    name: str
    text: str | None
    unit: str | None
    name_zh: str = ""
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class SetupNow:
    """What a meter can be set up to."""

    key: str
    name_en: str
    name_zh: str


@dataclass(frozen=True, slots=True)
class DeviceNow:
    """A device with its gateway and its latest figure."""

    device: Device
    gateway: GatewayNow
    live: DeviceLive | None

    @property
    def link(self) -> Link:
        if self.gateway.state in (Liveness.REVOKED, Liveness.AWAY):
            return Link(self.gateway.state.value)
        if self.live is None:
            return Link.UNSEEN
        known = self.live.link_state in set(Link)
        return Link(self.live.link_state) if known else Link.SILENT

    @property
    def is_other(self) -> bool:
        """The device says it is another than its gateway or the register expects."""
        if self.live is None:
            return False
        known = self.device.equipment.identity if self.device.equipment else None
        said = self.live.identity
        return self.link is Link.WRONG_DEVICE or (known is not None and said is not None and said != known)

    @property
    def facts(self) -> dict[str, Any]:
        """What its gateway says of it beside figures; of the right kind or left out (``heartbeat``)."""
        return orjson.loads(self.live.facts) if self.live is not None and self.live.facts else {}

    @property
    def abilities(self) -> list[str] | None:
        """The verbs it can be told, and "orders" of an analyser that takes them; None: nobody has said."""
        found: list[str] | None = self.facts.get("can")
        return found

    @property
    def setups(self) -> list[SetupNow]:
        return [SetupNow(*row) for row in self.facts.get("setups", ())]

    @property
    def setup(self) -> SetupNow | None:
        """The one that the device itself confirmed last."""
        return next((one for one in self.setups if one.key == self.facts.get("setup")), None)

    def can(self, verb: str) -> bool | None:
        """None: nobody has said."""
        return None if self.abilities is None else verb in self.abilities

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the shown figure was read."""
        if self.live is None or self.live.figure_at is None:
            return None
        return max(0.0, (now - self.live.figure_at).total_seconds())

    @property
    def figures(self) -> list[Figure]:
        """What its display shows: one figure as a rule, several where one answer states them side by side."""
        if self.live is None:
            return []
        if self.live.several:
            labels = self.facts.get("labels", {})
            return [
                Figure(name, text, unit, *reversed(labels.get(name, (name, name))))
                for name, text, unit in orjson.loads(self.live.several)
            ]
        return [Figure("", self.live.text, self.live.unit)] if self.live.text is not None else []

    def refusal(self) -> tuple[str, str] | None:
        """(code, sentence): why nothing can be taken from it now, whatever the method."""
        name = self.device.name
        if self.gateway.state is Liveness.REVOKED:
            return "gateway_revoked", _("The gateway of %(device)s is revoked.", device=name)
        if not self.gateway.alive:
            return "gateway_away", _("The gateway of %(device)s does not answer.", device=name)
        if self.device.equipment is None:
            return "device_unknown", _("The device is not bound to equipment of the register.")
        if self.is_other:
            return "wrong_device", _("The device says it is another than the register holds.")
        if self.link is not Link.CONNECTED:
            return "device_silent", _("%(device)s is not connected.", device=name)
        return None


def beat_name(gateway: Gateway) -> str:
    return f"gateway:{gateway.name}"


def gateways_now(session: Session, now: datetime, ids: Collection[int] | None = None) -> list[GatewayNow]:
    """All gateways (or these), by name. Three queries."""
    wanted = select(Gateway).order_by(Gateway.name)
    if ids is not None:
        wanted = wanted.where(Gateway.id.in_(ids))
    rows = session.scalars(wanted).all()
    names = [beat_name(row) for row in rows]
    beats = {b.name: b for b in session.scalars(select(ServiceBeat).where(ServiceBeat.name.in_(names)))}
    return [_gateway_now(row, beats.get(beat_name(row)), now) for row in rows]


def _gateway_now(row: Gateway, beat: ServiceBeat | None, now: datetime) -> GatewayNow:
    detail = orjson.loads(beat.detail) if beat else {}
    alive = beat is not None and row.state is GatewayState.ENROLLED and now - beat.at < AWAY_AFTER
    return GatewayNow(
        row, beat.at if beat else None, alive, detail.get("spool", {}), detail.get("clock_off_s")
    )


def devices_now(session: Session, now: datetime, *, ids: Collection[int] | None = None) -> list[DeviceNow]:
    """All devices (or these), by gateway and name. Five queries at most, however many devices."""
    wanted = select(Device)
    if ids is not None:
        wanted = wanted.where(Device.id.in_(ids))
    rows: Sequence[Device] = session.scalars(wanted).unique().all()
    gateways = {g.gateway.id: g for g in gateways_now(session, now, {row.gateway_id for row in rows})}
    latest = select(DeviceLive).where(DeviceLive.device_id.in_([row.id for row in rows]))
    live = {row.device_id: row for row in session.scalars(latest.execution_options(populate_existing=True))}
    found = [DeviceNow(row, gateways[row.gateway_id], live.get(row.id)) for row in rows]
    return sorted(found, key=lambda one: (one.gateway.gateway.name, one.device.name))


def device_of_equipment(session: Session, equipment_id: int, now: datetime) -> DeviceNow | None:
    """What this equipment hangs on; None without a wire."""
    found = session.scalar(select(Device.id).where(Device.equipment_id == equipment_id))
    return devices_now(session, now, ids={found})[0] if found is not None else None
