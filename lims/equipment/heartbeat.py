"""The live post of a gateway: its sign of life, its spool, its devices' latest figures (protocol, section 4).

Everything here is overwritten by the next post, so it is written in fleeting work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from flask_babel import gettext as _
from sqlalchemy import func, select, update

from lims.core.errors import Conflict
from lims.core.jobs import ServiceBeat
from lims.core.permissions import Actor
from lims.core.uow import UnitOfWork
from lims.equipment import wire
from lims.equipment.devices import LONGEST_NAME, MOST_DEVICES, note_devices
from lims.equipment.live import WATCH_AGAIN_AFTER, WATCHED_FOR
from lims.equipment.models import Device, DeviceLive, Gateway
from lims.equipment.profile_offer import Held, read_held

RUNS_REMEMBERED = 20
MOST_IDS = 5_000
PACE_WATCHED_MS, PACE_MS = 100, 2_000
MOST_SHOWN = 20
MOST_SETUPS = 30


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended at the bench. ``outcome``: done or refused; ``code`` says why."""

    id: str
    outcome: str
    code: str | None


@dataclass(frozen=True, slots=True)
class LivePost:
    """``devices``: as they came, each an object with a name."""

    run: str
    n: int
    sent_at: datetime
    spool: Mapping[str, Any]
    devices: Sequence[Mapping[str, Any]]
    seen: Sequence[str]
    results: Sequence[CommandResult]
    profiles: Held | None = None

    @property
    def device_names(self) -> set[str]:
        return {wire.cut(wire.text(row, "device"), LONGEST_NAME) for row in self.devices}


def read_post(document: Mapping[str, Any]) -> LivePost:
    """Raises BodyRefused."""
    results = [
        CommandResult(wire.text(row, "id"), wire.text(row, "outcome"), wire.optional_text(row, "code"))
        for row in wire.objects(document, "results", MOST_IDS)
    ]
    post = LivePost(
        run=wire.cut(wire.text(document, "run"), 64),
        n=wire.number(document, "n"),
        sent_at=wire.instant(document, "sent_at"),
        spool=wire.take(document, "spool", dict),
        devices=wire.objects(document, "devices", 5 * MOST_DEVICES),
        seen=wire.texts(document, "seen", MOST_IDS),
        results=results,
        profiles=read_held(document),
    )
    for row in post.devices:
        for name in ("device", "state", "profile", "port", "reason"):
            wire.text(row, name)
    return post


def note_beat(uow: UnitOfWork, gateway_name: str, post: LivePost) -> None:
    """The gateway lives (caller's unit of work). Raises Conflict (``live_replayed``)."""
    name = f"gateway:{gateway_name}"
    found = select(ServiceBeat).where(ServiceBeat.name == name).with_for_update()
    beat = uow.session.scalar(found.execution_options(populate_existing=True))
    before: dict[str, Any] = orjson.loads(beat.detail) if beat else {}
    runs: dict[str, int] = before.get("runs", {})
    if post.n <= runs.get(post.run, -1):
        raise Conflict(_("This live post was here before."), code="live_replayed")
    runs.pop(post.run, None)
    runs[post.run] = post.n  # the newest run stands last
    kept = dict(list(runs.items())[-RUNS_REMEMBERED:])
    detail = orjson.dumps(
        {
            "runs": kept,
            "spool": _spool(post.spool),
            "clock_off_s": round_seconds(post.sent_at, uow.now),
            "profiles": _profiles(post.profiles) or before.get("profiles", {}),
        }
    ).decode()
    if beat is None:
        uow.add(ServiceBeat(name=name, at=uow.now, detail=detail))
    else:
        beat.at, beat.detail = uow.now, detail


def _profiles(held: Held | None) -> dict[str, Mapping[str, str]]:
    return {} if held is None else {"held": held.sha256, "refused": held.refused}


def _spool(said: Mapping[str, Any]) -> dict[str, object]:
    """What pages show of it; of the right kind or left out."""
    kept: dict[str, object] = {}
    for name in ("last_seq", "acknowledged", "pending", "disk_free_mb"):
        value = said.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            kept[name] = value
    for name in ("epoch", "delivery", "code", "sentence", "disk"):
        value = said.get(name)
        if isinstance(value, str):
            kept[name] = wire.cut(value, 500)
    return kept


def round_seconds(theirs: datetime, ours: datetime) -> int:
    """How far their clock is ahead of ours, whole seconds."""
    return int((theirs - ours).total_seconds())


def note_figures(uow: UnitOfWork, gateway_id: int, post: LivePost) -> set[str]:
    """Keep the latest of every device (caller's unit of work). Returns names that are to appear as devices."""
    known = select(Device.id, Device.name).where(Device.gateway_id == gateway_id)
    ids = {name: number for number, name in uow.session.execute(known)}
    latest = select(DeviceLive).where(DeviceLive.device_id.in_(ids.values())).order_by(DeviceLive.device_id)
    rows = {
        row.device_id: row for row in uow.session.scalars(latest.execution_options(populate_existing=True))
    }
    for said in post.devices:
        number = ids.get(wire.cut(wire.text(said, "device"), LONGEST_NAME))
        if number is None:
            continue
        row = rows.get(number)
        if row is None:
            row = rows[number] = DeviceLive(device_id=number)
            uow.session.add(row)
        _fill(row, said, post.sent_at, uow.now)
    return post.device_names - ids.keys() if len(ids) < MOST_DEVICES else set()


def _fill(row: DeviceLive, said: Mapping[str, Any], sent_at: datetime, now: datetime) -> None:
    row.at, row.link_state = now, wire.cut(wire.text(said, "state"), 40)
    row.reason = wire.cut(wire.text(said, "reason"), 200)
    row.profile = wire.cut(wire.text(said, "profile"), 80)
    row.port = wire.cut(wire.text(said, "port"), 200)
    row.expected_identity = wire.cut_or_none(wire.optional_text(said, "expected_serial"), 120)
    row.identity = wire.cut_or_none(wire.optional_text(said, "serial"), 120)
    row.identity_at = now if row.identity is not None else row.identity_at
    unparsed = said.get("unparsed")
    row.unparsed = unparsed if isinstance(unparsed, int) and 0 <= unparsed <= wire.LARGEST else 0
    row.facts = _facts(said)
    figure = said.get("live")
    row.several = _several(figure) if isinstance(figure, dict) else ""
    if not isinstance(figure, dict):
        row.kind = row.text = row.unit = row.stable = row.code = row.figure_at = None
        return
    row.kind = wire.cut(wire.text(figure, "kind"), 20)
    value, _number = wire.figure(wire.optional_text(figure, "value"))
    row.text = value if value is not None and len(value) <= 40 and row.kind in ("reading", "result") else None
    row.unit = wire.cut_or_none(wire.optional_text(figure, "unit"), 20)
    row.stable = is_stable(wire.optional_text(figure, "stability"))
    row.code = wire.cut_or_none(wire.optional_text(figure, "code"), 60)
    # By the bench's clock how old it was when it was sent; by ours since then. The bench's may be years off.
    age = max(0.0, (sent_at - wire.instant(figure, "at")).total_seconds())
    row.figure_at = now - timedelta(seconds=min(age, 86_400))


def _facts(said: Mapping[str, Any]) -> str:
    """Of the right kind or left out; a gateway of before says nothing of it."""
    kept: dict[str, object] = {}
    can = said.get("can")
    if isinstance(can, list):
        kept["can"] = [wire.cut(verb, 20) for verb in can[:MOST_SHOWN] if isinstance(verb, str)]
    unsent = said.get("unsent")
    if isinstance(unsent, int) and not isinstance(unsent, bool) and 0 <= unsent <= wire.LARGEST:
        kept["unsent"] = unsent
    trouble = said.get("trouble")
    if isinstance(trouble, str):
        kept["trouble"] = wire.cut(trouble, 40)
    labels = said.get("labels")
    if isinstance(labels, dict):
        pairs = list(labels.items())[:MOST_SHOWN]
        kept["labels"] = {wire.cut(name, 40): words for name, pair in pairs if (words := _words(pair))}
    setups = said.get("setups")
    if isinstance(setups, list) and setups:
        rows = [_words([row.get(n) for n in ("key", "en", "zh")]) for row in setups if isinstance(row, dict)]
        kept["setups"] = [row for row in rows[:MOST_SETUPS] if row]
    if isinstance(setup := said.get("setup"), str):
        kept["setup"] = wire.cut(setup, 80)
    return orjson.dumps(kept).decode() if kept else ""


def _words(texts: object) -> list[str]:
    """Empty where one of them is no text."""
    listed = texts if isinstance(texts, list) and len(texts) in (2, 3) else []
    whole = bool(listed) and all(isinstance(text, str) for text in listed)
    return [wire.cut(text, 80) for text in listed] if whole else []


def _several(figure: Mapping[str, Any]) -> str:
    """What one answer states side by side (registers); empty for the usual single figure."""
    also = figure.get("also")
    if not isinstance(also, list) or not also:
        return ""
    shown = []
    for one in (figure, *(row for row in also[:MOST_SHOWN] if isinstance(row, dict))):
        text, _number = wire.figure(wire.optional_text(one, "value"))
        name = one.get("name")
        text = text if text is not None and len(text) <= 40 else None
        unit = wire.cut_or_none(wire.optional_text(one, "unit"), 20)
        shown.append([wire.cut(name, 40) if isinstance(name, str) else "", text, unit])
    return orjson.dumps(shown).decode()


def is_stable(stability: str | None) -> bool | None:
    """True too where a device has no such flag: its lines are finished readings."""
    return None if stability is None else stability in ("stable", "n/a")


def pace_ms(uow: UnitOfWork, gateway_id: int) -> int:
    """When the gateway shall post next: soon while a page shows one of its devices."""
    watched = (
        select(func.count())
        .select_from(DeviceLive)
        .join(Device, Device.id == DeviceLive.device_id)
        .where(Device.gateway_id == gateway_id, DeviceLive.watched_until > uow.now)
    )
    return PACE_WATCHED_MS if uow.session.scalar(watched) else PACE_MS


def watch_device(uow: UnitOfWork, *, device_id: int, watched_until: datetime | None) -> None:
    """A page shows this device: its gateway hurries for the next seconds. Cheap to say again and again."""
    if watched_until is not None and watched_until - uow.now > WATCHED_FOR - WATCH_AGAIN_AFTER:
        return
    with uow.fleeting():
        mine = update(DeviceLive).where(DeviceLive.device_id == device_id)
        uow.session.execute(mine.values(watched_until=uow.now + WATCHED_FOR))
        uow.commit()


def meet_devices(uow: UnitOfWork, *, actor: Actor, gateway_id: int, names: set[str]) -> None:
    """Devices nobody has heard of before appear, bound to nothing."""
    with uow:
        gateway = uow.get(Gateway, gateway_id)
        if note_devices(uow, actor=actor, gateway=gateway, names=names):
            uow.commit()
