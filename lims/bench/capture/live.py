"""Devices as an analyst's page sees them: the live figure, and why it may not be used now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from lims.bench.analyser.exchange import (
    Told,
    entries_for,
    find_cancelled,
    note_receipts,
    read_receipts,
    withdraw_cancelled,
)
from lims.bench.capture.device_words import why_no_value
from lims.bench.capture.readings import reading_now
from lims.bench.capture.takes import Command, note_progress, open_commands
from lims.bench.models import Capture, CaptureClaim, Worksheet
from lims.bench.states import CaptureKind
from lims.bench.wording import named
from lims.catalogue.models import MethodVersion
from lims.core.clock import local_date
from lims.core.errors import NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.equipment.calibration import Fitness, fitness, fitness_of_all
from lims.equipment.heartbeat import meet_devices, note_beat, note_figures, pace_ms, read_post, watch_device
from lims.equipment.live import DeviceNow, devices_now
from lims.equipment.models import Device, Equipment
from lims.equipment.profile_offer import Offer, offers_for
from lims.equipment.signed import Signed
from lims.equipment.states import Link

PRINTED_FOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class UsableDevice:
    """A device that a worksheet's method can use. ``refusal``: why not just now, None when it may be used."""

    now: DeviceNow
    equipment: Equipment
    fitness: Fitness
    refusal: str | None

    @property
    def id(self) -> int:
        return self.now.device.id

    @property
    def name(self) -> str:
        return self.now.device.name

    @property
    def link(self) -> Link:
        return self.now.link

    @property
    def reports(self) -> bool:
        """It sends finished results by itself, each with its sample, and cannot be asked: an analyser."""
        if self.now.can("take") is not None:
            return not self.now.can("take")
        return self.now.live is not None and self.now.live.kind == "result"

    def offers(self, verb: str) -> bool:
        """Whether a page shows a button for it; a gateway of before does not say what its devices can."""
        return self.now.can(verb) is not False


def usable_devices(
    session: Session, actor: Actor, worksheet: Worksheet, *, now: datetime
) -> list[UsableDevice]:
    """Devices bound to equipment of a class that the worksheet's method needs; those that may be used first.

    A fixed number of queries. Empty for who may not read captures.
    """
    if not actor.can(Permission.CAPTURE_READ):
        return []
    version = session.get_one(MethodVersion, worksheet.method_version_id)
    classes = {i.equipment_class for i in version.inputs if i.equipment_class is not None}
    if not classes:
        return []
    wanted = (
        select(Device.id)
        .join(Equipment, Equipment.id == Device.equipment_id)
        .where(Equipment.equipment_class.in_(classes))
    )
    found = devices_now(session, now, ids=session.scalars(wanted).all())
    fit = fitness_of_all(session, [d.device.equipment for d in found if d.device.equipment], local_date(now))
    usable = [_usable(one, fit) for one in found]
    return sorted(
        (u for u in usable if u is not None), key=lambda u: (u.refusal is not None, u.equipment.code)
    )


def devices_for(session: Session, *, actor: Actor, worksheet_id: int, now: datetime) -> list[UsableDevice]:
    """``usable_devices`` of a worksheet by number. Raises NotFound."""
    actor.require(Permission.CAPTURE_READ)
    sheet = session.get(Worksheet, worksheet_id)
    if sheet is None:
        raise NotFound(_("This does not exist (any more)."))
    return usable_devices(session, actor, sheet, now=now)


def _usable(one: DeviceNow, fit: dict[int, Fitness]) -> UsableDevice | None:
    equipment = one.device.equipment
    if equipment is None:
        return None
    fit_today = fit[equipment.id]
    refusal = one.refusal()
    sentence = refusal[1] if refusal else None if fit_today.ok else str(fit_today.sentence)
    return UsableDevice(one, equipment, fit_today, sentence)


@dataclass(frozen=True, slots=True)
class LiveFigure:
    """What ``live.js`` shows. ``printed``: the newest reading of the device's own print key, while nobody has
    claimed it and it is recent; ``age_s``: of the figure."""

    value: str | None
    unit: str | None
    stable: bool | None
    age_s: float | None
    link: Link
    refusal: str | None
    printed: Capture | None
    setup: str = ""

    @property
    def capture_id(self) -> int | None:
        return self.printed.id if self.printed else None


def live_figure(uow: UnitOfWork, *, actor: Actor, device_id: int) -> LiveFigure:
    """The device's figure now; asking makes its gateway hurry for some seconds. Raises NotFound."""
    actor.require(Permission.CAPTURE_READ)
    found = devices_now(uow.session, uow.now, ids={device_id})
    if not found:
        raise NotFound(_("There is no such device."))
    one, live = found[0], found[0].live
    if live is not None:
        watch_device(uow, device_id=device_id, watched_until=live.watched_until)
    age = one.age_s(uow.now)
    return LiveFigure(
        value=_shown(one),
        unit=live.unit if live and not live.several else None,
        stable=live.stable if live else None,
        age_s=age,
        link=one.link,
        refusal=_refusal(uow.session, one, uow.now),
        printed=_printed(uow.session, device_id, uow.now),
        setup=named(one.setup) if one.setup is not None else "",
    )


def _shown(one: DeviceNow) -> str | None:
    """The figure; where a device states several side by side, all of them with their units."""
    if one.live is None or not one.live.several:
        return one.live.text if one.live else None
    parts = [
        f"{figure.text} {figure.unit or ''}".strip() for figure in one.figures if figure.text is not None
    ]
    return " · ".join(parts) or None


def _refusal(session: Session, one: DeviceNow, now: datetime) -> str | None:
    """Why the figure may not be used, its calibrated range included."""
    refusal = one.refusal()
    if refusal is not None:
        return refusal[1]
    live, equipment = one.live, one.device.equipment
    if live is not None and live.kind in ("overload", "underload", "error"):
        return why_no_value(live.kind if live.kind != "error" else live.code)
    assert equipment is not None  # unbound was refused
    single = live is not None and live.text is not None and not live.several
    value, unit = (Decimal(live.text), live.unit) if single and live and live.text else (None, None)
    fit = fitness(session, equipment, local_date(now), value, unit)
    return None if fit.ok else str(fit.sentence)


def _printed(session: Session, device_id: int, now: datetime) -> Capture | None:
    newest = select(Capture).where(Capture.device_id == device_id).order_by(Capture.id.desc()).limit(1)
    row = session.scalar(newest)
    if row is None or row.trigger != "unsolicited" or row.kind is not CaptureKind.READING or row.part:
        return None  # of a frame that states several values, none is the one
    if row.specimen:
        return (
            None  # the result of a certain sample is claimed in the inbox, where that sample's cell is first
        )
    if row.stable is False or now - row.received_at > PRINTED_FOR:
        return None
    claimed = select(CaptureClaim.id).where(CaptureClaim.capture_id == row.id)
    if session.scalar(claimed) is not None or reading_now(session, row).reread is not None:
        return None  # what was read again is claimed in the inbox, where both readings stand
    return row


# -- with the gateway ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What the gateway hears back: when to post next, and what to do. ``ended``: requests to settle."""

    next_ms: int
    commands: Sequence[Command]
    ended: Sequence[str]
    profiles: Sequence[Offer] = ()
    worklist: Sequence[Told] = ()


def exchange_live(uow: UnitOfWork, *, actor: Actor, signed: Signed) -> LiveAnswer:
    """One live post: figures and a sign of life in, commands out.

    Raises BodyRefused, Conflict (``live_replayed``).
    """
    post, receipts = read_post(signed.document), read_receipts(signed.document)
    with uow.fleeting():
        note_beat(uow, signed.name, post)
        strangers = note_figures(uow, signed.gateway_id, post)
        ended = note_progress(uow, signed.gateway_id, post.seen, post.results)
        commands = open_commands(uow, signed.gateway_id)
        pace = pace_ms(uow, signed.gateway_id)
        profiles = offers_for(uow.session, post.profiles)
        uow.commit()
    if strangers:
        meet_devices(uow, actor=actor, gateway_id=signed.gateway_id, names=strangers)
    if receipts:
        note_receipts(uow, actor=actor, gateway_id=signed.gateway_id, receipts=receipts)
    if cancelled := find_cancelled(uow, signed.gateway_id):
        withdraw_cancelled(uow, actor=actor, order_ids=cancelled)
    return LiveAnswer(pace, commands, ended, profiles, entries_for(uow, signed.gateway_id))


def device_board(session: Session, *, actor: Actor, now: datetime) -> list[DeviceNow]:
    """Every device of every gateway, as it is now."""
    actor.require(Permission.CAPTURE_READ)
    return devices_now(session, now)
