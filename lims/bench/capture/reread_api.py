"""Reading captures again: JSON face."""

from typing import Any

from lims.bench.capture import rereading
from lims.bench.capture.reread_schemas import KeepLoad, KeptDump, LookDump, LookLoad
from lims.bench.face import api_blueprint, refusals
from lims.core.database import db
from lims.core.web import current_actor, unit_of_work


@api_blueprint.route("/captures/readings/look", methods=["POST"])
@api_blueprint.arguments(LookLoad, as_kwargs=True)
@api_blueprint.response(200, LookDump)
@refusals(404, 422)
def look_again(device: int, profile: str, kind: str) -> rereading.Look:
    """The newest captures of a device that nobody has claimed, read with a profile. Changes nothing."""
    return rereading.look_again(
        db.session(), actor=current_actor(), device_id=device, profile=profile, unparsed_only=kind != "all"
    )


@api_blueprint.route("/captures/readings", methods=["POST"])
@api_blueprint.arguments(KeepLoad, as_kwargs=True)
@api_blueprint.response(200, KeptDump)
@refusals(404, 409, 422)
def keep_readings(device: int, profile: str, kind: str, **values: Any) -> dict[str, int]:
    """Append what the profile reads in these captures. The same again changes nothing."""
    changed = rereading.reread_captures(
        unit_of_work(), actor=current_actor(), device_id=device, profile=profile, **values
    )
    return {"changed": changed}
