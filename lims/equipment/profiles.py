"""Device profiles of the laboratory: begun as a copy, tried, saved as versions, released for the gateways.

A saved version never changes. Only one whose dialogues give just what they say is released.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from instruments.conformance import faults_of
from instruments.errors import ProfileWrong
from instruments.profile_text import write_row
from instruments.profiles import (
    BUILT_IN,
    LONGEST_PROFILE,
    Profile,
    is_key,
    load_profile,
    profile_names,
    read_profile,
    read_row,
)
from lims.catalogue.models import VersionState
from lims.core.errors import Conflict, InvalidInput, NotFound, TransitionRefused
from lims.core.permissions import Actor, Permission
from lims.core.uow import RequestKey, UnitOfWork
from lims.equipment.profile_faults import profile_wrong
from lims.equipment.profile_models import DeviceProfile, DeviceProfileVersion

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Listed:
    """A profile with its newest version, and the one in use (None: the gateways get none)."""

    profile: DeviceProfile
    newest: DeviceProfileVersion
    in_use: DeviceProfileVersion | None


# -- reading ---------------------------------------------------------------------------------


def list_profiles(session: Session, *, actor: Actor) -> list[Listed]:
    """By key. Two queries."""
    actor.require(Permission.EQUIPMENT_READ)
    rows = session.scalars(select(DeviceProfile).order_by(DeviceProfile.key)).all()
    versions: dict[int, list[DeviceProfileVersion]] = {}
    wanted = select(DeviceProfileVersion).order_by(DeviceProfileVersion.number.desc())
    for version in session.scalars(wanted):
        versions.setdefault(version.profile_id, []).append(version)
    return [Listed(row, versions[row.id][0], _in_use(versions[row.id])) for row in rows]


def _in_use(versions: Sequence[DeviceProfileVersion]) -> DeviceProfileVersion | None:
    return next((one for one in versions if one.state is VersionState.IN_USE), None)


def find_profile(session: Session, profile_id: int, *, actor: Actor) -> DeviceProfile:
    """Raises NotFound."""
    actor.require(Permission.EQUIPMENT_READ)
    row = session.get(DeviceProfile, profile_id)
    if row is None:
        raise NotFound(_("This profile does not exist."))
    return row


def versions_of(session: Session, profile_id: int) -> list[DeviceProfileVersion]:
    """Newest first; never empty."""
    wanted = select(DeviceProfileVersion).where(DeviceProfileVersion.profile_id == profile_id)
    return list(session.scalars(wanted.order_by(DeviceProfileVersion.number.desc())))


def find_version(
    session: Session, *, actor: Actor, profile_id: int, number: int | None = None
) -> tuple[DeviceProfile, DeviceProfileVersion]:
    """``number`` None: the newest. Raises NotFound."""
    row = find_profile(session, profile_id, actor=actor)
    for version in versions_of(session, row.id):
        if number in (None, version.number):
            return row, version
    raise NotFound(_("This profile has no such version."))


def as_profile(key: str, version: DeviceProfileVersion) -> Profile:
    """What is stored could be read when it was saved."""
    return read_profile(key, version.text)


def built_in_profiles() -> list[tuple[str, str, str]]:
    """(key, protocol, title), by protocol."""
    rows = [
        (name, profile.protocol, profile.title)
        for name in profile_names()
        for profile in [load_profile(name)]
    ]
    return sorted(rows, key=lambda row: (row[1].casefold(), row[0]))


def start_row(session: Session, start: str) -> dict[str, object]:
    """The facts of a profile to begin with: a built-in one by its key, or the newest version of one's own.
    Raises InvalidInput."""
    if start in profile_names():
        return read_row((BUILT_IN / f"{start}.toml").read_text(encoding="utf-8"))
    row = session.scalar(select(DeviceProfile).where(DeviceProfile.key == start))
    if row is None:
        sentence = _("There is no profile of this name to begin with.")
        raise InvalidInput(sentence, code="profile_unknown", fields={"start": [sentence]})
    return read_row(versions_of(session, row.id)[0].text)


# -- writing ---------------------------------------------------------------------------------


def create_profile(
    uow: UnitOfWork,
    *,
    actor: Actor,
    key: str,
    row: Row,
    note: str = "",
    request_key: RequestKey | None = None,
) -> DeviceProfile:
    """A new profile with its first version. Raises InvalidInput, Conflict (``profile_exists``)."""
    actor.require(Permission.PROFILE_EDIT)
    _check_key(key)
    with uow:
        if (made := uow.replayed(DeviceProfile, actor=actor, request_key=request_key)) is not None:
            return made
        known = select(DeviceProfile.id).where(DeviceProfile.key == key)
        if key in profile_names() or uow.session.scalar(known) is not None:
            sentence = _("There is a profile of this name already.")
            raise Conflict(sentence, code="profile_exists", fields={"key": [sentence]})
        profile = uow.add(DeviceProfile(key=key, created_at=uow.now))
        _append(uow, actor, profile, row, note)
        uow.remember(profile)
        uow.commit()
    return profile


def _check_key(key: str) -> None:
    if not is_key(key):
        sentence = _("Use small letters, digits and hyphens, beginning with a letter or digit, at most 60.")
        raise InvalidInput(sentence, code="profile_key_wrong", fields={"key": [sentence]})


def save_version(
    uow: UnitOfWork,
    *,
    actor: Actor,
    profile_id: int,
    row: Row,
    based_on: int,
    note: str = "",
    request_key: RequestKey | None = None,
) -> DeviceProfileVersion:
    """The next version. ``based_on``: the newest number its author saw. Raises InvalidInput, Conflict
    (``profile_changed``: somebody else saved one meanwhile)."""
    actor.require(Permission.PROFILE_EDIT)
    with uow:
        if (made := uow.replayed(DeviceProfileVersion, actor=actor, request_key=request_key)) is not None:
            return made
        profile = uow.get(DeviceProfile, profile_id)
        newest = versions_of(uow.session, profile.id)[0]
        if newest.number != based_on:
            raise Conflict(
                _("Version %(n)s was saved meanwhile. Look at it before you save yours.", n=newest.number),
                code="profile_changed",
            )
        version = _append(uow, actor, profile, row, note)
        uow.remember(version)
        uow.commit()
    return version


def _append(
    uow: UnitOfWork, actor: Actor, profile: DeviceProfile, row: Row, note: str
) -> DeviceProfileVersion:
    highest = select(func.max(DeviceProfileVersion.number)).where(
        DeviceProfileVersion.profile_id == profile.id
    )
    number = (uow.session.scalar(highest) or 0) + 1
    text = write_numbered(row, number)
    read = _read(profile.key, text)
    version = uow.add(
        DeviceProfileVersion(
            profile_id=profile.id,
            number=number,
            title=read.title,
            protocol=read.protocol,
            text=text,
            sha256=sha256(text.encode()).hexdigest(),
            note=note,
            made_by=actor.id,
            made_at=uow.now,
        )
    )
    said = {"key": profile.key, "number": number, "protocol": read.protocol, "sha256": version.sha256}
    uow.audit("device_profile.save", actor, version, after={**said, "note": note})
    return version


def write_numbered(row: Row, number: int) -> str:
    """The TOML of a version; title and protocol first, for whoever opens it."""
    first = {name: row[name] for name in ("title", "protocol") if name in row}
    rest = {name: value for name, value in row.items() if name not in (*first, "version")}
    try:
        text = write_row({**first, "version": number, **rest})
    except TypeError as exc:  # a date, say: TOML has more kinds of values than a profile
        raise profile_wrong(ProfileWrong(str(exc), "value_kind")) from exc
    if len(text) > LONGEST_PROFILE:
        raise profile_wrong(ProfileWrong("", "profile_long", longest=LONGEST_PROFILE))
    return text


def _read(key: str, text: str) -> Profile:
    try:
        return read_profile(key, text)
    except ProfileWrong as fault:
        raise profile_wrong(fault) from fault


def import_profile(
    uow: UnitOfWork,
    *,
    actor: Actor,
    key: str,
    text: str,
    note: str = "",
    request_key: RequestKey | None = None,
) -> DeviceProfile:
    """A profile from its TOML file: a new one, or the next version of the one of this name. The version that the
    file states is that of where it was made; here it gets its own. Raises InvalidInput."""
    actor.require(Permission.PROFILE_EDIT)
    _check_key(key)
    try:
        row = read_row(text)
    except ProfileWrong as fault:
        raise profile_wrong(fault, "file") from fault
    known = uow.session.scalar(select(DeviceProfile).where(DeviceProfile.key == key))
    if known is None:
        return create_profile(uow, actor=actor, key=key, row=row, note=note, request_key=request_key)
    with uow:
        made = uow.replayed(DeviceProfile, actor=actor, request_key=request_key)
        if made is not None:
            return made
        profile = uow.get(DeviceProfile, known.id)
        _append(uow, actor, profile, row, note)
        uow.remember(profile)
        uow.commit()
    return profile


def release_version(uow: UnitOfWork, *, actor: Actor, profile_id: int, number: int) -> DeviceProfileVersion:
    """The gateways get it; the version in use until now retires.

    Raises InvalidInput (``profile_does_not_conform``: a dialogue does not give what it says), TransitionRefused
    (``profile_released``), NotFound.
    """
    actor.require(Permission.PROFILE_EDIT)
    with uow:
        profile = uow.get(DeviceProfile, profile_id)
        versions = versions_of(uow.session, profile.id)
        version = next((one for one in versions if one.number == number), None)
        if version is None:
            raise NotFound(_("This profile has no such version."))
        if version.released_at is not None:
            raise TransitionRefused(_("This version was released before."), code="profile_released")
        _refuse_faults(as_profile(profile.key, version))
        before = _in_use(versions)
        if before is not None:
            before.retired_at = uow.now
            uow.audit("device_profile.retire", actor, before)
        version.released_at, version.released_by = uow.now, actor.id
        uow.audit("device_profile.release", actor, version, after={"key": profile.key, "number": number})
        uow.commit()
    return version


def _refuse_faults(profile: Profile) -> None:
    faults = faults_of(profile)
    if faults:
        raise InvalidInput(
            _("It is not released: its dialogues do not give what they say."),
            code="profile_does_not_conform",
            fields={"dialogues": faults},
        )


def retire_profile(uow: UnitOfWork, *, actor: Actor, profile_id: int, reason: str) -> DeviceProfile:
    """No gateway gets it any more. Those that hold it read on with it: bytes that nobody reads would be lost."""
    actor.require(Permission.PROFILE_EDIT)
    with uow:
        profile = uow.get(DeviceProfile, profile_id)
        version = _in_use(versions_of(uow.session, profile.id))
        if version is None:
            raise TransitionRefused(_("No version of this profile is in use."), code="profile_not_in_use")
        version.retired_at = uow.now
        uow.audit("device_profile.retire", actor, version, reason=reason)
        uow.commit()
    return profile
