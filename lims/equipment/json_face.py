"""The API blueprint that this room's API modules share."""

from flask_smorest import Blueprint

from lims.ui.faces import refusals_of

blueprint = Blueprint(
    "equipment_api", __name__, url_prefix="/api", description="Equipment, calibration, gateways"
)
refusals = refusals_of(blueprint)
