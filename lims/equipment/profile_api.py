"""Device profiles: JSON face. A profile travels as its TOML."""

from typing import Any

from instruments.anatomy import Dissected, dissect
from instruments.conformance import faults_of
from instruments.errors import ProfileWrong
from instruments.profiles import read_profile, read_row
from lims.core.database import db
from lims.core.web import current_actor, request_key, unit_of_work
from lims.equipment import profiles
from lims.equipment.json_face import blueprint, refusals
from lims.equipment.profile_faults import profile_wrong
from lims.equipment.profile_form import bytes_of_hex
from lims.equipment.profile_models import DeviceProfile, DeviceProfileVersion
from lims.equipment.profile_schemas import (
    CreateProfileLoad,
    ProfileDump,
    ProfileListDump,
    ProfileTextDump,
    ProfileVersionDump,
    SaveProfileLoad,
    TrialDump,
    TryLoad,
    VersionNumberLoad,
)
from lims.ui.faces import ID
from lims.ui.shapes import ReasonLoad

PROFILE = f"/device-profiles/{ID.format('profile_id')}"


@blueprint.route("/device-profiles")
@blueprint.response(200, ProfileListDump(many=True))
@refusals()
def list_device_profiles() -> object:
    return profiles.list_profiles(db.session(), actor=current_actor())


@blueprint.route("/device-profiles", methods=["POST"])
@blueprint.arguments(CreateProfileLoad, as_kwargs=True)
@blueprint.response(201, ProfileDump)
@refusals(409, 422)
def post_device_profile(key: str, text: str, note: str | None) -> DeviceProfile:
    """A new profile with its first version."""
    return profiles.create_profile(
        unit_of_work(),
        actor=current_actor(),
        key=key,
        row=_row(text),
        note=note or "",
        request_key=request_key(),
    )


def _row(text: str) -> dict[str, object]:
    try:
        return read_row(text)
    except ProfileWrong as fault:
        raise profile_wrong(fault, "text") from fault


@blueprint.route(f"{PROFILE}/versions/{ID.format('number')}")
@blueprint.response(200, ProfileTextDump)
@refusals(404)
def show_device_profile(profile_id: int, number: int) -> DeviceProfileVersion:
    """One version with its TOML."""
    return profiles.find_version(db.session(), actor=current_actor(), profile_id=profile_id, number=number)[1]


@blueprint.route(f"{PROFILE}/versions", methods=["POST"])
@blueprint.arguments(SaveProfileLoad, as_kwargs=True)
@blueprint.response(201, ProfileVersionDump)
@refusals(404, 409, 422)
def post_device_profile_version(
    profile_id: int, text: str, based_on: int, note: str | None
) -> DeviceProfileVersion:
    """The next version."""
    return profiles.save_version(
        unit_of_work(),
        actor=current_actor(),
        profile_id=profile_id,
        row=_row(text),
        based_on=based_on,
        note=note or "",
        request_key=request_key(),
    )


@blueprint.route(f"{PROFILE}/release", methods=["POST"])
@blueprint.arguments(VersionNumberLoad, as_kwargs=True)
@blueprint.response(200, ProfileVersionDump)
@refusals(404, 409, 422)
def release_device_profile(profile_id: int, number: int) -> DeviceProfileVersion:
    """The gateways get it; refused unless its dialogues give just what they say."""
    return profiles.release_version(
        unit_of_work(), actor=current_actor(), profile_id=profile_id, number=number
    )


@blueprint.route(f"{PROFILE}/retire", methods=["POST"])
@blueprint.arguments(ReasonLoad, as_kwargs=True)
@blueprint.response(200, ProfileDump)
@refusals(404, 409, 422)
def retire_device_profile(profile_id: int, reason: str) -> DeviceProfile:
    return profiles.retire_profile(
        unit_of_work(), actor=current_actor(), profile_id=profile_id, reason=reason
    )


@blueprint.route("/device-profiles/try", methods=["POST"])
@blueprint.arguments(TryLoad, as_kwargs=True)
@blueprint.response(200, TrialDump)
@refusals(422)
def try_device_profile(text: str, request: str | None, response: str | None) -> dict[str, Any]:
    """Read an exchange with a profile, byte by byte. Nothing is saved."""
    try:
        profile = read_profile("tried", text)
    except ProfileWrong as fault:
        raise profile_wrong(fault, "text") from fault
    parts = [bytes_of_hex(name, part) for name, part in (("request", request), ("response", response))]
    frames: list[Dissected] = dissect(profile.codec, *parts) if any(parts) else []
    return {"frames": frames, "faults": faults_of(profile)}
