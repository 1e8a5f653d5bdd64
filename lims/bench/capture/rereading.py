"""Read the stored bytes of captures again with another profile: looked at side by side first, then appended.

The captures themselves stay as they were delivered. What is the value of a cell already keeps what it was claimed
with: its frame is read again only where that value comes out the same.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from flask_babel import gettext as _
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from instruments.profiles import BUILT_IN, Profile, profile_names, read_profile
from instruments.rereading import can_reread, read_again
from lims.bench.bodies import Said, said_of
from lims.bench.capture.models import CaptureReading
from lims.bench.capture.readings import SAID, UNREADABLE, Reading, readings_of, said, with_newest
from lims.bench.models import Capture, CaptureBatch, CaptureClaim
from lims.bench.states import CaptureKind
from lims.core.errors import Conflict, InvalidInput, NotFound
from lims.core.permissions import Actor, Permission
from lims.core.uow import UnitOfWork
from lims.equipment.models import Device
from lims.equipment.profile_models import DeviceProfile, DeviceProfileVersion
from lims.equipment.signed import strict_base64

MOST_FRAMES = 100
NOT_STATED = "not_stated"  # a part that the frame no longer states, read this way


@dataclass(frozen=True, slots=True)
class Chosen:
    """The profile to read with. ``version_id``: of the laboratory's own; ``may_keep``: it is or was released, so
    what it reads may be kept."""

    name: str
    profile: Profile
    sha256: str
    version_id: int | None
    may_keep: bool


@dataclass(frozen=True, slots=True)
class FrameAgain:
    """One frame: ``old`` what counts now, ``new`` what the chosen profile reads, part by part. ``claimed``: a value
    of it is in a cell and would come out otherwise, so it stays."""

    parts: Sequence[Capture]
    old: Sequence[Reading]
    new: Sequence[Said]
    claimed: bool

    @property
    def capture(self) -> Capture:
        return self.parts[0]

    @property
    def differs(self) -> bool:
        return [one.said for one in self.old] != [_of(one) for one in self.new]

    @property
    def may_change(self) -> bool:
        return self.differs and not self.claimed

    @property
    def gains(self) -> bool:
        """Nothing that counts now is lost by it: what a page offers ticked."""
        had = any(one.kind is CaptureKind.READING for one in self.old)
        return self.may_change and not had and any(one.kind is CaptureKind.READING for one in self.new)


@dataclass(frozen=True, slots=True)
class Look:
    chosen: Chosen
    frames: Sequence[FrameAgain]

    @property
    def changing(self) -> int:
        return sum(1 for frame in self.frames if frame.may_change)


def _of(one: Said | Reading) -> tuple[object, ...]:
    return tuple(getattr(one, name) for name in SAID)


# -- which profile ---------------------------------------------------------------------


def choices(session: Session) -> list[tuple[str, str]]:
    """(name, words): the laboratory's versions, newest first of each profile; then the built-in ones."""
    wanted = (
        select(DeviceProfile.key, DeviceProfileVersion)
        .join(DeviceProfileVersion, DeviceProfileVersion.profile_id == DeviceProfile.id)
        .order_by(DeviceProfile.key, DeviceProfileVersion.number.desc())
    )
    own = [
        (f"{key}/{row.number}", f"{key}/{row.number} · {row.title}") for key, row in session.execute(wanted)
    ]
    return [*own, *((name, name) for name in profile_names())]


def find_chosen(session: Session, name: str) -> Chosen:
    """Raises InvalidInput (``profile_unknown``, ``profile_cannot_reread``)."""
    found = _built_in(name) or _own(session, name)
    if found is None:
        sentence = _("Choose a profile.")
        raise InvalidInput(sentence, code="profile_unknown", fields={"profile": [sentence]})
    if not can_reread(found.profile.codec):
        sentence = _("The frames of an analyser belong together: they cannot be read again one by one.")
        raise InvalidInput(sentence, code="profile_cannot_reread", fields={"profile": [sentence]})
    return found


def _built_in(name: str) -> Chosen | None:
    if name not in profile_names():
        return None
    text = (BUILT_IN / f"{name}.toml").read_text(encoding="utf-8")
    return Chosen(name, read_profile(name, text), sha256(text.encode()).hexdigest(), None, True)


def _own(session: Session, name: str) -> Chosen | None:
    key, _slash, number = name.partition("/")
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        return None
    wanted = (
        select(DeviceProfileVersion)
        .join(DeviceProfile, DeviceProfile.id == DeviceProfileVersion.profile_id)
        .where(DeviceProfile.key == key, DeviceProfileVersion.number == int(number))
    )
    row = session.scalar(wanted)
    if row is None:
        return None
    return Chosen(name, read_profile(key, row.text), row.sha256, row.id, row.released_at is not None)


# -- looking -----------------------------------------------------------------------------


def look_again(
    session: Session,
    *,
    actor: Actor,
    device_id: int,
    profile: str,
    unparsed_only: bool = True,
    received_to: datetime | None = None,
) -> Look:
    """The newest frames of a device that nobody has claimed, read with ``profile``. Changes nothing.

    Raises NotFound, InvalidInput.
    """
    actor.require(Permission.CAPTURE_READ)
    if session.get(Device, device_id) is None:
        raise NotFound(_("There is no such device."))
    chosen = find_chosen(session, profile)
    claimed = exists().where(CaptureClaim.capture_id == Capture.id)
    wanted = with_newest(select(Capture.id)).where(
        Capture.device_id == device_id, Capture.part == 0, ~claimed, said("kind") != CaptureKind.FILE
    )
    if unparsed_only:
        wanted = wanted.where(said("kind") == CaptureKind.UNPARSED)
    if received_to is not None:
        wanted = wanted.where(Capture.received_at <= received_to)
    ids = session.scalars(wanted.order_by(Capture.id.desc()).limit(MOST_FRAMES)).all()
    return Look(chosen, [frame for frame in frames_again(session, chosen, ids) if frame.capture.raw])


def frames_again(
    session: Session, chosen: Chosen, ids: Collection[int], *, lock: bool = False
) -> list[FrameAgain]:
    """Frames by the number of their first part, newest first. A fixed number of queries, and one more for each
    frame of several parts."""
    first = select(Capture).where(Capture.id.in_(ids), Capture.part == 0).order_by(Capture.id.desc())
    heads = session.scalars(first.with_for_update() if lock else first).all()
    parts = {head.id: _parts(session, head, lock) for head in heads}
    every = [row for rows in parts.values() for row in rows]
    old = readings_of(session, every)
    claimed = _claimed(session, [row.id for row in every])
    sent = _sent(session, heads)
    found = []
    for head in heads:
        rows = parts[head.id]
        new = _read(chosen, head, sent.get(head.id, {}))
        new += [_not_stated() for _ in rows[len(new) :]]
        kept = any(
            row.id in claimed and _of(new[place]) != old[row.id].said for place, row in enumerate(rows)
        )
        found.append(FrameAgain(rows, [old[row.id] for row in rows], new, kept))
    return found


def _parts(session: Session, head: Capture, lock: bool) -> list[Capture]:
    same = (Capture.gateway_id, Capture.epoch, Capture.seq)
    wanted = select(Capture).where(*(column == getattr(head, column.key) for column in same))
    ordered = wanted.order_by(Capture.part)
    return list(session.scalars(ordered.with_for_update() if lock else ordered))


def _claimed(session: Session, ids: Collection[int]) -> set[int]:
    return set(session.scalars(select(CaptureClaim.capture_id).where(CaptureClaim.capture_id.in_(ids))))


def _sent(session: Session, heads: Sequence[Capture]) -> dict[int, dict[str, Any]]:
    """What the gateway sent of each: the question that was open stands only there."""
    found: dict[int, dict[str, Any]] = {}
    by_batch: dict[int, list[Capture]] = {}
    for head in heads:
        by_batch.setdefault(head.batch_id, []).append(head)
    for batch_id, rows in by_batch.items():
        body = session.scalar(select(CaptureBatch.body).where(CaptureBatch.id == batch_id))
        sent = {row["seq"]: row for row in orjson.loads(body or b'{"captures":[]}')["captures"]}
        found |= {row.id: sent.get(row.seq, {}) for row in rows}
    return found


def read_sent(chosen: Profile, raw: bytes, sent: dict[str, Any]) -> list[Said]:
    """What the bytes of one capture say by this profile. Pure."""
    asked = strict_base64(sent["asked"]) if isinstance(sent.get("asked"), str) else None
    events = [event.as_json() for event in read_again(chosen.codec, raw, asked)]
    was = sent.get("event")
    if len(events) == 1 and isinstance(was, dict) and was.get("stability_inferred") is True:
        # That the load had settled was seen in the time between frames: one frame alone cannot say it again.
        events = [{**events[0], "stability": "stable"} if events[0]["stability"] == "unknown" else events[0]]
    return said_of(events, len(raw))


def _read(chosen: Chosen, head: Capture, sent: dict[str, Any]) -> list[Said]:
    return read_sent(chosen.profile, head.raw, sent)


def read_capture_again(session: Session, chosen: Chosen, capture: Capture) -> list[Said]:
    """What the whole frame of a capture says, part by part."""
    return read_sent(chosen.profile, capture.raw, _sent(session, [capture]).get(capture.id, {}))


def _not_stated() -> Said:
    return Said(CaptureKind.UNPARSED, None, None, None, None, NOT_STATED, "", "", False)


# -- keeping -----------------------------------------------------------------------------


def reread_captures(
    uow: UnitOfWork, *, actor: Actor, device_id: int, profile: str, capture_ids: Collection[int], reason: str
) -> int:
    """Append what the profile reads in these captures (of the first part of each frame); how many frames changed.

    What comes out as it is already, and what was claimed meanwhile, is left. Raises InvalidInput, Conflict
    (``profile_not_released``).
    """
    actor.require(Permission.CAPTURE_REREAD)
    if not reason.strip():
        sentence = _("Say why.")
        raise InvalidInput(sentence, code="reason_missing", fields={"reason": [sentence]})
    if not capture_ids or len(capture_ids) > MOST_FRAMES:
        sentence = _("Choose 1 to %(n)s captures.", n=MOST_FRAMES)
        raise InvalidInput(sentence, code="captures_wrong", fields={"capture_ids": [sentence]})
    with uow:
        chosen = find_chosen(uow.session, profile)
        if not chosen.may_keep:
            raise Conflict(
                _("Release this version first: only what its dialogues prove is kept."),
                code="profile_not_released",
            )
        frames = frames_again(uow.session, chosen, capture_ids, lock=True)
        changed = [f for f in frames if f.may_change and f.capture.device_id == device_id and f.capture.raw]
        for frame in changed:
            _append(uow, actor, chosen, frame, reason.strip())
        if changed:
            uow.audit(
                "capture.reread",
                actor,
                ("device", device_id),
                after={
                    "profile": chosen.name,
                    "sha256": chosen.sha256,
                    "captures": sorted(frame.capture.id for frame in changed),
                },
                reason=reason.strip(),
            )
            uow.commit()
    return len(changed)


def _append(uow: UnitOfWork, actor: Actor, chosen: Chosen, frame: FrameAgain, reason: str) -> None:
    rows = list(frame.parts)
    rows += [_further_part(uow, frame.capture, n) for n in range(len(rows), len(frame.new))]
    claimed = _claimed(uow.session, [row.id for row in rows])
    uow.insert_many(
        CaptureReading,
        [
            {
                "capture_id": row.id,
                "profile": chosen.name,
                "profile_version_id": chosen.version_id,
                "profile_sha256": chosen.sha256,
                "codec": chosen.profile.codec.name,
                **{name: getattr(new, name) for name in SAID},
                "reason": reason,
                "read_by": actor.id,
                "read_at": uow.now,
            }
            for row, new in zip(rows, frame.new, strict=True)
            if row.id not in claimed
        ],
    )


def _further_part(uow: UnitOfWork, head: Capture, part: int) -> Capture:
    """The frame states more than its gateway read: a row for it, which by itself says nothing."""
    copied = {
        column.key: getattr(head, column.key)
        for column in Capture.__table__.columns
        if column.key not in ("id", "part", "flags", *SAID)
    }
    flags = " ".join(flag for flag in head.flags.split() if flag != UNREADABLE)
    return uow.add(
        Capture(
            **copied, part=part, kind=CaptureKind.UNPARSED, code=NOT_STATED, flags=flags, name="", specimen=""
        )
    )
